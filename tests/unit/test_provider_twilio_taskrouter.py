"""Twilio TaskRouter: every row of its events' table, agents' activities, and a task told in any order."""

import json
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contacts.contact import Contact
from agents.contacts.learning import learn
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.twilio_taskrouter import IGNORED, PROVIDER, TASK_EVENTS
from agents.intake.webhook import earliest
from schemas.events import (
    AgentStateChanged,
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactEvent,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    ContactTransferred,
    ContactWrapupEnded,
    ContactWrapupStarted,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer

TASK = "WT0123456789abcdef0123456789abcdef"
EVENT = "EV0123456789abcdef0123456789abcdef"
CONTACT = contact_id("main", TASK)
AT = 1_792_490_400_123
CALLER = ("tel:+4930901820",)
OF_TASK = {
    "EventType": "task.created",
    "Sid": EVENT,
    "AccountSid": "AC01",
    "WorkspaceSid": "WS01",
    "Timestamp": "1792490401",
    "TimestampMs": str(AT),
    "TaskSid": TASK,
    "TaskAge": "12",
    "TaskPriority": "5",
    "TaskChannelUniqueName": "voice",
    "TaskAttributes": '{"from":"+4930901820","call_sid":"CA01"}',
    "TaskQueueSid": "WQ01",
    "TaskQueueName": "Support",
}
OF_AGENT = {**OF_TASK, "WorkerSid": "WK01", "WorkerName": "mia", "ReservationSid": "WR01"}
ACTIVITY = {
    "EventType": "worker.activity.update",
    "Sid": EVENT,
    "TimestampMs": str(AT),
    "WorkerSid": "WK01",
    "WorkerName": "mia",
    "WorkerActivityName": "Available",
    "WorkerPreviousActivityName": "Break",
}


def body(fields: dict[str, str], kind: str, **more: str) -> bytes:
    return urlencode({**fields, "EventType": kind, **more}).encode()


def parsed(payload: bytes, region: str | None = None, **setting: str) -> Parsed:
    return PROVIDER.parse(payload, Context("main", {}, read_at=AT, region=region, settings=setting))


def events(fields: dict[str, str], kind: str, **more: str) -> tuple[AnyEvent, ...]:
    result = parsed(body(fields, kind, **more))
    assert isinstance(result, Events)
    return result.events


def common(**more: Any) -> dict[str, Any]:
    said = {"time": from_ms(AT), "channel": "phone", "source": "main", "contact": CONTACT, "queue": "Support"}
    return {**said, "revision": 1, **more}


def created(**more: Any) -> ContactCreated:
    said = common(id=event_id("main", CONTACT, "created"), revision=earliest(AT), identifiers=CALLER, priority="5")
    return ContactCreated(**{**said, **more})


def ended(**more: Any) -> ContactEnded:
    return ContactEnded(**common(id=event_id("main", CONTACT, "ended"), revision=earliest(AT), **more))


def test_a_task_is_created() -> None:
    assert events(OF_TASK, "task.created") == (created(),)


def test_a_queue_is_entered() -> None:
    offered = ContactOffered(**common(id=event_id("main", EVENT, "offered"), identifiers=CALLER))
    assert events(OF_TASK, "task-queue.entered") == (created(), offered)


@pytest.mark.parametrize("kind", ["task-queue.timeout", "workflow.timeout"])
def test_a_timeout_leaves_the_queue(kind: str) -> None:
    left = ContactLeftQueue(**common(id=event_id("main", EVENT, "left_queue"), reason="timeout"))
    assert events(OF_TASK, kind) == (created(), left)


def test_a_task_that_is_moved_leaves_its_queue_for_another() -> None:
    left = ContactLeftQueue(**common(id=event_id("main", EVENT, "left_queue"), queue=None, reason="transfer_out"))
    assert events(OF_TASK, "task-queue.moved") == (created(), left)


def test_an_accepted_reservation_is_the_answer() -> None:
    answered = ContactAnswered(**common(id=event_id("main", "WR01", "answered"), agent="mia"))
    assert events(OF_AGENT, "reservation.accepted") == (created(), answered)


@pytest.mark.parametrize(("kind", "reason"), [("reservation.timeout", "missed"), ("reservation.rejected", "rejected")])
def test_a_reservation_that_was_not_taken_is_an_offer_declined(kind: str, reason: str) -> None:
    declined = ContactOfferDeclined(**common(id=event_id("main", EVENT, "declined"), agent="mia", reason=reason))
    assert events(OF_AGENT, kind) == (created(), declined)


@pytest.mark.parametrize(("mode", "said"), [("WARM", "attended"), ("COLD", "blind"), ("", "blind")])
def test_a_transfer_is_told_when_it_begins(mode: str, said: str) -> None:
    transferred = ContactTransferred(
        **common(id=event_id("main", "WR01", "transferred"), revision=AT, queue=None, mode=said, to="WQ02")
    )
    made = events(OF_AGENT, "task.transfer-initiated", TransferMode=mode, TransferTo="WQ02")
    assert made == (created(), transferred)


UNDONE = ("task.transfer-failed", "task.transfer-canceled")


@pytest.mark.parametrize("kind", UNDONE)
def test_a_transfer_that_came_to_nothing_is_taken_back(kind: str) -> None:
    declined = ContactOfferDeclined(
        **common(id=event_id("main", "WR01", "transferred"), revision=AT + 1, queue=None, reason="missed")
    )
    assert events(OF_AGENT, kind) == (created(), declined)
    # The worker and the reservation may be those that it was to go to.
    to = {"WorkerName": "tom", "ReservationSid": "WR02", "TransferInitiatingReservationSid": "WR01"}
    assert events(OF_AGENT, kind, **to) == (created(), declined)


@pytest.mark.parametrize("kind", UNDONE)
def test_who_could_not_transfer_still_has_the_contact(kind: str) -> None:
    told = (
        ("task-queue.entered", 0),
        ("reservation.accepted", 10),
        ("task.transfer-initiated", 60),
        (kind, 60),
        ("task.transfer-initiated", 80),
        (kind, 90),
        ("task.wrapup", 610),
    )
    payloads = [body(OF_AGENT, k, Sid=f"EV{n}", TimestampMs=str(AT + s * 1_000)) for n, (k, s) in enumerate(told)]
    for order in permutations(payloads[1:]):
        contact = Contact("phone")
        for payload in (payloads[0], *order):
            said = parsed(payload)
            assert isinstance(said, Events)
            learn(contact, [each for each in said.events if isinstance(each, ContactEvent)], lambda *_: 86_400_000)
        (offer,) = contact.offers
        assert (offer.agent, offer.handle_time, contact.transfers) == ("mia", 600_000, 0)


def test_the_transfer_after_one_that_failed_stands() -> None:
    kinds = ("task.transfer-initiated", "task.transfer-failed", "task.transfer-initiated")
    said = [events(OF_AGENT, kind, TimestampMs=str(AT + n * 1_000))[1] for n, kind in enumerate(kinds)]
    assert len({each.id for each in said}) == 1
    assert max(said, key=lambda each: each.revision) == said[2]


def test_wrap_up_begins_when_the_conversation_ends() -> None:
    started = ContactWrapupStarted(**common(id=event_id("main", EVENT, "wrapup_started")))
    assert events(OF_TASK, "task.wrapup") == (created(), ended(), started)


def test_wrap_up_ends_with_the_reservation() -> None:
    over = ContactWrapupEnded(**common(id=event_id("main", EVENT, "wrapup_ended"), agent="mia"))
    assert events(OF_AGENT, "reservation.completed") == (created(), over)


def test_a_completed_task_has_ended() -> None:
    assert events(OF_TASK, "task.completed") == (created(), ended())


@pytest.mark.parametrize(
    ("reason", "by"),
    [("hangup", "customer"), ("Caller hung up", "customer"), ("Task TTL Exceeded", None), ("", None)],
)
def test_a_canceled_task_has_ended_by_the_customer_where_it_says_so(reason: str, by: str | None) -> None:
    assert events(OF_TASK, "task.canceled", TaskCanceledReason=reason) == (created(), ended(by=by))


@pytest.mark.parametrize(
    ("activity", "state"),
    [
        ("Available", "available"),
        ("idle", "available"),
        ("Busy", "on_contact"),
        ("Reserved", "on_contact"),
        ("Wrap Up", "wrap_up"),
        ("Break", "away"),
        ("Unavailable", "away"),
        ("Offline", "offline"),
        ("Stock-taking", "away"),
    ],
)
def test_an_agents_activity_is_a_state(activity: str, state: str) -> None:
    assert events(ACTIVITY, "worker.activity.update", WorkerActivityName=activity) == (
        AgentStateChanged(
            id=event_id("main", EVENT, "state"),
            time=from_ms(AT),
            channel="phone",
            source="main",
            revision=1,
            agent="mia",
            state=state,  # type: ignore[arg-type]
            reason=activity,
        ),
    )


def test_the_setting_names_more_activities_and_wins() -> None:
    setting = {"activities": "Back Office=available, busy=away,"}
    for activity, state in (("back office", "available"), ("Busy", "away"), ("Offline", "offline")):
        result = parsed(body(ACTIVITY, "worker.activity.update", WorkerActivityName=activity), **setting)
        assert isinstance(result, Events)
        (event,) = result.events
        assert isinstance(event, AgentStateChanged)
        assert event.state == state


@pytest.mark.parametrize("setting", ["Break", "Break=", "=away", "Break=asleep"])
def test_a_setting_that_says_no_state_is_malformed(setting: str) -> None:
    with pytest.raises(Malformed, match=r"^setting activities has .*: Name=state is expected, one of available, ") as e:
        parsed(body(ACTIVITY, "worker.activity.update"), activities=setting)
    assert e.value.reason == "rule"


@pytest.mark.parametrize(("kind", "reason"), sorted(IGNORED.items()))
def test_what_is_not_counted_is_ignored_by_name(kind: str, reason: str) -> None:
    assert parsed(body(OF_AGENT, kind)) == Ignored(reason)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("activity.created", "configuration"),
        ("workflow.updated", "configuration"),
        ("task-queue.expression.updated", "configuration"),
        ("task.teleported", "unknown_type"),
    ],
)
def test_what_nobody_knows_is_ignored(kind: str, reason: str) -> None:
    assert parsed(body(OF_TASK, kind)) == Ignored(reason)


