"""A feed goes on whatever breaks it, and what it brings is kept whatever stands in its headers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from agents.cli.connect import _unready
from agents.intake.mastodon_statuses import MastodonStream
from streams.connectors import feed
from streams.connectors.feed import Feed, FeedBroken, Inlet, Terms
from streams.connectors.keeping import Keeper, NotKept
from streams.connectors.line_records import LineRecord


class Kafka:
    """Takes everything."""

    def __init__(self) -> None:
        self.sent: list[LineRecord] = []

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        self.sent.append(record)
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def close(self) -> None:
        pass


class Breaking(Feed):
    """Breaks by one failure after the other, then stays."""

    def __init__(self, terms: Terms, inlet: Inlet, failures: list[Exception]) -> None:
        super().__init__(terms, inlet)
        self.failures = failures
        self.lasts = asyncio.Event()

    async def session(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.lasts.set()
        await asyncio.Event().wait()


def feeding(tmp_path: Path, body: Callable[[Terms, Inlet, Kafka], Any]) -> None:
    async def whole() -> None:
        kafka = Kafka()
        keeper = Keeper(kafka, tmp_path, ["shop"])
        await keeper.open()
        inlet = Inlet("test", "shop", MastodonStream(), keeper, comes_again=True)
        try:
            await body(Terms("shop", "shop.example", 443, "tls", {}, {}, tmp_path), inlet, kafka)
        finally:
            await keeper.close()

    asyncio.run(whole())


FAILURES = [FeedBroken("refused"), NotKept("kafka_away", "not kept"), TimeoutError(), OSError("away")]
UNFORESEEN = [UnicodeError("label too long"), EOFError(), KeyError("token")]


@pytest.mark.parametrize("failures", [FAILURES, UNFORESEEN], ids=["foreseen", "unforeseen"])
def test_whatever_breaks_a_connection_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: list[Exception]
) -> None:
    monkeypatch.setattr(feed, "FIRST_PAUSE", 0.001)

    async def body(terms: Terms, inlet: Inlet, kafka: Kafka) -> None:
        breaking = Breaking(terms, inlet, list(failures))
        running = asyncio.create_task(breaking.run())
        lasting = asyncio.create_task(breaking.lasts.wait())
        with capture_logs() as logs:
            await asyncio.wait({running, lasting}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert lasting.done()
        running.cancel()
        await asyncio.gather(running, lasting, return_exceptions=True)
        assert running.cancelled()
        said = [each["event"] for each in logs]
        assert said == (["feeds.broken"] if failures is FAILURES else ["feeds.fault", "feeds.broken"]) * len(failures)

    feeding(tmp_path, body)


def test_only_a_feed_that_was_without_a_good_connection_for_long_is_in_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    # The event loop has the real one.
    monkeypatch.setattr(feed, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(feed, "FIRST_PAUSE", 0.0)

    class Told(Feed):
        ends = asyncio.Event()
        answers = True

        async def session(self) -> None:
            self.inlet.reached(yes=self.answers)
            await self.ends.wait()
            self.ends.clear()
            raise FeedBroken("the server refuses user and password")

    async def body(terms: Terms, inlet: Inlet, kafka: Kafka) -> None:
        told = Told(terms, inlet)
        assert told.troubles == []
        running = asyncio.create_task(told.run())

        async def at(seconds: float, *, breaks: bool = False) -> list[str]:
            now[0] = 1_000.0 + seconds
            if breaks:
                told.ends.set()
            for _ in range(20):
                await asyncio.sleep(0.001)
            return told.troubles

        # A good one, and a short break after it.
        assert [await at(0), await at(500), await at(600, breaks=True), await at(640)] == [[], [], [], []]
        # One that breaks again and again is none, though it is there now.
        assert [await at(second, breaks=True) for second in (650, 690, 719)] == [[], [], []]
        trouble = ["shop: the server refuses user and password"]
        assert [await at(721), await at(750, breaks=True), await at(809), await at(810)] == [trouble] * 3 + [[]]
        # One that takes long to fail is none either.
        told.answers = False
        assert [await at(900, breaks=True), await at(970, breaks=True), await at(1019)] == [[], [], []]
        assert await at(1021) == trouble
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    feeding(tmp_path, body)


@pytest.mark.parametrize(("comes_again", "seconds"), [(True, 5.0), (False, 0.5)])
def test_what_nobody_gives_again_waits_for_kafka_half_a_second(
    tmp_path: Path, comes_again: bool, seconds: float
) -> None:
    waited: list[float] = []

    class Waiting(Keeper):
        async def keep(self, source: str, record: LineRecord, *, seconds: float, comes_again: bool) -> str:
            waited.append(seconds)
            return "taken"

    async def body() -> None:
        keeper = Waiting(Kafka(), tmp_path, ["shop"])
        await Inlet("test", "shop", MastodonStream(), keeper, comes_again=comes_again).insist(b"1")

    asyncio.run(body())
    assert waited == [seconds]


def test_a_header_that_is_no_unicode_takes_nothing_from_the_record(tmp_path: Path) -> None:
    async def body(terms: Terms, inlet: Inlet, kafka: Kafka) -> None:
        await inlet.keep(b"1", id="\udcff-1", headers={"mastodon-event": "delete\udcff"})
        (record,) = kafka.sent
        headers = dict(record.headers)
        assert (record.value, headers["ce_id"], headers["mastodon-event"]) == (b"1", b"?-1", b"delete?")

    feeding(tmp_path, body)


def test_connect_is_not_ready_while_a_file_stands_still_or_a_feed_is_in_trouble() -> None:
    tails = [SimpleNamespace(path="queue_log", counts=SimpleNamespace(error=error)) for error in (None, "gone")]
    feeds = [SimpleNamespace(troubles=[]), SimpleNamespace(troubles=["shop: refused"])]
    assert _unready(tails, feeds) == ["queue_log: gone", "shop: refused"]  # type: ignore[arg-type]
    assert _unready(tails[:1], feeds[:1]) == []  # type: ignore[arg-type]
