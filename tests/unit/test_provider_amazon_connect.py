"""Amazon Connect: the API key, two ways of delivery, and events, records and agents that tell of the same contact."""

import base64
import json
import random
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.contacts.contact import Contact
from agents.contacts.learning import learn
from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed
from agents.intake.providers._connect_webhook import ConnectWebhook
from agents.intake.providers.amazon_connect import IGNORED, OTHER_LINKS, PROVIDERS
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
    ContactLeftIvr,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    ContactTransferred,
    ContactWrapupEnded,
    ContactWrapupStarted,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer, Delivery, NotGenuine

CONTACTS, RECORDS, AGENTS = PROVIDERS
KEY = "connect-key-fw-01"
ACCOUNT = "111122223333"
SCOPE = f"amazon-connect:{ACCOUNT}"
CONTACT = contact_id(SCOPE, "c0")
ARN = f"arn:aws:connect:eu-central-1:{ACCOUNT}:instance/i1"
NAMES = "q1=Support,a1=mia"
AT = 1_792_490_280_000
"""2026-10-20T09:58:00Z"""
READ_AT = AT + 3_600_000
CALLER = ("tel:+4930901820",)
UNSET = "1970-01-01T00:00:00.001Z"


def iso(seconds: float) -> str:
    return from_ms(AT + round(seconds * 1000)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


QUEUED = {"queueArn": f"{ARN}/queue/q1", "queueType": "STANDARD", "enqueueTimestamp": iso(30)}
ANSWERED = {"agentArn": f"{ARN}/agent/a1", "connectedToAgentTimestamp": iso(120)}
AFTER = {"afterContactWorkStartTimestamp": iso(360), "afterContactWorkEndTimestamp": iso(405)}
INBOUND = {
    "contactId": "c0",
    "channel": "VOICE",
    "instanceArn": ARN,
    "initiationMethod": "INBOUND",
    "initiationTimestamp": iso(0),
    "customerEndpoint": {"address": "+4930901820", "type": "TELEPHONE_NUMBER"},
}
SECOND = {
    **INBOUND,
    "contactId": "c1",
    "initialContactId": "c0",
    "previousContactId": "c0",
    "initiationMethod": "TRANSFER",
    "initiationTimestamp": iso(300),
}
RECORD = {
    "AWSAccountId": ACCOUNT,
    "ContactId": "c0",
    "InitialContactId": None,
    "PreviousContactId": None,
    "NextContactId": None,
    "Channel": "VOICE",
    "InitiationMethod": "INBOUND",
    "InitiationTimestamp": "2026-10-20T09:58:00Z",
    "DisconnectTimestamp": "2026-10-20T10:04:00Z",
    "DisconnectReason": "CUSTOMER_DISCONNECT",
    "CustomerEndpoint": {"Address": "+4930901820", "Type": "TELEPHONE_NUMBER"},
    "Queue": {"ARN": f"{ARN}/queue/q1", "Name": "Support", "EnqueueTimestamp": "2026-10-20T09:58:30Z", "Duration": 90},
    "Agent": {
        "ARN": f"{ARN}/agent/a1",
        "ConnectedToAgentTimestamp": "2026-10-20T10:00:00Z",
        "AgentInteractionDuration": 210,
        "CustomerHoldDuration": "30",
        "AfterContactWorkStartTimestamp": "2026-10-20T10:04:00Z",
        "AfterContactWorkEndTimestamp": "2026-10-20T10:04:45Z",
        "AfterContactWorkDuration": 45,
    },
    "TransferCompletedTimestamp": None,
    "Attributes": {"order": "77"},
    "LastUpdateTimestamp": "2026-10-20T10:05:10Z",
}
UPDATED = AT + 430_000
STATUS = {"ARN": f"{ARN}/agent-state/s1", "Name": "Available", "StartTimestamp": iso(-60), "Type": "ROUTABLE"}
HELD = {
    "ContactId": "c0",
    "InitialContactId": None,
    "Channel": "VOICE",
    "InitiationMethod": "INBOUND",
    "State": "CONNECTED",
    "StateStartTimestamp": iso(120),
    "Queue": {"ARN": f"{ARN}/queue/q1", "Name": "Support"},
}


def live(kind: str, detail: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    said = {**(INBOUND if detail is None else detail), "eventType": kind, **more}
    envelope = {"version": "0", "id": f"eb-{kind}", "detail-type": "Amazon Connect Contact Event", "account": ACCOUNT}
    return {**envelope, "source": "aws.connect", "time": "2026-10-20T10:06:00Z", "detail": said}


def record(**more: Any) -> dict[str, Any]:
    return {**RECORD, **more}


def snapshot(*contacts: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"AgentStatus": {**STATUS, **status}, "Configuration": {"Username": "mia"}, "Contacts": list(contacts)}


def agent(before: Any, now: Any, kind: str = "STATE_CHANGE", **more: Any) -> dict[str, Any]:
    said = {"AWSAccountId": ACCOUNT, "AgentARN": f"{ARN}/agent/a1", "InstanceARN": ARN, "EventId": "ae-1"}
    said |= {"EventTimestamp": iso(405), "EventType": kind, "Version": "2019-05-25"}
    return {**said, "PreviousAgentSnapshot": before, "CurrentAgentSnapshot": now, **more}


def firehose(*values: Any) -> bytes:
    records = [{"data": base64.b64encode(json.dumps(value).encode()).decode()} for value in values]
    return json.dumps({"requestId": "fh-1", "timestamp": AT, "records": records}).encode()


def parsed(hook: ConnectWebhook, value: Any, names: str = NAMES) -> Parsed:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return hook.parse(payload, Context(hook.name, {}, read_at=READ_AT, settings={"names": names}))


def told(hook: ConnectWebhook, value: Any) -> tuple[AnyEvent, ...]:
    result = parsed(hook, value)
    assert isinstance(result, Events)
    assert result.faults == ()
    return result.events


def common(link: str, word: str, seconds: float, *more: object, source: str = "connect-contacts") -> dict[str, Any]:
    said = {"id": event_id(SCOPE, link, word, *more), "time": from_ms(AT + round(seconds * 1000)), "channel": "phone"}
    return {**said, "source": source, "contact": CONTACT, "revision": 1, "queue": "Support", "identifiers": CALLER}


def created(seconds: float = 0, **more: Any) -> ContactCreated:
    said = {**common("c0", "", seconds), "id": event_id(SCOPE, CONTACT, "created"), "queue": None}
    return ContactCreated(**{**said, "revision": earliest(AT + round(seconds * 1000)), **more})


def offered(link: str = "c0", seconds: float = 30, **more: Any) -> ContactOffered:
    return ContactOffered(**{**common(link, "offered", seconds), **more})


def answered(link: str = "c0", seconds: float = 120, **more: Any) -> ContactAnswered:
    return ContactAnswered(**{**common(link, "answered", seconds), "agent": "mia", **more})


def transferred(**more: Any) -> ContactTransferred:
    return ContactTransferred(**{**common("c0", "over", 300), "revision": 2, "queue": None, **more})


def delivery(headers: dict[str, str], body: bytes = b"{}") -> Delivery:
    return Delivery("POST", "https://floor.example/hooks/connect-contacts/main", (), headers, body, READ_AT)


@pytest.mark.parametrize(
    "headers",
    [{"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}, {"x-amz-firehose-access-key": KEY, "x-api-key": ""}],
)
def test_the_api_key_proves_a_delivery_in_any_of_its_headers(headers: dict[str, str]) -> None:
    for hook in PROVIDERS:
        for keys in ((KEY,), ("new", KEY), (KEY, "new")):
            hook.verify(delivery(headers), {"api_key": keys})
        assert hook.greet(delivery(headers), {"api_key": (KEY,)}) is None


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"x-api-key": KEY + "x"}, "^the API key is another$"),
        ({"authorization": f"bearer {KEY}é"}, "^the API key is another$"),
        ({"authorization": f"Basic {KEY}"}, "^no header x-api-key, x-amz-firehose-access-key or authorization with a"),
        ({"x-api-key": ""}, "^no header x-api-key"),
        ({}, "^no header x-api-key"),
    ],
)
def test_another_key_or_none_is_not_genuine(headers: dict[str, str], message: str) -> None:
    with pytest.raises(NotGenuine, match=message):
        CONTACTS.verify(delivery(headers), {"api_key": (KEY,)})


