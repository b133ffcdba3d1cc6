"""Every provider of webhooks keeps the contract: through the gateway, onto a real Kafka, and out of the intake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import islice, permutations
from random import Random

import pytest

from agents.intake.processor import Intake
from agents.intake.providers import webhooks
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.conftest import unused_namespace
from tests.contract.fixtures import fixtures
from tests.contract.gate import Gate
from tests.contract.kit import AT, Fixture, Outcome, Post, Read, outcome_of, standing

YEAR_MS = 365 * 86_400_000
ORDERS = 3
"""In how many orders a conversation is delivered, besides its own; the intake alone is given many more."""

MOST_ORDERS = 720


@pytest.fixture(scope="module")
def gate(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gateway for all of these tests."""
    namespace = unused_namespace("contract")
    asyncio.run(ensure_topics(kafka.bootstrap, namespace, 1))
    opened = Gate(tmp_path_factory.mktemp("contract"), kafka.bootstrap, namespace)
    yield opened
    opened.close()


class Trial:
    """One provider, as a source of its own."""

    def __init__(self, gate: Gate, fixture: Fixture, source: str) -> None:
        self.gate = gate
        self.fixture = fixture
        self.source = source
        self.intake = Intake(wall_clock=True, settings={source: fixture.settings})

    def post(self, signed: Post) -> int:
        return self.gate.post(self.fixture, self.source, signed).status_code

    def delivered(self, *posts: Post) -> list[Read]:
        """Records of genuine deliveries, each of which was taken."""
        for post in posts:
            answer = self.gate.post(self.fixture, self.source, self.fixture.signed(post, self.source))
            taken = self.fixture.answer(post, self.source)
            assert (answer.status_code, answer.content) == (taken.status, taken.body), answer.text
        found = self.gate.taken()
        assert len(found) == len(posts)
        return found

    def outcomes(self, records: list[Read]) -> list[Outcome]:
        return [outcome_of(self.intake, record) for record in records]

    def refused(self, signed: Post) -> None:
        """It is answered as what is not genuine, and on no topic."""
        assert self.post(signed) == self.fixture.hook.refusal
        assert self.gate.taken() == []


@pytest.fixture(params=sorted(webhooks()))
def trial(request: pytest.FixtureRequest, gate: Gate) -> Iterator[Trial]:
    """Each provider there is."""
    fixture = fixtures().get(request.param)
    assert fixture is not None, f"{request.param} has no fixture: tests/contract/fixtures needs a module with one"
    case = sha256(request.node.name.encode()).hexdigest()[:12]
    source = f"{request.param}-{case}"
    with gate.open(fixture, source):
        yield Trial(gate, fixture, source)


def test_every_fixture_is_of_a_provider() -> None:
    assert fixtures().keys() == webhooks().keys()


def test_a_conversation_is_on_the_topic_verbatim_and_says_what_happened(trial: Trial) -> None:
    fixture, steps = trial.fixture, trial.fixture.conversation
    records = trial.delivered(*(step.post for step in steps))
    for step, record in zip(steps, records, strict=True):
        signed = fixture.signed(step.post, trial.source)
        assert record.value == fixture.hook.redacted(signed.body)
        assert record.topic == f"channel.{fixture.hook.channel_of(record.value, dict(record.headers))}"
        said = {"ce_type": fixture.provider, "ce_source": trial.source, "ce_time": "2026-10-20T10:01:00.000Z"}
        said |= {"content-type": signed.headers["content-type"]}
        said |= {name: signed.headers[name] for name in fixture.hook.kept if name in signed.headers}
        assert {name: record.header(name) for name in said} == said
        assert "authorization" not in dict(record.headers)
    assert len({record.header("ce_id") for record in records}) == len(steps)
    outcomes = trial.outcomes(records)
    assert [each.says for each in outcomes] == [step.says for step in steps]
    sources = {event.source for each in outcomes for event in each.events}
    assert fixture.own_sources or sources == {trial.source}


def test_what_another_secret_signed_is_refused(trial: Trial) -> None:
    trial.refused(trial.fixture.forged(trial.fixture.first, trial.source))


def test_what_nobody_signed_is_refused(trial: Trial) -> None:
    trial.refused(trial.fixture.first)


def test_a_delivery_that_is_played_again_is_too_old_or_has_the_same_id(trial: Trial) -> None:
    fixture = trial.fixture
    if fixture.timed:
        trial.refused(fixture.signed(fixture.first, trial.source, AT - YEAR_MS))
        return
    first, again = trial.delivered(fixture.first, fixture.first)
    assert first.header("ce_id") == again.header("ce_id")


