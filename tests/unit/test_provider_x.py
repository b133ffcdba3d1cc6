"""X: who may post, the challenge, and what each kind of event says, by the old API and the new one."""

import base64
import hmac
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed
from agents.intake.providers import webhooks
from schemas.events import AnyEvent, ContactAnswered, ContactCreated, ContactOffered, MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer, Delivery, NotGenuine
from tests.unit.vectors import vector

X = webhooks()["x"]
KEY = "x-consumer-secret-fw-01"
SECRETS = {"consumer_secret": (KEY,)}
AT, LATER, TEN = 1_792_490_400_123, 1_792_490_460_123, 1_792_490_400_000
OURS, CUSTOMER = "2244990001", "3344550001"
DIRECT = contact_id("shop", "x", "dm", OURS, CUSTOMER)
PUBLIC = contact_id("shop", "x", "posts", OURS, CUSTOMER)
THREAD = contact_id("shop", "x", "thread", "1980000000000000002")
MENTION = {
    "id": "1980000000000000002",
    "conversation_id": "1980000000000000002",
    "author_id": CUSTOMER,
    "text": "hey @shop",
    "created_at": "2026-10-20T10:00:00.000Z",
}
OLD_MENTION = {
    "id_str": "1980000000000000002",
    "user": {"id_str": CUSTOMER, "screen_name": "ana_kunde"},
    "text": "hey @shop",
    "created_at": "Tue Oct 20 10:00:00 +0000 2026",
    "in_reply_to_status_id_str": None,
    "in_reply_to_user_id_str": OURS,
}
OLD_REPLY = {
    "id_str": "1980000000000000003",
    "user": {"id_str": OURS},
    "text": "@ana_kunde on",
    "extended_tweet": {"full_text": "@ana_kunde on its way"},
    "timestamp_ms": str(LATER),
    "in_reply_to_status_id_str": "1980000000000000002",
    "in_reply_to_user_id_str": CUSTOMER,
}
CHAT = {"conversation_id": f"{OURS}:{CUSTOMER}", "sender_id": CUSTOMER, "encoded_event": "b64", "created_at_msec": AT}


def dm(name: str, sender: str, to: str | None, at: int, text: str, **more: Any) -> dict[str, Any]:
    created = {"target": {"recipient_id": to} if to else {}, "sender_id": sender, "message_data": {"text": text}}
    return {"type": "message_create", "id": name, "created_timestamp": str(at), "message_create": created | more}


ASKED = dm("1980000000000000001", CUSTOMER, OURS, AT, "Where is my parcel?")
REPLIED = dm("1980000000000000009", OURS, CUSTOMER, LATER, "On its way", source_app_id="268278")


def old(**events: Any) -> bytes:
    return json.dumps({"for_user_id": OURS, "users": {CUSTOMER: {"id": CUSTOMER}}, **events}).encode()


def new(event_type: str, payload: Any, **data: Any) -> bytes:
    said = {"event_uuid": "-4411", "filter": {"user_id": OURS}, "event_type": event_type, "payload": payload}
    return json.dumps({"data": said | data}).encode()


def delivery(body: bytes, proof: str | None) -> Delivery:
    headers = {} if proof is None else {"x-twitter-webhooks-signature": proof}
    return Delivery("POST", "https://desk.example/hooks/x/shop", (), headers, body, AT)


def challenge(*query: tuple[str, str]) -> Delivery:
    return Delivery("GET", "https://desk.example/hooks/x/shop", query, {}, b"", AT)


def proof_of(body: bytes, key: str = KEY) -> str:
    return "sha256=" + base64.b64encode(hmac.digest(key.encode(), body, "sha256")).decode()


def context(**given_settings: str) -> Context:
    return Context("shop", {}, read_at=AT, settings=given_settings)


def parsed(body: bytes, **given_settings: str) -> Parsed:
    return X.parse(body, context(**given_settings))


def said(contact: str, time: int, *identifiers: str) -> dict[str, Any]:
    common = {"time": from_ms(time), "channel": "social", "source": "shop", "contact": contact, "queue": OURS}
    return common | {"identifiers": identifiers or (f"x:{CUSTOMER}",)}


