"""The outbox on a real SQLite file: what it holds is what there is after a restart, too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from schemas.ids import message_id
from schemas.instants import from_ms
from schemas.notifications import Alert, Delivery, Evidence, Notify, decode
from streams.outlets.notifier.admission import State
from streams.outlets.notifier.database import Database, path_of
from streams.outlets.notifier.errors import NotifierRuns, OutboxUnusable
from streams.outlets.notifier.message import Message
from streams.outlets.notifier.outbox import KEPT_MS, Due, Outbox
from streams.sections import Receiver

NOW = 1_800_000_000_000
TOPIC = "alerts.notifications"
COMPOSED = Message(subject="s", text="t", links={})


def receiver(name: str) -> Receiver:
    return Receiver.model_validate(
        {"name": name, "kind": "webhook", "url": "http://127.0.0.1/", "secret": "0123456789abcdef"}
    )


class Kept:
    """An outbox that can be closed and opened again."""

    def __init__(self, folder: Path) -> None:
        self._path = path_of(folder, "")
        self.names = ("one", "two")
        self.open()

    def open(self) -> None:
        self.database = Database(self._path)
        self.outbox = Outbox(self.database, [receiver(name) for name in self.names], 900)

    def restart(self) -> None:
        self.database.close()
        self.open()

    def take(self, *alerts: Alert, at: int = NOW) -> None:
        self.outbox.take(TOPIC, 7, alerts, at)

    def due(self, name: str = "one", at: int = NOW) -> Due:
        found = self.outbox.due(name, at)
        assert found is not None
        return found

    def reports(self) -> list[Delivery | Alert]:
        said = [decode(each.value) for each in self.outbox.pending_reports(100)]
        return [each for each in said if isinstance(each, Delivery | Alert)]

    def states(self) -> list[tuple[str, State]]:
        with sqlite3.connect(self._path) as connection:
            return connection.execute(
                "SELECT notify, state FROM messages WHERE receiver = 'one' ORDER BY number"
            ).fetchall()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.database.close()


def alert(id_: str = "a", sequence: int = 1, notify: Notify = "trigger", at: int = NOW) -> Alert:
    return Alert(
        id=id_,
        sequence=sequence,
        rule="sla.answer",
        labels={},
        state="firing",
        severity="critical",
        mode="live",
        started_at=from_ms(at),
        updated_at=from_ms(at),
        summary="",
        evidence=Evidence(open=1, total=1, newest_due_at=from_ms(at)),
        notify=notify,
    )


def test_what_was_read_and_what_it_asks_for_are_kept_together(kept: Kept) -> None:
    assert kept.outbox.position(TOPIC) is None
    kept.take(alert())
    kept.restart()
    assert kept.outbox.position(TOPIC) == 7
    assert [kept.due(name).message for name in ("one", "two")] == [message_id("a", 1, n) for n in ("one", "two")]


def test_a_record_that_is_read_again_is_not_told_again(kept: Kept) -> None:
    kept.take(alert())
    kept.outbox.begin(kept.due(), COMPOSED)
    kept.outbox.end(kept.due().message, "sent", "", "HTTP 204", NOW)
    kept.restart()
    kept.take(alert())
    assert kept.outbox.due("one", NOW) is None


def test_a_try_that_was_cut_short_is_made_again_with_the_same_words_and_the_next_number(kept: Kept) -> None:
    kept.take(alert())
    first = kept.due()
    assert (first.attempts, first.composed) == (0, None)
    assert kept.outbox.begin(first, COMPOSED) == 1
    kept.restart()
    again = kept.due()
    assert (again.message, again.attempts, again.composed) == (first.message, 1, COMPOSED)
    assert kept.outbox.begin(again, COMPOSED) == 2


def test_a_later_message_of_an_alert_waits_for_the_earlier_and_other_alerts_do_not(kept: Kept) -> None:
    kept.take(alert())
    first = kept.due()
    kept.outbox.begin(first, COMPOSED)
    kept.take(alert(sequence=2, notify="resolve"), alert("b"))
    kept.outbox.retry(first.message, NOW + 5_000, "HTTP 503")
    assert kept.due().alert.id == "b"
    assert kept.due("one", NOW + 4_999).alert.id == "b"
    kept.outbox.end(kept.due().message, "sent", "", None, NOW)
    assert kept.outbox.due("one", NOW + 4_999) is None
    assert kept.outbox.next_due_at("one") == NOW + 5_000
    assert kept.due("one", NOW + 5_000).message == first.message
    kept.outbox.end(first.message, "failed", "gave_up", "x", NOW)
    resolve = kept.due("one", NOW + 5_000)
    assert (resolve.notify, resolve.thread) == ("resolve", first.message)


def test_an_untried_beginning_and_its_end_become_one_note_and_all_of_it_is_reported(kept: Kept) -> None:
    kept.take(alert(), alert(sequence=2, notify="update"), alert(sequence=3, notify="resolve"))
    assert kept.states() == [("trigger", "dropped"), ("update", "dropped"), ("brief", "queued")]
    brief = kept.due()
    assert (brief.message, brief.notify, brief.thread) == (message_id("a", 3, "one"), "brief", None)
    dropped = [(each.notify, each.outcome, each.detail) for each in kept.reports() if isinstance(each, Delivery)]
    assert dropped == [("trigger", "dropped", "superseded"), ("update", "dropped", "superseded")] * 2


def test_an_outcome_is_recorded_with_its_report_and_a_report_is_kept_until_it_is_taken(kept: Kept) -> None:
    kept.take(alert())
    due = kept.due()
    kept.outbox.begin(due, COMPOSED)
    kept.outbox.end(due.message, "sent", "", "HTTP 204", NOW + 50)
    kept.restart()
    (report,) = kept.outbox.pending_reports(10)
    assert report.key == b"a"
    assert decode(report.value) == Delivery(
        message=due.message,
        alert="a",
        sequence=1,
        notify="trigger",
        receiver="one",
        outcome="sent",
        attempts=1,
        at=from_ms(NOW + 50),
        detail="HTTP 204",
    )
    kept.outbox.reported(report.number)
    kept.restart()
    assert kept.outbox.pending_reports(10) == []


def test_an_alert_of_its_own_is_told_reported_and_remembered_and_comes_back_from_the_topic_as_the_same(
    kept: Kept,
) -> None:
    kept.outbox.raise_alert(alert("blind"), NOW)
    kept.restart()
    assert kept.outbox.open_alert() == alert("blind")
    assert kept.reports() == [alert("blind")]
    kept.take(alert("blind"))
    assert kept.states() == [("trigger", "queued")]
    kept.outbox.begin(kept.due(), COMPOSED)
    over = msgspec.structs.replace(alert("blind", 2, "resolve"), ended_at=from_ms(NOW))
    kept.outbox.raise_alert(over, NOW)
    assert kept.outbox.open_alert() is None
    assert kept.states() == [("trigger", "sending"), ("resolve", "queued")]


def test_messages_to_receivers_that_are_gone_have_failed(kept: Kept) -> None:
    kept.take(alert())
    kept.names = ("two",)
    kept.restart()
    assert kept.outbox.give_up_removed(NOW) == 1
    assert kept.states() == [("trigger", "failed")]
    assert kept.due("two").message == message_id("a", 1, "two")


def test_what_ended_long_ago_is_forgotten_and_what_did_not_end_never(kept: Kept) -> None:
    kept.take(alert(), alert("b"))
    kept.outbox.end(kept.due().message, "sent", "", None, NOW)
    kept.outbox.forget_old(NOW + KEPT_MS)
    assert len(kept.states()) == 2
    kept.outbox.forget_old(NOW + KEPT_MS + 1)
    assert kept.states() == [("trigger", "queued")]


def test_a_database_in_use_or_of_another_version_or_broken_is_refused_with_words(tmp_path: Path, kept: Kept) -> None:
    with pytest.raises(NotifierRuns, match=r"uses .*notifier\.db already"):
        Database(path_of(tmp_path, ""))
    other = path_of(tmp_path, "other")
    assert other.name == "other.notifier.db"
    with sqlite3.connect(other) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxUnusable, match="has format 99, this version knows 1"):
        Database(other)
    broken = path_of(tmp_path, "broken")
    broken.write_bytes(b"no database " * 1_000)
    with pytest.raises(OutboxUnusable, match="can't be used: file is not a database"):
        Database(broken)


def test_the_file_is_for_its_owner_alone(kept: Kept, tmp_path: Path) -> None:
    assert path_of(tmp_path, "").stat().st_mode & 0o077 == 0
