"""What was said of a contact's promises, as far as it has to be remembered."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from agents.contacts.run import Step
from schemas.alerts import Transition
from schemas.policies import ClockName

ANSWER_WITHIN: ClockName = "answer_within"


class ClockKey(NamedTuple):
    """One instance of a clock of a contact: `instance` is the id of the event that started it."""

    clock: ClockName
    instance: str


class Statement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A transition that was sent and holds. Instants and durations in ms; `detail`: outcome or reason.

    `version` and `again` are the policy's version and the instance's `corrections` when it was said: its id is made of
    them. `first`: of an at_risk, whether its share is the first of the target's.
    """

    transition: Transition
    due: int
    occurred: int
    detail: str | None
    version: int
    again: int
    policy: str
    target: int
    elapsed: int
    share: float | None = None
    first: bool = True
    calendar: tuple[str, int] | None = None


class Stated(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What of one clock instance was said and holds, and how much of it was taken back."""

    statements: tuple[Statement, ...] = ()
    corrections: int = 0


NOTHING_STATED = Stated()


def is_breached(statements: Iterable[Statement]) -> bool:
    """Whether a clock was broken of which this was said."""
    for said in statements:  # noqa: SIM110 - a generator costs thrice as much, and this is asked of every contact
        if said.transition == "breached":
            return True
    return False


def statement_of(step: Step, again: int) -> Statement:
    """What is remembered of a step that is said now."""
    term = step.term
    calendar = term.calendar
    shares = term.at_risk
    return Statement(
        step.transition,
        step.due,
        step.at,
        step.detail,
        term.version,
        again,
        term.policy or "",
        term.target,
        step.elapsed,
        step.share,
        step.share is None or not shares or step.share == shares[0],
        None if calendar is None else (calendar.id, calendar.version),
    )


def holds(statement: Statement, step: Step) -> bool:
    """Whether what was said is this very step."""
    term = step.term
    return (
        statement.occurred == step.at
        and statement.transition == step.transition
        and statement.due == step.due
        and statement.elapsed == step.elapsed
        and statement.detail == step.detail
        and statement.version == term.version
        and statement.target == term.target
        and statement.share == step.share
        and statement.policy == (term.policy or "")
        and statement.calendar == (None if term.calendar is None else (term.calendar.id, term.calendar.version))
    )
