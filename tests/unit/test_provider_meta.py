"""Messenger, Instagram and WhatsApp: who may post, the handshake, and what each kind of event says."""

import hmac
import json
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed
from agents.intake.providers import webhooks
from schemas.events import (
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactOffered,
    ContactTransferred,
    IdentityLinked,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer, Delivery, NotGenuine
from tests.unit.contact_bench import Floor
from tests.unit.vectors import vector

MESSENGER, INSTAGRAM, WHATSAPP = (webhooks()[name] for name in ("messenger", "instagram", "whatsapp"))
KEY = "meta-app-secret-fw-01"
SECRETS = {"app_secret": (KEY,), "verify_token": ("greeting-1",)}
AT = 1_792_490_400_001
LATER = 1_792_490_460_001
PAGE, CUSTOMER = "1045551234", "6411223344556677"
WRITTEN = {"sender": {"id": CUSTOMER}, "recipient": {"id": PAGE}, "timestamp": AT}
REPLIED = {"sender": {"id": PAGE}, "recipient": {"id": CUSTOMER}, "timestamp": LATER}
HELLO = WRITTEN | {"message": {"mid": "m_fw0001", "text": "Hello", "reply_to": {"mid": "m_fw0000"}}}
ECHO = REPLIED | {"message": {"mid": "m_fw0002", "is_echo": True, "app_id": 900100, "text": "Hi, one moment"}}
COMMENT = {
    "id": "1789fw",
    "text": "Where is it?",
    "from": {"id": "5550001", "username": "ana.kunde"},
    "media": {"id": "1790fw"},
    "parent_id": "1788fw",
}
NUMBER, PHONE, PERSON = "106540001", "4930901820", "DE.13491208600000000000"
WRITTEN_TO_US = {"from": PHONE, "from_user_id": PERSON, "id": "wamid.FW0000", "timestamp": "1792490400"}
TEXT = WRITTEN_TO_US | {"type": "text", "text": {"body": "Hello"}}
ANA = {"profile": {"name": "Ana Kunde"}, "wa_id": PHONE, "user_id": PERSON}
TO = {"recipient_id": PHONE, "recipient_user_id": PERSON}
SENT = {"id": "wamid.FW0001", "status": "sent", "timestamp": "1792490460"} | TO


def delivery(body: bytes, proof: str | None) -> Delivery:
    headers = {} if proof is None else {"x-hub-signature-256": proof}
    return Delivery("POST", "https://desk.example/hooks/messenger/shop", (), headers, body, AT)


def proof_of(body: bytes, key: str = KEY) -> str:
    return "sha256=" + hmac.new(key.encode(), body, "sha256").hexdigest()


def greeting(**asked: str) -> Delivery:
    query = tuple((f"hub.{name}", value) for name, value in asked.items())
    return Delivery("GET", "https://desk.example/hooks/messenger/shop", query, {}, b"", AT)


def page(*items: Any, name: str = "messaging") -> bytes:
    return json.dumps({"object": "page", "entry": [{"id": PAGE, "time": AT, name: list(items)}]}).encode()


def instagram(**entry: Any) -> bytes:
    return json.dumps({"object": "instagram", "entry": [{"id": "17840001", "time": 1792490400, **entry}]}).encode()


def whatsapp(field: str = "messages", **value: Any) -> bytes:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, **value}
    entry = {"id": "102290001", "changes": [{"field": field, "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def context(**given_settings: str) -> Context:
    return Context("shop", {}, read_at=AT, settings=given_settings)


def parsed(body: bytes, **given_settings: str) -> Parsed:
    name = json.loads(body)["object"]
    hook = {"page": MESSENGER, "instagram": INSTAGRAM, "whatsapp_business_account": WHATSAPP}[name]
    return hook.parse(body, context(**given_settings))


def measured(*bodies: bytes, **given_settings: str) -> Counter[str]:
    """How often each measure is counted once these deliveries came, in their order."""
    floor = Floor()
    for body in bodies:
        answer = parsed(body, **given_settings)
        assert isinstance(answer, Events)
        floor.hear(*answer.events)
    floor.flush()
    counts = Counter[str]()
    for (_, _, _, measure, _), count in floor.facts.items():
        counts[measure] += count
    return counts


def said(time: int, contact: str, queue: str, *identifiers: str) -> dict[str, Any]:
    common = {"time": from_ms(time), "channel": "social", "source": "shop", "contact": contact, "queue": queue}
    return common | {"identifiers": identifiers}


def at_page(time: int) -> dict[str, Any]:
    contact = contact_id("shop", "messenger", PAGE, CUSTOMER)
    return said(time, contact, PAGE, f"messenger:{PAGE}:{CUSTOMER}")


def at_number(time: int, *, known: bool = True) -> dict[str, Any]:
    """`known`: the user id is told."""
    person = (f"whatsapp:102290001:{PERSON}",) if known else ()
    contact = contact_id("shop", "whatsapp", NUMBER, PERSON if known else PHONE)
    return said(time, contact, NUMBER, f"tel:+{PHONE}", *person)


def first(common: dict[str, Any], time: int) -> tuple[AnyEvent, AnyEvent]:
    created, offered = (event_id("shop", common["contact"], what) for what in ("created", "offered"))
    revision = (1 << 53) - time
    return ContactCreated(id=created, revision=revision, **common), ContactOffered(
        id=offered, revision=revision, **common
    )


def taken(common: dict[str, Any], time: int) -> ContactAnswered:
    name = event_id("shop", common["contact"], "answered")
    return ContactAnswered(id=name, revision=(1 << 53) - time, **common | {"identifiers": ()})


def posted(common: dict[str, Any], name: str, author: Any, length: int | None, **more: Any) -> MessagePosted:
    fields = {"revision": 1} | common | more
    return MessagePosted(id=event_id("shop", name, "posted"), author=author, length=length, **fields)


HELLO_SAYS = (
    *first(at_page(AT), AT),
    posted(at_page(AT), "m_fw0001", "customer", 5, in_reply_to=event_id("shop", "m_fw0000", "posted")),
)
ECHO_SAYS = (posted(at_page(LATER), "m_fw0002", "agent", 14), taken(at_page(LATER), LATER))


@pytest.mark.parametrize(("hook", "name"), [(MESSENGER, "meta-escapes"), (WHATSAPP, "whatsapp")])
def test_what_meta_signed_is_genuine(hook: Any, name: str) -> None:
    known = vector(name)
    secrets = {"app_secret": (known["key"],), "verify_token": ("greeting-1",)}
    hook.verify(delivery(known["body"].encode(), known["expected"]), secrets)
    hook.verify(delivery(known["body"].encode(), known["expected"]), secrets | {"app_secret": ("new", known["key"])})


def test_a_body_that_was_written_anew_is_not_genuine() -> None:
    known = vector("meta-escapes")
    wrong = known["wrong (re-serialised as UTF-8)"]
    rewritten = json.dumps(json.loads(known["body"]), ensure_ascii=False, separators=(",", ":")).encode()
    assert proof_of(rewritten, known["key"]) == wrong
    for body, proof in ((known["body"].encode(), wrong), (rewritten, known["expected"])):
        with pytest.raises(NotGenuine, match="x-hub-signature-256 is not the body's"):
            MESSENGER.verify(delivery(body, proof), {"app_secret": (known["key"],)})


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        (None, "no header x-hub-signature-256"),
        ("", "no header x-hub-signature-256"),
        (proof_of(b"{}", "another"), "is not the body's"),
        (proof_of(b"{ }"), "is not the body's"),
        (proof_of(b"{}").removeprefix("sha256="), "is not the body's"),
        ("sha256=Ä", "is not the body's"),
    ],
)
def test_what_meta_did_not_sign_is_not_genuine(proof: str | None, message: str) -> None:
    with pytest.raises(NotGenuine, match=message) as caught:
        INSTAGRAM.verify(delivery(b"{}", proof), SECRETS)
    assert KEY not in str(caught.value)


def test_the_handshake_is_answered_with_its_challenge() -> None:
    asked = greeting(mode="subscribe", verify_token="greeting-1", challenge="1158201444")  # noqa: S106
    assert WHATSAPP.greet(asked, SECRETS) == Answer(body=b"1158201444")
    assert WHATSAPP.greet(asked, SECRETS | {"verify_token": ("new", "greeting-1")}) == Answer(body=b"1158201444")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"mode": "subscribe", "verify_token": "other", "challenge": "1"}, "hub.verify_token is another"),
        ({"mode": "subscribe", "challenge": "1"}, "hub.verify_token is another"),
        ({"mode": "subscribe", "verify_token": "greeting-1"}, "a GET without"),
        ({"mode": "unsubscribe", "verify_token": "greeting-1", "challenge": "1"}, "a GET without"),
        ({}, "a GET without"),
    ],
)
def test_another_handshake_is_refused(asked: dict[str, str], message: str) -> None:
    with pytest.raises(NotGenuine, match=message) as caught:
        MESSENGER.greet(greeting(**asked), SECRETS)
    assert "greeting-1" not in str(caught.value)
    assert MESSENGER.refusal == 403


