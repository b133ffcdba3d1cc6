"""The bank's rows: the published day counts as the issue says, and every variation of the files is read."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.intake.anonymous_bank import AnonymousBank, ends_at
from agents.intake.bank_rows import read_row
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from schemas.events import (
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactLeftIvr,
    ContactLeftQueue,
    ContactOffered,
)
from schemas.ids import contact_id
from schemas.instants import from_ms

DAY = Path(__file__).parents[2].parent / "shared" / "data" / "anonymous_bank_1999-08-01.csv"
FORMAT = AnonymousBank()
COLUMNS = (
    "vru+line,call_id,type,vru_entry,vru_exit,vru_time,q_start,q_exit,q_time,outcome,ser_start,ser_exit,ser_time,server"
)
ANSWERED = "AA0116,6640,IN,9:59:52,10:00:01,9,10:00:01,10:00:11,10,AGENT,10:00:09,10:02:00,111,AVI"
HUNG_UP = "AA0116,6635,IN,9:59:52,10:00:01,9,10:00:01,10:00:11,10,HANG,0:00:00,0:00:00,0,NO_SERVER"
LEFT_IVR = "AA0204,43678,PS,0:10:10,0:10:27,17,0:00:00,0:00:00,0,HANG,0:00:00,0:00:00,0,NO_SERVER"
AT_ONCE = "AA0103,34499,PS,9:59:46,9:59:57,11,0:00:00,0:00:00,0,AGENT,9:59:56,10:01:11,75,AVI"


def headers(columns: str = COLUMNS, **more: str) -> dict[str, bytes]:
    fixed = {"columns": columns, "date": "1999-08-01", "tz": "Asia/Jerusalem"} | more
    return {name: value.encode() for name, value in fixed.items() if value}


def parsed(row: str, columns: str = COLUMNS, **more: str) -> Parsed:
    return FORMAT.parse(row.encode(), Context("bank", headers(columns, **more), read_at=0))


def events(row: str, columns: str = COLUMNS, **more: str) -> tuple[AnyEvent, ...]:
    result = parsed(row, columns, **more)
    assert isinstance(result, Events)
    return result.events


def at(*clock: int) -> datetime:
    """An instant of 1 August 1999 in Jerusalem (UTC+3), as UTC."""
    hours, minutes, seconds = clock
    return datetime(1999, 8, 1, hours - 3, minutes, seconds, tzinfo=UTC)


def test_the_published_day_has_the_counts_and_sums_that_the_issue_names() -> None:
    first, *rows = DAY.read_bytes().splitlines()
    results = [FORMAT.parse(row, Context("bank", headers(first.decode()), read_at=0)) for row in rows]
    told = [event for result in results if isinstance(result, Events) for event in result.events]
    assert len(rows) == 2_375
    assert [result for result in results if isinstance(result, Ignored)] == [Ignored("phantom")] * 18
    assert Counter(type(event) for event in told) == {
        ContactCreated: 2_357,
        ContactOffered: 2_237,
        ContactAnswered: 1_511,
        ContactEnded: 1_511,
        ContactLeftQueue: 726,
        ContactLeftIvr: 120,
    }
    waits = [event.waited or 0.0 for event in told if isinstance(event, ContactAnswered)]
    left = [event.waited or 0.0 for event in told if isinstance(event, ContactLeftQueue)]
    handled = [event.handled or 0.0 for event in told if isinstance(event, ContactEnded)]
    assert round(sum(waits) / len(waits), 3) == 134.846
    assert round(sum(handled) / len(handled), 3) == 193.786
    assert round(sum(left) / len(left), 3) == 79.727
    assert max(waits + left) == 1_823
    assert sum(wait <= 20 for wait in waits) == 404
    assert sum(wait <= 20 for wait in left) == 581 - 404
    assert sum(wait <= 5 for wait in left) == 2_237 - 2_224
    assert sum(wait > 20 for wait in waits + left) == 1_656
    assert len({event.id for event in told}) == len(told)


def test_the_published_day_has_an_end_for_every_row_and_no_event_after_it() -> None:
    first, *rows = DAY.read_bytes().splitlines()
    about = headers(first.decode())
    for row in rows:
        end = FORMAT.time(row, about)
        assert end is not None
        result = FORMAT.parse(row, Context("bank", about, read_at=0))
        if isinstance(result, Events):
            assert max(event.time for event in result.events) <= from_ms(end)


def test_an_answered_call_waited_q_time_from_its_entry_into_the_queue() -> None:
    created, offered, answered, ended = events(ANSWERED)
    assert isinstance(created, ContactCreated)
    assert isinstance(offered, ContactOffered)
    assert isinstance(answered, ContactAnswered)
    assert isinstance(ended, ContactEnded)
    assert (created.time, offered.time, offered.queue) == (at(9, 59, 52), at(10, 0, 1), "IN")
    assert (answered.time, answered.waited, answered.agent) == (at(10, 0, 11), 10.0, "AVI")
    assert (ended.time, ended.talked, ended.handled, ended.agent) == (at(10, 2, 0), 111.0, 111.0, "AVI")
    assert created.contact == contact_id("bank", "1999-08-01", "AA0116", "6640", "9:59:52")


def test_a_call_that_did_not_wait_is_offered_and_answered_when_it_leaves_the_ivr() -> None:
    # vru_exit 9:59:57, ser_start a second before it: the queue's clock was another one.
    _, offered, answered, ended = events(AT_ONCE)
    assert offered.time == answered.time == at(9, 59, 57)
    assert ended.time == at(10, 1, 11)


def test_a_caller_who_hangs_up_in_the_queue_has_abandoned_after_q_time() -> None:
    _, offered, left = events(HUNG_UP)
    assert isinstance(left, ContactLeftQueue)
    assert (offered.time, left.time, left.reason, left.waited) == (at(10, 0, 1), at(10, 0, 11), "abandoned", 10.0)


def test_a_caller_who_hangs_up_before_any_queue_has_left_the_ivr_and_was_not_offered() -> None:
    created, left = events(LEFT_IVR)
    assert isinstance(left, ContactLeftIvr)
    # 0:10 in Jerusalem is still the day before in UTC.
    assert (created.time, left.time) == (
        datetime(1999, 7, 31, 21, 10, 10, tzinfo=UTC),
        datetime(1999, 7, 31, 21, 10, 27, tzinfo=UTC),
    )


def test_a_phantom_is_ignored_with_its_reason() -> None:
    assert parsed(HUNG_UP.replace("HANG", "PHANTOM")) == Ignored("phantom")


@pytest.mark.parametrize(("customer", "identifiers"), [("0", ()), ("", ()), ("NA", ()), ("2501", ("bank:2501",))])
def test_a_customer_is_known_by_an_id_other_than_0(customer: str, identifiers: tuple[str, ...]) -> None:
    created, *_ = events(f"{ANSWERED},{customer},2", COLUMNS + ",customer_id,priority")
    assert isinstance(created, ContactCreated)
    assert (created.identifiers, created.priority) == (identifiers, "2")


@pytest.mark.parametrize("date", ["1999-08-02", "990802"])
def test_a_column_date_wins_over_the_one_that_was_given(date: str) -> None:
    created, *_ = events(f"{ANSWERED},{date}", COLUMNS + ",date")
    assert created.time == at(9, 59, 52).replace(day=2)


def test_years_of_two_digits_turn_at_69() -> None:
    assert events(f"{ANSWERED},690101", COLUMNS + ",date")[0].time.year == 1969
    assert events(f"{ANSWERED},680102", COLUMNS + ",date")[0].time.year == 2068


def test_a_leading_unnamed_column_a_byte_order_mark_quotes_and_server_abv_change_nothing() -> None:
    plain = events(ANSWERED)
    assert events(f'"17",{ANSWERED}', f'"",{COLUMNS}') == plain
    assert events(ANSWERED, "\ufeff" + COLUMNS) == plain
    assert events(f"{ANSWERED},AVI", COLUMNS + ",server_abv") == plain
    assert events(ANSWERED.replace("AA0116", '"AA0116"') + "\r", COLUMNS + "\r") == plain


def test_a_call_that_crosses_midnight_ends_on_the_next_day() -> None:
    _, offered, answered, ended = events(
        "AA0101,1,PS,23:59:40,23:59:50,10,23:59:50,0:00:20,30,AGENT,0:00:19,0:05:00,281,AVI"
    )
    assert offered.time == datetime(1999, 8, 1, 20, 59, 50, tzinfo=UTC)
    assert answered.time == datetime(1999, 8, 1, 21, 0, 20, tzinfo=UTC)
    assert ended.time == datetime(1999, 8, 1, 21, 5, 0, tzinfo=UTC)


def test_a_queue_entered_at_midnight_sharp_is_no_missing_time() -> None:
    _, offered, left = events("AA0101,1,PS,23:59:50,0:00:00,10,0:00:00,0:00:07,7,HANG,0:00:00,0:00:00,0,NO_SERVER")
    assert offered.time == datetime(1999, 8, 1, 21, 0, 0, tzinfo=UTC)
    assert left.time == datetime(1999, 8, 1, 21, 0, 7, tzinfo=UTC)


def test_a_service_that_is_written_as_0_seconds_at_midnight_ended_when_it_began() -> None:
    # 13:00 is nearer to the next midnight than to the last one: the row must not end 11 hours later.
    _, _, answered, ended = events(
        "AA0110,1,NW,13:00:00,13:00:09,9,13:00:09,13:04:54,285,AGENT,0:00:00,0:00:00,0,STEREN"
    )
    assert answered.time == ended.time == at(13, 4, 54)


def test_a_conversation_never_ends_before_it_was_answered() -> None:
    _, _, answered, ended = events(
        "AA0216,1,IN,13:02:20,13:02:25,5,13:02:25,13:04:21,116,AGENT,13:04:19,13:04:20,1,ANAT"
    )
    assert answered.time == ended.time == at(13, 4, 21)


def test_calls_with_one_call_id_are_told_apart_by_their_entry() -> None:
    later = ANSWERED.replace("9:59:52", "9:59:53")
    first, second = events(ANSWERED)[0], events(later)[0]
    assert isinstance(first, ContactCreated)
    assert isinstance(second, ContactCreated)
    assert first.contact != second.contact
    assert FORMAT.key(ANSWERED.encode(), headers()) == FORMAT.key(later.encode(), headers()) == b"AA0116/6640"


def test_the_same_row_has_the_same_ids_however_its_times_are_written() -> None:
    assert events(ANSWERED) == events(ANSWERED.replace("9:59:52", "09:59:52"))


def test_the_hour_that_comes_twice_in_autumn_is_the_second_one_when_the_call_began_in_the_first() -> None:
    # Israel went back from 2:00 to 1:00 on 3 September 1999.
    _, offered, answered, ended = events(
        "AA0101,1,PS,1:59:30,1:59:40,10,1:59:40,1:00:10,30,AGENT,1:00:10,1:01:00,50,AVI", date="1999-09-03"
    )
    assert offered.time == datetime(1999, 9, 2, 22, 59, 40, tzinfo=UTC)
    assert answered.time == datetime(1999, 9, 2, 23, 0, 10, tzinfo=UTC)
    assert ended.time == datetime(1999, 9, 2, 23, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "columns", "more", "reason", "message"),
    [
        (ANSWERED, COLUMNS.replace("q_time", "queue_time"), {}, "schema", "column 'queue_time' is unknown"),
        (ANSWERED, COLUMNS.replace(",q_time", ""), {}, "schema", "column q_time missing"),
        (ANSWERED, "", {}, "schema", "missing, in the first line"),
        (ANSWERED, COLUMNS + ",type", {}, "schema", "a column is there twice"),
        (ANSWERED + ",x", COLUMNS, {}, "syntax", "15 cells in a row, 14 columns"),
        ("hello", COLUMNS, {}, "syntax", "1 cells in a row"),
        ('"AA0116', COLUMNS, {}, "syntax", "no row of CSV"),
        (ANSWERED.replace("9:59:52", "25h"), COLUMNS, {}, "syntax", "column vru_entry is '25h'"),
        (ANSWERED.replace("10:00:01", "10:61:01"), COLUMNS, {}, "syntax", "H:MM:SS is expected"),
        (ANSWERED.replace(",10,AGENT", ",ten,AGENT"), COLUMNS, {}, "syntax", "column q_time is 'ten'"),
        (ANSWERED.replace(",111,", ",-1,"), COLUMNS, {}, "syntax", "column ser_time is '-1'"),
        (ANSWERED.replace("AGENT", "GHOST"), COLUMNS, {}, "unknown_type", "outcome is 'GHOST'"),
        (ANSWERED.replace("6640", ""), COLUMNS, {}, "identity", "column call_id is empty"),
        (ANSWERED.replace(",IN,", ",,"), COLUMNS, {}, "schema", "it names the queue"),
        (ANSWERED, COLUMNS, {"date": ""}, "schema", "--date"),
        (ANSWERED, COLUMNS, {"date": "1 August"}, "syntax", "neither YYYY-MM-DD nor YYMMDD"),
        (ANSWERED, COLUMNS, {"tz": "Mars/Olympus"}, "time", "time zone 'Mars/Olympus' is unknown"),
    ],
)
def test_a_malformed_row_fails_with_a_reason_that_says_where(
    row: str, columns: str, more: dict[str, str], reason: str, message: str
) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parsed(row, columns, **more)
    assert caught.value.reason == reason


def test_another_encoding_fails_as_syntax() -> None:
    with pytest.raises(Malformed, match="is not UTF-8") as caught:
        FORMAT.parse(ANSWERED.replace("AVI", "J\xf6").encode("latin-1"), Context("bank", headers(), read_at=0))
    assert caught.value.reason == "syntax"


def test_a_row_that_can_not_be_read_has_no_time_and_no_key() -> None:
    assert FORMAT.time(b"hello", headers()) is None
    assert FORMAT.key(b"hello", headers()) is None


def test_a_row_is_known_at_the_last_of_its_instants() -> None:
    assert from_ms(ends_at(read_row(ANSWERED.encode(), headers()))) == at(10, 2, 0)
    assert from_ms(ends_at(read_row(HUNG_UP.encode(), headers()))) == at(10, 0, 11)


@given(st.integers(0, 86_399), st.integers(0, 300), st.integers(0, 3_000), st.integers(1, 3_000))
def test_whenever_a_call_comes_in_its_durations_stand_between_its_events(
    entry: int, ivr: int, waited: int, served: int
) -> None:
    def clock(seconds: int) -> str:
        seconds %= 86_400
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"

    queued = entry + ivr
    begun = queued + waited
    queue = f"{clock(queued)},{clock(begun)},{waited}" if waited else "0:00:00,0:00:00,0"
    service = f"{clock(begun)},{clock(begun + served)},{served}"
    row = f"AA0101,1,PS,{clock(entry)},{clock(queued)},{ivr},{queue},AGENT,{service},AVI"
    created, offered, answered, ended = events(row)
    assert (offered.time - created.time).total_seconds() == ivr
    assert (answered.time - offered.time).total_seconds() == waited
    assert (ended.time - answered.time).total_seconds() == served
