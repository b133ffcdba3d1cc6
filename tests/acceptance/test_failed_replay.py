"""What failed is listed, shown and put back: after the fault is mended every event counts once."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from agents.cli import app
from agents.cli.console import fail_clearly
from agents.intake.formats import FORMATS
from schemas.events import Channel
from schemas.instants import HOUR, from_ms
from streams.connectors.formats import LineFormat
from streams.connectors.line_records import LineRecords
from streams.connectors.lines import Line
from streams.connectors.ordinals import Ordinals
from streams.connectors.publisher import Publisher
from streams.connectors.replay import replay
from streams.kafka import EmbeddedKafka
from tests.acceptance import altered
from tests.acceptance.program import BIN, Program, environment, floorwalker, wait_for
from tests.acceptance.reading import Reader, Said, outcome_of, pipeline_of
from tests.conftest import unused_namespace

NOT_FOUND, REFUSED, USAGE = 3, 4, 2
CHANNEL: Channel = "chat"
NOON = 1792490400_000
PARTITIONS = 2


def event(kind: str, contact: str, at: int, **more: Any) -> bytes:
    """A line. `at`: ms."""
    said = {
        "type": kind,
        "id": f"{contact}-{kind}",
        "time": from_ms(at).isoformat(),
        "channel": CHANNEL,
        "source": "desk",
        "contact": contact,
        "queue": "support",
        **more,
    }
    return json.dumps(said).encode()


class Installation:
    """A namespace in event time whose worker may be one with faults, and the commands of `floorwalker failed`."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.namespace = unused_namespace("failed")
        self.folder = folder
        self.settings = {"service__bootstrap": bootstrap, "service__namespace": self.namespace}

    @contextmanager
    def worker(self, *faults: str, clock: str = "event") -> Iterator[None]:
        """Run a worker; it drains at the end."""
        program = (sys.executable, altered.__file__, ",".join(faults)) if faults else (BIN / "floorwalker",)
        log = self.folder / "worker.log"
        command = (*program, "worker", "--clock", clock, "--partitions", PARTITIONS, "--port", 0)
        settings = {**self.settings, "service__data_folder": self.folder, "service__session_timeout": 3}
        with Program(*command, folder=self.folder, log=log, settings=settings) as running:
            running.wait_ready()
            yield
            assert running.interrupt() == 0, running.words[-3_000:]

    def send(self, format_: LineFormat, *lines: bytes) -> None:
        file = self.folder / "lines.jsonl"
        file.write_bytes(b"\n".join(lines) + b"\n")
        asyncio.run(replay(self.bootstrap, self.namespace, [file], format_, source="desk"))

    def receive(self, *lines: bytes) -> None:
        """Put lines on the channel topics as a connector in service does: no word about time."""

        async def send() -> None:
            records = LineRecords(FORMATS["canonical"], "desk")
            async with Publisher(self.bootstrap, self.namespace) as publisher:
                for number, data in enumerate(lines, 1):
                    record = records.record(Line(data, len(data), number), "desk", Ordinals())
                    await (await publisher.send(record))

        asyncio.run(send())

    def run(self, *arguments: object, code: int = 0) -> tuple[str, str]:
        """Data and words of a command of `floorwalker`, run within this process: starting one takes seconds."""
        data, words = StringIO(), StringIO()
        asked = [str(each) for each in ("failed", *arguments)]
        with (
            mock.patch.dict(os.environ, environment(**self.settings), clear=True),
            chdir(self.folder),
            redirect_stdout(data),
            redirect_stderr(words),
            pytest.raises(SystemExit) as ended,
        ):
            fail_clearly(lambda: app(asked))
        assert (ended.value.code or 0) == code, words.getvalue()
        return data.getvalue(), words.getvalue()

    def failed(self, *arguments: object, code: int = 0) -> str:
        """What a command says: its data where it is done, else its words."""
        data, words = self.run(*arguments, code=code)
        return data if code == 0 else words

    def listed(self, *arguments: object) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.failed("list", "--json", *arguments).splitlines()]

    def put_back(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        data, _ = self.run("replay", "--json", *arguments, code=code)
        return dict(json.loads(data))

    def said(self, *topics: str) -> list[Said]:
        with Reader(self.bootstrap, self.namespace, *topics) as reader:
            return list(reader.to_the_end())

    def wait_counted(self, read: int) -> dict[str, int]:
        """Wait until so many source records are counted; returns how."""

        def counted() -> bool:
            pipeline = pipeline_of(self.said("metrics.live"))
            return pipeline is not None and pipeline["read"] >= read

        wait_for(counted, f"{read} source records counted: {pipeline_of(self.said('metrics.live'))}")
        return outcome_of(self.said("metrics.live", "alerts.sla", "customers.profiles")).counts

    def metric(self, name: str, queue: str | None = None) -> float | None:
        """A count of the whole floor, or of a queue, over all time."""
        numbers = outcome_of(self.said("metrics.live", "alerts.sla", "customers.profiles")).numbers
        found = [
            row[4] for row in numbers if (row[0], row[2]) == (name, (None, queue)) and row[3] == ("all", None, None)
        ]
        assert len(found) <= 1
        return found[0] if found else None  # type: ignore[return-value]


@pytest.fixture
def installation(kafka: EmbeddedKafka, tmp_path: Path) -> Installation:
    return Installation(kafka.bootstrap, tmp_path)


def counts(**more: int) -> dict[str, int]:
    return {"read": 0, "accepted": 0, "ignored": 0, "failed": 0, "duplicates": 0, **more}


@pytest.mark.slow
def test_what_a_later_version_understands_is_put_back_and_each_event_counts_once(installation: Installation) -> None:
    lines = (
        event("contact.created", "c1", NOON),
        event("contact.offered", "c1", NOON + 1_000),
        event("contact.answered", "c1", NOON + 5_000, agent="mia"),
        b"no event at all",
    )
    with installation.worker("no-canonical"):
        installation.send(FORMATS["canonical"], *lines)
        assert installation.wait_counted(4) == counts(read=4, failed=4)

    in_order = installation.listed()
    assert in_order == sorted(in_order, key=lambda each: each["at"])
    listed = sorted(in_order, key=lambda each: each["line"])
    assert [(each["reason"], each["stage"], each["source"], each["line"]) for each in listed] == [
        ("unknown_type", "intake", "desk", number) for number in (1, 2, 3, 4)
    ]
    assert {each["message"] for each in listed} == {"header ce_type is 'canonical': no format of this name is known"}
    assert installation.listed("--reason", "syntax") == []
    assert installation.listed("--source", "elsewhere") == []
    assert installation.listed("--since", "2h", "--stage", "intake", "--limit", "1") == in_order[-1:]
    assert installation.listed("--since", "2099-01-01T00:00:00Z") == []
    assert "unknown_type" in installation.failed("list")
    # As people start it.
    started = floorwalker("failed", "list", "--json", folder=installation.folder, settings=installation.settings)
    assert (started.returncode, [json.loads(each) for each in started.stdout.splitlines()]) == (0, in_order)
    assert started.stderr == ""

    shown = json.loads(installation.failed("show", listed[0]["id"], "--json"))
    assert base64.b64decode(shown["payload"]) == lines[0]
    assert shown["headers"]["ce_type"] == "canonical"
    text = installation.failed("show", listed[0]["id"])
    assert lines[0].decode() in text
    assert "failed.reason: unknown_type" in text
    assert "there is no 0-99" in installation.failed("show", "0-99", code=NOT_FOUND)
    assert "expected is PARTITION-OFFSET" in " ".join(installation.failed("show", "x", code=USAGE).split())
    assert "say which" in installation.failed("replay", code=USAGE)

    with installation.worker():
        assert installation.put_back("--all", "--dry-run")["sent"] == 4
        assert installation.put_back(listed[0]["id"])["sent"] == 1
        assert installation.wait_counted(5) == counts(read=5, accepted=1, failed=4)
        done = installation.put_back("--reason", "unknown_type")
        assert done == {
            "sent": 4, "again": 0, "dry_run": False, "gone": [], "cut": [], "foreign": [], "missing": [],
        }  # fmt: skip
        # The first one was put back before; what is no event fails still, by another reason.
        assert installation.wait_counted(9) == counts(read=9, accepted=3, failed=5, duplicates=1)
        assert installation.metric("contacts_offered") == 1
        assert installation.metric("contacts_answered", "support") == 1

        # What failed again is the same source record: it goes back once, with the headers that it always had.
        again = installation.put_back("--all")
        assert (again["sent"], again["again"]) == (4, 1)
        assert installation.wait_counted(13) == counts(read=13, accepted=3, failed=6, duplicates=4)
        assert installation.metric("contacts_offered") == 1
    back = [each for each in installation.said("channel.chat", "channel.phone") if "put-back" in each.headers]
    assert len(back) == 9
    assert not any(name.startswith("failed.") for each in back for name in each.headers)
    assert {each.headers["line"] for each in back} == {"1", "2", "3", "4"}
    missing = installation.put_back("3-99", code=NOT_FOUND)
    assert missing["missing"] == ["3-99"]


@pytest.mark.slow
def test_what_a_rule_failed_at_is_put_back_as_its_source_record_and_corrects_the_half_that_was_counted(
    installation: Installation,
) -> None:
    first = json.dumps({"contacts": ["good-1", "bad-1"], "time": 1792490400_000}).encode()
    second = json.dumps({"contacts": ["good-2"], "time": 1792490401_000}).encode()
    with installation.worker("halves", "rule"):
        installation.send(altered.Halves(), first, second)
        assert installation.wait_counted(2) == counts(read=2, accepted=1, failed=1)
        assert installation.metric("contacts_offered") == 2
        assert installation.metric("contacts_offered", "unknown") == 2
    (listed,) = installation.listed()
    assert (listed["reason"], listed["stage"], listed["source"]) == ("rule", "rule", "desk")
    assert "a fault of the rule" in listed["message"]
    assert listed["line"] == 1

    with installation.worker("halves-2"):
        assert installation.put_back(listed["id"])["sent"] == 1
        assert installation.wait_counted(3) == counts(read=3, accepted=2, failed=1)
        assert installation.metric("contacts_offered") == 3
        assert installation.metric("contacts_offered", "sales") == 2
        assert installation.metric("contacts_offered", "unknown") == 1
        assert installation.put_back("--all")["sent"] == 1
        assert installation.wait_counted(4) == counts(read=4, accepted=2, failed=1, duplicates=1)
        assert installation.metric("contacts_offered") == 3
    (sent, *others) = [each for each in installation.said("channel.chat") if "put-back" in each.headers]
    assert (sent.value, len(others)) == (first, 1)


@pytest.mark.slow
def test_what_can_not_be_put_back_is_named(installation: Installation) -> None:
    with installation.worker():
        installation.send(FORMATS["canonical"], event("contact.created", "c1", NOON) + b" " * (33 << 20))
        assert installation.wait_counted(1) == counts(read=1, failed=1)
    (listed,) = installation.listed()
    assert listed["reason"] == "too_large"
    done = installation.put_back("--all")
    assert (done["sent"], done["cut"]) == (0, [listed["id"]])
    assert installation.put_back(listed["id"], code=REFUSED)["cut"] == [listed["id"]]
    elsewhere = floorwalker(
        "failed", "list", "-n", "nowhere", folder=installation.folder, settings=installation.settings
    )
    assert elsewhere.returncode == NOT_FOUND
    assert "there is no topic nowhere.contacts.failed" in elsewhere.stderr
    assert "Traceback" not in elsewhere.stderr


@pytest.mark.slow
def test_in_service_what_is_put_back_counts_once_and_what_lies_ahead_fails_again(installation: Installation) -> None:
    now = time.time_ns() // 1_000_000
    ahead = event("contact.offered", "c2", now + HOUR)
    lines = (
        event("contact.created", "c1", now - 40_000),
        event("contact.offered", "c1", now - 40_000),
        event("contact.answered", "c1", now - 30_000, agent="mia"),
    )
    with installation.worker("no-canonical", clock="wall"):
        installation.receive(*lines, ahead)
        assert installation.wait_counted(4) == counts(read=4, failed=4)
    with installation.worker(clock="wall"):
        assert installation.put_back("--all")["sent"] == 4
        assert installation.wait_counted(8) == counts(read=8, accepted=3, failed=5)
        assert [each["line"] for each in installation.listed("--reason", "time")] == [4]
        again = installation.put_back("--all")
        assert (again["sent"], again["again"]) == (4, 1)
        assert installation.wait_counted(12) == counts(read=12, accepted=3, failed=6, duplicates=3)
        assert installation.metric("contacts_offered") == 1
        assert installation.metric("contacts_answered", "support") == 1
        assert installation.metric("average_speed_of_answer", "support") == 10
