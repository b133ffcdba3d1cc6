"""Slack's Events API: what is genuine, and what it says."""

import hmac
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.slack import PROVIDER
from agents.intake.webhook import earliest
from schemas.events import (
    ContactAnswered,
    ContactCreated,
    ContactOffered,
    ContactStatusChanged,
    MessagePosted,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer, Delivery, NotGenuine
from tests.unit.cuts import Cut, cut, cuts
from tests.unit.vectors import vector

SOURCE = "slack-support"
TEAM, CHANNEL = "T0FLOOR01", "C0SUPPORT1"
ROOT, REPLY = "1792490300.000100", "1792490399.000200"
ROOT_MS, REPLY_MS = 1_792_490_300_000, 1_792_490_399_000
CONTACT = contact_id(SOURCE, TEAM, CHANNEL, ROOT)
ANA = ("slack:T0FLOOR01:U0CUST0001",)
AT = 1_792_490_400_000
SETTINGS = {"staff": "U0STAFF001, U0STAFF002", "resolved": "white_check_mark"}


def context(**given: str) -> Context:
    return Context(SOURCE, {}, read_at=AT, settings=SETTINGS | given)


def body(event: dict[str, Any] | None = None, **changed: Any) -> bytes:
    message = {"type": "message", "channel": CHANNEL, "user": "U0CUST0001", "text": "My parcel is late", "ts": ROOT}
    outer: dict[str, Any] = {
        "type": "event_callback",
        "token": "old",
        "team_id": TEAM,
        "event_id": "Ev0FLOOR0001",
        "event_time": 1792490399,
        "event": {name: value for name, value in (message | (event or {})).items() if value is not ...},
        "authorizations": [{"team_id": TEAM, "user_id": "U0BOT00001", "is_bot": True}],
    }
    return msgspec.json.encode({name: value for name, value in (outer | changed).items() if value is not ...})


def parse(payload: bytes, **given: str) -> Parsed:
    return PROVIDER.parse(payload, context(**given))


def said(time: int, **more: Any) -> dict[str, Any]:
    told = {"time": from_ms(time), "channel": "chat", "source": SOURCE, "contact": CONTACT, "queue": CHANNEL}
    return told | more


def created(time: int = ROOT_MS, **more: Any) -> ContactCreated:
    identifiers = more.pop("identifiers", ANA)
    return ContactCreated(
        id=event_id(SOURCE, CONTACT, "created"), revision=earliest(time), identifiers=identifiers, **said(time), **more
    )


def offered(time: int = ROOT_MS) -> ContactOffered:
    return ContactOffered(
        id=event_id(SOURCE, CONTACT, "offered"), revision=earliest(time), identifiers=ANA, **said(time)
    )


def answer(agent: str) -> ContactAnswered:
    return ContactAnswered(
        id=event_id(SOURCE, CONTACT, "answered"), revision=earliest(REPLY_MS), agent=agent, **said(REPLY_MS)
    )


def posted(time: int = ROOT_MS, ts: str = ROOT, **more: Any) -> MessagePosted:
    known: dict[str, Any] = {"author": "customer", "length": 17} | more
    if known["author"] == "customer":
        known = {"identifiers": ANA} | known
    if ts != ROOT:
        known["in_reply_to"] = event_id(SOURCE, TEAM, CHANNEL, ROOT, "message")
    return MessagePosted(id=event_id(SOURCE, TEAM, CHANNEL, ts, "message"), revision=1, **said(time), **known)


REPLIED = {"thread_ts": ROOT, "ts": REPLY}


def delivery(payload: bytes, *, key: str = "k1", stamp: str = "1792490400", at: int = AT, **headers: str) -> Delivery:
    proof = "v0=" + hmac.digest(key.encode(), b"v0:" + stamp.encode() + b":" + payload, sha256).hex()
    given = {"x-slack-request-timestamp": stamp, "x-slack-signature": proof} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return Delivery("POST", "https://hooks.example/hooks/slack/slack-support", (), given, payload, at)


SECRETS = {"signing_secret": ("k1",)}


def test_the_vector_is_genuine_and_a_customers_first_message() -> None:
    facts = vector("slack")
    payload = facts["body"].encode()
    genuine = delivery(payload, stamp=facts["timestamp"], x_slack_signature=facts["expected"])
    PROVIDER.verify(genuine, {"signing_secret": (facts["key"],)})
    contact = contact_id(SOURCE, TEAM, CHANNEL, REPLY)
    told = said(REPLY_MS, contact=contact, identifiers=ANA)
    assert parse(payload) == Events(
        (
            ContactCreated(id=event_id(SOURCE, contact, "created"), revision=earliest(REPLY_MS), **told),
            ContactOffered(id=event_id(SOURCE, contact, "offered"), revision=earliest(REPLY_MS), **told),
            MessagePosted(
                id=event_id(SOURCE, TEAM, CHANNEL, REPLY, "message"), revision=1, author="customer", length=24, **told
            ),
        )
    )


@pytest.mark.parametrize("key", ["k1", "k2"])
def test_both_values_of_a_secret_are_valid_while_it_is_rotated(key: str) -> None:
    PROVIDER.verify(delivery(body(), key=key), {"signing_secret": ("k1", "k2")})


@pytest.mark.parametrize(
    ("forged", "message"),
    [
        (delivery(body(), key="other"), "x-slack-signature is another"),
        (delivery(body())._replace(body=body() + b" "), "x-slack-signature is another"),
        (delivery(body(), x_slack_signature=""), "no header x-slack-signature"),
        (delivery(body(), x_slack_signature="v0=\xfc"), "x-slack-signature is another"),
        (delivery(body(), x_slack_request_timestamp=""), "no header x-slack-request-timestamp"),
        (delivery(body(), x_slack_request_timestamp="now"), "no number of seconds"),
        (delivery(body(), x_slack_request_timestamp="1792490400.5"), "no number of seconds"),
        (delivery(body(), stamp="1792490099"), "more than 300 s from now"),
        (delivery(body(), stamp="1792490701"), "more than 300 s from now"),
    ],
)
def test_what_slack_did_not_sign_just_now_is_not_genuine(forged: Delivery, message: str) -> None:
    with pytest.raises(NotGenuine, match=message):
        PROVIDER.verify(forged, SECRETS)


def test_five_minutes_are_not_too_old() -> None:
    PROVIDER.verify(delivery(body(), stamp="1792490100"), SECRETS)


def test_a_url_verification_is_answered_by_its_challenge() -> None:
    shake = b'{"type":"url_verification","token":"old","challenge":"c-77"}'
    assert PROVIDER.greet(delivery(shake), SECRETS) == Answer(body=b"c-77")
    assert parse(shake) == Ignored("handshake")
    assert PROVIDER.greet(delivery(body()), SECRETS) is None
    assert PROVIDER.greet(delivery(b"\xff"), SECRETS) is None
    assert PROVIDER.greet(delivery(b"")._replace(method="GET"), SECRETS) is None
    with pytest.raises(NotGenuine, match="without a challenge"):
        PROVIDER.greet(delivery(b'{"type":"url_verification"}'), SECRETS)


def test_a_delivery_is_known_by_its_event_id_and_ordered_by_its_thread() -> None:
    assert PROVIDER.identity(body(), {}) == "Ev0FLOOR0001"
    assert PROVIDER.identity(b"{", {}) is None
    keys = {PROVIDER.key(payload, {}) for payload in (body(), body(REPLIED), REACTED_ADDED)}
    assert keys == {b"T0FLOOR01:C0SUPPORT1:1792490300.000100"}
    assert PROVIDER.key(b"\xff", {}) is None
    assert PROVIDER.key(body({"channel": {"id": CHANNEL}}), {}) is None
    assert PROVIDER.key(body({"ts": ...}), {}) is None


def test_what_the_gateway_has_to_know() -> None:
    assert (PROVIDER.name, PROVIDER.secret_names, PROVIDER.setting_names) == (
        "slack",
        ("signing_secret",),
        ("staff", "resolved"),
    )
    assert (PROVIDER.seconds, PROVIDER.tries_again, PROVIDER.refusal) == (3.0, True, 401)
    assert PROVIDER.kept == ("x-slack-retry-num", "x-slack-retry-reason")
    assert PROVIDER.channel_of(body(), {}) == "chat"


def test_a_customers_first_message_begins_a_contact() -> None:
    assert parse(body()) == Events((created(), offered(), posted()))


def test_a_reply_to_ones_own_thread_began_with_the_thread() -> None:
    assert parse(body(REPLIED | {"parent_user_id": "U0CUST0001"})) == Events(
        (created(), offered(), posted(REPLY_MS, REPLY))
    )


@pytest.mark.parametrize("parent", [..., "U0STAFF001"])
def test_a_reply_to_somebody_elses_thread_began_with_the_reply(parent: Any) -> None:
    assert parse(body(REPLIED | {"parent_user_id": parent})) == Events(
        (created(REPLY_MS), offered(REPLY_MS), posted(REPLY_MS, REPLY))
    )


def test_staff_in_a_thread_answer() -> None:
    assert parse(body(REPLIED | {"user": "U0STAFF002"})) == Events(
        (posted(REPLY_MS, REPLY, author="agent", agent="U0STAFF002"), answer("U0STAFF002"))
    )


def test_a_thread_that_staff_begin_waits_for_nobody() -> None:
    assert parse(body({"user": "U0STAFF001"})) == Events(
        (
            created(identifiers=(), agent="U0STAFF001", direction="outbound"),
            posted(author="agent", agent="U0STAFF001"),
        )
    )


@pytest.mark.parametrize("field", ["user_team", "source_team", "team"])
def test_in_a_shared_channel_the_home_team_is_staff_and_another_is_not(field: str) -> None:
    shared: dict[str, Any] = {"is_ext_shared_channel": True, "team_id": "T0CUSTOMER"}
    home = parse(body(REPLIED | {"user": "U0HOME0001", field: TEAM}, **shared))
    assert home == Events((posted(REPLY_MS, REPLY, author="agent", agent="U0HOME0001"), answer("U0HOME0001")))
    assert parse(body({field: "T0CUSTOMER"}, **shared)) == Events((created(), offered(), posted()))
    assert parse(body({field: TEAM})) == Events((created(), offered(), posted()))


@pytest.mark.parametrize(
    ("event", "author"),
    [
        ({"subtype": "bot_message", "user": ..., "bot_id": "B1"}, "bot"),
        ({"bot_id": "B1"}, "bot"),
        ({"user": "U0BOT00001"}, "bot"),
        ({"user": "USLACKBOT"}, "system"),
    ],
)
def test_what_a_program_writes_neither_begins_nor_answers(event: dict[str, Any], author: str) -> None:
    assert parse(body(event)) == Events((posted(author=author),))
    assert parse(body(REPLIED | event)) == Events((posted(REPLY_MS, REPLY, author=author),))


@pytest.mark.parametrize("subtype", ["file_share", "me_message", "thread_broadcast"])
def test_messages_of_these_kinds_are_messages(subtype: str) -> None:
    assert parse(body({"subtype": subtype})) == Events((created(), offered(), posted()))


def test_a_mention_is_the_same_message() -> None:
    assert parse(body({"type": "app_mention"}, event_id="Ev0FLOOR0002")) == parse(body())


def test_the_length_is_that_of_what_was_typed() -> None:
    assert parse(body({"text": "a &lt; b &amp;&amp; &amp;lt;"})) == Events((created(), offered(), posted(length=13)))
    assert parse(body({"text": ...})) == Events((created(), offered(), posted(length=0)))


REACTED = {
    "type": "reaction_added",
    "user": "U0STAFF001",
    "reaction": "white_check_mark",
    "item_user": "U0CUST0001",
    "item": {"type": "message", "channel": CHANNEL, "ts": ROOT},
    "event_ts": REPLY,
    "ts": ...,
    "channel": ...,
}
REACTED_ADDED = body(REACTED)


def test_an_agreed_emoji_on_a_thread_sets_it_done_and_open_again() -> None:
    status = ContactStatusChanged(
        id=event_id(SOURCE, "Ev0FLOOR0001", "solved"), revision=1, agent="U0STAFF001", status="solved", **said(REPLY_MS)
    )
    assert parse(REACTED_ADDED) == Events((status,))
    reopened = ContactStatusChanged(
        id=event_id(SOURCE, "Ev0FLOOR0001", "open"), revision=1, agent="U0STAFF002", status="open", **said(REPLY_MS)
    )
    assert parse(body(REACTED | {"type": "reaction_removed", "user": "U0STAFF002"})) == Events((reopened,))


@pytest.mark.parametrize("user", ["U0CUST0001", "U0BOT00001", "", ...])
@pytest.mark.parametrize("kind", ["reaction_added", "reaction_removed"])
def test_an_emoji_of_anybody_but_staff_says_nothing(kind: str, user: Any) -> None:
    assert parse(body(REACTED | {"type": kind, "user": user})) == Ignored("reaction_of_others")
    shared = body(REACTED | {"type": kind, "user": user}, is_ext_shared_channel=True)
    assert parse(shared) == Ignored("reaction_of_others")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"reaction": "eyes"}, "reaction"),
        ({"item": {"type": "file"}}, "reaction"),
        ({"item": ...}, "reaction"),
        ({"item_user": "U0STAFF002"}, "reaction_to_reply"),
        ({"item_user": "U0BOT00001"}, "reaction_to_reply"),
    ],
)
def test_other_reactions_say_nothing(event: dict[str, Any], reason: str) -> None:
    assert parse(body(REACTED | event)) == Ignored(reason)


