"""Twilio Event Streams: who may post, and batches of events of TaskRouter, Conversations and calls."""

import hashlib
import json
from itertools import permutations
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from twilio.request_validator import RequestValidator

from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed
from agents.intake.providers import twilio_conversations, twilio_taskrouter, twilio_voice
from agents.intake.providers._twilio import LARGEST_FORM
from agents.intake.providers.twilio_events import PROVIDER
from agents.intake.webhook import earliest
from schemas.events import (
    AgentStateChanged,
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEvent,
    ContactOffered,
    MessagePosted,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer, Delivery, NotGenuine
from tests.unit.vectors import vector

TOKEN = vector("twilio-json")["key"]
URL = "https://floor.example/hooks/twilio-events/main"
AT = 1_792_490_400_123
TIME = "2026-10-20T10:00:00.123Z"
TASK = "WT0123456789abcdef0123456789abcdef"
CONTACT = contact_id("main", TASK)
CONVERSATION = "CH0123456789abcdef0123456789abcdef"
CALL = "CA0123456789abcdef0123456789abcdef"
OF_TASK = {
    "task_sid": TASK,
    "task_age": 12,
    "task_priority": "5",
    "task_channel_unique_name": "voice",
    "task_attributes": '{"from":"+4930901820"}',
    "task_queue_name": "Support",
    "reservation_sid": "WR01",
    "worker_sid": "WK01",
    "worker_name": "mia",
    "worker_activity_name": "Break",
    "previous_task_queue_sid": None,
}
MESSAGE = {
    "AccountSid": "AC01",
    "Author": "+4930901820",
    "ParticipantSid": "MB01",
    "ConversationSid": CONVERSATION,
    "MessageSid": "IM01",
    "Index": 4,
    "MessageBody": "Grüße",
    "DateCreated": "2026-10-20T10:00:00.123Z",
}
STATUS = {
    "CallSid": CALL,
    "From": "+4930901820",
    "To": "+4930123456",
    "Direction": "inbound",
    "CallStatus": "ringing",
    "Timestamp": "Tue, 20 Oct 2026 10:00:00 +0000",
}


def event(kind: str, data: Any, name: str = "EZ01", **more: Any) -> dict[str, Any]:
    said = {"specversion": "1.0", "type": f"com.twilio.{kind}", "id": name, "time": TIME, "data": data}
    return {**said, "source": "/v1/things", "dataschema": "https://schemas.example/1", **more}


def of_task(kind: str, sid: str = "EV01", timestamp: str | None = TIME, **more: Any) -> dict[str, Any]:
    data = {"sid": sid, "timestamp": timestamp, "payload_type": "x", "payload": {**OF_TASK, **more}}
    return event(f"taskrouter.{kind}", data)


def of_call(kind: str, **more: Any) -> dict[str, Any]:
    return event(
        f"voice.status-callback.call.{kind}", {"request": {"method": "POST", "parameters": {**STATUS, **more}}}
    )


def body(*events: Any) -> bytes:
    return json.dumps(events).encode()


def parsed(payload: bytes) -> Parsed:
    return PROVIDER.parse(payload, Context("main", {}, read_at=AT, settings={"staff": "mia", "activities": "Lab=away"}))


def told(*events: Any) -> tuple[AnyEvent, ...]:
    result = parsed(body(*events))
    assert isinstance(result, Events)
    assert result.faults == ()
    return result.events


def delivery(payload: bytes, signature: str | None, url: str) -> Delivery:
    headers = {"content-type": "application/json"}
    if signature is not None:
        headers["x-twilio-signature"] = signature
    return Delivery("POST", url, tuple(parse_qsl(urlsplit(url).query)), headers, payload, AT)


def of_vector() -> Delivery:
    block = vector("twilio-json")
    return delivery(block["body"].encode(), block["expected"], block["url"])


def verify(request: Delivery, *tokens: str) -> None:
    PROVIDER.verify(request, {"auth_token": tokens or (TOKEN,)})


CREATED = ContactCreated(
    id=event_id("main", CONTACT, "created"),
    time=from_ms(AT),
    channel="phone",
    source="main",
    contact=CONTACT,
    queue="Support",
    identifiers=("tel:+4930901820",),
    revision=earliest(AT),
    priority="5",
)
OFFERED = ContactOffered(
    id=event_id("main", "EV01", "offered"),
    time=from_ms(AT),
    channel="phone",
    source="main",
    contact=CONTACT,
    queue="Support",
    identifiers=("tel:+4930901820",),
    revision=1,
)
ANSWERED = ContactAnswered(
    id=event_id("main", "WR01", "answered"),
    time=from_ms(AT),
    channel="phone",
    source="main",
    contact=CONTACT,
    queue="Support",
    agent="mia",
    revision=1,
)


def test_the_vector_is_genuine_with_either_of_two_tokens() -> None:
    verify(of_vector())
    verify(of_vector(), "fwnew", TOKEN)
    verify(of_vector(), TOKEN, "fwnew")


def test_what_twilios_own_library_signs_is_genuine() -> None:
    payload = body(of_task("task.created"))
    url = f"{URL}?site=berlin&bodySHA256={hashlib.sha256(payload).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    assert RequestValidator(TOKEN).validate(url, payload.decode(), signature)
    verify(delivery(payload, signature, url))


@pytest.mark.parametrize("signature", ["", None])
def test_a_missing_signature_is_not_genuine(signature: str | None) -> None:
    request = of_vector()
    with pytest.raises(NotGenuine, match=r"^no header x-twilio-signature$"):
        verify(delivery(request.body, signature, request.url))


def test_another_body_signature_or_token_is_not_genuine() -> None:
    request = of_vector()
    with pytest.raises(NotGenuine, match=r"^bodySHA256 is not the digest of the body$"):
        verify(request._replace(body=request.body + b" "))
    for wrong in (delivery(request.body, "cxcwT+bNYKwqufMJ/JpOEzB2WYX=", request.url), request):
        with pytest.raises(NotGenuine, match=r"^X-Twilio-Signature is of another"):
            verify(wrong, *(() if wrong is not request else ("fw1123456789abcdef0123456789abcd",)))


def test_json_that_is_signed_without_its_digest_is_not_genuine() -> None:
    payload = body(of_task("task.created"))
    with pytest.raises(NotGenuine):
        verify(delivery(payload, RequestValidator(TOKEN).compute_signature(URL, {}), URL))


def test_a_large_body_without_its_digest_in_the_address_is_refused_unread() -> None:
    form = b"a=1&" * (LARGEST_FORM // 4) + b"b=2"
    signature = RequestValidator(TOKEN).compute_signature(URL, {"a": "1", "b": "2"})
    with pytest.raises(NotGenuine, match=r"^a body of over 262,144 bytes needs bodySHA256 in the address$"):
        verify(delivery(form, signature, URL))


def test_nothing_is_timed_and_there_is_no_handshake() -> None:
    verify(of_vector()._replace(at=AT + 30 * 86_400_000))
    assert PROVIDER.greet(of_vector(), {"auth_token": (TOKEN,)}) is None


def test_it_sends_again_and_takes_an_answer_of_five_seconds() -> None:
    assert (PROVIDER.tries_again, PROVIDER.seconds, PROVIDER.taken) == (True, 5.0, Answer())
    assert (PROVIDER.content_type, PROVIDER.setting_names) == (b"application/json", ("activities", "staff"))


def test_a_queue_is_entered_and_a_reservation_accepted() -> None:
    assert told(of_task("task-queue.entered"), of_task("reservation.accepted")) == (CREATED, OFFERED, CREATED, ANSWERED)


@pytest.mark.parametrize("kind", sorted(twilio_taskrouter.TASK_EVENTS))
def test_every_event_of_a_task_says_what_its_callback_says(kind: str) -> None:
    names = {
        "task_sid": "TaskSid",
        "task_priority": "TaskPriority",
        "task_channel_unique_name": "TaskChannelUniqueName",
    }
    names |= {"task_attributes": "TaskAttributes", "task_queue_name": "TaskQueueName", "worker_name": "WorkerName"}
    names |= {"reservation_sid": "ReservationSid", "worker_sid": "WorkerSid"}
    fields = {names[name]: str(value) for name, value in OF_TASK.items() if name in names}
    form = urlencode({**fields, "EventType": kind, "Sid": "EV01", "TimestampMs": AT}).encode()
    assert parsed(body(of_task(kind))) == twilio_taskrouter.PROVIDER.parse(form, Context("main", {}, read_at=AT))


def test_an_agents_activity_is_a_state() -> None:
    state = AgentStateChanged(
        id=event_id("main", "EV01", "state"),
        time=from_ms(AT),
        channel="phone",
        source="main",
        revision=1,
        agent="mia",
        state="away",
        reason="Break",
    )
    assert told(of_task("worker.activity.update")) == (state,)


def test_without_a_time_or_sid_of_its_own_the_events_count() -> None:
    lone = of_task("task-queue.entered", timestamp=None)
    del lone["data"]["sid"]
    expected = replace(OFFERED, id=event_id("main", "EZ01", "offered"))
    assert told(lone) == (CREATED, expected)


def test_attributes_that_came_as_an_object_are_read_as_well() -> None:
    assert told(of_task("task.created", task_attributes={"from": "+4930901820"})) == (CREATED,)


def test_a_message_says_what_its_webhook_says() -> None:
    form = {**MESSAGE, "EventType": "onMessageAdded", "Body": "Grüße", "Source": "SMS"}
    said = twilio_conversations.PROVIDER.parse(urlencode(form).encode(), Context("main", {}, read_at=AT))
    assert parsed(body(event("conversations.message.added", MESSAGE))) == said
    assert isinstance(said, Events)
    posted = said.events[-1]
    assert isinstance(posted, MessagePosted)
    assert (posted.author, posted.length, posted.channel) == ("customer", 5, "chat")


@pytest.mark.parametrize(
    ("author", "participant", "role"),
    [("mia", "MB02", "agent"), ("mia", "", "agent"), ("shop-bot", "", "bot"), ("system", "", "system")],
)
def test_who_is_no_participant_wrote_over_the_rest_api(author: str, participant: str, role: str) -> None:
    (posted, *_) = told(
        event("conversations.message.added", MESSAGE | {"Author": author, "ParticipantSid": participant})
    )
    assert isinstance(posted, MessagePosted)
    assert posted.author == role


@pytest.mark.parametrize(
    ("kind", "word", "data"),
    [
        ("conversation.added", "onConversationAdded", {"DateCreated": TIME}),
        ("participant.added", "onParticipantAdded", {"DateCreated": TIME, "Identity": "mia", "ParticipantSid": "MB1"}),
        (
            "conversation-state.updated",
            "onConversationStateUpdated",
            {"StateUpdated": TIME, "StateFrom": "active", "StateTo": "closed"},
        ),
    ],
)
def test_other_events_of_a_conversation_say_what_their_webhook_says(kind: str, word: str, data: dict[str, str]) -> None:
    fields = {"ConversationSid": CONVERSATION, **data}
    form = urlencode({**fields, "EventType": word}).encode()
    context = Context("main", {}, read_at=AT, settings={"staff": "mia"})
    said = twilio_conversations.PROVIDER.parse(form, context)
    assert isinstance(said, Events)
    assert parsed(body(event(f"conversations.{kind}", fields))) == said


@pytest.mark.parametrize(
    ("kind", "status"), [("ringing", "ringing"), ("answered", "in-progress"), ("completed", "busy")]
)
def test_a_status_of_a_call_says_what_its_callback_says(kind: str, status: str) -> None:
    form = urlencode({**STATUS, "CallStatus": status}).encode()
    said = twilio_voice.PROVIDER.parse(form, Context("main", {}, read_at=AT))
    assert isinstance(said, Events)
    assert parsed(body(of_call(kind, CallStatus=status))) == said
    assert parsed(body(of_call(kind, CallStatus=status, Timestamp=None))) == said


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("taskrouter.task.updated", {}, "property"),
        ("taskrouter.task.folded", {}, "unknown_type"),
        ("taskrouter.workflow.created", {}, "configuration"),
        ("conversations.message.removed", MESSAGE, "deleted"),
        ("conversations.user.added", {}, "property"),
        ("conversations.cart.added", {}, "unknown_type"),
        ("voice.status-callback.conference.participant.updated", {}, "other_product"),
        ("messaging.message.sent", {}, "other_product"),
    ],
)
def test_what_is_not_counted_is_ignored(kind: str, data: dict[str, Any], reason: str) -> None:
    if kind.startswith("taskrouter"):
        data = {"sid": "EV01", "timestamp": TIME, "payload": data}
    assert parsed(body(event(kind, data))) == Ignored(reason)