def test_no_key_lets_nothing_through() -> None:
    with pytest.raises(NotGenuine):
        CONTACTS.verify(delivery({"x-api-key": KEY}), {"api_key": ()})


def test_it_sends_again_and_has_one_secret_each() -> None:
    for hook in PROVIDERS:
        assert (hook.tries_again, hook.secret_names, hook.seconds) == (True, ("api_key",), 5.0)
        assert hook.setting_names == ("names",)


def test_firehose_is_told_its_request_and_a_time() -> None:
    answer = RECORDS.answer(delivery({"x-amz-firehose-request-id": "fh-1"}))
    assert msgspec.json.decode(answer.body) == {"requestId": "fh-1", "timestamp": READ_AT}
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert CONTACTS.answer(delivery({"x-api-key": KEY})) == Answer()


def test_a_delivery_is_named_by_its_request_event_or_record() -> None:
    body = json.dumps(live("QUEUED")).encode()
    assert CONTACTS.identity(body, {"x-amz-firehose-request-id": b"fh-1"}) == "fh-1"
    assert CONTACTS.identity(body, {}) == "eb-QUEUED"
    assert RECORDS.identity(json.dumps(RECORD).encode(), {}) == "c0:2026-10-20T10:05:10Z"
    assert AGENTS.identity(json.dumps(agent(None, snapshot())).encode(), {}) == "ae-1"
    assert RECORDS.identity(firehose(RECORD, RECORD), {}) is None
    assert [RECORDS.identity(bad, {}) for bad in (b"", b"7", b"[7]", b"{}", b"\xff")] == [None] * 5
    assert [CONTACTS.identity(bad, {}) for bad in (b'{"id":{"a":[7]}}', b'{"id":7}', b'{"id":""}')] == [None] * 3


def test_what_must_stay_in_order_has_the_key_of_its_chain_or_agent() -> None:
    bodies = [json.dumps(each).encode() for each in (live("QUEUED"), live("QUEUED", SECOND))]
    assert [CONTACTS.key(each, {}) for each in bodies] == [b"c0", b"c0"]
    assert RECORDS.key(json.dumps(record(ContactId="c1", InitialContactId="c0")).encode(), {}) == b"c0"
    assert AGENTS.key(json.dumps(agent(None, snapshot())).encode(), {}) == f"{ARN}/agent/a1".encode()
    assert [hook.key(bad, {}) for hook in PROVIDERS for bad in (b"", b"[]", b'{"detail":7}')] == [None] * 9


