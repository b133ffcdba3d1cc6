"""A Mastodon instance over real connections: what its stream says, and what was missed meanwhile, is kept verbatim."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from structlog.testing import capture_logs

from streams.connectors.feed import Terms
from streams.connectors.feeds import mastodon
from streams.connectors.feeds.mastodon import KIND
from streams.connectors.line_records import LineRecord
from tests.integration.mail_kit import Shelf, running, until
from tests.integration.peer import Peer

REFUSED = "an error of the instance"
TOKEN_SAID, TOKEN = "token", "fw-mastodon-token"
Entity = dict[str, Any]


def mention(number: int, **status: Any) -> Entity:
    ana = {"id": "109", "acct": "ana@kunde.example"}
    written = {"id": str(1_130_000 + number), "created_at": "2026-10-20T09:59:59.000Z", "in_reply_to_id": None}
    said = written | {"visibility": "direct", "content": "<p>ü</p>", "account": ana, "mentions": [{"acct": "shop"}]}
    return {"id": str(9_000 + number), "type": "mention", "account": ana, "status": said | status}


def reply(number: int, **more: Any) -> Entity:
    return {
        "id": str(1_140_000 + number),
        "created_at": "2026-10-20T10:01:00.000Z",
        "in_reply_to_id": "1130001",
        "visibility": "public",
        "content": "<p>soon</p>",
        "account": {"id": "1", "acct": "shop"},
    } | more


def body(entity: Any) -> bytes:
    # Not as any encoder would write it: it must come through untouched.
    return msgspec.json.encode(entity).replace(b'","', b'" , "')


def sse(event: str, data: bytes) -> bytes:
    return f"event: {event}\n".encode() + b"data: " + data + b"\n\n"


class Instance(Peer):
    """An instance of the test's own. `notifications`, `statuses`: what can be fetched, the oldest first; `asked`: paths
    that were."""

    def __init__(self) -> None:
        super().__init__()
        self.notifications: list[Entity] = []
        self.statuses: list[Entity] = []
        self.roots: dict[str, str] = {}
        self.asked: list[str] = []

    @property
    def streaming(self) -> bool:
        return bool(self.writers)

    async def notify(self, *numbers: int) -> None:
        entities = [mention(number) for number in numbers]
        self.notifications += entities
        await self.say(*(sse("notification", body(entity)) for entity in entities))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            writer.close()
            return
        target = head.split(" ", 2)[1]
        url = urlsplit(target)
        self.asked.append(target)
        if f"authorization: bearer {TOKEN}\r\n" not in head.lower():
            self._answer(writer, 401, b'{"error":"The access token is invalid"}')
        elif url.path == "/api/v1/streaming/user":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n:)\n:thump\n")
            self.writers.append(writer)
        else:
            found = self._found(url.path, {name: each[0] for name, each in parse_qs(url.query).items()})
            status = 404 if found is None else 500 if REFUSED.encode() in found else 200
            self._answer(writer, status, found or b"{}")

    def _answer(self, writer: asyncio.StreamWriter, status: int, content: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + content)
        writer.close()

    def _found(self, path: str, query: dict[str, str]) -> bytes | None:
        if path == "/api/v2/instance":
            urls = {"urls": {"streaming": f"ws://127.0.0.1:{self.port}"}}
            return body({"domain": "shop.example", "configuration": urls})
        if path == "/api/v1/accounts/verify_credentials":
            return body({"id": "1", "acct": "shop"})
        if path.endswith("/context"):
            root = self.roots.get(path.split("/")[4])
            return None if root is None else body({"ancestors": [{"id": root}, {"id": "5"}], "descendants": []})
        entities = {"/api/v1/notifications": self.notifications, "/api/v1/accounts/1/statuses": self.statuses}.get(path)
        if entities is None:
            return None
        limit = int(query["limit"])
        if "min_id" not in query:
            page = entities[-limit:]
        else:
            page = [each for each in entities if int(each["id"]) > int(query["min_id"])][:limit]
        return b"[" + b" , ".join(body(each) for each in reversed(page)) + b"]"


@asynccontextmanager
async def instance() -> AsyncIterator[Instance]:
    started = Instance()
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


def terms(folder: Path, port: int, token: str = TOKEN, **settings: str) -> Terms:
    return Terms("fedi", "127.0.0.1", port, "none", {"token": (token,)}, settings, folder / "fedi")


BEGINNING = {"from": "beginning"}


def names(records: list[LineRecord]) -> list[str]:
    return [dict(each.headers)["ce_id"].decode() for each in records]


def fetched(*numbers: int) -> list[str]:
    return [f"127.0.0.1-notification-{9_000 + number}" for number in numbers]


async def listening(started: Instance, folder: Path) -> None:
    """Wait until the stream is open, and what was missed is asked for and its end is on disk."""

    def fetched() -> bool:
        asked = any(each.startswith("/api/v1/accounts/1/statuses") for each in started.asked)
        marked = all((folder / "fedi" / each).exists() for each in ("notifications", "statuses"))
        return started.streaming and asked and marked

    await until(fetched, "streaming")
    started.asked.clear()


@pytest.mark.asyncio
async def test_what_comes_is_kept_verbatim_with_what_its_bytes_do_not_say(tmp_path: Path) -> None:
    shelf = Shelf()
    edited = reply(2, edited_at="2026-10-20T10:05:00.000Z")
    async with instance() as started:
        started.notifications.append(mention(1))
        async with running(KIND, terms(tmp_path, started.port), shelf):
            await listening(started, tmp_path)
            await started.notify(2)
            await started.say(b":thump\n", sse("update", body(reply(2))), sse("status.update", body(edited)))
            await started.say(sse("filters_changed", b""), sse("delete", b"1140002"), sse("of.tomorrow", b"{"))
            await shelf.has(5)
    assert [each.value for each in shelf.records] == [
        body(mention(2)),
        body(reply(2)),
        body(edited),
        b"1140002",
        b"{",
    ]
    first = shelf.records[0]
    headers = dict(first.headers)
    assert headers.pop("ce_time").endswith(b"Z")
    assert headers == {
        "ce_source": b"fedi",
        "ce_type": b"mastodon-stream",
        "ce_id": b"127.0.0.1-notification-9002",
        "content-type": b"application/json",
        "mastodon-event": b"notification",
        "mastodon-account": b"shop@shop.example",
    }
    assert (first.topic, first.key) == ("channel.social", b"mastodon direct shop@shop.example ana@kunde.example")
    assert names(shelf.records)[1:4] == [
        "127.0.0.1-update-1140002",
        "127.0.0.1-status.update-1140002-2026-10-20T10:05:00.000Z",
        "127.0.0.1-delete-1140002",
    ]


@pytest.mark.asyncio
async def test_a_reply_names_the_root_of_its_thread(tmp_path: Path) -> None:
    shelf = Shelf()
    async with instance() as started, running(KIND, terms(tmp_path, started.port), shelf):
        await listening(started, tmp_path)
        started.roots = {"1130003": "1130000", "1140001": "1130000"}
        third = mention(3, visibility="public", in_reply_to_id="1130002")
        strangers = reply(4, account={"id": "110", "acct": "eve"})
        await started.say(sse("notification", body(third)), sse("update", body(reply(1))))
        await started.say(sse("update", body(reply(5))), sse("update", body(strangers)))
        await shelf.has(4)
        asked = list(started.asked)
    assert [dict(each.headers).get("mastodon-thread") for each in shelf.records] == [b"1130000", b"1130000", None, None]
    assert asked == [f"/api/v1/statuses/{number}/context" for number in (1130003, 1140001, 1140005)]


@pytest.mark.asyncio
async def test_from_the_beginning_all_pages_are_fetched_the_oldest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mastodon, "PAGE", 2)
    shelf = Shelf()
    async with instance() as started:
        started.notifications = [mention(number) for number in range(1, 6)]
        started.statuses = [reply(1)]
        async with running(KIND, terms(tmp_path, started.port, **BEGINNING), shelf):
            await shelf.has(6)
            await started.notify(6)
            await shelf.has(7)
    assert names(shelf.records) == [*fetched(1, 2, 3, 4, 5), "127.0.0.1-update-1140001", *fetched(6)]
    assert [each.value for each in shelf.records[:5]] == [body(mention(number)) for number in range(1, 6)]


@pytest.mark.asyncio
async def test_what_was_missed_is_fetched_after_a_loss_and_by_the_next_process(tmp_path: Path) -> None:
    shelf = Shelf()
    async with instance() as started:
        async with running(KIND, terms(tmp_path, started.port), shelf):
            await listening(started, tmp_path)
            await started.notify(1)
            await shelf.has(1)
            await started.say(sse("notification", body(mention(2)))[:40])
            started.hang_up()
            started.notifications += [mention(2), mention(3)]
            started.statuses.append(reply(1))
            await shelf.has(4)
        started.notifications.append(mention(4))
        async with running(KIND, terms(tmp_path, started.port), shelf):
            await shelf.has(5)
    assert names(shelf.records) == [*fetched(1, 2, 3), "127.0.0.1-update-1140001", *fetched(4)]


@pytest.mark.asyncio
async def test_a_place_that_cannot_be_read_is_told_and_never_taken_for_a_first_start(tmp_path: Path) -> None:
    shelf = Shelf()
    place = tmp_path / "fedi" / "notifications"
    place.parent.mkdir()
    place.write_bytes(b"\x00\x00\x00\x00")
    with capture_logs() as logs:
        async with instance() as started:
            started.notifications = [mention(1), mention(2)]
            async with running(KIND, terms(tmp_path, started.port), shelf):
                await until(lambda: bool(logs), "told")
                assert place.read_bytes() == b"\x00\x00\x00\x00"
                place.write_text("9001\n")
                await shelf.has(1)
    assert logs[0]["error"] == (f"{place} has no id in it. Write the id of the last one that was kept, or remove it")
    assert names(shelf.records) == fetched(2)


@pytest.mark.asyncio
async def test_with_a_full_disk_it_goes_on_and_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, __: bytes) -> None:
        raise OSError("no space left")

    shelf = Shelf()
    with capture_logs() as logs:
        async with instance() as started, running(KIND, terms(tmp_path, started.port), shelf):
            await listening(started, tmp_path)
            monkeypatch.setattr(mastodon, "save_whole", full)
            await started.notify(1, 2)
            await shelf.has(2)
            started.hang_up()
            await until(lambda: sum(each["event"] == "feeds.not_marked" for each in logs) >= 3, "fetched again")
            shelf.away = True
            started.notifications.append(mention(3))
            started.hang_up()
            await until(lambda: any(each["event"] == "feeds.waits" for each in logs), "waiting")
    assert names(shelf.records) == fetched(1, 2, 1, 2)


@pytest.mark.asyncio
@pytest.mark.parametrize("thread", ["too long", "refused"])
async def test_a_thread_that_is_not_to_be_had_keeps_nobody_waiting_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    monkeypatch.setattr(mastodon, "LONGEST_THREAD", 2_000)
    monkeypatch.setattr(mastodon, "TRIES", 2)
    shelf = Shelf()
    with capture_logs() as logs:
        async with instance() as started:
            started.roots = {"1130001": "1130000", "1130002": "x" * 3_000 if thread == "too long" else REFUSED}
            said = {"visibility": "public", "in_reply_to_id": "1130000"}
            started.notifications = [mention(number, **said) for number in (1, 2)]
            async with running(KIND, terms(tmp_path, started.port, **BEGINNING), shelf):
                await shelf.has(2)
                await started.notify(3)
                await until(lambda: fetched(3)[0] in names(shelf.records), "the last one")
    # What comes while the first ones are fetched comes on both ways, under one id.
    heads = [dict(each.headers) for each in shelf.records]
    threads = {each["ce_id"].decode(): each.get("mastodon-thread") for each in heads}
    assert list(threads.items()) == list(zip(fetched(1, 2, 3), (b"1130000", None, None), strict=True))
    path = "/api/v1/statuses/1130002/context"
    error = f"{path} has more than 2,000 bytes" if thread == "too long" else f"{path} was answered by 500"
    told = [each for each in logs if each["event"] == "mastodon.no_thread"]
    assert [(each["status"], each["error"]) for each in told] == [("1130002", error)]
    assert sum(each["event"] == "feeds.broken" for each in logs[: logs.index(told[0])]) == (thread == "refused")


@pytest.mark.asyncio
async def test_an_answer_that_never_ends_breaks_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mastodon, "ANSWER", 0.5)
    over, ended = asyncio.Event(), asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with suppress(OSError):
            while not over.is_set():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with capture_logs() as logs:
        async with running(KIND, terms(tmp_path, port), Shelf()):
            await until(lambda: bool(logs), "told")
            over.set()
            await asyncio.wait_for(ended.wait(), 30)
    server.close()
    assert logs[0]["error"] == "an answer was not whole within 0 s"


@pytest.mark.asyncio
async def test_missed_that_are_too_long_together_are_read_in_parts_and_one_that_is_too_long_alone_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mastodon, "LARGEST", 20_000)
    shelf = Shelf()
    with capture_logs() as logs:
        async with instance() as started:
            long = {3: 8_000, 4: 30_000, 5: 8_000, 6: 8_000}
            started.notifications = [mention(number, content="x" * long.get(number, 10)) for number in range(1, 8)]
            async with running(KIND, terms(tmp_path, started.port, **BEGINNING), shelf):
                await until(lambda: len(shelf.records) == 7, "kept")
                await started.notify(8)
                await until(lambda: len(shelf.records) == 8, "live")
    assert names(shelf.records) == fetched(*range(1, 9))
    told = [body(each) for each in started.notifications]
    told[3] = b'{"id":"9004"}'
    assert [each.value for each in shelf.records] == told
    refused = dict(shelf.records[3].headers)["refused"].decode()
    assert refused == "/api/v1/notifications has more than 20,000 bytes: its id alone is kept"
    assert [each["id"] for each in logs if each["event"] == "mastodon.left_out"] == ["9004"]


@pytest.mark.asyncio
async def test_a_token_with_a_line_end_is_not_sent_and_not_shown(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with instance() as started, running(KIND, terms(tmp_path, started.port, "an old\ntoken"), Shelf()):
            await until(lambda: bool(logs), "told")
    assert logs[0]["error"] == "the token has a sign in it that no token has"
    assert started.asked == []


@pytest.mark.asyncio
async def test_an_event_without_end_and_a_silent_stream_break_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mastodon, "LARGEST", 50_000)
    shelf = Shelf()
    with capture_logs() as logs:
        async with instance() as started, running(KIND, terms(tmp_path, started.port), shelf):
            await listening(started, tmp_path)
            # For the next connection: this one has its patience already.
            monkeypatch.setattr(mastodon, "SILENCE", 0.5)
            await started.say(b"event: update\ndata: " + b"x" * 60_000)
            await until(lambda: len(logs) == 1, "broken")
            await until(lambda: len(logs) == 2, "broken by silence")
    assert [each["error"] for each in logs[:2]] == [
        "an event of the stream has more than 50,000 bytes",
        "nothing came within 0 s",
    ]
    assert shelf.records == []
