"""The judge on written records of customers.events, customers.profiles and metrics.live."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tests.chaos.verifier_reading import Record
from tests.chaos.verifier_totals import Totals
from tests.chaos.written import CONTACT, T, iso, record

CUSTOMER = "d0000000-0000-0000-0000-000000000001"
CONTACT_TRUTH = {"customer": CUSTOMER, "channel": "phone", "outcome": "answered", "queue": "sales", "waited": 1_500,
                 "handled": None, "started": T, "ended": T + 3_000, "offers": 1, "transfers": 0}  # fmt: skip
TOTAL_TRUTH: dict[str, Any] = {
    "counts": {"read": 3, "accepted": 3, "ignored": 0, "failed": 0, "duplicates": 0},
    "contacts": {CONTACT: CONTACT_TRUTH},
    "customers": {
        CUSTOMER: {
            "contacts": 1,
            "channels": {
                "phone": {
                    "contacts": 1,
                    "outcomes": {"answered": 1},
                    "waits": 1,
                    "total_wait": 1_500,
                    "longest_wait": 1_500,
                }
            },
            "last": [CONTACT],
            "members": [],
        }
    },
    "windows": [
        {
            "channel": None,
            "queue": None,
            "kind": "all",
            "start": None,
            "end": None,
            "metrics": {"contacts_offered": [1, None, None], "answer_rate": [1.0, 1, 1]},
        }
    ],
}


def told(**changes: Any) -> Record:
    value = {
        "customer": CUSTOMER,
        "contact": CONTACT,
        "channel": "phone",
        "started": T,
        "open": False,
        "outcome": "answered",
        "queue": "sales",
        "waited": 1_500,
        "ended": T + 3_000,
        "offers": 1,
        **changes,
    }
    return Record("customers.events", 0, 0, T, CUSTOMER, msgspec.msgpack.encode(value), {})


def profile(
    contacts: int = 1, total: float = 1.5, key: str = CUSTOMER, *, members: tuple[str, ...] = (), value: bool = True
) -> Record:
    sums = {"contacts": contacts, "answered": contacts, "outcomes": {"answered": contacts}, "total_wait": total,
            "longest_wait": 1.5, "average_wait": total / contacts}  # fmt: skip
    line = {"contact": CONTACT, "channel": "phone", "started_at": iso(T), "outcome": "answered", "queue": "sales",
            "waited": 1.5, "ended_at": iso(T + 3_000)}  # fmt: skip
    windows = {name: {"phone": sums} for name in ("1h", "24h", "7d", "30d")}
    made = {"customer": key, "known": True, "contacts": contacts, "windows": windows, "last_contacts": [line],
            "open_contacts": [], "members": list(members)}  # fmt: skip
    return record("customers.profiles", made, key=key) if value else Record("p", 0, 0, T, key, None, {})


def live(revision: int, offered: int = 1, answered: int = 1, offset: int = 0, **scope: str) -> Record:
    metrics = {
        "contacts_offered": {"value": offered, "n": offered},
        "answer_rate": {"value": answered / offered, "n": offered, "numerator": answered, "denominator": offered},
    }
    window = {"kind": "all", "start": None, "end": None}
    value = {"scope": scope, "window": window, "revision": revision, "metrics": metrics}
    return record("metrics.live", value, key=json.dumps(scope), offset=offset)


def pipeline(read: int = 3, busy: int = 0, **counts: int) -> Record:
    value = {"read": read, "accepted": read, "ignored": 0, "failed": 0, "duplicates": 0, **counts,
             "agents_by_state": {"on_contact": busy} if busy else {}}  # fmt: skip
    return record("metrics.live", value, key="pipeline")


def totals(*records: Record, truth: dict[str, Any] = TOTAL_TRUTH) -> list[str]:
    gathered = Totals()
    by_topic = {"customers.events": gathered.take_contact, "metrics.live": gathered.take_live}
    for each in records:
        by_topic.get(each.topic, gathered.take_profile)(each)
    return sorted(each.kind.value for each in gathered.judge(truth))


def test_totals_as_they_should_be_are_not_found() -> None:
    assert totals(told(), profile(), live(1), pipeline()) == []


def test_nothing_at_all_is_lost_four_times() -> None:
    assert totals() == ["lost"] * 4


def test_source_records_short_are_lost_and_over_are_doubled() -> None:
    rest = (told(), profile(), live(1))
    assert totals(*rest, pipeline(2)) == ["lost", "lost"]
    assert totals(*rest, pipeline(3, duplicates=1)) == ["doubled"]


def test_an_agent_who_is_still_in_a_conversation_when_all_are_over_was_counted_once_too_often() -> None:
    assert totals(told(), profile(), live(1), pipeline(busy=1)) == ["doubled"]


def test_a_contact_that_ended_otherwise_is_lost_and_one_told_to_a_stranger_is_doubled() -> None:
    rest = (profile(), live(1), pipeline())
    assert totals(told(outcome="abandoned"), *rest) == ["lost"]
    assert totals(told(), told(customer="stranger"), *rest) == ["doubled"]
    assert totals(told(), told(customer="stranger", gone=True), *rest) == []


def test_a_profile_with_too_few_or_too_many_contacts_is_found() -> None:
    rest = (told(), live(1), pipeline())
    assert totals(*rest, profile(2)) == ["doubled"]
    assert totals(*rest, profile(1, total=3.0)) == ["lost"] * 4
    assert totals(*rest, profile(value=False)) == ["lost"]


def test_a_profile_of_a_customer_whom_nobody_knows_is_found_unless_it_was_withdrawn() -> None:
    rest = (told(), profile(), live(1), pipeline())
    assert totals(*rest, profile(key="stranger")) == ["doubled"]
    assert totals(*rest, profile(key="stranger"), profile(key="stranger", value=False)) == []


def test_a_profile_stands_under_one_identifier_of_a_set_and_names_them_all() -> None:
    other = "d0000000-0000-0000-0000-000000000002"
    known = TOTAL_TRUTH["customers"][CUSTOMER]
    truth = {**TOTAL_TRUTH, "customers": {CUSTOMER: {**known, "members": [CUSTOMER, other]}}}
    rest = (told(), live(1), pipeline())
    whole = profile(members=(CUSTOMER, other))
    assert totals(*rest, whole, truth=truth) == []
    assert totals(*rest, whole, profile(key=other, value=False), truth=truth) == []
    assert totals(*rest, profile(), truth=truth) == ["lost"]
    assert totals(*rest, profile(members=(CUSTOMER, other, "stranger")), truth=truth) == ["doubled"]
    assert totals(*rest, whole, profile(key=other), truth=truth) == ["doubled"]


def test_a_window_with_too_few_or_too_many_offers_is_found() -> None:
    rest = (told(), profile(), pipeline())
    assert totals(*rest, live(1, offered=2, answered=2)) == ["doubled", "doubled"]
    assert totals(*rest, live(1, answered=0)) == ["lost"]
    assert totals(*rest, live(1), live(2, queue="ghosts")) == ["doubled"]


def test_numbers_of_a_policy_are_not_those_of_the_floor_and_are_looked_at() -> None:
    (floor,) = TOTAL_TRUTH["windows"]
    of_policy = {**floor, "policy": "urgent", "metrics": {"contacts_offered": [2, None, None]}}
    truth = {**TOTAL_TRUTH, "windows": [floor, of_policy]}
    rest = (told(), profile(), pipeline(), live(1))
    assert totals(*rest, live(2, offered=2, policy="urgent"), truth=truth) == []
    assert totals(*rest, live(2, offered=1, policy="urgent"), truth=truth) == ["lost"]
    assert totals(*rest, live(2, offered=2, policy="normal"), truth=truth) == ["doubled", "lost"]


def test_numbers_of_live_metrics_follow_each_other() -> None:
    rest = (told(), profile(), pipeline())
    assert totals(*rest, live(1), live(2), live(3)) == []
    assert totals(*rest, live(1), live(3)) == ["lost"]
    assert totals(*rest, live(1), live(2), live(2)) == ["doubled"]
    assert totals(*rest, live(1), live(2), live(1), live(3)) == ["doubled"]