@pytest.mark.parametrize(
    ("name", "channel"), [("VOICE", "phone"), ("Chat", "chat"), ("TASK", "email"), ("EMAIL", "email")]
)
def test_the_channel_is_the_contacts(name: str, channel: Any) -> None:
    body = live("INITIATED", channel=name)
    assert CONTACTS.channel_of(json.dumps(body).encode(), {}) == channel
    assert RECORDS.channel_of(json.dumps(record(Channel=name)).encode(), {}) == channel
    assert told(CONTACTS, body) == (created(channel=channel),)
    assert [hook.channel_of(b"", {}) for hook in PROVIDERS] == ["phone"] * 3


@pytest.mark.parametrize("kind", ["INITIATED", "CONNECTED_TO_SYSTEM"])
def test_a_contact_is_initiated(kind: str) -> None:
    assert told(CONTACTS, live(kind)) == (created(),)


def test_a_contact_is_queued() -> None:
    assert told(CONTACTS, live("QUEUED", queueInfo=QUEUED)) == (created(), offered())


def test_a_contact_is_answered() -> None:
    body = live("CONNECTED_TO_AGENT", queueInfo=QUEUED, agentInfo=ANSWERED)
    assert told(CONTACTS, body) == (created(), offered(), answered())


def test_names_in_pascal_case_are_read_as_well() -> None:
    def pascal(value: Any) -> Any:
        if isinstance(value, dict):
            return {name[:1].upper() + name[1:]: pascal(each) for name, each in value.items()}
        return value

    body = live("CONNECTED_TO_AGENT", queueInfo=QUEUED, agentInfo=ANSWERED)
    body["detail"] = pascal(body["detail"]) | {"agentInfo": {"AgentARN": f"{ARN}/agent/a1"} | pascal(ANSWERED)}
    assert told(CONTACTS, body) == (created(), offered(), answered())


def test_a_contact_that_was_answered_has_ended() -> None:
    body = live("DISCONNECTED", queueInfo=QUEUED, agentInfo=ANSWERED, disconnectTimestamp=iso(360))
    ended = ContactEnded(**common("c0", "over", 360), agent="mia")
    assert told(CONTACTS, body) == (created(), offered(), answered(), ended)


def test_a_contact_that_was_queued_only_is_abandoned() -> None:
    body = live("DISCONNECTED", queueInfo=QUEUED, disconnectTimestamp=iso(75.25))
    left = ContactLeftQueue(**common("c0", "over", 75.25), reason="abandoned")
    assert told(CONTACTS, body) == (created(), offered(), left)


def test_a_contact_that_was_not_queued_ended_before_any_queue() -> None:
    body = live("DISCONNECTED", disconnectTimestamp=iso(20), agentInfo={"connectedToAgentTimestamp": UNSET})
    assert told(CONTACTS, body) == (created(), ContactLeftIvr(**common("c0", "over", 20) | {"queue": None}))


def test_a_completed_contact_has_its_work_afterwards() -> None:
    body = live("COMPLETED", queueInfo=QUEUED, agentInfo={**ANSWERED, **AFTER}, disconnectTimestamp=iso(360))
    began = ContactWrapupStarted(**common("c0", "wrapup_started", 360) | {"revision": 2}, agent="mia")
    over = ContactWrapupEnded(**common("c0", "wrapup_ended", 405) | {"revision": 2}, agent="mia")
    ended = ContactEnded(**common("c0", "over", 360), agent="mia")
    assert told(CONTACTS, body) == (created(), offered(), answered(), ended, began, over)


def test_a_task_is_paused_and_resumed() -> None:
    task = INBOUND | {"channel": "TASK", "agentInfo": ANSWERED, "queueInfo": QUEUED}
    paused = told(CONTACTS, live("PAUSED", task, lastPausedTimestamp=iso(200)))
    resumed = told(CONTACTS, live("RESUMED", task, lastResumedTimestamp=iso(260)))
    mail = {"channel": "email"}
    at, later = AT + 200_000, AT + 260_000
    assert paused[-1] == ContactHoldStarted(**common("c0", "hold_started", 200, at) | mail, agent="mia")
    assert resumed[-1] == ContactHoldEnded(**common("c0", "hold_ended", 260, later) | mail, agent="mia")
    assert paused[:-1] == resumed[:-1] == tuple(replace(e, **mail) for e in (created(), offered(), answered()))


def test_what_has_no_time_of_its_own_has_the_envelopes() -> None:
    bare = {"contactId": "c0", "channel": "Voice", "initiationMethod": "INBOUND"}
    at = 480
    begun = (created(at, identifiers=()), offered(seconds=at, identifiers=(), queue=None))
    assert told(CONTACTS, live("QUEUED", bare)) == begun
    (_, connected) = told(CONTACTS, live("CONNECTED_TO_AGENT", bare))
    assert connected == answered(seconds=at, identifiers=(), queue=None, agent=None)
    (_, left) = told(CONTACTS, live("DISCONNECTED", bare))
    assert left == ContactLeftIvr(**common("c0", "over", at) | {"queue": None, "identifiers": ()})


@pytest.mark.parametrize("more", [{"initiationMethod": "OUTBOUND"}, {"initiationMethod": "API", "campaign": {}}])
def test_nobody_waits_in_a_contact_of_ours(more: dict[str, Any]) -> None:
    ours = INBOUND | more | {"queueInfo": QUEUED, "agentInfo": {**ANSWERED, **AFTER}}
    body = live("COMPLETED", ours, disconnectTimestamp=iso(360))
    ended = ContactEnded(**common("c0", "over", 360), agent="mia")
    assert told(CONTACTS, body) == (created(direction="outbound"), ended)


