"""The programs as people and other programs meet them: words, exit codes, and an end when they are told to."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from tests.acceptance.conftest import StartFloor
from tests.acceptance.floor import Floor, measured
from tests.acceptance.program import BIN, Program, answers, floorwalker, wait_for

DONE, FAILED, USAGE, NOT_FOUND, REFUSED = range(5)
COMMANDS = (
    "up",
    "demo",
    "worker",
    "gateway",
    "connect",
    "notifier",
    "replay",
    "failed",
    "backfill",
    "backtest",
    "topics",
    "check",
    "status",
)


def test_help_names_every_command_and_every_command_has_help(tmp_path: Path) -> None:
    known = floorwalker("--help", folder=tmp_path)
    assert known.returncode == DONE
    for command in COMMANDS:
        assert command in known.stdout
    for command in ("backtest", "up"):
        explained = floorwalker(command, "--help", folder=tmp_path)
        assert (explained.returncode, explained.stderr) == (DONE, "")
        assert "Usage" in explained.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("dance",), USAGE, "dance"),
        (("status", "--loudly"), USAGE, "--loudly"),
        (("status",), USAGE, "--bootstrap"),
        (("backtest", "file.toml", "--format", "morse"), USAGE, "morse"),
        (("backtest", "gone.csv", "--format", "anonymous-bank"), NOT_FOUND, "gone.csv"),
        (("check", "gone.toml"), NOT_FOUND, "gone.toml"),
        (("status", "--bootstrap", "127.0.0.1:1"), FAILED, "127.0.0.1"),
        (("check", "file.toml"), FAILED, "answer_wihtin"),
        (("worker", "--config", "file.toml"), USAGE, "answer_wihtin"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_goes_wrong_ends_as_a_sentence_and_an_exit_code(
    arguments: tuple[str, ...], code: int, word: str, tmp_path: Path
) -> None:
    (tmp_path / "file.toml").write_text("[sla]\nanswer_wihtin = 20\n", encoding="utf-8")
    ended = floorwalker(*arguments, folder=tmp_path)
    assert ended.returncode == code
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_check_names_the_line_and_the_key_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "floorwalker.toml"
    file.write_text('[sla]\nanswer_within = "20s"\n\n[queues.sales]\nat_risk = 8\n', encoding="utf-8")
    wrong = floorwalker("check", folder=tmp_path)
    assert wrong.returncode == FAILED
    assert wrong.stderr.startswith("floorwalker.toml:5: queues.sales.at_risk:")
    listed = json.loads(floorwalker("check", "--json", folder=tmp_path).stdout)
    assert [(each["line"], each["key"]) for each in listed["problems"]] == [(5, "queues.sales.at_risk")]
    file.write_text('[queues.sales]\nanswer_within = "1m"\n', encoding="utf-8")
    assert floorwalker("check", folder=tmp_path).returncode == DONE


def test_topics_are_listed_made_and_never_given_another_number_of_partitions(
    kafka: EmbeddedKafka, namespace: str, tmp_path: Path
) -> None:
    there = ("--bootstrap", kafka.bootstrap, "--namespace", namespace)
    listed = floorwalker("topics", "--json", "--namespace", namespace, folder=tmp_path)
    topics = {each["topic"]: each for each in json.loads(listed.stdout)}
    assert topics[f"{namespace}.channel.phone"]["partitions"] == 4
    assert topics[f"{namespace}.metrics.live"]["partitions"] == 1
    assert floorwalker("status", *there, folder=tmp_path).returncode == NOT_FOUND
    made = floorwalker("topics", "--create", *there, folder=tmp_path)
    assert (made.returncode, made.stderr) == (DONE, "topics are there\n")
    refused = floorwalker("topics", "--create", "--partitions", 2, *there, folder=tmp_path)
    assert refused.returncode == REFUSED
    assert "contacts.events has 4, needed 2" in refused.stderr
    nothing_yet = floorwalker("status", *there, folder=tmp_path)
    assert nothing_yet.returncode == NOT_FOUND
    assert "worker" in nothing_yet.stderr


def test_a_worker_that_must_not_start_says_why_and_ends_with_4(
    kafka: EmbeddedKafka, namespace: str, tmp_path: Path
) -> None:
    there = ("--bootstrap", kafka.bootstrap, "--namespace", namespace)
    taken = kafka.bootstrap.rpartition(":")[2]
    no_port = floorwalker("worker", "--port", taken, *there, folder=tmp_path)
    assert no_port.returncode == REFUSED
    assert no_port.stderr.splitlines()[-1].startswith(f"error: 127.0.0.1:{taken} is in use")
    floorwalker("topics", "--create", *there, folder=tmp_path)
    other_number = floorwalker("worker", "--port", 0, "--partitions", 2, *there, folder=tmp_path)
    assert other_number.returncode == REFUSED
    assert "contacts.events has 4, needed 2" in other_number.stderr.splitlines()[-1]
    assert "Traceback" not in no_port.stderr + other_number.stderr


def test_status_says_how_far_every_task_has_got_and_what_became_of_the_records(replayed: Floor, tmp_path: Path) -> None:
    there = ("--bootstrap", replayed.bootstrap, "--namespace", replayed.namespace)
    shown = floorwalker("status", *there, folder=tmp_path)
    assert (shown.returncode, shown.stderr) == (DONE, "")
    assert "metrics-0" in shown.stdout
    assert "read=2,375 accepted=2,357 ignored=18 failed=0 duplicates=0" in shown.stdout
    assert "contacts_answered: 1,511" in shown.stdout
    data = json.loads(floorwalker("status", "--json", *there, folder=tmp_path).stdout)
    assert data["pipeline"]["accepted"] == 2_357
    assert data["floor"]["metrics"]["contacts_offered"]["value"] == 2_237


def test_ctrl_c_lets_a_worker_drain_and_end_with_0(start_floor: StartFloor) -> None:
    floor = start_floor()
    (worker,) = floor.workers
    assert worker.interrupt() == DONE
    events = {event["event"]: event["level"] for event in worker.events()}
    assert events["engine.drained"] == "info"
    assert not [name for name, level in events.items() if name.startswith(("task.", "engine.")) and level != "info"]


def test_faust_itself_runs_the_worker(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> None:
    port = free_port()
    settings = {
        "service__bootstrap": kafka.bootstrap,
        "service__namespace": namespace,
        "service__port": port,
    }
    command = (BIN / "faust", "-A", "agents", "worker")
    with Program(*command, folder=tmp_path, log=tmp_path / "faust.log", settings=settings) as worker:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), f"ready: {worker.log}")
        assert worker.interrupt() == DONE


def test_up_starts_all_of_it_on_a_kafka_of_its_own_and_ctrl_c_leaves_nothing_running(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    port = free_port()
    (tmp_path / "floorwalker.toml").write_text(
        '[gateway]\nport = 0\n[[sources]]\nname = "pbx"\nformat = "asterisk-queue-log"\npath = "queue_log"\n',
        encoding="utf-8",
    )
    command = (BIN / "floorwalker", "up", "--port", port)
    with Program(*command, folder=tmp_path, log=tmp_path / "up.log") as up:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), f"ready: {up.words}")
        assert answers(f"http://127.0.0.1:{port}/healthz")
        assert answers(f"http://127.0.0.1:{port}/metrics")
        # Kafka, a worker, a gateway and a connector.
        wait_for(lambda: len(descendants(up.process.pid)) == 4, "all of it runs")
        family = descendants(up.process.pid)
        told = time.monotonic()
        assert up.interrupt() == DONE
        seconds = measured(told)
        assert "all stopped" in up.words
        # Nothing had to be killed: the worker drained.
        assert "engine.drained" in (tmp_path / ".floorwalker" / "worker-0.log").read_text(encoding="utf-8")
        left = [pid for pid in family if runs(pid)]
        assert left == []
        print(f"\nall had stopped {seconds} s after Ctrl-C")
        record_property("seconds to stop all", seconds)


def descendants(ancestor: int) -> list[int]:
    """All processes below one."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in map(str.split, table.splitlines())}
    found = [ancestor]
    for known in found:
        found += [pid for pid, parent in parents.items() if parent == known]
    return found[1:]


def runs(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
