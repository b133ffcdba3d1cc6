"""What a provider's hook needs of the provider before it can verify, such as a certificate: fetched once and kept.

Whose addresses these are, the hook has checked; that it is really they who answer, TLS proves. Who forges deliveries
can name such addresses all the same: so few are fetched, kept and tried again. What was fetched is also in a folder, so
that forgeries after a start do not keep us from what is genuine.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from streams.connectors.cursor import save_whole
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
"""Addresses that are kept, and that are fetched within WINDOW_SECONDS, whatever becomes of them: of the usual form as
many as of all others."""

WINDOW_SECONDS = 60.0

_USUAL = re.compile(r"https://[^/]+/SimpleNotificationService-[0-9a-f]{32}\.pem")
"""Addresses as those that need fetching have them."""
_OLD = float("-inf")


class NotFetched(Exception):
    """An address that cannot be had now. The message says why, without the address."""


class Fetches:
    """What was fetched, by address. `clock`: seconds that only grow. `folder`: where it outlasts the process. `fetch`:
    the bytes of an address, or an exception."""

    def __init__(
        self, clock: Callable[[], float], folder: Path, fetch: Callable[[str], Awaitable[bytes]] | None = None
    ) -> None:
        self._clock = clock
        self._folder = folder
        self._fetch = fetch or fetched
        # Until when each is good, and its bytes; the least recently used is the first.
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._began: dict[bool, deque[float]] = {True: deque(), False: deque()}
        self._under_way: dict[str, asyncio.Task[bytes | NotFetched]] = {}

    def open(self) -> None:
        """Read what the folder has. It is old: it holds where it cannot be fetched anew."""
        for path in sorted(self._folder.glob("*.fetched"), key=_modified)[-MOST:]:
            try:
                address, content = _read(path.read_bytes())
            except (OSError, ValueError) as error:
                log.warning("hooks.kept_unreadable", file=str(path), error=str(error))
                continue
            self._kept[address] = (_OLD, content)

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
            began = self._began[_USUAL.fullmatch(address) is not None]
            if len(began) >= MOST:
                raise NotFetched(f"{MOST} addresses were fetched within {WINDOW_SECONDS:g} s")
            began.append(now)
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
        for began in self._began.values():
            while began and began[0] <= now - WINDOW_SECONDS:
                began.popleft()

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
        gone = list(self._kept)[:-MOST]
        for each in gone:
            del self._kept[each]
        try:
            await asyncio.to_thread(self._save, address, content, gone)
        except OSError as error:
            log.warning("hooks.not_saved", folder=str(self._folder), error=str(error))
        return content

    def _save(self, address: str, content: bytes, gone: list[str]) -> None:
        save_whole(self._file(address), _written(address, content))
        for each in gone:
            self._file(each).unlink(missing_ok=True)

    def _file(self, address: str) -> Path:
        return self._folder / f"{sha256(address.encode()).hexdigest()[:32]}.fetched"


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _written(address: str, content: bytes) -> bytes:
    """A file: the digest of the rest, the address, and what was fetched from it."""
    rest = address.encode() + b"\n" + content
    return sha256(rest).hexdigest().encode() + b"\n" + rest


def _read(file: bytes) -> tuple[str, bytes]:
    """Address and content of a file. Raises ValueError."""
    digest, _, rest = file.partition(b"\n")
    address, _, content = rest.partition(b"\n")
    if sha256(rest).hexdigest().encode() != digest:
        raise ValueError("it is not as it was written")
    return address.decode(), content


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