def test_who_is_called_by_a_program_left_no_menu_but_may_wait() -> None:
    ours = INBOUND | {"initiationMethod": "API"}
    there, ended = created(direction="outbound"), ContactEnded(**common("c0", "over", 20) | {"queue": None})
    assert told(CONTACTS, live("DISCONNECTED", ours, disconnectTimestamp=iso(20))) == (there, ended)
    assert told(CONTACTS, live("QUEUED", ours, queueInfo=QUEUED)) == (there, offered())
    chat = live("DISCONNECTED", ours | {"channel": "CHAT"}, disconnectTimestamp=iso(20))
    left = ContactLeftIvr(**common("c0", "over", 20) | {"queue": None, "channel": "chat"})
    assert told(CONTACTS, chat) == (created(channel="chat"), left)


def test_a_transfer_is_the_next_link_of_the_contact() -> None:
    assert told(CONTACTS, live("INITIATED", SECOND)) == (created(300), transferred())
    again = {"queueInfo": {**QUEUED, "queueArn": f"{ARN}/queue/q2", "enqueueTimestamp": iso(301)}}
    assert told(CONTACTS, live("QUEUED", SECOND, **again)) == (
        created(300),
        offered("c1", 301, queue="q2"),
        transferred(),
    )


@pytest.mark.parametrize(
    ("method", "reason", "seconds"), [("QUEUE_TRANSFER", "transfer_out", 300), ("CALLBACK", "callback", 299.999)]
)
def test_a_contact_that_goes_on_in_another_queue_has_left_the_first(method: str, reason: Any, seconds: float) -> None:
    left = ContactLeftQueue(**common("c0", "over", seconds) | {"revision": 2, "queue": None}, reason=reason)
    assert told(CONTACTS, live("INITIATED", SECOND, initiationMethod=method)) == (created(300), left)


def test_a_link_that_nobody_answered_ends_the_contact_where_it_was_not_queued() -> None:
    ended = ContactEnded(**common("c1", "over", 310) | {"queue": None})
    body = live("DISCONNECTED", SECOND, disconnectTimestamp=iso(310))
    assert told(CONTACTS, body) == (created(300), transferred(), ended)


def test_a_link_after_the_end_transfers_nothing() -> None:
    assert told(CONTACTS, live("INITIATED", SECOND, initiationMethod="DISCONNECT")) == (created(300),)
    assert told(CONTACTS, live("INITIATED", SECOND, previousContactId="c1")) == (created(300),)


@pytest.mark.parametrize(("method", "reason"), sorted(OTHER_LINKS.items()))
def test_other_links_are_ignored(method: str, reason: str) -> None:
    assert parsed(CONTACTS, live("INITIATED", initiationMethod=method)) == Ignored(reason)
    assert parsed(RECORDS, record(InitiationMethod=method)) == Ignored(reason)


@pytest.mark.parametrize(("kind", "reason"), [*sorted(IGNORED.items()), ("TELEPORTED", "unknown_type")])
def test_what_is_not_counted_is_ignored(kind: str, reason: str) -> None:
    assert parsed(CONTACTS, live(kind)) == Ignored(reason)


def test_what_is_no_contact_event_is_ignored() -> None:
    assert parsed(CONTACTS, {"detail-type": "Contact Lens Post Call Rules Matched", "detail": 7}) == Ignored(
        "other_event"
    )
    assert parsed(CONTACTS, live("QUEUED", channel="HOLOGRAM")) == Ignored("other_channel")
    assert parsed(CONTACTS, b"[]") == Ignored("empty_batch")


@pytest.mark.parametrize(
    ("endpoint", "customer", "identifiers"),
    [
        ({"address": "Ana@Kunde.example"}, None, ("mailto:ana@kunde.example",)),
        ({"address": "+4930901820"}, "7-1", ("tel:+4930901820", f"connect:{ACCOUNT}:7-1")),
        ({"address": "anonymous"}, None, ()),
        (None, None, ()),
    ],
)
def test_a_customer_is_known_by_address_and_customer_id(endpoint: Any, customer: Any, identifiers: Any) -> None:
    body = live("INITIATED", customerEndpoint=endpoint, customerId=customer)
    assert told(CONTACTS, body) == (created(identifiers=identifiers),)


def test_without_names_the_ids_stand() -> None:
    body = live("CONNECTED_TO_AGENT", queueInfo=QUEUED, agentInfo=ANSWERED)
    assert parsed(CONTACTS, body, names="") == Events(
        (created(), offered(queue="q1"), answered(queue="q1", agent="a1"))
    )
    with pytest.raises(Malformed, match=r"^setting names has 'mia': ID=Name is expected$"):
        parsed(CONTACTS, body, names="mia")


def of_record(event: ContactEvent, **more: Any) -> ContactEvent:
    return replace(event, source="connect-records", revision=UPDATED, **more)


RECORDED = (
    replace(created(), source="connect-records"),
    of_record(offered()),
    of_record(answered(), waited=90),
)
WORK = (
    of_record(ContactWrapupStarted(**common("c0", "wrapup_started", 360), agent="mia")),
    of_record(ContactWrapupEnded(**common("c0", "wrapup_ended", 405), agent="mia")),
)
MEASURED: dict[str, Any] = {"talked": 210, "held": 30, "handled": 285}


def test_a_record_tells_the_whole_life_of_a_contact() -> None:
    ended = of_record(ContactEnded(**common("c0", "over", 360), agent="mia", by="customer", **MEASURED))
    assert told(RECORDS, RECORD) == (*RECORDED, ended, *WORK)


@pytest.mark.parametrize(
    ("reason", "by"),
    [("AGENT_DISCONNECT", "agent"), ("TELECOM_PROBLEM", "system"), ("NEWLY_INVENTED", None), (None, None)],
)
def test_a_record_says_who_ended_it(reason: str | None, by: Any) -> None:
    ended = of_record(ContactEnded(**common("c0", "over", 360), agent="mia", by=by, **MEASURED))
    assert told(RECORDS, record(DisconnectReason=reason))[3] == ended


