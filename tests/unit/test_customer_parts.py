"""What is told of a contact after it was forgotten where its events are: a part beside what was told before."""

from __future__ import annotations

from itertools import permutations

import pytest

from agents.customers.contact import remembered
from agents.customers.customers import Customers
from agents.customers.folded import MOST, drop, entry_of, holds, with_entry
from schemas import events
from schemas.customers import CustomerProfile, SurveyAnswer
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from tests.unit import contact_bench
from tests.unit.contact_bench import answered, created, ended, offered, other
from tests.unit.customer_floor import NOON, Floor, contact

TICKETS = {"channel": "email", "outcome": "open", "waited": None}


def last(told: list[CustomerProfile | None]) -> CustomerProfile:
    profile = told[-1]
    assert profile is not None
    return profile


class Both:
    """A contacts task, and the customers task that hears what it tells."""

    def __init__(self) -> None:
        self.contacts = contact_bench.Floor()
        self.customers = Floor()
        self._told = 0

    def at(self, seconds: float, *said: events.AnyEvent) -> CustomerProfile | None:
        """The profile, if one leaves."""
        self.contacts.clock(seconds)
        if said:
            self.contacts.hear(*said)
            self.contacts.flush()
        new, self._told = self.contacts.customers[self._told :], len(self.contacts.customers)
        told = self.customers.at(contact_bench.at(seconds + 60), *new)
        return told[-1] if told else None


MAIL = ("mailto:ana@kunde.example",)
DAYS = DAY // SECOND


def asked(seconds: float) -> events.AnyEvent:
    return other(events.MessagePosted, seconds, channel="chat", author="customer", identifiers=MAIL)


def status(seconds: float, name: str) -> events.AnyEvent:
    return other(events.ContactStatusChanged, seconds, channel="chat", status=name)


def test_a_survey_two_days_after_a_call_adds_to_it() -> None:
    both = Both()
    call = (created(0, identifiers=("tel:+4930901820",), tags=("complaint",)), offered(2), answered(9), ended(69))
    before = both.at(0, *call)
    both.at(1.5 * DAYS)
    after = both.at(2 * DAYS, other(events.SurveyAnswered, 2 * DAYS, kind="csat", score=5, scale=5))
    assert before is not None
    assert after is not None
    assert after.contacts == before.contacts == 1
    assert after.windows["90d"] == before.windows["90d"]
    assert (after.last_contacts, after.complaints, after.at_risk) == (before.last_contacts, 1, ["complaint"])
    assert after.surveys["csat"].n == 1
    assert after.queues["90d"]["sales"].total_handle == 60


def test_who_writes_again_in_a_chat_that_was_closed_long_ago_has_begun_another_contact() -> None:
    both = Both()
    both.at(0, created(0, channel="chat", identifiers=MAIL), asked(1), status(100, "closed"))
    both.at(1.5 * DAYS)
    again = both.at(3 * DAYS, asked(3 * DAYS))
    assert again is not None
    assert (again.contacts, len(again.open_contacts)) == (2, 1)
    assert again.windows["90d"]["chat"].messages_in == 2
    whole = both.at(3 * DAYS + 120, asked(3 * DAYS + 120), status(3 * DAYS + 121, "closed"))
    assert whole is not None
    assert (whole.contacts, whole.open_contacts) == (2, [])
    assert whole.windows["90d"]["chat"].messages_in == 3
    assert [context.contact for context in both.customers.contexts] == ["c1"]


def test_who_writes_again_after_the_contact_was_forgotten_loses_nothing_of_what_was() -> None:
    both = Both()
    both.at(0, created(0, channel="chat", identifiers=MAIL), asked(1), asked(2), status(100, "solved"))
    both.at(32 * DAYS)
    both.at(33 * DAYS)
    assert len(both.contacts.contacts) == 0
    again = both.at(35 * DAYS, asked(35 * DAYS))
    assert again is not None
    assert (again.contacts, again.windows["90d"]["chat"].messages_in) == (2, 3)
    more = both.at(36 * DAYS, asked(36 * DAYS))
    assert more is not None
    assert (more.contacts, more.windows["90d"]["chat"].messages_in) == (2, 4)


