"""The numbers once more, in plain Python over canonical events as JSON: none of the product's code, other ways.

By offer time: what became of an offer counts in the windows that the offer was made in. What became of its promise
counts when it was decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

X = 20.0
SHORT = 5.0
POLICY = "answer-within-default"

Scope = tuple[str | None, str | None, str | None]
"""channel, queue, policy."""

FLOOR: Scope = (None, None, None)
Window = tuple[str, str | None, str | None]
Value = tuple[float | None, float | None, float | None, int, tuple[float, float] | None]
"""value, numerator, denominator, n, interval."""


@dataclass
class Facts:
    """What happened to the offers of one scope and window; waits and handle times in seconds.

    `calls`: on the whole floor, by agent from when to when (seconds since 1970), cut to the window.
    """

    offered: int = 0
    answered: list[float] = field(default_factory=list)
    left: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    completed: list[float] = field(default_factory=list)
    handled: list[float] = field(default_factory=list)
    left_ivr: int = 0
    kept: int = 0
    broken: int = 0
    calls: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))


def distinct(envelopes: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Every event once, by contact, in the order of time."""
    events = {event["id"]: event for each in envelopes for event in each.get("events", ())}
    by_contact: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events.values():
        by_contact[event["contact"]].append(event)
    for mine in by_contact.values():
        mine.sort(key=lambda event: event["time"])
    return by_contact


def recompute(by_contact: dict[str, list[dict[str, Any]]], zone: str) -> dict[tuple[str, Scope, Window], Value]:
    """Every metric of every scope and window that something happened in."""
    gathered: dict[tuple[Scope, Window], Facts] = defaultdict(Facts)
    clock = max(_at(event) for events in by_contact.values() for event in events)
    for events in by_contact.values():
        for scopes, at, add in _facts(events):
            for window in _windows(at, ZoneInfo(zone)):
                for scope in scopes:
                    add(gathered[scope, window])
        for agent, start, end in _calls(events):
            # A measured handle time may go on behind the last event, where the clock stops.
            for window, first, last in _cut(start, min(end, clock), ZoneInfo(zone)):
                gathered[FLOOR, window].calls[agent].append((first, last))
    return {
        (metric, scope, window): value
        for (scope, window), facts in gathered.items()
        for metric, value in _metrics(facts, scope, window)
    }


def _facts(events: list[dict[str, Any]]) -> Iterator[tuple[list[Scope], datetime, Callable[[Facts], None]]]:
    """(where it counts, when, what to add) of one contact that was offered once at most."""
    told = {event["type"]: event for event in events}
    assert len(told) == len(events), "the bank's calls have one event of a kind"
    offered, left_ivr = told.get("contact.offered"), told.get("contact.left_ivr")
    if offered is None:
        assert left_ivr is not None, f"neither offered nor gone: {events}"
        yield [FLOOR, (left_ivr["channel"], None, None)], _at(left_ivr), _count_left_ivr
        return
    channel, queue, at = offered["channel"], offered["queue"], _at(offered)
    scopes = [FLOOR, (channel, None, None), (None, queue, None), (channel, queue, None)]
    answered, left, ended = (told.get(f"contact.{kind}") for kind in ("answered", "left_queue", "ended"))

    def add(facts: Facts) -> None:
        facts.offered += 1
        if answered is not None:
            facts.answered.append(answered["waited"])
        if left is not None:
            facts.left[left["reason"]].append(left["waited"])
        if answered is not None and ended is not None:
            facts.completed.append(answered["waited"])
            facts.handled.append(ended["handled"])

    yield scopes, at, add
    if answered is not None and answered["waited"] <= X:
        yield [*scopes, (None, None, POLICY), (None, queue, POLICY)], _at(answered), _count_kept
    elif (answered or left or {"waited": 0.0})["waited"] > X:
        yield [*scopes, (None, None, POLICY), (None, queue, POLICY)], at + timedelta(seconds=X), _count_broken


def _count_kept(facts: Facts) -> None:
    facts.kept += 1


def _count_broken(facts: Facts) -> None:
    facts.broken += 1


def _calls(events: list[dict[str, Any]]) -> Iterator[tuple[str, datetime, datetime]]:
    """Agent, answered, done with it: of a call whose handle time was measured."""
    told = {event["type"]: event for event in events}
    answered, ended = told.get("contact.answered"), told.get("contact.ended")
    if answered is not None and ended is not None and answered.get("agent") is not None:
        start = _at(answered)
        done = max(start + timedelta(seconds=ended["handled"]), _at(ended))
        if done > start:
            yield answered["agent"], start, done


def _cut(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[Window, float, float]]:
    """The windows that a call is in, and which part of it."""
    seen = set()
    at = start.replace(second=0, microsecond=0)
    while at < end:
        for window in _windows(at, zone):
            if window not in seen:
                seen.add(window)
                _, opens, closes = window
                first = start if opens is None else max(start, datetime.fromisoformat(opens))
                last = end if closes is None else min(end, datetime.fromisoformat(closes))
                yield window, first.timestamp(), last.timestamp()
        at += timedelta(minutes=1)


def _count_left_ivr(facts: Facts) -> None:
    facts.left_ivr += 1


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


def _windows(at: datetime, zone: ZoneInfo) -> Iterator[Window]:
    yield "all", None, None
    local = at.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    yield "day", _iso(midnight), _iso(midnight + timedelta(days=1))
    for minutes in (15, 30, 60):
        start = local.replace(minute=local.minute - local.minute % minutes, second=0, microsecond=0)
        yield f"{minutes}min", _iso(start), _iso(start + timedelta(minutes=minutes))


