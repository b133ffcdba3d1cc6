"""Mastodon: notifications and statuses of one account, as they come, and what came while nobody listened.

Facts: mastodon/documentation, "Streaming", "Notifications", "Statuses", "Accounts", "Instance".

A payload is the JSON of one event's `data`, verbatim, or one entity of a page that was fetched, which is as good as the
event that was missed. Headers: `mastodon-event` (its name), `mastodon-account` (ours, user@domain) and, for a reply to
us or by us, `mastodon-thread` (id of the status at the root of its thread). The stream cannot be resumed: it is opened
first, then what is newer than the last one kept is fetched. Which that was stands on disk when Kafka has it.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple, TypeVar

import httpx
import msgspec
import structlog

from schemas.failures import REFUSED
from schemas.unreadable import UNREADABLE
from streams.connectors.cursor import save_whole
from streams.connectors.feed import Feed, FeedBroken, Inlet, Kind, Said, Terms
from streams.hosts import is_loopback

log = structlog.get_logger()

SILENCE = 60.0
"""Seconds without even a heartbeat after which the stream is dead: they come every 15 s."""

LARGEST = 4 << 20
"""Bytes of an event, and of a page."""

LONGEST_THREAD = 24 << 20
"""Bytes of all that is said of a status' thread: 4,096 statuses at most."""

ANSWER = 120.0
"""Seconds for an answer that is not the stream."""

TRIES = 10
"""How often a thread is asked for; the tries are up to half a minute apart."""

PAGE = 40
_TOO_MANY_WAIT = 120.0

_NOTIFICATIONS, _STATUSES = "notifications", "statuses"
_GONE = frozenset({401, 403, 404, 410})
Id = str | int | None
Decoded = TypeVar("Decoded")


class _Urls(msgspec.Struct):
    streaming: str | None = None


class _Configuration(msgspec.Struct):
    urls: _Urls | None = None


class _Instance(msgspec.Struct):
    domain: str | None = None
    configuration: _Configuration | None = None


class _Account(msgspec.Struct):
    id: Id = None
    acct: str | None = None


class _Status(msgspec.Struct):
    id: Id = None
    in_reply_to_id: Id = None
    visibility: str | None = None
    account: _Account | None = None


class _Entity(_Status):
    """Any entity, as far as its id and its place go."""

    edited_at: str | None = None
    status: _Status | None = None
    last_status: _Status | None = None


class _Context(msgspec.Struct):
    ancestors: list[_Status] = []


class _TooLong(FeedBroken):
    """An answer has more bytes than are read. `head`: those that were."""

    def __init__(self, message: str, head: bytes) -> None:
        super().__init__(message)
        self.head = head


class Us(NamedTuple):
    """Our account. `name`: user@domain; `stream`: where it is streamed from."""

    name: str
    id: str
    stream: str