def test_a_record_of_a_transfer_says_what_the_part_was_that_ended() -> None:
    said = record(
        NextContactId="c1",
        TransferCompletedTimestamp="2026-10-20T10:03:30Z",
        TransferredToEndpoint={"Address": "+4930123499"},
    )
    over = ContactTransferred(**common("c0", "over", 330), agent="mia", to="+4930123499", **MEASURED)
    assert told(RECORDS, said) == (*RECORDED, of_record(over), *WORK)


def test_a_record_that_was_answered_and_has_a_next_one_says_no_end() -> None:
    over = of_record(ContactTransferred(**common("c0", "over", 360), agent="mia", **MEASURED))
    assert told(RECORDS, record(NextContactId="c1")) == (*RECORDED, over, *WORK)
    ours = told(RECORDS, record(NextContactId="c1", InitiationMethod="OUTBOUND"))
    assert ours == (replace(RECORDED[0], direction="outbound"), over)


def test_a_record_without_an_agent_is_abandoned_unless_it_goes_on() -> None:
    left = of_record(ContactLeftQueue(**common("c0", "over", 360), reason="abandoned", waited=90))
    assert told(RECORDS, record(Agent=None)) == (*RECORDED[:2], left)
    assert told(RECORDS, record(Agent=None, NextContactId="c1")) == RECORDED[:2]


def test_a_record_of_the_next_link_says_how_the_first_was_over() -> None:
    said = record(ContactId="c1", InitialContactId="c0", PreviousContactId="c0", InitiationMethod="QUEUE_TRANSFER")
    left = ContactLeftQueue(**common("c0", "over", 0) | {"revision": 3, "queue": None}, reason="transfer_out")
    assert replace(left, source="connect-records") in told(RECORDS, said)


def test_a_record_of_a_call_of_ours_makes_nobody_wait() -> None:
    ended = of_record(ContactEnded(**common("c0", "over", 360), agent="mia", by="customer", **MEASURED))
    first = replace(RECORDED[0], direction="outbound")
    assert told(RECORDS, record(InitiationMethod="OUTBOUND")) == (first, ended)


def test_a_record_that_measures_nothing_says_so() -> None:
    silent = {"ARN": f"{ARN}/agent/a1", "ConnectedToAgentTimestamp": "2026-10-20T10:00:00Z"}
    ended = of_record(ContactEnded(**common("c0", "over", 360), agent="mia", by="customer"))
    assert told(RECORDS, record(Agent=silent)) == (*RECORDED, ended)


def test_a_record_that_comes_again_corrects_the_one_before() -> None:
    first = told(RECORDS, RECORD)
    again = told(RECORDS, record(LastUpdateTimestamp="2027-10-20T10:05:10Z"))
    assert [each.id for each in first] == [each.id for each in again]
    assert all(a.revision < b.revision for a, b in zip(first[1:], again[1:], strict=True))


def of_agents(event: ContactEvent, **more: Any) -> ContactEvent:
    return replace(event, source="connect-agents", identifiers=(), **more)


def state(seconds: float = -60, **more: Any) -> AgentStateChanged:
    at = AT + round(seconds * 1000)
    said = {
        "id": event_id(SCOPE, "a1", "state", at),
        "time": from_ms(at),
        "channel": "phone",
        "source": "connect-agents",
    }
    return AgentStateChanged(**{**said, "revision": 1, "agent": "mia", "state": "available", **more})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, state()),
        ({"Type": "OFFLINE", "Name": "Offline"}, state(state="offline")),
        ({"Type": "CUSTOM", "Name": "Lunch"}, state(state="away", reason="Lunch")),
        ({"Type": "LATER", "Name": "Odd"}, state(state="away", reason="Odd")),
        ({"Type": None}, state()),
        ({"Type": None, "Name": "Offline"}, state(state="offline")),
        ({"Type": None, "Name": "Lunch"}, state(state="away", reason="Lunch")),
    ],
)
def test_an_agents_status_is_a_state(status: dict[str, Any], expected: AgentStateChanged) -> None:
    assert told(AGENTS, agent(None, snapshot(**status))) == (expected,)


def test_an_agent_who_logs_in_has_the_status_from_then_on() -> None:
    assert told(AGENTS, agent(None, snapshot(), "LOGIN")) == (state(405),)


def test_an_agent_who_logs_out_is_offline() -> None:
    assert told(AGENTS, agent(snapshot(), None, "LOGOUT")) == (state(405, state="offline"),)


def test_a_heart_beat_and_what_nobody_knows_say_nothing() -> None:
    assert parsed(AGENTS, agent(snapshot(), snapshot(HELD), "HEART_BEAT")) == Ignored("heart_beat")
    assert parsed(AGENTS, agent(snapshot(), snapshot(HELD), "NAP")) == Ignored("unknown_type")
    assert parsed(AGENTS, agent(snapshot(), None)) == Ignored("no_snapshot")


def test_a_contact_is_put_on_hold_and_taken_back() -> None:
    on_hold = HELD | {"State": "CONNECTED_ONHOLD", "StateStartTimestamp": iso(150)}
    back = HELD | {"StateStartTimestamp": iso(180)}
    began = ContactHoldStarted(**common("c0", "hold_started", 150, AT + 150_000), agent="mia")
    ended = ContactHoldEnded(**common("c0", "hold_ended", 180, AT + 180_000), agent="mia")
    assert told(AGENTS, agent(snapshot(HELD), snapshot(on_hold))) == (state(), of_agents(began))
    assert told(AGENTS, agent(snapshot(on_hold), snapshot(back))) == (state(), of_agents(ended))
    assert told(AGENTS, agent(snapshot(HELD), snapshot(HELD))) == (state(),)


