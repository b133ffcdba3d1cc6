"""Instants come back when they are due, however they lie until then."""

from hypothesis import given
from hypothesis import strategies as st

from agents.customers.customers import Customers
from agents.customers.expiries import Expiries
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from schemas.short_ids import full, shortened
from tests.unit.customer_floor import NOON, Floor, contact


@given(st.lists(st.tuples(st.integers(0, 3 * HOUR), st.integers(0, 99)), max_size=40), st.lists(st.integers(0, HOUR)))
def test_each_instant_is_due_once_at_the_first_look_after_it(noted: list[tuple[int, int]], steps: list[int]) -> None:
    dues = {f"c{customer}": due for due, customer in noted}
    expiries = Expiries()
    for customer, due in dues.items():
        expiries.add(due, customer)
    told: list[tuple[int, str]] = []
    clock = 0
    for step in [*steps, 4 * HOUR]:
        clock += step
        for customer in list(expiries.begun(clock)):
            expiries.add(dues[customer], customer)
        now = list(expiries.due(clock))
        assert now == sorted(
            (due, customer) for customer, due in dues.items() if due <= clock and (due, customer) not in told
        )
        told += now
    assert len(told) == len(dues)
    assert len(expiries) == 0


@given(st.text(max_size=40) | st.uuids().map(str) | st.uuids().map(lambda each: str(each).upper()))
def test_an_id_shortened_comes_back_as_it_was(name: str) -> None:
    assert full(shortened(name)) == name


def test_entries_of_customers_who_change_often_do_not_pile_up() -> None:
    floor = Floor()
    for number in range(3_000):
        floor.at(NOON + number * MINUTE, contact(f"c{number % 3}", NOON + number * MINUTE))
    assert len(floor.rules._telling._expiries) < 1_100


def test_many_customers_leave_their_windows_each_in_its_time_after_a_restart() -> None:
    floor = Floor(Customers())
    floor.at(NOON, *(contact("c", NOON - each * MINUTE, customer=f"u{each}") for each in range(50)))
    floor = floor.restarted()
    for each in reversed(range(50)):
        [told] = floor.at(NOON - each * MINUTE + HOUR)
        assert told is not None
        assert (told.customer, told.windows["1h"]) == (f"u{each}", {})
    assert floor.at(NOON + 2 * HOUR) == []
    assert floor.at(NOON + 91 * DAY) == [None] * 50


def test_news_that_does_not_move_the_instant_adds_no_entry() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON))
    for second in range(1, 20):
        assert len(floor.at(NOON + second * SECOND, contact("c", NOON, waited=second))) == 1
    assert len(floor.rules._telling._expiries) == 1


def test_a_window_is_left_in_time_though_news_was_held_back_over_a_restart() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON))
    assert floor.at(NOON + 1, contact("c", NOON, waited=5)) == []
    floor = floor.restarted()
    [told] = floor.at(NOON + 2 * SECOND)
    assert told is not None
    assert told.windows["1h"]["phone"].total_wait == 0.005
    assert floor.at(NOON + HOUR - 1) == []
    [told] = floor.at(NOON + HOUR)
    assert told is not None
    assert told.windows["1h"] == {}