def test_a_post_is_no_handshake() -> None:
    assert MESSENGER.greet(delivery(page(HELLO), "sha256=00"), SECRETS) is None


def test_a_message_at_a_page_begins_a_contact_and_a_reply_answers_it() -> None:
    assert parsed(page(HELLO, ECHO)) == Events(HELLO_SAYS + ECHO_SAYS)


def test_what_is_heard_in_standby_counts_as_well() -> None:
    assert parsed(page(HELLO, name="standby")) == Events(HELLO_SAYS)


def test_what_an_app_writes_by_itself_answers_nothing() -> None:
    assert parsed(page(ECHO), bot_apps="17, 900100") == Events((posted(at_page(LATER), "m_fw0002", "bot", 14),))


def test_our_message_is_ours_without_the_echo_mark() -> None:
    message = {"mid": "m_fw0002", "text": "Hi, one moment"}
    assert parsed(page(REPLIED | {"message": message})) == Events(ECHO_SAYS)


def test_a_message_without_text_has_no_length() -> None:
    message = {"mid": "m_fw0003", "attachments": [{"type": "image"}], "is_unsupported": True, "reply_to": {"story": {}}}
    expected = (*first(at_page(AT), AT), posted(at_page(AT), "m_fw0003", "customer", None))
    assert parsed(page(WRITTEN | {"message": message})) == Events(expected)


