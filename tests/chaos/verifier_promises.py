"""Judges alerts.sla: what stands of every promise in the end, what was said on the way, and how late.

What may be said of a promise follows from what was known of it. A clock follows the wall no further beyond what has
been passed on than the grace (docs/engine.md, Time), so all that was durable when a promise was due has been seen
before it is declared broken: a breach is false where what refutes it was durable by then, and it is false, whenever
that was, where it is not taken back. One that is refuted by what became durable after the due instant, and is taken
back, is hasty: allowed, and told.

Ids are those of metrics.md 2.7: UUIDv5 of contact, clock, instance and policy version; of other transitions also their
name and due instant; of what a clock may go through more than once with one due instant, also when it occurred; of what
is stated after so many corrections, also that number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from tests.chaos.verifier_findings import Finding, Kind
from tests.chaos.verifier_hindrance import Hindrance
from tests.chaos.verifier_reading import Record, to_ms

CLOCKS = UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c03")
"""The namespace of ids on alerts.sla."""

ANSWER_WITHIN = "answer_within"
CORRECTED = "corrected"
BREACHED = "breached"
_BY_DUE = ("at_risk", CORRECTED)
"""Transitions that happen once with one due instant; of a promise to answer, its ends as well."""
_ENDS = ("fulfilled", "cancelled", "lapsed")


class Transition:
    """One record of alerts.sla."""

    __slots__ = (
        *("appended", "clock", "contact", "corrects", "detail", "detected", "due", "id", "instance", "name"),
        *("occurred", "policy", "queue", "version", "where"),
    )

    def __init__(self, record: Record) -> None:
        said: dict[str, Any] = record.json
        self.where = record.where
        self.appended = record.time
        self.id: str = said["id"]
        self.name: str = said["transition"]
        self.contact: str = said["contact"]
        self.clock: str = said.get("clock", ANSWER_WITHIN)
        self.instance: str = said["instance"]
        self.policy: str = said["policy"]["id"]
        self.version: int = said["policy"]["version"]
        self.queue: str | None = said.get("queue")
        self.due = to_ms(said["due_at"])
        self.occurred = to_ms(said["occurred_at"])
        self.detected = to_ms(said["detected_at"])
        self.corrects: str | None = said.get("corrects")
        self.detail: str | None = said.get("outcome") or said.get("reason")

    @property
    def stated(self) -> list[Any]:
        """As the truth has it."""
        return [self.name, self.occurred, self.detail, self.due, self.policy]

    def is_again(self, other: Transition) -> bool:
        """Whether it says what another one says already. A promise is broken once."""
        if self.name != other.name:
            return False
        return self.name == BREACHED or (self.occurred, self.due) == (other.occurred, other.due)

    def due_id(self, corrections: int) -> str:
        """The id that it must bear where so many of its promise's were taken back before."""
        parts = [self.contact, self.clock, self.instance, str(self.version)]
        if self.name != BREACHED:
            parts += [self.name, str(self.due)]
            by_due = self.name in _BY_DUE or (self.clock == ANSWER_WITHIN and self.name in _ENDS)
            parts += [] if by_due else [f"@{self.occurred}"]
        if corrections:
            parts.append(str(corrections))
        return str(uuid5(CLOCKS, "\x1f".join(parts)))


class Judged(NamedTuple):
    """What is wrong, how many breaches were hasty, and how near the latest came to being late (ms)."""

    findings: list[Finding]
    hasty: int
    slack: int | None


def judge_promises(
    promises: Sequence[dict[str, Any]],
    said: Sequence[Transition],
    durable: Sequence[int],
    grace_ms: int,
    hindrance: Hindrance,
) -> Judged:
    """Compare. `said`: in the order of the topic; `durable`: when each record fed became so, ms."""
    findings: list[Finding] = []
    hasty = 0
    slack: int | None = None
    by_instance: dict[tuple[str, str], list[Transition]] = defaultdict(list)
    ids: dict[str, Transition] = {}
    for each in said:
        before = ids.setdefault(each.id, each)
        if before is not each:
            what = f"{each.name} of contact {each.contact} was said before, at {before.where}: id {each.id}"
            findings.append(Finding(_kind(each, Kind.DUPLICATE), what, each.where, final=True))
            continue
        by_instance[each.clock, each.instance].append(each)
    for promise in promises:
        own = by_instance.pop((promise["clock"], promise["instance"]), [])
        judgement = _Judgement(promise, durable, grace_ms, hindrance)
        findings += judgement.of(own)
        hasty += judgement.hasty
        if judgement.slack is not None:
            slack = judgement.slack if slack is None else min(slack, judgement.slack)
    for strange in by_instance.values():
        for each in strange:
            what = (
                f"{each.name} of a promise that nobody made: {each.clock} of {each.contact}, instance {each.instance}"
            )
            findings.append(Finding(_kind(each, Kind.FALSE), what, each.where, final=True))
    return Judged(findings, hasty, slack)


