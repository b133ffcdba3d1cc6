"""FreeSWITCH's event socket: what the queues of mod_callcenter say, as it happens.

Facts: FreeSWITCH's `mod_event_socket.c`, `mod_callcenter.c` and the event socket's documentation.

A payload is the JSON of one event, verbatim. Nothing is replayed, so after each login the agents, and the members of
the queues, are asked for; each answer is a payload as it came, a table with bars. Headers: `freeswitch-received` (ms;
of an answer when it was asked for: what happens while it is on its way is later) and, with an answer,
`freeswitch-command`.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple
from uuid import uuid4

import msgspec
import structlog

from streams.connectors.feed import Feed, FeedBroken, Kind, Said
from streams.connectors.feeds._switchboard import CONNECTING, SILENCE, Parcel, Streams, carry, connection, pinging
from streams.hosts import is_loopback

log = structlog.get_logger()

EVENTS = "CHANNEL_HOLD CHANNEL_UNHOLD CUSTOM callcenter::info"
"""What is subscribed to. All names behind CUSTOM are taken for names of custom events, so it stands last."""

LARGEST_BODY = 4 << 20
"""Bytes of a body."""

_END = b"\n\n"
_AGENTS = "agent list"
_QUEUES = "queue list"
_PING = ""


class _Glance(msgspec.Struct, gc=False):
    core: str = msgspec.field(default="", name="Core-UUID")
    sequence: str | int = msgspec.field(default="", name="Event-Sequence")


_glance = msgspec.json.Decoder(_Glance).decode


class Frame(NamedTuple):
    """What comes at a time. `kind`: its content type."""

    kind: str
    reply: str
    body: bytes


class Question(NamedTuple):
    """What was asked, and when, ms."""

    command: str
    at: int


class EventSocket(Feed):
    """One connection to an event socket. Setting `queues`: those whose members are asked for; none: all."""

    async def session(self) -> None:
        """Log in, ask who is there, and keep what happens."""
        async with connection(self.terms) as streams:
            async with asyncio.timeout(CONNECTING):
                await self._log_in(streams)
            self.inlet.reached(yes=True)
            asked: deque[Question] = deque()
            async with pinging(lambda: _ask(streams, asked, _PING)):
                await carry(self.inlet, self._parcels(streams, asked))

    async def _log_in(self, streams: Streams) -> None:
        password = self.terms.secret("password")
        if "\n" in password or "\r" in password:
            raise FeedBroken("the password has a line end in it")
        frame = await _frame(streams)
        if frame.kind != "auth/request":
            raise FeedBroken("no request to log in: this is not the right port")
        await streams.say(f"auth {password}\n\n".encode())
        await _accepted(streams, "the login")
        await streams.say(f"event json {EVENTS}\n\n".encode())
        await _accepted(streams, "the subscription")

    async def _parcels(self, streams: Streams, asked: deque[Question]) -> AsyncIterator[Parcel]:
        here, number = uuid4().hex, 0
        queues = [name.strip() for name in self.terms.settings.get("queues", "").split(",") if name.strip()]
        for command in (_AGENTS, *map(_members, queues)) if queues else (_AGENTS, _QUEUES):
            await _ask(streams, asked, command)
        while True:
            frame = await _frame(streams)
            received = time.time_ns() // 1_000_000
            headers = {"freeswitch-received": str(received)}
            if frame.kind == "text/event-json":
                yield Parcel(frame.body, _id(frame.body), headers, received)
                continue
            if frame.kind != "api/response":
                continue
            command, at = asked.popleft() if asked else Question(_PING, received)
            if command == _PING:
                continue
            if frame.body.startswith(b"-"):
                log.warning("feeds.not_told", source=self.terms.source, command=command, answer=_shown(frame.body))
            elif command == _QUEUES:
                for queue in _first_column(frame.body):
                    await _ask(streams, asked, _members(queue))
            else:
                number += 1
                headers = {"freeswitch-received": str(at)}
                yield Parcel(frame.body, f"{here}-{number}", headers | {"freeswitch-command": command}, received)


async def _ask(streams: Streams, asked: deque[Question], command: str) -> None:
    asked.append(Question(command, time.time_ns() // 1_000_000))
    said = f"callcenter_config {command}" if command else "uptime"
    await streams.say(f"api {said}\n\n".encode())


async def _accepted(streams: Streams, what: str) -> None:
    while True:
        frame = await _frame(streams)
        if frame.kind == "command/reply":
            if not frame.reply.startswith("+OK"):
                raise FeedBroken(f"{what} was refused: {frame.reply[:200]}")
            return


async def _frame(streams: Streams) -> Frame:
    """The next frame. Raises FeedBroken: it does not come whole, or it is the last one."""
    head = await streams.until(_END)
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\n"))
    fields = {name.strip().lower(): value.strip() for name, _, value in lines}
    kind, size = fields.get("content-type", ""), fields.get("content-length", "0")
    if not (size.isascii() and size.isdigit() and len(size) < 10 and int(size) <= LARGEST_BODY):
        raise FeedBroken(f"a frame has a length of {size[:40]!r}; at most {LARGEST_BODY:,} bytes are read")
    body = await _body(streams, int(size))
    if kind == "text/rude-rejection":
        raise FeedBroken(f"its list of addresses does not let us in: {_shown(body)}")
    if kind == "text/disconnect-notice":
        raise FeedBroken("the switchboard ended the connection")
    return Frame(kind, fields.get("reply-text", ""), body)


async def _body(streams: Streams, size: int) -> bytes:
    try:
        async with asyncio.timeout(SILENCE):
            return await streams.reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise FeedBroken(f"the connection was closed, {len(error.partial):,} bytes of a frame are left out") from None
    except TimeoutError:
        raise FeedBroken(f"no whole frame came within {SILENCE:.0f} s") from None


def _members(queue: str) -> str:
    return f"queue list members {queue}"


def _first_column(table: bytes) -> list[str]:
    """Names in the rows below the one that names the columns; the last line says +OK. One that could be more than a
    name is left out."""
    rows = table.decode("utf-8", "replace").splitlines()[1:]
    names = (row.partition("|")[0] for row in rows if "|" in row)
    return [name for name in names if name and not any(sign.isspace() for sign in name)]


def _id(body: bytes) -> str | None:
    try:
        seen = _glance(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return f"{seen.core}-{seen.sequence}" if seen.core and seen.sequence != "" else None


def _shown(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace").strip()


def faults(said: Said) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the settings of a feed of this kind."""
    if said.security == "none" and not is_loopback(said.host):
        message = (
            "the password would be readable on its way to another machine: a tunnel to a port of this one, or 'tls'"
        )
        yield ("security",), message


KIND = Kind(
    name="freeswitch",
    format="freeswitch-callcenter",
    make=EventSocket,
    secret_names=("password",),
    setting_names=("queues", "ca"),
    securities=("none", "tls"),
    faults=faults,
)
