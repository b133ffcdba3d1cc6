"""The order of arrival leaves no trace in a profile, and its numbers are those of a plain recomputation."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.customers import CustomerContact, CustomerProfile
from schemas.instants import DAY, HOUR, from_ms
from tests.unit.customer_floor import NOON, Floor, contact

_SPANS = st.one_of(
    st.integers(0, 2 * HOUR),
    st.integers(0, 89 * DAY),
    st.sampled_from([HOUR, DAY, 7 * DAY, 30 * DAY, HOUR - 1, DAY + 1]),
)
_WINDOWS = (("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY), ("90d", 90 * DAY), ("lifetime", 10**15))


@st.composite
def _told(draw: st.DrawFn, number: int, start: int) -> CustomerContact:
    def instants() -> tuple[int, ...]:
        return tuple(sorted(min(start + span, NOON) for span in draw(st.lists(_SPANS, max_size=2))))

    written = draw(st.booleans())
    return contact(
        f"c{number}",
        start - draw(st.sampled_from([0, 0, 5_000])),
        channel=draw(st.sampled_from(["phone", "chat"])) if number % 2 else "phone",
        queue=draw(st.sampled_from([None, "sales", "tech"])),
        open=draw(st.booleans()),
        outcome=draw(st.sampled_from(["answered", "abandoned", "ended"])),
        waited=draw(st.none() | st.integers(0, 10**6)),
        handled=draw(st.none() | st.integers(0, 10**6)),
        transfers=draw(st.integers(0, 2)),
        messages_in=instants() if written else (),
        messages_out=instants() if written else (),
        reopened=instants() if written else (),
        complaint=draw(st.booleans()),
        gone=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def _stories(draw: st.DrawFn) -> list[CustomerContact]:
    """Up to eight contacts, each told up to three times: in the order of their starts."""
    told = []
    for number in range(draw(st.integers(1, 8))):
        start = NOON - draw(_SPANS)
        told += [draw(_told(number, start)) for _ in range(draw(st.integers(1, 3)))]
    return sorted(told, key=lambda said: said.started)


def _mixed(data: st.DataObject, told: list[CustomerContact]) -> list[CustomerContact]:
    """Any order that keeps what is said of one contact in order: its records are on one partition."""
    by_contact = sorted(told, key=lambda said: said.contact)
    queues = [list(group) for _, group in groupby(by_contact, key=lambda said: said.contact)]
    mixed = []
    while queues:
        queue = data.draw(st.sampled_from(queues))
        mixed.append(queue.pop(0))
        if not queue:
            queues.remove(queue)
    return mixed


def _last(said: list[CustomerContact], end: int) -> CustomerProfile | None:
    """What stands on the topic once all is said, one record a millisecond, and the clock has come to `end`."""
    floor = Floor()
    told: list[CustomerProfile | None] = []
    for number, each in enumerate(said):
        told += floor.at(NOON + number, each)
    told += floor.at(end)
    told += floor.flush(ended=True)
    last = told[-1] if told else None
    # As of when it was last told depends on when the last change came, and may.
    return None if last is None else msgspec.structs.replace(last, as_of=from_ms(end))


def _touched(each: CustomerContact) -> int:
    return max((each.started, *each.messages_in, *each.messages_out, *each.reopened))


def _counts(kept: list[CustomerContact], bound: int) -> dict[str, Any]:
    """What a window has of contacts, straight from what was said last of each."""
    begun = [each for each in kept if each.started > bound]
    waits = [each.waited for each in begun if each.waited is not None]
    handled = [each.handled for each in begun if each.handled is not None]

    def instants(field: str) -> int:
        return sum(at > bound for each in kept for at in getattr(each, field))

    return {
        "contacts": len(begun),
        "answered": sum(each.outcome == "answered" for each in begun),
        "abandoned": sum(each.outcome == "abandoned" for each in begun),
        "total_wait": sum(waits) / 1000,
        "longest_wait": max(waits) / 1000 if waits else None,
        "handled": len(handled),
        "total_handle": sum(handled) / 1000,
        "transfers": sum(each.transfers for each in begun),
        "messages_in": instants("messages_in"),
        "messages_out": instants("messages_out"),
        "reopened": instants("reopened"),
    }


def _windows(kept: list[CustomerContact], end: int, of: Callable[[CustomerContact], str | None]) -> Any:
    names = sorted({name for each in kept if (name := of(each)) is not None})
    windows: dict[str, dict[str, Any]] = {}
    for window, length in _WINDOWS:
        counted = {name: _counts([each for each in kept if of(each) == name], end - length) for name in names}
        windows[window] = {
            name: counts
            for name, counts in counted.items()
            if counts["contacts"] or counts["messages_in"] or counts["messages_out"] or counts["reopened"]
        }
    return windows


def _expected(said: list[CustomerContact], end: int) -> Any:
    kept = [each for each in {each.contact: each for each in said}.values() if not each.gone]
    if not any(each.open or _touched(each) > end - 90 * DAY for each in kept):
        return None
    return (
        len(kept),
        sum(each.complaint for each in kept),
        _windows(kept, end, lambda each: each.channel),
        _windows(kept, end, lambda each: each.queue),
    )


def _seen(windows: dict[str, Any]) -> Any:
    """Windows as plain numbers, of the fields that are recomputed."""
    fields = tuple(_counts([], 0))
    return {
        window: {name: {field: getattr(counts, field) for field in fields} for name, counts in names.items()}
        for window, names in windows.items()
    }


@settings(max_examples=60)
@given(told=_stories(), data=st.data())
def test_any_order_with_replaced_contacts_gives_the_profile_of_the_sorted_arrival_and_exact_numbers(
    told: list[CustomerContact], data: st.DataObject
) -> None:
    end = NOON + 2_000 + data.draw(st.sampled_from([0, HOUR, DAY, 8 * DAY]))
    mixed = _last(_mixed(data, told), end)
    assert mixed == _last(told, end)
    numbers = mixed and (
        mixed.contacts,
        mixed.complaints,
        _seen(mixed.windows),
        _seen(mixed.queues) if mixed.queues else {window: {} for window, _ in _WINDOWS},
    )
    assert numbers == _expected(told, end)
