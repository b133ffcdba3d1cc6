"""`floorwalker demo`: a floor that moves, an incident that people hear of and that ends, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.floor import measured
from tests.acceptance.program import BIN, Program, answers, wait_for
from tests.acceptance.test_programs import DONE, REFUSED, USAGE, descendants, runs

PATIENCE = 180.0
"""Seconds: generous, since other work may share the machine."""
STOPS = 10.0

INCIDENT = ("--incident", "support", "--incident-after", 5, "--incident-lasts", 60)
HASTE = {"sla__answer_within": "25s", "alerts__group_wait": "2s", "alerts__keep_firing": "10s"}
"""What people have time to watch, a test has not."""
CHANNELS = {"phone", "chat", "email", "social"}


class Show:
    """A demo under way."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def wait_for(self, claim: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
        def holds() -> bool:
            assert self.program.process.poll() is None, f"it ended by itself: {self.program.words[-3_000:]}"
            return bool(claim())

        wait_for(holds, f"{what}; it says: {self.program.words[-2_000:]}", seconds)

    def address(self, name: str) -> str:
        found = re.search(rf"{name} +(http://127\.0\.0\.1:\d+)/", self.program.words)
        assert found is not None, self.program.words
        return found[1]

    def get(self, path: str) -> Any:
        url = self.address("wallboard") + path
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - a page of our own
            return json.load(response)

    def typed(self, endpoint: str) -> Any:
        """What comes of the command that it says to type for an endpoint; None where the answer is a problem."""
        (line,) = (each for each in self.program.words.splitlines() if "curl" in each and endpoint in each)
        _, _, url, _, header, _, body = shlex.split(line)
        name, _, value = header.partition(": ")
        request = urllib.request.Request(url, body.encode(), {name: value})  # noqa: S310 - a page of our own
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError:
            return None

    def alerts(self) -> list[dict[str, Any]]:
        """Live alerts of the queue that is struck, the newest first."""
        items = self.get("/api/v1/alerts")["items"]
        return [
            each
            for each in items
            if each.get("kind", "alert") == "alert"
            and each["mode"] == "live"
            and each["labels"].get("queue") == "support"
            and each["rule"].startswith("sla.")
        ]

    def channels(self, metric: str) -> dict[str, float]:
        """A number of contacts by channel, ever, where there are any."""
        listed = self.get(f"/api/v1/metrics?metric={metric}&window=all")["items"]
        return {
            each["scope"]["channel"]: each["value"]
            for each in listed
            if each["metric_id"] == metric
            and each["window"]["kind"] == "all"
            and set(each["scope"]) == {"channel"}
            and each["value"]
        }

    def board(self) -> dict[str, Any]:
        """The first snapshot of the stream."""
        url = self.address("wallboard") + "/api/v1/stream?board=floor"
        with urllib.request.urlopen(url, timeout=10) as stream:  # noqa: S310 - a page of our own
            event = ""
            for line in stream:
                name, _, data = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = data
                elif name == "data" and event == "snapshot":
                    return dict(json.loads(data))
        raise AssertionError("the stream ended without a snapshot")

    def mails(self) -> list[Any]:
        return [message_from_bytes(path.read_bytes()) for path in sorted((self.folder / "mails").glob("*.eml"))]

    def webhooks(self) -> list[str]:
        return [path.read_text() for path in sorted((self.folder / "webhooks").glob("*.json"))]


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Callable[..., Show]]:
    started: list[Program] = []

    def start(*options: object, **settings: object) -> Show:
        folder = tmp_path / "demo"
        command = (BIN / "floorwalker", "demo", "--port", 0, "--messages-port", 0, "--folder", folder, *options)
        program = Program(*command, folder=tmp_path, log=tmp_path / "demo.log", settings=settings)
        program.start()
        started.append(program)
        return Show(program, folder)

    yield start
    for program in started:
        program.kill()


def ends_in_time(show: Show, sent: signal.Signals) -> float:
    family = descendants(show.program.process.pid)
    told = time.monotonic()
    show.program.process.send_signal(sent)
    code = show.program.process.wait(4 * STOPS)
    seconds = measured(told)
    assert code == DONE, show.program.words[-2_000:]
    assert seconds <= STOPS, f"{seconds} s"
    assert [pid for pid in family if runs(pid)] == []
    assert "all stopped" in show.program.words
    return seconds


