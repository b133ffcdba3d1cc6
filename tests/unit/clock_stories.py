"""Clocks on a bench: facts and terms by local times go in, the steps of a clock come out by local times."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from agents.contacts.judge import course_of
from agents.contacts.run import Fact, FactKind, Run, Step, Term
from agents.contacts.runs import runs_of
from schemas.calendars import Calendar
from schemas.instants import MINUTE, from_ms, to_ms
from schemas.policies import CalendarTerms, ClockName

BERLIN = ZoneInfo("Europe/Berlin")
NEVER_ENDING = 2**42
BER_TERMS = CalendarTerms(
    id="BER",
    timezone="Europe/Berlin",
    hours="Mo-Fr 09:00-17:00",
    closed=("2026-04-03", "2026-04-06", "2026-12-25"),
    open={"2026-12-24": "09:00-12:00"},
)
BER = Calendar(BER_TERMS)


def steps_of(run: Run, terms: Sequence[Term], judged: int) -> tuple[Step, ...]:
    """The transitions of a clock."""
    return tuple(course_of(run, terms, judged).steps)


def at(day: int, time: str, zone: ZoneInfo = BERLIN) -> int:
    """An instant (ms) of June 2026, by local time: Monday is the 8th."""
    return to_ms(datetime.fromisoformat(f"2026-06-{day:02} {time}").replace(tzinfo=zone))


def local(instant: int, zone: ZoneInfo = BERLIN) -> str:
    """Weekday and local time of an instant, with seconds only where it has some."""
    said = from_ms(instant).astimezone(zone)
    return said.strftime("%a %H:%M" if instant % MINUTE == 0 else "%a %H:%M:%S")


def fact(day: int, time: str, kind: FactKind, status: str | None = None) -> Fact:
    """A fact; its event is named after what and when it is."""
    return Fact(at(day, time), f"{status or kind} {local(at(day, time))}", kind, status)


def status(day: int, time: str, name: str) -> Fact:
    """A change of the status."""
    return fact(day, time, "status", name)


def only(clock: ClockName, facts: Sequence[Fact]) -> Run:
    """The one instance of a clock."""
    (run,) = [run for run in runs_of(facts) if run.clock == clock]
    return run


def term(minutes: int, since: int = 0, calendar: Calendar | None = BER, **said: Any) -> Term:
    """A term of version 1 of the policy 'care', which says nothing of being at risk."""
    facts: dict[str, Any] = {"policy": "care", "version": 1, "target": minutes * MINUTE, "calendar": calendar}
    return Term(since, **facts | said)


def told(steps: Sequence[Step], zone: ZoneInfo = BERLIN) -> list[tuple[str, str, str]]:
    """Of each step: its transition (with outcome, reason or share), its instant and when it was due."""
    return [
        (" ".join(str(each) for each in (step.transition, step.detail, step.share) if each is not None),
         local(step.at, zone), local(step.due, zone))
        for step in steps
    ]  # fmt: skip


def story(run: Run, *terms: Term, judged: int = NEVER_ENDING, zone: ZoneInfo = BERLIN) -> list[tuple[str, str, str]]:
    """What is said of a clock, all told."""
    return told(steps_of(run, terms, judged), zone)


def used(run: Run, calendar: Calendar | None) -> int:
    """Minutes that an instance ran, as its last step says."""
    return steps_of(run, (term(60 * 24 * 365, calendar=calendar),), 0)[-1].elapsed // MINUTE