@pytest.mark.parametrize(
    ("attributes", "identifiers"),
    [
        ({"from": "+4930901820", "email": "Tom.Ode@Example.COM"}, ("mailto:tom.ode@example.com", "tel:+4930901820")),
        ({"from": "tom@example.com"}, ("mailto:tom@example.com",)),
        ({"customerAddress": "whatsapp:+4930901820", "from": "+4930901820"}, CALLER),
        ({"from": "client:tom", "email": "none"}, ()),
        ({"from": "anonymous"}, ()),
        ({"from": 4930901820, "email": ["tom@example.com"]}, ()),
        ({}, ()),
        ([], ()),
    ],
)
def test_the_customer_is_what_the_flow_says(attributes: object, identifiers: tuple[str, ...]) -> None:
    assert events(OF_TASK, "task.created", TaskAttributes=json.dumps(attributes)) == (created(identifiers=identifiers),)


@pytest.mark.parametrize("attributes", ["", '{"from":', '{"from":"\\ud800"}', "[" * 5_000])
def test_attributes_that_nobody_can_read_name_nobody(attributes: str) -> None:
    assert events(OF_TASK, "task.created", TaskAttributes=attributes) == (created(identifiers=()),)


def test_an_outbound_task_is_for_whom_it_calls() -> None:
    said = json.dumps({"direction": "outbound", "from": "+4930123456", "outbound_to": "+4930901820"})
    assert events(OF_TASK, "task.created", TaskAttributes=said) == (created(direction="outbound"),)


