"""The order of arrival leaves no trace in a profile."""

from itertools import groupby

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.customers import CustomerContact, CustomerProfile
from schemas.instants import DAY, HOUR, from_ms
from tests.unit.customer_floor import NOON, Floor, contact

_SPANS = st.one_of(
    st.integers(0, 2 * HOUR), st.integers(0, 29 * DAY), st.sampled_from([HOUR, DAY, 7 * DAY, HOUR - 1, DAY + 1])
)


@st.composite
def _stories(draw: st.DrawFn) -> list[CustomerContact]:
    """Up to eight contacts, each told up to three times: in the order of their starts."""
    told = []
    for number in range(draw(st.integers(1, 8))):
        start = NOON - draw(_SPANS)
        told += [
            contact(
                f"c{number}",
                start - draw(st.sampled_from([0, 0, 5_000])),
                channel=draw(st.sampled_from(["phone", "chat"])) if number % 2 else "phone",
                open=draw(st.booleans()),
                outcome=draw(st.sampled_from(["answered", "abandoned", "ended"])),
                waited=draw(st.none() | st.integers(0, 10**6)),
                gone=draw(st.integers(0, 9)) == 0,
            )
            for _ in range(draw(st.integers(1, 3)))
        ]
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


def _expected(said: list[CustomerContact], end: int) -> tuple[int, dict[str, dict[str, tuple[int, float]]]] | None:
    """Lifetime count, and contacts and total wait per window and channel, straight from what was said last."""
    kept = [each for each in {each.contact: each for each in said}.values() if not each.gone]
    if not any(each.open or each.started > end - 30 * DAY for each in kept):
        return None
    windows: dict[str, dict[str, tuple[int, float]]] = {}
    for name, length in (("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)):
        counting = [each for each in kept if each.started > end - length]
        windows[name] = {
            channel: (len(each), sum(one.waited or 0 for one in each) / 1000)
            for channel in ("chat", "phone")
            if (each := [one for one in counting if one.channel == channel])
        }
    return len(kept), windows


@settings(max_examples=150, deadline=None)
@given(told=_stories(), data=st.data())
def test_out_of_order_and_replaced_contacts_give_the_profile_of_the_sorted_arrival(
    told: list[CustomerContact], data: st.DataObject
) -> None:
    end = NOON + 2_000 + data.draw(st.sampled_from([0, HOUR, DAY, 8 * DAY]))
    mixed = _last(_mixed(data, told), end)
    assert mixed == _last(told, end)
    counts = mixed and (
        mixed.contacts,
        {
            name: {channel: (window.contacts, window.total_wait) for channel, window in channels.items()}
            for name, channels in mixed.windows.items()
        },
    )
    assert counts == _expected(told, end)
