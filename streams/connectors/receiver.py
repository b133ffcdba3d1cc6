"""Receives what providers post: proven genuine, then verbatim on the channel topic, then answered.

What Kafka has not taken in time is asked for again (503), or goes into the spool where the provider asks only once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from aiokafka.errors import KafkaError

from schemas.instants import from_ms
from schemas.topics import LARGEST_RECORD
from streams import telemetry
from streams.connectors.hooks import Answer, Delivery, NotGenuine
from streams.connectors.line_records import LineRecord
from streams.connectors.publisher import Publisher
from streams.connectors.secrets import Source, by_path
from streams.connectors.spool import LARGEST, Spool, SpoolFull
from streams.producers import stop_at_once
from streams.reader import is_cancelled

log = structlog.get_logger()

PATIENCE = 5.0
"""Seconds that a delivery waits for Kafka at most; less where the provider's own limit is under twice as much."""

RETRY_AFTER = 5
DRAIN_SECONDS = 20.0
LONGEST_PAUSE = 30.0
VISIT_SECONDS = 10.0
UNKNOWN = "unknown"
_LOGGED_ALREADY = frozenset({"kafka_away", "spool_full", "spool_failed"})


class Declined(Exception):
    """A delivery that was not taken. `status`, `title`, `headers`: of the answer; `outcome`: for the counter."""

    def __init__(
        self, status: int, title: str, detail: str, outcome: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.outcome = outcome
        self.headers = dict(headers or {})


class Sender(Protocol):
    """Puts records on Kafka."""

    async def send(self, record: LineRecord) -> "asyncio.Future[object]":
        """Send one; the future is done when all replicas have it. Waits for Kafka. Raises KafkaError, OSError."""

    async def close(self) -> None:
        """Let go of Kafka."""


class _Producing(Publisher):
    """A publisher that can be left without waiting for what is under way."""

    async def leave(self) -> None:
        with suppress(KafkaError, OSError):
            await stop_at_once(self._producer)


class Link:
    """The gateway's one producer: connected when it is first needed, tried again until it is, and anew after it
    failed, for an idempotent producer that failed once may fail for good."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._bootstrap = bootstrap
        self._namespace = namespace
        self._publisher: _Producing | None = None
        self._connecting: asyncio.Task[_Producing] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, record: LineRecord) -> "asyncio.Future[object]":
        """Send one; the future is done when all replicas have it. Raises KafkaError, OSError, TopicMissing."""
        publisher = await self._connected()
        try:
            future = await publisher.send(record)
        except KafkaError:
            self._let_go(publisher)
            raise

        def look(sent: "asyncio.Future[object]") -> None:
            if sent.cancelled() or isinstance(sent.exception(), KafkaError):
                self._let_go(publisher)

        future.add_done_callback(look)
        return future

    async def close(self) -> None:
        """Let go of Kafka."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._publisher is not None:
            self._let_go(self._publisher)
        await asyncio.gather(*self._leaving)

    async def _connected(self) -> _Producing:
        if self._publisher is not None:
            return self._publisher
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> _Producing:
        pause = 0.25
        while True:
            publisher = _Producing(self._bootstrap, self._namespace)
            try:
                self._publisher = await publisher.__aenter__()  # type: ignore[assignment] # it is itself
                return publisher
            except (KafkaError, OSError) as error:
                log.warning("hooks.kafka_away", error=str(error) or type(error).__name__)
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, PATIENCE)

    def _let_go(self, publisher: _Producing) -> None:
        if publisher is self._publisher:
            self._publisher = None
            leaving = asyncio.create_task(publisher.leave())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)


class Bucket:
    """How much is taken: `rate` a second on average, twice as much at once. `clock`: seconds that only grow."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._most = max(2 * rate, 1.0)
        self._clock = clock
        self._left = self._most
        self._at = clock()

    def take(self) -> float:
        """Take one. 0, or the seconds until there is one."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0