def test_work_afterwards_begins_and_ends() -> None:
    over = HELD | {"State": "ENDED", "StateStartTimestamp": iso(360)}
    assert told(AGENTS, agent(snapshot(HELD), snapshot(over))) == (state(), of_agents(WORK[0], revision=1))
    assert told(AGENTS, agent(snapshot(over), snapshot())) == (state(), of_agents(WORK[1], revision=1))
    assert told(AGENTS, agent(snapshot(HELD), snapshot())) == (state(),)


@pytest.mark.parametrize(("word", "reason"), [("MISSED", "missed"), ("REJECTED", "rejected")])
def test_an_offer_that_was_not_taken_is_declined(word: str, reason: Any) -> None:
    missed = HELD | {"State": word, "StateStartTimestamp": iso(90), "ContactId": "c1", "InitialContactId": "c0"}
    declined = ContactOfferDeclined(**common("c1", "declined", 90, "mia", AT + 90_000), agent="mia", reason=reason)
    assert told(AGENTS, agent(snapshot(), snapshot(missed))) == (state(), of_agents(declined))


@pytest.mark.parametrize(
    ("more", "reason", "message"),
    [
        ({"StateStartTimestamp": None}, "time", "statestarttimestamp` has no time: nobody can say when it happened"),
        ({"Channel": None}, "schema", "channel` is missing: VOICE, CHAT, TASK or EMAIL is expected"),
        ({"ContactId": ""}, "identity", "contactid` is missing or empty: an id is expected"),
    ],
)
def test_a_contact_that_cannot_be_read_takes_nothing_from_the_agent_and_the_other_contacts(
    more: dict[str, Any], reason: Any, message: str
) -> None:
    odd = HELD | {"ContactId": "c9"} | more
    on_hold = HELD | {"State": "CONNECTED_ONHOLD", "StateStartTimestamp": iso(150)}
    whole = told(AGENTS, agent(snapshot(HELD), snapshot(on_hold)))
    fault = Fault(reason, f"`$.currentagentsnapshot.contacts.{message}")
    assert len(whole) == 2
    assert parsed(AGENTS, agent(snapshot(HELD), snapshot(odd, on_hold))) == Events(whole, (fault,))


@pytest.mark.parametrize(
    "more", [{"InitiationMethod": "OUTBOUND"}, {"InitiationMethod": "MONITOR"}, {"Channel": "FAX"}]
)
def test_contacts_in_which_nobody_waited_say_nothing_of_agents(more: dict[str, Any]) -> None:
    over = HELD | {"State": "ENDED"} | more
    assert told(AGENTS, agent(snapshot(over), snapshot(over))) == (state(),)
    assert told(AGENTS, agent(snapshot(over), snapshot())) == (state(),)


def stands(values: Any) -> dict[str, AnyEvent]:
    """What stands after deliveries in this order."""
    known: dict[str, AnyEvent] = {}
    for hook, value in values:
        for event in told(hook, value):
            if event.id not in known or known[event.id].revision < event.revision:
                known[event.id] = event
    return known


def test_events_records_and_agents_tell_of_the_same_contact_in_any_order() -> None:
    first = {"queueInfo": QUEUED, "agentInfo": ANSWERED}
    over = HELD | {"State": "ENDED", "StateStartTimestamp": iso(360.4)}
    said = [
        (CONTACTS, live("CONNECTED_TO_AGENT", **first)),
        (CONTACTS, live("DISCONNECTED", **first, disconnectTimestamp=iso(360))),
        (CONTACTS, live("INITIATED", SECOND)),
        (RECORDS, record(NextContactId="c1", TransferCompletedTimestamp="2026-10-20T10:03:30Z")),
        (AGENTS, agent(snapshot(HELD), snapshot(over))),
    ]
    results = [stands(order) for order in permutations(said)]
    assert all(
        {(e.id, e.revision) for e in each.values()} == {(e.id, e.revision) for e in results[0].values()}
        for each in results
    )
    contact = [event for event in results[0].values() if isinstance(event, ContactEvent)]
    assert {event.contact for event in contact} == {CONTACT}
    assert [type(event) for event in sorted(contact, key=lambda event: event.time)] == [
        ContactCreated,
        ContactOffered,
        ContactAnswered,
        ContactTransferred,
        ContactWrapupStarted,
        ContactWrapupEnded,
    ]


def test_a_transfer_stands_whenever_the_first_link_is_told_to_have_ended() -> None:
    ended = live("DISCONNECTED", queueInfo=QUEUED, agentInfo=ANSWERED, disconnectTimestamp=iso(360))
    for order in permutations([(CONTACTS, ended), (CONTACTS, live("INITIATED", SECOND))]):
        assert stands(order)[event_id(SCOPE, "c0", "over")] == transferred()


def contacts_of(said: Sequence[tuple[ConnectWebhook, Any]]) -> Iterator[Contact]:
    """The contact, told in 30 orders."""
    deck = list(said)
    for seed in range(30):
        random.Random(seed).shuffle(deck)
        contact = Contact("phone")
        for hook, value in deck:
            events = [event for event in told(hook, value) if isinstance(event, ContactEvent)]
            learn(contact, events, lambda _queue, _at: 86_400_000)
        yield contact