def posted(common: dict[str, Any], name: str, author: Any, length: int | None, before: str | None = None) -> AnyEvent:
    names = [None if each is None else event_id("shop", each, "posted") for each in (name, before)]
    return MessagePosted(id=names[0] or "", author=author, length=length, in_reply_to=names[1], revision=1, **common)


def received(contact: str, time: int, name: str, length: int | None, before: str | None = None) -> tuple[AnyEvent, ...]:
    common = said(contact, time)
    revision = (1 << 53) - time
    return (
        ContactCreated(id=event_id("shop", contact, "created"), revision=revision, **common),
        ContactOffered(id=event_id("shop", contact, "offered"), revision=revision, **common),
        posted(common, name, "customer", length, before),
    )


def sent(common: dict[str, Any], time: int, name: str, length: int | None, before: str | None = None) -> Any:
    answer = ContactAnswered(
        id=event_id("shop", common["contact"], "answered"),
        revision=(1 << 53) - time,
        **common | {"identifiers": ()},
    )
    return posted(common, name, "agent", length, before), answer


ASKED_SAYS = received(DIRECT, AT, "1980000000000000001", 19)
REPLIED_SAYS = sent(said(DIRECT, LATER), LATER, "1980000000000000009", 10)


def test_what_x_signed_is_genuine() -> None:
    known = vector("x-post")
    for secrets in ((known["key"],), ("new", known["key"]), (known["key"], "new")):
        X.verify(delivery(known["body"].encode(), known["expected"]), {"consumer_secret": secrets})


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        (None, "no header x-twitter-webhooks-signature"),
        ("", "no header x-twitter-webhooks-signature"),
        (proof_of(b"{}", "another"), "is not the body's"),
        (proof_of(b"{ }"), "is not the body's"),
        (proof_of(b"{}").removeprefix("sha256="), "is not the body's"),
        ("sha256=Ä", "is not the body's"),
    ],
)
def test_what_x_did_not_sign_is_not_genuine(proof: str | None, message: str) -> None:
    with pytest.raises(NotGenuine, match=message) as caught:
        X.verify(delivery(b"{}", proof), SECRETS)
    assert KEY not in str(caught.value)


def test_an_altered_body_is_not_genuine() -> None:
    known = vector("x-post")
    with pytest.raises(NotGenuine, match="is not the body's"):
        X.verify(delivery(known["body"].replace("0001", "0002").encode(), known["expected"]), SECRETS)


def test_what_a_challenge_gets_signed_is_no_genuine_body() -> None:
    answer = X.greet(challenge(("crc_token", "fw-junk")), SECRETS)
    assert answer is not None
    proof = json.loads(answer.body)["response_token"]
    assert proof == proof_of(b"fw-junk")
    with pytest.raises(NotGenuine, match="the body is a plain token"):
        X.verify(delivery(b"fw-junk", proof), SECRETS)


def test_a_challenge_is_answered_with_its_signature() -> None:
    known = vector("x-crc")
    expected = Answer(body=known["expected"].encode(), content_type="application/json")
    asked = challenge(("crc_token", known["crc_token"]), ("nonce", "1"))
    assert X.greet(asked, {"consumer_secret": (known["key"],)}) == expected
    assert X.greet(asked, {"consumer_secret": (known["key"], "old")}) == expected


@pytest.mark.parametrize("token", [None, "", '{"for_user_id":"1"}', " {}", "[1]", "a\n", "a" * 513, "é"])
def test_a_token_that_could_be_a_body_is_not_signed(token: str | None) -> None:
    with pytest.raises(NotGenuine, match="a GET without crc_token, or with one that is no plain token"):
        X.greet(challenge() if token is None else challenge(("crc_token", token)), SECRETS)


def test_a_post_is_no_challenge_and_comes_only_once() -> None:
    assert X.greet(delivery(b"{}", "sha256="), SECRETS) is None
    assert X.tries_again is False