def test_length_counts_characters() -> None:
    message = {"mid": "m_fw0004", "text": "Grüße \U0001f600"}
    assert parsed(page(WRITTEN | {"message": message})) == Events(
        (*first(at_page(AT), AT), posted(at_page(AT), "m_fw0004", "customer", 7))
    )


def test_a_postback_with_text_is_a_message() -> None:
    pressed = WRITTEN | {"postback": {"mid": "m_fw0005", "title": "Talk to us", "payload": "HUMAN"}}
    unnamed = WRITTEN | {"postback": {"title": "Talk to us", "payload": "HUMAN"}}
    common = at_page(AT)
    assert parsed(page(pressed)) == Events((*first(common, AT), posted(common, "m_fw0005", "customer", 10)))
    name = f"postback:{PAGE}:{CUSTOMER}:{AT}"
    assert parsed(page(unnamed)) == Events((*first(common, AT), posted(common, name, "customer", 10)))
    assert parsed(page(WRITTEN | {"postback": {"payload": "HUMAN"}})) == Ignored("postback_without_text")


def test_a_feedback_template_is_a_rating() -> None:
    questions = {
        "stars": {"type": "csat", "payload": "4", "follow_up": {"type": "free_form", "payload": "fine"}},
        "friend": {"type": "nps", "payload": 10},
        "words": {"type": "free_form", "payload": "thanks"},
    }
    item = WRITTEN | {"messaging_feedback": {"feedback_screens": [{"screen_id": 0, "questions": questions}]}}
    common = at_page(AT) | {"revision": 1}
    names = {name: event_id("shop", PAGE, CUSTOMER, AT, name, "survey") for name in questions}
    assert parsed(page(item)) == Events(
        (
            SurveyAnswered(id=names["stars"], kind="csat", score=4.0, scale=5, **common),
            SurveyAnswered(id=names["friend"], kind="nps", score=10.0, scale=10, **common),
        )
    )


def test_a_rating_beyond_its_scale_is_malformed() -> None:
    screen = {"questions": {"stars": {"type": "csat", "payload": "6"}}}
    with pytest.raises(Malformed, match="is '6': expected a whole number up to 5") as caught:
        parsed(page(WRITTEN | {"messaging_feedback": {"feedback_screens": [screen]}}))
    assert caught.value.reason == "schema"


def test_a_thread_is_handed_to_and_from_the_inbox_of_human_beings() -> None:
    to_us = WRITTEN | {"pass_thread_control": {"new_owner_app_id": "55", "previous_owner_app_id": "77"}}
    taken_by_us = WRITTEN | {"take_thread_control": {"new_owner_app_id": 55, "previous_owner_app_id": "77"}}
    away = WRITTEN | {"pass_thread_control": {"new_owner_app_id": "77", "previous_owner_app_id": "55"}}
    common = at_page(AT) | {"revision": 1}
    offered = ContactOffered(id=event_id("shop", PAGE, CUSTOMER, AT, "55", "offered"), **common)
    answered = ContactAnswered(id=event_id("shop", PAGE, CUSTOMER, AT, "55", "answered"), **common)
    moved = ContactTransferred(id=event_id("shop", PAGE, CUSTOMER, AT, "77", "handover"), to="77", **common)
    assert parsed(page(to_us), human_apps="55") == Events((offered,))
    assert parsed(page(taken_by_us), human_apps="55") == Events((answered,))
    assert parsed(page(away), human_apps="55") == Events((moved,))
    assert parsed(page(to_us)) == Ignored("handover_of_bots")