def test_who_writes_again_after_a_survey_has_begun_another_contact_then() -> None:
    both = Both()
    both.at(0, created(0, channel="chat", identifiers=MAIL), asked(1), status(100, "closed"))
    both.at(1.5 * DAYS)
    both.at(2 * DAYS, other(events.SurveyAnswered, 2 * DAYS, channel="chat", kind="csat", score=5, scale=5))
    again = both.at(20 * DAYS, asked(20 * DAYS))
    assert again is not None
    assert again.contacts == 2
    assert again.windows["24h"]["chat"].contacts == again.windows["24h"]["chat"].messages_in == 1
    assert again.surveys["csat"].n == 1
    assert [context.contact for context in both.customers.contexts] == ["c1"]


def test_surveys_are_no_contacts_on_one_topic() -> None:
    calls = [contact(f"c{n}", NOON - n * DAY, queue="sales") for n in range(1, 3)]
    survey = contact("c2", NOON - HOUR, after=NOON - 2 * DAY, queue="sales", topic="sales", outcome="ended",
                     waited=None, addition=True, surveys=(SurveyAnswer(NOON - HOUR, "csat", 5, 5),))  # fmt: skip
    assert last(Floor().at(NOON, *calls, survey)).at_risk == []
    assert last(Floor().at(NOON, *calls, contact("c3", NOON, queue="sales"))).at_risk == ["repeated"]


def test_a_correction_that_moves_a_contact_by_days_counts_it_once() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON - 5 * DAY, first=True))
    profile = last(floor.at(NOON + MINUTE, contact("c", NOON - 2 * DAY)))
    assert (profile.contacts, profile.last_contacts[0].started_at.day) == (1, 28)


def test_a_name_that_was_forgotten_counts_again_though_the_first_is_in_the_sums() -> None:
    floor = Floor(Customers(limit=2))
    floor.at(NOON, *(contact(f"c{n}", NOON - 60 * DAY + n, first=True) for n in range(4)))
    again = contact("c0", NOON, first=True, open=True, outcome="open", messages_in=(NOON,))
    profile = last(floor.at(NOON + MINUTE, again))
    assert (profile.contacts, [line.contact for line in profile.open_contacts]) == (5, ["c0"])
    closed = last(floor.at(NOON + 2 * MINUTE, contact("c0", NOON, messages_in=(NOON, NOON + 1))))
    assert (closed.contacts, closed.windows["24h"]["phone"].messages_in) == (5, 2)


def test_beyond_the_limit_queues_are_told_apart_in_every_window() -> None:
    floor = Floor(Customers(limit=10))
    floor.take(*(contact(f"c{n}", NOON - 85 * DAY + n * 40 * MINUTE, queue=f"q{n % 20}") for n in range(3_000)))
    profile = last(floor.at(NOON))
    assert sum(each.contacts for each in profile.queues["90d"].values()) == profile.contacts == 3_000
    assert profile.queues["90d"]["q0"].contacts == 150


def test_a_mail_thread_that_nobody_closes_is_over_when_it_is_given_up_and_its_customer_is_forgotten() -> None:
    both = Both()
    both.at(0, created(0, channel="email", identifiers=MAIL), other(events.MessagePosted, 0, author="customer"))
    both.at(60, other(events.MessagePosted, 60, author="agent"))
    both.at(29 * DAYS)
    given_up = both.at(31 * DAYS)
    assert given_up is not None
    assert (given_up.contacts, given_up.open_contacts) == (1, [])
    assert given_up.last_contacts[0].outcome == "ended"
    both.at(90 * DAYS)
    assert both.at(91 * DAYS) is None
    assert len(both.customers.rules) == 0