def test_a_direct_message_begins_a_contact_and_ours_answers_it() -> None:
    assert parsed(old(direct_message_events=[ASKED, REPLIED])) == Events(ASKED_SAYS + REPLIED_SAYS)


def test_both_apis_say_the_same_of_a_direct_message() -> None:
    assert parsed(new("dm.received", {"direct_message_events": [ASKED]})) == Events(ASKED_SAYS)
    assert parsed(new("dm.sent", {"direct_message_events": [REPLIED]})) == Events(REPLIED_SAYS)


def test_what_an_app_writes_by_itself_answers_nothing() -> None:
    expected = posted(said(DIRECT, LATER), "1980000000000000009", "bot", 10)
    assert parsed(old(direct_message_events=[REPLIED]), bot_apps="268278") == Events((expected,))


def test_a_direct_message_has_one_contact_whichever_side_tells_of_it() -> None:
    other = json.dumps({"for_user_id": CUSTOMER, "direct_message_events": [ASKED]}).encode()
    sides = [parsed(old(direct_message_events=[ASKED])), parsed(other)]
    messages = [e for s in sides if isinstance(s, Events) for e in s.events if isinstance(e, MessagePosted)]
    assert [(each.contact, each.id) for each in messages] == [(DIRECT, ASKED_SAYS[2].id)] * 2


def test_a_mention_and_our_reply_by_the_old_api() -> None:
    before = "1980000000000000002"
    asked = received(PUBLIC, TEN, before, 9)
    replied = sent(said(PUBLIC, LATER), LATER, "1980000000000000003", 21, before)
    assert parsed(old(tweet_create_events=[OLD_MENTION, OLD_REPLY])) == Events(asked + replied)


def test_a_customer_who_replies_again_by_the_old_api_stays_the_same_contact() -> None:
    again = OLD_MENTION | {"id_str": "1980000000000000004", "in_reply_to_status_id_str": "1980000000000000003"}
    expected = received(PUBLIC, TEN, "1980000000000000004", 9, "1980000000000000003")
    assert parsed(old(tweet_create_events=[again])) == Events(expected)


def test_a_mention_by_the_new_api() -> None:
    expected = Events(received(THREAD, TEN, "1980000000000000002", 9))
    assert parsed(new("post.mention.create", MENTION, tag="shop-mentions")) == expected


def test_a_reply_by_the_new_api_belongs_to_its_conversation() -> None:
    before = {"referenced_tweets": [{"type": "quoted", "id": "7"}, {"type": "replied_to", "id": "1980000000000000003"}]}
    reply = MENTION | {"id": "1980000000000000005"} | before
    expected = received(THREAD, TEN, "1980000000000000005", 9, "1980000000000000003")
    assert parsed(new("post.reply.create", reply)) == Events(expected)


OUR_OWN = MENTION | {"id": "1980000000000000006", "author_id": OURS}
TO_OURSELVES = {
    "in_reply_to_user_id": OURS,
    "referenced_tweets": [{"type": "replied_to", "id": "1980000000000000002"}],
}
"""A reply to our own post that began the conversation."""


def test_our_own_post_in_a_conversation_answers_it() -> None:
    common = said(THREAD, TEN) | {"identifiers": ()}
    expected = Events(sent(common, TEN, "1980000000000000006", 9))
    assert parsed(new("post.create", OUR_OWN)) == expected
    assert parsed(new("post.create", OUR_OWN | {"in_reply_to_user_id": CUSTOMER})) == expected
    # Under what we wrote before in a customer's conversation.
    below = TO_OURSELVES | {"referenced_tweets": [{"type": "replied_to", "id": "1980000000000000005"}]}
    replied = Events(sent(common, TEN, "1980000000000000006", 9, "1980000000000000005"))
    assert parsed(new("post.create", OUR_OWN | below)) == replied


