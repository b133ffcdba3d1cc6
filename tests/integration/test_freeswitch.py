"""FreeSWITCH's event socket over real connections: what its queues say is kept verbatim, in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from streams.connectors.feed import Terms
from streams.connectors.feeds import _switchboard
from streams.connectors.feeds.freeswitch import KIND
from tests.integration.mail_kit import Shelf, running, until
from tests.integration.peer import Peer

_, PASSWORD = "esl", "fw-esl-password"
AGENTS = b"name|instance_id|uuid|type|contact|status|state\n201@default|box||callback|user/201|Available|Waiting\n+OK\n"
QUEUES = b"name|strategy|moh_sound\nsupport@default|ring-all|x\nsales@default|ring-all|x\n+OK\n"
MEMBERS = b"queue|instance_id|uuid|session_uuid|state\n+OK\n"


def event(number: int) -> bytes:
    said = {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "callcenter::info",
        "Core-UUID": "2f9b",
        "Event-Sequence": str(number),
        "Event-Date-Timestamp": "1792490412118231",
        "CC-Action": "member-queue-start",
        "CC-Queue": "support@default",
        "CC-Member-CID-Name": "Anä\n\nM.",
        "CC-Member-Session-UUID": f"s{number}",
    }
    return msgspec.json.encode(said)


def frame(kind: str, body: bytes = b"", **fields: str) -> bytes:
    lines = [f"Content-Type: {kind}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\n".join(lines).encode() + b"\n\n" + body


class Switch(Peer):
    """An event socket of the test's own. `commands`: what was asked, by connection; `meanwhile`: what happens while it
    answers."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[list[str]] = []
        self.first = frame("auth/request")
        self.meanwhile = frame("text/event-json", event(0))

    async def tell(self, *numbers: int) -> None:
        await self.say(*(frame("text/event-json", event(number)) for number in numbers))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands: list[str] = []
        self.commands.append(commands)
        writer.write(self.first)
        try:
            while True:
                command = (await reader.readuntil(b"\n\n")).decode().strip()
                commands.append(command)
                self._answer(command, writer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
        finally:
            if writer in self.writers:
                self.writers.remove(writer)

    def _answer(self, command: str, writer: asyncio.StreamWriter) -> None:
        answers = {
            "api callcenter_config agent list": AGENTS,
            "api callcenter_config queue list": QUEUES,
            "api callcenter_config queue list members support@default": MEMBERS,
            "api callcenter_config queue list members sales@default": b"-ERR Queue not found!\n",
            "api uptime": b"12\n",
        }
        if command == f"auth {PASSWORD}":
            writer.write(frame("command/reply", Reply_Text="+OK accepted"))
        elif command.startswith("auth "):
            writer.write(frame("command/reply", Reply_Text="-ERR invalid"))
            writer.write(frame("text/disconnect-notice", b"Disconnected, goodbye.\n"))
            writer.close()
        elif command.startswith("event json "):
            writer.write(frame("command/reply", Reply_Text="+OK event listener enabled json"))
            self.writers.append(writer)
        else:
            if command.endswith("agent list"):
                # It takes its time.
                time.sleep(0.05)
                writer.write(self.meanwhile)
            writer.write(frame("api/response", answers[command]))


@asynccontextmanager
async def switch() -> AsyncIterator[Switch]:
    started = Switch()
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


def terms(folder: Path, port: int, password: str = PASSWORD, **settings: str) -> Terms:
    return Terms("switch", "127.0.0.1", port, "none", {"password": (password,)}, settings, folder / "switch")


def commanded(shelf: Shelf) -> list[str]:
    return [dict(each.headers).get("freeswitch-command", b"").decode() for each in shelf.records]


@pytest.mark.asyncio
async def test_events_and_lists_are_kept_verbatim_in_order(tmp_path: Path) -> None:
    shelf = Shelf()
    with capture_logs() as logs:
        async with switch() as started, running(KIND, terms(tmp_path, started.port), shelf):
            await shelf.has(3)
            await started.tell(*range(1, 51))
            await shelf.has(53)
    assert started.commands[0][:4] == [
        f"auth {PASSWORD}",
        "event json CHANNEL_HOLD CHANNEL_UNHOLD CUSTOM callcenter::info",
        "api callcenter_config agent list",
        "api callcenter_config queue list",
    ]
    assert [each.value for each in shelf.records] == [event(0), AGENTS, MEMBERS, *(event(n) for n in range(1, 51))]
    assert commanded(shelf)[:4] == ["", "agent list", "queue list members support@default", ""]
    first, agents = shelf.records[:2]
    headers = dict(first.headers)
    assert headers.pop("ce_time").endswith(b"Z")
    assert abs(int(headers.pop("freeswitch-received")) - (first.time or 0)) < 5_000
    assert headers == {
        "ce_source": b"switch",
        "ce_type": b"freeswitch-callcenter",
        "ce_id": b"2f9b-0",
        "content-type": b"application/json",
    }
    assert int(dict(agents.headers)["freeswitch-received"]) <= int(dict(first.headers)["freeswitch-received"]) - 50
    assert (first.topic, first.key, agents.key) == ("channel.phone", b"s0", b"switch")
    (told,) = [each for each in logs if each["event"] == "feeds.not_told"]
    assert (told["command"], told["answer"]) == ("queue list members sales@default", "-ERR Queue not found!")


@pytest.mark.asyncio
async def test_only_the_queues_of_the_settings_are_asked_for(tmp_path: Path) -> None:
    shelf = Shelf()
    async with switch() as started, running(KIND, terms(tmp_path, started.port, queues="support@default"), shelf):
        await shelf.has(3)
    assert started.commands[0][2:] == [
        "api callcenter_config agent list",
        "api callcenter_config queue list members support@default",
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("first", "error"),
    [
        (
            frame("text/rude-rejection", b"Access Denied, go away.\n"),
            "its list of addresses does not let us in: Access Denied, go away.",
        ),
        (b"HTTP/1.1 400 Bad Request\n\n", "no request to log in: this is not the right port"),
        (b"Content-Type: auth/request\nContent-Length: 99999999\n\n", "a frame has a length of '99999999'"),
        (b"x" * 70_000, "a frame is longer than 65,536 bytes"),
    ],
)
async def test_whoever_does_not_let_us_in_is_quoted(tmp_path: Path, first: bytes, error: str) -> None:
    with capture_logs() as logs:
        async with switch() as started:
            started.first = first
            async with running(KIND, terms(tmp_path, started.port), Shelf()):
                await until(lambda: bool(logs), "told")
    assert logs[0]["error"].startswith(error)


@pytest.mark.asyncio
async def test_after_a_loss_the_lists_are_asked_for_again_and_half_a_frame_is_not_kept(tmp_path: Path) -> None:
    shelf = Shelf()
    async with switch() as started, running(KIND, terms(tmp_path, started.port), shelf):
        await shelf.has(3)
        await started.say(frame("text/event-json", event(1)), frame("text/event-json", event(2))[:-5])
        await shelf.has(4)
        started.hang_up()
        await shelf.has(7)
        await started.say(frame("text/disconnect-notice", b"Disconnected, goodbye.\n"))
        await shelf.has(10)
    lists = ["", "agent list", "queue list members support@default"]
    assert commanded(shelf) == [*lists, "", *lists, *lists]
    assert [each.value for each in shelf.records if b"CC-Action" in each.value] == [event(n) for n in (0, 1, 0, 0)]
    names = [dict(each.headers)["ce_id"] for each in shelf.records]
    assert names.count(b"2f9b-0") == 3
    assert len(set(names)) == 8


@pytest.mark.asyncio
async def test_a_frame_that_never_ends_breaks_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.connectors.feeds import freeswitch

    monkeypatch.setattr(_switchboard, "SILENCE", 0.5)
    monkeypatch.setattr(freeswitch, "SILENCE", 0.5)
    shelf = Shelf()
    with capture_logs() as logs:
        async with switch() as started, running(KIND, terms(tmp_path, started.port), shelf):
            await shelf.has(3)
            await started.say(b"Content-Type: text/event-json\nContent-Length: 500\n\n{")
            await shelf.has(6)
    assert "no whole frame came within 0 s" in [each.get("error") for each in logs]


@pytest.mark.asyncio
async def test_a_quiet_switch_is_asked_whether_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_switchboard, "SILENCE", 2.0)
    monkeypatch.setattr(_switchboard, "PING", 0.1)
    async with switch() as started, running(KIND, terms(tmp_path, started.port), Shelf()):
        await until(lambda: started.commands[0:1] != [] and started.commands[0].count("api uptime") > 25, "asked")
    assert len(started.commands) == 1