def test_a_thread_that_is_taken_is_answered_each_time_that_it_was_passed() -> None:
    ours = {"new_owner_app_id": "55", "previous_owner_app_id": "77"}
    theirs = {"new_owner_app_id": "77", "previous_owner_app_id": "55"}
    story = [("pass", ours, 0), ("take", ours, 30), ("pass", theirs, 60), ("pass", ours, 90), ("take", ours, 110)]
    bodies = [
        page(WRITTEN | {"timestamp": AT + second * 1000, f"{word}_thread_control": owners})
        for word, owners, second in story
    ]
    assert measured(*bodies, human_apps="55").items() >= {("offered", 2), ("answered", 2)}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"read": {"watermark": AT}}, "no_message"),
        ({"delivery": {"watermark": AT}}, "no_message"),
        ({"reaction": {"mid": "m_fw0002", "emoji": "x"}}, "no_message"),
        ({"message_edit": {"mid": "m_fw0001", "text": "Hallo", "num_edit": 1}}, "no_message"),
        ({"message": {"mid": "m_fw0001", "is_deleted": True}}, "message_deleted"),
        ({"message": {"mid": "m_fw0001", "is_echo": True, "text": "note"}}, "own_message"),
        ({"messaging_feedback": {"feedback_screens": []}}, "feedback_without_score"),
    ],
)
def test_what_is_no_message_is_ignored(item: dict[str, Any], reason: str) -> None:
    assert parsed(page(WRITTEN | item)) == Ignored(reason)
    assert parsed(page(WRITTEN | item, HELLO)) == Events(HELLO_SAYS)


def test_an_instagram_message_belongs_to_its_account() -> None:
    item = {"sender": {"id": "5550001"}, "recipient": {"id": "17840001"}, "timestamp": AT}
    item["message"] = {"mid": "ig_fw01", "text": "Hi"}
    common = said(AT, contact_id("shop", "instagram", "17840001", "5550001"), "17840001", "instagram:17840001:5550001")
    expected = Events((*first(common, AT), posted(common, "ig_fw01", "customer", 2)))
    assert parsed(instagram(messaging=[item])) == expected
    assert parsed(instagram(changes=[{"field": "messages", "value": item}])) == expected


def test_a_comment_belongs_to_the_comment_that_it_hangs_on() -> None:
    common = said(
        1792490400000,
        contact_id("shop", "instagram", "17840001", "1790fw", "1788fw"),
        "17840001",
        "instagram:17840001:5550001",
    )
    root = event_id("shop", "1788fw", "posted")
    expected = Events((*first(common, 1792490400000), posted(common, "1789fw", "customer", 12, in_reply_to=root)))
    assert parsed(instagram(changes=[{"field": "comments", "value": COMMENT}])) == expected
    assert parsed(instagram(field="comments", value=COMMENT)) == expected
    assert parsed(instagram(field="comments", value=COMMENT, time=1792490400000)) == expected


def test_our_reply_to_a_comment_answers_it() -> None:
    reply = COMMENT | {"id": "1791fw", "from": {"id": "17840001"}, "parent_id": "1789fw"}
    common = said(1792490400000, contact_id("shop", "instagram", "17840001", "1790fw", "1789fw"), "17840001")
    root = event_id("shop", "1789fw", "posted")
    assert parsed(instagram(field="comments", value=reply)) == Events(
        (posted(common, "1791fw", "agent", 12, in_reply_to=root), taken(common, 1792490400000))
    )
    own = {name: value for name, value in reply.items() if name != "parent_id"}
    assert parsed(instagram(field="comments", value=own)) == Ignored("own_comment")


def test_other_fields_of_an_account_are_ignored() -> None:
    assert parsed(instagram(changes=[{"field": "mentions", "value": {"media_id": "1"}}])) == Ignored("other_field")
    assert parsed(instagram(field="story_insights", value=[1])) == Ignored("other_field")


def test_a_whatsapp_message_begins_a_contact_named_by_the_user_id() -> None:
    expected = Events(
        (
            *first(at_number(1792490400000), 1792490400000),
            posted(at_number(1792490400000), "wamid.FW0000", "customer", 5),
        )
    )
    assert parsed(whatsapp(messages=[TEXT])) == expected
    unsaid = {name: value for name, value in TEXT.items() if name != "from_user_id"}
    assert parsed(whatsapp(messages=[unsaid], contacts=[ANA])) == expected


def test_a_customer_of_whom_no_user_id_is_told_is_named_by_the_number() -> None:
    message = {name: value for name, value in TEXT.items() if name != "from_user_id"}
    common = at_number(1792490400000, known=False)
    assert parsed(whatsapp(messages=[message])) == Events(
        (*first(common, 1792490400000), posted(common, "wamid.FW0000", "customer", 5))
    )
    answer = {name: value for name, value in SENT.items() if name != "recipient_user_id"}
    common = at_number(1792490460000, known=False)
    reply = posted(common, "wamid.FW0001", "agent", None), taken(common, 1792490460000)
    assert parsed(whatsapp(statuses=[answer])) == Events(reply)


