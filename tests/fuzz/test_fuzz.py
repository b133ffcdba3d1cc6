"""A thousand payloads for each mapper; `make fuzz` tries a hundred thousand."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from agents.intake.formats import understood
from agents.intake.processor import Intake
from agents.intake.providers.slack import Slack
from tests.fuzz.corpus import corpora
from tests.fuzz.trial import Trial

EXAMPLES = 1_000


@pytest.mark.parametrize("name", sorted(understood()))
def test_whatever_is_changed_in_a_payload_it_has_one_outcome_and_nothing_is_raised(name: str) -> None:
    corpus = corpora().get(name)
    assert corpus is not None, f"no valid payload of {name}: tests/fuzz/corpus.py needs one"
    trial = Trial(corpus, seed=1)
    trial.run(0, EXAMPLES)
    assert trial.failures == []
    assert trial.outcomes.total() == EXAMPLES
    assert trial.outcomes["failed"] > 0


def test_the_same_seed_makes_the_same_payloads() -> None:
    slack = corpora()["slack"]
    samples = [Trial(slack, seed=7).sample(number) for number in range(200)]
    assert samples == [Trial(slack, seed=7).sample(number) for number in range(200)]
    assert samples != [Trial(slack, seed=8).sample(number) for number in range(200)]
    assert len({sample.payload for sample in samples}) > 150


def test_what_a_mapper_raises_is_shown_with_its_payload_and_how_to_try_it_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def parse(self: Slack, payload: bytes, context: object) -> Any:
        raise KeyError("thread")

    monkeypatch.setattr(Slack, "parse", parse)
    trial = Trial(corpora()["slack"], seed=1)
    trial.run(41, 1)
    (shown,) = trial.failures
    assert shown.startswith("KeyError at test_fuzz.py:")
    assert "--only slack --seed 1 --number 41" in shown
    assert b64encode(trial.sample(41).payload).decode() in shown
    assert trial.outcomes == {"exceptions": 1}
    assert not trial.is_good


@pytest.mark.parametrize("left_out", ["_accept", "_ignore", "_fail"])
def test_a_record_without_an_outcome_is_found(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Intake, left_out, lambda *_, **__: 1)
    trial = Trial(corpora()["slack"], seed=1)
    trial.run(0, 200)
    assert trial.failures
    assert all(shown.startswith("AssertionError at kit.py:") for shown in trial.failures)


def test_a_hook_that_raises_before_anything_lasts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slack, "identity", lambda *_: 1 // 0)
    trial = Trial(corpora()["slack"], seed=1)
    trial.run(0, 1)
    assert [shown.partition(" ")[0] for shown in trial.failures] == ["ZeroDivisionError"]
