"""Children that fall are started again, after growing pauses and not for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import agents.supervisor as supervising
from agents.children import END_OF_LOG, Child
from agents.supervisor import HOPELESS, PAUSES, Restarts, Supervisor


def test_pauses_grow_within_a_minute_and_the_fifth_end_is_the_last() -> None:
    restarts = Restarts()
    assert [restarts.pause(at) for at in (0.0, 10.0, 20.0, 30.0, 59.9)] == [1.0, 2.0, 5.0, 10.0, None]


def test_an_end_that_is_a_minute_ago_is_forgotten() -> None:
    restarts = Restarts()
    assert [restarts.pause(at) for at in (0.0, 10.0, 60.0, 70.0, 200.0)] == [1.0, 2.0, 2.0, 2.0, 1.0]


@pytest.fixture
def told() -> list[str]:
    return []


def child(tmp_path: Path, *arguments: str) -> Child:
    return Child("worker-0", arguments, {}, tmp_path / "worker-0.log")


@pytest.mark.asyncio
async def test_a_child_that_ends_by_itself_is_started_again_and_given_up_at_last(
    tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "PAUSES", (0.0,) * len(PAUSES))
    monkeypatch.setattr(supervising, "WITHIN", 3_600.0)
    # A command that does its work and ends: not what a supervisor wants of it.
    supervisor = Supervisor([[child(tmp_path, "topics", "--json")]], told.append)
    await supervisor.start()
    async with asyncio.timeout(300):
        given_up = await supervisor.run()
    await supervisor.stop(60.0)
    assert given_up.name == "worker-0"
    assert len(told) == supervising.MANY
    assert all("worker-0 ended by itself (exit code 0)" in words for words in told)
    assert "started again" in told[0]
    assert told[-1].endswith("given up")


@pytest.mark.asyncio
async def test_a_child_that_refuses_its_settings_is_given_up_at_once(tmp_path: Path, told: list[str]) -> None:
    supervisor = Supervisor([[child(tmp_path, "worker", "--config", str(tmp_path / "gone.toml"))]], told.append)
    await supervisor.start()
    async with asyncio.timeout(120):
        given_up = await supervisor.run()
    assert await given_up.wait() in HOPELESS
    assert len(told) == 1
    assert "gone.toml" in told[0]


def test_the_last_words_of_a_long_log_are_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    child = Child("worker", [], {}, log)
    assert child.last_words() == "it said nothing"
    log.write_text("begun\n" + "x" * 2 * END_OF_LOG + "\nKafka is away\ngiven up\n")
    assert child.last_words(lines=2) == f"the end of {log}: Kafka is away / given up"
    assert len(child.last_words(lines=3)) < 2 * END_OF_LOG