def test_an_encrypted_message_is_counted_without_its_text() -> None:
    chat = contact_id("shop", "x", "chat", f"{OURS}-{CUSTOMER}")
    assert parsed(new("chat.received", CHAT)) == Events(received(chat, AT, "-4411", None))
    own = CHAT | {"id": "evt1", "sender_id": OURS}
    common = said(chat, AT) | {"identifiers": ()}
    assert parsed(new("chat.sent", own)) == Events(sent(common, AT, "evt1", None))
    unsaid = {name: value for name, value in own.items() if name != "sender_id"}
    assert parsed(new("chat.sent", unsaid)) == Events(sent(common, AT, "evt1", None))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (old(favorite_events=[{"id": "1"}]), "other_event"),
        (old(follow_events=[{"type": "unfollow"}]), "other_event"),
        (old(direct_message_indicate_typing_events=[{}]), "other_event"),
        (old(direct_message_events=[]), "empty_batch"),
        (old(direct_message_events=[{"type": "participants_join"}]), "no_message"),
        (old(direct_message_events=[dm("1", OURS, None, AT, "all")]), "group_message"),
        (old(tweet_create_events=[OLD_MENTION | {"retweeted_status": {"id_str": "1"}}]), "repost"),
        (old(tweet_create_events=[OLD_REPLY | {"in_reply_to_user_id_str": None}]), "own_post"),
        (old(tweet_create_events=[OLD_REPLY | {"in_reply_to_user_id_str": OURS}]), "own_post"),
        (json.dumps({"user_event": {"revoke": {"user_id": OURS}}}).encode(), "access_revoked"),
        (new("oauth.revoke", None, filter={}), "access_revoked"),
        (new("post.delete", {"id": 1.5}), "other_event"),
        (new("follow.followed", {}), "other_event"),
        (new("post.create", MENTION | {"author_id": OURS}), "own_post"),
        (new("post.create", OUR_OWN | TO_OURSELVES), "own_post"),
        (new("post.mention.create", MENTION | {"referenced_tweets": [{"type": "retweeted", "id": "1"}]}), "repost"),
        (new("dm.received", {}), "empty_batch"),
        (b"{}", "other_event"),
    ],
)
def test_what_nobody_has_to_answer_is_ignored(body: bytes, reason: str) -> None:
    assert parsed(body) == Ignored(reason)


def test_a_post_with_its_empty_parts_written_out_is_a_post() -> None:
    post = OLD_MENTION | {"retweeted_status": None, "extended_tweet": None}
    assert parsed(old(tweet_create_events=[post])) == Events(received(PUBLIC, TEN, "1980000000000000002", 9))


def test_ids_as_numbers_stay_exact() -> None:
    body = old(direct_message_events=[ASKED]).replace(b'"1980000000000000001"', b"1980000000000000001")
    assert parsed(body) == Events(ASKED_SAYS)


def test_an_event_that_cannot_be_read_takes_nothing_from_the_others() -> None:
    direct, post = ASKED | {"id": ""}, OLD_MENTION | {"user": 7}
    identity = Fault("identity", "`$.direct_message_events[0].id` is missing or empty: expected an id")
    schema = "in `$.tweet_create_events[0]`: Expected `object`, got `int` - at `$.user`"
    assert parsed(old(direct_message_events=[direct, ASKED], tweet_create_events=[post])) == Events(
        ASKED_SAYS, (identity, Fault("schema", schema))
    )
    in_activity = new("dm.received", {"direct_message_events": [direct, ASKED]})
    message = "`$.data.payload.direct_message_events[0].id` is missing or empty: expected an id"
    assert parsed(in_activity) == Events(ASKED_SAYS, (Fault("identity", message),))


def test_a_delivery_that_comes_again_says_the_same() -> None:
    assert parsed(old(direct_message_events=[ASKED, REPLIED])) == parsed(old(direct_message_events=[ASKED, REPLIED]))


def test_the_order_of_deliveries_is_all_the_same() -> None:
    again = dm("1980000000000000010", CUSTOMER, OURS, LATER + 1, "Thanks")
    bodies = [old(direct_message_events=[each]) for each in (ASKED, REPLIED, again)]

    def names(ordered: list[bytes]) -> set[tuple[str, int]]:
        answers = [parsed(body) for body in ordered]
        return {(each.id, each.revision) for one in answers if isinstance(one, Events) for each in one.events}

    assert names(bodies) == names(bodies[::-1])
    assert max(revision for name, revision in names(bodies) if name == ASKED_SAYS[0].id) == ASKED_SAYS[0].revision


