"""`floorwalker policies` on a real Kafka: what is published stays, what is new is appended, nobody undoes another."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import ProducerFenced
from typer.testing import CliRunner, Result

from agents.cli import app
from agents.cli.console import NotFound
from schemas.policies import PolicyRecord, SlaPolicy, Target
from schemas.topics import POLICIES
from streams.kafka import EmbeddedKafka
from streams.policy_topic import only_writer, read_published
from streams.topics import ensure_topics
from tests.acceptance.program import floorwalker

SETTINGS = """
[calendars.office]
hours = "Mo-Fr 09:00-17:00"
timezone = "Europe/Berlin"

[[policies]]
id = "gold"
segments = ["gold"]
calendar = "office"
targets = { first_reply = "4h" }
"""


class Desk:
    """Somebody who writes settings and publishes them."""

    def __init__(self, folder: Path, bootstrap: str, namespace: str) -> None:
        self._file = folder / "policies.toml"
        self._kafka = ("--config", str(self._file), "--bootstrap", bootstrap, "--namespace", namespace)

    def write(self, settings: str) -> None:
        self._file.write_text(settings)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["policies", *arguments, *self._kafka])

    def changes(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path: Path, kafka: EmbeddedKafka, namespace: str) -> Desk:
    asyncio.run(ensure_topics(kafka.bootstrap, namespace, 1, [POLICIES]))
    desk = Desk(tmp_path, kafka.bootstrap, namespace)
    desk.write(SETTINGS)
    return desk


def test_policies_are_published_once_changed_by_new_versions_and_retired(
    desk: Desk, kafka: EmbeddedKafka, namespace: str
) -> None:
    tried = desk.changes("publish", "--dry-run")
    both = [{"key": "calendar:office", "versions": [1]}, {"key": "policy:gold", "versions": [1]}]
    assert tried == {"written": False, "changes": both}
    assert desk.changes("publish") == {"written": True, "changes": both}
    assert desk.changes("publish") == {"written": False, "changes": []}

    desk.write(SETTINGS.replace("4h", "2h"))
    refused = desk.run("publish")
    assert refused.exit_code == 4
    assert "policy 'gold', version 1, is published with another targets" in refused.stderr
    assert len(desk.changes("list")["policies"]) == 2

    desk.write(SETTINGS.replace("4h", "2h").replace("[[policies]]", "[[policies]]\nversion = 2"))
    assert desk.changes("publish")["changes"] == [{"key": "policy:gold", "versions": [2]}]
    assert desk.changes("retire", "gold")["changes"] == [{"key": "policy:gold", "versions": [3]}]
    assert desk.changes("retire", "gold")["changes"] == []
    assert "retired by version 3 on the topic: to have it again, give it the version 4" in desk.run("publish").stderr
    with pytest.raises(NotFound, match="there is: gold"):
        raise desk.run("retire", "silver").exception or AssertionError("it was found")

    published = asyncio.run(read_published(kafka.bootstrap, namespace))
    versions = published.policies["gold"]
    assert [(each.version, each.retired, each.targets["first_reply"].target) for each in versions] == [
        (1, False, 14_400.0), (2, False, 7_200.0), (3, True, 7_200.0),
    ]  # fmt: skip
    second, third = versions[1].effective_from, versions[2].effective_from
    assert versions[0].effective_from is None
    assert second is not None
    assert third is not None
    assert timedelta(0) < third - second < timedelta(minutes=5)
    listed = desk.changes("list")
    assert [(each["version"], each["state"]) for each in listed["policies"]] == [
        (1, "past"), (2, "past"), (3, "retired"),
    ]  # fmt: skip
    assert [each["told_by"] for each in listed["calendars"]] == [["settings", "topic"]]


def test_a_policy_whose_next_version_is_announced_is_not_retired_before_it(desk: Desk) -> None:
    later = SETTINGS.replace("[[policies]]", "[[policies]]\neffective_from = 2199-01-01T00:00:00Z")
    desk.write(later)
    assert "policy:gold version 1: written, holds from 2199-01-01T00:00:00Z" in desk.run("publish").stdout
    refused = desk.run("retire", "gold")
    assert refused.exit_code == 4
    assert "policy 'gold' has version 1, which holds from 2199-01-01T00:00:00Z" in refused.stderr
    desk.write(later.replace("2199", "2020").replace("[[policies]]", "[[policies]]\nversion = 2"))
    assert "policy 'gold', version 2, would hold from 2020-01-01T00:00:00Z" in desk.run("publish").stderr


def test_a_published_policy_whose_calendar_nobody_has_is_listed_as_waiting_for_it(
    desk: Desk, kafka: EmbeddedKafka, namespace: str
) -> None:
    target = Target(target=60, calendar="night")
    late = SlaPolicy(id="late", rank=30, targets={"first_reply": target})

    async def write() -> None:
        async with only_writer(kafka.bootstrap, namespace) as press:
            await press.write([PolicyRecord(id="late", versions=(late,))])

    asyncio.run(write())
    listed = desk.changes("list")
    assert {each["id"]: each["waiting_for"] for each in listed["policies"]} == {"gold": [], "late": ["night"]}
    words = " ".join(desk.run("list").stdout.replace("│", " ").split())
    assert words.count("waiting for") == 1
    desk.write(SETTINGS + '[calendars.night]\nhours = "Mo-Su 22:00-06:00"\n')
    assert [each["waiting_for"] for each in desk.changes("list")["policies"]] == [[], []]


def test_a_version_from_the_past_holds_from_now_on(desk: Desk) -> None:
    desk.write(SETTINGS.replace("[[policies]]", "[[policies]]\neffective_from = 2020-01-01T00:00:00Z"))
    assert "policy:gold version 1: written, holds from now on: first_reply 4h" in desk.run("publish").stdout


def test_whoever_began_to_write_before_somebody_else_can_write_no_more(
    kafka: EmbeddedKafka, namespace: str, desk: Desk
) -> None:
    record = PolicyRecord(id="gold", versions=(SlaPolicy(id="gold"),))

    async def at_once() -> None:
        async with only_writer(kafka.bootstrap, namespace) as first:
            async with only_writer(kafka.bootstrap, namespace) as second:
                await second.write([record])
            with pytest.raises(ProducerFenced):
                await first.write([PolicyRecord(id="gold", versions=())])

    asyncio.run(at_once())
    assert asyncio.run(read_published(kafka.bootstrap, namespace)).policies == {"gold": record.versions}


def test_without_the_topic_it_is_said_how_to_make_it_and_the_settings_are_listed_alone(
    tmp_path: Path, kafka: EmbeddedKafka, namespace: str
) -> None:
    settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
    (tmp_path / "floorwalker.toml").write_text(SETTINGS)
    missing = floorwalker("policies", "publish", folder=tmp_path, settings=settings)
    assert (missing.returncode, "topics --create" in missing.stderr) == (3, True)
    alone = floorwalker("policies", "list", folder=tmp_path, settings=settings)
    assert (alone.returncode, "gold" in alone.stdout) == (0, True)
    assert "what the settings say alone" in alone.stderr
