"""Zendesk: what is genuine, and what its events say."""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.zendesk import PROVIDER, TEST_SECRET
from agents.intake.webhook import earliest, first_of
from schemas.events import (
    AgentStateChanged,
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactMerged,
    ContactOffered,
    ContactStatusChanged,
    ContactTransferred,
    ContactUpdated,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import contact_id, event_id
from streams.connectors.hooks import Delivery, NotGenuine
from tests.unit.vectors import vector

TEN = 1_792_490_400_000
AT = datetime(2026, 10, 20, 10, 0, 0, 120_000, tzinfo=UTC)
NINE = AT.replace(hour=9, microsecond=0)
CONTACT = contact_id("desk", "22129848", "5158")
ANA = ("zendesk:22129848:1011",)
NAME = "01FLOOR0000000000000000002"
DETAIL: dict[str, Any] = {
    "id": "5158",
    "status": "OPEN",
    "priority": "HIGH",
    "requester_id": "1011",
    "assignee_id": "88",
    "actor_id": "1011",
    "group_id": "7",
    "via": {"channel": "email"},
    "tags": ["late"],
    "created_at": "2026-10-20T09:00:00Z",
    "updated_at": "2026-10-20T10:00:00Z",
}
COMMENT: dict[str, Any] = {
    "id": "67001",
    "body": "Still nothing",
    "is_public": True,
    "author": {"id": "1011", "is_staff": False, "name": "Ana Kunde"},
}
AGENT = {"account_id": "22129848", "agent_id": "88", "version": "3"}


def body(kind: str, event: object = None, **changed: Any) -> bytes:
    return json.dumps(
        {
            "type": "zen:event-type:" + kind,
            "account_id": 22129848,
            "id": NAME,
            "time": "2026-10-20T10:00:00.120456789Z",
            "zendesk_event_version": "2022-11-06",
            "subject": "zen:ticket:5158",
            "detail": DETAIL,
            "event": event or {"meta": {"sequence": {"id": "FW01", "position": 1}}},
        }
        | changed
    ).encode()


def comment(**changed: Any) -> bytes:
    return body("ticket.comment_added", {"comment": COMMENT | changed})


def written(kind: str, writer: str = "1011", **changed: Any) -> bytes:
    """A message of a messaging ticket, whose detail is its id alone."""
    said = {"actor": {"id": writer, "type": kind}, "message": {"id": "m1", "body": "Hello"}}
    return body("messaging_ticket.message_added", said, detail={"id": "5158"}, **changed)


def changed_to(kind: str, before: object, after: object, **changed: Any) -> bytes:
    return body(kind, {"previous": before, "current": after}, **changed)


def parse(payload: bytes) -> Parsed:
    return PROVIDER.parse(payload, Context("desk", {}, read_at=TEN))


def said(**more: Any) -> dict[str, Any]:
    common = {"time": AT, "channel": "email", "source": "desk", "contact": CONTACT, "queue": "7"}
    return common | {"identifiers": ANA, "revision": 1} | more


def once(what: str) -> str:
    return event_id("desk", "22129848", "5158", what)


def own(what: str) -> str:
    return event_id("desk", "22129848", NAME, what)


def begun(at: int = TEN + 120, **more: Any) -> tuple[AnyEvent, AnyEvent]:
    time = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at)
    common = said(time=time, revision=earliest(at)) | more
    of_ticket: dict[str, Any] = {"priority": "high", "tags": ("late",)} if common["queue"] else {}
    return (
        ContactCreated(id=first_of("desk", CONTACT, "created"), **common, **of_ticket),
        ContactOffered(id=first_of("desk", CONTACT, "offered"), **common),
    )


def posted(**more: Any) -> MessagePosted:
    name = event_id("desk", "22129848", "5158", "67001", "message")
    return MessagePosted(**said(id=name, length=13) | more)


def answer(**more: Any) -> ContactAnswered:
    common = said(revision=earliest(TEN + 120), queue=None, identifiers=()) | more
    return ContactAnswered(id=first_of("desk", CONTACT, "answered"), **common)


def delivery(payload: bytes, headers: Mapping[str, str], at: int = TEN) -> Delivery:
    return Delivery("POST", "https://fw.example/hooks/zendesk/desk", (), headers, payload, at)


def signed(payload: bytes, key: str, stamp: str) -> dict[str, str]:
    proof = b64encode(hmac.new(key.encode(), stamp.encode() + payload, sha256).digest()).decode()
    return {"x-zendesk-webhook-signature": proof, "x-zendesk-webhook-signature-timestamp": stamp}