def without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in values.items() if each != name}


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        (old(direct_message_events=[ASKED])[:-5], "syntax", "no JSON"),
        (b"", "syntax", "no JSON"),
        (old(direct_message_events=[ASKED]).replace(b"parcel", b"\xf6"), "syntax", "no JSON"),
        (new("post.mention.create", MENTION).replace(b"hey", b"\xf6"), "syntax", r"in `\$.data.payload`: no JSON"),
        (b'{"x":' + b"[" * 100_000, "syntax", "no JSON"),
        (b"[]", "schema", "Expected `object`"),
        (old(direct_message_events={}), "schema", r"`\$.direct_message_events`"),
        (
            old(direct_message_events=[7]),
            "schema",
            r"^in `\$.direct_message_events\[0\]`: Expected `object`, got `int`",
        ),
        (json.dumps({"data": {}}).encode(), "schema", "missing required field `event_type`"),
        (new("post.mention.create", [1]), "schema", r"in `\$.data.payload`: Expected `object`"),
        (new("post.mention.create", None), "schema", r"in `\$.data.payload`: Expected `object`"),
        (vector("x-post")["body"].encode(), "schema", r"`\$.direct_message_events\[0\].message_create` is missing"),
        (json.dumps({"direct_message_events": [ASKED]}).encode(), "identity", r"`\$.for_user_id` is missing"),
        (new("post.mention.create", MENTION, filter=None), "identity", r"`\$.data.filter.user_id` is missing"),
        (old(direct_message_events=[ASKED | {"id": ""}]), "identity", r"direct_message_events\[0\].id` is missing"),
        (old(direct_message_events=[dm("1", "", OURS, AT, "")]), "identity", "message_create.sender_id` is missing"),
        (old(tweet_create_events=[without(OLD_MENTION, "user")]), "identity", r"\[0\].user.id_str` is missing"),
        (old(tweet_create_events=[without(OLD_MENTION, "id_str")]), "identity", r"\[0\].id_str` is missing"),
        (new("post.mention.create", without(MENTION, "conversation_id")), "identity", "conversation_id` is missing"),
        (new("post.mention.create", without(MENTION, "author_id")), "identity", "author_id` is missing"),
        (new("chat.received", CHAT, event_uuid=None), "identity", r"`\$.data.event_uuid` is missing"),
        (old(direct_message_events=[ASKED | {"created_timestamp": "now"}]), "time", "created_timestamp` is 'now'"),
        (old(tweet_create_events=[OLD_MENTION | {"created_at": "Tue"}]), "time", "is 'Tue': expected one as Tue Oct"),
        (old(tweet_create_events=[OLD_MENTION | {"timestamp_ms": "-1"}]), "time", "timestamp_ms` is '-1'"),
        (new("post.mention.create", without(MENTION, "created_at")), "time", "created_at` is '': expected one as 2026"),
        (new("post.mention.create", MENTION | {"created_at": "2026-10-20T10:00:00"}), "time", "expected one as 2026"),
        (
            new("post.mention.create", MENTION | {"created_at": "0001-01-01T00:00:00+14:00"}),
            "time",
            "created_at` is '-",
        ),
    ],
)
def test_what_is_no_event_of_x_is_malformed(body: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parsed(body)
    assert caught.value.reason == reason


BODIES = (
    old(direct_message_events=[ASKED], tweet_create_events=[OLD_MENTION, OLD_REPLY]),
    new("dm.received", {"direct_message_events": [ASKED]}),
    new("post.mention.create", MENTION),
    new("chat.received", CHAT),
)


@settings(max_examples=200)
@given(st.sampled_from(BODIES), st.integers(0), st.integers(0, 12), st.binary(max_size=6))
def test_a_damaged_body_is_answered_or_malformed(body: bytes, at: int, gone: int, new_bytes: bytes) -> None:
    at %= len(body)
    with suppress(Malformed):
        assert isinstance(parsed(body[:at] + new_bytes + body[at + gone :]), Events | Ignored)
