"""How long contacts took until they were solved: facts that add up, whatever is reopened, corrected or heard late."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import AnyEvent, ContactMerged, ContactStatusChanged, ContactUpdated, MessagePosted
from schemas.instants import MINUTE, SECOND, to_ms
from schemas.partials import FactKey
from schemas.policies import CalendarRecord, CalendarTerms, Policies, QueuePolicy, SlaPolicy, Target
from tests.unit.contact_bench import START, Floor, created, ended, offered, other

BER = CalendarTerms(id="ber", timezone="Europe/Berlin", hours="Mo-Fr 09:00-17:00")
LONGER = CalendarTerms(id="ber", version=2, timezone="Europe/Berlin", hours="Mo-Fr 08:00-18:00")
PROMISED = SlaPolicy(id="desk", targets={"total_resolution": Target(target=360_000, calendar="ber")})
ROUND_THE_CLOCK = SlaPolicy(id="desk", targets={"total_resolution": Target(target=360_000)})
LOG = (
    ("08 10:00", "new"), ("08 10:20", "open"), ("08 10:45", "pending"), ("09 16:30", "open"), ("10 09:20", "on_hold"),
    ("10 14:00", "open"), ("10 14:35", "solved"), ("11 11:00", "open"), ("11 11:50", "solved"),
)  # fmt: skip
"""A ticket in June 2026 (the 8th is a Monday), in Berlin: solved, opened again and solved again."""


def berlin(text: str) -> float:
    """The second of the timeline of a local time in June 2026."""
    instant = datetime.fromisoformat(f"2026-06-{text}").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return (to_ms(instant) - START) / SECOND


def desk(*sla: SlaPolicy) -> Floor:
    return Floor(policies=Policies(default=QueuePolicy(answer_within=None), sla=sla, calendars=(BER,)))


def status(at: str, name: str, **more: Any) -> AnyEvent:
    said = {"channel": "email", "queue": "claims", "id": f"{name} {at}", **more}
    return other(ContactStatusChanged, berlin(at), status=name, **said)


def ticket(until: str = "30") -> list[AnyEvent]:
    """The ticket up to a day of the month."""
    begun = created(berlin("08 10:00"), channel="email", queue="claims", id="begun")
    return [begun, *(status(at, name) for at, name in LOG if at < until)]


def minutes(floor: Floor) -> dict[tuple[str, str], float]:
    """Resolution facts, by measure and the local day of their pane: the sum of their values in minutes, or how many
    there are of those without a value."""
    floor.flush()
    sums: Counter[tuple[str, str]] = Counter()
    for (channel, queue, pane, measure, value), n in floor.facts.items():
        if "resolution" in measure or measure in ("solved", "reopened"):
            assert (channel, queue) == ("email", "claims")
            day = datetime.fromtimestamp(pane * 60, ZoneInfo("Europe/Berlin"))
            sums[measure, f"{day:%d %H:%M}"] += n * value if value else n * MINUTE
    return {key: total / MINUTE for key, total in sums.items() if total}


def facts(floor: Floor) -> dict[FactKey, int]:
    floor.flush()
    return {key: n for key, n in floor.facts.items() if n}


FIRST_SOLVE = {
    ("solved", "10 14:35"): 1,
    ("first_resolution", "10 14:35"): 3_155,
    ("first_resolution_business", "10 14:35"): 1_235,
    ("full_resolution", "10 14:35"): 3_155,
    ("full_resolution_business", "10 14:35"): 1_235,
}
SECOND_SOLVE = {
    ("solved", "10 14:35"): 1,
    ("solved", "11 11:50"): 1,
    ("reopened", "11 11:00"): 1,
    ("first_resolution", "10 14:35"): 3_155,
    ("first_resolution_business", "10 14:35"): 1_235,
    ("full_resolution", "11 11:50"): 4_430,
    ("full_resolution_business", "11 11:50"): 1_550,
}


def test_first_and_full_resolution_are_one_until_a_contact_is_solved_again() -> None:
    floor = desk(PROMISED)
    for event in ticket(until="11"):
        floor.hear(event)
    assert minutes(floor) == FIRST_SOLVE
    floor.hear(status("11 11:00", "open"))
    assert minutes(floor) == {**FIRST_SOLVE, ("reopened", "11 11:00"): 1}
    floor.hear(status("11 11:50", "solved"))
    assert minutes(floor) == SECOND_SOLVE


def test_without_a_calendar_of_its_total_resolution_there_is_no_business_time() -> None:
    plain = {key: value for key, value in SECOND_SOLVE.items() if "business" not in key[0]}
    for floor in (desk(), desk(ROUND_THE_CLOCK)):
        floor.hear(*ticket())
        assert minutes(floor) == plain


def test_it_counts_in_the_queue_that_the_contact_was_in_at_the_solve() -> None:
    floor = desk()
    floor.hear(*ticket(until="10 14:35"))
    floor.hear(
        other(ContactUpdated, berlin("10 14:10"), channel="email", queue="appeals"), status("10 14:35", "solved")
    )
    floor.hear(status("11 11:00", "open", queue="claims"), status("11 11:50", "solved"))
    queues = {(key[3], key[1]) for key in facts(floor) if "resolution" in key[3]}
    assert queues == {("first_resolution", "appeals"), ("full_resolution", "claims")}


def test_closed_after_solved_is_no_second_solve_and_closed_alone_is_one() -> None:
    floor = desk()
    floor.hear(*ticket(until="11"), status("10 18:00", "closed"), status("10 19:00", "closed"))
    assert minutes(floor) == {key: value for key, value in FIRST_SOLVE.items() if "business" not in key[0]}
    other_floor = desk()
    other_floor.hear(*ticket(until="08 11"), status("08 11:00", "closed"))
    assert minutes(other_floor)["first_resolution", "08 11:00"] == 60


def test_a_contact_that_went_into_another_is_not_solved_by_what_follows() -> None:
    floor = desk()
    floor.hear(*ticket(until="10 14:35"), other(ContactMerged, berlin("10 14:20"), channel="email", into="c2"))
    floor.hear(status("10 14:35", "closed"))
    assert minutes(floor) == {}


def test_of_what_had_a_status_when_it_was_first_heard_of_only_the_solve_counts_until_its_beginning_is_told() -> None:
    floor = desk()
    floor.hear(status("10 14:00", "open"), status("10 14:35", "solved"))
    assert minutes(floor) == {("solved", "10 14:35"): 1}
    floor.hear(status("10 13:55", "new"))
    assert minutes(floor)["first_resolution", "10 14:35"] == 40
    floor.hear(created(berlin("08 10:00"), channel="email", queue="claims"))
    assert minutes(floor)["first_resolution", "10 14:35"] == 3_155


def test_an_end_that_is_no_status_solves_nothing() -> None:
    floor = desk()
    floor.hear(created(0, channel="email"), offered(1, "claims", channel="email"), ended(60, channel="email"))
    assert minutes(floor) == {}


def test_a_solve_that_is_corrected_takes_its_time_along() -> None:
    floor = desk(PROMISED)
    floor.hear(*ticket())
    floor.flush()
    floor.crash()
    # The second solve was half an hour earlier, the first one none.
    floor.hear(status("11 11:20", "solved", id="solved 11 11:50", revision=1))
    floor.hear(status("10 14:35", "pending", id="solved 10 14:35", revision=1))
    assert minutes(floor) == {
        ("solved", "11 11:20"): 1,
        ("first_resolution", "11 11:20"): 4_400,
        ("first_resolution_business", "11 11:20"): 1_520,
        ("full_resolution", "11 11:20"): 4_400,
        ("full_resolution_business", "11 11:20"): 1_520,
    }


def test_of_a_contact_that_was_settled_nothing_more_is_told_and_nothing_taken_back() -> None:
    floor = desk(PROMISED)
    floor.hear(*ticket(until="11"), status("10 18:00", "closed"))
    floor.clock(berlin("12 00:00"))
    assert minutes(floor) == FIRST_SOLVE
    floor.hear(status("12 10:00", "open"), status("12 11:00", "solved"))
    assert minutes(floor) == FIRST_SOLVE


def test_business_time_goes_by_the_calendar_in_force_at_the_solve_for_the_whole() -> None:
    floor = desk(PROMISED)
    floor.clock(berlin("08 09:00"))
    floor.hear(*ticket(until="10 14:35"))
    floor.clock(berlin("10 14:30"))
    floor.promise(CalendarRecord(id="ber", versions=(BER, LONGER)))
    floor.hear(status("10 14:35", "solved"))
    # 8, 10 and 6:35 hours open, by the longer hours.
    assert minutes(floor)["first_resolution_business", "10 14:35"] == 480 + 600 + 395


def test_a_calendar_heard_of_after_an_event_from_its_future_takes_back_what_was_told() -> None:
    early, late = desk(PROMISED), desk(PROMISED)
    for floor in (early, late):
        floor.clock(berlin("10 14:30"))
    early.promise(CalendarRecord(id="ber", versions=(BER, LONGER)))
    early.hear(*ticket())
    late.hear(*ticket(until="11"))
    assert minutes(late)["first_resolution_business", "10 14:35"] == 1_235
    late.promise(CalendarRecord(id="ber", versions=(BER, LONGER)))
    late.flush()
    late.crash()
    late.hear(*ticket())
    assert minutes(late) == minutes(early)
    assert minutes(late)["full_resolution_business", "11 11:50"] == 480 + 600 + 600 + 230


@settings(max_examples=30)
@given(
    st.randoms(use_true_random=False), st.lists(st.sampled_from(("open", "pending", "solved", "closed")), max_size=6)
)
def test_the_sums_are_the_same_in_any_order_of_arrival_with_policies_in_between_and_restarts(
    chance: random.Random, more: list[str]
) -> None:
    happened = ticket() + [status(f"12 10:{number:02}", name) for number, name in enumerate(more)]
    records = [CalendarRecord(id="ber", versions=(BER, LONGER))]
    in_order, shuffled = desk(PROMISED), desk(PROMISED)
    for floor in (in_order, shuffled):
        floor.clock(berlin("09 12:00"))
    in_order.promise(records[0])
    in_order.hear(*happened)

    told: list[AnyEvent | CalendarRecord] = [*happened, *chance.choices(happened, k=3), *records]
    chance.shuffle(told)
    for each in told:
        if isinstance(each, CalendarRecord):
            shuffled.promise(each)
        else:
            shuffled.hear(each)
        if chance.random() < 0.3:
            shuffled.flush()
            shuffled.crash()
    # What is judged by the new calendar is told anew with the next event.
    for floor in (in_order, shuffled):
        floor.hear(
            other(MessagePosted, berlin("13 10:00"), channel="email", author="bot"), status("14 10:00", "solved")
        )
    assert facts(shuffled) == facts(in_order)