BODY = comment()
STAMP = "2026-10-20T10:00:00Z"
HEADERS = signed(BODY, "new", STAMP)


def test_the_vector_is_genuine_and_tells_of_a_solved_ticket() -> None:
    known = vector("zendesk")
    payload = known["body"].encode()
    headers = {
        "x-zendesk-webhook-signature": known["expected"],
        "x-zendesk-webhook-signature-timestamp": known["timestamp"],
    }
    PROVIDER.verify(delivery(payload, headers), {"secret": (known["key"],)})
    name = event_id("desk", "22129848", "01FLOOR0000000000000000001", "status")
    solved = ContactStatusChanged(id=name, **said(queue=None, identifiers=()), status="solved")
    assert parse(payload) == Events((solved,))


def test_both_secrets_are_valid_while_one_is_rotated() -> None:
    PROVIDER.verify(delivery(BODY, HEADERS), {"secret": ("old", "new")})
    PROVIDER.verify(delivery(BODY, signed(BODY, "old", STAMP)), {"secret": ("old", "new")})


@pytest.mark.parametrize(
    ("given_delivery", "message_part"),
    [
        (delivery(BODY, signed(BODY, "other", STAMP)), "signature is not the body's"),
        (delivery(BODY + b" ", HEADERS), "signature is not the body's"),
        (delivery(BODY, HEADERS | {"x-zendesk-webhook-signature-timestamp": "2026-10-20T10:00:01Z"}), "not the body's"),
        (delivery(BODY, HEADERS | {"x-zendesk-webhook-signature": "\u00fc"}), "signature is not the body's"),
        (delivery(BODY, {"x-zendesk-webhook-signature-timestamp": STAMP}), "no header x-zendesk-webhook-signature"),
        (delivery(BODY, {"x-zendesk-webhook-signature": "x"}), "no header x-zendesk-webhook-signature-timestamp"),
        (delivery(BODY, HEADERS, TEN + 300_001), "more than 300 s from now"),
        (delivery(BODY, HEADERS, TEN - 300_001), "more than 300 s from now"),
        (delivery(BODY, signed(BODY, "new", "noon")), "no ISO 8601 instant"),
        (delivery(BODY, signed(BODY, "new", "2026-10-20T10:00:00")), "no ISO 8601 instant"),
    ],
)
def test_what_is_not_genuine_is_refused_and_no_secret_is_told(given_delivery: Delivery, message_part: str) -> None:
    with pytest.raises(NotGenuine, match=message_part) as caught:
        PROVIDER.verify(given_delivery, {"secret": ("new",)})
    assert "new" not in str(caught.value)


def test_the_public_secret_of_test_calls_is_never_valid() -> None:
    with pytest.raises(NotGenuine, match="not the body's"):
        PROVIDER.verify(delivery(BODY, signed(BODY, TEST_SECRET, STAMP)), {"secret": (TEST_SECRET,)})


def test_there_is_no_handshake_and_nothing_is_sent_again() -> None:
    assert PROVIDER.greet(delivery(BODY, HEADERS), {"secret": ("new",)}) is None
    assert not PROVIDER.tries_again
    assert PROVIDER.redacted(BODY) is BODY
    assert PROVIDER.kept == ("x-zendesk-webhook-invocation-id",)


def test_a_delivery_is_named_by_its_event() -> None:
    assert PROVIDER.identity(BODY, {}) == NAME
    assert PROVIDER.identity(b"", {}) is None


def test_records_of_one_ticket_or_agent_have_one_key() -> None:
    assert PROVIDER.key(BODY, {}) == b"5158"
    assert PROVIDER.key(body("ticket.status_changed", detail=None), {}) == b"5158"
    assert PROVIDER.key(body("agent.state_changed", detail=AGENT, subject="zen:agent:88"), {}) == b"88"
    assert PROVIDER.key(b"no", {}) is None


@pytest.mark.parametrize(
    ("via", "channel"),
    [
        ("email", "email"),
        ("web", "email"),
        ("api", "email"),
        (None, "email"),
        ("chat", "chat"),
        ("native_messaging", "chat"),
        ("voice", "email"),
        ("WHATSAPP", "social"),
        ("instagram_dm", "social"),
        ("twitter", "social"),
    ],
)
def test_the_channel_of_the_record_is_the_events(via: str | None, channel: str) -> None:
    payload = body("ticket.created", detail=DETAIL | {"via": {"channel": via}})
    assert PROVIDER.channel_of(payload, {}) == channel
    assert parse(payload) == Events(begun(TEN - 3_600_000, channel=channel))


