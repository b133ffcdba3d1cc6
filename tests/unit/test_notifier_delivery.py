"""What an answer leads to, and when a message is given up."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import SQLAlchemyError

from schemas.instants import from_ms
from schemas.notifications import Alert, Evidence, decode
from schemas.notifications import Delivery as Reported
from streams.outlets.notifier.answers import Answer, Outgoing
from streams.outlets.notifier.backoff import GIVE_UP_MS
from streams.outlets.notifier.database import Database, path_of
from streams.outlets.notifier.delivery import Composer, Delivery
from streams.outlets.notifier.message import Place
from streams.outlets.notifier.numbers import Floor
from streams.outlets.notifier.outbox import Outbox
from streams.outlets.notifier.webhook import answer_of
from streams.sections import Receiver

BEGIN = 1_800_000_000_000
PLACE = Place(base="http://127.0.0.1:8080/", zone=ZoneInfo("UTC"))


class Line:
    """Another kind of receiver than web and mail: it says what it is told to, and time passes while it does."""

    def __init__(self, *answers: Answer | Exception, hours: float) -> None:
        self.now = BEGIN
        self.tries = 0
        self._answers = list(answers)
        self._hours = hours

    def clock(self) -> int:
        """A minute later at every look, so that the first few delays are over at the next."""
        self.now += 60_000
        return self.now

    async def send(self, _outgoing: Outgoing, _now: datetime) -> Answer:
        self.tries += 1
        self.now += round(self._hours * 3_600_000)
        answer = self._answers[min(self.tries, len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        return


async def outcome(folder: Path, line: Line) -> Reported:
    """Deliver one alert's message to its end."""
    receiver = Receiver.model_validate(
        {"name": "line", "kind": "webhook", "url": "http://127.0.0.1/", "secret": "0123456789abcdef"}
    )
    database = Database(path_of(folder, ""))
    outbox = Outbox(database, [receiver], 900)
    record = Alert(
        id="a",
        sequence=1,
        rule="sla.answer",
        labels={},
        state="firing",
        severity="critical",
        mode="live",
        started_at=from_ms(BEGIN),
        updated_at=from_ms(BEGIN),
        summary="",
        evidence=Evidence(open=1, total=1),
        notify="trigger",
    )
    outbox.take("topic", 1, [record], BEGIN)
    delivery = Delivery(receiver, line, outbox, Composer(Floor(), PLACE), line.clock, Random(1))

    def look() -> None:
        if outbox.pending_reports(1):
            delivery.stop()

    try:
        async with asyncio.timeout(60):
            await delivery.run(look)
        (report,) = outbox.pending_reports(10)
    finally:
        database.close()
    said = decode(report.value)
    assert isinstance(said, Reported)
    return said


BUSY = Answer(outcome="retry", reason="5xx", detail="HTTP 503")


@pytest.mark.asyncio
async def test_after_24_hours_of_tries_a_message_has_failed(tmp_path: Path) -> None:
    line = Line(BUSY, hours=7)
    said = await outcome(tmp_path, line)
    assert (said.outcome, said.attempts, line.tries) == ("failed", 4, 4)
    assert said.detail == "given up after 4 tries; the last: HTTP 503"
    assert line.now - BEGIN >= GIVE_UP_MS


@pytest.mark.asyncio
async def test_what_nobody_thought_of_fails_that_message_alone(tmp_path: Path) -> None:
    said = await outcome(tmp_path, Line(ZeroDivisionError("secret words"), hours=0))
    assert (said.outcome, said.attempts, said.detail) == ("failed", 1, "can't be sent: ZeroDivisionError")


@pytest.mark.asyncio
async def test_an_outbox_that_takes_no_try_fails_no_message(tmp_path: Path) -> None:
    full = Database(path_of(tmp_path, ""))
    with full.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE OF attempts ON messages BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    full.close()
    line = Line(Answer(outcome="sent", reason="", detail=""), hours=0)
    with pytest.raises(SQLAlchemyError, match="disk is full"):
        await outcome(tmp_path, line)
    assert line.tries == 0


@pytest.mark.asyncio
async def test_it_is_sent_in_the_try_that_is_answered_well(tmp_path: Path) -> None:
    well = Answer(outcome="sent", reason="", detail="HTTP 200")
    said = await outcome(tmp_path, Line(BUSY, BUSY, well, hours=0.5))
    assert (said.outcome, said.attempts, said.detail) == ("sent", 3, "HTTP 200")


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(200, "sent"), (204, "sent"), (301, "failed"), (400, "failed"), (401, "failed"), (404, "failed"), (410, "failed"),
     (408, "retry"), (425, "retry"), (429, "retry"), (500, "retry"), (503, "retry"), (599, "retry")],
)  # fmt: skip
def test_a_status_means(status: int, meaning: str) -> None:
    assert answer_of(status, None, from_ms(BEGIN)).outcome == meaning


@pytest.mark.parametrize(
    "wish", ["Sun, 22 Nov 99999999999999999999 00:01:00 GMT", "Sun, 22 Nov 2026 00:01:00 +9999999999999999", "soon"]
)
def test_a_wish_that_no_calendar_has_is_no_reason_to_give_up(wish: str) -> None:
    answer = answer_of(503, wish, from_ms(BEGIN))
    assert (answer.outcome, answer.retry_after) == ("retry", None)
