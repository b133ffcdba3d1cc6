"""The outbox: every message from the record that asked for it to its end, through restarts.

Calls are short transactions on a local file, made from the event loop: a few a second at most.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from schemas.ids import message_id
from schemas.instants import DAY, from_ms
from schemas.notifications import Alert, Delivery, Notify, decode, encode
from streams import telemetry
from streams.outlets.notifier.admission import UNFINISHED, Earlier, plan
from streams.outlets.notifier.database import Database, messages, positions, reports, watch
from streams.outlets.notifier.message import Message
from streams.sections import Receiver

KEPT_MS = 45 * DAY
"""How long a message is remembered: longer than its topic keeps the record that asked for it."""

_decode_message = msgspec.json.Decoder(Message).decode
_earlier = messages.alias("earlier")
_is_first = ~(
    select(_earlier.c.number)
    .where(
        _earlier.c.receiver == messages.c.receiver,
        _earlier.c.alert == messages.c.alert,
        _earlier.c.number < messages.c.number,
        _earlier.c.state.in_(UNFINISHED),
    )
    .exists()
)
"""No earlier message of the same alert to the same receiver is unfinished."""


class Due(msgspec.Struct, kw_only=True, frozen=True):
    """A message whose time has come. `attempts`: tries so far; `thread`: the first message of its episode."""

    message: str
    alert: Alert
    notify: Notify
    attempts: int
    queued_at: int
    composed: Message | None
    thread: str | None


class Report(msgspec.Struct, frozen=True):
    """A record for alerts.notifications."""

    number: int
    key: bytes
    value: bytes


class Outbox:
    """`receivers`: who is told; `stale_after`: seconds. All `now` are ms."""

    def __init__(self, database: Database, receivers: Sequence[Receiver], stale_after: float) -> None:
        self._engine = database.engine
        self._receivers = tuple(receivers)
        self._stale_after = stale_after

    def position(self, topic: str) -> int | None:
        """The offset to read next; None: it was never read."""
        with self._engine.connect() as connection:
            found = connection.execute(select(positions.c.offset).where(positions.c.topic == topic)).scalar()
        return None if found is None else int(found)

    def take(self, topic: str, position: int, alerts: Sequence[Alert], now: int) -> None:
        """Take what the records up to `position` ask for, and that they are read, at once. One that was taken before
        changes nothing."""
        with self._transaction() as (connection, ended):
            for alert in alerts:
                self._admit(connection, ended, alert, now)
            there = upsert(positions).values(topic=topic, offset=position)
            connection.execute(there.on_conflict_do_update(index_elements=["topic"], set_={"offset": position}))

    def raise_alert(self, alert: Alert, now: int) -> None:
        """Take an alert of the notifier's own: told, put on the topic, and remembered while it is open."""
        with self._transaction() as (connection, ended):
            connection.execute(insert(reports).values(key=alert.id.encode(), value=encode(alert)))
            self._admit(connection, ended, alert, now)
            held = encode(alert) if alert.ended_at is None else None
            there = upsert(watch).values(number=1, alert=held)
            connection.execute(there.on_conflict_do_update(index_elements=["number"], set_={"alert": held}))

    def open_alert(self) -> Alert | None:
        """The alert of the notifier's own that is open."""
        with self._engine.connect() as connection:
            found = connection.execute(select(watch.c.alert).where(watch.c.number == 1)).scalar()
        alert = None if found is None else decode(found)
        return alert if isinstance(alert, Alert) else None

    def due(self, receiver: str, now: int) -> Due | None:
        """The receiver's next message: of those whose time has come the oldest that waits for no earlier one."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(messages)
                .where(messages.c.receiver == receiver, messages.c.state.in_(UNFINISHED), messages.c.due_at <= now)
                .where(_is_first)
                .order_by(messages.c.due_at, messages.c.number)
                .limit(1)
            ).first()
            if row is None:
                return None
            thread = connection.execute(
                select(messages.c.message)
                .where(messages.c.alert == row.alert, messages.c.receiver == receiver)
                .where(messages.c.state != "dropped", messages.c.number < row.number)
                .order_by(messages.c.number)
                .limit(1)
            ).scalar()
        alert = decode(row.record)
        assert isinstance(alert, Alert)  # noqa: S101 - nothing else is ever put there
        return Due(
            message=row.message,
            alert=alert,
            notify=row.notify,
            attempts=row.attempts,
            queued_at=row.queued_at,
            composed=None if row.composed is None else _decode_message(row.composed),
            thread=thread,
        )

    def next_due_at(self, receiver: str) -> int | None:
        """When the receiver's next message is due; None: there is none."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(func.min(messages.c.due_at))
                .where(messages.c.receiver == receiver, messages.c.state.in_(UNFINISHED))
                .where(_is_first)
            ).scalar()
        return None if found is None else int(found)

    def begin(self, due: Due, composed: Message) -> int:
        """A try begins; what is sent stays the same in all tries. The number of the try."""
        with self._engine.begin() as connection:
            connection.execute(
                update(messages)
                .where(messages.c.message == due.message)
                .values(state="sending", attempts=due.attempts + 1, composed=msgspec.json.encode(composed))
            )
        return due.attempts + 1

    def retry(self, message: str, due_at: int, detail: str) -> None:
        """The try came to nothing: another one follows."""
        with self._engine.begin() as connection:
            connection.execute(
                update(messages)
                .where(messages.c.message == message)
                .values(state="queued", due_at=due_at, detail=detail)
            )

    def end(self, message: str, outcome: str, reason: str, detail: str | None, now: int) -> None:
        """A message was sent or has failed, which is reported."""
        with self._transaction() as (connection, ended):
            self._end(connection, ended, message, outcome, reason, detail, now)

    def give_up_removed(self, now: int) -> int:
        """Messages to receivers that are in the settings no more have failed. How many there were."""
        known = [receiver.name for receiver in self._receivers]
        with self._transaction() as (connection, ended):
            rows = connection.execute(
                select(messages.c.message)
                .where(messages.c.state.in_(UNFINISHED), messages.c.receiver.not_in(known))
                .order_by(messages.c.number)
            ).all()
            for row in rows:
                detail = "the receiver is in the settings no more"
                self._end(connection, ended, row.message, "failed", "removed", detail, now)
        return len(rows)

    def forget_old(self, now: int) -> None:
        """Forget messages that ended long ago."""
        with self._engine.begin() as connection:
            connection.execute(delete(messages).where(messages.c.ended_at < now - KEPT_MS))

    def pending_reports(self, most: int) -> list[Report]:
        """Records that alerts.notifications has not taken yet, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(reports).order_by(reports.c.number).limit(most)).all()
        return [Report(row.number, row.key, row.value) for row in rows]

    def reported(self, up_to: int) -> None:
        """The topic has taken all reports up to this one."""
        with self._engine.begin() as connection:
            connection.execute(delete(reports).where(reports.c.number <= up_to))

    def measure(self, now: int) -> None:
        """Set the gauges of telemetry."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(messages.c.kind, func.count(), func.min(messages.c.queued_at))
                .where(messages.c.state.in_(UNFINISHED))
                .group_by(messages.c.kind)
            ).all()
            telemetry.OUTBOX_REPORTS.set(connection.execute(select(func.count()).select_from(reports)).scalar_one())
        sizes = {"webhook": 0, "email": 0} | {kind: count for kind, count, _ in rows}
        for kind, count in sizes.items():
            telemetry.OUTBOX_MESSAGES.labels(kind).set(count)
        oldest = min((since for _, _, since in rows), default=now)
        telemetry.OUTBOX_OLDEST.set(max(0, now - oldest) / 1_000)

    @contextmanager
    def _transaction(self) -> Iterator[tuple[Connection, list[tuple[str, str, str]]]]:
        """A transaction, and a list of (kind, outcome, reason) that is counted once it is committed."""
        ended: list[tuple[str, str, str]] = []
        with self._engine.begin() as connection:
            yield connection, ended
        for labels in ended:
            telemetry.NOTIFICATIONS.labels(*labels).inc()

    def _admit(self, connection: Connection, ended: list[tuple[str, str, str]], alert: Alert, now: int) -> None:
        """Put what every receiver is told because of a record into the outbox."""
        for receiver in self._receivers:
            message = message_id(alert.id, alert.sequence, receiver.name)
            rows = connection.execute(
                select(messages.c.message, messages.c.notify, messages.c.state, messages.c.attempts)
                .where(messages.c.alert == alert.id, messages.c.receiver == receiver.name)
                .order_by(messages.c.number)
            ).all()
            if any(row.message == message for row in rows):
                continue
            earlier = [Earlier(*row) for row in rows]
            said = plan(alert, receiver.severities, earlier, from_ms(now), self._stale_after)
            if said is None:
                continue
            for superseded in said.superseded:
                self._end(connection, ended, superseded, "dropped", "superseded", "superseded", now)
            values: dict[str, Any] = {
                "message": message,
                "alert": alert.id,
                "sequence": alert.sequence,
                "receiver": receiver.name,
                "kind": receiver.kind,
                "notify": said.notify,
                "state": "queued",
                "queued_at": now,
                "due_at": now,
                "record": encode(alert),
            }
            connection.execute(insert(messages).values(values))
            if said.dropped is not None:
                self._end(connection, ended, message, "dropped", said.dropped, said.dropped, now)

    def _end(
        self,
        connection: Connection,
        ended: list[tuple[str, str, str]],
        message: str,
        outcome: Any,
        reason: str,
        detail: str | None,
        now: int,
    ) -> None:
        """End a message and have it reported."""
        row = connection.execute(select(messages).where(messages.c.message == message)).one()
        values = {"state": outcome, "ended_at": now, "detail": detail}
        connection.execute(update(messages).where(messages.c.message == message).values(values))
        delivery = Delivery(
            message=message,
            alert=row.alert,
            sequence=row.sequence,
            notify=row.notify,
            receiver=row.receiver,
            outcome=outcome,
            attempts=row.attempts,
            at=from_ms(now),
            detail=detail,
        )
        connection.execute(insert(reports).values(key=row.alert.encode(), value=encode(delivery)))
        ended.append((row.kind, outcome, reason))
