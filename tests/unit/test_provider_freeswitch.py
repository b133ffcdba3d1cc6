"""FreeSWITCH's mod_callcenter: what its events and lists say."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contacts.contact import Contact
from agents.contacts.learning import learn
from agents.intake.freeswitch_callcenter import FreeswitchCallcenter
from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed
from agents.intake.webhook import earliest
from schemas.events import (
    AgentStateChanged,
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactEvent,
    ContactHoldEnded,
    ContactHoldStarted,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms

FORMAT = FreeswitchCallcenter()
SOURCE = "switch"
CONTACT = contact_id(SOURCE, "s1")
AT = 1_792_490_412_118
NOW = 1_792_490_500_000
QUEUE, AGENT = "support@default", "201@default"
ANA = ("tel:+4930901820",)


def event(action: str, **more: Any) -> bytes:
    said: dict[str, Any] = {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "callcenter::info",
        "Core-UUID": "2f9b",
        "Event-Sequence": "4711",
        "Event-Date-Timestamp": "1792490412118231",
        "CC-Queue": QUEUE,
        "CC-Action": action,
        "CC-Member-UUID": "m1",
        "CC-Member-Session-UUID": "s1",
        "CC-Member-CID-Name": "Ana",
        "CC-Member-CID-Number": "4930901820",
    }
    said |= {name.replace("_", "-"): value for name, value in more.items()}
    return msgspec.json.encode({name: value for name, value in said.items() if value is not ...})


def parse(payload: bytes, command: str | None = None, **given: str) -> Parsed:
    headers = {"freeswitch-received": str(NOW).encode()}
    if command is not None:
        headers["freeswitch-command"] = command.encode()
    return FORMAT.parse(payload, Context(SOURCE, headers, read_at=NOW + 5, region="DE", settings=given))


def events(payload: bytes, command: str | None = None, **given: str) -> tuple[AnyEvent, ...]:
    said = parse(payload, command, **given)
    assert isinstance(said, Events), said
    assert said.faults == ()
    return said.events


def of_call(
    kind: str, *more: object, agent: str | None = None, time: int = AT, place: str = "m1", revision: int = 2
) -> dict[str, Any]:
    return {
        "id": event_id(SOURCE, "freeswitch", "s1", place, kind, *more),
        "time": from_ms(time),
        "channel": "phone",
        "source": SOURCE,
        "revision": revision,
        "queue": QUEUE,
        "agent": agent,
        "contact": CONTACT,
    }


def begun(time: int = AT) -> tuple[AnyEvent, ...]:
    there = ContactCreated(
        id=event_id(SOURCE, CONTACT, "created"),
        time=from_ms(time),
        channel="phone",
        source=SOURCE,
        contact=CONTACT,
        identifiers=ANA,
        revision=earliest(time),
    )
    return there, ContactOffered(**of_call("offered", time=time), identifiers=ANA)


def status(state: str, said: str, agent: str = AGENT, time: int = AT) -> AgentStateChanged:
    return AgentStateChanged(
        id=event_id(SOURCE, "freeswitch", agent, "status", said, time),
        time=from_ms(time),
        channel="phone",
        source=SOURCE,
        revision=2,
        agent=agent,
        state=state,  # type: ignore[arg-type]
    )


START = event("member-queue-start")
BRIDGED = event(
    "bridge-agent-start",
    CC_Agent=AGENT,
    CC_Agent_Called_Time="1792490409",
    CC_Agent_Answered_Time="1792490412",
    CC_Member_Joined_Time="1792490400",
)
TERMINATED = event(
    "member-queue-end",
    CC_Agent=AGENT,
    CC_Cause="Terminated",
    CC_Agent_Answered_Time="1792490412",
    CC_Member_Leaving_Time="1792490566",
)


@pytest.mark.parametrize("action", ["member-queue-start", "member-queue-resume"])
def test_a_caller_who_enters_a_queue_or_comes_back_is_a_contact_that_is_offered(action: str) -> None:
    assert events(event(action)) == begun()


def test_the_example_of_the_sheet_is_an_answer() -> None:
    assert events(BRIDGED) == (ContactAnswered(**of_call("answered", agent=AGENT, revision=AT), waited=12.0),)


def test_a_call_that_was_answered_ends() -> None:
    assert events(TERMINATED) == (ContactEnded(**of_call("ended", agent=AGENT), talked=154.0, handled=154.0),)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("NONE", "abandoned"),
        ("TIMEOUT", "timeout"),
        ("NO_AGENT_TIMEOUT", "empty"),
        ("EXIT_WITH_KEY", "key_exit"),
        ("BREAK_OUT", "abandoned"),
        ("SOMETHING_NEW", "system"),
    ],
)
def test_a_caller_who_was_not_answered_has_left_with_the_reason_and_the_wait(said: str, reason: Any) -> None:
    payload = event(
        "member-queue-end",
        CC_Cause="Cancel",
        CC_Cancel_Reason=said,
        CC_Member_Joined_Time="1792490400",
        CC_Member_Leaving_Time="1792490427",
    )
    assert events(payload) == (ContactLeftQueue(**of_call("left"), reason=reason, waited=27.0),)


@pytest.mark.parametrize(
    ("state", "reason"),
    [("hangup", "abandoned"), ("answered", "withdrawn"), ("early", "withdrawn"), ("ringing", "withdrawn")],
)
def test_who_breaks_out_of_the_queue_has_abandoned_unless_the_channel_is_still_up(state: str, reason: Any) -> None:
    more = {"Answer_State": state, "Channel_State": "CS_EXECUTE"}
    (left,) = events(event("member-queue-end", CC_Cause="Cancel", CC_Cancel_Reason="BREAK_OUT", **more))
    assert left == ContactLeftQueue(**of_call("left"), reason=reason)


def test_a_queue_that_gave_up_says_why_whether_the_channel_is_up_or_not() -> None:
    payload = event("member-queue-end", CC_Cause="Cancel", CC_Cancel_Reason="TIMEOUT", Answer_State="answered")
    assert events(payload) == (ContactLeftQueue(**of_call("left"), reason="timeout"),)


@pytest.mark.parametrize(
    ("cause", "reason"), [("NO_ANSWER", "missed"), ("CALL_REJECTED", "rejected"), ("USER_BUSY", "rejected")]
)
def test_an_agent_who_does_not_take_it_has_missed_or_rejected_it(cause: str, reason: Any) -> None:
    payload = event(
        "bridge-agent-fail",
        CC_Agent=AGENT,
        CC_Hangup_Cause=cause,
        CC_Agent_Called_Time="1792490397",
        CC_Agent_Aborted_Time="1792490412",
    )
    assert events(payload) == (
        ContactOfferDeclined(**of_call("declined", AGENT, AT, agent=AGENT), reason=reason, rang=15.0),
    )


@pytest.mark.parametrize(("cause", "word"), [("LOSE_RACE", "lost_race"), ("ORIGINATOR_CANCEL", "caller_gone")])
def test_that_another_agent_won_or_the_caller_left_is_no_agents_fault(cause: str, word: str) -> None:
    assert parse(event("bridge-agent-fail", CC_Agent=AGENT, CC_Hangup_Cause=cause)) == Ignored(word)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("Available", "available"),
        ("Available (On Demand)", "available"),
        ("On Break", "away"),
        ("Logged Out", "offline"),
    ],
)
def test_the_status_of_an_agent_is_the_agents_choice(said: str, state: str) -> None:
    assert events(event("agent-status-change", CC_Agent=AGENT, CC_Agent_Status=said)) == (status(state, said),)


@pytest.mark.parametrize(
    ("action", "word"),
    [
        ("agent-offering", "agent_offering"),
        ("agent-max-no-answer", "status_change_tells"),
        ("agent-state-change", "machine_state"),
        ("bridge-agent-end", "bridge_end"),
        ("members-count", "members_count"),
        ("agent-add", "agent_setting"),
        ("agent-contact-change", "agent_setting"),
        ("agent-status-get", "unlisted_event"),
        ("of-tomorrow", "unlisted_event"),
    ],
)
def test_what_says_nothing_that_is_counted_is_ignored_with_a_word(action: str, word: str) -> None:
    assert parse(event(action)) == Ignored(word)


def test_an_agent_who_could_not_be_connected_has_not_answered() -> None:
    failed = events(event("bridge-agent-end", CC_Agent=AGENT, CC_Agent_Bridged="false"))
    assert failed == (ContactOfferDeclined(**of_call("answered", agent=AGENT, revision=AT + 1)),)
    assert parse(event("bridge-agent-end", CC_Agent=AGENT, CC_Agent_Bridged="true")) == Ignored("bridge_end")


def at(second: int, action: str, **more: Any) -> bytes:
    return event(action, Event_Date_Timestamp=f"{1_792_490_400 + second}000000", **more)


def contact_of(*payloads: bytes) -> Contact:
    """The contact, told in this order."""
    contact = Contact("phone")
    for payload in payloads:
        said = parse(payload)
        if isinstance(said, Events):
            learn(contact, [each for each in said.events if isinstance(each, ContactEvent)], lambda *_: 7_200_000)
    return contact


CONNECTING = (
    at(0, "member-queue-start"),
    at(10, "bridge-agent-start", CC_Agent=AGENT, CC_Member_Joined_Time="1792490400"),
    at(13, "bridge-agent-end", CC_Agent=AGENT, CC_Agent_Bridged="false"),
)


def test_who_could_not_be_connected_waits_on_and_the_next_agent_has_the_call() -> None:
    next_agent = {"CC_Agent": "202@default", "CC_Agent_Answered_Time": "1792490460"}
    contact = contact_of(
        *CONNECTING,
        at(60, "bridge-agent-start", **next_agent, CC_Member_Joined_Time="1792490400"),
        at(160, "bridge-agent-end", **next_agent, CC_Agent_Bridged="true"),
        at(160, "member-queue-end", **next_agent, CC_Cause="Terminated", CC_Member_Leaving_Time="1792490560"),
    )
    (offer,) = contact.offers
    assert (offer.outcome, offer.wait, offer.agent, offer.handle_time) == ("answered", 60_000, "202@default", 100_000)
    assert contact.anomalies == ()


def test_an_answer_that_was_missed_after_a_failed_bridge_is_known_by_the_list_of_members() -> None:
    contact = contact_of(*CONNECTING)
    listed = MEMBERS.replace(b"1792490412|0|0|0|201@default", b"1792490460|0|0|0|202@default")
    later = events(listed, f"queue list members {QUEUE}")[-1]
    assert isinstance(later, ContactAnswered)
    learn(contact, [later], lambda *_: 7_200_000)
    (offer,) = contact.offers
    assert (offer.outcome, offer.wait, offer.agent) == ("answered", 60_000, "202@default")


def test_who_hangs_up_while_being_connected_has_abandoned() -> None:
    end = at(12, "member-queue-end", CC_Cause="Cancel", CC_Cancel_Reason="NONE", Answer_State="hangup")
    start, bridged, failed = CONNECTING
    (offer,) = contact_of(start, bridged, end, failed).offers
    assert (offer.outcome, offer.wait) == ("abandoned", 12_000)


def leg(name: str, **more: str) -> bytes:
    said = {"Event-Name": name, "Event-Date-Timestamp": "1792490412118231", "Unique-ID": "a1"}
    return msgspec.json.encode(said | {f"variable_cc_{key}": value for key, value in more.items()})


def test_a_hold_on_the_agents_leg_of_a_queue_call_counts() -> None:
    of_agent = {"side": "agent", "member_session_uuid": "s1", "queue": QUEUE, "agent": AGENT}
    for name, kind in (("CHANNEL_HOLD", ContactHoldStarted), ("CHANNEL_UNHOLD", ContactHoldEnded)):
        assert events(leg(name, **of_agent)) == (kind(**of_call(name, AT, agent=AGENT, place="a1")),)
    assert parse(leg("CHANNEL_HOLD")) == Ignored("no_queue_call")
    assert parse(leg("CHANNEL_HOLD", **of_agent | {"side": "member"})) == Ignored("held_by_caller")
    assert parse(leg("CHANNEL_HOLD", **of_agent), queues="sales@default") == Ignored("other_queue")


AGENTS = (
    b"name|instance_id|uuid|type|contact|status|state|max_no_answer\n"
    b"201@default|single_box||callback|user/201|Available|In a queue call|3\n"
    b"202@default|single_box||callback|user/202|On Break|Waiting|3\n+OK\n"
)
COLUMNS = (
    b"queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|joined_epoch|rejoined_epoch|bridge_epoch"
)
MEMBERS = COLUMNS + (
    b"|abandoned_epoch|base_score|skill_score|serving_agent|serving_system|state|score\n"
    b"support@default|single_box|m1|s1|4930901820|Ana|0|1792490400|0|1792490412|0|0|0|201@default|box|Answered|100\n"
    b"support@default|single_box|m2|s2||Eve|0|1792490300|0|0|1792490310|0|0|||Abandoned|0\n+OK\n"
)


def test_the_list_of_agents_says_their_status() -> None:
    assert events(AGENTS, "agent list") == (
        status("available", "Available", time=NOW),
        status("away", "On Break", "202@default", NOW),
    )


def test_the_list_of_members_tells_under_the_same_ids_what_their_events_told() -> None:
    expected = (
        *begun(1_792_490_400_000),
        ContactAnswered(
            **of_call("answered", agent=AGENT, time=1_792_490_412_000, revision=1_792_490_412_000), waited=12.0
        ),
    )
    assert events(MEMBERS, f"queue list members {QUEUE}") == expected
    assert [each.id for each in expected] == [each.id for each in (*events(START), *events(BRIDGED))]


def test_who_waits_in_a_list_is_offered_and_a_list_without_anybody_says_nothing() -> None:
    waiting = MEMBERS.replace(b"1792490412|0|0|0|201@default|box|Answered", b"0|0|0|0|||Waiting")
    assert events(waiting, "queue list members x") == begun(1_792_490_400_000)
    assert parse(COLUMNS + b"\n+OK\n", "queue list members x") == Ignored("empty_list")
    for command in ("queue list members x", "agent list"):
        assert parse(b"+OK\n", command) == Ignored("empty_list")
    assert parse(waiting, "queue list members x", queues="sales@default") == Ignored("empty_list")


def test_a_row_that_is_wrong_takes_nothing_from_the_others() -> None:
    strange = AGENTS.replace(b"On Break", b"Asleep")
    said = parse(strange, "agent list")
    expected = "expected Available, Available (On Demand), On Break, Logged Out"
    fault = Fault("schema", f"the agent's status is 'Asleep': {expected}")
    assert said == Events((status("available", "Available", time=NOW),), (fault,))


def test_only_the_queues_of_the_settings_count() -> None:
    assert parse(START, queues="sales@default") == Ignored("other_queue")
    assert events(START, queues="sales@default,support@default") == begun()


def test_numbers_may_be_numbers_and_the_number_of_the_caller_may_be_withheld() -> None:
    payload = event("member-queue-start", Event_Date_Timestamp=1792490412118231, CC_Member_CID_Number="anonymous")
    there, offered = events(payload)
    assert (there.time, there.identifiers, offered.identifiers) == (from_ms(AT), (), ())  # type: ignore[union-attr]


def test_the_same_event_again_has_the_same_ids_and_order_makes_no_difference() -> None:
    assert events(START) == events(START)
    told = [
        {(each.id, each.revision) for payload in order for each in events(payload)}
        for order in permutations((START, BRIDGED, TERMINATED))
    ]
    assert all(each == told[0] for each in told)
    assert len(told[0]) == 4


def test_key_time_and_channel_of_the_record() -> None:
    assert FORMAT.key(START, {}) == b"s1"
    assert FORMAT.key(event("agent-status-change", CC_Agent=AGENT, CC_Member_Session_UUID=...), {}) == AGENT.encode()
    assert FORMAT.key(leg("CHANNEL_HOLD", member_session_uuid="s1"), {}) == b"s1"
    assert FORMAT.key(AGENTS, {"freeswitch-command": b"agent list"}) is None
    assert FORMAT.key(b"{", {}) is None
    assert FORMAT.time(START, {}) == AT
    assert FORMAT.time(AGENTS, {"freeswitch-command": b"agent list", "freeswitch-received": b"1792490500000"}) == NOW
    assert FORMAT.channel_of(START, {}) == "phone"


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no JSON"),
        (START[:50], "syntax", "no JSON"),
        (b'{"CC-Queue": "\xff"}', "syntax", "no JSON"),
        (b"[]", "schema", "array"),
        (event("member-queue-start", CC_Queue=["support"]), "schema", "CC-Queue"),
        (event("member-queue-start", Event_Date_Timestamp="soon"), "time", "Event-Date-Timestamp is 'soon'"),
        (event("member-queue-start", CC_Member_Session_UUID=...), "identity", "channel of the caller is missing"),
        (event("member-queue-start", CC_Member_UUID=""), "identity", "place in the queue is missing"),
        (event("member-queue-end", CC_Cause="Odd"), "schema", "CC-Cause is 'Odd'"),
        (event("agent-status-change", CC_Agent=AGENT, CC_Agent_Status="Asleep"), "schema", "'Asleep'"),
        (event("agent-status-change", CC_Agent_Status="Available"), "identity", "not named"),
    ],
)
def test_what_is_missing_or_wrong_is_said(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as raised:
        parse(payload)
    assert raised.value.reason == reason


@pytest.mark.parametrize("payload", [b"", b"+OK\n+OK\n", b"\xff"])
def test_a_list_without_columns_is_none(payload: bytes) -> None:
    with pytest.raises(Malformed, match="no list"):
        parse(payload, "agent list")


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_changed_in_a_payload_it_is_answered_or_malformed(data: st.DataObject) -> None:
    whole, command = data.draw(
        st.sampled_from([(BRIDGED, None), (TERMINATED, None), (MEMBERS, "queue list members x")])
    )
    payload = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(payload)))
        payload[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))
    FORMAT.key(bytes(payload), {})
    FORMAT.time(bytes(payload), {})
    try:
        said = parse(bytes(payload), command)
    except Malformed:
        return
    assert isinstance(said, Events | Ignored)
