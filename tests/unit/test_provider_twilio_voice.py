"""Twilio Voice: what a leg's callback says, and a call whose callbacks come in any order."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contacts.contact import Contact
from agents.contacts.learning import learn
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers import twilio_voice
from agents.intake.providers.twilio_voice import PROVIDER
from agents.intake.webhook import earliest
from schemas.events import (
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactEvent,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    ContactTransferred,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms

CALL = "CA0123456789abcdef0123456789abcdef"
LEG = "CA1123456789abcdef0123456789abcdef"
CONTACT = contact_id("main", CALL)
AT = 1_792_490_400_000
READ_AT = AT + 1_500
TIMESTAMP = "Tue, 20 Oct 2026 10:00:00 +0000"
CALLER = ("tel:+4930901820",)
INBOUND = {
    "CallSid": CALL,
    "AccountSid": "AC0123456789abcdef0123456789abcdef",
    "From": "+4930901820",
    "To": "+4930123456",
    "Direction": "inbound",
    "CallStatus": "ringing",
    "SequenceNumber": "0",
    "Timestamp": TIMESTAMP,
}
CHILD = {**INBOUND, "CallSid": LEG, "ParentCallSid": CALL, "Direction": "outbound-dial", "To": "client:mia"}
ENQUEUE = {
    "CallSid": CALL,
    "From": "+4930901820",
    "To": "+4930123456",
    "Direction": "inbound",
    "CallStatus": "in-progress",
    "QueueSid": "QU01",
    "QueueTime": "42",
}


def body(fields: dict[str, str], **more: str) -> bytes:
    return urlencode({**fields, **more}).encode()


def parsed(payload: bytes) -> Parsed:
    return PROVIDER.parse(payload, Context("main", {}, read_at=READ_AT))


def events(fields: dict[str, str], **more: str) -> tuple[AnyEvent, ...]:
    result = parsed(body(fields, **more))
    assert isinstance(result, Events)
    return result.events


def first(
    time: int, queue: str | None = "+4930123456", identifiers: tuple[str, ...] = CALLER
) -> tuple[AnyEvent, AnyEvent]:
    return (
        ContactCreated(
            id=event_id("main", CONTACT, "created"),
            time=from_ms(time),
            channel="phone",
            source="main",
            revision=earliest(time),
            contact=CONTACT,
            queue=queue,
            identifiers=identifiers,
        ),
        ContactOffered(
            id=event_id("main", CONTACT, "offered"),
            time=from_ms(time),
            channel="phone",
            source="main",
            revision=earliest(time),
            contact=CONTACT,
            queue=queue,
            identifiers=identifiers,
        ),
    )


def ended(time: int, queue: str | None = "+4930123456") -> ContactEnded:
    return ContactEnded(
        id=event_id("main", CONTACT, "ended"),
        time=from_ms(time),
        channel="phone",
        source="main",
        revision=time,
        contact=CONTACT,
        queue=queue,
    )


def leg_ended(time: int, agent: str | None = "mia") -> ContactEnded:
    over = ended(time, None)
    return msgspec.structs.replace(over, id=event_id("main", CONTACT, "leg_ended"), agent=agent)


def answer(time: int, agent: str | None, waited: float | None = None) -> ContactAnswered:
    return ContactAnswered(
        id=event_id("main", CONTACT, "answered"),
        time=from_ms(time),
        channel="phone",
        source="main",
        revision=earliest(time),
        contact=CONTACT,
        agent=agent,
        waited=waited,
    )


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "in-progress"])
def test_a_call_that_comes_in_begins_the_contact(status: str) -> None:
    assert events(INBOUND, CallStatus=status) == first(AT)


def test_the_end_of_a_call_says_by_its_duration_when_it_began() -> None:
    assert events(INBOUND, CallStatus="completed", CallDuration="154", Duration="3") == (
        *first(AT - 154_000),
        ended(AT),
    )


@pytest.mark.parametrize("status", ["completed", "busy", "no-answer", "failed", "canceled"])
def test_a_call_that_is_over_ended_by_nobody_known(status: str) -> None:
    assert events(INBOUND, CallStatus=status) == (*first(AT), ended(AT))


def test_a_leg_in_progress_answers_the_call_that_dialled_it() -> None:
    assert events(CHILD, CallStatus="in-progress") == (answer(AT, "mia"),)


def test_a_leg_that_is_over_was_answered_before_it() -> None:
    assert events(CHILD, CallStatus="completed", CallDuration="100") == (answer(AT - 100_000, "mia"), leg_ended(AT))


def on(minute: int, second: int) -> str:
    return f"Tue, 20 Oct 2026 10:{minute:02}:{second:02} +0000"


def contacts_of(told: Sequence[bytes]) -> Iterator[Contact]:
    """The contact, told in any order."""
    for order in permutations(told):
        contact = Contact("phone")
        for payload in order:
            said = parsed(payload)
            assert isinstance(said, Events)
            learn(contact, [each for each in said.events if isinstance(each, ContactEvent)], lambda *_: 86_400_000)
        yield contact


CALL_OF_TEN_MINUTES = body(INBOUND, CallStatus="completed", CallDuration="600", Timestamp=on(10, 0))
TALK = (
    body(CHILD, CallStatus="in-progress", Timestamp=on(0, 20)),
    body(CHILD, CallStatus="completed", CallDuration="100", Timestamp=on(2, 0)),
)


def test_the_agent_is_free_while_the_caller_stays_in_a_menu() -> None:
    for contact in contacts_of((*TALK, CALL_OF_TEN_MINUTES)):
        (offer,) = contact.offers
        assert (offer.agent, offer.wait, offer.handle_time) == ("mia", 20_000, 100_000)
        assert contact.ended == AT + 120_000


def test_a_call_is_over_when_the_last_of_its_legs_is() -> None:
    tom = {**CHILD, "CallSid": "CA21", "To": "client:tom"}
    second = body(tom, CallStatus="completed", CallDuration="420", Timestamp=on(9, 59))
    for contact in contacts_of((*TALK, second, CALL_OF_TEN_MINUTES)):
        (offer,) = contact.offers
        assert (offer.agent, offer.handle_time, contact.ended) == ("mia", 579_000, AT + 599_000)


def test_a_leg_that_ended_without_a_duration_says_nothing() -> None:
    assert parsed(body(CHILD, CallStatus="completed")) == Ignored("leg_ended")


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_a_leg_that_nobody_took_is_an_offer_declined(status: str) -> None:
    assert events(CHILD, CallStatus=status) == (
        ContactOfferDeclined(
            id=event_id("main", LEG, "declined"),
            time=from_ms(AT),
            channel="phone",
            source="main",
            revision=1,
            contact=CONTACT,
            agent="mia",
            reason="missed",
        ),
    )


@pytest.mark.parametrize(
    ("to", "agent"),
    [
        ("client:mia", "mia"),
        ("sip:mia@pbx.example", "sip:mia@pbx.example"),
        ("+4930123499", None),
        ("4930123499", None),
        ("client:", None),
        ("", None),
    ],
)
def test_a_leg_to_a_telephone_number_names_no_agent(to: str, agent: str | None) -> None:
    assert events(CHILD, CallStatus="in-progress", To=to) == (answer(AT, agent),)
    (declined,) = events(CHILD, CallStatus="busy", To=to)
    assert isinstance(declined, ContactOfferDeclined)
    assert declined.agent == agent


@pytest.mark.parametrize(
    "fields", [INBOUND, {**INBOUND, "CallStatus": "completed"}, {**ENQUEUE, "QueueResult": "hangup"}]
)
def test_a_call_from_an_agents_browser_is_no_contact(fields: dict[str, str]) -> None:
    assert parsed(body(fields, From="client:mia")) == Ignored("agent_leg")


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing"])
def test_a_leg_that_rings_says_nothing(status: str) -> None:
    assert parsed(body(CHILD, CallStatus=status)) == Ignored("ringing")


def test_an_outbound_call_is_offered_to_nobody() -> None:
    made = events(
        INBOUND,
        Direction="outbound-api",
        CallStatus="completed",
        CallDuration="60",
        From="+4930123456",
        To="+4930901820",
    )
    assert made == (
        ContactCreated(
            id=event_id("main", CONTACT, "created"),
            time=from_ms(AT - 60_000),
            channel="phone",
            source="main",
            revision=earliest(AT - 60_000),
            contact=CONTACT,
            queue="+4930123456",
            identifiers=CALLER,
            direction="outbound",
        ),
        ended(AT),
    )


@pytest.mark.parametrize("to", ["client:mia", "sip:mia@pbx.example"])
def test_an_outbound_call_to_one_of_us_is_no_contact(to: str) -> None:
    assert parsed(body(INBOUND, Direction="outbound-api", To=to)) == Ignored("agent_leg")


@pytest.mark.parametrize(
    "caller", ["anonymous", "Restricted", "", "sip:4930901820@pbx.example", "+266696687", "+86282452253"]
)
def test_a_withheld_caller_has_no_identifier(caller: str) -> None:
    assert events(INBOUND, From=caller) == first(AT, identifiers=())


@pytest.mark.parametrize("fields", [INBOUND, {**INBOUND, "From": INBOUND["To"], "To": INBOUND["From"]}])
def test_a_number_on_whatsapp_is_a_number(fields: dict[str, str]) -> None:
    direction = "inbound" if fields is INBOUND else "outbound-api"
    there = events(fields, Direction=direction, **{name: "whatsapp:" + fields[name] for name in ("From", "To")})[0]
    assert isinstance(there, ContactCreated)
    assert (there.queue, there.identifiers) == ("whatsapp:+4930123456", CALLER)


@pytest.mark.parametrize("fields", [INBOUND, CHILD])
def test_the_end_of_a_call_that_was_recorded_is_its_end(fields: dict[str, str]) -> None:
    over = {"CallStatus": "completed", "CallDuration": "154"}
    recording = {"RecordingSid": "RE01", "RecordingUrl": "https://api.twilio.example/RE01", "RecordingDuration": "150"}
    assert events(fields, **over, **recording) == events(fields, **over)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("hangup", "abandoned"),
        ("leave", "key_exit"),
        ("redirected", "transfer_out"),
        ("queue-full", "system"),
        ("error", "system"),
        ("system-error", "system"),
    ],
)
def test_a_call_that_left_enqueue_unanswered_says_why(result: str, reason: str) -> None:
    assert events(ENQUEUE, QueueResult=result) == (
        *first(READ_AT - 42_000),
        ContactLeftQueue(
            id=event_id("main", CALL, "QU01", 42, "left_queue"),
            time=from_ms(READ_AT),
            channel="phone",
            source="main",
            revision=1,
            contact=CONTACT,
            reason=reason,  # type: ignore[arg-type]
            waited=42.0,
        ),
    )


def test_a_bridged_call_was_answered_and_is_over() -> None:
    assert events(ENQUEUE, QueueResult="bridged") == (
        *first(READ_AT - 42_000),
        answer(READ_AT, None, 42.0),
        ended(READ_AT, None),
    )


def test_what_comes_out_of_a_spool_happened_when_it_came_in() -> None:
    payload, headers = body(ENQUEUE, QueueResult="bridged"), {"ce_time": b"2026-10-20T10:00:01.500Z"}
    late = PROVIDER.parse(payload, Context("main", headers, read_at=READ_AT + 7_200_000))
    assert late == parsed(payload)
    for bad in (b"", b"\xff", b"soon"):
        assert PROVIDER.parse(payload, Context("main", {"ce_time": bad}, read_at=READ_AT)) == parsed(payload)


def test_a_leg_that_leaves_enqueue_begins_nothing() -> None:
    made = events(ENQUEUE, QueueResult="hangup", CallSid=LEG, ParentCallSid=CALL)
    assert [(type(event), event.contact) for event in made if isinstance(event, ContactEvent)] == [
        (ContactLeftQueue, CONTACT)
    ]


def test_a_bridged_call_that_was_redirected_was_answered_and_transferred() -> None:
    assert events(ENQUEUE, QueueResult="redirected-from-bridged") == (
        *first(READ_AT - 42_000),
        answer(READ_AT, None, 42.0),
        ContactTransferred(
            id=event_id("main", CALL, "QU01", 42, "transferred"),
            time=from_ms(READ_AT),
            channel="phone",
            source="main",
            revision=1,
            contact=CONTACT,
        ),
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({**ENQUEUE, "QueueResult": "bridging-in-process"}, "bridging"),
        ({**ENQUEUE, "QueueResult": "teleported"}, "unknown_queue_result"),
        ({**ENQUEUE, "QueuePosition": "1"}, "queue_wait"),
        ({**INBOUND, "CallStatus": "teleported"}, "unknown_status"),
        ({**INBOUND, "Direction": "trunking-originating"}, "unknown_direction"),
        ({"CallSid": CALL, "RecordingSid": "RE01", "CallStatus": "in-progress", "Digits": "#"}, "recording"),
        ({**INBOUND, "RecordingSid": "RE01", "RecordingStatus": "completed"}, "recording"),
        ({"CallSid": CALL, "TranscriptionSid": "TR01", "RecordingSid": "RE01"}, "transcription"),
        ({"CallSid": CALL, "ConferenceSid": "CF01", "StatusCallbackEvent": "participant-hold"}, "conference"),
    ],
)
def test_what_is_not_counted_is_ignored_by_name(fields: dict[str, str], reason: str) -> None:
    assert parsed(body(fields)) == Ignored(reason)


def test_a_callback_that_comes_twice_says_the_same() -> None:
    payload = body(INBOUND, CallStatus="completed", CallDuration="154")
    assert parsed(payload) == parsed(payload)
    assert PROVIDER.identity(payload, {}) == f"{CALL}:0"


def test_in_whatever_order_callbacks_come_the_same_is_said() -> None:
    told = [
        body(INBOUND),
        body(CHILD, CallStatus="in-progress", Timestamp="Tue, 20 Oct 2026 10:00:20 +0000"),
        body(CHILD, CallStatus="completed", CallDuration="80", Timestamp="Tue, 20 Oct 2026 10:01:40 +0000"),
        body(INBOUND, CallStatus="completed", CallDuration="100", Timestamp="Tue, 20 Oct 2026 10:01:40 +0000"),
    ]
    last = []
    for order in permutations(told):
        stands: dict[str, AnyEvent] = {}
        for payload in order:
            result = parsed(payload)
            assert isinstance(result, Events)
            for event in result.events:
                if event.id not in stands or stands[event.id].revision < event.revision:
                    stands[event.id] = event
        last.append(stands)
    assert all(each == last[0] for each in last)
    assert list(last[0].values()) == [
        *first(AT),
        answer(AT + 20_000, "mia"),
        leg_ended(AT + 100_000),
        ended(AT + 100_000),
    ]


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "schema", "field CallStatus is missing or blank"),
        (b'{"CallStatus": "compl', "schema", "field CallStatus is missing or blank"),
        (b"CallStatus=\xff", "syntax", "no form in UTF-8: "),
        (b"CallStatus=%ff", "syntax", "no form in UTF-8: "),
        (body({**INBOUND, "CallSid": ""}), "identity", "field CallSid is missing or blank: "),
        (body({**INBOUND, "Direction": ""}), "schema", "field Direction is missing or blank"),
        (body({**INBOUND, "Timestamp": ""}), "time", "field Timestamp is missing or blank: "),
        (
            body({**INBOUND, "Timestamp": "1792490400"}),
            "time",
            "field Timestamp is '1792490400': a date as in RFC 5322",
        ),
        (body({**INBOUND, "Timestamp": "Sat, 01 Jan 9999 10:00:00 +0000"}), "time", "field Timestamp is 2533"),
        (body({**CHILD, "CallStatus": "completed", "CallDuration": "1.5"}), "schema", "field CallDuration is '1.5': "),
        (body({**CHILD, "CallStatus": "completed", "CallDuration": "9" * 15}), "time", "field Timestamp less CallDur"),
        (body({**ENQUEUE, "QueueResult": "hangup", "QueueSid": ""}), "identity", "field QueueSid is missing or blank"),
    ],
)
def test_what_cannot_be_read_says_what_is_wrong(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        parsed(payload)
    assert caught.value.reason == reason
    assert caught.value.message.startswith(message)


def test_callbacks_of_a_call_and_its_legs_share_a_key() -> None:
    assert PROVIDER.key(body(INBOUND), {}) == CALL.encode()
    assert PROVIDER.key(body(CHILD), {}) == CALL.encode()
    assert PROVIDER.key(b"\xff", {}) is None
    assert PROVIDER.channel_of(body(CHILD), {}) == "phone"


def test_without_a_sequence_number_a_request_is_named_by_its_token() -> None:
    assert PROVIDER.identity(body(ENQUEUE), {"i-twilio-idempotency-token": b"tok-1"}) == "tok-1"
    assert PROVIDER.identity(b"\xff", {}) is None


def test_the_answer_is_twiml_that_says_nothing() -> None:
    assert PROVIDER.taken.status == 200
    assert PROVIDER.taken.body == b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
    assert twilio_voice.PROVIDER.name == "twilio-voice"


@settings(max_examples=200)
@given(
    fields=st.sampled_from([INBOUND, {**CHILD, "CallDuration": "3"}, {**ENQUEUE, "QueueResult": "hangup"}]),
    changes=st.dictionaries(
        st.sampled_from([*CHILD, *ENQUEUE, "CallDuration"]),
        st.one_of(st.text(), st.sampled_from(["completed", "9" * 15])),
    ),
    cut=st.integers(0, 400),
    bytes_in=st.binary(max_size=3),
)
def test_whatever_comes_is_answered_or_malformed(
    fields: dict[str, str], changes: dict[str, str], cut: int, bytes_in: bytes
) -> None:
    payload = body(fields, **changes)
    for changed in (payload, payload[:cut] + bytes_in + payload[cut:], payload[:cut]):
        try:
            result = parsed(changed)
        except Malformed:
            continue
        assert isinstance(result, Events | Ignored)