class _Judgement:
    """Of one promise."""

    def __init__(self, promise: dict[str, Any], durable: Sequence[int], grace_ms: int, hindrance: Hindrance) -> None:
        self._promise = promise
        self._grace = grace_ms
        self._hindrance = hindrance
        # (from when it was known, when it would be broken)
        self._known = [(durable[each["record"]], each["breach"]) for each in promise["known"]]
        self._findings: list[Finding] = []
        self.hasty = 0
        self.slack: int | None = None

    def of(self, said: Sequence[Transition]) -> list[Finding]:
        """Go through what was said of it, then look at what stands."""
        standing: dict[str, Transition] = {}
        corrections = 0
        for each in said:
            if each.id != each.due_id(corrections):
                expected = f"id {each.due_id(corrections)}"
                self._add(_kind(each, Kind.FALSE), f"{each.name} under another id", each, expected, each.id)
            if each.name == CORRECTED:
                corrections += 1
                if standing.pop(each.corrects or "", None) is None:
                    self._add(Kind.DOUBLED, f"takes back {each.corrects}, which does not stand", each)
                continue
            again = next((other for other in standing.values() if each.is_again(other)), None)
            if again is not None:
                self._add(_kind(each, Kind.DUPLICATE), f"{each.name} stands already, at {again.where}", each)
                del standing[again.id]
            standing[each.id] = each
            if each.name == BREACHED:
                self._judge_breach(each)
        self._judge_end(list(standing.values()))
        return self._findings

    def _judge_breach(self, breach: Transition) -> None:
        if breach.detected < breach.due or breach.occurred != breach.due:
            self._add(Kind.FALSE, "breach before its due instant", breach, breach.due, breach.detected)
            return
        refuted = self._refuted(breach.due)
        if refuted is None or breach.detected <= refuted:
            return
        if refuted > breach.due:
            self.hasty += 1
        else:
            what = f"breach though what refutes it was durable {breach.due - refuted} ms before its due instant"
            self._add(Kind.FALSE, what, breach, None, f"due at {breach.due}, declared at {breach.detected}")

    def _refuted(self, due: int) -> int | None:
        """Since when nothing that was known let a promise be broken at `due`; None: something did to the end."""
        refuted: int | None = 0
        for place, (_, breach) in enumerate(self._known):
            if breach == due:
                refuted = self._known[place + 1][0] if place + 1 < len(self._known) else None
        return refuted

    def _judge_end(self, standing: Sequence[Transition]) -> None:
        """What stands must be what the truth states, each once; of what differs, the like-named are shown together."""
        promise = self._promise
        constant = [promise["queue"], promise["version"]]
        left = list(standing)
        missing = []
        for stated in promise["stated"]:
            found = next(
                (each for each in left if [*each.stated, each.queue, each.version] == [*stated, *constant]), None
            )
            if found is None:
                missing.append(stated)
                continue
            left.remove(found)
            if found.name == BREACHED:
                self._judge_lateness(found)
        for stated in missing:
            kind = Kind.MISSED if stated[0] == BREACHED else Kind.LOST
            other = next((each for each in left if each.name == stated[0]), None)
            if other is None:
                self._findings.append(Finding(kind, f"no {stated[0]} of {self._name}", "alerts.sla", stated, None))
                continue
            left.remove(other)
            got = [*other.stated, other.queue, other.version]
            self._findings.append(
                Finding(kind, f"{other.name} of {self._name}", other.where, [*stated, *constant], got)
            )
        for each in left:
            kind = _kind(each, Kind.FALSE)
            self._findings.append(
                Finding(kind, f"{each.name} of {self._name} was not taken back", each.where, promise["stated"])
            )

    def _judge_lateness(self, breach: Transition) -> None:
        first = 0
        for known, broken_at in reversed(self._known):
            if broken_at != breach.due:
                break
            first = known
        since = max(breach.due + self._grace, first)
        for what, seen in (("detected", breach.detected), ("appended", breach.appended)):
            allowed = self._hindrance.allowed(since, seen)
            slack = allowed - (seen - since)
            self.slack = slack if self.slack is None else min(slack, self.slack)
            if slack < 0:
                self._add(Kind.LATE, f"breach {what} {seen - since} ms after it was due", breach, f"<= {allowed} ms")
                return

    @property
    def _name(self) -> str:
        promise = self._promise
        return f"{promise['clock']} of contact {promise['contact']}, instance {promise['instance']}"

    def _add(self, kind: Kind, what: str, said: Transition, expected: object = None, found: object = None) -> None:
        self._findings.append(Finding(kind, f"{what}: {self._name}", said.where, expected, found, final=True))


def _kind(said: Transition, of_breach: Kind) -> Kind:
    return of_breach if said.name == BREACHED else Kind.DOUBLED