@pytest.mark.slow
def test_an_incident_becomes_an_alert_a_mail_and_a_webhook_and_its_end_is_told(
    start_demo: Callable[..., Show], record_property: Callable[[str, object], None]
) -> None:
    show = start_demo("--history", 1, *INCIDENT, **HASTE)
    show.wait_for(lambda: "Ctrl-C stops" in show.program.words, "a wallboard")
    assert answers(show.address("wallboard") + "/")
    assert answers(show.address("messages") + "/")
    show.wait_for(lambda: show.board()["state"] == "live", "live")
    offered = _offered(show)
    assert offered > 500, "the past is not there"
    show.wait_for(lambda: _offered(show) > offered, "calls that move")

    show.wait_for(lambda: set(show.channels("contacts_offered")) == CHANNELS, "contacts on all channels")
    show.wait_for(lambda: _feeds(show) == {"pbx", "mail", "mailbox"}, "something of the switchboard and of all mails")
    show.wait_for(lambda: all(each["value"] is not None for each in _in_queue(show)), "all channels on the board")
    assert [each["label"] for each in _in_queue(show)] == [
        *("Phone in queue", "Chat in queue", "Mail in queue", "Social in queue")
    ]

    show.wait_for(lambda: any(each["state"] == "firing" for each in show.alerts()), "an alert", 2 * PATIENCE)
    firing = next(each for each in show.alerts() if each["state"] == "firing")
    show.wait_for(lambda: show.mails() and show.webhooks(), "a mail and a webhook")
    assert "upport" in show.mails()[0]["Subject"]
    assert firing["id"] in show.webhooks()[0]
    assert f"alert: [{firing['severity']}]" in show.program.words
    assert any(each["id"] == firing["id"] for each in show.board()["problems"])

    def over() -> bool:
        return any(each["id"] == firing["id"] and each["state"] == "resolved" for each in show.alerts())

    show.wait_for(lambda: set(show.channels("contacts_answered")) == CHANNELS, "answers on all channels")
    show.wait_for(over, "its end", 2 * PATIENCE)
    show.wait_for(lambda: len(show.mails()) >= 2 and len(show.webhooks()) >= 2, "its end told")
    show.wait_for(lambda: "alert ended" in show.program.words, "a line about its end")
    _a_customer_who_comes_on_all_channels_is_one_until_somebody_parts_them(show)
    record_property("seconds to stop all", ends_in_time(show, signal.SIGINT))


def _a_customer_who_comes_on_all_channels_is_one_until_somebody_parts_them(show: Show) -> None:
    def channels() -> set[str]:
        found = show.typed("customers/look-up")
        return set(found["profile"]["windows"]["1h"]) if found else set()

    show.wait_for(lambda: channels() == CHANNELS, "one customer on all channels")
    linked = show.typed("customers/look-up")["identities"]
    assert {node["kind"] for node in linked["nodes"]} == {"crm", "mailto", "tel", "chatwoot"}
    assert {each["by"] for each in linked["links"] if each["authority"] == "crm"} == {"import"}
    assert show.typed("identities/unlink") is not None
    show.wait_for(lambda: channels() == {"email"}, "the mails alone")


def _offered(show: Show) -> float:
    """Calls offered on the whole floor, ever."""
    listed = show.get("/api/v1/metrics?metric=contacts_offered&window=all")["items"]
    return max(
        (
            each["value"]
            for each in listed
            if each["metric_id"] == "contacts_offered" and each["window"]["kind"] == "all" and not each["scope"]
        ),
        default=0,
    )


def _feeds(show: Show) -> set[str]:
    """Sources whose feeds have brought something."""
    lines = map(json.loads, (show.folder / "connect.log").read_text().splitlines())
    port = next(line["port"] for line in lines if line["event"] == "health.listening")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        brought = r'floorwalker_feed_records_total{.*outcome="taken",source="(\w+)"} [1-9]'
        return set(re.findall(brought, page.read().decode()))


def _in_queue(show: Show) -> list[dict[str, Any]]:
    """The tiles of the first page that say how many wait on each channel."""
    return [each for each in show.board()["pages"][0]["tiles"] if each["metric"] == "contacts_in_queue"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["starting Kafka", "of the past"])
def test_it_can_be_stopped_while_it_starts(start_demo: Callable[..., Show], moment: str, sent: signal.Signals) -> None:
    show = start_demo("--history", 7)
    show.wait_for(lambda: moment in show.program.words, moment)
    # In the middle of it.
    time.sleep(1.5)
    ends_in_time(show, sent)


@pytest.mark.slow
def test_what_falls_is_started_again_and_a_second_demo_keeps_out(start_demo: Callable[..., Show]) -> None:
    show = start_demo("--history", 0)
    show.wait_for(lambda: "Ctrl-C stops" in show.program.words, "a wallboard")
    second = start_demo()
    assert second.program.process.wait(PATIENCE) == REFUSED
    assert "another demo runs" in second.program.words
    gateway = next(pid for pid in descendants(show.program.process.pid) if b"gateway" in _command(pid))
    os.kill(gateway, signal.SIGKILL)
    show.wait_for(lambda: "gateway ended by itself (exit code -9)" in show.program.words, "a word about it")
    show.wait_for(lambda: answers(show.address("wallboard") + "/"), "the wallboard again")
    ends_in_time(show, signal.SIGTERM)


def test_an_incident_in_a_queue_that_is_not_there_is_refused(start_demo: Callable[..., Show]) -> None:
    show = start_demo("--incident", "letters")
    assert show.program.process.wait(PATIENCE) == USAGE
    assert "sales, support, billing, chat, mail, social" in " ".join(show.program.words.replace("│", " ").split())


def test_a_folder_with_anything_else_in_it_is_not_emptied(start_demo: Callable[..., Show], tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "letters.txt").write_text("dear")
    show = start_demo()
    assert show.program.process.wait(PATIENCE) == REFUSED
    assert "would be lost" in show.program.words
    assert (tmp_path / "demo" / "letters.txt").read_text() == "dear"


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