def test_a_customer_without_a_number_is_named_by_the_user_id() -> None:
    message = {name: value for name, value in TEXT.items() if name != "from"}
    common = said(1792490400000, contact_id("shop", "whatsapp", NUMBER, PERSON), NUMBER, f"whatsapp:102290001:{PERSON}")
    assert parsed(whatsapp(messages=[message])) == Events(
        (*first(common, 1792490400000), posted(common, "wamid.FW0000", "customer", 5))
    )


def test_a_customer_whose_number_comes_and_goes_has_one_contact_and_one_reply_answers_it() -> None:
    unseen = {name: value for name, value in TEXT.items() if name != "from"} | {"id": "wamid.FW0002"}
    contacts = [{name: value for name, value in ANA.items() if name != "wa_id"}]
    to_nobody = {name: value for name, value in SENT.items() if name != "recipient_id"}
    asked = whatsapp(messages=[TEXT], contacts=[ANA]), whatsapp(messages=[unseen], contacts=contacts)
    for answer in (SENT, to_nobody):
        said = measured(*asked, whatsapp(statuses=[answer]))
        assert said.items() >= {("offered", 1), ("answered", 1)}


@pytest.mark.parametrize(
    ("kind", "content", "length"),
    [
        ("image", {"id": "1", "caption": "Broken"}, 6),
        ("document", {"id": "1"}, None),
        ("audio", {"id": "1"}, None),
        ("button", {"text": "Yes", "payload": "y"}, 3),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "b", "title": "Today"}}, 5),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "b", "title": "Tomorrow"}}, 8),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"response_json": "{}"}}, None),
    ],
)
def test_whatever_a_customer_sends_is_a_message(kind: str, content: dict[str, Any], length: int | None) -> None:
    message = WRITTEN_TO_US | {"type": kind, kind: content, "context": {"id": "wamid.FW0001", "from": "4930123456"}}
    common = at_number(1792490400000)
    before = event_id("shop", "wamid.FW0001", "posted")
    assert parsed(whatsapp(messages=[message])) == Events(
        (*first(common, 1792490400000), posted(common, "wamid.FW0000", "customer", length, in_reply_to=before))
    )


@pytest.mark.parametrize("kind", ["reaction", "system", "unsupported", "unknown", "teleport", None])
def test_what_nobody_has_to_answer_on_whatsapp_is_ignored(kind: str | None) -> None:
    assert parsed(whatsapp(messages=[WRITTEN_TO_US | {"type": kind}])) == Ignored("other_message")


def test_a_sent_status_is_our_message() -> None:
    common = at_number(1792490460000)
    message = posted(common, "wamid.FW0001", "agent", None)
    assert parsed(whatsapp(statuses=[SENT])) == Events((message, taken(common, 1792490460000)))


def test_what_a_program_or_a_template_sends_answers_nothing() -> None:
    common = at_number(1792490460000)
    template = SENT | {"pricing": {"billable": True, "category": "utility"}}
    service = SENT | {"pricing": {"billable": False, "category": "service"}}
    assert parsed(whatsapp(statuses=[service]), sent_by="bot") == Events((posted(common, "wamid.FW0001", "bot", None),))
    assert parsed(whatsapp(statuses=[template])) == Events((posted(common, "wamid.FW0001", "system", None),))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"status": "delivered"}, "message_status"),
        ({"status": "read"}, "message_status"),
        ({"status": "played"}, "message_status"),
        ({"status": "failed", "errors": [{"code": 131047}]}, "delivery_failed"),
        ({"recipient_type": "group"}, "group_message"),
    ],
)
def test_other_statuses_are_ignored(status: dict[str, Any], reason: str) -> None:
    assert parsed(whatsapp(statuses=[SENT | status])) == Ignored(reason)


def test_an_echo_of_the_phone_app_says_more_than_the_status_of_the_same_message() -> None:
    echo = {"from": "4930123456", "to": PHONE, "to_user_id": PERSON, "id": "wamid.FW0001", "timestamp": "1792490460"}
    common = at_number(1792490460000)
    message = posted(common, "wamid.FW0001", "agent", 2, revision=2)
    body = whatsapp("smb_message_echoes", message_echoes=[echo | {"type": "text", "text": {"body": "Hi"}}])
    assert parsed(body) == Events((message, taken(common, 1792490460000)))
    assert parsed(whatsapp("smb_message_echoes", message_echoes=[echo | {"type": "revoke"}])) == Ignored(
        "other_message"
    )


STANDBY = {"messages": [TEXT], "contacts": [ANA]}
HANDLED = {"id": "wamid.FW0001", "timestamp": "1792490460"}