def test_records_of_a_transfer_leave_the_customer_waiting_in_the_next_queue() -> None:
    waits = {"ARN": f"{ARN}/queue/q2", "EnqueueTimestamp": "2026-10-20T10:03:10Z", "Duration": 80}
    second = record(
        ContactId="c1",
        InitialContactId="c0",
        PreviousContactId="c0",
        InitiationMethod="TRANSFER",
        InitiationTimestamp="2026-10-20T10:03:00Z",
        Queue=waits,
        Agent={"ARN": f"{ARN}/agent/a2", "ConnectedToAgentTimestamp": "2026-10-20T10:04:30Z"},
        DisconnectTimestamp="2026-10-20T10:09:00Z",
        DisconnectReason="AGENT_DISCONNECT",
    )
    # The first agent hangs up while the customer waits in the second queue already.
    first = record(NextContactId="c1", DisconnectReason="AGENT_DISCONNECT")
    live_second = SECOND | {"queueInfo": {**QUEUED, "queueArn": f"{ARN}/queue/q2", "enqueueTimestamp": iso(310.4)}}
    live_second["initiationTimestamp"] = iso(300.7)
    for contact in contacts_of(((RECORDS, first), (RECORDS, second), (CONTACTS, live("QUEUED", live_second)))):
        assert [(offer.queue, offer.outcome, offer.agent) for offer in contact.offers] == [
            ("Support", "answered", "mia"),
            ("q2", "answered", "a2"),
        ]
        assert [(offer.wait, offer.completed) for offer in contact.offers] == [
            (90_000, AT + 360_000),
            (80_000, AT + 660_000),
        ]
        assert (contact.ended, contact.anomalies) == (AT + 660_000, ())


def test_a_callback_that_was_asked_for_before_any_queue_waits() -> None:
    asked = record(Queue=None, Agent=None, NextContactId="c1", DisconnectTimestamp="2026-10-20T09:59:10Z")
    called = record(
        ContactId="c1",
        InitialContactId="c0",
        PreviousContactId="c0",
        InitiationMethod="CALLBACK",
        InitiationTimestamp="2026-10-20T09:59:00Z",
        Queue={"ARN": f"{ARN}/queue/q1", "EnqueueTimestamp": "2026-10-20T09:59:00Z"},
        Agent=None,
        DisconnectTimestamp=None,
    )
    for contact in contacts_of(((RECORDS, asked), (RECORDS, called))):
        assert [(offer.queue, offer.outcome) for offer in contact.offers] == [("Support", None)]


def test_what_a_record_says_of_the_link_before_it_stands_over_what_an_event_says() -> None:
    said = record(ContactId="c1", InitialContactId="c0", PreviousContactId="c0", InitiationMethod="TRANSFER")
    half_a_second_later = live("INITIATED", SECOND, initiationTimestamp=iso(0.5))
    over = event_id(SCOPE, "c0", "over")
    stand = [stands(order)[over] for order in permutations([(CONTACTS, half_a_second_later), (RECORDS, said)])]
    assert stand == [replace(transferred(revision=3, time=from_ms(AT)), source="connect-records")] * 2


def test_a_transferred_call_is_the_same_contact_in_whatever_order_it_is_told() -> None:
    first = {"queueInfo": QUEUED, "agentInfo": ANSWERED}
    queue = {**QUEUED, "queueArn": f"{ARN}/queue/q2", "enqueueTimestamp": iso(310)}
    second = {"queueInfo": queue, "agentInfo": {"agentArn": f"{ARN}/agent/a2", "connectedToAgentTimestamp": iso(340)}}
    on_hold = HELD | {"State": "CONNECTED_ONHOLD", "StateStartTimestamp": iso(150)}
    said = [
        (CONTACTS, live("QUEUED", queueInfo=QUEUED)),
        (CONTACTS, live("CONNECTED_TO_AGENT", **first)),
        (AGENTS, agent(snapshot(HELD), snapshot(on_hold))),
        (AGENTS, agent(snapshot(on_hold), snapshot(HELD | {"StateStartTimestamp": iso(180)}))),
        (CONTACTS, live("INITIATED", SECOND)),
        (CONTACTS, live("DISCONNECTED", **first, disconnectTimestamp=iso(320))),
        (CONTACTS, live("CONNECTED_TO_AGENT", SECOND, **second)),
        (CONTACTS, live("DISCONNECTED", SECOND, **second, disconnectTimestamp=iso(500))),
    ]
    seen = set()
    for contact in contacts_of(said):
        offers = tuple((each.queue, each.outcome, each.wait, each.agent, each.handle_time) for each in contact.offers)
        seen.add((offers, contact.ended, contact.transfers, contact.anomalies))
    talks = ("Support", "answered", 90_000, "mia", 180_000), ("q2", "answered", 30_000, "a2", 160_000)
    assert seen == {(talks, AT + 500_000, 1, ())}


def test_a_delivery_that_comes_again_says_the_same() -> None:
    for hook, value in ((CONTACTS, live("QUEUED")), (RECORDS, RECORD), (AGENTS, agent(None, snapshot(HELD)))):
        assert parsed(hook, value) == parsed(hook, value)


def test_firehose_and_lists_deliver_many_at_once() -> None:
    expected = told(RECORDS, RECORD) + told(RECORDS, record(ContactId="c9"))
    assert parsed(RECORDS, firehose(RECORD, record(ContactId="c9"))) == Events(expected)
    assert parsed(RECORDS, [RECORD, record(ContactId="c9")]) == Events(expected)
    assert parsed(AGENTS, firehose(agent(None, snapshot()))) == Events((state(),))
    assert parsed(CONTACTS, firehose(live("INITIATED"))) == Events((created(),))
    assert parsed(RECORDS, firehose()) == Ignored("empty_batch")


