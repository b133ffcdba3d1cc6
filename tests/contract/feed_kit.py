"""One kind of feed, or of files, with the peer that it talks to, and what it brought."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents.intake.processor import Intake
from streams.connectors.feed import Kind, Terms
from streams.connectors.line_records import LineRecord
from tests.contract.kit import READ_AT, Outcome, Read, Says, outcome_of, standing
from tests.integration.mail_kit import Shelf, running, until

SOURCE = "fixture"
PIECE = b"x" * 65_536
ON_THE_WAY = 16 << 20
"""Bytes that the machine may hold of a connection between the one who writes and the one who reads."""

Logs = list[Mapping[str, object]]


class Told(NamedTuple):
    """What a peer says at a time, and what that says. `event`: its name, where the peer says it beside the payload."""

    payload: bytes
    says: Says
    event: str = ""


class Stand:
    """One kind and its peer. Used as a context; the peer is there meanwhile.

    `conversation`: what is said of one conversation, in the order in which things happened; `retold`: in the order in
    which a new process hears it, where that is another. `unknown`: something of a type that nobody knows, which says
    nothing where the connector leaves it out. `no_utf8`: with bytes that are none. `torn`: cut off, and whole as far as
    its frame goes. `headers`: that each record has besides the usual ones. `beyond`: words of the contract that mean
    nothing for it, and why. `spools`: whether the peer says nothing again. `keeps_heads`: whether of what is too large
    the head is kept. `same_ids`: whether the record of what is said again has the id that it had. `arrival`: whether
    things happened when they arrived here, so that what is said again is later. `waits`: the log's word for waiting for
    Kafka. `limit`: bytes that may be read of what has no end.
    """

    name: str
    format: str
    channel: str
    conversation: tuple[Told, ...]
    retold: tuple[Told, ...] = ()
    unknown: Told
    no_utf8: Told
    torn: Told
    headers: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}
    beyond: Mapping[str, str] = {}
    spools = False
    keeps_heads = False
    same_ids = True
    arrival = False
    waits = "keeping.not_published"
    limit = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.shelf = Shelf()
        self.logs: Logs = []
        self.feed: object = None
        self.intake = Intake(wall_clock=True, region="DE", settings={SOURCE: self.settings})

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The connector at work, for as long as a process lasts; `logs`: what it said."""
        with capture_logs() as logs:
            self.logs = logs  # type: ignore[assignment] # they are only read
            async with self.connected() as self.feed:
                yield

    def connected(self) -> AbstractAsyncContextManager[object]:
        """The connector at work."""
        raise NotImplementedError

    async def start(self) -> None:
        """Let the peer be there."""

    async def stop(self) -> None:
        """Let it go."""

    async def say(self, *told: Told) -> None:
        """Say them in this order, when somebody listens; where the peer waits for answers, until each is taken."""
        raise NotImplementedError

    def forge(self, *, yes: bool) -> None:
        """Let what proves who somebody is be another one, or the right one again."""

    async def refused(self) -> None:
        """Until one who does not prove who it is was refused, and that was said."""
        raise NotImplementedError

    async def cut(self, told: Told) -> None:
        """Say the beginning of it; then the connection ends."""
        raise NotImplementedError

    async def resume(self, told: Told) -> None:
        """Say what was cut again."""
        await self.say(told)

    async def overflow(self) -> None:
        """Say what is larger than is taken, until that is refused and said."""
        raise NotImplementedError

    async def hang_up(self) -> None:
        """End the connection."""

    async def again(self) -> None:
        """Say the whole conversation to a process that knows nothing of it."""
        raise NotImplementedError

    def forget(self) -> None:
        """Let the next process know nothing of what was said."""
        self.data = self.folder / "anew"

    def spooled(self) -> bytes:
        """What stands on disk until Kafka is back."""
        return b""

    def said(self) -> list[LineRecord]:
        """Records of what was said, without what the connector asked for itself."""
        return list(self.shelf.records)

    async def has(self, n: int) -> None:
        """Wait until there are so many records of what was said."""
        await until(lambda: len(self.said()) >= n, f"{n} records")

    async def has_all(self, told: Sequence[Told]) -> None:
        """Wait until all of them are there."""
        payloads = {each.payload for each in told}
        await until(lambda: payloads <= {each.value for each in self.said()}, "all of them")

    def was_told(self, event: str) -> bool:
        """Whether this stands in the log."""
        return any(each["event"] == event for each in self.logs)

    def values(self) -> list[bytes]:
        """What was said, each once, in order."""
        return [each.value for each in self.firsts()]

    def firsts(self) -> list[LineRecord]:
        """The first record of each that was said, in order."""
        found: dict[bytes, LineRecord] = {}
        for each in self.said():
            found.setdefault(each.value, each)
        return list(found.values())

    def id_of(self, record: LineRecord) -> bytes:
        """Of what it is about."""
        return dict(record.headers)["ce_id"]

    def says_the_same(self, once: Sequence[LineRecord], again: Sequence[LineRecord]) -> None:
        """What was said again is the same, under the same ids."""
        assert {each.value for each in again} == {each.value for each in once}
        assert not self.same_ids or {self.id_of(each) for each in again} == {self.id_of(each) for each in once}
        stood, stands = (standing(self.outcomes(each)) for each in (once, again))
        assert stands.keys() == stood.keys()
        assert self.arrival or stands == stood

    def outcomes(self, records: Sequence[LineRecord]) -> list[Outcome]:
        """What the intake makes of them."""
        return [outcome_of(self.intake, read_of(each, number)) for number, each in enumerate(records)]