def test_an_event_that_is_not_twilios_is_ignored() -> None:
    assert parsed(body({"type": "org.example.thing"})) == Ignored("unknown_type")
    assert parsed(b"[]") == Ignored("empty_batch")


def test_an_event_by_itself_is_a_batch_of_one() -> None:
    assert parsed(b" " + json.dumps(of_task("task-queue.entered")).encode()) == Events((CREATED, OFFERED))


def test_a_batch_that_comes_twice_says_the_same_and_has_no_id_of_its_own() -> None:
    payload = body(of_task("task-queue.entered"), event("conversations.message.added", MESSAGE))
    assert parsed(payload) == parsed(payload)
    assert PROVIDER.identity(payload, {}) is None
    assert PROVIDER.identity(payload, {"i-twilio-idempotency-token": b"tok-1"}) == "tok-1"


def test_in_whatever_order_events_come_the_same_is_said() -> None:
    kinds = ("task-queue.entered", "task.created", "reservation.accepted", "task.wrapup", "reservation.completed")
    events = [of_task(k, f"EV{n}", f"2026-10-20T10:00:0{n}.000Z") for n, k in enumerate(kinds)]
    batches = [body(*order) for order in permutations(events)]
    ids = [frozenset((each.id, each.revision) for each in parsed(batch)[0]) for batch in batches]  # type: ignore[union-attr]
    assert set(ids) == {ids[0]}
    assert len(ids[0]) == 10


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (7, Fault("schema", "in `$[0]`: Expected `object`, got `int`")),
        ({}, Fault("schema", "in `$[0]`: Object missing required field `type`")),
        (
            of_task("task.created", task_sid=None),
            Fault("identity", "in `$[0]`: field TaskSid is missing or blank: nobody can say what this is about"),
        ),
        (
            of_task("task.created", timestamp="soon"),
            Fault("time", "`$[0].data.timestamp` is 'soon': an instant as 2026-10-20T10:00:00.000Z is expected"),
        ),
        (
            event("taskrouter.task.created", {"payload": []}),
            Fault("schema", "in `$[0].data`: Expected `object`, got `array` - at `$.payload`"),
        ),
        (
            event("conversations.message.added", MESSAGE | {"DateCreated": "now"}),
            Fault("time", "in `$[0]`: field DateCreated is 'now': an instant as in ISO 8601 is expected"),
        ),
        (
            of_call("ringing", CallStatus=""),
            Fault("schema", "in `$[0]`: field CallStatus is missing or blank"),
        ),
    ],
)
def test_an_event_that_cannot_be_read_takes_nothing_from_the_others(bad: Any, fault: Fault) -> None:
    assert parsed(body(bad, of_task("task-queue.entered"))) == Events((CREATED, OFFERED), (fault,))
    with pytest.raises(Malformed) as caught:
        parsed(body(bad))
    assert (caught.value.reason, caught.value.message) == fault


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no JSON: "),
        (body(of_task("task.created"))[:-5], "syntax", "no JSON: "),
        (b'"x"', "schema", "Expected `array`"),
        (b"7", "schema", "Expected `array`"),
        (b"[{\xff}]", "syntax", "no JSON: "),
        (body(of_task("task.created")).replace(b"mia", b"\xff"), "syntax", "in `$[0]"),
        (b"[" * 100_000, "syntax", "no JSON: "),
        (b'{"type": 1}', "schema", "in `$[0]`: Expected `str`, got `int` - at `$.type`"),
        (b'[{"type":"com.twilio.taskrouter.task.created","id":"\\ud800"}]', "syntax", "no JSON: "),
    ],
)
def test_what_cannot_be_read_says_what_is_wrong(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        parsed(payload)
    assert caught.value.reason == reason
    assert caught.value.message.startswith(message)


def test_a_batch_goes_where_its_first_event_belongs() -> None:
    message = event("conversations.message.added", MESSAGE)
    assert PROVIDER.channel_of(body(message, of_task("task.created")), {}) == "chat"
    assert PROVIDER.channel_of(body(of_task("task.created"), message), {}) == "phone"
    assert [PROVIDER.channel_of(bad, {}) for bad in (b"", b"[]", b"[7]", b"\xff", b"7")] == ["phone"] * 5
    assert PROVIDER.key(body(message), {}) is None


VALID = body(of_task("reservation.accepted"), event("conversations.message.added", MESSAGE), of_call("completed"))


@settings(max_examples=200)
@given(st.integers(0, len(VALID)), st.integers(0, 12), st.binary(max_size=6))
def test_whatever_comes_is_answered_or_malformed(at: int, gone: int, new: bytes) -> None:
    changed = VALID[:at] + new + VALID[at + gone :]
    PROVIDER.channel_of(changed, {})
    try:
        result = parsed(changed)
    except Malformed:
        return
    assert isinstance(result, Events | Ignored)
    if isinstance(result, Events):
        assert all(each.contact for each in result.events if isinstance(each, ContactEvent))