def test_a_record_that_cannot_be_read_takes_nothing_from_the_others() -> None:
    body = json.loads(firehose(record(ContactId=""), RECORD, 7))
    body["records"] += [{"data": "e30"}, {"data": base64.b64encode(b"{").decode()}, {}]
    result = parsed(RECORDS, json.dumps(body).encode())
    assert isinstance(result, Events)
    assert result.events == told(RECORDS, RECORD)
    assert result.faults == (
        Fault("identity", "`$.records[0].contactid` is missing or empty: an id is expected"),
        Fault("schema", "in `$.records[2]`: Expected `object`, got `int`"),
        Fault("syntax", "`$.records[3].data` is no base64: Incorrect padding"),
        Fault("syntax", "in `$.records[4].data`: no JSON: Input data was truncated"),
        Fault("schema", "in `$.records[5]`: Object missing required field `data`"),
    )


@pytest.mark.parametrize(
    ("hook", "body", "reason", "message"),
    [
        (CONTACTS, b"", "syntax", "no JSON: "),
        (CONTACTS, b'{"id":', "syntax", "no JSON: "),
        (CONTACTS, json.dumps(live("QUEUED")).encode()[:-9], "syntax", "no JSON: "),
        (CONTACTS, json.dumps(live("QUEUED")).encode().replace(b"VOICE", b"\xff"), "syntax", "in `$`: no JSON: "),
        (CONTACTS, b"[" * 100_000, "syntax", "no JSON: "),
        (CONTACTS, b"7", "schema", "Expected `object`, got `int`"),
        (CONTACTS, {}, "schema", "in `$`: Object missing required field `detailtype`"),
        (CONTACTS, live("QUEUED") | {"detail": []}, "schema", "in `$.detail`: Expected `object`, got `array`"),
        (CONTACTS, live("QUEUED", contactId=7), "schema", "in `$.detail`: Expected `str | null`, got `int`"),
        (CONTACTS, live("QUEUED", contactId=""), "identity", "`$.detail.contactid` is missing or empty: an id is"),
        (CONTACTS, live("QUEUED") | {"account": None}, "identity", "`$.account` is missing or empty: an id is"),
        (CONTACTS, live("QUEUED", channel=None), "schema", "`$.detail.channel` is missing: VOICE, CHAT, TASK or EMAIL"),
        (CONTACTS, live("QUEUED", initiationTimestamp="soon"), "time", "`$.detail.initiationtimestamp` is 'soon': an"),
        (CONTACTS, live("QUEUED", initiationTimestamp="0001-01-01T00:00:00+14:00"), "time", "`$.detail.initiationt"),
        (CONTACTS, live("QUEUED", initiationTimestamp="9999-01-01T00:00:00Z"), "time", "`$.detail.initiationt"),
        (
            CONTACTS,
            live("QUEUED", initiationTimestamp=UNSET) | {"time": None},
            "time",
            "`$.detail` has no time: nobody can say when it happened",
        ),
        (RECORDS, {}, "identity", "`$.contactid` is missing or empty: an id is expected"),
        (RECORDS, record(LastUpdateTimestamp=None), "time", "`$.lastupdatetimestamp` has no time: "),
        (RECORDS, record(InitiationTimestamp=None), "time", "`$.initiationtimestamp` has no time: "),
        (RECORDS, record(AWSAccountId=""), "identity", "`$.awsaccountid` is missing or empty: "),
        (RECORDS, record(Queue={"Duration": "nan"}), "schema", "in `$`: Expected `int | null`, got `str`"),
        (RECORDS, record(Queue={"Duration": -1}), "schema", "in `$`: Expected `int` >= 0 - at `$.queue.duration`"),
        (AGENTS, {}, "schema", "in `$`: Object missing required field `eventtype`"),
        (AGENTS, agent(None, snapshot(), AgentARN=None), "identity", "`$.agentarn` is missing or empty: "),
        (AGENTS, agent(None, snapshot(StartTimestamp=None)), "time", "`$.currentagentsnapshot.agentstatus.startt"),
        (AGENTS, agent(None, {"Contacts": [HELD | {"ContactId": ""}]}), "identity", "`$.currentagentsnapshot.contacts"),
        (AGENTS, agent(None, snapshot(7)), "schema", "in `$`: Expected `object`, got `int` - at `$.current"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_what_is_wrong(hook: ConnectWebhook, body: Any, reason: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        parsed(hook, body)
    assert caught.value.reason == reason
    assert caught.value.message.startswith(message)


BODIES = (
    (CONTACTS, json.dumps(live("COMPLETED", SECOND, queueInfo=QUEUED, agentInfo={**ANSWERED, **AFTER})).encode()),
    (RECORDS, json.dumps(RECORD).encode()),
    (RECORDS, firehose(RECORD, RECORD)),
    (AGENTS, json.dumps(agent(snapshot(HELD), snapshot(HELD | {"State": "ENDED"}))).encode()),
)


@settings(max_examples=200)
@given(st.sampled_from(BODIES), st.integers(0), st.integers(0, 12), st.binary(max_size=6))
def test_a_damaged_body_is_answered_or_malformed(valid: tuple[Any, bytes], at: int, gone: int, new: bytes) -> None:
    hook, body = valid
    at %= len(body)
    changed = body[:at] + new + body[at + gone :]
    assert hook.channel_of(changed, {}) in ("phone", "chat", "email")
    assert hook.identity(changed, {}) is None or hook.key(changed, {}) != b""
    try:
        assert isinstance(parsed(hook, changed), Events | Ignored)
    except Malformed:
        return
