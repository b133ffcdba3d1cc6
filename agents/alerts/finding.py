"""What was detected, in the form in which alerts take it: which rule, which labels, which subject."""

from typing import Literal, NamedTuple

import msgspec

from agents.alerts.subject import Subject
from schemas.alerts import SlaTransition, Transition
from schemas.instants import from_ms, to_ms
from schemas.notifications import Severity
from schemas.policies import CLOCKS, ClockName
from schemas.trends import TrendEvidence, TrendTransition

PROMISE = "sla.answer_within"
SILENCE = "source.silent"
ENDS = frozenset({"fulfilled", "lapsed"})
"""Transitions that end what a breach began; where there was no breach, they end nothing."""

PROMISES: dict[str, ClockName] = {f"sla.{clock}": clock for clock in CLOCKS}
"""Rule -> clock whose promise was broken."""

_SEVERITY: dict[str, Severity] = {PROMISE: "critical", SILENCE: "critical"}


class _Glance(msgspec.Struct):
    """What decides whether a transition of a clock matters."""

    transition: Transition
    outcome: Literal["attained", "late"] | None = None


_glance = msgspec.json.Decoder(_Glance).decode


def matters(value: bytes) -> bool:
    """Whether a record of alerts.sla may begin, end or take back a breach. Raises schemas.unreadable.UNREADABLE for
    one that is none."""
    glance = _glance(value)
    if glance.transition in ENDS:
        return glance.outcome != "attained"
    return glance.transition in ("breached", "corrected")


class Finding(NamedTuple):
    """One subject and the group that it belongs to; `started`: of an episode that it begins."""

    rule: str
    labels: dict[str, str]
    severity: Severity
    started: int
    subject: Subject
    channel: str | None
    trend: TrendEvidence | None = None


def of_breach(breach: SlaTransition, group_by: tuple[str, ...]) -> Finding:
    """A promise that was broken."""
    due, target = to_ms(breach.due_at), round(breach.target * 1000)
    said = {"queue": breach.queue, "channel": breach.channel, "policy": breach.policy.id}
    subject = Subject(
        id=breach.id,
        thing=thing_of(breach),
        contact=breach.contact,
        since=next((to_ms(each.time) for each in breach.events if each.did == "started"), due - target),
        found=due if breach.cause is None else max(due, to_ms(breach.detected_at)),
        target=target,
        policy=breach.policy.id,
        business=breach.calendar is not None,
        due=None if breach.cause is None else due,
    )
    rule = f"sla.{breach.clock}"
    return Finding(rule, _labels(said, group_by), _severity(rule), due, subject, breach.channel)


def of_return(rule: str, labels: dict[str, str], channel: str | None, subject: Subject) -> Finding:
    """A broken promise that is not over after all, though its alert is. `subject`: as of when that was found."""
    due = subject.found if subject.due is None else subject.due
    return Finding(rule, labels, _severity(rule), due, subject, channel)


def thing_of(transition: SlaTransition) -> str:
    """What names the clock of a contact. One event may start several clocks; of an offer there is one."""
    if transition.clock == "answer_within":
        return transition.instance
    return f"{transition.clock} {transition.instance}"


def of_trend(opened: TrendTransition, group_by: tuple[str, ...]) -> Finding:
    """A number that left its own past, or a source that fell silent. One group is one queue or source at least."""
    since = to_ms(opened.since)
    said = {"queue": opened.queue, "channel": opened.channel, "source": opened.source}
    subject = Subject(id=opened.id, thing=opened.trend, since=since, found=max(since, to_ms(opened.detected_at)))
    rule = rule_of(opened)
    labels = _labels(said, (*group_by, "queue", "source"))
    return Finding(rule, labels, _severity(rule), since, subject, opened.channel, opened.evidence)


def rule_of(transition: TrendTransition) -> str:
    """Id of the rule by which a trend is an alert."""
    return transition.rule if transition.rule == SILENCE else f"trend.{transition.rule}"


def check(record: SlaTransition | TrendTransition) -> None:
    """Raise OverflowError for a time that no calendar has."""
    if isinstance(record, SlaTransition):
        instants = (record.due_at, record.occurred_at, record.detected_at, *(each.time for each in record.events))
        lasted = record.target
    else:
        instants, lasted = (record.since, record.detected_at), record.evidence.limit or 0
    for instant in instants:
        from_ms(to_ms(instant) - round(lasted * 1000))


def _labels(said: dict[str, str | None], wanted: tuple[str, ...]) -> dict[str, str]:
    found = {name: said.get(name) for name in sorted(set(wanted))}
    return {name: value for name, value in found.items() if value is not None}


def _severity(rule: str) -> Severity:
    return _SEVERITY.get(rule, "warning")