def test_without_agreed_emoji_no_reaction_says_anything() -> None:
    assert parse(REACTED_ADDED, resolved="") == Ignored("reaction")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (body({"subtype": "message_changed", "message": {"text": "x", "ts": ROOT}}), "edited"),
        (body({"subtype": "message_deleted", "previous_message": {"ts": ROOT}}), "deleted"),
        (body({"subtype": "message_replied"}), "thread_notice"),
        (body({"subtype": "channel_join"}), "housekeeping"),
        (body({"type": "channel_rename", "channel": {"id": CHANNEL}}), "unknown_event"),
        (b'{"type":"app_rate_limited","team_id":"T0FLOOR01","minute_rate_limited":1792490400}', "rate_limited"),
        (b'{"type":"block_actions"}', "unknown_type"),
        (b"{}", "unknown_type"),
    ],
)
def test_what_is_not_counted_is_ignored_with_the_reason(payload: bytes, reason: str) -> None:
    assert parse(payload) == Ignored(reason)


def test_a_retry_says_the_same_and_any_order_leaves_the_same() -> None:
    payloads = [body(), body(REPLIED | {"parent_user_id": "U0CUST0001"}), body(REPLIED | {"user": "U0STAFF001"})]

    def told(order: list[bytes]) -> set[tuple[str, int]]:
        parsed = [parse(payload) for payload in order]
        return {(each.id, each.revision) for events in parsed if isinstance(events, Events) for each in events.events}

    assert told([*payloads, payloads[0]]) == told(payloads[::-1])
    assert len(told(payloads)) == 5


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no JSON"),
        (body()[:-9], "syntax", "no JSON"),
        (b'{"type":"event_callback","team_id":"\xff"}', "syntax", "no JSON"),
        (b"payload=%7B%22type%22", "syntax", "no JSON"),
        (b"[1]", "schema", "Expected `object`"),
        (b'{"type":"event_callback","event":' + b"[" * 100_000, "syntax", "no JSON"),
        (body(event=None, team_id=7), "schema", r"`\$.team_id`"),
        (b'{"type":"event_callback"}', "schema", r"in `\$.event`: Expected `object`"),
        (body({"ts": 1792490399.0002}), "schema", r"in `\$.event`.*`\$.ts`"),
        (body({"type": ...}), "schema", "missing required field `type`"),
        (body({"text": ["x"]}), "schema", r"`\$.text`"),
        (body({"ts": "yesterday"}), "time", "'yesterday': expected seconds like"),
        (body({"ts": "٣.0"}), "time", "expected seconds like"),
        (body({"ts": ...}), "identity", r"`\$.event.ts` is missing"),
        (body({"channel": ...}), "identity", r"`\$.event.channel` is missing"),
        (body({"user": ...}), "identity", r"`\$.event.user` is missing"),
        (body(team_id=..., authorizations=...), "identity", r"`\$.team_id` is missing"),
        (body(REACTED, event_id=...), "identity", r"`\$.event_id` is missing"),
        (body(REACTED | {"event_ts": ...}), "time", "event_ts"),
        (body(REACTED | {"item": {"type": "message"}}), "identity", r"`\$.event.item.channel` is missing"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(payload)
    assert caught.value.reason == reason


PAYLOADS = [body(), body(REPLIED | {"user": "U0STAFF001"}), REACTED_ADDED]


@settings(max_examples=200, derandomize=True)
@given(
    payload=st.sampled_from(PAYLOADS),
    made=cuts(600),
)
def test_whatever_bytes_come_they_say_something_or_are_malformed(payload: bytes, made: list[Cut]) -> None:
    payload = cut(payload, made)
    try:
        parsed = parse(payload)
    except Malformed:
        return
    assert isinstance(parsed, Events | Ignored)