@pytest.mark.parametrize("said", [STANDBY, {"standby": STANDBY}])
def test_what_a_customer_writes_while_we_stand_by_counts_as_well(said: dict[str, Any]) -> None:
    common = at_number(1792490400000)
    expected = Events((*first(common, 1792490400000), posted(common, "wamid.FW0000", "customer", 5)))
    assert parsed(whatsapp("standby", **said)) == expected


@pytest.mark.parametrize(
    "echo",
    [
        {"message": {"to": PHONE, "recipient": PERSON, "type": "text", "text": {"body": "Hi"}}},
        {"from": "4930123456", "to": PHONE, "to_user_id": PERSON, "type": "text", "text": {"body": "Hi"}},
    ],
)
def test_what_is_sent_while_we_stand_by_answers_nothing(echo: dict[str, Any]) -> None:
    common = at_number(1792490460000)
    said = posted(common, "wamid.FW0001", "bot", 2, revision=2)
    assert parsed(whatsapp("standby", standby={"message_echoes": [HANDLED | echo]})) == Events((said,))
    status = posted(common, "wamid.FW0001", "bot", None)
    assert parsed(whatsapp("standby", standby={"statuses": [SENT]})) == Events((status,))


def test_what_cannot_be_read_of_what_we_hear_in_standby_is_named_by_its_place() -> None:
    with pytest.raises(Malformed, match=r"value.standby.messages\[0\].id` is missing"):
        parsed(whatsapp("standby", standby={"messages": [TEXT | {"id": None}]}))


def test_what_is_written_in_a_group_begins_nothing() -> None:
    assert parsed(whatsapp(messages=[TEXT | {"group_id": "Y2FwaV9n"}], contacts=[ANA])) == Ignored("group_message")


MOVED = "DE.24817305912873645029"


def linked(common: dict[str, Any], name: str, reason: str, *more: str) -> IdentityLinked:
    identifiers = (*common["identifiers"], *more)
    name = event_id("shop", common["contact"], name, "linked")
    return IdentityLinked(id=name, reason=reason, revision=1, **common | {"identifiers": identifiers})


@pytest.mark.parametrize("kind", ["user_changed_number", "customer_changed_number"])
def test_who_changes_the_number_stays_the_same_customer(kind: str) -> None:
    system = {"body": "Ana changed", "type": kind, "wa_id": "4930901821"}
    unsaid = {name: value for name, value in WRITTEN_TO_US.items() if name != "from_user_id"}
    common = at_number(1792490400000, known=False)
    by_number = linked(common, "wamid.FW0000", kind, "tel:+4930901821")
    assert parsed(whatsapp(messages=[unsaid | {"type": "system", "system": system}])) == Events((by_number,))
    older = {"type": kind, "new_wa_id": 4930901821}
    assert parsed(whatsapp(messages=[unsaid | {"type": "system", "system": older}])) == Events((by_number,))
    system |= {"user_id": MOVED, "previous_user_id": PERSON}
    by_both = linked(at_number(1792490400000), "wamid.FW0000", kind, "tel:+4930901821", f"whatsapp:102290001:{MOVED}")
    assert parsed(whatsapp(messages=[unsaid | {"type": "system", "system": system}])) == Events((by_both,))


def test_a_new_user_id_is_linked_with_the_one_before() -> None:
    system = {"type": "user_changed_user_id", "user_id": MOVED, "previous_user_id": PERSON}
    message = {"id": "wamid.FW0000", "timestamp": "1792490400", "type": "system", "system": system}
    common = at_number(1792490400000)
    unseen = common | {"identifiers": common["identifiers"][1:]}
    expected = linked(unseen, "wamid.FW0000", "user_changed_user_id", f"whatsapp:102290001:{MOVED}")
    assert parsed(whatsapp(messages=[message])) == Events((expected,))
    turn = {"previous": PERSON, "current": MOVED}
    update = {"wa_id": PHONE, "detail": "updated", "user_id": turn, "timestamp": "1792490400"}
    expected = linked(common, f"{MOVED}:1792490400000", "user_id_update", f"whatsapp:102290001:{MOVED}")
    assert parsed(whatsapp("user_id_update", user_id_update=[update])) == Events((expected,))


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        ({"type": "user_changed_user_id", "user_id": PERSON}, "same_customer"),
        ({"type": "user_changed_number"}, "same_customer"),
        ({"type": "customer_identity_changed", "wa_id": PHONE}, "other_message"),
        ({}, "other_message"),
    ],
)
def test_who_is_no_other_than_before_is_linked_with_nobody(system: dict[str, str], reason: str) -> None:
    message = {"from_user_id": PERSON, "id": "wamid.FW0000", "timestamp": "1792490400", "type": "system"}
    assert parsed(whatsapp(messages=[message | {"system": system}])) == Ignored(reason)