def test_a_duplicate_says_nothing_new(trial: Trial) -> None:
    posts = [step.post for step in trial.fixture.conversation]
    once = trial.outcomes(trial.delivered(*posts))
    again = trial.outcomes(trial.delivered(*posts))
    assert standing(again) == standing(once)
    assert [each.says for each in again] == [each.says for each in once]


def test_what_was_cut_off_is_kept_and_fails_with_a_reason(trial: Trial) -> None:
    fixture = trial.fixture
    if fixture.cut == ("refused",):
        trial.refused(fixture.signed(fixture.truncated, trial.source))
        return
    (record,) = trial.delivered(fixture.truncated)
    (outcome,) = trial.outcomes([record])
    assert (outcome.says, outcome.kept) == (fixture.cut, record.value)
    assert outcome.message


def test_a_body_over_the_provider_s_limit_is_too_large(trial: Trial) -> None:
    too_large = trial.fixture.padded(trial.source, trial.fixture.hook.largest + 1)
    assert trial.post(too_large) == 413
    assert trial.gate.taken() == []


def test_a_body_at_the_provider_s_limit_is_taken(trial: Trial) -> None:
    fixture = trial.fixture
    large = fixture.padded(trial.source, fixture.hook.largest)
    assert len(large.body) == fixture.hook.largest
    assert trial.post(large) == fixture.answer(fixture.first, trial.source).status
    (record,) = trial.gate.taken()
    assert record.value == fixture.hook.redacted(large.body)
    assert outcome_of(trial.intake, record).says == fixture.conversation[0].says


def test_bytes_that_are_no_utf_8_are_kept_and_said_what_they_are(trial: Trial) -> None:
    fixture = trial.fixture
    if fixture.not_utf8 == ("refused",):
        trial.refused(fixture.signed(fixture.in_no_charset, trial.source))
        return
    (record,) = trial.delivered(fixture.in_no_charset)
    (outcome,) = trial.outcomes([record])
    assert outcome.says == fixture.not_utf8
    assert outcome.kept == (record.value if "failed" in outcome.says else None)


def test_what_nobody_knows_is_taken_and_counted_with_a_reason(trial: Trial) -> None:
    unknown = trial.fixture.unknown
    (outcome,) = trial.outcomes(trial.delivered(unknown.post))
    assert outcome.says == unknown.says
    assert outcome.says[0] in ("ignored", "failed")


def test_in_any_order_the_same_events_stand(trial: Trial) -> None:
    posts = [step.post for step in trial.fixture.conversation]
    records = trial.delivered(*posts)
    expected = standing(trial.outcomes(records))
    for order in islice(permutations(records), MOST_ORDERS):
        # Each was read later than the one before it.
        later = [replace(each, timestamp=each.timestamp + 1_000 * place) for place, each in enumerate(order)]
        assert standing(trial.outcomes(later)) == expected
    chance = Random(1)
    for _ in range(ORDERS):
        shuffled = trial.delivered(*chance.sample(posts, len(posts)))
        assert standing(trial.outcomes(shuffled)) == expected


def test_while_kafka_is_away_it_is_asked_for_again_or_spooled_and_comes_in_order(trial: Trial) -> None:
    gate, fixture, source = trial.gate, trial.fixture, trial.source
    signed = [fixture.signed(step.post, source) for step in fixture.conversation]
    taken = [fixture.answer(step.post, source).status for step in fixture.conversation]
    gate.lane.away = True
    answers = [gate.post(fixture, source, each) for each in signed]
    if fixture.hook.tries_again:
        assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [(503, "5")] * len(signed)
        assert gate.spooled(source) == 0
        gate.lane.away = False
        assert [trial.post(each) for each in signed] == taken
    else:
        assert [each.status_code for each in answers] == taken
        assert gate.spooled(source) > sum(len(each.body) for each in signed)
        gate.lane.away = False
        gate.drain(lambda: gate.spooled(source) == 0)
    wanted = [fixture.hook.redacted(each.body) for each in signed]
    assert gate.lane.sent == wanted
    records = gate.taken()
    for topic in {record.topic for record in records}:
        of_topic = [record.value for record in records if record.topic == topic]
        assert of_topic == [each for each in wanted if each in of_topic]
    assert len(records) == len(wanted)
    assert [
        each.says for each in trial.outcomes(sorted(records, key=lambda each: wanted.index(each.value or b"")))
    ] == [step.says for step in fixture.conversation]
