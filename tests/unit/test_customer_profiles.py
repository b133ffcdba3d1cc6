"""What a profile says, and when it leaves."""

from collections.abc import Mapping
from typing import Any

import pytest

from agents.customers.customers import Customers
from schemas.customers import ChannelWindow
from schemas.instants import DAY, HOUR, MINUTE, SECOND, from_ms
from tests.unit.customer_floor import NOON, Floor, Line, contact


def test_a_profile_tells_windows_last_and_open_contacts_and_the_lifetime_count() -> None:
    floor = Floor()
    # 40 d ago | 3 d ago: e-mail | 2 h ago: abandoned | 10 min ago: answered | now: waiting
    [told] = floor.at(
        NOON,
        contact("mail", NOON - 3 * DAY, channel="email", outcome="ended", waited=None),
        contact("lost", NOON - 2 * HOUR, outcome="abandoned", waited=90_000, queue="sales"),
        contact("won", NOON - 10 * MINUTE, waited=30_500, handled=200_000, ended=NOON - 5 * MINUTE, agent="bob"),
        contact("now", NOON, open=True, outcome="open", waited=None),
    )

    assert told is not None
    assert (told.customer, told.as_of, told.known, told.contacts) == ("ann", from_ms(NOON), True, 4)
    handled: dict[str, Any] = {"handled": 1, "total_handle": 200.0, "average_handle": 200.0}
    hour = ChannelWindow(
        contacts=2, answered=1, outcomes={"answered": 1, "open": 1},
        total_wait=30.5, longest_wait=30.5, average_wait=30.5, **handled,
    )  # fmt: skip
    sales = ChannelWindow(
        contacts=1, abandoned=1, outcomes={"abandoned": 1}, total_wait=90.0, longest_wait=90.0, average_wait=90.0
    )
    day = ChannelWindow(
        contacts=3, answered=1, abandoned=1, outcomes={"abandoned": 1, "answered": 1, "open": 1},
        total_wait=120.5, longest_wait=90.0, average_wait=60.25, **handled,
    )  # fmt: skip
    mail = ChannelWindow(contacts=1, outcomes={"ended": 1})
    assert told.windows == {
        "1h": {"phone": hour},
        "24h": {"phone": day},
        "7d": {"email": mail, "phone": day},
        "30d": {"email": mail, "phone": day},
        "90d": {"email": mail, "phone": day},
        "lifetime": {"email": mail, "phone": day},
    }
    assert told.queues == {
        "1h": {}, "24h": {"sales": sales}, "7d": {"sales": sales}, "30d": {"sales": sales}, "90d": {"sales": sales},
        "lifetime": {"sales": sales},
    }  # fmt: skip
    assert [line.contact for line in told.last_contacts] == ["now", "won", "lost", "mail"]
    assert [line.contact for line in told.open_contacts] == ["now"]
    won = told.last_contacts[1]
    assert (won.waited, won.handled, won.ended_at) == (30.5, 200.0, from_ms(NOON - 5 * MINUTE))
    assert won.started_at == from_ms(NOON - 10 * MINUTE)
    assert told.last_contacts[2].queue == "sales"


def test_of_a_machine_that_opens_tickets_without_end_the_newest_hundred_are_told() -> None:
    floor = Floor()
    tickets = [contact(f"t{number}", NOON - HOUR + number, open=True, outcome="open") for number in range(150)]
    floor.at(NOON, *tickets)
    [told] = floor.at(NOON + HOUR, contact("one more", NOON + HOUR, open=True, outcome="open"))
    assert told is not None
    newest = [f"t{number}" for number in range(149, 49, -1)]
    assert [each.contact for each in told.open_contacts] == ["one more", *newest[:-1]]
    assert told.contacts == 151
    assert [each.contact for each in floor.contexts[-1].open] == newest


def test_of_a_source_that_names_a_queue_for_each_contact_those_with_most_are_told_and_all_count() -> None:
    contacts = [contact(f"c{number}", NOON - 2 * HOUR + number, queue=f"q{number:04}") for number in range(999)]
    [told] = Floor().at(NOON, *contacts, contact("again", NOON - MINUTE, queue="q0998"))
    assert told is not None
    assert told.contacts == told.windows["24h"]["phone"].contacts == 1_000
    assert list(told.queues["1h"]) == ["q0998"]
    most = [*(f"q{number:04}" for number in range(99)), "q0998"]
    assert {window: list(queues) for window, queues in told.queues.items() if window != "1h"} == dict.fromkeys(
        ("24h", "7d", "30d", "90d", "lifetime"), most
    )
    assert told.queues["lifetime"]["q0998"].contacts == 2