class Receiver:
    """What all sources of webhooks share. `folder`: of the spools. `spool`: bytes that each may have. `clock`: seconds
    that only grow."""

    def __init__(
        self,
        sources: Iterable[Source],
        sender: Sender,
        folder: Path,
        *,
        spool: int = LARGEST,
        clock: Callable[[], float] = time.monotonic,
        visit: Callable[[str], Awaitable[int]] | None = None,
    ) -> None:
        self._sources = by_path(sources)
        self._sender = sender
        named = {source.name: source for source in self._sources.values()}
        self._spools = {name: Spool(folder / f"{name}.spool", spool) for name in named}
        self._buckets = {name: Bucket(source.rate, clock) for name, source in named.items()}
        self._clock = clock
        self._visit = visit or _visited
        self._visits: set[asyncio.Task[None]] = set()
        self._rescues: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Open the spools. Raises SpoolInUse, OSError."""
        for name, spool in self._spools.items():
            await asyncio.to_thread(spool.open)
            telemetry.HOOK_SPOOL_BYTES.labels(name).set_function(partial(_size, spool))

    async def run(self) -> None:
        """Put what is in the spools on Kafka, for ever."""
        async with asyncio.TaskGroup() as drains:
            for name, spool in self._spools.items():
                drains.create_task(self._drain(name, spool))
            await asyncio.Event().wait()

    async def close(self) -> None:
        """Let go of everything. What is spooled stays on disk."""
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await self._sender.close()
        await asyncio.gather(*self._rescues)
        for spool in self._spools.values():
            await spool.settled()
            spool.close()

    def find(self, provider: str, name: str) -> Source:
        """The source of an address. Raises Declined (404)."""
        source = self._sources.get((provider, name))
        if source is None:
            raise Declined(404, "Not found", "no source of webhooks has this address", UNKNOWN)
        return source

    def _pace(self, source: Source) -> None:
        """Count one that is genuine and would be sent again. Raises Declined (429) where there were too many."""
        wait = self._buckets[source.name].take()
        if wait:
            seconds = str(ceil(wait))
            detail = f"{source.rate:g} deliveries a second are taken; try again in {seconds} s"
            raise Declined(429, "Too many", detail, "too_many", {"Retry-After": seconds})

    def declined(self, provider: str, name: str, why: Declined) -> None:
        """Count a delivery that was not taken, and say so in the log, without what it held."""
        if why.outcome == UNKNOWN:
            # Anybody may ask for any address, and each label is kept for good.
            provider = name = UNKNOWN
        elif why.outcome not in _LOGGED_ALREADY:
            log.warning("hooks.declined", provider=provider, source=name, outcome=why.outcome, reason=why.detail)
        telemetry.HOOK_DELIVERIES.labels(provider, name, why.outcome).inc()

    async def receive(self, source: Source, delivery: Delivery) -> Answer:
        """The answer to a delivery. Raises Declined."""
        began = self._clock()
        try:
            outcome, answer = await self._received(source, delivery)
        except Declined:
            raise
        except Exception:
            telemetry.HOOK_DELIVERIES.labels(source.hook.name, source.name, "failed").inc()
            raise
        finally:
            telemetry.HOOK_SECONDS.labels(source.hook.name).observe(self._clock() - began)
        telemetry.HOOK_DELIVERIES.labels(source.hook.name, source.name, outcome).inc()
        return answer

    async def _received(self, source: Source, delivery: Delivery) -> tuple[str, Answer]:
        hook = source.hook
        try:
            if delivery.method == "POST":
                hook.verify(delivery, source.secrets)
            greeting = hook.greet(delivery, source.secrets)
        except NotGenuine as error:
            raise Declined(hook.refusal, "Not genuine", str(error), "not_genuine") from None
        if greeting is not None:
            if greeting.visit is not None and delivery.method == "POST":
                self._confirm(source, greeting.visit)
            return "greeted", greeting
        if delivery.method != "POST":
            raise Declined(405, "Method not allowed", "deliveries are posted", "not_posted", {"Allow": "POST"})
        if hook.tries_again:
            self._pace(source)
        return await self._keep(source, record_of(source, delivery)), hook.taken

    async def _keep(self, source: Source, record: LineRecord) -> str:
        """Put a record where it lasts; returns the outcome's name."""
        spool = self._spools[source.name]
        if spool.is_empty:
            try:
                problem = await self._published(record, min(source.hook.seconds / 2, PATIENCE))
            except asyncio.CancelledError:
                if not source.hook.tries_again:
                    self._rescue(source, spool, record)
                raise
            if problem is None:
                return "taken"
            log.warning("hooks.not_published", provider=source.hook.name, source=source.name, error=problem)
            if source.hook.tries_again:
                raise _later("Kafka has not taken it in time; send it again", "kafka_away")
        try:
            await spool.append(record)
        except SpoolFull as error:
            log.error("hooks.spool_full", provider=source.hook.name, source=source.name, error=str(error))
            raise _later("there is no room left to keep it; send it again", "spool_full") from None
        except OSError as error:
            log.error("hooks.spool_failed", provider=source.hook.name, source=source.name, error=str(error))
            raise _later("it could not be kept; send it again", "spool_failed") from None
        return "spooled"

    def _rescue(self, source: Source, spool: Spool, record: LineRecord) -> None:
        """Keep what is given up while the gateway ends: nobody sends it again."""

        async def keep() -> None:
            try:
                await spool.append(record)
            except (SpoolFull, OSError) as error:
                log.error("hooks.lost", provider=source.hook.name, source=source.name, error=str(error))

        task = asyncio.create_task(keep())
        self._rescues.add(task)
        task.add_done_callback(self._rescues.discard)

    async def _published(self, record: LineRecord, seconds: float) -> str | None:
        """What is wrong where Kafka does not say within so long that it has a record; it may have it later."""
        try:
            async with asyncio.timeout(seconds):
                # Whoever stops waiting leaves the record with the producer.
                await asyncio.shield(await self._sender.send(record))
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return "Kafka's client gave up"
        # Whatever a client raises (a topic made anew, say): it is not on Kafka.
        except Exception as error:  # noqa: BLE001
            return str(error) or type(error).__name__
        return None

    async def _drain(self, name: str, spool: Spool) -> None:
        pause = 0.5
        while True:
            problem = None
            try:
                batch = await spool.head()
                async with asyncio.timeout(DRAIN_SECONDS):
                    sent = [await self._sender.send(record) for record in batch.records]
                    for each in sent:
                        await asyncio.shield(each)
                await spool.done(batch.end)
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                problem = "Kafka's client gave up"
            # One source's trouble ends neither the gateway nor the others.
            except Exception as error:  # noqa: BLE001
                problem = str(error) or type(error).__name__
            if problem is None:
                pause = 0.5
                log.info("hooks.drained", source=name, records=len(batch.records), bytes_left=spool.size)
                continue
            log.warning("hooks.spool_waits", source=name, bytes=spool.size, error=problem, again_in=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _confirm(self, source: Source, url: str) -> None:
        """Fetch an address that confirms a subscription, behind the answer."""
        host = urlsplit(url).hostname
        if urlsplit(url).scheme != "https":
            log.warning("hooks.not_visited", provider=source.hook.name, source=source.name, host=host)
            return

        async def visit() -> None:
            try:
                status: int | str = await self._visit(url)
            # What goes wrong on the way is an operator's to read, and no end of the gateway.
            except Exception as error:  # noqa: BLE001
                status = type(error).__name__
            log.info("hooks.visited", provider=source.hook.name, source=source.name, host=host, status=status)

        task = asyncio.create_task(visit())
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)