def test_a_new_ticket_is_created_and_waits_in_its_group_since_then() -> None:
    assert parse(body("ticket.created")) == Events(begun(TEN - 3_600_000))


def test_a_comment_of_the_customer_is_posted_and_begins_the_contact() -> None:
    assert parse(BODY) == Events((*begun(), posted(author="customer")))


def test_a_comment_of_staff_is_posted_and_answers() -> None:
    reply = posted(author="agent", agent="88")
    assert parse(comment(author={"id": "88", "is_staff": True})) == Events((reply, answer(agent="88")))


def test_a_private_comment_is_not_public_and_answers_nothing() -> None:
    note = comment(author={"id": "88", "is_staff": True}, is_public=False)
    assert parse(note) == Events((posted(author="agent", agent="88", public=False),))


def test_a_comment_of_zendesk_itself_neither_begins_nor_answers() -> None:
    assert parse(comment(author={"id": "-1", "is_staff": True})) == Events((posted(author="system"),))
    assert parse(comment(author={"id": -1, "is_staff": False})) == Events((posted(author="system"),))


MESSAGE = event_id("desk", "22129848", "5158", "m1", "message")
CHATTED = {"id": MESSAGE, "length": 5, "channel": "chat", "queue": None}


def test_a_message_of_the_customer_is_posted_and_begins_the_contact() -> None:
    assert parse(written("end_user")) == Events(
        (*begun(channel="chat", queue=None), posted(author="customer", **CHATTED))
    )
    assert PROVIDER.channel_of(written("end_user"), {}) == "chat"


def test_a_message_of_staff_is_posted_and_answers() -> None:
    reply = posted(author="agent", agent="88", identifiers=(), **CHATTED)
    assert parse(written("agent", "88")) == Events((reply, answer(agent="88", channel="chat")))


@pytest.mark.parametrize(("kind", "author"), [("system", "system"), ("bot", "bot"), ("oracle", "system")])
def test_a_message_of_a_machine_neither_begins_nor_answers(kind: str, author: str) -> None:
    assert parse(written(kind)) == Events((posted(author=author, identifiers=(), **CHATTED),))


@pytest.mark.parametrize("before", [None, "", "0"])
def test_the_first_group_corrects_the_queue_of_the_first_offer(before: str | None) -> None:
    created, offered = begun(TEN - 3_600_000)
    corrected = ContactOffered(id=offered.id, **said(time=NINE, revision=earliest(TEN - 3_600_000) + 1))
    assert parse(changed_to("ticket.group_assignment_changed", before, "7")) == Events((created, corrected))


def test_another_group_is_a_transfer() -> None:
    moved = ContactTransferred(id=own("group"), **said(queue="6"), to="7")
    assert parse(changed_to("ticket.group_assignment_changed", "6", "7")) == Events((moved,))


def test_the_first_agent_is_assigned_and_another_one_a_transfer() -> None:
    assigned = ContactUpdated(id=own("assigned"), **said(), agent="88", assignee="88")
    assert parse(changed_to("ticket.agent_assignment_changed", None, "88")) == Events((assigned,))
    moved = ContactTransferred(id=own("assignee"), **said(), agent="87", to="88")
    assert parse(changed_to("ticket.agent_assignment_changed", "87", "88")) == Events((moved,))


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("OPEN", "SOLVED", "solved"),
        ("SOLVED", "CLOSED", "closed"),
        ("SOLVED", "PENDING", "pending"),
        ("SOLVED", "HOLD", "on_hold"),
        ("NEW", "OPEN", "open"),
        ("open", "new", "new"),
    ],
)
def test_a_status_is_read(before: str, after: str, status: Any) -> None:
    changed = ContactStatusChanged(id=own("status"), **said(), status=status)
    assert parse(changed_to("ticket.status_changed", before, after)) == Events((changed,))


@pytest.mark.parametrize(("after", "status"), [("OPEN", "open"), ("NEW", "new")])
def test_open_after_solved_is_offered_again(after: str, status: Any) -> None:
    changed = ContactStatusChanged(id=own("status"), **said(), status=status)
    again = ContactOffered(id=own("reopened"), **said())
    assert parse(changed_to("ticket.status_changed", "SOLVED", after)) == Events((changed, again))


