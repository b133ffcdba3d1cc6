"""Receives what providers post: proven genuine, then verbatim on the channel topic, then answered.

What Kafka has not taken in time is asked for again (503), or goes into the spool where the provider asks only once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import sha256
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from schemas.instants import from_ms
from schemas.topics import LARGEST_RECORD
from streams import telemetry
from streams.connectors.fetches import Fetches, NotFetched
from streams.connectors.hooks import Answer, Delivery, NotGenuine
from streams.connectors.keeping import Keeper, NotKept
from streams.connectors.line_records import LineRecord
from streams.connectors.link import Sender
from streams.connectors.secrets import Source, by_path
from streams.connectors.spool import LARGEST
from streams.ending import end

log = structlog.get_logger()

RETRY_AFTER = 5
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
    """What all sources of webhooks share. `folder`: of the spools, and of what was fetched. `spool`: bytes that may
    wait in each. `clock`: seconds that only grow."""

    def __init__(
        self,
        sources: Iterable[Source],
        sender: Sender,
        folder: Path,
        *,
        spool: int = LARGEST,
        clock: Callable[[], float] = time.monotonic,
        visit: Callable[[str], Awaitable[int]] | None = None,
        fetch: Callable[[str], Awaitable[bytes]] | None = None,
    ) -> None:
        self._sources = by_path(sources)
        named = {source.name: source for source in self._sources.values()}
        self._keeper = Keeper(sender, folder, named, spool=spool)
        self._buckets = {name: Bucket(source.rate, clock) for name, source in named.items()}
        self._clock = clock
        self._visit = visit or _visited
        self._fetches = Fetches(clock, folder / "fetched", fetch)
        self._visits: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Open the spools. Raises SpoolInUse, OSError."""
        await self._keeper.open()
        await asyncio.to_thread(self._fetches.open)

    async def run(self) -> None:
        """Put what is in the spools on Kafka, for ever."""
        await self._keeper.run()

    async def close(self) -> None:
        """Let go of everything. What is spooled stays on disk."""
        await end(*self._visits)
        await self._fetches.close()
        await self._keeper.close()

    def find(self, provider: str, name: str) -> Source:
        """The source of an address. Raises Declined (404)."""
        source = self._sources.get((provider, name))
        if source is None:
            raise Declined(404, "Not found", "no source of webhooks has this address", UNKNOWN)
        return source

    def _pace(self, source: Source) -> None:
        """Count one that is genuine and would be sent again. Raises Declined (503) where there were too many: some
        providers drop what is answered by 429."""
        wait = self._buckets[source.name].take()
        if wait:
            seconds = str(ceil(wait))
            detail = f"{source.rate:g} deliveries a second are taken; try again in {seconds} s"
            raise Declined(503, "Too many", detail, "too_many", {"Retry-After": seconds})

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
                delivery = await self._completed(source, delivery)
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
        record = record_of(source, delivery)
        try:
            kept = await self._keeper.keep(source.name, record, seconds=hook.seconds / 2, comes_again=hook.tries_again)
        except NotKept as error:
            raise Declined(503, "Kafka is away", str(error), error.outcome, {"Retry-After": str(RETRY_AFTER)}) from None
        return kept, hook.answer(delivery)

    async def _completed(self, source: Source, delivery: Delivery) -> Delivery:
        """A delivery with what its hook needs besides. Raises NotGenuine, Declined (503)."""
        address = source.hook.needs(delivery, source.secrets)
        if address is None:
            return delivery
        try:
            return delivery._replace(fetched={address: await self._fetches.get(address)})
        except NotFetched as error:
            detail = f"what proves it cannot be fetched ({error}); send it again"
            raise Declined(503, "Unavailable", detail, "not_fetched", {"Retry-After": str(RETRY_AFTER)}) from None

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
            say = log.info if status == 200 else log.warning
            say("hooks.visited", provider=source.hook.name, source=source.name, host=host, status=status)

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


async def _visited(url: str) -> int:
    """Status of an address. Redirects are not followed: they would lead away from the provider."""
    import httpx  # takes its time to load, and few sources need it

    async with (
        httpx.AsyncClient(timeout=VISIT_SECONDS, follow_redirects=False) as client,
        client.stream("GET", url) as response,
    ):
        return response.status_code
