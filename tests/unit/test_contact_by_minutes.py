"""What is said of a ticket's clocks against a count of every minute: any events, policies and order of arrival."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alerts import SlaTransition
from schemas.events import AnyEvent, ContactMerged, ContactStatusChanged, ContactUpdated, MessagePosted
from schemas.policies import ClockName, Filter, Policies, PolicyRecord, QueuePolicy, SlaPolicy, Target
from tests.unit.contact_bench import START, Floor, created, other
from tests.unit.contact_by_minutes import CALENDAR, IN_HOURS, Targets, Told, outcomes

LAST = 140
CLOCKS: tuple[ClockName, ...] = (
    *("first_reply", "next_reply", "periodic_update", "pausable_update"),
    *("requester_wait", "agent_work", "total_resolution"),
)
KINDS = (
    *(("customer", ""), ("agent", ""), ("updated", "high"), ("updated", "low"), ("status", "pending")),
    *(("status", "on_hold"), ("status", "open"), ("status", "solved"), ("merged", "")),
)
# Of one minute: a ticket is what it is for all of it, a message comes before what becomes of the status.
ORDER = ("created", "updated", "customer", "agent", "status", "merged")

Line = tuple[int, str, str, str]
"""Minute, id, kind and word of an event."""

target_sets = st.dictionaries(st.sampled_from(CLOCKS), st.sampled_from((0, 5, 10, 20, 45)), min_size=2)


@st.composite
def stories(draw: st.DrawFn) -> list[Line]:
    """What happens to a ticket, one event of a kind in a minute, in order; no customer writes while it is solved."""
    happened = draw(
        st.lists(
            st.tuples(st.integers(0, 100), st.sampled_from((*KINDS[:-1], *KINDS))),
            max_size=12,
            unique_by=lambda each: (each[0], each[1][0]),
        )
    )
    lines = [(0, "created", "created", "")]
    lines += [(minute, f"{kind} {word} {minute}", kind, word) for minute, (kind, word) in happened]
    solved, story = False, []
    for line in sorted(lines, key=lambda line: (line[0], ORDER.index(line[2]))):
        if line[2] == "status":
            solved = line[3] == "solved"
        if line[2] != "customer" or not solved:
            story.append(line)
    return story


def event_of(line: Line) -> AnyEvent:
    minute, name, kind, word = line
    facts = {"id": name, "channel": "email"}
    second = 60.0 * minute
    if kind == "created":
        return created(second, **facts)
    if kind == "updated":
        return other(ContactUpdated, second, priority=word, **facts)
    if kind == "status":
        return other(ContactStatusChanged, second, status=word, **facts)
    if kind == "merged":
        return other(ContactMerged, second, into="c2", **facts)
    return other(MessagePosted, second, author=kind, **facts)


def policy(name: str, version: int, targets: Targets, priorities: tuple[str, ...] = ()) -> SlaPolicy:
    terms = {
        clock: Target(target=60 * minutes, calendar=CALENDAR.id if clock in IN_HOURS else None)
        for clock, minutes in targets.items()
    }
    return SlaPolicy(
        id=name, version=version, rank=-len(priorities), applies=Filter(priorities=priorities), targets=terms
    )


def became(said: list[SlaTransition]) -> set[Told]:
    """What holds, of what has an end."""
    gone = {one.corrects for one in said if one.transition == "corrected"}
    found: set[Told] = set()
    for one in said:
        if one.id not in gone and one.transition in ("fulfilled", "cancelled", "lapsed", "breached"):
            how = one.outcome or f"{one.transition} {one.reason or ''}".strip()
            found.add((one.clock, one.instance, how, round(one.occurred_at.timestamp() - START / 1000) // 60))
    return found


@settings(max_examples=80)
@given(
    stories(),
    st.tuples(target_sets, target_sets, target_sets),
    st.integers(0, 100),
    st.randoms(use_true_random=False),
)
def test_what_becomes_of_every_clock_is_what_a_count_of_every_minute_says(
    story: list[Line], sets: tuple[Targets, Targets, Targets], moment: int, chance: random.Random
) -> None:
    usual, high, changed = sets
    floor = Floor(
        policies=Policies(
            default=QueuePolicy(answer_within=None),
            sla=(policy("usual", 1, usual), policy("high", 1, high, ("high",))),
            calendars=(CALENDAR,),
        )
    )

    def targets(priority: str | None, minute: int) -> Targets:
        if priority == "high":
            return high
        return changed if minute >= moment else usual

    in_order = chance.random() < 0.5
    arrival = story if in_order else chance.sample(story, len(story))
    floor.clock(0)
    heard = False
    for line in arrival:
        if not heard and (line[0] >= moment or not in_order):
            floor.clock(60 * moment)
            floor.promise(PolicyRecord(id="usual", versions=(policy("usual", 1, usual), policy("usual", 2, changed))))
            heard = True
        if in_order and chance.random() < 0.7:
            floor.clock(60 * line[0])
        floor.hear(event_of(line))
    if not heard:
        floor.clock(60 * moment)
        floor.promise(PolicyRecord(id="usual", versions=(policy("usual", 2, changed),)))
    floor.clock(60 * LAST)
    assert floor.failed == []
    assert became(floor.said) == outcomes(story, targets, LAST)
