"""Events that speak of identities: what they say is told to the registry once, and no contact is made of them."""

from typing import Any

import pytest

from schemas import events
from schemas.events import AnyEvent
from tests.unit.contact_bench import Floor, answered, at, created, ended, offered, other

DAY = 86_400
ANA, CRM, PHONE = "mailto:ana@shop.example", "crm:42", "tel:+4930901820"
CALL = [created(0, identifiers=(PHONE,)), offered(1, identifiers=(PHONE,)), answered(9), ended(69)]


def linked(second: float, *identifiers: str, **more: Any) -> AnyEvent:
    said = {"by": "crm", "source": "crm", "channel": "email", "contact": "sync", "id": "l", **more}
    return other(events.IdentityLinked, second, identifiers=identifiers or (ANA, CRM), **said)


def unlinked(second: float, *identifiers: str, **more: Any) -> AnyEvent:
    return other(events.IdentityUnlinked, second, identifiers=identifiers or (ANA, CRM), by="crm", **more)


def said(floor: Floor) -> list[tuple[str, str, list[str]]]:
    return [(each.kind, each.authority, sorted(node.kind for node in each.nodes)) for each in floor.links]


def told(floor: Floor) -> list[Any]:
    """What was told of contacts, and measured of them."""
    floor.flush()
    return [floor.customers, floor.facts, floor.calls, floor.said, len(floor.contacts)]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_contact_that_only_an_event_about_identities_names_is_none(restarts: bool) -> None:
    floor = Floor()
    for _ in range(3):
        floor.hear(linked(5))
        floor.hear(unlinked(9, contact="c2"))
        floor.flush()
        if restarts:
            floor.crash()
        floor.clock(20)
    floor.clock(40 * DAY)
    assert said(floor) == [("linked", "crm", ["crm", "mailto"]), ("unlinked", "crm", ["crm", "mailto"])]
    assert told(floor) == [[], {}, {}, [], 0]
    assert floor.failed == []
    assert (floor.outcomes, floor.sources) == ({"accepted": 2, "duplicate": 4}, {"crm": 3, "pbx": 3})


@pytest.mark.parametrize("restarts", [False, True])
def test_a_higher_revision_corrects_what_was_said_and_no_other_does(restarts: bool) -> None:
    floor = Floor()
    for revision, identifiers in [(2, (ANA, CRM)), (2, (ANA, PHONE)), (1, (ANA, PHONE)), (3, (ANA, PHONE))]:
        floor.hear(linked(5, *identifiers, revision=revision))
        floor.flush()
        if restarts:
            floor.crash()
    assert said(floor) == [("linked", "crm", ["crm", "mailto"]), ("linked", "crm", ["mailto", "tel"])]
    assert floor.outcomes == {"accepted": 2, "duplicate": 2}


def test_of_one_event_in_one_envelope_the_highest_revision_is_said() -> None:
    floor = Floor()
    floor.hear(linked(5, revision=1), linked(5, ANA, PHONE, revision=2), linked(5, revision=1))
    assert said(floor) == [("linked", "crm", ["mailto", "tel"])]


def test_the_same_id_of_another_contact_is_another_event() -> None:
    floor = Floor()
    floor.hear(linked(5))
    floor.hear(linked(5, ANA, PHONE, contact="other"))
    floor.flush()
    assert len(floor.links) == 2
    assert floor.outcomes == {"accepted": 2}


@pytest.mark.parametrize("place", range(5))
def test_among_the_events_of_a_contact_it_is_said_and_the_contact_is_as_without_it(place: int) -> None:
    plain, floor = Floor(), Floor()
    plain.hear(*CALL)
    whole = [*CALL[:place], linked(-5 if place == 0 else 30, contact="c1"), *CALL[place:]]
    for _ in range(2):
        floor.hear(*whole)
        floor.flush()
        floor.crash()
    assert told(floor) == told(plain)
    assert said(floor) == [("linked", "crm", ["crm", "mailto"])]
    assert floor.outcomes == {"accepted": 1, "duplicate": 1}