def test_the_vectors_say_what_they_hold() -> None:
    assert parsed(vector("whatsapp")["body"].encode()) == Ignored("message_status")
    assert parsed(vector("meta-escapes")["body"].encode()) == Events(
        (*first(at_page(AT), AT), posted(at_page(AT), "m_fw0001", "customer", 12))
    )


def test_other_fields_and_objects_are_ignored() -> None:
    assert parsed(whatsapp("account_update", event="VERIFIED_ACCOUNT")) == Ignored("other_field")
    assert MESSENGER.parse(b'{"object":"permissions","entry":[{"id":"0","changes":[]}]}', context()) == Ignored(
        "other_object"
    )
    assert MESSENGER.parse(b'{"object":"page","entry":[]}', context()) == Ignored("empty_batch")


def test_a_batch_holds_several_pages_and_customers() -> None:
    other = {"sender": {"id": "8800"}, "recipient": {"id": "2045551234"}, "timestamp": LATER}
    entries = [
        {"id": PAGE, "time": AT, "messaging": [HELLO]},
        {"id": "2045551234", "time": LATER, "messaging": [other | {"message": {"mid": "m_fw0009", "text": "Hey"}}]},
    ]
    common = said(
        LATER, contact_id("shop", "messenger", "2045551234", "8800"), "2045551234", "messenger:2045551234:8800"
    )
    assert parsed(json.dumps({"object": "page", "entry": entries}).encode()) == Events(
        (*HELLO_SAYS, *first(common, LATER), posted(common, "m_fw0009", "customer", 3))
    )


@pytest.mark.parametrize(
    ("damaged", "fault"),
    [
        (
            WRITTEN | {"message": {"mid": ""}},
            Fault("identity", "`$.entry[0].messaging[0].message.mid` is missing or empty: expected an id"),
        ),
        (
            WRITTEN | {"message": "Hello"},
            Fault("schema", "in `$.entry[0].messaging[0]`: Expected `object | null`, got `str` - at `$.message`"),
        ),
        (7, Fault("schema", "in `$.entry[0].messaging[0]`: Expected `object`, got `int`")),
    ],
)
def test_an_event_that_cannot_be_read_takes_nothing_from_the_others(damaged: Any, fault: Fault) -> None:
    assert parsed(page(damaged, HELLO, ECHO)) == Events(HELLO_SAYS + ECHO_SAYS, (fault,))


def test_an_entry_that_cannot_be_read_takes_nothing_from_the_others() -> None:
    body = json.loads(page(HELLO))
    body["entry"] = [{"messaging": [ECHO]}, 7, *body["entry"], {"id": PAGE, "changes": [7]}]
    assert parsed(json.dumps(body).encode()) == Events(
        HELLO_SAYS,
        (
            Fault("identity", "`$.entry[0].id` is missing or empty: expected an id"),
            Fault("schema", "in `$.entry[1]`: Expected `object`, got `int`"),
            Fault("schema", "in `$.entry[3].changes[0]`: Expected `object`, got `int`"),
        ),
    )


def test_a_whatsapp_message_that_cannot_be_read_takes_nothing_from_the_others() -> None:
    body = whatsapp(messages=[TEXT | {"id": None}, TEXT], statuses=[SENT | {"timestamp": "1.5"}])
    common = at_number(1792490400000)
    where = "$.entry[0].changes[0].value"
    said = f"`{where}.statuses[0].timestamp` is '1.5': expected a time since the epoch, a whole number"
    assert parsed(body) == Events(
        (*first(common, 1792490400000), posted(common, "wamid.FW0000", "customer", 5)),
        (
            Fault("identity", f"`{where}.messages[0].id` is missing or empty: expected an id"),
            Fault("time", said),
        ),
    )


def test_a_delivery_that_comes_again_says_the_same() -> None:
    assert parsed(page(HELLO, ECHO)) == parsed(page(HELLO, ECHO))


def test_the_order_of_deliveries_is_all_the_same() -> None:
    again = WRITTEN | {"timestamp": LATER + 1, "message": {"mid": "m_fw0006", "text": "Still there?"}}
    bodies = [page(HELLO), page(ECHO), page(again)]

    def names(ordered: list[bytes]) -> set[tuple[str, int]]:
        answers = [parsed(body) for body in ordered]
        return {(each.id, each.revision) for one in answers if isinstance(one, Events) for each in one.events}

    assert names(bodies) == names(bodies[::-1])
    created = [event for event in _all(bodies) if isinstance(event, ContactCreated)]
    assert len({event.id for event in created}) == 1
    assert max(created, key=lambda event: event.revision).time == from_ms(AT)


