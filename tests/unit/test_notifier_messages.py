"""The text that people get, word for word: it is a document for them, so the whole of it is compared."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agents.alerts.finding import PROMISE, rule_of
from schemas.live import PIPELINE_KEY, LiveMetrics, Metric, Pipeline, Scope, SourceSeen, Window, encode
from schemas.notifications import BLIND, Alert, Evidence, Saying, Subject
from schemas.trends import TrendEvidence, TrendRule, TrendTransition
from streams.outlets.notifier.events import body, type_of
from streams.outlets.notifier.message import SUBJECT, Place, compose
from streams.outlets.notifier.numbers import Floor, Numbers

PLACE = Place(
    base="https://floor.example.org/",
    zone=ZoneInfo("Europe/Berlin"),
    names={"cards": "Cards voice"},
    targets={"cards": 0.8},
)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-17T{clock}+00:00")


BREACH = Alert(
    id="a1",
    sequence=1,
    rule="sla.answer",
    version=3,
    labels={"channel": "phone", "queue": "cards"},
    state="firing",
    severity="critical",
    mode="live",
    started_at=at("13:28:00"),
    updated_at=at("13:32:05"),
    summary="Cards voice: 4 callers past the 20 s target, oldest 2 min 41 s",
    evidence=Evidence(
        open=4,
        total=5,
        newest_due_at=at("13:31:50"),
        target=20.0,
        policy="answer-within-cards",
        subjects=(
            Subject(id="b1", contact="c1", since=at("13:29:24"), due_at=at("13:29:44")),
            Subject(id="b2", contact="c2", since=at("13:30:00"), due_at=at("13:30:20")),
            Subject(id="b3", contact="c3", since=at("13:31:00"), due_at=at("13:31:20")),
        ),
    ),
    notify="trigger",
)
NUMBERS = Numbers(
    as_of=at("13:32:04"), threshold=20.0, answered_in_time=41, decided=66, waiting=6, oldest=161.0, silent=("pbx-2",)
)


def test_a_breach_says_what_where_how_bad_since_when_on_what_evidence_and_what_to_do() -> None:
    message = compose(BREACH, "trigger", at("13:32:10"), NUMBERS, PLACE)
    assert message.subject == "[CRITICAL] Cards voice: 4 callers past the 20 s target, oldest 2 min 41 s"
    assert (
        message.text
        == """\
[CRITICAL] Cards voice: 4 callers past the 20 s target, oldest 2 min 41 s
Now       62 % in 20 s (41 of 66, last 30 min); target 80 %; 6 waiting, oldest 2 min 41 s (at 14:32:04 CET)
Since     14:28 CET, 4 min 10 s; first message of this episode
Scope     queue Cards voice, channel phone
Evidence  4 of 5 still open; promise 20 s (answer-within-cards)
          contact c1, since 14:29:24 CET, due 14:29:44 CET
          contact c2, since 14:30:00 CET, due 14:30:20 CET
          contact c3, since 14:31:00 CET, due 14:31:20 CET
          and 2 more
Do        1 open the board and see who is ready and who is paused
          2 move agents from a queue that is on target
          3 switch on call-back, or tell callers how long it takes
Links     board: https://floor.example.org/
          alert, acknowledge: https://floor.example.org/?alert=a1
Id        a1, rule sla.answer v3, data as of 14:32:05 CET, silent: pbx-2
"""
    )


def test_an_end_says_how_long_it_was_and_how_many_and_asks_for_nothing() -> None:
    ended = msgspec.structs.replace(
        BREACH,
        state="resolved",
        ended_at=at("13:40:00"),
        updated_at=at("13:45:00"),
        summary="Cards voice: 5 callers past the 20 s target, all over",
        evidence=Evidence(
            open=0,
            total=5,
            target=20.0,
            subjects=(
                Subject(id="b3", contact="c3", since=at("13:31:00"), ended_at=at("13:40:00"), outcome="abandoned"),
            ),
        ),
    )
    message = compose(ended, "resolve", at("13:45:01"), None, PLACE)
    assert (
        message.text
        == """\
[RESOLVED] Cards voice: 5 callers past the 20 s target, all over
Ended     14:28 CET to 14:40 CET, 12 min; 5 in all
Scope     queue Cards voice, channel phone
Evidence  0 of 5 still open; promise 20 s
          contact c3, since 14:31:00 CET, over 14:40:00 CET (abandoned)
          and 4 more