@pytest.mark.parametrize(("score", "points"), [("GOOD", 1), ("good_with_comment", 1), ("BAD", 0)])
def test_a_rating_is_a_survey_answered(score: str, points: int) -> None:
    rated = SurveyAnswered(id=once("rating"), **said(revision=TEN + 120), kind="csat", score=points, scale=1)
    assert parse(body("ticket.csat_received", {"satisfaction_score": {"score": score}})) == Events((rated,))


def test_a_changed_rating_corrects_the_one_before() -> None:
    def rated(score: str, **changed: Any) -> AnyEvent:
        result = parse(body("ticket.csat_received", {"satisfaction_score": {"score": score}}, **changed))
        assert isinstance(result, Events)
        return result.events[0]

    before, after = rated("GOOD"), rated("BAD", id="e2", time="2026-10-20T10:05:00Z")
    assert before.id == after.id
    assert before.revision < after.revision


def test_a_merged_ticket_goes_into_another_contact() -> None:
    merged = ContactMerged(id=own("merged"), **said(), into=contact_id("desk", "22129848", "5000"))
    assert parse(body("ticket.merged", {"target_ticket_id": 5000})) == Events((merged,))


@pytest.mark.parametrize("kind", ["soft_deleted", "marked_as_spam", "permanently_deleted"])
def test_a_removed_ticket_is_over(kind: str) -> None:
    over = ContactEnded(id=once("removed"), **said(revision=earliest(TEN + 120)))
    assert parse(body("ticket." + kind)) == Events((over,))


def test_a_ticket_is_over_once_since_it_was_first_removed() -> None:
    spam = parse(body("ticket.marked_as_spam"))
    gone = parse(body("ticket.permanently_deleted", id="e2", time="2026-11-20T10:00:00Z"))
    assert isinstance(spam, Events)
    assert isinstance(gone, Events)
    assert [each.id for each in spam.events] == [each.id for each in gone.events]
    assert spam.events[0].revision > gone.events[0].revision


@pytest.mark.parametrize(
    ("told", "state", "reason"),
    [
        ("online", "available", None),
        ("offline", "offline", None),
        ("away", "away", None),
        ("transfers_only", "away", "transfers_only"),
        ("Lunch", "away", "Lunch"),
    ],
)
def test_an_agents_state_is_read_everywhere_or_on_one_channel(told: str, state: Any, reason: str | None) -> None:
    common: dict[str, Any] = {"id": own("state"), "source": "desk", "revision": 1, "agent": "88", "time": AT}
    everywhere = body("agent.unified_state_changed", {"new_unified_state": {"id": "2", "name": told}}, detail=AGENT)
    assert parse(everywhere) == Events((AgentStateChanged(**common, channel="email", state=state, reason=reason),))
    event = {
        "new_state": told,
        "previous_state": "x",
        "channel": "talk",
        "updated_at": "2026-10-20T09:00:00.000000001Z",
    }
    talking = body("agent.state_changed", event, detail=AGENT)
    assert parse(talking) == Events(
        (AgentStateChanged(**common | {"time": NINE}, channel="phone", queue="talk", state=state, reason=reason),)
    )
    assert (PROVIDER.channel_of(everywhere, {}), PROVIDER.channel_of(talking, {})) == ("email", "phone")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (changed_to("ticket.group_assignment_changed", "6", None), "no_group"),
        (changed_to("ticket.agent_assignment_changed", "88", "0"), "unassigned"),
        (body("ticket.csat_received", {"satisfaction_score": {"score": "OFFERED"}}), "rating_not_understood"),
        (body("ticket.csat_received"), "rating_not_understood"),
        (body("ticket.merged"), "merged_into_unknown"),
        (body("ticket.priority_changed"), "not_counted"),
        (body("ticket.next_sla_breach_changed"), "not_counted"),
        (body("agent.work_item_added", detail=AGENT), "not_counted"),
        (body("user.merged"), "not_counted"),
        (body("ticket.levitated"), "unknown_event"),
    ],
)
def test_what_is_not_counted_is_ignored_with_the_reason(payload: bytes, reason: str) -> None:
    assert parse(payload) == Ignored(reason)


def test_ids_may_be_numbers_and_the_subject_names_the_ticket_too() -> None:
    numbers = DETAIL | {"id": 5158, "requester_id": 1011, "group_id": 7}
    assert parse(body("ticket.created", detail=numbers)) == parse(body("ticket.created"))
    assert parse(body("ticket.created", detail=DETAIL | {"id": None})) == parse(body("ticket.created"))


def test_without_a_creation_time_a_ticket_begins_when_it_is_told_of() -> None:
    assert parse(body("ticket.created", detail=DETAIL | {"created_at": None})) == Events(begun())