def _all(bodies: list[bytes]) -> list[AnyEvent]:
    return [event for body in bodies for event in getattr(parsed(body), "events", ())]


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        (page(HELLO)[:-9], "syntax", "no JSON"),
        (b"", "syntax", "no JSON"),
        (page(HELLO).replace(b"Hello", b"J\xf6"), "syntax", "no JSON"),
        (b'{"x":' + b"[" * 100_000, "syntax", "no JSON"),
        (b"[]", "schema", "Expected `object`"),
        (b'{"entry":[]}', "schema", "missing required field `object`"),
        (b'{"object":"page"}', "schema", "missing required field `entry`"),
        (
            b'{"object":"page","entry":[{"id":"1","messaging":{}}]}',
            "schema",
            r"^in `\$.entry\[0\]`: Expected `array \| null`, got `object` - at `\$.messaging`",
        ),
        (page(WRITTEN | {"message": {"mid": ["m"]}}), "schema", r"message.mid`"),
        (page(HELLO).replace(b'"m_fw0001"', b"9" * 5_000), "schema", r"message.mid`"),
        (b'{"object":"page","entry":[{"messaging":[]}]}', "identity", r"`\$.entry\[0\].id` is missing"),
        (page(WRITTEN | {"message": {"mid": ""}}), "identity", r"`\$.entry\[0\].messaging\[0\].message.mid` is"),
        (
            page(HELLO | {"sender": {}}, ["x"]),
            "identity",
            r"sender.id` .*; in `\$.entry\[0\].messaging\[1\]`: Expected",
        ),
        (page(HELLO | {"sender": {}}), "identity", r"messaging\[0\].sender.id` is missing"),
        (page(ECHO | {"recipient": None}), "identity", r"messaging\[0\].recipient.id` is missing"),
        (page(HELLO | {"timestamp": "noon"}), "time", r"messaging\[0\].timestamp` is 'noon': expected a time"),
        (page(HELLO | {"timestamp": None}), "time", r"messaging\[0\].timestamp` is 'None': expected a time"),
        (page(HELLO | {"timestamp": -1}), "time", r"messaging\[0\].timestamp` is '-1': expected a time"),
        (page(HELLO | {"timestamp": 999999999999999}), "time", "before the year 10000"),
        (page(HELLO).replace(b'"page"', b'"instagram"'), "unknown_type", "expected 'page': the provider is instagram"),
    ],
)
def test_what_is_no_page_event_is_malformed(body: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        MESSENGER.parse(body, context())
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        (whatsapp(messages="none"), "schema", r"in `\$.entry\[0\].changes\[0\].value`: Expected"),
        (whatsapp(messages=[TEXT], metadata={}), "identity", "value.metadata.phone_number_id` is missing"),
        (whatsapp(messages=[TEXT | {"id": None}]), "identity", r"value.messages\[0\].id` is missing"),
        (whatsapp(messages=[TEXT | {"from": "", "from_user_id": None}]), "identity", r"messages\[0\].from` is missing"),
        (
            whatsapp(statuses=[SENT | {"timestamp": "1.5"}]),
            "time",
            r"statuses\[0\].timestamp` is '1.5': expected a time",
        ),
        (whatsapp(statuses=[SENT | {"timestamp": "9" * 15}]), "time", "before the year 10000"),
        (
            whatsapp("user_id_update", user_id_update=[{"user_id": {"previous": PERSON}}]),
            "identity",
            r"user_id_update\[0\].user_id.current` is missing",
        ),
    ],
)
def test_what_is_no_whatsapp_event_is_malformed(body: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        WHATSAPP.parse(body, context())
    assert caught.value.reason == reason


def test_what_is_no_comment_is_malformed() -> None:
    for missing, where in (("id", "id"), ("from", "from.id"), ("media", "media.id")):
        with pytest.raises(Malformed, match=rf"value.{where}` is missing"):
            parsed(instagram(field="comments", value={k: v for k, v in COMMENT.items() if k != missing}))


BODIES = (
    (MESSENGER, page(HELLO, ECHO)),
    (INSTAGRAM, instagram(changes=[{"field": "comments", "value": COMMENT}])),
    (WHATSAPP, whatsapp(messages=[TEXT], statuses=[SENT])),
    (WHATSAPP, whatsapp("user_id_update", user_id_update=[{"user_id": {"previous": PERSON, "current": MOVED}}])),
)


@settings(max_examples=200)
@given(st.sampled_from(BODIES), st.integers(0), st.integers(0, 12), st.binary(max_size=6))
def test_a_damaged_body_is_answered_or_malformed(valid: tuple[Any, bytes], at: int, gone: int, new: bytes) -> None:
    hook, body = valid
    at %= len(body)
    with suppress(Malformed):
        assert isinstance(hook.parse(body[:at] + new + body[at + gone :], context()), Events | Ignored)