Links     board: https://floor.example.org/
          alert: https://floor.example.org/?alert=a1
Id        a1, rule sla.answer v3, data as of 14:45:00 CET
"""
    )


def test_a_silent_source_of_yesterday_says_the_day_and_has_no_numbers() -> None:
    silent = Alert(
        id="a2",
        sequence=4,
        rule="source.silent",
        labels={"source": "pbx"},
        state="acknowledged",
        severity="warning",
        mode="live",
        started_at=at("01:00:00"),
        updated_at=at("23:30:00"),
        summary="pbx: silent for 22 h 30 min",
        evidence=Evidence(
            open=1,
            total=1,
            trend=TrendEvidence(
                observed=0, expected=9, statistic=9, threshold=3, last_seen=at("00:50:00"), limit=600.0
            ),
        ),
        notify="repeat",
        acknowledged=Saying(by="Dana", at=at("01:10:00")),
    )
    message = compose(silent, "repeat", at("23:30:00"), None, PLACE)
    assert (
        message.text
        == """\
[WARNING] Still: pbx: silent for 22 h 30 min
Since     17 Nov 02:00 CET, 22 h 30 min; with Dana
Scope     source pbx
Evidence  last heard of at 17 Nov 01:50:00 CET; silent after 10 min
Do        1 see whether the source still runs and still writes
          2 see the log of its connector (floorwalker connect)
          3 take its numbers on the board for old until it is back
Links     board: https://floor.example.org/
          alert, acknowledge: https://floor.example.org/?alert=a2
