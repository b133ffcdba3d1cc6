"""Judges what became of the single records that were fed: one outcome each, and a place for those nobody can read."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.chaos.verifier_findings import Finding, Kind
from tests.chaos.verifier_reading import Record

Origin = tuple[str, int, int]
"""Topic, partition, offset of a source record."""


class FeedBroken(Exception):
    """The floor stands otherwise on the channel topics than it was to be fed: nothing can be judged."""


class Outcomes:
    """Gathers channel topics, contacts.events and contacts.failed."""

    def __init__(self) -> None:
        self._fed: dict[Origin, int] = {}
        self._said: dict[Origin, list[tuple[str, str, str | None]]] = defaultdict(list)
        self._failed: dict[Origin, list[tuple[str, str]]] = defaultdict(list)

    def take_fed(self, record: Record) -> None:
        """A record of a channel topic."""
        if "fed" in record.headers:
            self._fed[record.topic, record.partition, record.offset] = int(record.headers["fed"])

    def take_envelope(self, record: Record) -> None:
        """A record of contacts.events."""
        said: dict[str, Any] = record.json
        at = said["origin"]
        contacts = {event["contact"] for event in said.get("events", ())}
        contact = contacts.pop() if len(contacts) == 1 else None
        place = (at["topic"], at["partition"], at["offset"])
        self._said[place].append((record.where, said.get("outcome", "accepted"), contact))

    def take_failed(self, record: Record) -> None:
        """A record of contacts.failed."""
        headers = record.headers
        place = (headers["failed.topic"], int(headers["failed.partition"]), int(headers["failed.offset"]))
        self._failed[place].append((record.where, headers["failed.reason"]))

    def check_feed(self, records: int) -> None:
        """Raises FeedBroken where not every one of so many records stands on the channel topics."""
        missing = sorted(set(range(records)) - set(self._fed.values()))
        if missing:
            raise FeedBroken(f"{len(missing)} of {records} records stand nowhere: {missing[:5]}")

    def counts(self, truth: dict[str, Any]) -> dict[str, int]:
        """What the pipeline must have counted of what stands on the channel topics.

        More than was fed where a record stands there twice: where leaders die, librdkafka's idempotent producer may
        append a batch again (its issue 4953). That is one more delivery of the same event.
        """
        counts = dict(truth["counts"])
        for index, times in Counter(self._fed.values()).items():
            counts["read"] += times - 1
            counts["failed" if str(index) in truth["failed"] else "duplicates"] += times - 1
        return counts

    def judge(self, truth: dict[str, Any]) -> list[Finding]:
        """Compare."""
        findings: list[Finding] = []
        contacts, failed = truth["outcomes"], truth["failed"]
        for place, index in self._fed.items():
            where = "/".join(map(str, place))
            reason = failed.get(str(index))
            expected = ("failed", None) if reason else ("accepted", contacts[index])
            findings += _once(f"outcome of record {index}", where, expected, self._said.get(place, []))
            if reason:
                said = [(at, why) for at, why in self._failed.get(place, [])]
                findings += _once(f"failure of record {index}", where, (reason,), said)
        for strange in (self._said.keys() | self._failed.keys()) - self._fed.keys():
            where = "/".join(map(str, strange))
            findings.append(Finding(Kind.DOUBLED, "an outcome of a record that was never fed", where, final=True))
        read = {place for place, index in self._fed.items() if str(index) not in failed}
        for place in read & self._failed.keys():
            at, why = self._failed[place][0]
            findings.append(Finding(Kind.LOST, f"record {self._fed[place]} failed", at, "accepted", why, final=True))
        return findings


def _once(what: str, where: str, expected: tuple[Any, ...], said: list[Any]) -> list[Finding]:
    if not said:
        return [Finding(Kind.LOST, f"no {what}", where, expected, None)]
    findings = []
    if len(said) > 1:
        places = ", ".join(each[0] for each in said)
        findings.append(Finding(Kind.DOUBLED, f"{what} was told {len(said)} times, at {places}", where, final=True))
    if said[-1][1:] != expected:
        findings.append(Finding(Kind.LOST, what, said[-1][0], expected, said[-1][1:], final=True))
    return findings
