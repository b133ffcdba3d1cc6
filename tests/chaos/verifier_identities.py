"""Judges customers.identities: the last that was said of each identifier, and the links that are left for people."""

from __future__ import annotations

from typing import Any

from tests.chaos.verifier_findings import Finding, Kind
from tests.chaos.verifier_reading import Record

REVIEW = "review:"
WHERE = "customers.identities"


class Identities:
    """Gathers the link sets and reviews: the last record of each key."""

    def __init__(self) -> None:
        self._last: dict[str, Record] = {}

    def take(self, record: Record) -> None:
        """A record of customers.identities."""
        self._last[record.key or ""] = record

    def judge(self, truth: dict[str, Any]) -> list[Finding]:
        """Compare."""
        reviews = {key: record for key, record in self._last.items() if key.startswith(REVIEW)}
        sets = {key: record for key, record in self._last.items() if key not in reviews}
        return [*_judge_sets(sets, truth["sets"]), *_judge_reviews(reviews, truth["reviews"])]


def _judge_sets(said: dict[str, Record], truth: dict[str, list[str]]) -> list[Finding]:
    """Nothing need be said of an identifier that is linked with nobody."""
    findings = []
    for customer in sorted(truth.keys() | said.keys()):
        expected = truth.get(customer, [customer])
        record = said.get(customer)
        if record is None:
            if len(expected) > 1:
                findings.append(Finding(Kind.LOST, f"nothing is said of identifier {customer}", WHERE, expected))
            continue
        value = record.json or {}
        members, owner = value.get("members", []), value.get("owner")
        if members != expected:
            kind = Kind.DOUBLED if set(members) > set(expected) else Kind.LOST
            findings.append(Finding(kind, f"link set of identifier {customer}", record.where, expected, members))
        elif owner != expected[0]:
            what = f"owner of the link set of identifier {customer}"
            findings.append(Finding(Kind.LOST, what, record.where, expected[0], owner))
    return findings


def _judge_reviews(said: dict[str, Record], truth: list[list[str]]) -> list[Finding]:
    findings = []
    left = {}
    for record in said.values():
        value = record.json
        if value is not None:
            left[value["a"]["customer"], value["b"]["customer"]] = (record.where, value["refusal"])
    for a, b in truth:
        where, refusal = left.pop((a, b), (WHERE, None))
        if refusal != "too_many":
            findings.append(Finding(Kind.LOST, f"review of {a} and {b}", where, "too_many", refusal))
    for (a, b), (where, refusal) in left.items():
        findings.append(
            Finding(Kind.DOUBLED, f"a review of {a} and {b}, which hold or are settled", where, None, refusal)
        )
    return findings
