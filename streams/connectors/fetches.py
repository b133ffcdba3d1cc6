"""What a provider's hook needs of the provider before it can verify, such as a certificate: fetched once and kept.

Whose addresses these are, the hook has checked; that it is really they who answer, TLS proves. Who forges deliveries
can name such addresses all the same: so few are fetched, kept and tried again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from streams.ending import end

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger()

LARGEST = 64 * 1024
"""Bytes that an address may have."""

SECONDS = 5.0
"""How long one may take in all."""

KEPT_SECONDS = 86_400.0
"""After which an address is fetched anew; while that fails, or others have taken all the turns, the old bytes hold."""

FAILED_SECONDS = 15.0
"""How long a failure holds: less than the 20 s after which SNS tries again, so that each of its few tries is one."""

MOST = 16
"""Addresses that are kept, and that are fetched within WINDOW_SECONDS, whatever becomes of them."""

WINDOW_SECONDS = 60.0


class NotFetched(Exception):
    """An address that cannot be had now. The message says why, without the address."""


class Fetches:
    """What was fetched, by address. `clock`: seconds that only grow. `fetch`: the bytes of an address, or an
    exception."""

    def __init__(self, clock: Callable[[], float], fetch: Callable[[str], Awaitable[bytes]] | None = None) -> None:
        self._clock = clock
        self._fetch = fetch or fetched
        # Until when each is good, and its bytes; the least recently used is the first.
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._began: deque[float] = deque()
        self._under_way: dict[str, asyncio.Task[bytes | NotFetched]] = {}

    async def get(self, address: str) -> bytes:
        """The bytes of an https address, fetched where they are not there or are old. Raises NotFetched."""
        now = self._clock()
        self._forget(now)
        kept = self._kept.pop(address, None)
        if kept is not None:
            self._kept[address] = kept
            if kept[0] > now:
                return kept[1]
        try:
            return await self._fetched_anew(address, now)
        except NotFetched:
            if kept is None:
                raise
            return kept[1]

    async def _fetched_anew(self, address: str, now: float) -> bytes:
        if address in self._failed:
            raise NotFetched(self._failed[address][1])
        task = self._under_way.get(address)
        if task is None:
            if len(self._began) >= MOST:
                raise NotFetched(f"{MOST} addresses were fetched within {WINDOW_SECONDS:g} s")
            self._began.append(now)
            task = self._under_way[address] = asyncio.create_task(self._fetched(address))
        # Whoever stops waiting leaves it to the others.
        found = await asyncio.shield(task)
        if isinstance(found, NotFetched):
            raise NotFetched(str(found))
        return found

    async def close(self) -> None:
        """Give up what is under way."""
        await end(*self._under_way.values())

    def _forget(self, now: float) -> None:
        self._failed = {address: failed for address, failed in self._failed.items() if failed[0] > now}
        while self._began and self._began[0] <= now - WINDOW_SECONDS:
            self._began.popleft()

    async def _fetched(self, address: str) -> bytes | NotFetched:
        try:
            async with asyncio.timeout(SECONDS):
                content = await self._fetch(address)
        # Whatever a client raises: it could not be fetched.
        except Exception as error:  # noqa: BLE001
            reason = str(error) if isinstance(error, NotFetched) else type(error).__name__
            log.warning("hooks.not_fetched", address=address, error=reason)
            self._failed[address] = (self._clock() + FAILED_SECONDS, reason)
            return NotFetched(reason)
        finally:
            del self._under_way[address]
        self._kept[address] = (self._clock() + KEPT_SECONDS, content)
        while len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return content


async def fetched(address: str, transport: "httpx.AsyncBaseTransport | None" = None) -> bytes:
    """The bytes of an address as they are sent. Redirects are not followed: they would lead away from the provider.
    `transport`: httpx's, if not its own. Raises NotFetched, and what httpx raises."""
    import httpx  # takes its time to load, and few sources need it

    content = b""
    async with (
        httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, transport=transport) as client,
        client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as response,
    ):
        if response.status_code != 200:
            raise NotFetched(f"status {response.status_code}")
        async for part in response.aiter_raw():
            content += part
            if len(content) > LARGEST:
                raise NotFetched(f"more than {LARGEST} bytes")
    return content