OF_WAITS = frozenset(TASK_EVENTS) - {"task.created", "task.wrapup", "task.completed", "task.canceled"}


def test_nobody_waits_in_a_call_of_ours() -> None:
    ours = {"TaskAttributes": json.dumps({"direction": "outbound", "outbound_to": "+4930901820"})}
    there = created(direction="outbound")
    for kind in sorted(OF_WAITS):
        assert events(OF_AGENT, kind, **ours) == (there,)
    for kind in ("task.wrapup", "task.completed"):
        assert events(OF_TASK, kind, **ours) == (there, ended())


def test_a_customer_who_answers_a_message_of_ours_waits() -> None:
    ours = {"TaskAttributes": '{"direction":"outbound","outbound_to":"+4930901820"}', "TaskChannelUniqueName": "sms"}
    offered = ContactOffered(**common(id=event_id("main", EVENT, "offered"), identifiers=CALLER, channel="chat"))
    assert events(OF_TASK, "task-queue.entered", **ours) == (created(direction="outbound", channel="chat"), offered)


def test_a_number_without_a_country_is_dialled_where_the_source_is() -> None:
    result = parsed(body(OF_TASK, "task.created", TaskAttributes='{"from":"030 901820"}'), region="DE")
    assert result == Events((created(),))


@pytest.mark.parametrize(
    ("name", "channel"), [("voice", "phone"), ("Chat", "chat"), ("sms", "chat"), ("email", "email"), ("", "phone")]
)
def test_the_channel_is_the_tasks(name: str, channel: str) -> None:
    payload = body(OF_TASK, "task.created", TaskChannelUniqueName=name)
    assert PROVIDER.channel_of(payload, {}) == channel
    assert parsed(payload) == Events((created(channel=channel),))