def test_only_the_last_ten_contacts_are_lines_but_all_are_counted() -> None:
    [told] = Floor().at(NOON, *(contact(f"c{n:02}", NOON - n * MINUTE) for n in range(14)))
    assert told is not None
    assert [line.contact for line in told.last_contacts] == [f"c{n:02}" for n in range(10)]
    assert told.contacts == told.windows["1h"]["phone"].contacts == 14


def test_a_contact_counts_while_its_start_is_less_than_the_window_ago() -> None:
    floor = Floor()
    [told] = floor.at(NOON, contact("edge", NOON - HOUR), contact("in", NOON - HOUR + 1))
    assert told is not None
    assert told.windows["1h"]["phone"].contacts == 1
    assert told.windows["24h"]["phone"].contacts == 2


def test_a_contact_that_starts_after_the_clock_counts_at_once() -> None:
    [told] = Floor().at(NOON, contact("ahead", NOON + 2 * SECOND))
    assert told is not None
    assert told.windows["1h"]["phone"].contacts == 1


def test_nothing_is_told_before_the_clock_is_known() -> None:
    floor = Floor()
    floor.take(contact("c", NOON))
    assert floor.flush() == []
    assert len(floor.at(NOON)) == 1


def test_all_is_told_when_the_input_ends_though_no_clock_ever_came() -> None:
    floor = Floor()
    floor.take(contact("c", NOON, ended=NOON + MINUTE))
    [told] = floor.flush(ended=True)
    assert told is not None
    assert told.as_of == from_ms(NOON + MINUTE)


def test_the_first_change_is_told_at_once_and_the_next_a_second_later_as_one() -> None:
    floor = Floor()
    # clock  0 s      0.2 s    0.9 s    1.0 s         2.0 s
    # said   c open   c wait   c end    (nothing)     (nothing)
    # told   1        -        -        1             -
    assert len(floor.at(NOON, contact("c", NOON, open=True, outcome="open"))) == 1
    assert floor.at(NOON + 200, contact("c", NOON, open=True, outcome="answered")) == []
    assert floor.at(NOON + 900, contact("c", NOON, outcome="answered", ended=NOON + 900)) == []
    [told] = floor.at(NOON + 1_000)
    assert told is not None
    assert told.open_contacts == []
    assert told.last_contacts[0].ended_at == from_ms(NOON + 900)
    assert floor.at(NOON + 2_000) == []


def test_the_pace_is_of_one_customer_not_of_all() -> None:
    floor = Floor()
    floor.at(NOON, contact("a", NOON))
    [told] = floor.at(NOON + 10, contact("b", NOON, customer="ben"))
    assert told is not None
    assert told.customer == "ben"


def test_what_is_held_back_leaves_when_the_input_ends() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON, open=True, outcome="open"))
    assert floor.at(NOON + 1, contact("c", NOON)) == []
    [told] = floor.flush(ended=True)
    assert told is not None
    assert told.open_contacts == []
    assert floor.flush(ended=True) == []


def test_a_record_that_says_nothing_new_is_not_told() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON))
    assert floor.at(NOON + 5 * SECOND, contact("c", NOON)) == []
    assert floor.at(NOON + 9 * SECOND, contact("never seen", NOON, gone=True)) == []


def test_a_contact_leaves_each_window_with_nothing_else_happening_and_then_the_customer_is_forgotten() -> None:
    floor = Floor()
    start = NOON - MINUTE
    floor.at(NOON, contact("c", start))
    for gone, length in (("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)):
        assert floor.at(start + length - 1) == []
        [told] = floor.at(start + length)
        assert told is not None
        assert told.windows[gone] == {}
        assert told.windows["90d"]["phone"].contacts == 1
    assert floor.at(start + 90 * DAY - 1) == []
    assert floor.at(start + 90 * DAY) == [None]
    assert list(floor.changelog.values()) == [None]
    assert len(floor.rules) == 0


def test_an_expiry_of_a_start_that_was_corrected_is_not_told() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON))
    assert len(floor.at(NOON + MINUTE, contact("c", NOON + 30 * SECOND))) == 1
    assert floor.at(NOON + HOUR) == []
    assert len(floor.at(NOON + HOUR + 30 * SECOND)) == 1