def test_an_envelope_counts_as_accepted_where_either_is_news() -> None:
    floor = Floor()
    floor.hear(*CALL[:2], linked(5, contact="c1"))
    floor.hear(*CALL, linked(5, contact="c1"))
    floor.hear(*CALL, linked(5, contact="c1"), linked(6, ANA, PHONE, contact="c1", id="m"))
    floor.hear(*CALL, linked(5, contact="c1"))
    floor.flush()
    assert floor.outcomes == {"accepted": 3, "duplicate": 1}
    assert len(floor.links) == 2


def test_what_several_identifiers_of_one_contact_say_is_said_beside_it() -> None:
    floor = Floor()
    floor.hear(created(0, identifiers=(ANA, PHONE)), linked(5, ANA, CRM, contact="c1"))
    assert said(floor) == [("linked", "provider", ["mailto", "tel"]), ("linked", "crm", ["crm", "mailto"])]


@pytest.mark.parametrize("when", ["before", "during", "settled"])
def test_a_contact_that_exists_stays_as_it_is(when: str) -> None:
    plain, floor = Floor(), Floor()
    for each, speaks in ((plain, False), (floor, True)):
        if speaks and when == "before":
            each.hear(linked(-60, contact="c1"))
        each.clock(0)
        each.hear(*CALL[:3])
        if speaks and when == "during":
            each.hear(linked(12, contact="c1"))
        each.hear(CALL[3])
        each.flush()
        each.clock(2 * DAY)
        if speaks and when == "settled":
            each.hear(linked(3, contact="c1"))
        each.flush()
        each.crash()
        each.hear(offered(2 * DAY + 5, identifiers=(PHONE,)))
    assert told(floor) == told(plain)
    assert len(floor.links) == 1
    assert floor.failed == []


def test_a_contact_that_is_spoken_of_first_begins_with_its_own_first_event() -> None:
    floor = Floor()
    floor.hear(linked(-3_600, contact="c1"))
    floor.hear(*CALL)
    floor.flush()
    (contact,) = floor.customers
    assert (contact.channel, contact.started, contact.outcome) == ("phone", at(0), "answered")


def test_nothing_is_said_by_an_envelope_that_fails_and_it_may_come_again() -> None:
    floor = Floor()
    floor.hear(*CALL)
    floor.clock(2 * DAY)
    late = offered(20, queue="other")
    floor.hear(linked(5, contact="c1"), late)
    floor.hear(linked(5), offered(5))
    floor.flush()
    assert floor.links == []
    assert [headers["failed.reason"] for _, _, headers in floor.failed] == [b"time", b"rule"]
    floor.hear(linked(5, contact="c1"))
    floor.hear(linked(5))
    assert len(floor.links) == 2


@pytest.mark.parametrize("restarts", [False, True])
def test_duplicates_are_told_apart_for_the_retention(restarts: bool) -> None:
    floor = Floor()
    floor.clock(0)
    floor.hear(linked(-90 * DAY))
    floor.hear(linked(5, id="m"))
    for day in (1, 29, 31):
        floor.clock(day * DAY)
        floor.flush()
        if restarts:
            floor.crash()
        known = [key for key in floor.changelog if key[:1] == b"i"]
        assert len(known) == (2 if day < 30 else 0)
        floor.hear(linked(-90 * DAY))
    floor.flush()
    assert floor.outcomes == {"accepted": 3, "duplicate": 2}


def test_a_correction_is_remembered_from_when_it_came() -> None:
    floor = Floor()
    floor.hear(linked(5))
    floor.clock(20 * DAY)
    floor.hear(linked(5, ANA, PHONE, revision=1))
    floor.clock(40 * DAY)
    floor.hear(linked(5, ANA, PHONE, revision=1))
    floor.flush()
    assert floor.outcomes == {"accepted": 2, "duplicate": 1}