def _iso(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _metrics(facts: Facts, scope: Scope, window: Window) -> Iterator[tuple[str, Value]]:
    yield from _promises(facts, window)
    if scope[2] is None:
        yield from _offers(facts, scope, window)


def _promises(facts: Facts, window: Window) -> Iterator[tuple[str, Value]]:
    kept, broken = facts.kept, facts.broken
    if not kept and not broken:
        return
    share = _share(kept, kept + broken)
    yield "sla_compliance.answer_within", share
    yield "sla_met.answer_within", _count(kept)
    yield "sla_breached.answer_within", _count(broken)
    if window[0] == "all":
        # Nothing is open any more.
        yield "sla_open.answer_within", _count(0)
        yield "sla_at_risk.answer_within", _count(0)
        yield "time_to_breach.answer_within", (None, None, None, 0, None)
        yield "sla_compliance_live_low.answer_within", share
        yield "sla_compliance_live_high.answer_within", share


def _offers(facts: Facts, scope: Scope, window: Window) -> Iterator[tuple[str, Value]]:
    answered, abandoned = facts.answered, facts.left["abandoned"]
    waits = answered + [wait for waits in facts.left.values() for wait in waits]
    legs, flow_out = len(waits), len(waits) - len(answered) - len(abandoned)
    short = sum(wait <= SHORT for wait in abandoned)
    yield "contacts_offered", _count(facts.offered)
    yield "contacts_answered", _count(len(answered))
    yield "contacts_abandoned", _count(len(abandoned))
    yield "contacts_short_abandoned", _count(short)
    yield "contacts_flow_out", _count(flow_out)
    yield "abandonment_rate", _share(len(abandoned), legs)
    yield "abandonment_rate_excl_short", _share(len(abandoned) - short, legs - short)
    yield "answer_rate", _share(len(answered), legs)
    yield "average_speed_of_answer", _mean(sum(answered), len(answered))
    yield "average_abandon_time", _mean(sum(abandoned), len(abandoned))
    yield "average_handle_time", _mean(sum(facts.handled), len(facts.handled))
    yield "longest_wait", (max(waits, default=None), None, None, legs, None)
    if scope[1] is None:
        yield "contacts_left_in_ivr", _count(facts.left_ivr)
    if facts.calls:
        # The bank declares no states of agents: nobody is ever known to be available.
        spent = sum(map(_union, facts.calls.values()))
        yield "occupancy", (1.0, spent, spent, int(spent), None)
    levels = dict(_service_levels(facts, legs, flow_out, short))
    if window[0] == "all":
        # The replay is over: nobody waits any more, so all that is as of the clock is as if it were over.
        yield "contacts_in_queue", _count(0)
        yield "oldest_waiting", (None, None, None, 0, None)
        yield "mean_patience", _mean(sum(waits), len(abandoned))
        for level in ("answered_over_offered", "connect"):
            levels.update({f"{level}_live{bound}": levels[level] for bound in ("", "_low", "_high")})
    for level, value in levels.items():
        yield f"service_level.{level}@20", value


def _union(calls: list[tuple[float, float]]) -> float:
    """How long one agent was in any of these calls."""
    spent, upto = 0.0, float("-inf")
    for start, end in sorted(calls):
        spent += max(0.0, end - max(start, upto))
        upto = max(upto, end)
    return spent


def _service_levels(facts: Facts, legs: int, flow_out: int, short: int) -> Iterator[tuple[str, Value]]:
    def within(waits: Iterable[float]) -> int:
        return sum(wait <= X for wait in waits)

    def gone(*reasons: str) -> list[float]:
        return [wait for reason in reasons for wait in facts.left[reason]]

    answered, good = len(facts.answered), within(facts.answered)
    abandoned = len(gone("abandoned"))
    missed = gone("empty", "withdrawn", "system")
    unserved = gone("abandoned", "timeout", "empty", "withdrawn")
    decided = answered + abandoned
    talkdesk = decided + len(gone("timeout")) + len(missed)
    yield "answered_over_offered", _share(good, legs)
    yield "answered_over_answered", _share(good, answered)
    yield "excl_short", _share(good, legs - short)
    yield "removed_erlang", _share(good + within(gone("abandoned")), legs)
    yield "connect", _share(good + within(gone("abandoned", "callback")), legs)
    yield "genesys", _share(good, decided)
    yield "genesys_flowouts", _share(good, decided + flow_out)
    yield "genesys_no_short", _share(good, decided - short)
    yield "genesys_flowouts_no_short", _share(good, decided + flow_out - short)
    yield "genesys_no_abandons", _share(good, answered)
    yield "genesys_flowouts_no_abandons", _share(good, answered + flow_out)
    yield "talkdesk_contacts", _share(good, talkdesk)
    yield "talkdesk_contacts_no_short", _share(good, talkdesk - short)
    yield "talkdesk_calls", _share(good + within(missed), answered + len(missed))
    yield "asterisk_perf", _share(within(facts.completed), len(facts.completed))
    yield (
        "asterisk_perf2",
        _share(within(facts.completed) + within(unserved), len(facts.completed) + len(unserved)),
    )


def _count(n: int) -> Value:
    return n, None, None, n, None


def _mean(total: float, n: int) -> Value:
    return (total / n if n else None), total, n, n, None


def _share(part: int, whole: int) -> Value:
    return (part / whole if whole else None), part, whole, whole, _interval(part, whole)


def _interval(part: int, whole: int) -> tuple[float, float] | None:
    """Roots of (p - share)^2 = z^2 p (1 - p) / whole: the 95 % score interval, by the quadratic formula."""
    if not whole:
        return None
    share, z2 = part / whole, 1.959963984540054**2
    a, b, c = 1 + z2 / whole, -(2 * share + z2 / whole), share * share
    root = sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)
