"""What feeds have in common: connections to providers that post no webhooks (mailboxes, switchboards, streams).

A kind of feed is a module of `streams.connectors.feeds` with a `Kind` called `KIND`; it is found by being there.
"""

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import structlog

from schemas.instants import SECOND, from_ms
from schemas.topics import LARGEST_RECORD
from streams import telemetry
from streams.connectors.formats import Headers, RecordFormat
from streams.connectors.hooks import Secrets
from streams.connectors.keeping import Keeper, NotKept
from streams.connectors.line_records import LineRecord
from streams.connectors.secrets import secret_value

log = structlog.get_logger()

PATIENCE = 5.0
"""Seconds that a record waits for Kafka before its feed tries again, or asks its provider again."""

HASTE = 0.5
"""Seconds that a record waits for Kafka before it is spooled, where no provider gives it again: until then only memory
has it, and what came behind it."""

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
LASTED = 60.0
"""Seconds after which a connection counts as a good one: the next try comes after FIRST_PAUSE."""

TROUBLE = 120.0
"""Seconds without a good connection after which a feed is in trouble."""


class FeedBroken(Exception):
    """The provider can't be reached or understood now; the message says why, without a secret. It is tried again,
    after `wait` seconds at least."""

    def __init__(self, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class Terms(NamedTuple):
    """One feed as the settings have it. `source`: its name, distinct of all sources. `host`, `port`: of the provider,
    or to listen at. `security`: none, starttls or tls. `secrets`: by name, at least one value each, as they were at
    the start. `folder`: its own, for what it must remember; there already. `origins`: what the settings say of a
    secret: itself, `env:NAME` or `file:/PATH`."""

    source: str
    host: str
    port: int
    security: str
    secrets: Secrets
    settings: Mapping[str, str]
    folder: Path
    origins: Mapping[str, str] = {}

    def secret(self, name: str) -> str:
        """The newest value of a secret, of a file as it is now. Raises KeyError, FeedBroken where the file has none."""
        origin = self.origins.get(name, "")
        if not origin.startswith("file:"):
            return self.secrets[name][0]
        try:
            return secret_value(origin)
        except ValueError as error:
            raise FeedBroken(f"secret {name}: {error}") from None


class Said(NamedTuple):
    """What the settings say of one feed, for its kind to judge. `secrets`: the names of those that are given."""

    host: str
    security: str
    secrets: frozenset[str]
    settings: Mapping[str, str]


Faults = Iterable[tuple[tuple[str, ...], str]]
"""What is wrong with a feed: where it stands in its table, and what to do."""


class Inlet:
    """Where a feed's payloads go. `comes_again`: the provider gives again what was not kept, so that nothing needs to
    be spooled."""

    def __init__(self, kind: str, source: str, format: RecordFormat, keeper: Keeper, *, comes_again: bool) -> None:  # noqa: A002
        self._kind = kind
        self._source = source
        self._format = format
        self._keeper = keeper
        self._comes_again = comes_again
        self._away: set[str] = set()
        self.reached(yes=False)

    async def keep(
        self,
        payload: bytes,
        *,
        id: str | None = None,  # noqa: A002
        headers: Mapping[str, str] | None = None,
        size: int | None = None,
    ) -> None:
        """Put a payload on its channel topic, verbatim; returns when it lasts. `id`: the provider's, the same when it
        comes again; None: a digest. `headers`: what the bytes do not say. `size`: of the whole, where these bytes may
        be its head only. Of one that is too large for a record, the head is kept, which intake fails. Raises NotKept:
        it does not last; tell the provider so, or ask it again later."""
        more = {name: text.encode("utf-8", "replace") for name, text in (headers or {}).items()}
        record = self._record(payload, id, more, max(size or 0, len(payload)))
        seconds = PATIENCE if self._comes_again else HASTE
        try:
            outcome = await self._keeper.keep(self._source, record, seconds=seconds, comes_again=self._comes_again)
        except NotKept as error:
            self._count(error.outcome)
            raise
        self._count(outcome)

    async def insist(
        self,
        payload: bytes,
        *,
        id: str | None = None,  # noqa: A002
        headers: Mapping[str, str] | None = None,
        size: int | None = None,
    ) -> None:
        """As `keep`, again and again until it lasts: for a provider that can be made to wait."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await self.keep(payload, id=id, headers=headers, size=size)
            except NotKept as error:
                log.warning("feeds.waits", source=self._source, error=str(error), again_in=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def reached(self, *, yes: bool, part: str = "") -> None:
        """Say whether the provider, or a part of it, is reached now. A metric says whether all of it is."""
        (self._away.discard if yes else self._away.add)(part)
        telemetry.FEED_CONNECTED.labels(self._source).set(0 if self._away else 1)

    def is_reached(self, part: str = "") -> bool:
        """Whether the provider, or a part of it, is reached now."""
        return part not in self._away

    def _count(self, outcome: str) -> None:
        telemetry.FEED_RECORDS.labels(self._kind, self._source, outcome).inc()

    def _record(self, payload: bytes, id: str | None, more: Headers, size: int) -> LineRecord:  # noqa: A002
        now = time.time_ns() // (1_000_000_000 // SECOND)
        headers = {
            **more,
            "ce_source": self._source.encode(),
            "ce_type": self._format.name.encode(),
            "ce_time": from_ms(now).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode(),
            "ce_id": (id or sha256(payload).hexdigest()).encode("utf-8", "replace"),
            "content-type": self._format.content_type,
        }
        key = self._format.key(payload, headers) or self._source.encode()
        topic = f"channel.{self._format.channel_of(payload, headers)}"
        record = LineRecord(topic, key, payload, list(headers.items()), now)
        if size <= LARGEST_RECORD:
            return record
        return record.head(f"it has {size:,} bytes, a record may have {LARGEST_RECORD:,}: its head is kept here")


class Feed(ABC):
    """One connection that is made again whenever it breaks. `part`: which, where a feed has several."""

    part = ""

    def __init__(self, terms: Terms, inlet: Inlet) -> None:
        self.terms = terms
        self.inlet = inlet
        self._began = self._good_until = math.inf
        self._error = "it was not reached yet"

    @property
    def troubles(self) -> list[str]:
        """What is wrong with a feed that had no good connection for long, else nothing."""
        now = time.monotonic()
        good = self.inlet.is_reached(self.part) and now - self._began >= LASTED
        if good or now - self._good_until < TROUBLE:
            return []
        of = f"{self.terms.source} ({self.part})" if self.part else self.terms.source
        return [f"{of}: {self._error}"]

    @abstractmethod
    async def session(self) -> None:
        """Connect, say `self.inlet.reached(yes=True)`, and bring what comes; returns or raises FeedBroken, OSError,
        TimeoutError or NotKept when the connection is over. Cancelled, it lets go of everything."""

    async def run(self) -> None:
        """One session after the other, with pauses that grow while none lasts, until cancelled."""
        pause = FIRST_PAUSE
        self._good_until = time.monotonic()
        while True:
            self._began = time.monotonic()
            error: str | None = None
            wait = 0.0
            try:
                await self.session()
            except (FeedBroken, NotKept, OSError, TimeoutError) as failure:
                error = str(failure) or type(failure).__name__
                wait = failure.wait if isinstance(failure, FeedBroken) else 0.0
            # One feed's trouble ends neither the process nor the others.
            except Exception as failure:
                log.exception("feeds.fault", source=self.terms.source)
                error = type(failure).__name__
            finally:
                was_reached = self.inlet.is_reached(self.part)
                self.inlet.reached(yes=False, part=self.part)
            if was_reached and time.monotonic() - self._began >= LASTED:
                pause = FIRST_PAUSE
                self._good_until = time.monotonic()
            self._error = error or "the connection was closed"
            log.warning(
                "feeds.broken",
                source=self.terms.source,
                **({"part": self.part} if self.part else {}),
                error=self._error,
                again_in=max(pause, wait),
            )
            await asyncio.sleep(max(pause, wait))
            pause = min(2 * pause, LONGEST_PAUSE)


@dataclass(frozen=True)
class Kind:
    """A kind of feed. `name`: `kind` of [[feeds]]. `format`: `ce_type` of its records. `make`: the feed itself.

    `secret_names`: that a feed must have; `more_secret_names`: that it may have. `setting_names`: that it may have.
    `securities`: which of none, starttls and tls it knows, the usual one first. `comes_again`: whether the provider
    gives again what was not kept; what it does not is spooled. `faults`: what else is wrong with what the settings say.
    """

    name: str
    format: str
    make: Callable[[Terms, Inlet], Feed]
    secret_names: tuple[str, ...] = ()
    more_secret_names: tuple[str, ...] = ()
    setting_names: tuple[str, ...] = ()
    securities: tuple[str, ...] = ("tls", "none")
    comes_again: bool = False
    faults: Callable[[Said], Faults] | None = None