def record_of(source: Source, delivery: Delivery) -> LineRecord:
    """The record of a genuine delivery: the bytes as they came, and in headers what they do not say. Raises Declined
    (413)."""
    hook = source.hook
    headers = {
        name: delivery.headers[name].encode("utf-8", "replace")
        for name in hook.kept
        if name in delivery.headers and name != "authorization"
    }
    value = hook.redacted(delivery.body)
    headers |= {
        "ce_source": source.name.encode(),
        "ce_type": hook.name.encode(),
        "ce_time": from_ms(delivery.at).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode(),
        "content-type": delivery.headers.get("content-type", "").encode("utf-8", "replace"),
    }
    headers["ce_id"] = (hook.identity(delivery.body, headers) or sha256(delivery.body).hexdigest()).encode()
    key = hook.key(value, headers) or source.name.encode()
    size = len(key) + len(value) + sum(len(name) + len(text) for name, text in headers.items())
    if size > LARGEST_RECORD:
        raise Declined(413, "Too large", f"a record has {LARGEST_RECORD} bytes at most", "too_large")
    return LineRecord(f"channel.{hook.channel_of(value, headers)}", key, value, list(headers.items()), delivery.at)


def _size(spool: Spool) -> float:
    return spool.size


def _later(detail: str, outcome: str) -> Declined:
    return Declined(503, "Kafka is away", detail, outcome, {"Retry-After": str(RETRY_AFTER)})


async def _visited(url: str) -> int:
    """Status of an address. Redirects are not followed: they would lead away from the provider."""
    import httpx  # takes its time to load, and few sources need it

    async with (
        httpx.AsyncClient(timeout=VISIT_SECONDS, follow_redirects=False) as client,
        client.stream("GET", url) as response,
    ):
        return response.status_code
