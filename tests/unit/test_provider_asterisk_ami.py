"""Asterisk's manager interface: what its events and the answer to QueueStatus say."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.asterisk_ami import BUILD, IGNORED, AsteriskAmi
from agents.intake.asterisk_queue_log import AsteriskQueueLog
from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed
from agents.intake.webhook import earliest
from schemas.events import (
    AgentStateChanged,
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactHoldEnded,
    ContactHoldStarted,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    ContactTransferred,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.feeds.ami import EVENTS, login_key
from tests.unit.vectors import vector

FORMAT = AsteriskAmi()
SOURCE = "pbx"
CALL = "1792490399.42"
CONTACT = contact_id(SOURCE, CALL)
AT = 1_792_490_412_118
NOW = 1_792_490_500_000
ANA = ("tel:+4930901820",)
CALLER = {"Timestamp": "1792490412.118231", "CallerIDNum": "030 901820", "Uniqueid": CALL, "Linkedid": CALL}
MEMBER = {"Queue": "support", "MemberName": "Tom Ode", "Interface": "PJSIP/201"}


def block(event: str, *fields: dict[str, str], **more: str) -> bytes:
    said = {"Event": event, "Privilege": "agent,all"}
    for each in (*fields, more):
        said |= each
    return "".join(f"{name}: {value}\r\n" for name, value in said.items()).encode() + b"\r\n"


def parse(
    payload: bytes, heard: int | None = None, joined: str = "", region: str | None = "DE", **given: str
) -> Parsed:
    headers = {"ami-received": str(NOW).encode(), "ami-sequence": b"7", "ami-joined": joined.encode()}
    if heard is not None:
        headers["ami-heard"] = str(heard).encode()
    return FORMAT.parse(payload, Context(SOURCE, headers, read_at=NOW + 5, region=region, settings=given))


def events(payload: bytes, **given: Any) -> tuple[AnyEvent, ...]:
    said = parse(payload, **given)
    assert isinstance(said, Events), said
    assert said.faults == ()
    return said.events


def of_call(event: str, *names: str, time: int = AT) -> dict[str, Any]:
    """What all events of the call have in common. `names`: of queue and agent, where they are there."""
    queue, agent = (*names, None, None)[:2]
    return {
        "id": event_id(SOURCE, "ami", event, CALL, queue or "", agent or "", time),
        "time": from_ms(time),
        "channel": "phone",
        "source": SOURCE,
        "revision": 1,
        "queue": queue,
        "agent": agent,
        "contact": CONTACT,
    }


def created(time: int = AT, identifiers: tuple[str, ...] = ANA) -> ContactCreated:
    return ContactCreated(
        id=event_id(SOURCE, CONTACT, "created"),
        time=from_ms(time),
        channel="phone",
        source=SOURCE,
        contact=CONTACT,
        identifiers=identifiers,
        revision=earliest(time),
    )


def state(event: str, agent: str, queue: str | None, now: str, reason: str | None = None, time: int = AT) -> Any:
    return AgentStateChanged(
        id=event_id(SOURCE, "ami", event, agent, queue or "", now, reason or "", time),
        time=from_ms(time),
        channel="phone",
        source=SOURCE,
        revision=1,
        queue=queue,
        agent=agent,
        state=now,  # type: ignore[arg-type]
        reason=reason,
    )


JOIN = block("QueueCallerJoin", CALLER, Queue="support", Position="1", Count="1")
ENTRY = block("QueueEntry", Queue="support", Position="1", Uniqueid=CALL, CallerIDNum="+4930901820", Wait="30")
COMPLETE = block("QueueStatusComplete", EventList="Complete", ListItems="3")


def test_the_key_of_a_login_is_that_of_the_sheet() -> None:
    known = vector("ami-md5")
    assert login_key(known["challenge"], known["secret"]) == known["expected Key"]


def test_a_caller_who_joins_a_queue_is_a_contact_that_is_offered() -> None:
    assert events(JOIN) == (created(), ContactOffered(**of_call("QueueCallerJoin", "support"), identifiers=ANA))


@pytest.mark.parametrize("number", ["", "anonymous", "201", "<unknown>"])
def test_a_number_that_is_withheld_or_internal_names_nobody(number: str) -> None:
    payload = block("QueueCallerJoin", CALLER, Queue="support", CallerIDNum=number)
    assert events(payload) == (created(identifiers=()), ContactOffered(**of_call("QueueCallerJoin", "support")))


def test_without_a_region_only_a_number_with_its_country_names_anybody() -> None:
    there, _ = events(JOIN, region=None)
    assert there == created(identifiers=())


def test_a_call_is_the_same_contact_as_in_the_queue_log() -> None:
    line = f"1792490400|{CALL}|support|NONE|ENTERQUEUE||+4930901820|1".encode()
    said = AsteriskQueueLog().parse(line, Context(SOURCE, {}, read_at=NOW))
    assert isinstance(said, Events)
    there, offered = said.events
    live, _ = events(JOIN)
    assert (there.id, offered.contact) == (live.id, CONTACT)  # type: ignore[union-attr]


def test_the_example_of_the_sheet_is_an_answer() -> None:
    payload = block("AgentConnect", CALLER, MEMBER, DestUniqueid="1792490409.45", RingTime="3", HoldTime="12")
    assert events(payload) == (ContactAnswered(**of_call("AgentConnect", "support", "Tom Ode"), waited=12.0),)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "caller",
            ContactEnded(**of_call("AgentComplete", "support", "Tom Ode"), by="customer", talked=154, handled=154),
        ),
        ("agent", ContactEnded(**of_call("AgentComplete", "support", "Tom Ode"), by="agent", talked=154, handled=154)),
        ("transfer", ContactTransferred(**of_call("AgentComplete", "support", "Tom Ode"), talked=154, handled=154)),
        ("other", ContactEnded(**of_call("AgentComplete", "support", "Tom Ode"), talked=154, handled=154)),
    ],
)
def test_a_call_that_is_over_for_the_agent_has_ended_or_was_transferred(reason: str, expected: AnyEvent) -> None:
    payload = block("AgentComplete", CALLER, MEMBER, HoldTime="12", TalkTime="154", Reason=reason)
    assert events(payload) == (expected,)


def test_the_rest_of_what_calls_do() -> None:
    abandoned = block("QueueCallerAbandon", CALLER, Queue="support", Position="1", OriginalPosition="3", HoldTime="27")
    missed = block("AgentRingNoAnswer", CALLER, MEMBER, RingTime="15500")
    assert events(abandoned) == (
        ContactLeftQueue(**of_call("QueueCallerAbandon", "support"), reason="abandoned", waited=27.0),
    )
    assert events(missed) == (
        ContactOfferDeclined(**of_call("AgentRingNoAnswer", "support", "Tom Ode"), reason="missed", rang=15.5),
    )
    assert events(block("AgentDump", CALLER, MEMBER)) == (
        ContactOfferDeclined(**of_call("AgentDump", "support", "Tom Ode"), reason="rejected"),
    )


def test_a_hold_counts_where_the_settings_say_so_and_not_when_the_caller_holds() -> None:
    leg = {"Timestamp": "1792490412.118231", "Uniqueid": "1792490409.45", "Linkedid": CALL}
    assert events(block("Hold", leg, MusicClass="default"), holds="yes") == (ContactHoldStarted(**of_call("Hold")),)
    assert events(block("Unhold", leg), holds="yes") == (ContactHoldEnded(**of_call("Unhold")),)
    assert parse(block("Hold", leg)) == Ignored("holds_not_counted")
    assert parse(block("Hold", CALLER), holds="yes") == Ignored("held_by_caller")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("QueueCallerLeave", "queue_leave"),
        ("AgentCalled", "agent_called"),
        ("BlindTransfer", "agent_complete_tells"),
        ("AttendedTransfer", "agent_complete_tells"),
        ("QueueParams", "queue_status"),
        ("VarSet", "unlisted_event"),
    ],
)
def test_what_says_nothing_that_is_counted_is_ignored_with_a_word(event: str, reason: str) -> None:
    assert parse(block(event, CALLER, MEMBER)) == Ignored(reason)


@pytest.mark.parametrize(
    ("event", "fields", "now", "reason"),
    [
        ("QueueMemberPause", {"Paused": "1", "PausedReason": "lunch"}, "away", "lunch"),
        ("QueueMemberPause", {"Paused": "1", "PausedReason": ""}, "away", None),
        ("QueueMemberPause", {"Paused": "0", "PausedReason": "lunch"}, "available", None),
        ("QueueMemberAdded", {"Paused": "0", "Status": "1"}, "available", None),
        ("QueueMemberAdded", {"Paused": "1", "Status": "1"}, "away", None),
        ("QueueMemberRemoved", {"Paused": "0"}, "offline", None),
        ("QueueMemberStatus", {"Status": "1", "Paused": "0"}, "available", None),
        ("QueueMemberStatus", {"Status": "0", "Paused": "0"}, "available", None),
        ("QueueMemberStatus", {"Status": "5", "Paused": "0"}, "offline", None),
        ("QueueMemberStatus", {"Status": "4", "Paused": "1"}, "offline", None),
        ("QueueMemberStatus", {"Status": "1", "Paused": "1", "PausedReason": "lunch"}, "away", "lunch"),
    ],
)
def test_a_member_of_a_queue_is_available_away_or_offline(
    event: str, fields: dict[str, str], now: str, reason: str | None
) -> None:
    payload = block(event, {"Timestamp": "1792490412.118231"}, MEMBER, fields)
    assert events(payload) == (state(event, "Tom Ode", "support", now, reason),)


@pytest.mark.parametrize("status", ["2", "3"])
def test_a_member_whose_device_is_in_use_is_reachable(status: str) -> None:
    at = {"Timestamp": "1792490412.118231"}
    paused = block("QueueMemberStatus", at, MEMBER, Status=status, Paused="1", PausedReason="lunch")
    assert events(block("QueueMemberStatus", at, MEMBER, Status=status, Paused="0")) == (
        state("QueueMemberStatus", "Tom Ode", "support", "available"),
    )
    assert events(paused) == (state("QueueMemberStatus", "Tom Ode", "support", "away", "lunch"),)


@pytest.mark.parametrize("status", ["6", "7", "8"])
def test_whether_a_member_is_on_a_call_the_calls_say(status: str) -> None:
    assert parse(block("QueueMemberStatus", MEMBER, Status=status, Paused="0")) == Ignored("member_in_use")


def test_an_agent_who_logs_in_or_off_is_there_or_gone_for_all_queues() -> None:
    at = {"Timestamp": "1792490412.118231", "Agent": "1001"}
    assert events(block("AgentLogin", at)) == (state("AgentLogin", "1001", None, "available"),)
    assert events(block("AgentLogoff", at, Logintime="60")) == (state("AgentLogoff", "1001", None, "offline"),)


def test_every_event_that_is_subscribed_to_is_read_or_ignored_by_name() -> None:
    assert {name.decode() for name in EVENTS} == (BUILD.keys() | IGNORED.keys()) - {"QueueMember", "QueueEntry"}


def test_only_the_queues_of_the_settings_count() -> None:
    assert parse(JOIN, queues="sales") == Ignored("other_queue")
    assert events(JOIN, queues="sales, support") == events(JOIN)


def test_without_a_timestamp_it_happened_when_it_came() -> None:
    payload = block("AgentDump", MEMBER, Uniqueid=CALL)
    assert events(payload) == (
        ContactOfferDeclined(**of_call("AgentDump", "support", "Tom Ode", time=NOW), reason="rejected"),
    )
    assert FORMAT.time(payload, {"ami-received": str(NOW).encode()}) == NOW
    assert FORMAT.time(JOIN, {}) == AT


def snapshot(*blocks: bytes) -> bytes:
    return b"".join((block("QueueParams", Queue="support", Calls="1"), *blocks, COMPLETE))


def test_the_answer_to_queue_status_says_who_is_there_and_who_waits() -> None:
    tom = block("QueueMember", Queue="support", Name="Tom Ode", Location="PJSIP/201", Status="2", Paused="0")
    mia = block("QueueMember", Queue="support", Name="Mia Berg", Status="1", Paused="1", PausedReason="lunch")
    began = NOW - 30_000
    assert events(snapshot(tom, mia, ENTRY)) == (
        state("QueueMember", "Tom Ode", "support", "available", time=NOW),
        state("QueueMember", "Mia Berg", "support", "away", "lunch", time=NOW),
        created(began),
        ContactOffered(**of_call("QueueEntry", "support", time=began), identifiers=ANA),
    )


def test_who_waited_already_when_the_connection_was_there_is_not_offered_again() -> None:
    assert parse(snapshot(ENTRY), heard=NOW - 27_000) == Ignored("queue_status")
    assert len(events(snapshot(ENTRY), heard=NOW - 31_000)) == 2
    # A wait is told in whole seconds: around the loss, only who was heard joining is known.
    assert len(events(snapshot(ENTRY), heard=NOW - 29_000, joined="1.1 1.2")) == 2
    assert parse(snapshot(ENTRY), heard=NOW - 29_000, joined=f"1.1 {CALL}") == Ignored("queue_status")
    assert parse(snapshot(ENTRY), joined=CALL) == Ignored("queue_status")


def test_the_members_of_an_answer_were_so_when_it_was_asked_for() -> None:
    tom = block("QueueMember", Queue="support", Name="Tom Ode", Location="PJSIP/201", Status="1", Paused="0")
    headers = {"ami-received": str(NOW).encode(), "ami-asked": str(NOW - 40).encode()}
    said = FORMAT.parse(snapshot(tom, ENTRY), Context(SOURCE, headers, read_at=NOW + 5, region="DE"))
    assert isinstance(said, Events)
    assert [event.time for event in said.events] == [from_ms(NOW - 40), *(2 * [from_ms(NOW - 30_000)])]


def test_what_is_wrong_in_an_answer_takes_nothing_from_the_rest() -> None:
    wrong = block("QueueEntry", Queue="support", Wait="30")
    fault = Fault("identity", "QueueEntry: the field Uniqueid is missing or empty")
    assert parse(snapshot(wrong, ENTRY)) == Events(events(snapshot(ENTRY)), (fault,))
    with pytest.raises(Malformed, match="Uniqueid"):
        parse(snapshot(wrong))


def test_the_same_block_again_has_the_same_ids_and_order_makes_no_difference() -> None:
    blocks = [
        JOIN,
        block("AgentConnect", CALLER, MEMBER, HoldTime="12"),
        block("AgentComplete", CALLER, MEMBER, TalkTime="154", Reason="agent"),
    ]
    assert events(JOIN) == events(JOIN)
    told = [
        {(event.id, event.revision) for payload in order for event in events(payload)} for order in permutations(blocks)
    ]
    assert all(each == told[0] for each in told)
    assert len(told[0]) == 4


def test_the_key_is_the_call_else_the_member() -> None:
    assert FORMAT.key(JOIN, {}) == CALL.encode()
    assert FORMAT.key(block("Hold", Uniqueid="1.2", Linkedid=CALL), {}) == CALL.encode()
    assert FORMAT.key(block("QueueMemberPause", MEMBER), {}) == b"Tom Ode"
    assert FORMAT.key(snapshot(ENTRY), {}) is None
    assert FORMAT.key(b"", {}) is None
    assert FORMAT.channel_of(JOIN, {}) == "phone"


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no block of an event"),
        (b"Response: Success\r\n\r\n", "syntax", "no block of an event"),
        (b"\xff\xfe\x00", "syntax", "no block of an event"),
        (block("QueueCallerJoin", Queue="support"), "identity", "Uniqueid"),
        (block("AgentConnect", CALLER, MEMBER, HoldTime="soon"), "schema", "HoldTime is 'soon'"),
        (block("QueueMemberPause", Queue="support", Paused="1"), "identity", "no member is named"),
        (block("AgentLogin"), "identity", "Agent"),
    ],
)
def test_what_is_missing_or_wrong_is_said(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as raised:
        parse(payload)
    assert raised.value.reason == reason


def test_a_block_that_nobody_knows_the_time_of_is_refused() -> None:
    with pytest.raises(Malformed, match="Timestamp") as raised:
        FORMAT.parse(block("AgentDump", MEMBER, Uniqueid=CALL), Context(SOURCE, {}, read_at=NOW))
    assert raised.value.reason == "time"


def test_a_measure_that_is_missing_or_negative_is_none_and_a_name_in_another_encoding_loses_no_call() -> None:
    payload = block("AgentConnect", CALLER, MEMBER, HoldTime="-1").replace(
        b"Queue: ", b"CallerIDName: M\xfcller\r\nQueue: "
    )
    assert events(payload) == (ContactAnswered(**of_call("AgentConnect", "support", "Tom Ode")),)


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_changed_in_a_payload_it_is_answered_or_malformed(data: st.DataObject) -> None:
    payload = bytearray(data.draw(st.sampled_from([JOIN, snapshot(ENTRY), block("AgentComplete", CALLER, MEMBER)])))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(payload)))
        payload[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))
    FORMAT.key(bytes(payload), {})
    FORMAT.time(bytes(payload), {})
    try:
        said = parse(bytes(payload))
    except Malformed:
        return
    assert isinstance(said, Events | Ignored)