Id        a2, rule source.silent v1, data as of 00:30:00 CET
"""
    )


def test_what_was_corrected_away_is_taken_back_in_words() -> None:
    gone = msgspec.structs.replace(
        BREACH, state="retracted", reason="answered in time after all", ended_at=at("13:33:00")
    )
    text = compose(gone, "retract", at("13:33:00"), None, PLACE).text
    assert text.startswith("[RETRACTED] ")
    assert "taken back: what it was about was corrected away; answered in time after all" in text


def test_a_subject_is_one_line_of_120_characters_whatever_the_queue_is_called() -> None:
    nasty = msgspec.structs.replace(BREACH, summary="x\r\nBcc: everybody@example.org\x00 " + "y" * 500)
    message = compose(nasty, "trigger", at("13:32:10"), None, PLACE)
    assert len(message.subject) == SUBJECT
    assert message.subject.startswith("[CRITICAL] x Bcc: everybody@example.org yyy")
    assert message.subject.endswith("…")
    assert message.text.splitlines()[1].startswith("Since")


def test_lines_that_have_nothing_to_say_are_left_out() -> None:
    bare = msgspec.structs.replace(BREACH, labels={}, rule="own.rule", evidence=Evidence(open=1, total=1))
    labels = {line.split()[0] for line in compose(bare, "trigger", at("13:32:10"), None, PLACE).text.splitlines()[1:]}
    assert labels == {"Since", "Links", "alert,", "Id"}


def test_nobody_waiting_is_said_and_a_ratio_of_nothing_is_not() -> None:
    quiet = Numbers(as_of=at("13:32:04"), threshold=20.0, answered_in_time=0, decided=0, waiting=0)
    text = compose(BREACH, "trigger", at("13:32:10"), quiet, PLACE).text
    assert "\nNow       nobody waits (at 14:32:04 CET)\n" in text


def test_who_is_in_the_queue_is_not_said_of_those_who_wait_for_a_reply() -> None:
    quiet = Numbers(as_of=at("13:32:04"), waiting=0)
    told = [
        "\nNow " in compose(msgspec.structs.replace(BREACH, rule=rule), "trigger", at("13:32:10"), quiet, PLACE).text
        for rule in ("sla.answer_within", "trend.arrivals.high", "sla.first_reply", "sla.total_resolution")
    ]
    assert told == [True, True, False, False]


def live(scope: Scope, kind: str, **metrics: Metric) -> tuple[bytes, bytes]:
    named = {name.replace("_at_", "@").replace("level", "service_level.answered_over_offered"): metric
             for name, metric in metrics.items()}  # fmt: skip
    window = Window(kind=kind, start=at("13:00:00"), end=at("13:32:00"))  # type: ignore[arg-type]
    record = LiveMetrics(scope=scope, window=window, watermark=at("13:32:04"), revision=1, closed=False, metrics=named)
    return json.dumps({"scope": {"queue": scope.queue}, "window": {"kind": kind}}, separators=(",", ":")).encode(), (
        encode(record)
    )


@pytest.mark.parametrize(("target", "threshold", "numerator"), [(30.0, 30.0, 9), (20.0, 20.0, 7), (25.0, 20.0, 7)])
def test_the_level_shown_is_that_of_the_promise_where_there_is_one(
    target: float, threshold: float, numerator: int
) -> None:
    floor = Floor()
    level = {
        "level_at_20": Metric(value=0.7, n=10, numerator=7, denominator=10),
        "level_at_30": Metric(value=0.9, n=10, numerator=9, denominator=10),
        "contacts_in_queue": Metric(value=3, n=3),
        "oldest_waiting": Metric(value=12.5, n=3),
    }
    floor.take(*live(Scope(queue="cards"), "rolling30min", **level))
    floor.take(*live(Scope(queue="cards"), "15min", contacts_in_queue=Metric(value=99, n=99)))
    numbers = floor.numbers(Scope(queue="cards"), target)
    assert numbers is not None
    assert (numbers.threshold, numbers.answered_in_time, numbers.decided) == (threshold, numerator, 10)
    assert (numbers.waiting, numbers.oldest, numbers.as_of) == (3, 12.5, at("13:32:04"))
    assert floor.numbers(Scope(queue="loans"), target) is None


def test_silent_sources_are_named_with_the_numbers() -> None:
    floor = Floor()
    floor.take(*live(Scope(), "rolling30min", contacts_in_queue=Metric(value=0, n=0)))
    seen = {
        "pbx": SourceSeen(last_seen=at("13:00:00"), records=1, silent_since=at("13:10:00")),
        "web": SourceSeen(last_seen=at("13:32:00"), records=1),
    }
    pipeline = Pipeline(tasks={}, read=2, accepted=2, ignored=0, failed=0, duplicates=0, sources=seen)
    floor.take(PIPELINE_KEY, msgspec.json.encode(pipeline))
    numbers = floor.numbers(Scope(), None)
    assert numbers is not None
    assert numbers.silent == ("pbx",)


def test_a_webhook_is_a_cloudevent_with_the_whole_alert_and_the_same_bytes_in_every_try() -> None:
    message = compose(BREACH, "trigger", at("13:32:10"), NUMBERS, PLACE)
    bytes_ = body("m1", type_of("trigger"), BREACH, message)
    event = json.loads(bytes_)
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "time")} == {
        "specversion": "1.0",
        "id": "m1",
        "source": "https://floor.example.org/",
        "type": "floorwalker.alert.trigger",
        "subject": "a1",
        "time": "2026-11-17T13:32:05Z",
    }
    assert msgspec.convert(event["data"]["alert"], Alert) == BREACH
    assert event["data"]["links"]["acknowledge"] == "https://floor.example.org/?alert=a1"
    assert body("m1", type_of("trigger"), BREACH, message) == bytes_


@pytest.mark.parametrize("rule", [*(rule for rule in get_args(TrendRule)), "sla", "blind"])
def test_every_alert_says_what_to_do(rule: str) -> None:
    named = {"sla": PROMISE, "blind": BLIND}.get(rule) or rule_of(
        TrendTransition(
            id="t1",
            trend="t",
            transition="opened",
            rule=rule,  # type: ignore[arg-type]
            since=at("13:00:00"),
            detected_at=at("13:05:00"),
            evidence=TrendEvidence(observed=31, expected=16, statistic=9, threshold=6),
        )
    )
    told = compose(msgspec.structs.replace(BREACH, rule=named), "trigger", at("13:32:05"), None, PLACE)
    assert "\nDo        1 " in told.text


def test_local_time_is_that_of_the_season() -> None:
    summer = msgspec.structs.replace(BREACH, started_at=datetime(2026, 7, 1, 12, 0, tzinfo=UTC))
    text = compose(summer, "trigger", datetime(2026, 7, 1, 12, 1, tzinfo=UTC), None, PLACE).text
    assert "\nSince     14:00 CEST, 1 min;" in text
