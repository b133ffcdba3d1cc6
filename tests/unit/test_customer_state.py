"""What of a customer is kept: through a restart, and beyond the limit of contacts."""

from random import Random

import pytest

from agents.customers.customers import Customers
from agents.customers.pace import Pace
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from tests.unit.customer_floor import NOON, Floor, contact


def test_a_restarted_task_tells_nobody_what_was_told_already() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON))
    assert floor.restarted().at(NOON + MINUTE) == []


def test_a_restarted_task_tells_what_was_held_back() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON, open=True, outcome="open"))
    assert floor.at(NOON + 100, contact("c", NOON)) == []
    [told] = floor.restarted().at(NOON + 200)
    assert told is not None
    assert told.open_contacts == []


def test_a_restarted_task_does_not_repeat_what_was_held_back_and_then_told() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON, open=True, outcome="open"))
    floor.at(NOON + 100, contact("c", NOON))
    assert len(floor.at(NOON + SECOND)) == 1
    assert floor.restarted().at(NOON + MINUTE) == []


def test_a_restarted_task_still_lets_contacts_leave_their_windows_and_customers_go() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON))
    floor = floor.restarted()
    [told] = floor.at(NOON + HOUR)
    assert told is not None
    assert (told.windows["1h"], told.contacts) == ({}, 1)
    floor = floor.restarted()
    assert floor.at(NOON + 90 * DAY) == [None]
    assert len(floor.restarted().rules) == 0


def test_a_restarted_task_goes_on_with_the_same_profile() -> None:
    floor = Floor()
    floor.at(NOON, contact("a", NOON - 2 * DAY), contact("b", NOON, queue="sales", agent="bob", handled=5_000))
    more = contact("c", NOON + MINUTE, open=True, outcome="open")
    assert floor.restarted().at(NOON + MINUTE, more) == floor.at(NOON + MINUTE, more) != []


def test_changelog_records_of_other_stores_are_passed_over() -> None:
    floor = Floor()
    floor.rules.restore(b"\x00positions", b"\x01anything")
    assert len(floor.rules) == 0


@pytest.mark.parametrize("seed", range(5))
def test_beyond_the_limit_every_contact_still_counts_per_channel(seed: int) -> None:
    said = [
        contact(
            f"c{n:02}",
            NOON - n * 3 * HOUR,
            channel="chat" if n % 3 else "phone",
            waited=n * SECOND,
            queue=f"q{n % 2}",
            handled=n,
            transfers=n % 2,
            complaint=n % 5 == 0,
            messages_in=(NOON - n * 3 * HOUR, NOON - n * 2 * HOUR),
            reopened=(NOON - n * 2 * HOUR,),
        )
        for n in range(40)
    ]
    sorted_, floor, whole = Floor(Customers(limit=12)), Floor(Customers(limit=12)), Floor()
    [in_order] = sorted_.at(NOON, *reversed(said))
    Random(seed).shuffle(said)
    [told], [expected] = floor.at(NOON, *said), whole.at(NOON, *said)

    assert told is not None
    assert expected is not None
    assert told.contacts == expected.contacts == 40
    assert told.windows["7d"] == expected.windows["7d"] == told.windows["30d"]
    assert told.windows["24h"] == expected.windows["24h"]
    assert (told.queues, told.complaints) == (expected.queues, expected.complaints)
    assert told.windows["lifetime"] == expected.windows["lifetime"]
    assert told.last_contacts == expected.last_contacts
    # Nor does the order of arrival show in when the sums leave.
    assert told == in_order
    for hours in range(1, 91 * 24, 31):
        assert floor.at(NOON + hours * HOUR) == sorted_.at(NOON + hours * HOUR)


def test_a_days_sum_leaves_a_window_whole_with_its_last_contact() -> None:
    floor = Floor(Customers(limit=1))
    floor.at(NOON, contact("a", NOON - 3 * MINUTE), contact("b", NOON - 2 * MINUTE), contact("c", NOON - MINUTE))
    counts = []
    for minutes in (57, 58, 59):
        [told] = floor.at(NOON + minutes * MINUTE) or [None]
        counts.append(told and sum(each.contacts for each in told.windows["1h"].values()))
    assert counts == [None, 1, 0]
    assert floor.at(NOON - 2 * MINUTE + 90 * DAY)[0] is not None
    assert floor.at(NOON - MINUTE + 90 * DAY) == [None]


def test_an_open_contact_is_not_folded_while_there_is_another() -> None:
    floor = Floor(Customers(limit=2))
    waiting = contact("a", NOON - HOUR, open=True, outcome="open")
    [told] = floor.at(NOON, waiting, *(contact(f"b{n}", NOON - n) for n in range(5)))
    assert told is not None
    assert [line.contact for line in told.open_contacts] == ["a"]
    [told] = floor.at(NOON + MINUTE, contact("a", NOON - HOUR))
    assert told is not None
    assert told.open_contacts == []
    assert told.contacts == told.windows["24h"]["phone"].contacts == 6


def test_expiries_that_no_longer_count_do_not_pile_up() -> None:
    floor = Floor()
    for second in range(5_000):
        floor.at(NOON + second * SECOND, contact("c", NOON, handled=second))
    assert len(floor.rules._telling._expiries) <= 1_003


def test_the_pace_forgets_whom_it_told_an_interval_ago() -> None:
    pace = Pace()
    for at in range(0, 5_000, 500):
        pace.advance(at)
        pace.told(f"c{at}", at)
    pace.advance(10_000)
    assert (pace._told, pace._held, pace._due) == ({}, {}, {})
