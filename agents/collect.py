"""What came out of the pipeline, gathered from its output topics."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from agents.compliance import compliance, rows
from schemas import alerts, customers, live
from schemas.failures import PREFIX
from schemas.instants import to_ms
from schemas.topics import ALERTS_SLA, CONTACTS_FAILED, CUSTOMERS_PROFILES, METRICS_LIVE
from streams.processor import Record

KINDS = ("15min", "30min", "60min", "day", "all")


class Failure(NamedTuple):
    """A source record that failed. `file`, `line`: where it stands, '' and 0 where that is not known."""

    reason: str
    file: str
    line: int
    message: str

    @property
    def counted(self) -> tuple[str, ...]:
        """The words under which such are counted: an event may have come too late for its contact."""
        return ("time", "late") if self.reason == "time" else (self.reason,)

    @property
    def first(self) -> str:
        """Where it stands and what is wrong with it."""
        place = f"{self.file} line {self.line}" if self.line else self.file
        return f"{place}: {self.message}" if place else self.message


class Collected:
    """The last record of every window, every transition and the last profile of every customer."""

    def __init__(self) -> None:
        self.windows: dict[bytes, live.LiveMetrics] = {}
        self.transitions: list[alerts.SlaTransition] = []
        self.profiles: dict[str, customers.CustomerProfile] = {}
        self.failures: dict[str, Failure] = {}
        """By reason, of those that failed for it the first in its file."""
        self.pipeline: live.Pipeline | None = None

    def take(self, record: Record) -> None:
        """Take one record of metrics.live, alerts.sla, customers.profiles or contacts.failed (in any namespace)."""
        topic, key, value = record.topic, record.key or b"", record.value
        if topic.endswith(METRICS_LIVE.name):
            if value is None:
                self.windows.pop(key, None)
            elif key == live.PIPELINE_KEY:
                self.pipeline = live.decode_pipeline(value)
            elif key != live.TRENDS_KEY:
                self.windows[key] = live.decode(value)
        elif topic.endswith(ALERTS_SLA.name) and key and value is not None:
            # Watermarks have no key.
            self.transitions.append(alerts.decode(value))
        elif topic.endswith(CUSTOMERS_PROFILES.name):
            if value is None:
                self.profiles.pop(key.decode(), None)
            else:
                self.profiles[key.decode()] = customers.decode_profile(value)
        elif topic.endswith(CONTACTS_FAILED.name):
            failure = _failure(dict(record.headers))
            self.failures[failure.reason] = min(self.failures.get(failure.reason, failure), failure)

    @property
    def read(self) -> int:
        """Source records counted so far."""
        return self.pipeline.read if self.pipeline else 0

    def waiting_for(self, expected: frozenset[str]) -> list[str]:
        """The tasks that have not said that their input is at its end."""
        tasks = self.pipeline.tasks if self.pipeline else {}
        return sorted(name for name in expected if name not in tasks or not tasks[name].ended)

    def finished(self, expected: frozenset[str], sent: int) -> bool:
        """Whether every task is at its end and every source record is counted."""
        return self.read >= sent and not self.waiting_for(expected)

    def result(self) -> dict[str, Any]:
        """The backtest's OUT: metrics, alerts, what became of promises, customers, counts and why what failed did, in a
        stable order."""
        metrics = [
            {
                "metric": name,
                "version": metric.version,
                "scope": msgspec.to_builtins(window.scope),
                "window": msgspec.to_builtins(window.window),
                "value": metric.value,
                "numerator": metric.numerator,
                "denominator": metric.denominator,
                "n": metric.n,
                **({"interval": metric.interval} if metric.interval else {}),
            }
            for window in sorted(self.windows.values(), key=_order)
            if window.window.kind in KINDS
            for name, metric in sorted(window.metrics.items())
        ]
        by = self.pipeline.failed_by if self.pipeline else {}
        return {
            "metrics": metrics,
            "alerts": [_alert(each) for each in sorted(self.transitions, key=_in_time)],
            "promises": rows(compliance(self.transitions)),
            "customers": [msgspec.to_builtins(profile) for _, profile in sorted(self.profiles.items())],
            "counts": self.counts(),
            "failures": [
                {"reason": each.reason, "count": sum(by.get(word, 0) for word in each.counted), "first": each.first}
                for _, each in sorted(self.failures.items())
            ],
        }

    def counts(self) -> dict[str, int]:
        """Source records: read = accepted + ignored + failed + duplicates."""
        names = ("read", "accepted", "ignored", "failed", "duplicates")
        return {name: getattr(self.pipeline, name) if self.pipeline else 0 for name in names}

    def floor(self, kind: str = "all") -> live.LiveMetrics | None:
        """All metrics of the whole floor over one kind of window (the last one of it)."""
        fitting = [
            window for window in self.windows.values() if window.window.kind == kind and window.scope == live.Scope()
        ]
        return max(fitting, key=_order, default=None)


def _failure(headers: Mapping[str, bytes]) -> Failure:
    said = {name: headers.get(PREFIX + name, b"").decode("utf-8", "replace") for name in Failure._fields}
    return Failure(said["reason"], said["file"], int(said["line"] or 0), said["message"])


def _order(window: live.LiveMetrics) -> tuple[str, int, str, str, str, str]:
    start, scope = window.window.start, window.scope
    return (
        window.window.kind,
        to_ms(start) if start else 0,
        scope.channel or "",
        scope.queue or "",
        scope.policy or "",
        scope.segment or "",
    )


def _in_time(each: alerts.SlaTransition) -> tuple[datetime, datetime, str]:
    return each.due_at, each.occurred_at, each.id


def _alert(each: alerts.SlaTransition) -> dict[str, Any]:
    told = {name: msgspec.to_builtins(getattr(each, name)) for name in each.__struct_fields__ if name != "context"}
    return told | {"evidence": list(told["evidence"]), "events": list(told["events"])}