class Mastodon(Feed):
    """The stream of one account. Settings: `account` (user@domain; left out: it is asked for), `from` (`now` or
    `beginning`: what is fetched at the first start)."""

    def __init__(self, terms: Terms, inlet: Inlet) -> None:
        super().__init__(terms, inlet)
        scheme = "http" if terms.security == "none" else "https"
        host = f"[{terms.host}]" if ":" in terms.host else terms.host
        self._base = f"{scheme}://{host}:{terms.port}"
        self._refused: dict[str, int] = {}

    async def session(self) -> None:
        """Open the stream, fetch what was missed, and keep what comes."""
        token = self.terms.secret("token")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise FeedBroken("the token has a sign in it that no token has")
        given = {"Authorization": f"Bearer {token}"}
        timeout = httpx.Timeout(20.0, read=SILENCE)
        trusted = ssl.create_default_context(cafile=self.terms.settings.get("ca"))
        try:
            async with httpx.AsyncClient(headers=given, timeout=timeout, verify=trusted) as client:
                us = await self._ourselves(client)
                async with client.stream("GET", f"{us.stream}/api/v1/streaming/user") as answer:
                    await _checked(answer, "the stream")
                    self.inlet.reached(yes=True)
                    await self._fetch_missed(client, us)
                    async for event, data in events_of(answer.aiter_bytes()):
                        last = await self._keep(client, us, event, data)
                        if event == "notification" and last is not None:
                            await asyncio.to_thread(self._mark, _NOTIFICATIONS, last)
        except httpx.TimeoutException:
            raise FeedBroken(f"nothing came within {SILENCE:.0f} s") from None
        except TimeoutError:
            raise FeedBroken(f"an answer was not whole within {ANSWER:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise FeedBroken(f"{type(error).__name__}: {error}") from None

    async def _ourselves(self, client: httpx.AsyncClient) -> Us:
        found = await self._asked(client, "/api/v2/instance")
        instance = _decoded(found, _Instance) if found is not None else _Instance()
        account = _decoded(await self._got(client, "/api/v1/accounts/verify_credentials"), _Account)
        name = self.terms.settings.get("account") or account.acct or ""
        if not name or account.id is None:
            raise FeedBroken("the account of the token has no name or id")
        urls = instance.configuration.urls if instance.configuration is not None else None
        stream = (urls.streaming if urls is not None else None) or self._base
        stream = stream.replace("ws", "http", 1) if stream.startswith("ws") else stream
        if self.terms.security == "tls" and not stream.startswith("https://"):
            raise FeedBroken("the instance names a stream without encryption: the token is not sent there")
        full = name if "@" in name else f"{name}@{instance.domain or self.terms.host}"
        return Us(full, str(account.id), stream.rstrip("/"))

    async def _fetch_missed(self, client: httpx.AsyncClient, us: Us) -> None:
        await self._fetch(client, us, _NOTIFICATIONS, "/api/v1/notifications", "notification")
        await self._fetch(client, us, _STATUSES, f"/api/v1/accounts/{us.id}/statuses", "update")

    async def _fetch(self, client: httpx.AsyncClient, us: Us, cursor: str, path: str, event: str) -> None:
        """Keep all that is newer than the cursor, the oldest first; the first time, set it to the newest."""
        last = self._read(cursor)
        if last is None and self.terms.settings.get("from", "now") != "beginning":
            page = _decoded(await self._got(client, f"{path}?limit=1"), list[_Entity])
            self._write(cursor, str(page[0].id or 0) if page else "0")
            return
        last = last or "0"
        while True:
            entities, refused = await self._newer(client, path, last)
            newest = None
            try:
                for entity in reversed(entities):
                    newest = await self._keep(client, us, event, bytes(entity), refused) or newest
            finally:
                if newest is not None:
                    self._mark(cursor, newest)
            if newest is None or newest == last:
                return
            last = newest

    async def _newer(self, client: httpx.AsyncClient, path: str, last: str) -> tuple[list[msgspec.Raw], str | None]:
        """The oldest that are newer than an id, as many as can be read at a time. Of one that is too long by itself
        its id alone, and why."""
        limit = PAGE
        while True:
            try:
                body = await self._got(client, f"{path}?limit={limit}&min_id={last}")
                return _decoded(body, list[msgspec.Raw]), None
            except _TooLong as failure:
                if limit > 1:
                    limit = max(1, limit // 4)
                    continue
                found = _FIRST_ID.match(failure.head)
                if found is None:
                    raise
                log.error("mastodon.left_out", source=self.terms.source, id=found[1].decode(), error=str(failure))
                return [msgspec.Raw(b'{"id":"%b"}' % found[1])], f"{failure}: its id alone is kept"

    async def _keep(
        self, client: httpx.AsyncClient, us: Us, event: str, data: bytes, refused: str | None = None
    ) -> str | None:
        """Keep a payload; returns its id. `refused`: why it is not whole."""
        try:
            entity = _decoded(data, _Entity)
        except FeedBroken:
            # An event `delete` has no more than an id; what else cannot be read, intake is to say.
            entity = _Entity(id=data.decode("utf-8", "replace") if data.isdigit() else None)
        headers = {"mastodon-event": event, "mastodon-account": us.name}
        if refused is not None:
            headers[REFUSED] = refused
        root = await self._root(client, us, entity.status or entity, event)
        if root is not None:
            headers["mastodon-thread"] = root
        if entity.id is None:
            await self.inlet.insist(data, headers=headers)
            return None
        name = f"{self.terms.host}-{event}-{entity.id}"
        more = entity.edited_at if event == "status.update" else entity.last_status and entity.last_status.id
        await self.inlet.insist(data, id=f"{name}-{more}" if more else name, headers=headers)
        return str(entity.id)

    async def _root(self, client: httpx.AsyncClient, us: Us, status: _Status, event: str) -> str | None:
        """The first status of the thread of a reply to us or by us; None where it is none, or is gone."""
        ours = status.account is not None and str(status.account.id) == us.id
        if status.in_reply_to_id is None or status.visibility == "direct" or not (event == "notification" or ours):
            return None
        found = await self._thread(client, str(status.id))
        ancestors = _decoded(found, _Context).ancestors if found is not None else []
        return str(ancestors[0].id) if ancestors and ancestors[0].id is not None else None

    async def _thread(self, client: httpx.AsyncClient, status: str) -> bytes | None:
        """What is said of a status' thread; None where nothing is, or it is not to be had: one thread that is too long
        for the instance or for us must not keep all others waiting."""
        try:
            return await self._asked(client, f"/api/v1/statuses/{status}/context", LONGEST_THREAD)
        except (FeedBroken, httpx.TimeoutException, TimeoutError) as failure:
            tries = self._refused[status] = self._refused.get(status, 0) + 1
            if not isinstance(failure, _TooLong) and tries < TRIES:
                raise
            error = str(failure) or type(failure).__name__
            log.warning("mastodon.no_thread", source=self.terms.source, status=status, error=error)
            del self._refused[status]
            return None

    async def _asked(self, client: httpx.AsyncClient, path: str, most: int | None = None) -> bytes | None:
        """What stands there; None where there is nothing, or nothing for us. `most`: bytes, LARGEST unless given."""
        most = LARGEST if most is None else most
        async with asyncio.timeout(ANSWER), client.stream("GET", self._base + path) as answer:
            if answer.status_code in _GONE:
                return None
            await _checked(answer, path.partition("?")[0])
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > most:
                    raise _TooLong(f"{path.partition('?')[0]} has more than {most:,} bytes", bytes(body))
            return bytes(body)

    async def _got(self, client: httpx.AsyncClient, path: str) -> bytes:
        found = await self._asked(client, path)
        if found is None:
            raise FeedBroken(f"{path.partition('?')[0]} is not for us: {_SCOPES}")
        return found

    def _read(self, cursor: str) -> str | None:
        """The last id that was kept; None at the first start. Raises FeedBroken, OSError: to begin with what comes now
        would lose what came meanwhile."""
        file = self.terms.folder / cursor
        try:
            said = file.read_bytes().strip()
        except FileNotFoundError:
            return None
        if not said.isalnum():
            raise FeedBroken(f"{file} has no id in it. Write the id of the last one that was kept, or remove it")
        return said.decode()

    def _mark(self, cursor: str, last: str) -> None:
        """Write the last id that was kept. A full disk keeps nothing from being counted: it is told."""
        try:
            self._write(cursor, last)
        except OSError as error:
            log.error(
                "feeds.not_marked", source=self.terms.source, file=str(self.terms.folder / cursor), error=str(error)
            )

    def _write(self, cursor: str, last: str) -> None:
        save_whole(self.terms.folder / cursor, last.encode("utf-8", "replace"))


_FIRST_ID = re.compile(rb'\s*\[\s*\{\s*"id"\s*:\s*"?([0-9A-Za-z]{1,64})"?\s*[,}]')
"""The id of the first in a list, where it stands first as instances write it."""

_SCOPES = "the token is not valid, or lacks read:accounts, read:notifications or read:statuses"


async def events_of(parts: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, bytes]]:
    """Server-sent events with data: name and data. Raises FeedBroken: one has no end."""
    rest, name, data, size = b"", "message", list[bytes](), 0
    async for part in parts:
        lines = (rest + part).split(b"\n")
        rest = lines.pop()
        for ended in lines:
            line = ended.removesuffix(b"\r")
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"event":
                name = value.decode("utf-8", "replace")
            elif field == b"data":
                data.append(value)
                size += len(value)
            elif not line:
                if any(data):
                    yield name, b"\n".join(data)
                name, data, size = "message", [], 0
        if len(rest) + size > LARGEST:
            raise FeedBroken(f"an event of the stream has more than {LARGEST:,} bytes")


async def _checked(answer: httpx.Response, what: str) -> None:
    status = answer.status_code
    if status in (401, 403):
        raise FeedBroken(f"{what} is not for us ({status}): {_SCOPES}")
    if status != 200:
        raise FeedBroken(f"{what} was answered by {status}", wait=_TOO_MANY_WAIT if status == 429 else 0.0)


def _decoded(body: bytes, kind: type[Decoded]) -> Decoded:
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise FeedBroken(f"no answer of Mastodon: {error}") from None


def faults(said: Said) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the settings of a feed of this kind."""
    settings = said.settings
    if said.security == "none" and not is_loopback(said.host):
        yield ("security",), "the token would be readable on its way to another machine: 'tls'"
    if settings.get("from", "now") not in ("now", "beginning"):
        yield ("settings", "from"), f"{settings['from']!r}: 'now' or 'beginning'"
    user, _, domain = settings.get("account", "our@own").strip().lstrip("@").partition("@")
    if not user or not domain:
        yield ("settings", "account"), f"{settings['account']!r}: expected user@domain"


KIND = Kind(
    name="mastodon",
    format="mastodon-stream",
    make=Mastodon,
    secret_names=("token",),
    setting_names=("account", "from", "ca"),
    comes_again=True,
    faults=faults,
)