def test_the_clock_never_goes_back() -> None:
    floor = Floor()
    floor.at(NOON, contact("a", NOON))
    [told] = floor.at(NOON - HOUR, contact("b", NOON, customer="ben"))
    assert told is not None
    assert told.as_of == from_ms(NOON)


def test_a_leap_of_the_clock_over_several_windows_is_told_once() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON), contact("d", NOON - DAY))
    [told] = floor.at(NOON + 8 * DAY)
    assert told is not None
    assert {name: bool(channels) for name, channels in told.windows.items()} == {
        "1h": False, "24h": False, "7d": False, "30d": True, "90d": True, "lifetime": True,
    }  # fmt: skip


def test_the_lifetime_count_keeps_what_the_windows_have_lost() -> None:
    floor = Floor()
    floor.at(NOON, contact("old", NOON - 89 * DAY), contact("new", NOON))
    [told] = floor.at(NOON + DAY)
    assert told is not None
    assert told.contacts == told.windows["lifetime"]["phone"].contacts == 2
    assert told.windows["90d"]["phone"].contacts == 1
    assert [line.contact for line in told.last_contacts] == ["new"]


def test_an_open_contact_keeps_the_customer_however_old_and_its_end_lets_him_go() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON, open=True, outcome="open"))
    [told] = floor.at(NOON + 91 * DAY)
    assert told is not None
    assert told.windows["90d"] == {}
    assert [line.contact for line in told.open_contacts] == ["c"]
    assert floor.at(NOON + 92 * DAY) == []
    assert floor.at(NOON + 93 * DAY, contact("c", NOON, ended=NOON + 93 * DAY)) == [None]


def test_a_contact_that_is_another_customers_after_all_leaves_no_trace() -> None:
    floor = Floor()
    floor.at(NOON, contact("mine", NOON), contact("his", NOON))
    [told] = floor.at(NOON + MINUTE, contact("his", NOON, gone=True))
    assert told is not None
    assert told.contacts == told.windows["30d"]["phone"].contacts == 1
    assert floor.at(NOON + 2 * MINUTE, contact("mine", NOON, gone=True)) == [None]


def test_news_of_a_contact_long_past_and_let_go_changes_nothing() -> None:
    floor = Floor()
    floor.at(NOON, contact("now", NOON))
    assert floor.at(NOON + MINUTE, contact("past", NOON - 91 * DAY)) == []
    assert floor.at(NOON + 2 * MINUTE, contact("past", NOON - 91 * DAY, customer="ben")) == []


@pytest.mark.parametrize(
    ("topic", "value", "words"),
    [
        ("customers.events", None, "one that is no longer a customer's is said with gone = true"),
        ("customers.events", b"", "truncated"),
        ("customers.events", b"\x93\x01\x02\x03", "Expected `object`"),
        ("customers.identities", b'{"record": "set", "customer": 5}', "Expected `str`, got `int` - at `$.customer`"),
        ("customers.identities", b'{"record": "\xff"}', "utf-8"),
        ("customers.identities", b'{"x": ' + b"[" * 100_000, "recursion"),
    ],
)
def test_a_record_that_cannot_be_read_is_kept_and_counted_and_leaves_the_state_as_it_was(
    topic: str, value: bytes | None, words: str
) -> None:
    counted: list[Mapping[str, int]] = []
    floor = Floor(Customers(counted=counted.append))
    floor.at(NOON, contact("c", NOON))
    state = dict(floor.changelog)
    floor.rules.take(Line(value, topic=f"floor.{topic}"), floor)
    assert floor.at(NOON + MINUTE) == []
    [(key, failed, headers)] = floor.failed
    assert (key, failed) == (f"floor.{topic}/0/7", value or b"")
    said = dict(headers)
    assert (said["failed.reason"], said["failed.stage"], said["failed.offset"]) == (b"schema", b"rule", b"7")
    assert words in said["failed.message"].decode()
    assert counted == [{topic: 1}]
    assert floor.changelog == state
