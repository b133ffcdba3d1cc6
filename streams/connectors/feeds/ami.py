"""The Asterisk Manager Interface: what a switchboard with queues says, as it happens.

Facts: Asterisk's `main/manager.c`, `apps/app_queue.c` and the AMI event reference.

A payload is the block of one event as it came, blank line and all. Nothing is replayed, so after each login QueueStatus
is asked for, and its answer (QueueParams, QueueMember, QueueEntry ... QueueStatusComplete) is one payload. Headers:
`ami-received` (ms), `ami-sequence` (of the payload in its connection) and, with that answer, `ami-heard` (ms: until
then everything was kept; none at the first time) and `ami-joined` (calls that were heard joining in the last seconds
before that, and since the login) and `ami-asked` (ms: when it was asked for). Blocks of other events than EVENTS are
left out: the rest (VarSet, Newexten, RTCPSent) is a flood that says nothing of queues.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from hashlib import md5
from uuid import uuid4

from streams.connectors.feed import Feed, FeedBroken, Inlet, Kind, Said, Terms
from streams.connectors.feeds._switchboard import CONNECTING, Heard, Parcel, Streams, carry, connection, pinging
from streams.hosts import is_loopback

EVENTS = frozenset(
    name.encode()
    for name in (
        "AgentCalled",
        "AgentComplete",
        "AgentConnect",
        "AgentDump",
        "AgentLogin",
        "AgentLogoff",
        "AgentRingNoAnswer",
        "AttendedTransfer",
        "BlindTransfer",
        "Hold",
        "QueueCallerAbandon",
        "QueueCallerJoin",
        "QueueCallerLeave",
        "QueueMemberAdded",
        "QueueMemberPause",
        "QueueMemberRemoved",
        "QueueMemberStatus",
        "Unhold",
    )
)
"""Events that are kept, by the first line of their block."""

LARGEST_ANSWER = 16 << 20
"""Bytes of the answer to QueueStatus; beyond it there is something wrong."""

JOINED = 5_000
"""For how long somebody who joined is remembered, ms."""

_END = b"\r\n\r\n"
_JOIN = b"QueueCallerJoin"
_COMPLETE = b"QueueStatusComplete"
_FIRST_LINE = b"Event: "


def login_key(challenge: str, secret: str) -> str:
    """Hex MD5 of challenge and secret: proves that the secret is known without sending it."""
    return md5((challenge + secret).encode(), usedforsecurity=False).hexdigest()


class AsteriskManager(Feed):
    """One connection to a manager interface. Setting `login`: `md5` (the usual) or `plain`."""

    def __init__(self, terms: Terms, inlet: Inlet) -> None:
        super().__init__(terms, inlet)
        self._heard = Heard(terms.folder)
        self._joined: dict[tuple[int, str], str] = {}

    async def session(self) -> None:
        """Log in, ask how the queues stand, and keep what happens."""
        async with connection(self.terms) as streams:
            async with asyncio.timeout(CONNECTING):
                await _greeted(streams)
                await self._log_in(streams)
            self.inlet.reached(yes=True)
            async with pinging(lambda: streams.say(_action("Ping"))):
                try:
                    await carry(self.inlet, self._parcels(streams), self._heard)
                finally:
                    if self._heard.until is not None:
                        self._heard.mark(self._heard.until, now=True)

    async def _log_in(self, streams: Streams) -> None:
        user, secret = self.terms.secret("user"), self.terms.secret("secret")
        if any(sign in user + secret for sign in "\r\n"):
            raise FeedBroken("user or secret has a line end in it")
        if self.terms.settings.get("login", "md5") == "plain":
            said = {"Username": user, "Secret": secret}
        else:
            await streams.say(_action("Challenge", AuthType="MD5"))
            answer = await _response(streams)
            challenge = answer.get("Challenge")
            if challenge is None:
                raise FeedBroken(f"no challenge for a login by MD5: {answer.get('Message', 'no reason given')[:200]}")
            said = {"AuthType": "MD5", "Username": user, "Key": login_key(challenge, secret)}
        await streams.say(_action("Login", **said, Events="agent,call"))
        answer = await _response(streams)
        if answer.get("Response") != "Success":
            raise FeedBroken(f"the login was refused: {answer.get('Message', 'no reason given')[:200]}")

    async def _parcels(self, streams: Streams) -> AsyncIterator[Parcel]:
        """Events, and among them the answer to QueueStatus when all that happened before it is there."""
        here, number, told = uuid4().hex, 0, 0
        answer, heard = _Answer(here), self._heard.until
        asked = str(time.time_ns() // 1_000_000)
        await streams.say(_action("QueueStatus", ActionID=answer.question))
        while True:
            frame = await streams.until(_END)
            received = time.time_ns() // 1_000_000
            name = _name(frame)
            headers = {"ami-received": str(received)}
            if answer.takes(frame, name, received):
                if name == _COMPLETE:
                    await streams.say(_action("Ping", ActionID=answer.end))
                if not answer.is_over:
                    continue
                frame = b"".join(answer.frames)
                headers = {"ami-received": str(answer.received), "ami-joined": " ".join(self._joined.values())}
                headers["ami-asked"] = asked
                if heard is not None:
                    headers["ami-heard"] = str(heard)
            elif name not in EVENTS:
                if received - told >= 1_000:
                    told = received
                    yield Parcel(None, None, {}, received)
                continue
            elif name == _JOIN:
                self._remember(frame, received)
            number, told = number + 1, received
            yield Parcel(frame, f"{here}-{number}", headers | {"ami-sequence": str(number)}, received)

    def _remember(self, frame: bytes, received: int) -> None:
        """Who joined in the last seconds: how long somebody waits is told in whole seconds."""
        for earlier in [each for each in self._joined if each[0] < received - JOINED]:
            del self._joined[earlier]
        call = _fields(frame).get("Uniqueid", "")
        self._joined[received, call] = call


class _Answer:
    """The answer to QueueStatus as it comes. Asterisk sends what happened meanwhile later: it is all there when a ping
    behind the answer is answered. `received`: ms."""

    def __init__(self, here: str) -> None:
        self.question, self.end = f"queues-{here}", f"end-{here}"
        self.frames: list[bytes] = []
        self.received = 0
        self.is_over = False
        self._size = 0

    def takes(self, frame: bytes, name: bytes, received: int) -> bool:
        """Whether a frame belongs to the answer. Raises FeedBroken: it was refused, or has no end."""
        if _has_tag(frame, self.end):
            self.is_over = True
            return True
        if not _has_tag(frame, self.question):
            return False
        if name == b"":
            _check_answer(frame)
            return True
        self._size += len(frame)
        if self._size > LARGEST_ANSWER:
            raise FeedBroken(f"the answer to QueueStatus is longer than {LARGEST_ANSWER:,} bytes")
        self.frames.append(frame)
        self.received = received
        return True


def _has_tag(frame: bytes, tag: str) -> bool:
    return f"\r\nActionID: {tag}\r\n".encode() in frame


async def _greeted(streams: Streams) -> None:
    greeting = await streams.until(b"\r\n")
    if not greeting.startswith(b"Asterisk Call Manager/"):
        raise FeedBroken("no greeting of an Asterisk manager interface: this is not the right port")


async def _response(streams: Streams) -> dict[str, str]:
    """The next answer; events in between are from before the login counts."""
    while True:
        frame = await streams.until(_END)
        if frame.startswith(b"Response: "):
            return _fields(frame)


def _check_answer(frame: bytes) -> None:
    said = _fields(frame)
    if said.get("Response") != "Success":
        raise FeedBroken(f"QueueStatus was refused: {said.get('Message', 'no reason given')[:200]}")


def _fields(frame: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in frame.decode("utf-8", "replace").split("\r\n"))
    return {name: value.strip() for name, _, value in lines}


def _name(frame: bytes) -> bytes:
    """Of the event; empty for what is none."""
    first = frame[: frame.find(b"\r\n")]
    return first[len(_FIRST_LINE) :].strip() if first.startswith(_FIRST_LINE) else b""


def _action(name: str, **fields: str) -> bytes:
    lines = [f"Action: {name}", *(f"{field}: {value}" for field, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def faults(said: Said) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the settings of a feed of this kind."""
    settings = said.settings
    if settings.get("login", "md5") not in ("md5", "plain"):
        yield ("settings", "login"), f"{settings['login']!r}: 'md5' or 'plain'"
    if settings.get("login") == "plain" and said.security == "none" and not is_loopback(said.host):
        yield ("settings", "login"), "the secret would be readable on its way to another machine: 'md5', or 'tls'"
    if settings.get("holds", "no") not in ("yes", "no"):
        yield ("settings", "holds"), f"{settings['holds']!r}: 'yes' or 'no'"


KIND = Kind(
    name="ami",
    format="asterisk-ami",
    make=AsteriskManager,
    secret_names=("user", "secret"),
    setting_names=("login", "queues", "holds", "ca"),
    faults=faults,
)
