"""Mastodon: what a push and an admin webhook prove and say, and what the statuses of its streams say."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from itertools import permutations
from typing import Any

import http_ece
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.formats import WHOLE
from agents.intake.mastodon_statuses import MastodonStream
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.mastodon import PROVIDERS, MastodonPush
from agents.intake.webhook import earliest
from schemas.events import ContactAnswered, ContactCreated, ContactOffered, ContactStatusChanged, MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Delivery, NotGenuine
from tests.unit.cuts import Cut, cut, cuts
from tests.unit.vectors import vector

PUSH, ADMIN = PROVIDERS
STREAM = MastodonStream()
AT, TEN = 1_792_490_400_000, 1_792_490_400_000
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def base64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private_key(text: str) -> str:
    return base64((int.from_bytes(sha256(text.encode()).digest(), "big") % ORDER).to_bytes(32, "big"))


OURS = private_key("floorwalker webpush receiver")
FACTS = vector("mastodon-webpush")
PUSHED = raw(FACTS["encrypted body"])
SECRETS = {"private_key": (OURS,), "auth": (FACTS["auth secret"],)}
INSTANCE = ec.derive_private_key(4711, ec.SECP256R1())
SERVER_KEY = base64(INSTANCE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
URL = "https://hooks.example/hooks/mastodon-push/shop"


def pushed(payload: bytes = PUSHED, encoding: str = "aes128gcm", **headers: str) -> Delivery:
    return Delivery("POST", URL, (), {"content-encoding": encoding} | headers, payload, AT)


def hook(**given_settings: str) -> MastodonPush:
    return MastodonPush().configured(SECRETS, given_settings)


def encrypted(text: bytes, **changed: Any) -> bytes:
    sender = ec.derive_private_key(815, ec.SECP256R1())
    receiver = raw(FACTS["receiver public (p256dh)"])
    known: dict[str, Any] = {"salt": b"s" * 16, "auth_secret": raw(FACTS["auth secret"]), "dh": receiver} | changed
    return bytes(http_ece.encrypt(text, private_key=sender, version="aes128gcm", **known))


def token(signer: ec.EllipticCurvePrivateKey = INSTANCE, **claims: Any) -> str:
    said = {"aud": "https://hooks.example", "exp": AT // 1000 + 86_400, "sub": "mailto:a@kunde.example"} | claims
    signed = base64(b'{"typ":"JWT","alg":"ES256"}') + "." + base64(json.dumps(said).encode())
    r, s = decode_dss_signature(signer.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def test_the_vector_is_genuine_and_loses_its_access_token() -> None:
    hook().verify(pushed(), SECRETS)
    assert b"access_token" in FACTS["expected plaintext"].encode()
    assert hook().redacted(PUSHED) == b'{"notification_id":9001,"notification_type":"mention"}'
    assert hook().identity(PUSHED, {}) == "9001"
    assert PUSH.parse(hook().redacted(PUSHED), Context("shop", {}, read_at=AT)) == Ignored("push_notice")


def test_each_try_is_encrypted_anew_and_has_the_same_identity() -> None:
    bodies = [encrypted(b'{"notification_id":"9002","access_token":"x"}', salt=salt * 16) for salt in (b"a", b"b")]
    assert bodies[0] != bodies[1]
    assert [hook().identity(each, {}) for each in bodies] == ["9002", "9002"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        PUSHED[:20],
        PUSHED[:86],
        PUSHED[:-1],
        PUSHED[:-1] + b"x",
        b"\x00" + PUSHED[1:],
        PUSHED[:20] + b"\x00" + PUSHED[21:],
        b"\x00" * 200,
        encrypted(b'{"notification_id":1}', auth_secret=b"x" * 16),
        encrypted(b"[1]"),
        encrypted(b"\xff"),
    ],
)
def test_what_does_not_decrypt_to_an_object_under_our_key_is_not_genuine(payload: bytes) -> None:
    with pytest.raises(NotGenuine, match="not encrypted for this subscription's keys"):
        hook().verify(pushed(payload), SECRETS)


def test_a_push_of_the_older_kind_and_one_without_a_kind_are_refused() -> None:
    with pytest.raises(NotGenuine, match="'aesgcm': subscribe with standard"):
        hook().verify(pushed(encoding="aesgcm"), SECRETS)
    with pytest.raises(NotGenuine, match="no header content-encoding"):
        hook().verify(pushed(encoding=""), SECRETS)


def test_a_refusal_leaves_the_subscription_alone() -> None:
    assert PUSH.refusal in (408, 429)


def test_while_keys_change_both_are_valid() -> None:
    both = {"private_key": (private_key("another"), OURS), "auth": (base64(b"y" * 16), FACTS["auth secret"])}
    MastodonPush().configured(both, {}).verify(pushed(), both)


def test_a_hook_without_keys_proves_nothing_and_lets_nothing_slip() -> None:
    with pytest.raises(NotGenuine):
        PUSH.verify(pushed(), SECRETS)
    assert PUSH.redacted(PUSHED) == PUSHED
    assert PUSH.redacted(b'{"access_token":"secret","notification_id":7}') == b'{"notification_id":7}'
    assert PUSH.identity(b'{"notification_id":7}', {}) == "7"


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ({"private_key": ("hunter2",), "auth": ()}, "private_key: expected 32 bytes"),
        ({"private_key": (base64(b"\x00" * 32),), "auth": ()}, "private_key: no key of the curve"),
        ({"private_key": (OURS,), "auth": ("hunter2",)}, "auth: expected 16 bytes"),
    ],
)
def test_keys_that_are_none_are_found_at_the_start_and_not_shown(
    secrets: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        MastodonPush().configured(secrets, {})
    assert "hunter2" not in str(caught.value)


def test_settings_that_are_wrong_are_named() -> None:
    assert MastodonPush().settings_faults({"server_key": "x", "account": "shop"}) == [
        ("server_key", "server_key: expected 65 bytes in base64url"),
        ("account", "'shop': expected user@domain"),
    ]
    assert MastodonPush().settings_faults({"server_key": SERVER_KEY, "account": "shop@social.example"}) == []


def test_with_the_server_key_the_instance_signs_each_push() -> None:
    known = hook(server_key=SERVER_KEY)
    known.verify(pushed(authorization=f"vapid t={token()},k={SERVER_KEY}"), SECRETS)
    known.verify(pushed(authorization=f"Vapid k=other, t={token(aud='https://hooks.example:443')}"), SECRETS)


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("", "no header authorization"),
        (f"WebPush {token()}", "expected vapid"),
        (f"vapid k={SERVER_KEY}", "not signed by ES256"),
        (f"vapid t={token(ec.derive_private_key(4712, ec.SECP256R1()))}", "not the instance's"),
        (f"vapid t={token().replace('.', 'x.', 1)}", "not the instance's"),
        (f"vapid t={token()[:-3]}???", "not the instance's"),
        (f"vapid t={token(exp='soon')}", "not the instance's"),
        (f"vapid t={token(aud='https://other.example')}", "for another host"),
        (f"vapid t={token(aud='http://[')}", "for another host"),
        (f"vapid t={token(exp=AT // 1000)}", "expired"),
        (f"vapid t={token(exp=AT // 1000 + 86_400 + 301)}", "expired, or holds for more than a day"),
    ],
)
def test_another_instance_an_old_token_or_none_is_refused(authorization: str, message: str) -> None:
    with pytest.raises(NotGenuine, match=message):
        hook(server_key=SERVER_KEY).verify(pushed(authorization=authorization), SECRETS)


def test_a_push_with_its_notification_says_what_that_says() -> None:
    payload = msgspec.json.encode({"notification_id": 9001, "notification": mention()})
    context = Context("shop", {}, read_at=AT, settings={"account": "shop@social.example"})
    assert PUSH.parse(payload, context) == stream(mention())


ADMIN_FACTS = vector("mastodon-admin")
REPORT = contact_id("shop", "mastodon", "report", "17")
MODERATION: dict[str, Any] = {"channel": "social", "source": "shop", "contact": REPORT, "queue": "moderation"}


def signed(payload: bytes, proof: str | None) -> Delivery:
    headers = {} if proof is None else {"x-hub-signature": proof}
    return Delivery("POST", "https://hooks.example/hooks/mastodon-admin/shop", (), headers, payload, AT)


def administered(payload: bytes, **given_settings: str) -> Parsed:
    return ADMIN.parse(payload, Context("shop", {}, read_at=AT, settings=given_settings))


def report(event: str = "report.updated", **changed: Any) -> bytes:
    told: dict[str, Any] = {
        "id": "17",
        "action_taken": False,
        "action_taken_at": None,
        "category": "spam",
        "created_at": "2026-10-20T10:00:00.000Z",
        "updated_at": "2026-10-20T10:05:00.000Z",
        "account": {
            "username": "Ana",
            "domain": None,
            "email": "Ana@Kunde.example",
            "account": {"acct": "Ana", "url": "https://social.example/@Ana"},
        },
        "assigned_account": None,
        "action_taken_by_account": None,
    }
    found = {name: value for name, value in (told | changed).items() if value is not ...}
    return msgspec.json.encode({"event": event, "created_at": "2026-10-20T10:05:00.100Z", "object": found})


ANA = ("mailto:ana@kunde.example", "mastodon:ana@social.example")
FIVE = TEN + 300_000


def reported(identifiers: tuple[str, ...] = ANA, **more: Any) -> tuple[ContactCreated, ContactOffered]:
    said: dict[str, Any] = (
        MODERATION | {"time": from_ms(TEN), "revision": earliest(TEN), "identifiers": identifiers} | more
    )
    return (
        ContactCreated(id=event_id("shop", REPORT, "created"), tags=("spam",), **said),
        ContactOffered(id=event_id("shop", REPORT, "offered"), **said),
    )


def status(status_now: Any, stamp: str = "2026-10-20T10:05:00.000Z", **more: Any) -> ContactStatusChanged:
    known: dict[str, Any] = {"time": from_ms(FIVE)} | more
    return ContactStatusChanged(
        id=event_id("shop", REPORT, stamp, "status"), revision=1, status=status_now, **MODERATION, **known
    )


def test_the_vector_of_an_admin_webhook_is_genuine_and_a_report() -> None:
    payload = ADMIN_FACTS["body"].encode()
    ADMIN.verify(signed(payload, ADMIN_FACTS["expected"]), {"secret": (ADMIN_FACTS["key"],)})
    ADMIN.verify(signed(payload, ADMIN_FACTS["expected"]), {"secret": ("new", ADMIN_FACTS["key"])})
    assert administered(payload) == Events(reported(()))
    assert ADMIN.identity(payload, {}) == "report.created:17:2026-10-20T10:00:00.000Z"
    assert (ADMIN.key(payload, {}), ADMIN.channel_of(payload, {})) == (b"17", "social")


@pytest.mark.parametrize("proof", [None, "", "sha256=00", ADMIN_FACTS["expected"].removeprefix("sha256=")])
def test_an_admin_webhook_with_another_signature_is_not_genuine(proof: str | None) -> None:
    with pytest.raises(NotGenuine, match="x-hub-signature"):
        ADMIN.verify(signed(ADMIN_FACTS["body"].encode(), proof), {"secret": (ADMIN_FACTS["key"],)})


def test_an_altered_admin_webhook_is_not_genuine() -> None:
    altered = ADMIN_FACTS["body"].replace("17", "18").encode()
    with pytest.raises(NotGenuine, match="is not the body's"):
        ADMIN.verify(signed(altered, ADMIN_FACTS["expected"]), {"secret": (ADMIN_FACTS["key"],)})


def test_a_report_is_a_contact_in_the_queue_of_moderation() -> None:
    assert administered(report("report.created")) == Events(reported())
    assert administered(report("report.created"), queue="abuse") == Events(reported(queue="abuse"))


def test_a_report_that_somebody_took_is_answered_and_open() -> None:
    answered = ContactAnswered(
        id=event_id("shop", REPORT, "answered"), time=from_ms(FIVE), revision=earliest(FIVE), agent="mod1", **MODERATION
    )
    assert administered(report(assigned_account={"username": "mod1"})) == Events(
        (*reported(), answered, status("open"))
    )
    assert administered(report()) == Events((*reported(), status("open")))


def test_a_report_that_is_done_is_solved_and_answered_by_who_did_it() -> None:
    done = FIVE - 1_000
    payload = report(
        action_taken=True,
        action_taken_at="2026-10-20T10:04:59.000Z",
        action_taken_by_account={"username": "mod2"},
        assigned_account={"username": "mod1"},
    )
    answered = ContactAnswered(
        id=event_id("shop", REPORT, "answered"), time=from_ms(done), revision=earliest(done), agent="mod2", **MODERATION
    )
    solved = status("solved", time=from_ms(done), agent="mod2")
    assert administered(payload) == Events((*reported(), answered, solved))


def test_a_remote_reporter_is_named_with_the_domain() -> None:
    person = {"username": "bob", "domain": "Kunde.example", "email": None}
    assert administered(report("report.created", account=person)) == Events(reported(("mastodon:bob@kunde.example",)))
    assert administered(report("report.created", account=None)) == Events(reported(()))


@pytest.mark.parametrize(
    ("event", "reason"),
    [("status.created", "not_counted"), ("account.approved", "not_counted"), ("x", "unknown_event")],
)
def test_other_admin_events_say_nothing(event: str, reason: str) -> None:
    assert administered(report(event)) == Ignored(reason)


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no JSON"),
        (report()[:-9], "syntax", "no JSON"),
        (b'{"event":"\xff"}', "syntax", "no JSON"),
        (b"[1]", "schema", "Expected `object`"),
        (b'{"object":{}}', "schema", "missing required field `event`"),
        (b'{"event":"report.created"}', "schema", r"in `\$.object`: Expected `object`"),
        (report(action_taken="no"), "schema", r"in `\$.object`.*`\$.action_taken`"),
        (report(id=None), "identity", r"`\$.object.id` is missing"),
        (report(created_at="today"), "time", "'today': expected ISO 8601"),
        (report(updated_at="2026-10-20T10:05:00"), "time", r"`\$.object.updated_at`"),
        (report(action_taken=True, action_taken_at="now"), "time", r"`\$.object.action_taken_at`"),
    ],
)
def test_what_an_admin_webhook_cannot_say_is_refused_with_the_reason(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        administered(payload)
    assert caught.value.reason == reason


ANA_ACCOUNT = {"id": "109", "username": "ana", "acct": "Ana@kunde.example", "url": "https://kunde.example/@ana"}
SHOP = {"id": "1", "acct": "shop", "username": "shop"}
WROTE = TEN - 1_000
LATER = TEN + 60_000
QUEUE = "shop@social.example"
THREAD = contact_id("shop", "mastodon", "thread", "social.example", "1130001")
DIRECT = contact_id("shop", "mastodon", "direct", QUEUE, "ana@kunde.example")


def toot(**changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": "1130001",
        "uri": "https://kunde.example/users/ana/statuses/1",
        "created_at": "2026-10-20T09:59:59.000Z",
        "edited_at": None,
        "in_reply_to_id": None,
        "visibility": "public",
        "language": "en",
        "content": '<p><a href="https://social.example/@shop">@<span>shop</span></a> where is it?</p>',
        "account": ANA_ACCOUNT,
        "mentions": [SHOP],
        "reblog": None,
    }
    return {name: value for name, value in (told | changed).items() if value is not ...}


def mention(kind: str = "mention", **changed: Any) -> dict[str, Any]:
    return {
        "id": "9001",
        "type": kind,
        "created_at": "2026-10-20T10:00:00.000Z",
        "account": ANA_ACCOUNT,
        "status": toot(**changed),
    }


REPLY = {
    "id": "1130002",
    "created_at": "2026-10-20T10:01:00.000Z",
    "in_reply_to_id": "1130001",
    "account": SHOP,
    "mentions": [ANA_ACCOUNT],
    "content": "<p>It left today &amp; arrives<br>on Monday.</p>",
}


def stream(value: Any, event: str = "notification", thread: str = "") -> Parsed:
    headers = {
        "mastodon-event": event.encode(),
        "mastodon-account": b"shop@Social.example",
        "mastodon-thread": thread.encode(),
    }
    payload = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return STREAM.parse(payload, Context("shop", headers, read_at=AT))


def common(time: int, contact: str) -> dict[str, Any]:
    return {"time": from_ms(time), "channel": "social", "source": "shop", "contact": contact, "queue": QUEUE}


def posted_id(name: str) -> str:
    return event_id("shop", "social.example", name, "posted")


def asked(contact: str = THREAD, **more: Any) -> Events:
    said = common(WROTE, contact) | {"identifiers": ("mastodon:ana@kunde.example",)}
    known: dict[str, Any] = {"id": posted_id("1130001"), "revision": 1, "author": "customer", "length": 18} | more
    return Events(
        (
            ContactCreated(id=event_id("shop", contact, "created"), revision=earliest(WROTE), language="en", **said),
            ContactOffered(id=event_id("shop", contact, "offered"), revision=earliest(WROTE), **said),
            MessagePosted(**said, **known),
        )
    )


def replied(contact: str = THREAD) -> Events:
    return Events(
        (
            MessagePosted(
                id=posted_id("1130002"),
                revision=1,
                author="agent",
                length=34,
                in_reply_to=posted_id("1130001"),
                **common(LATER, contact),
            ),
            ContactAnswered(
                id=event_id("shop", contact, "answered"), revision=earliest(LATER), **common(LATER, contact)
            ),
        )
    )


@pytest.mark.parametrize("kind", ["mention", "quote"])
def test_a_mention_and_a_quote_are_a_customers_first_message(kind: str) -> None:
    assert stream(mention(kind)) == asked()
    assert stream(mention(kind, account=...)) == asked()


def test_a_followed_customers_mention_comes_twice_and_says_the_same() -> None:
    assert stream(toot(), "update") == stream(mention())


def test_our_reply_is_an_agents_message_and_answers() -> None:
    assert stream(toot(**REPLY), "update") == replied()


def test_an_edit_is_the_same_message_with_a_higher_revision() -> None:
    edited = {"edited_at": "2026-10-20T10:02:00.000Z", "content": "<p>@shop where?</p>"}
    expected = asked(revision=TEN + 120_000, length=12)
    assert stream(toot(**edited), "status.update") == expected
    assert stream(mention("update", **edited)) == expected


def test_a_direct_message_belongs_to_the_customers_one_contact() -> None:
    direct = {"visibility": "direct"}
    assert stream(mention(**direct)) == asked(DIRECT)
    assert stream({"id": "77", "unread": True, "last_status": toot(**direct)}, "conversation") == asked(DIRECT)
    assert stream(toot(**REPLY | direct), "update") == replied(DIRECT)
    assert stream(toot(**REPLY | direct | {"mentions": [SHOP]}), "update") == Ignored("note_to_self")


def test_the_root_of_a_thread_is_what_the_connector_found_else_what_is_replied_to() -> None:
    third = {"in_reply_to_id": "1130002"}
    known = asked(in_reply_to=posted_id("1130002"))
    assert stream(mention(**third), thread="1130001") == known
    other = contact_id("shop", "mastodon", "thread", "social.example", "1130002")
    assert stream(mention(**third)) == asked(other, in_reply_to=posted_id("1130002"))


def test_a_followed_customers_reply_counts_once_whatever_tells_it_first() -> None:
    third = {"in_reply_to_id": "1130002"}
    known = asked(in_reply_to=posted_id("1130002"))
    edited = third | {"edited_at": "2026-10-20T10:02:00.000Z"}
    assert stream(mention(**third), thread="1130001") == stream(toot(**third), "update", thread="1130001") == known
    assert stream(toot(**third), "update") == stream(toot(**edited), "status.update") == Ignored("notified")
    assert stream(mention("update", **edited), thread="1130001") == asked(
        in_reply_to=posted_id("1130002"), revision=TEN + 120_000
    )
    direct = third | {"visibility": "direct"}
    assert stream(toot(**direct), "update") == asked(DIRECT, in_reply_to=posted_id("1130002"))


def test_what_a_program_writes_neither_begins_nor_answers() -> None:
    program = ANA_ACCOUNT | {"bot": True}
    bot = asked(author="bot").events[2:]
    assert stream(mention(account=program)) == Events(bot)
    message, _ = replied().events
    sent = msgspec.structs.replace(message, author="bot")
    assert stream(toot(**REPLY | {"account": SHOP | {"bot": True}}), "update") == Events((sent,))


@pytest.mark.parametrize(
    ("value", "event", "reason"),
    [
        (toot(mentions=[]), "update", "not_for_us"),
        (toot(reblog=toot()), "update", "reblog"),
        (toot(**REPLY | {"in_reply_to_id": None}), "update", "own_post"),
        (toot(**REPLY | {"mentions": [SHOP]}), "update", "own_thread"),
        (b"1130001", "delete", "deleted"),
        (mention("favourite"), "notification", "not_counted"),
        ({"type": "severed_relationships"}, "notification", "not_counted"),
        (mention("telepathy"), "notification", "unknown_event"),
        ({"id": "77", "last_status": None}, "conversation", "empty_conversation"),
        (b"", "filters_changed", "housekeeping"),
        (b"{}", "telepathy", "unknown_event"),
    ],
)
def test_what_is_not_counted_is_ignored_with_the_reason(value: Any, event: str, reason: str) -> None:
    assert stream(value, event) == Ignored(reason)


def test_the_length_is_that_of_the_text_whatever_its_html_is() -> None:
    for content, length in (("<p>a</p>\n<p>b &lt;c&gt;</p><br />", 8), ("a < b <", 7), ("&#" + "9" * 5_000, 5_002)):
        assert stream(mention(content=content)) == asked(length=length)
    assert stream(mention(content=None)) == asked(length=None)


def test_repeats_and_any_order_leave_the_same() -> None:
    told = [(mention(), "notification"), (toot(**REPLY), "update"), (toot(edited_at="2026-10-20T10:02:00Z"), "update")]

    def left(order: list[tuple[Any, str]]) -> set[tuple[str, int]]:
        parsed = [stream(value, event) for value, event in order]
        return {(each.id, each.revision) for events in parsed if isinstance(events, Events) for each in events.events}

    assert left([*told, told[0]]) == left(told[::-1])
    assert len(left(told)) == 6


def left_by(order: tuple[Parsed, ...]) -> dict[str, Any]:
    """What stands of each event: the highest revision, of equal ones the first."""
    known: dict[str, Any] = {}
    for parsed in order:
        for each in parsed.events if isinstance(parsed, Events) else ():
            if each.id not in known or each.revision > known[each.id].revision:
                known[each.id] = each
    return known


THIRD = {"id": "1130003", "in_reply_to_id": "1130002", "created_at": "2026-10-20T10:03:00.000Z"}
ORDERS = {
    "thread": lambda: [
        stream(mention()),
        stream(toot(edited_at="2026-10-20T10:02:00Z", content="<p>x</p>"), "status.update"),
        stream(toot(**REPLY), "update"),
        stream(mention(**THIRD), thread="1130001"),
        stream(toot(**THIRD), "update"),
    ],
    "report": lambda: [
        administered(report("report.created", updated_at="2026-10-20T10:00:00.000Z")),
        administered(report(assigned_account={"username": "Mia"})),
        administered(
            report(
                action_taken=True,
                action_taken_at="2026-10-20T10:06:00.000Z",
                updated_at="2026-10-20T10:06:00.010Z",
                action_taken_by_account={"username": "Ben"},
            )
        ),
        administered(report(updated_at="2026-10-20T10:07:00.000Z", assigned_account={"username": "Ben"})),
    ],
}


@pytest.mark.parametrize(("name", "ids"), [("thread", 6), ("report", 6)])
def test_every_order_leaves_the_same_events(name: str, ids: int) -> None:
    told = ORDERS[name]()
    orders = [left_by(order) for order in permutations([*told, told[0]])]
    assert len(orders[0]) == ids
    assert all(order == orders[0] for order in orders)
    assert len({each.contact for each in orders[0].values()}) == 1


def test_a_record_of_the_stream_is_keyed_by_its_conversation_and_timed_by_its_status() -> None:
    headers = {"mastodon-event": b"update", "mastodon-account": b"shop@social.example"}
    first, second = (msgspec.json.encode(each) for each in (toot(), toot(**REPLY)))
    assert STREAM.key(first, headers) == STREAM.key(second, headers) == b"mastodon thread social.example 1130001"
    assert (STREAM.time(first, headers), STREAM.channel_of(first, headers)) == (WROTE, "social")
    assert (STREAM.key(b"{", headers), STREAM.time(b"{", headers)) == (None, None)
    assert STREAM.key(b"1", {"mastodon-event": b"delete"}) is None
    assert isinstance(WHOLE["mastodon-stream"], MastodonStream)


@pytest.mark.parametrize(
    ("value", "event", "reason", "message"),
    [
        (b"", "update", "syntax", "no JSON"),
        (msgspec.json.encode(toot())[:-9], "update", "syntax", "no JSON"),
        (b'{"id":"\xff"}', "update", "syntax", "no JSON"),
        (b"[1]", "notification", "schema", "Expected `object`"),
        (toot(content=["x"]), "update", "schema", r"`\$.content`"),
        (toot(id=...), "update", "identity", "`id` of the status is missing"),
        (toot(account=None), "update", "identity", "`account.acct`"),
        (toot(created_at=...), "update", "time", "`created_at` is ''"),
        (toot(created_at="2026-10-20 10:00"), "update", "time", "expected ISO 8601 with a zone"),
        (toot(edited_at="later"), "update", "time", "`edited_at` is 'later'"),
        ({"type": "mention"}, "notification", "schema", r"`\$.status` is missing"),
        (toot(), "", "unknown_type", "header mastodon-event is missing"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(
    value: Any, event: str, reason: str, message: str
) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        stream(value, event)
    assert caught.value.reason == reason


def test_a_stream_that_does_not_say_whose_it_is_is_refused() -> None:
    with pytest.raises(Malformed, match="expected user@domain in header mastodon-account"):
        STREAM.parse(msgspec.json.encode(toot()), Context("shop", {"mastodon-event": b"update"}, read_at=AT))


PAYLOADS = [msgspec.json.encode(mention()), msgspec.json.encode(toot(**REPLY)), report(action_taken=True)]


@settings(max_examples=200, derandomize=True)
@given(
    payload=st.sampled_from(PAYLOADS),
    made=cuts(700),
)
def test_whatever_bytes_come_they_say_something_or_are_malformed(payload: bytes, made: list[Cut]) -> None:
    payload = cut(payload, made)
    for parse in (administered, stream, lambda changed: stream(changed, "update")):
        try:
            parsed = parse(payload)
        except Malformed:
            continue
        assert isinstance(parsed, Events | Ignored)
