"""A day of the bank's calls through parser and rules: the gold numbers, whatever the order of the rows."""

import random
from collections import Counter
from functools import cache
from pathlib import Path

from agents.intake.anonymous_bank import AnonymousBank, ends_at
from agents.intake.bank_rows import read_row
from agents.intake.parsing import Context, Ignored
from schemas.events import AnyEvent
from tests.unit.contact_bench import Floor, second

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "anonymous_bank_1999-08-01.csv"


@cache
def calls() -> list[tuple[int, tuple[AnyEvent, ...]]]:
    """The end (ms) and the events of every row, in order of the ends; no events for an ignored row."""
    columns, *rows = FILE.read_bytes().splitlines()
    headers = {"columns": columns, "date": b"1999-08-01", "tz": b"Asia/Jerusalem"}
    found: list[tuple[int, tuple[AnyEvent, ...]]] = []
    for row in rows:
        parsed = AnonymousBank().parse(row, Context("bank", headers, read_at=0))
        found.append((ends_at(read_row(row, headers)), () if isinstance(parsed, Ignored) else parsed.events))
    return sorted(found, key=lambda call: call[0])


def hear(floor: Floor, events: tuple[AnyEvent, ...]) -> None:
    if events:
        floor.hear(*events)
    else:
        floor.hear(outcome="ignored", reason="phantom")


def test_the_day_measures_the_gold_numbers() -> None:
    floor = Floor()
    for end, events in calls():
        hear(floor, events)
        floor.contacts.advance(end, floor)
    facts = floor.measured()
    waits = Counter({value: n for (measure, value), n in facts.items() if measure == "answered"})
    abandons = Counter({value: n for (measure, value), n in facts.items() if measure == "left:abandoned"})
    handled = {value: n for (measure, value), n in facts.items() if measure == "handled"}
    assert (facts["offered", 0], waits.total(), abandons.total(), facts["left_ivr", 0]) == (2237, 1511, 726, 120)
    assert round(sum(wait * n for wait, n in waits.items()) / 1511 / 1000, 3) == 134.846
    assert round(sum(wait * n for wait, n in abandons.items()) / 726 / 1000, 3) == 79.727
    assert round(sum(time * n for time, n in handled.items()) / 1511 / 1000, 3) == 193.786
    assert max(waits | abandons) == 1_823_000
    assert sum(n for wait, n in waits.items() if wait <= 20_000) == 404
    assert floor.outcomes == {"accepted": 2357, "ignored:phantom": 18}
    assert +floor.busy == {}


def test_exactly_the_calls_that_waited_longer_than_20_s_have_one_breach_each() -> None:
    floor = Floor()
    for end, events in calls():
        hear(floor, events)
        floor.contacts.advance(end, floor)
    breaches = [t for t in floor.transitions if t.transition == "breached"]
    late = [t for t in floor.transitions if t.outcome == "late"]
    assert (len(breaches), len({t.contact for t in breaches}), len(late)) == (1656, 1656, 1107)
    assert all(t.due_at == t.occurred_at and t.elapsed == 20.0 for t in breaches)
    assert all(t.transition != "corrected" for t in floor.transitions)


def test_a_quarter_of_the_rows_told_twice_and_shuffled_with_restarts_comes_to_the_same() -> None:
    some = calls()[::4]
    straight, shuffled = Floor(), Floor()
    for end, events in some:
        hear(straight, events)
        straight.contacts.advance(end, straight)
    again = [*some, *some]
    random.Random(7).shuffle(again)
    for number, (_, events) in enumerate(again):
        hear(shuffled, events)
        if number % 300 == 0:
            shuffled.contacts.advance(some[number // 3][0], shuffled)
            shuffled.flush()
            shuffled.crash()
    shuffled.contacts.advance(some[-1][0], shuffled)
    assert shuffled.measured() == straight.measured()
    assert {(t.id, second(t.due_at)) for t in shuffled.transitions} == {
        (t.id, second(t.due_at)) for t in straight.transitions
    }
    assert shuffled.outcomes["duplicate"] == straight.outcomes["accepted"]
    assert shuffled.outcomes.total() == 2 * straight.outcomes.total()