def test_parts_come_to_the_same_in_any_order_and_after_a_restart() -> None:
    parts = (
        contact("c", NOON - 9 * DAY, handled=60_000, complaint=True, messages_in=(NOON - 9 * DAY,)),
        contact("c", NOON - 5 * DAY, after=NOON - 9 * DAY, channel="phone", outcome="ended", waited=None, addition=True,
                surveys=(SurveyAnswer(NOON - 5 * DAY, "csat", 5, 5),)),
        contact("c", NOON - DAY, after=NOON - 5 * DAY, handled=30_000, messages_in=(NOON - DAY,)),
    )  # fmt: skip
    profiles = []
    for order in permutations(parts):
        floor = Floor()
        floor.at(NOON, order[0])
        floor = floor.restarted()
        profiles.append(last(floor.at(NOON + MINUTE, *order[1:])))
    assert all(profile == profiles[0] for profile in profiles)
    phone = profiles[0].windows["30d"]["phone"]
    assert (phone.contacts, phone.total_handle, phone.messages_in, phone.outcomes) == (2, 90, 2, {"answered": 2})
    assert [line.started_at.day for line in profiles[0].last_contacts] == [1, 21]


def test_a_part_that_turns_out_to_be_another_customers_leaves_the_others() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON - 3 * DAY), contact("c", NOON - HOUR, after=NOON - 3 * DAY))
    profile = last(floor.at(NOON + MINUTE, contact("c", NOON - HOUR, after=NOON - 3 * DAY, gone=True)))
    assert (profile.contacts, profile.last_contacts[0].started_at.day) == (1, 27)


@pytest.mark.parametrize("limit", [3, 5])
def test_beyond_the_limit_what_is_told_anew_of_a_contact_in_the_sums_counts_once(limit: int) -> None:
    floor = Floor(Customers(limit=limit))
    tickets = [contact(f"t{n}", NOON - HOUR + n, **TICKETS, open=True) for n in range(6)]
    floor.at(NOON, *tickets)
    closed = [contact(f"t{n}", NOON - HOUR + n, **{**TICKETS, "outcome": "ended"}, ended=NOON) for n in range(6)]
    for minute in range(1, 4):
        # Something is news each time, so that a profile leaves.
        profile = last(
            floor.at(
                NOON + minute * MINUTE,
                *closed,
                contact("t5", NOON - HOUR + 5, **{**TICKETS, "outcome": "ended"}, handled=minute),
            )
        )
        floor = floor.restarted()
        assert profile.contacts == sum(profile.windows["24h"]["email"].outcomes.values()) == 6
        assert profile.windows["24h"]["email"].outcomes == {"ended": limit, "open": 6 - limit}


def test_those_in_the_sums_are_known_by_day_and_id_the_newest_of_very_many() -> None:
    kept = b""
    contacts = [remembered(contact(f"c{n}", n * HOUR)) for n in range(MOST + 30)]
    for each in contacts:
        kept = with_entry(kept, entry_of(each))
    assert [holds(kept, each) for each in (contacts[0], contacts[23], contacts[48], contacts[-1])] == [
        False, False, True, True,
    ]  # fmt: skip
    few, other_way = b"", b""
    for each in contacts[:50]:
        few = with_entry(few, entry_of(each))
    for each in reversed(contacts[:50]):
        other_way = with_entry(other_way, entry_of(each))
    assert other_way == few
    # By whole days: of the third there are two.
    assert len(drop(few, contacts[49].started)) == 2 * 12
    assert drop(few, contacts[49].started + DAY) == b""


def test_of_a_lifetime_in_very_many_queues_the_oldest_are_no_longer_told_apart() -> None:
    floor = Floor(Customers(limit=1))
    for n in range(1_200):
        floor.take(contact(f"c{n}", NOON - 80 * DAY + n * HOUR, queue=f"q{n}"))
    profile = last(floor.at(NOON))
    assert profile.contacts == profile.windows["lifetime"]["phone"].contacts == 1_200
    (stored,) = floor.changelog.values()
    assert stored is not None
    assert len(stored) < 120_000