class FeedStand(Stand):
    """A kind of [[feeds]]. `secrets`: what the peer accepts; `secret`: which of them is a proof; `refusal`: how what is
    said of another one begins."""

    kind: Kind
    secrets: Mapping[str, str] = {}
    secret = ""
    refusal = ""
    too_large = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = 0
        self._secret = folder / "secret"
        if self.secret:
            self._secret.write_text(self.secrets[self.secret])

    @property
    def terms(self) -> Terms:
        """As the settings have them; the proof is in a file, which is read at each try."""
        secrets = {name: (value,) for name, value in self.secrets.items()}
        origins = {self.secret: f"file:{self._secret}"} if self.secret else {}
        return Terms(SOURCE, "127.0.0.1", self.port, "none", secrets, self.settings, self.data, origins)

    def connected(self) -> AbstractAsyncContextManager[object]:
        return running(self.kind, self.terms, self.shelf)

    def forge(self, *, yes: bool) -> None:
        self._secret.write_text("not" * yes + self.secrets[self.secret])

    async def refused(self) -> None:
        await until(lambda: self.broken(self.refusal), "refused")
        assert not self.is_reached
        assert self.secrets[self.secret] not in str(self.logs)

    @property
    def is_reached(self) -> bool:
        """Whether the metrics say that the peer is."""
        return REGISTRY.get_sample_value("floorwalker_feed_connected", {"source": SOURCE}) == 1

    def broken(self, error: str) -> bool:
        """Whether the connection was broken with an error that begins so."""
        return any(each["event"] == "feeds.broken" and str(each["error"]).startswith(error) for each in self.logs)

    def spooled(self) -> bytes:
        return (self.data / f"{SOURCE}.spool").read_bytes()


async def pour(writer: asyncio.StreamWriter, head: bytes, limit: int) -> None:
    """Say what has no end, until nobody listens. Not many more bytes than the limit go out."""
    sent = 0
    writer.write(head)
    with suppress(OSError):
        while sent < limit + ON_THE_WAY:
            writer.write(PIECE)
            await writer.drain()
            sent += len(PIECE)
    assert sent < limit + ON_THE_WAY, "somebody reads on"


def read_of(record: LineRecord, offset: int) -> Read:
    """A record as it is read from its topic."""
    # The machine's clock may say any time.
    appended = max(record.time or 0, READ_AT)
    return Read(record.topic, 0, offset, appended, record.key, record.value, record.headers)
