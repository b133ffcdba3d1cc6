"""Delivery to one receiver, message by message: one that hangs delays nobody else."""

import asyncio
import contextlib
from collections.abc import Callable
from random import Random

import structlog
from sqlalchemy.exc import SQLAlchemyError

from schemas.instants import from_ms
from schemas.live import Scope
from schemas.notifications import Alert
from streams import telemetry
from streams.outlets.notifier.answers import Answer, Outgoing, Sender
from streams.outlets.notifier.backoff import GIVE_UP_MS, delay_ms
from streams.outlets.notifier.events import type_of
from streams.outlets.notifier.message import Message, Place, compose
from streams.outlets.notifier.numbers import Floor, Numbers
from streams.outlets.notifier.outbox import Due, Outbox
from streams.sections import Receiver

log = structlog.get_logger()

LOOK = 30.0
"""Seconds after which the outbox is looked at in any case."""


class Delivery:
    """Sends what the outbox holds for one receiver. `wake`: set it when the outbox has got something. `now`: ms."""

    def __init__(
        self,
        receiver: Receiver,
        sender: Sender,
        outbox: Outbox,
        composer: "Composer",
        now: Callable[[], int],
        chance: Random,
    ) -> None:
        self.receiver = receiver
        self.wake = asyncio.Event()
        self._sender = sender
        self._outbox = outbox
        self._composer = composer
        self._now = now
        self._chance = chance
        self._stopping = False

    def stop(self) -> None:
        """End after the try that is under way."""
        self._stopping = True
        self.wake.set()

    async def close(self) -> None:
        """Let go of connections."""
        await self._sender.close()

    async def run(self, reported: Callable[[], None]) -> None:
        """Until it is stopped. `reported` is called when there is an outcome to report."""
        while not self._stopping:
            self.wake.clear()
            due = self._outbox.due(self.receiver.name, self._now())
            if due is None:
                await self._wait()
            else:
                await self._try(due)
                reported()

    async def _wait(self) -> None:
        at = self._outbox.next_due_at(self.receiver.name)
        seconds = LOOK if at is None else min(LOOK, max(0.01, (at - self._now()) / 1_000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wake.wait()

    async def _try(self, due: Due) -> None:
        """One try, and what came of it, recorded before anything else is done."""
        said = log.bind(receiver=self.receiver.name, message=due.message, alert=due.alert.id, notify=due.notify)
        try:
            message = due.composed or self._composer.message(due, self._now())
            attempt = self._outbox.begin(due, message)
            outgoing = Outgoing(
                id=due.message, type=type_of(due.notify), alert=due.alert, message=message, thread=due.thread
            )
            answer = await self._sender.send(outgoing, from_ms(self._now()))
        except SQLAlchemyError:
            # The outbox itself: nothing is known of the message, and it is tried again after a start.
            raise
        except Exception as error:  # noqa: BLE001 - one message that can't be made must not hold up all others
            said.exception("notifier.broken_message")
            answer = Answer(outcome="failed", reason="error", detail=f"can't be sent: {type(error).__name__}")
            attempt = due.attempts
        self._record(due, attempt, answer, said)

    def _record(self, due: Due, attempt: int, answer: Answer, said: structlog.typing.FilteringBoundLogger) -> None:
        now, kind, detail = self._now(), self.receiver.kind, answer.detail
        outcome, reason = answer.outcome, answer.reason
        if outcome == "retry":
            telemetry.NOTIFICATION_RETRIES.labels(kind, reason).inc()
            due_at = now + delay_ms(attempt, self._chance.random(), answer.retry_after)
            if due_at < due.queued_at + GIVE_UP_MS:
                self._outbox.retry(due.message, due_at, detail)
                said.warning("notifier.retry", attempt=attempt, detail=detail, seconds=(due_at - now) / 1_000)
                return
            outcome, reason, detail = "failed", "gave_up", f"given up after {attempt} tries; the last: {detail}"
        self._outbox.end(due.message, outcome, reason, detail, now)
        if outcome == "sent":
            telemetry.NOTIFICATION_SECONDS.labels(kind).observe(max(0, now - due.queued_at) / 1_000)
            said.info("notifier.sent", attempt=attempt, detail=detail)
        else:
            said.error("notifier.failed", attempt=attempt, detail=detail)


class Composer:
    """Composes messages with the numbers of the floor as they are when the first try begins."""

    def __init__(self, floor: Floor, place: Place) -> None:
        self._floor = floor
        self._place = place

    def message(self, due: Due, now: int) -> Message:
        """The message of an outbox row."""
        return compose(due.alert, due.notify, from_ms(now), self._numbers(due.alert), self._place)

    def understands(self, alert: Alert, now: int) -> bool:
        """Whether a message can be made of an alert's record (of a time at the end of all calendars, say, none can)."""
        try:
            compose(alert, alert.notify or "trigger", from_ms(now), None, self._place)
        except (ValueError, OverflowError):
            return False
        return True

    def _numbers(self, alert: Alert) -> Numbers | None:
        """Of the alert's queue and channel, else of the floor; of a source or the pipeline there are none to show."""
        if alert.rule.startswith(("source.", "pipeline.", "receiver.")):
            return None
        scope = Scope(channel=alert.labels.get("channel"), queue=alert.labels.get("queue"))
        return self._floor.numbers(scope, alert.evidence.target)
