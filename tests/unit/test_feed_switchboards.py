"""Feeds of switchboards and of Mastodon: what is wrong with their settings, and what they remember."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streams.connectors.feed import FeedBroken, Kind, Said
from streams.connectors.feeds import _switchboard, ami, freeswitch, mastodon
from streams.connectors.feeds._switchboard import Heard, Parcel


def faults(kind: Kind, host: str = "127.0.0.1", security: str = "none", **settings: str) -> list[tuple[str, ...]]:
    assert kind.faults is not None
    return [place for place, _ in kind.faults(Said(host, security, frozenset(kind.secret_names), settings))]


def test_a_secret_goes_to_another_machine_only_encrypted() -> None:
    away = "pbx.shop.example"
    assert faults(ami.KIND, away) == []
    assert faults(ami.KIND, away, login="plain") == [("settings", "login")]
    assert faults(ami.KIND, away, "tls", login="plain") == []
    assert faults(ami.KIND, "::1", login="plain") == []
    for kind in (freeswitch.KIND, mastodon.KIND):
        assert faults(kind, away) == [("security",)]
        assert faults(kind, away, "tls") == []
        assert faults(kind, "localhost") == []


@pytest.mark.parametrize(
    ("kind", "name", "right", "wrong"),
    [
        (ami.KIND, "login", "md5", "sha256"),
        (ami.KIND, "holds", "no", "true"),
        (mastodon.KIND, "from", "beginning", "yesterday"),
        (mastodon.KIND, "account", "shop@shop.example", "shop"),
    ],
)
def test_a_setting_with_a_word_that_it_does_not_know_is_named(kind: Kind, name: str, right: str, wrong: str) -> None:
    assert faults(kind, **{name: right}) == []
    assert faults(kind, **{name: wrong}) == [("settings", name)]


def test_until_when_everything_was_kept_outlives_the_process_and_never_goes_back(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    assert heard.until is None
    heard.mark(1_792_490_400_000)
    heard.mark(1_792_490_400_500)
    assert Heard(tmp_path).until == 1_792_490_400_000
    heard.mark(1_792_490_400_100, now=True)
    assert Heard(tmp_path).until == 1_792_490_400_500


def test_a_mark_that_cannot_be_read_is_none_and_one_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "heard").write_text("soon")
    assert Heard(tmp_path).until is None
    lost = Heard(tmp_path / "gone")
    with capture_logs() as logs:
        lost.mark(1_792_490_400_000)
    assert (lost.until, [each["event"] for each in logs]) == (1_792_490_400_000, ["feeds.not_marked"])


@pytest.mark.asyncio
async def test_what_was_read_is_kept_even_if_there_was_no_room_for_it_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_switchboard, "WAITING", 2)
    read: list[bytes] = []

    kept: list[bytes] = []

    class Away:
        async def insist(self, payload: bytes, **_: object) -> None:
            await asyncio.Event().wait()

        async def keep(self, payload: bytes, **_: object) -> None:
            kept.append(payload)

    async def parcels() -> AsyncIterator[Parcel]:
        for number in range(9):
            read.append(b"%d" % number)
            yield Parcel(read[-1], None, {}, number)

    carrying = asyncio.create_task(_switchboard.carry(Away(), parcels()))  # type: ignore[arg-type]
    for _ in range(20):
        await asyncio.sleep(0)
    carrying.cancel()
    await asyncio.gather(carrying, return_exceptions=True)
    assert read == [b"0", b"1", b"2", b"3"]
    assert kept == read


@pytest.mark.asyncio
async def test_a_question_that_could_not_be_asked_in_time_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_switchboard, "PING", 0.001)
    failures: list[Exception] = [TimeoutError(), TimeoutError(), ConnectionResetError()]
    asked = asyncio.Event()

    async def say() -> None:
        if len(failures) == 1:
            asked.set()
        raise failures.pop(0)

    async with _switchboard.pinging(say):
        await asyncio.wait_for(asked.wait(), 30)
    assert failures == []


@pytest.mark.asyncio
async def test_server_sent_events_come_in_any_pieces_and_only_with_data(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = (
        b':)\n\nevent: update\r\ndata: {"a":\r\ndata:1}\r\n\r\n:thump\nevent: none\n\ndata: x\n\nevent: half\ndata: {'
    )

    async def told(size: int) -> list[tuple[str, bytes]]:
        async def parts() -> AsyncIterator[bytes]:
            for start in range(0, len(stream), size):
                yield stream[start : start + size]

        return [each async for each in mastodon.events_of(parts())]

    for size in (1, 2, 7, len(stream)):
        assert await told(size) == [("update", b'{"a":\n1}'), ("message", b"x")]
    monkeypatch.setattr(mastodon, "LARGEST", 5)
    with pytest.raises(FeedBroken, match="more than 5 bytes"):
        await told(3)