def test_without_names_queue_and_agent_are_their_sids() -> None:
    answered = ContactAnswered(**common(id=event_id("main", "WR01", "answered"), agent="WK01", queue="WQ01"))
    made = events(OF_AGENT, "reservation.accepted", TaskQueueName="", WorkerName="")
    assert made == (created(queue="WQ01"), answered)


def test_without_milliseconds_the_second_counts() -> None:
    at = 1_792_490_401_000
    made = events(OF_TASK, "task.created", TimestampMs="")
    assert made == (created(time=from_ms(at), revision=earliest(at)),)


def test_an_event_that_comes_twice_says_the_same() -> None:
    payload = body(OF_AGENT, "reservation.accepted")
    assert parsed(payload) == parsed(payload)
    assert PROVIDER.identity(payload, {"i-twilio-idempotency-token": b"tok-1"}) == EVENT


def test_in_whatever_order_events_come_the_same_is_said() -> None:
    kinds = ("task-queue.entered", "task.created", "reservation.accepted", "task.wrapup", "task.completed")
    told = [body(OF_AGENT, k, Sid=f"EV{n}", TimestampMs=str(AT + n * 1_000)) for n, k in enumerate(kinds)]
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
    assert {(type(event), event.time) for event in last[0].values()} == {
        (ContactCreated, from_ms(AT)),
        (ContactOffered, from_ms(AT)),
        (ContactAnswered, from_ms(AT + 2_000)),
        (ContactEnded, from_ms(AT + 3_000)),
        (ContactWrapupStarted, from_ms(AT + 3_000)),
    }


@pytest.mark.parametrize("kind", sorted(TASK_EVENTS))
def test_every_event_of_a_task_brings_its_creation_along(kind: str) -> None:
    made = events(OF_AGENT, kind)
    assert made[0] == created()
    assert {event.contact for event in made if isinstance(event, ContactEvent)} == {CONTACT}


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "schema", "field EventType is missing or blank"),
        (b'{"EventType": "task.cre', "schema", "field EventType is missing or blank"),
        (b"EventType=\xff", "syntax", "no form in UTF-8: "),
        (body(OF_TASK, "task.created", Sid=""), "identity", "field Sid is missing or blank: "),
        (body(OF_TASK, "task.created", TaskSid=""), "identity", "field TaskSid is missing or blank: "),
        (body(OF_TASK, "reservation.accepted"), "identity", "field ReservationSid is missing or blank: "),
        (body(OF_TASK, "task.created", TimestampMs="", Timestamp=""), "time", "fields TimestampMs and Timestamp are "),
        (body(OF_TASK, "task.created", TimestampMs="soon"), "schema", "field TimestampMs is 'soon': a whole number"),
        (body(OF_TASK, "task.created", TimestampMs="9" * 15), "time", "field TimestampMs is 999999999999999 ms since"),
        (body(ACTIVITY, "worker.activity.update", WorkerActivityName=""), "schema", "field WorkerActivityName is "),
        (
            body(ACTIVITY, "worker.activity.update", WorkerName="", WorkerSid=""),
            "identity",
            "field WorkerSid is missing or blank: ",
        ),
    ],
)
def test_what_cannot_be_read_says_what_is_wrong(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        parsed(payload)
    assert caught.value.reason == reason
    assert caught.value.message.startswith(message)


def test_the_answer_is_204_as_json() -> None:
    assert PROVIDER.taken == Answer(status=204, body=b"", content_type="application/json")


def test_events_of_a_task_share_a_key_and_those_of_a_worker() -> None:
    assert PROVIDER.key(body(OF_AGENT, "reservation.accepted"), {}) == TASK.encode()
    assert PROVIDER.key(body(ACTIVITY, "worker.activity.update"), {}) == b"WK01"
    assert PROVIDER.key(b"\xff", {}) is None


@settings(max_examples=200)
@given(
    kind=st.sampled_from([*TASK_EVENTS, "worker.activity.update"]),
    changes=st.dictionaries(st.sampled_from([*OF_AGENT, *ACTIVITY]), st.text()),
    cut=st.integers(0, 400),
    bytes_in=st.binary(max_size=3),
)
def test_whatever_comes_is_answered_or_malformed(kind: str, changes: dict[str, str], cut: int, bytes_in: bytes) -> None:
    payload = body({**OF_AGENT, **ACTIVITY, **changes}, kind)
    for changed in (payload, payload[:cut] + bytes_in + payload[cut:], payload[:cut]):
        try:
            result = parsed(changed)
        except Malformed:
            continue
        assert isinstance(result, Events | Ignored)