def test_a_duplicate_says_the_same_again() -> None:
    for payload in (BODY, changed_to("ticket.status_changed", "SOLVED", "OPEN")):
        assert parse(payload) == parse(payload)


def test_the_order_of_deliveries_changes_nothing() -> None:
    ungrouped = DETAIL | {"group_id": None}
    payloads = [
        body("ticket.created", detail=ungrouped),
        body("ticket.comment_added", {"comment": COMMENT}, detail=ungrouped),
        changed_to("ticket.group_assignment_changed", None, "7", id="e3"),
        changed_to("ticket.status_changed", "SOLVED", "OPEN", id="e4"),
        comment(id="67002", author={"id": "88", "is_staff": True}),
    ]

    def kept(order: list[bytes]) -> dict[str, AnyEvent]:
        known: dict[str, AnyEvent] = {}
        for payload in order:
            parsed = parse(payload)
            assert isinstance(parsed, Events)
            for event in parsed.events:
                if event.id not in known or event.revision > known[event.id].revision:
                    known[event.id] = event
        return known

    forth, back = kept(payloads), kept(payloads[::-1])
    assert {(each.id, each.revision) for each in forth.values()} == {(each.id, each.revision) for each in back.values()}
    assert len(forth) == 7
    assert {each[first_of("desk", CONTACT, "offered")].queue for each in (forth, back)} == {"7"}


@pytest.mark.parametrize(
    ("payload", "reason", "part"),
    [
        (b"", "syntax", "no JSON"),
        (BODY[:-20], "syntax", "no JSON"),
        (BODY.replace(b"Still", b"St\xffill"), "syntax", "no JSON"),
        (b'{"x":' + b"[" * 100_000, "syntax", "no JSON"),
        (b"[1]", "schema", "Expected `object`"),
        (b'{"ticket":"5158","status":"open"}', "schema", "missing required field `type`"),
        (body("ticket.created", type=7), "schema", r"`\$.type`"),
        (body("ticket.created", detail=[]), "schema", r"`\$.detail`"),
        (body("ticket.created", account_id=None), "identity", r"`\$.account_id` is missing"),
        (body("ticket.created", id=None), "identity", r"`\$.id` is missing"),
        (body("ticket.created", detail=None, subject="zen:user:7"), "identity", "no ticket is named"),
        (body("ticket.created", time="noon"), "time", r"`\$.time`"),
        (body("ticket.created", time="2026-10-20T10:00:00"), "time", r"`\$.time`"),
        (body("ticket.created", time="9999-12-31T23:59:59.999-23:59"), "time", r"`\$.time`"),
        (comment(author=None), "schema", "is_staff"),
        (comment(author={"id": "88"}), "schema", "is_staff"),
        (comment(id=None), "identity", "no `id`"),
        (comment(body=7), "schema", r"`\$.event.comment.body`"),
        (body("messaging_ticket.message_added"), "schema", "actor.type"),
        (changed_to("ticket.status_changed", "OPEN", "ASLEEP"), "schema", "'ASLEEP'"),
        (body("agent.state_changed", {"new_state": "online"}), "identity", "agent_id"),
        (body("agent.state_changed", detail=AGENT), "schema", r"`\$.event.new_state`"),
    ],
)
def test_what_can_not_be_understood_is_refused_with_the_reason(payload: bytes, reason: str, part: str) -> None:
    with pytest.raises(Malformed, match=part) as caught:
        parse(payload)
    assert caught.value.reason == reason


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(data=st.data())
@settings(max_examples=200)
def test_whatever_is_changed_in_a_payload_it_is_read_or_refused(data: st.DataObject) -> None:
    valid = [BODY, written("agent"), changed_to("ticket.status_changed", "SOLVED", "OPEN")]
    changed = json.loads(data.draw(st.sampled_from(valid)))
    inner = data.draw(st.sampled_from([changed, changed["detail"], changed["event"]]))
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(VALUES | st.lists(VALUES, max_size=2))
    payload = json.dumps(changed).encode()
    cut = data.draw(st.integers(0, 2 * len(payload)))
    payload = payload[:cut] + data.draw(st.binary(max_size=1)) + payload[cut:] if cut % 2 else payload[: cut or None]
    assert PROVIDER.channel_of(payload, {}) in ("chat", "email", "phone", "social")
    PROVIDER.key(payload, {})
    PROVIDER.identity(payload, {})
    with suppress(Malformed):
        assert isinstance(parse(payload), Events | Ignored)
