"""Repeat contacts and first contact resolution: the worked example of the metric definitions, and the edges."""

from collections import Counter

import pytest

from agents.customers.contact import Contact, remembered
from agents.customers.resolution import SPANS, resolution, visits
from schemas.customers import RepeatContacts
from schemas.instants import DAY, HOUR
from tests.unit.customer_floor import NOON, contact

TEN = NOON - 2 * HOUR
"""10:00 of day 0."""

AS_OF = NOON + 10 * DAY


def _on(day: int, topic: str | None, hour: int = 10, *, resolved: bool = True, **more: object) -> Contact:
    started = TEN + day * DAY + (hour - 10) * HOUR
    return remembered(contact(f"{day}-{hour}", started, topic=topic, resolved=resolved, **more))


CUSTOMERS = {
    "K1": [_on(0, "billing"), _on(2, "billing")],
    "K2": [_on(0, "tech")],
    "K3": [_on(0, "returns"), _on(9, "returns")],
    "K4": [_on(1, "billing", transfers=1)],
    "K5": [_on(1, "tech", resolved=False), _on(1, "tech", 13)],
    "K6": [_on(6, "billing")],
}


def _told(contacts: list[Contact], clock: int, span: int) -> RepeatContacts:
    return resolution(visits(contacts, clock), [length for _, length in SPANS].index(span))


def _sum(span: int) -> tuple[int, int, Counter[str], Counter[str]]:
    """Contacts, repeats, resolved and first contacts of all customers."""
    each = [_told(contacts, AS_OF, span) for contacts in CUSTOMERS.values()]
    resolved, first = Counter[str](), Counter[str]()
    for one in each:
        resolved.update(one.resolved)
        first.update(one.first)
    return sum(one.contacts for one in each), sum(one.repeats for one in each), resolved, first


@pytest.mark.parametrize(
    ("variant", "span", "resolved", "first"),
    [
        ("no_repeat_topic", 7 * DAY, 3, 5),
        ("strict", 7 * DAY, 2, 5),
        ("no_repeat_topic", DAY, 7, 8),
        ("agent_flag", 7 * DAY, 6, 7),
    ],
)
def test_the_worked_example_of_first_contact_resolution(variant: str, span: int, resolved: int, first: int) -> None:
    _, _, solved, begun = _sum(span)
    assert (solved[variant], begun[variant]) == (resolved, first)


def test_the_worked_example_of_repeat_contacts() -> None:
    contacts, repeats, _, _ = _sum(7 * DAY)
    assert (repeats, contacts) == (2, 9)


def test_the_span_counts_from_start_to_start_and_its_end_is_outside() -> None:
    first = _on(0, "tech")
    inside = remembered(contact("in", first.started + DAY - 1, topic="tech"))
    outside = remembered(contact("out", first.started + DAY, topic="tech"))
    assert _told([first, inside], AS_OF, DAY).repeats == 1
    assert _told([first, outside], AS_OF, DAY).repeats == 0
    assert _told([first], first.started + DAY - 1, DAY).first == {"agent_flag": 1}
    assert _told([first], first.started + DAY, DAY).first == {
        "no_repeat_topic": 1, "no_repeat_any": 1, "strict": 1, "agent_flag": 1,
    }  # fmt: skip


def test_another_topic_is_a_repeat_of_any_alone_and_a_reopened_contact_is_not_resolved_strictly() -> None:
    told = _told([_on(0, "tech", reopened=(TEN + HOUR,)), _on(1, "billing")], AS_OF, 7 * DAY)
    assert told == RepeatContacts(
        contacts=2,
        resolved={"no_repeat_topic": 2, "strict": 1, "agent_flag": 2},
        first={"no_repeat_topic": 2, "no_repeat_any": 1, "strict": 2, "agent_flag": 2},
    )


def test_a_contact_of_which_nobody_knows_the_topic_counts_for_any_topic_alone() -> None:
    told = _told([_on(0, None), _on(1, None)], AS_OF, 7 * DAY)
    assert told == RepeatContacts(first={"no_repeat_any": 1})


def test_the_queue_is_the_topic_where_no_other_is_told() -> None:
    again = [_on(0, None, queue="sales"), _on(1, "sales", queue="desk")]
    assert _told(again, AS_OF, 7 * DAY).repeats == 1
