"""Judges the numbers: how every contact ended, what profiles say of customers, and what metrics.live says."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from tests.chaos.verifier_findings import Finding, Kind, by_size
from tests.chaos.verifier_reading import Record, to_ms

PIPELINE = "pipeline"
TRENDS = "trends"
PROFILE_WINDOWS = ("1h", "24h", "7d", "30d")
SETTLED_KINDS = ("15min", "30min", "60min", "day", "all")
"""Kinds of windows whose numbers do not depend on when they are read."""

_SCOPE = ("channel", "queue", "policy", "segment")
"""What the numbers of a window are of; of promises alone a policy or a segment."""

_CONTACT = {"outcome": None, "queue": None, "waited": None, "handled": None, "started": None, "ended": None,
            "channel": None, "offers": 0, "transfers": 0, "open": None}  # fmt: skip
"""Fields of a contact on customers.events, and what their absence means."""


class Totals:
    """Gathers customers.events, customers.profiles and metrics.live: the last that was said of each."""

    def __init__(self) -> None:
        self.pipeline: Record | None = None
        self._contacts: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        self._profiles: dict[str, Record] = {}
        self._windows: dict[str, Record] = {}
        self._revision = 0
        self._sequence: list[Finding] = []

    def take_contact(self, record: Record) -> None:
        """A record of customers.events."""
        said: dict[str, Any] = msgspec.msgpack.decode(record.value or b"\xc0")
        self._contacts[said["customer"], said["contact"]] = (record.where, said)

    def take_profile(self, record: Record) -> None:
        """A record of customers.profiles."""
        self._profiles[record.key or ""] = record

    def take_live(self, record: Record) -> None:
        """A record of metrics.live. Those of windows are numbered one by one: none may be missing or come twice."""
        if record.key == PIPELINE:
            self.pipeline = record
        elif record.key != TRENDS:
            self._windows[record.key or ""] = record
            revision = msgspec.json.decode(record.value or b"", type=_Revision).revision
            if revision != self._revision + 1:
                kind = Kind.LOST if revision > self._revision + 1 else Kind.DOUBLED
                self._sequence.append(
                    Finding(kind, "revisions do not follow", record.where, self._revision + 1, revision, final=True)
                )
            self._revision = max(self._revision, revision)

    @property
    def read(self) -> int:
        """How many source records the pipeline says it has counted."""
        return 0 if self.pipeline is None else int(self.pipeline.json["read"])

    def judge(self, truth: dict[str, Any]) -> list[Finding]:
        """Compare."""
        return [
            *self._sequence,
            *self._judge_pipeline(truth["counts"]),
            *self._judge_contacts(truth["contacts"]),
            *self._judge_customers(truth["customers"], truth["contacts"]),
            *self._judge_windows(truth["windows"]),
        ]

    def _judge_pipeline(self, counts: dict[str, int]) -> list[Finding]:
        if self.pipeline is None:
            return [Finding(Kind.LOST, "nothing is said of the pipeline", "metrics.live")]
        where, said = self.pipeline.where, self.pipeline.json
        findings = [
            by_size(f"source records {name}", where, expected, said[name])
            for name, expected in counts.items()
            if said[name] != expected
        ]
        busy = said.get("agents_by_state", {}).get("on_contact", 0)
        if busy:
            findings.append(by_size("agents in a conversation when all are over", where, 0, busy))
        return findings

    def _judge_contacts(self, contacts: dict[str, dict[str, Any]]) -> list[Finding]:
        findings = []
        for name, contact in contacts.items():
            found = self._contacts.get((contact["customer"], name))
            if found is None:
                what = f"contact {name} was not told to customer {contact['customer']}"
                findings.append(Finding(Kind.LOST, what, "customers.events"))
                continue
            where, said = found
            expected = {**{field: contact[field] for field in _CONTACT if field != "open"}, "open": False}
            got = {field: said.get(field, absent) for field, absent in _CONTACT.items()}
            if got != expected:
                findings.append(Finding(Kind.LOST, f"contact {name}", where, *_differing(expected, got)))
        for (customer, name), (where, said) in self._contacts.items():
            told = contacts.get(name)
            if told is None or (told["customer"] != customer and not said.get("gone", False)):
                findings.append(Finding(Kind.DOUBLED, f"contact {name} is told to customer {customer}", where))
        return findings

    def _judge_customers(self, customers: dict[str, Any], contacts: dict[str, dict[str, Any]]) -> list[Finding]:
        findings = []
        for customer, truth in customers.items():
            record = self._profiles.get(customer)
            if record is None or record.value is None:
                findings.append(Finding(Kind.LOST, f"no profile of customer {customer}", "customers.profiles"))
            else:
                findings += _judge_profile(customer, record, truth, contacts)
        owners = {member: owner for owner, truth in customers.items() for member in truth["members"]}
        for customer in self._profiles.keys() - customers.keys():
            if self._profiles[customer].value is not None:
                where = self._profiles[customer].where
                why = f"which is part of {owners[customer]}'s" if customer in owners else "whom nobody knows"
                findings.append(Finding(Kind.DOUBLED, f"a profile of customer {customer}, {why}", where))
        return findings

    def _judge_windows(self, windows: list[dict[str, Any]]) -> list[Finding]:
        findings = []
        left: dict[tuple[Any, ...], tuple[str, dict[str, Any]]] = {}
        for record in self._windows.values():
            said = record.json
            scope, window = said["scope"], said["window"]
            if window["kind"] in SETTLED_KINDS:
                start, end = window.get("start"), window.get("end")
                own = [scope.get(name) for name in _SCOPE]
                left[*own, window["kind"], start and to_ms(start), end and to_ms(end)] = (record.where, said)
        for truth in windows:
            own = [truth.get(name) for name in _SCOPE]
            found = left.pop((*own, truth["kind"], truth["start"], truth["end"]), None)
            if found is None:
                findings.append(Finding(Kind.LOST, f"nothing is said of {_readable(truth)}", "metrics.live"))
                continue
            where, said = found
            for metric, expected in truth["metrics"].items():
                number = said["metrics"].get(metric)
                if number is None:
                    findings.append(Finding(Kind.LOST, f"no {metric} of {_readable(truth)}", where, expected))
                    continue
                got = [number.get("value"), number.get("numerator"), number.get("denominator")]
                findings += _judge_number(f"{metric} of {_readable(truth)}", where, expected, got)
        for where, said in left.values():
            for metric in ("contacts_offered", "contacts_left_in_ivr"):
                value = said["metrics"].get(metric, {}).get("value") or 0
                if value:
                    findings.append(by_size(f"{metric} of {said['scope']} {said['window']}", where, 0, value))
        return findings


class _Revision(msgspec.Struct):
    revision: int


def _judge_profile(
    customer: str, record: Record, truth: dict[str, Any], contacts: dict[str, dict[str, Any]]
) -> list[Finding]:
    said, where = record.json, record.where
    if said["contacts"] != truth["contacts"]:
        return [by_size(f"contacts of customer {customer}", where, truth["contacts"], said["contacts"])]
    findings = []
    if said.get("members", []) != truth["members"]:
        kind = Kind.DOUBLED if set(said.get("members", [])) > set(truth["members"]) else Kind.LOST
        what = f"identifiers of customer {customer}"
        findings.append(Finding(kind, what, where, truth["members"], said.get("members", [])))
    if not said["known"]:
        findings.append(Finding(Kind.LOST, f"customer {customer} is not known by name", where, True, False))
    for window in PROFILE_WINDOWS:
        told = {channel: _sums(sums) for channel, sums in said["windows"].get(window, {}).items()}
        for channel, expected in truth["channels"].items():
            got = told.pop(channel, None)
            if got != expected:
                kind = Kind.DOUBLED if (got or {}).get("contacts", 0) > expected["contacts"] else Kind.LOST
                what = f"customer {customer}, {channel}, last {window}"
                findings.append(Finding(kind, what, where, *_differing(expected, got or {})))
        if told:
            findings.append(Finding(Kind.DOUBLED, f"customer {customer}, last {window}", where, None, told))
    lines = [_line(name, contacts[name]) for name in truth["last"]]
    if [_told_line(each) for each in said["last_contacts"]] != lines:
        findings.append(
            Finding(Kind.LOST, f"last contacts of customer {customer}", where, lines, said["last_contacts"])
        )
    if said["open_contacts"]:
        what = f"customer {customer} has open contacts when all are over"
        findings.append(Finding(Kind.LOST, what, where, [], said["open_contacts"]))
    return findings


def _sums(said: dict[str, Any]) -> dict[str, Any]:
    average, total = said.get("average_wait"), said.get("total_wait", 0.0)
    longest = said.get("longest_wait")
    return {
        "contacts": said.get("contacts", 0),
        "outcomes": said.get("outcomes", {}),
        "waits": 0 if not average else round(total / average),
        "total_wait": round(total * 1_000),
        "longest_wait": None if longest is None else round(longest * 1_000),
    }


def _line(name: str, contact: dict[str, Any]) -> list[Any]:
    return [name, *(contact[field] for field in ("channel", "outcome", "queue", "started", "ended", "waited"))]


def _told_line(said: dict[str, Any]) -> list[Any]:
    waited, ended = said.get("waited"), said.get("ended_at")
    return [
        said["contact"],
        said["channel"],
        said["outcome"],
        said.get("queue"),
        to_ms(said["started_at"]),
        None if ended is None else to_ms(ended),
        None if waited is None else round(waited * 1_000),
    ]


def _judge_number(what: str, where: str, expected: list[float | None], got: list[float | None]) -> list[Finding]:
    for name, wanted, found in zip(("denominator", "numerator", "value"), expected[::-1], got[::-1], strict=True):
        if wanted is None and name != "value":
            continue
        if wanted is None or found is None:
            if wanted is not found:
                return [Finding(Kind.LOST, f"{name} of {what}", where, wanted, found)]
        elif not math.isclose(wanted, found, rel_tol=1e-9, abs_tol=1e-6):
            return [by_size(f"{name} of {what}", where, wanted, found)]
    return []


def _differing(expected: dict[str, Any], found: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in expected if found.get(name) != expected[name]]
    return {name: expected[name] for name in names}, {name: found.get(name) for name in names}


def _readable(truth: dict[str, Any]) -> str:
    scope = "/".join(filter(None, map(truth.get, _SCOPE))) or "the floor"
    return f"{scope}, {truth['kind']} from {truth['start']}" if truth["start"] else f"{scope}, {truth['kind']}"
