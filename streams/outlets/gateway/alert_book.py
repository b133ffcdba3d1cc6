"""Alerts and mutes as they stand, and what became of their messages, from alerts.notifications."""

from schemas.instants import to_ms
from schemas.notifications import CLOSED, Alert, AnyNotification, Delivery, Mute
from streams.outlets.gateway.shown import AlertLine, Said

CLOSED_KEPT = 2_000
DELIVERIES_KEPT = 50
_RANK = {"critical": 0, "warning": 1, "info": 2}


class AlertBook:
    """The newest record of every alert that is open, of the last closed ones, and of every mute that runs."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.mutes: dict[str, Mute] = {}
        self._deliveries: dict[str, dict[tuple[str, str], Delivery]] = {}
        self._closed: dict[str, None] = {}

    def take(self, record: AnyNotification) -> Alert | None:
        """Take one record; returns the alert where it is news of one."""
        if isinstance(record, Mute):
            if record.ended:
                self.mutes.pop(record.id, None)
            else:
                self.mutes[record.id] = record
            return None
        if isinstance(record, Delivery):
            kept = self._deliveries.setdefault(record.alert, {})
            kept[record.message, record.receiver] = record
            if len(kept) > DELIVERIES_KEPT:
                del kept[next(iter(kept))]
            if record.alert not in self.alerts and len(self._deliveries) > 2 * CLOSED_KEPT:
                del self._deliveries[next(iter(self._deliveries))]
            return None
        known = self.alerts.get(record.id)
        if known is not None and known.sequence >= record.sequence:
            return None
        self.alerts[record.id] = record
        self._closed.pop(record.id, None)
        if record.state in CLOSED:
            self._closed[record.id] = None
            if len(self._closed) > CLOSED_KEPT:
                oldest = next(iter(self._closed))
                del self._closed[oldest], self.alerts[oldest]
                self._deliveries.pop(oldest, None)
        return record

    def deliveries(self, alert: str) -> list[Delivery]:
        """What became of an alert's messages, as told."""
        return list(self._deliveries.get(alert, {}).values())

    def open(self) -> list[Alert]:
        """Those that are not over, worst first."""
        return sorted(
            (alert for name, alert in self.alerts.items() if name not in self._closed),
            key=lambda alert: (_RANK[alert.severity], alert.acknowledged is not None, alert.started_at, alert.id),
        )

    def lately_closed(self, since: int, most: int) -> list[Alert]:
        """Those that ended after an instant (ms), newest first, so many at most."""
        found: list[Alert] = []
        for name in reversed(self._closed):
            alert = self.alerts[name]
            if to_ms(alert.updated_at) < since or len(found) >= most:
                break
            found.append(alert)
        return found

    def running(self, now: int) -> list[Mute]:
        """The mutes that hold at an instant (ms)."""
        return [mute for mute in self.mutes.values() if to_ms(mute.since) <= now < to_ms(mute.until)]


def line_of(alert: Alert) -> AlertLine:
    """An alert as the stream has it."""
    return AlertLine(
        id=alert.id,
        rule=alert.rule,
        labels=alert.labels,
        state=alert.state,
        severity=alert.severity,
        summary=alert.summary,
        started_at=to_ms(alert.started_at),
        ended_at=None if alert.ended_at is None else to_ms(alert.ended_at),
        open=alert.evidence.open,
        total=alert.evidence.total,
        acknowledged=said_of(alert),
        muted=alert.muted is not None,
        reason=alert.reason,
    )


def said_of(alert: Alert) -> Said | None:
    """Who looks after it."""
    return None if alert.acknowledged is None else Said(alert.acknowledged.by, to_ms(alert.acknowledged.at))
