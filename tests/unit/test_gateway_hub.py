"""The hub, keys, paces, pages and cursors of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from streams.outlets.gateway.errors import Refused
from streams.outlets.gateway.exposure import Exposed, check_exposure, names_of
from streams.outlets.gateway.hub import QUEUE, Hub
from streams.outlets.gateway.pace import Pace
from streams.outlets.gateway.paging import page_of
from streams.settings import load_settings


def hub() -> Hub:
    return Hub("e", lambda seq: {"seq": seq})


def numbers(wire: bytes | None) -> list[int]:
    assert wire is not None
    lines = [line.partition(b": ")[2] for line in wire.split(b"\n") if line.startswith(b"data: ")]
    return [msgspec.json.decode(line)["seq"] for line in lines]


def say(hub: Hub, times: int, at: int = 0) -> None:
    for _ in range(times):
        hub.send("delta", lambda seq: {"seq": seq}, at)


def test_what_was_missed_is_sent_again_in_order() -> None:
    known = hub()
    say(known, 10)
    assert numbers(known.missed("e-7")) == [8, 9, 10]
    assert known.missed("e-10") == b""
    assert numbers(known.missed("e-0")) == list(range(1, 11))


@pytest.mark.parametrize("last", [None, "", "e-", "e-x", "other-3", "e-11", "e-99", "e--1", "e-²", f"e-{'9' * 5_000}"])
def test_what_no_event_of_this_start_was_called_is_not_resumed(last: str | None) -> None:
    known = hub()
    say(known, 10)
    assert known.missed(last) is None


def test_what_is_older_than_two_minutes_is_not_sent_again() -> None:
    known = hub()
    say(known, 5, at=0)
    say(known, 5, at=100_000)
    assert numbers(known.missed("e-3")) == [4, 5, 6, 7, 8, 9, 10]
    say(known, 1, at=120_001)
    assert known.missed("e-3") is None
    assert numbers(known.missed("e-5")) == [6, 7, 8, 9, 10, 11]


def run(test: Callable[[Hub], Any]) -> None:
    async def body() -> None:
        async with asyncio.timeout(30):
            await test(hub())

    asyncio.run(body())


def test_a_viewer_gets_what_happens_after_it_joined() -> None:
    async def body(known: Hub) -> None:
        say(known, 3)
        viewer = known.join()
        say(known, 2)
        assert numbers(await viewer.next()) == [4, 5]

    run(body)


def test_a_viewer_that_is_too_slow_gets_a_snapshot_of_now_and_goes_on_from_there() -> None:
    async def body(known: Hub) -> None:
        slow, other = known.join(), known.join()
        say(known, QUEUE)
        assert len(numbers(await other.next())) == QUEUE
        say(known, 5)
        event = await slow.next()
        assert event is not None
        assert event.startswith(b"event: snapshot\nid: e-69\n")
        assert numbers(event) == [QUEUE + 5]
        assert len(numbers(await other.next())) == 5
        say(known, 1)
        assert numbers(await slow.next()) == [QUEUE + 6]

    run(body)


def test_streams_end_when_the_hub_closes_after_what_was_waiting() -> None:
    async def body(known: Hub) -> None:
        viewer = known.join()
        say(known, 1)
        known.close()
        assert numbers(await viewer.next()) == [1]
        assert await viewer.next() is None
        assert await known.join().next() is None

    run(body)


def test_a_pace_takes_so_many_of_each_asker_and_says_when_it_takes_more() -> None:
    now = [0]
    pace = Pace(2, 60_000, lambda: now[0])
    pace.check("a")
    now[0] = 10_000
    pace.check("a")
    pace.check("b")
    with pytest.raises(Refused) as refused:
        pace.check("a")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "50")
    now[0] = 60_000
    pace.check("a")


def test_pages_hold_every_entry_once_though_others_come_in_between() -> None:
    entries = [f"{number:03d}" for number in range(0, 100, 2)]
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = page_of(entries, lambda each: (each,), 7, cursor, {"a": None})
        seen += page
        entries.append(f"{len(seen) * 2 - 1:03d}")  # before what is read next
        if cursor is None:
            break
    assert [each for each in seen if int(each) % 2 == 0] == [f"{number:03d}" for number in range(0, 100, 2)]
    assert len(seen) == len(set(seen))


def test_a_cursor_goes_with_its_filter() -> None:
    _, cursor = page_of(["a", "b"], lambda each: (each,), 1, None, {"queue": "x"})
    with pytest.raises(Refused, match="another") as refused:
        page_of(["a", "b"], lambda each: (each,), 1, cursor, {"queue": "y"})
    assert refused.value.status == 400


@pytest.mark.parametrize("cursor", ["", "x", "e30", "bnVsbA", "é", "A" * 1_999])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Refused) as refused:
        page_of(["a"], lambda each: (each,), 1, cursor, {})
    assert refused.value.status == 400


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "floor.example.org"])
def test_other_machines_are_let_in_only_with_keys(host: str) -> None:
    with pytest.raises(Exposed, match="floorwalker keys new"):
        check_exposure(load_settings(), host)
    key = {"name": "wall", "role": "wall", "sha256": "0" * 64}
    check_exposure(load_settings(keys=[key]), host)
    assert names_of(load_settings(keys=[key]), host) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_on_loopback_only_known_names_lead_here(host: str) -> None:
    settings = load_settings(gateway={"public_url": "https://floor.example.org/wall"})
    check_exposure(settings, host)
    names = names_of(settings, host)
    assert names is not None
    assert {"127.0.0.1", "localhost", "::1", "floor.example.org"} <= names
    assert "evil.example" not in names
