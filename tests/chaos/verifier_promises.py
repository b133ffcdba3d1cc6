"""Judges alerts.sla: what stands of every promise in the end, what was said on the way, and how late.

What may be said of a promise follows from what was known of it. A clock follows the wall no further beyond what has
been passed on than the grace (docs/engine.md, Time), so all that was durable when a promise was due has been seen
before it is declared broken: a breach is false where what refutes it was durable by then, and it is false, whenever
that was, where it is not taken back. One that is refuted by what became durable after the due instant, and is taken
back, is hasty: allowed, and told.

Ids are those of metrics.md 2.7: UUIDv5 of contact, clock, instance and policy version; of other transitions also their
name and due instant; of what is stated after so many corrections, also that number.
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

CLOCK = "answer_within"
CORRECTED = "corrected"
BREACHED = "breached"


class Transition:
    """One record of alerts.sla."""

    __slots__ = ("appended", "contact", "corrects", "detail", "detected", "due", "id", "instance", "name", "occurred",
                 "policy", "queue", "version", "where")  # fmt: skip

    def __init__(self, record: Record) -> None:
        said: dict[str, Any] = record.json
        self.where = record.where
        self.appended = record.time
        self.id: str = said["id"]
        self.name: str = said["transition"]
        self.contact: str = said["contact"]
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
        return [self.name, self.occurred, self.detail]

    def due_id(self, corrections: int) -> str:
        """The id that it must bear where so many of its promise's were taken back before."""
        parts = [self.contact, CLOCK, self.instance, str(self.version)]
        if self.name != BREACHED:
            parts += [self.name, str(self.due)]
        if corrections:
            parts.append(str(corrections))
        return str(uuid5(CLOCKS, "\x1f".join(parts)))


class Judged(NamedTuple):
    """What is wrong, and how many breaches were hasty."""

    findings: list[Finding]
    hasty: int


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
    by_instance: dict[str, list[Transition]] = defaultdict(list)
    ids: dict[str, Transition] = {}
    for each in said:
        before = ids.setdefault(each.id, each)
        if before is not each:
            what = f"{each.name} of contact {each.contact} was said before, at {before.where}: id {each.id}"
            findings.append(Finding(_kind(each, Kind.DUPLICATE), what, each.where, final=True))
            continue
        by_instance[each.instance].append(each)
    for promise in promises:
        own = by_instance.pop(promise["instance"], [])
        judgement = _Judgement(promise, durable, grace_ms, hindrance)
        findings += judgement.of(own)
        hasty += judgement.hasty
    for strange in by_instance.values():
        for each in strange:
            what = f"{each.name} of a promise that nobody made: contact {each.contact}, instance {each.instance}"
            findings.append(Finding(_kind(each, Kind.FALSE), what, each.where, final=True))
    return Judged(findings, hasty)


class _Judgement:
    """Of one promise."""

    def __init__(self, promise: dict[str, Any], durable: Sequence[int], grace_ms: int, hindrance: Hindrance) -> None:
        self._promise = promise
        self._grace = grace_ms
        self._hindrance = hindrance
        # (from when it was known, due, stop)
        self._known = [(durable[each["record"]], each["due"], each["stop"]) for each in promise["known"]]
        self._findings: list[Finding] = []
        self.hasty = 0

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
            again = next((other for other in standing.values() if other.name == each.name), None)
            if again is not None:
                self._add(_kind(each, Kind.DUPLICATE), f"{each.name} stands already, at {again.where}", each)
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
        for place, (_, known_due, stop) in enumerate(self._known):
            if known_due == due and (stop is None or stop > due):
                refuted = self._known[place + 1][0] if place + 1 < len(self._known) else None
        return refuted

    def _judge_end(self, standing: Sequence[Transition]) -> None:
        promise = self._promise
        left = {each.name: each for each in standing}
        for stated in promise["stated"]:
            found = left.pop(stated[0], None)
            if found is None:
                kind = Kind.MISSED if stated[0] == BREACHED else Kind.LOST
                self._findings.append(Finding(kind, f"no {stated[0]} of {self._name}", "alerts.sla", stated, None))
                continue
            expected = [*stated, promise["due"], promise["queue"], promise["policy"], promise["version"]]
            got = [*found.stated, found.due, found.queue, found.policy, found.version]
            if got != expected:
                kind = Kind.MISSED if found.name == BREACHED else Kind.LOST
                self._findings.append(Finding(kind, f"{found.name} of {self._name}", found.where, expected, got))
            if found.name == BREACHED:
                self._judge_lateness(found)
        for each in left.values():
            kind = _kind(each, Kind.FALSE)
            self._findings.append(
                Finding(kind, f"{each.name} of {self._name} was not taken back", each.where, promise["stated"])
            )

    def _judge_lateness(self, breach: Transition) -> None:
        first = 0
        for known, due, stop in reversed(self._known):
            if due != breach.due or (stop is not None and stop <= due):
                break
            first = known
        since = max(breach.due + self._grace, first)
        for what, seen in (("detected", breach.detected), ("appended", breach.appended)):
            allowed = self._hindrance.allowed(since, seen)
            if seen - since > allowed:
                self._add(Kind.LATE, f"breach {what} {seen - since} ms after it was due", breach, f"<= {allowed} ms")
                return

    @property
    def _name(self) -> str:
        return f"contact {self._promise['contact']} in {self._promise['queue']}, instance {self._promise['instance']}"

    def _add(self, kind: Kind, what: str, said: Transition, expected: object = None, found: object = None) -> None:
        self._findings.append(Finding(kind, f"{what}: {self._name}", said.where, expected, found, final=True))


def _kind(said: Transition, of_breach: Kind) -> Kind:
    return of_breach if said.name == BREACHED else Kind.DOUBLED
