"""Intercom's webhooks: what is genuine, and what it says."""

import hmac
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.intercom import PROVIDER
from agents.intake.webhook import earliest
from schemas.events import (
    AgentStateChanged,
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactLeftQueue,
    ContactOffered,
    ContactStatusChanged,
    ContactTransferred,
    ContactUpdated,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer, Delivery, NotGenuine
from tests.unit.cuts import Cut, cut, cuts
from tests.unit.vectors import vector

SOURCE, APP, CONVERSATION, PART = "intercom-eu", "fwapp1", "2154900", "990001"
CONTACT = contact_id(SOURCE, APP, CONVERSATION)
OPENED, SAID, TOLD = 1_792_480_000, 1_792_490_399, 1_792_490_400
ANA = {"type": "user", "id": "65f0fw", "email": "Ana@Kunde.Example", "phone": "030 901820"}
ANA_IS = ("mailto:ana@kunde.example", "tel:+4930901820", "intercom:fwapp1:65f0fw")
BEN = {"type": "admin", "id": "814860"}
CONTEXT = Context(SOURCE, {}, read_at=TOLD * 1000, region="DE")
SECRETS = {"client_secret": ("k1",)}


def without(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ...}


def notification(topic: str, item: object, /, **changed: Any) -> bytes:
    outer = {
        "type": "notification_event",
        "app_id": APP,
        "id": "notif_fw_0001",
        "topic": topic,
        "created_at": TOLD,
        "delivery_attempts": 1,
        "data": {"type": "notification_event_data", "item": item},
    }
    return msgspec.json.encode(without(outer | changed))


def part(**changed: Any) -> dict[str, Any]:
    said = {"id": PART, "part_type": "comment", "created_at": SAID, "body": "<p>Still &lt;nothing</p>", "author": ANA}
    return without(said | changed)


def conversation(*parts: dict[str, Any], **changed: Any) -> dict[str, Any]:
    item = {
        "type": "conversation",
        "id": CONVERSATION,
        "created_at": OPENED,
        "team_assignee_id": None,
        "contacts": {"contacts": [{"type": "contact", "id": "65f0fw", "external_id": "c-77"}]},
        "source": {"type": "conversation", "body": "<p>Where is my <b>parcel</b>?</p>", "author": ANA},
        "conversation_parts": {"conversation_parts": list(parts)},
    }
    return without(item | changed)


def ticket(**changed: Any) -> dict[str, Any]:
    item = {
        "type": "ticket",
        "id": CONVERSATION,
        "category": "Customer",
        "created_at": OPENED,
        "team_assignee_id": "0",
        "contacts": {"contacts": [ANA]},
        "ticket_parts": {"ticket_parts": [part(id="1", part_type="attribute_collected", author={"type": "bot"})]},
    }
    return without(item | changed)


def parse(topic: str, item: object, **changed: Any) -> Parsed:
    return PROVIDER.parse(notification(topic, item, **changed), CONTEXT)


def told(seconds: int = SAID, **more: Any) -> dict[str, Any]:
    given = {"time": from_ms(seconds * 1000), "channel": "chat", "source": SOURCE, "contact": CONTACT}
    return given | {"queue": "inbox", "revision": 1} | more


def thing(word: str, what: str = "notif_fw_0001") -> str:
    return event_id(SOURCE, APP, CONVERSATION, what, word)


def created(seconds: int = OPENED, **more: Any) -> ContactCreated:
    given = told(seconds, identifiers=ANA_IS, revision=earliest(seconds * 1000)) | more
    return ContactCreated(id=event_id(SOURCE, CONTACT, "created"), **given)


def offered(seconds: int = OPENED, **more: Any) -> ContactOffered:
    given = told(seconds, identifiers=ANA_IS, revision=earliest(seconds * 1000)) | more
    return ContactOffered(id=event_id(SOURCE, CONTACT, "offered"), **given)


BEGUN = (created(), offered())


def message(**more: Any) -> MessagePosted:
    given: dict[str, Any] = {"author": "customer", "length": 14} | more
    if given["author"] == "customer":
        given = {"identifiers": ANA_IS} | given
    return MessagePosted(id=thing("message", PART), **told() | given)


def answer(**more: Any) -> ContactAnswered:
    given = told(revision=earliest(SAID * 1000), agent="814860", queue=None) | more
    return ContactAnswered(id=event_id(SOURCE, CONTACT, "answered"), **given)


def status(word: Any, **more: Any) -> ContactStatusChanged:
    return ContactStatusChanged(id=thing(word), status=word, **told() | {"agent": "814860"} | more)


def delivery(payload: bytes, key: str = "k1", **changed: str) -> Delivery:
    headers = {"x-hub-signature": "sha1=" + hmac.digest(key.encode(), payload, "sha1").hex()} | changed
    return Delivery("POST", "https://hooks.example/hooks/intercom/intercom-eu", (), headers, payload, TOLD * 1000)


REPLY = notification("conversation.user.replied", conversation(part()))


def test_the_vector_is_genuine_and_says_of_what_it_lacks_the_item() -> None:
    facts = vector("intercom")
    payload = facts["body"].encode()
    genuine = delivery(payload)._replace(headers={"x-hub-signature": facts["expected"]})
    PROVIDER.verify(genuine, {"client_secret": (facts["key"],)})
    with pytest.raises(Malformed, match=r"`\$.data` is missing"):
        PROVIDER.parse(payload, CONTEXT)


@pytest.mark.parametrize("key", ["k1", "k2"])
def test_both_values_of_a_secret_are_valid_while_it_is_rotated(key: str) -> None:
    PROVIDER.verify(delivery(REPLY, key), {"client_secret": ("k1", "k2")})


@pytest.mark.parametrize(
    ("forged", "message"),
    [
        (delivery(REPLY, "other"), "x-hub-signature is another"),
        (delivery(REPLY)._replace(body=REPLY + b" "), "x-hub-signature is another"),
        (delivery(REPLY)._replace(headers={}), "no header x-hub-signature"),
        (delivery(REPLY, **{"x-hub-signature": "sha1=\xfc"}), "x-hub-signature is another"),
    ],
)
def test_what_intercom_did_not_sign_is_not_genuine(forged: Delivery, message: str) -> None:
    with pytest.raises(NotGenuine, match=message):
        PROVIDER.verify(forged, SECRETS)


def test_nothing_is_timed_so_an_old_delivery_is_genuine() -> None:
    PROVIDER.verify(delivery(REPLY)._replace(at=0), SECRETS)


def test_the_probe_and_the_ping_are_answered() -> None:
    ping = notification("ping", {"type": "ping"})
    assert PROVIDER.greet(delivery(ping), SECRETS) == Answer()
    assert PROVIDER.greet(delivery(b"")._replace(method="HEAD"), SECRETS) == Answer()
    assert PROVIDER.greet(delivery(b"")._replace(method="GET"), SECRETS) is None
    assert PROVIDER.greet(delivery(REPLY), SECRETS) is None
    assert PROVIDER.parse(ping, CONTEXT) == Ignored("ping")


def test_a_delivery_is_known_by_its_notification_and_ordered_by_its_conversation() -> None:
    assert PROVIDER.identity(REPLY, {}) == "notif_fw_0001"
    assert PROVIDER.identity(b"{", {}) is None
    assert PROVIDER.key(REPLY, {}) == b"fwapp1:2154900"
    assert PROVIDER.key(notification("ticket.closed", {"ticket": ticket()}), {}) == b"fwapp1:2154900"
    assert PROVIDER.key(vector("intercom")["body"].encode(), {}) is None
    assert PROVIDER.key(b"\xff", {}) is None


def test_what_the_gateway_has_to_know() -> None:
    assert (PROVIDER.name, PROVIDER.secret_names, PROVIDER.setting_names) == ("intercom", ("client_secret",), ())
    assert (PROVIDER.seconds, PROVIDER.tries_again, PROVIDER.refusal) == (5.0, False, 401)
    assert PROVIDER.channel_of(REPLY, {}) == "chat"


def first_message(author: str = "customer", **more: Any) -> MessagePosted:
    given = told(OPENED, author=author, length=19) | more
    return MessagePosted(id=event_id(SOURCE, APP, CONVERSATION, "source", "message"), **given)


def test_a_customers_conversation_begins_a_contact_in_the_inbox() -> None:
    assert parse("conversation.user.created", conversation()) == Events((*BEGUN, first_message(identifiers=ANA_IS)))


def test_older_names_of_the_same_say_the_same() -> None:
    older = conversation(
        contacts=...,
        source=...,
        user=ANA,
        assignee={"type": "nobody_admin", "id": None},
        conversation_message={"body": "<p>Where is my <b>parcel</b>?</p>", "author": {"type": "user", "id": "65f0fw"}},
    )
    assert parse("conversation.user.created", older) == Events((*BEGUN, first_message(identifiers=ANA_IS)))


def test_a_customers_reply_is_a_message() -> None:
    assert parse("conversation.user.replied", conversation(part())) == Events((*BEGUN, message()))


def test_a_conversation_of_a_teammate_waits_for_nobody_until_the_customer_replies() -> None:
    source = {"body": "<p>Where is my <b>parcel</b>?</p>", "author": BEN}
    outbound = created(identifiers=("intercom:fwapp1:65f0fw",), direction="outbound")
    assert parse("conversation.admin.single.created", conversation(source=source)) == Events(
        (outbound, first_message("agent", agent="814860"))
    )
    assert parse("conversation.user.replied", conversation(part(), source=source)) == Events(
        (outbound, offered(SAID, identifiers=("intercom:fwapp1:65f0fw",)), message())
    )


def test_a_conversation_of_a_bot_begins_with_the_customers_reply() -> None:
    item = conversation(part(), source={"author": {"type": "bot", "id": "7"}}, contacts={"contacts": [ANA]})
    assert parse("conversation.user.replied", item) == Events((created(SAID), offered(SAID), message()))
    bot = conversation(part(author={"type": "bot", "id": "7"}), source={"author": {"type": "bot", "id": "7"}})
    assert parse("conversation.operator.replied", bot) == Events((message(author="bot"),))


def test_a_teammates_reply_answers_and_a_bots_does_not() -> None:
    assert parse("conversation.admin.replied", conversation(part(author=BEN))) == Events(
        (*BEGUN, message(author="agent", agent="814860"), answer())
    )
    for topic in ("conversation.operator.replied", "conversation.admin.replied"):
        assert parse(topic, conversation(part(author={"type": "bot", "id": "7"}))) == Events(
            (*BEGUN, message(author="bot"))
        )
    assert parse("conversation.admin.replied", conversation(part(author={"type": "team", "id": "7"}))) == Events(
        (*BEGUN, message(author="system"))
    )


def test_a_reply_names_no_queue_because_the_team_may_be_assigned_with_it() -> None:
    item = conversation(part(author=BEN), team_assignee_id=9680998)
    replied = parse("conversation.admin.replied", item)
    assert isinstance(replied, Events)
    assert replied.events[-1] == answer()
    assert answer().queue is None


BOB = {"type": "contact", "id": "77b0fw", "email": "bob@kunde.example"}


@pytest.mark.parametrize(
    ("people", "identifiers"),
    [
        ([BOB], ("mailto:bob@kunde.example", *ANA_IS[2:], "intercom:fwapp1:77b0fw")),
        ([BOB, ANA], ANA_IS[2:]),
        ([ANA, BOB], ANA_IS),
        ([], ANA_IS[2:]),
    ],
    ids=["alone", "another first", "the author first", "nobody"],
)
def test_of_several_contacts_only_the_author_is_identified(people: list[Any], identifiers: tuple[str, ...]) -> None:
    source = {"body": "<p>Where is my <b>parcel</b>?</p>", "author": {"type": "user", "id": "65f0fw"}}
    item = conversation(source=source, contacts={"contacts": people})
    assert parse("conversation.user.created", item) == Events(
        (
            created(identifiers=identifiers),
            offered(identifiers=identifiers),
            first_message(identifiers=identifiers),
        )
    )


def test_without_an_author_none_of_several_contacts_is_identified() -> None:
    item = conversation(source=..., contacts={"contacts": [BOB, ANA]})
    assert parse("ticket.created", item) == Events((created(identifiers=()), offered(identifiers=())))


def test_an_entity_of_too_many_digits_is_counted_as_it_is() -> None:
    entity = "&#" + "1" * 4301 + ";"
    item = conversation(part(body=f"<p>{entity}</p>"))
    assert parse("conversation.user.replied", item) == Events((*BEGUN, message(length=len(entity))))


@pytest.mark.parametrize("topic", ["conversation.admin.noted", "ticket.note.created"])
def test_a_note_is_private_and_answers_nothing(topic: str) -> None:
    note = part(author=BEN, part_type="note")
    assert parse(topic, conversation(note)) == Events((*BEGUN, message(author="agent", agent="814860", public=False)))


def test_what_is_assigned_to_a_team_is_offered_there() -> None:
    given = part(author=BEN, part_type="assignment", body=None, assigned_to={"type": "team", "id": 9680998})
    gone = ContactLeftQueue(id=thing("left"), **told(queue="inbox"), reason="transfer_out")
    again = ContactOffered(id=thing("offered"), **told(queue="9680998"))
    for topic in ("conversation.admin.assigned", "ticket.team.assigned"):
        assert parse(topic, conversation(given, team_assignee_id=9680998)) == Events((*BEGUN, gone, again))
    older = conversation(given, assignee={"type": "team", "id": "9680998"})
    assert parse("conversation.admin.assigned", older) == Events((*BEGUN, gone, again))


def test_what_is_assigned_to_a_teammate_is_theirs_and_words_with_it_are_a_message() -> None:
    given = part(author=BEN, part_type="assignment", assigned_to={"type": "admin", "id": "814861"})
    theirs = ContactUpdated(id=thing("assigned"), assignee="814861", **told())
    assert parse("conversation.admin.assigned", conversation(given)) == Events(
        (*BEGUN, message(author="agent", agent="814860"), answer(), theirs)
    )
    silent = conversation(given | {"body": "<p> </p>"})
    assert parse("conversation.admin.assigned", silent) == Events((*BEGUN, theirs))
    nobody = conversation(given | {"body": None, "assigned_to": {"type": "nobody_admin", "id": None}})
    assert parse("conversation.admin.assigned", nobody) == Events(BEGUN)


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("team", ContactOffered(id=thing("offered"), **told(queue="5"))),
        ("admin", ContactUpdated(id=thing("assigned"), assignee="5", **told())),
    ],
)
def test_what_is_assigned_after_a_reply_is_transferred(kind: str, after: AnyEvent) -> None:
    given = part(author=BEN, part_type="assignment", body=None, assigned_to={"type": kind, "id": "5"})
    moved = ContactTransferred(id=thing("transferred"), agent="814860", to="5", **told())
    replied = conversation(given, statistics={"first_admin_reply_at": SAID - 60})
    assert parse("conversation.admin.assigned", replied) == Events((*BEGUN, moved, after))
    unreplied = conversation(given, statistics={"first_admin_reply_at": None})
    gone = (ContactLeftQueue(id=thing("left"), **told(queue="inbox"), reason="transfer_out"),) if kind == "team" else ()
    assert parse("conversation.admin.assigned", unreplied) == Events((*BEGUN, *gone, after))


def test_who_takes_a_conversation_does_not_transfer_it() -> None:
    given = part(author=BEN, part_type="assignment", body=None, assigned_to=BEN)
    item = conversation(given, statistics={"first_admin_reply_at": SAID - 60})
    assert parse("conversation.admin.assigned", item) == Events(
        (*BEGUN, ContactUpdated(id=thing("assigned"), assignee="814860", **told()))
    )


def test_a_close_is_a_solution_and_words_with_it_are_a_message() -> None:
    closed = part(author=BEN, part_type="close", body=None)
    assert parse("conversation.admin.closed", conversation(closed)) == Events((*BEGUN, status("solved")))
    assert parse("conversation.admin.closed", conversation(closed | {"body": "<p>Done, bye now</p>"})) == Events(
        (*BEGUN, message(author="agent", agent="814860", length=13), answer(), status("solved"))
    )


def test_what_is_opened_is_offered_again() -> None:
    opened = part(author=BEN, part_type="open", body=None)
    again = ContactOffered(id=thing("offered"), **told())
    assert parse("conversation.admin.opened", conversation(opened)) == Events((*BEGUN, status("open"), again))


def test_what_is_opened_and_assigned_at_once_is_offered_once() -> None:
    both = part(author=BEN, part_type="open", body=None, assigned_to={"type": "team", "id": "5"})
    again = ContactOffered(id=thing("offered"), **told(queue="5"))
    assert parse("conversation.admin.open.assigned", conversation(both)) == Events((*BEGUN, status("open"), again))


@pytest.mark.parametrize(
    ("topic", "word"), [("conversation.admin.snoozed", "pending"), ("conversation.admin.unsnoozed", "open")]
)
def test_a_snooze_is_a_pause_of_the_status_only(topic: str, word: str) -> None:
    assert parse(topic, conversation(part(author=BEN, body=None))) == Events((*BEGUN, status(word)))


@pytest.mark.parametrize(("given", "priority"), [("priority", "priority"), (True, "priority"), (False, "not_priority")])
def test_a_priority_is_an_update(given: object, priority: str) -> None:
    assert parse("conversation.priority.updated", conversation(part(), priority=given)) == Events(
        (*BEGUN, ContactUpdated(id=thing("priority"), priority=priority, **told(TOLD)))
    )


@pytest.mark.parametrize("rating", [4, 4.0, "4"], ids=repr)
def test_a_rating_is_a_survey_and_a_later_one_corrects_it(rating: object) -> None:
    given = {"rating": rating, "remark": "ok", "created_at": TOLD, "teammate": {"type": "admin", "id": 814860}}
    assert parse("conversation.rating.added", conversation(conversation_rating=given)) == Events(
        (
            *BEGUN,
            SurveyAnswered(
                id=event_id(SOURCE, APP, CONVERSATION, "rating"),
                agent="814860",
                kind="csat",
                score=4.0,
                scale=5,
                **told(TOLD, revision=TOLD * 1000),
            ),
        )
    )


def test_tickets_are_contacts_whether_they_are_the_item_or_in_it() -> None:
    assert parse("ticket.created", ticket()) == Events(BEGUN)
    wrote = {"type": "ticket_ticket_part", "ticket": ticket(), "ticket_part": part()}
    assert parse("ticket.contact.replied", wrote) == Events((*BEGUN, message()))
    wrote["ticket_part"] = part(author=BEN, part_type="assignment", assigned_to=BEN)
    assert parse("ticket.admin.replied", wrote) == Events((*BEGUN, message(author="agent", agent="814860"), answer()))
    mine = part(author=BEN, body=None, assigned_to=BEN)
    assert parse("ticket.admin.assigned", ticket() | {"ticket_parts": {"ticket_parts": [mine]}}) == Events(
        (*BEGUN, ContactUpdated(id=thing("assigned"), assignee="814860", **told()))
    )
    for topic in ("ticket.closed", "ticket.resolved"):
        done = ticket(ticket_parts={"ticket_parts": [part(author=BEN, body=None)]})
        assert parse(topic, done) == Events((*BEGUN, status("solved")))
        assert parse(topic, {"ticket": done}) == Events((*BEGUN, status("solved")))
    assert parse("ticket.created", ticket(category="Back-office")) == Ignored("internal_ticket")


@pytest.mark.parametrize(
    ("topic", "item", "state", "reason"),
    [
        ("admin.away_mode_updated", {"away_mode_enabled": True, "away_status_reason": "lunch"}, "away", "lunch"),
        ("admin.away_mode_updated", {"away_mode_enabled": True, "away_status_reason": ""}, "away", None),
        ("admin.away_mode_updated", {"away_mode_enabled": False, "away_status_reason": "lunch"}, "available", None),
        ("admin.logged_in", {"away_mode_enabled": False}, "available", None),
        ("admin.logged_in", {"away_mode_enabled": True}, "away", None),
        ("admin.logged_out", {"away_mode_enabled": True, "away_status_reason": "lunch"}, "offline", None),
    ],
)
def test_a_teammates_availability(topic: str, item: dict[str, Any], state: Any, reason: str | None) -> None:
    changed = AgentStateChanged(
        id=event_id(SOURCE, APP, "notif_fw_0001", "state"),
        time=from_ms(TOLD * 1000),
        channel="chat",
        source=SOURCE,
        revision=1,
        agent="814860",
        state=state,
        reason=reason,
    )
    assert parse(topic, {"type": "admin", "id": 814860} | item) == Events((changed,))


def test_ids_may_be_numbers_and_instants_text() -> None:
    item = conversation(part(id=990001, created_at=str(SAID)), id=2154900, created_at="2026-10-20T07:06:40Z")
    assert parse("conversation.user.replied", item) == Events((*BEGUN, message()))
    item = conversation(part(created_at=float(SAID)))
    assert parse("conversation.user.replied", item) == Events((*BEGUN, message()))


def test_without_its_first_message_a_conversation_is_the_customers() -> None:
    bare = conversation(part(), source=..., contacts={"contacts": [ANA]})
    assert parse("conversation.user.replied", bare) == Events((*BEGUN, message()))
    assert parse("conversation.user.replied", bare | {"created_at": None}) == Events(
        (created(SAID), offered(SAID), message())
    )


@pytest.mark.parametrize(
    ("email", "phone", "identifiers"),
    [
        ("", None, ("intercom:fwapp1:65f0fw",)),
        ("nobody", "anonymous", ("intercom:fwapp1:65f0fw",)),
        ("a@b@c", "201", ("intercom:fwapp1:65f0fw",)),
        (None, "+49 30 901820", ("tel:+4930901820", "intercom:fwapp1:65f0fw")),
    ],
)
def test_what_names_nobody_is_no_identifier(email: str | None, phone: str | None, identifiers: tuple[str, ...]) -> None:
    author = ANA | {"email": email, "phone": phone}
    item = conversation(part(author=author), source={"author": author})
    assert parse("conversation.user.replied", item) == Events(
        (created(identifiers=identifiers), offered(identifiers=identifiers), message(identifiers=identifiers))
    )


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("conversation.read", "read"),
        ("conversation.deleted", "deleted"),
        ("conversation_part.redacted", "deleted"),
        ("ticket.rating.provided", "ticket_rating"),
        ("content_stat.survey", "survey"),
        ("call.started", "call"),
        ("call.ended", "call"),
        ("contact.merged", "customers_merged"),
        ("company.created", "unknown_topic"),
        (..., "unknown_topic"),
    ],
)
def test_what_is_not_counted_is_ignored_with_the_reason(topic: Any, reason: str) -> None:
    assert parse(topic, {"contacts": "of another shape"}) == Ignored(reason)


def test_a_retry_says_the_same_and_any_order_leaves_the_same() -> None:
    payloads = [
        notification("conversation.user.created", conversation()),
        REPLY,
        notification("conversation.admin.replied", conversation(part(id="990002", author=BEN))),
    ]

    def left(order: list[bytes]) -> set[tuple[str, int]]:
        parsed = [PROVIDER.parse(payload, CONTEXT) for payload in order]
        return {(each.id, each.revision) for events in parsed if isinstance(events, Events) for each in events.events}

    retried = REPLY.replace(b'"delivery_attempts":1', b'"delivery_attempts":2')
    assert left([*payloads, retried]) == left(payloads[::-1])
    assert len(left(payloads)) == 6


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no JSON"),
        (REPLY[:-9], "syntax", "no JSON"),
        (REPLY.replace(b"65f0fw", b"65\xfffw"), "syntax", r"in `\$.data.item`: no JSON"),
        (b'{"data":{"item":' + b"[" * 100_000, "syntax", "no JSON"),
        (b"[1]", "schema", "Expected `object`"),
        (notification("conversation.user.replied", None), "schema", r"in `\$.data.item`: Expected `object`"),
        (notification("conversation.user.replied", {}, topic=["x"]), "schema", r"`\$.topic`"),
        (notification("conversation.user.replied", conversation(part(author="Ana"))), "schema", "Expected `object"),
        (notification("conversation.user.replied", conversation()), "schema", "no part with an `id` and an `author`"),
        (notification("conversation.user.replied", conversation(part(id=...))), "schema", "no part with an `id`"),
        (notification("conversation.user.replied", conversation(id="")), "identity", r"`\$.data.item.id` is missing"),
        (notification("conversation.user.replied", conversation(), app_id=...), "identity", r"`\$.app_id` is missing"),
        (notification("conversation.user.created", conversation(), id=...), "identity", r"`\$.id` is missing"),
        (notification("admin.logged_in", {}), "identity", "which teammate"),
        (notification("admin.logged_in", {"id": 1}, created_at=...), "time", r"`\$.created_at` is missing"),
        (notification("conversation.user.replied", conversation(part(created_at="soon"))), "time", "'soon'"),
        (notification("ticket.created", ticket(created_at=10**15)), "time", "expected seconds since the epoch"),
        (notification("ticket.created", ticket(created_at="9" * 5000)), "time", "expected seconds since the epoch"),
        (notification("ticket.created", ticket(created_at="0001-01-01T00:00:00+14:00")), "time", "0001-01-01"),
        (notification("ticket.created", ticket(created_at="2026-10-20T10:00:00")), "time", "2026-10-20"),
        (
            notification("conversation.user.created", conversation(), created_at=...),
            "time",
            "neither the newest part nor the notification",
        ),
        (notification("conversation.rating.added", conversation()), "schema", "no number from 1 to 5"),
        (
            notification("conversation.rating.added", conversation(conversation_rating={"rating": "great"})),
            "schema",
            "no number from 1 to 5",
        ),
        (notification("conversation.priority.updated", conversation()), "schema", "priority` is missing"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        PROVIDER.parse(payload, CONTEXT)
    assert caught.value.reason == reason


PAYLOADS = [
    REPLY,
    notification(
        "conversation.admin.assigned",
        conversation(part(author=BEN, assigned_to={"type": "team", "id": 5}), statistics={"first_admin_reply_at": 1}),
    ),
    notification("conversation.rating.added", conversation(conversation_rating={"rating": 5, "created_at": SAID})),
    notification("ticket.closed", {"ticket": ticket(), "ticket_part": part()}),
    notification("contact.merged", ANA | {"merged_from": {"id": "65f1fw"}}),
]


@settings(max_examples=200, derandomize=True)
@given(
    payload=st.sampled_from(PAYLOADS),
    made=cuts(800),
)
def test_whatever_bytes_come_they_say_something_or_are_malformed(payload: bytes, made: list[Cut]) -> None:
    payload = cut(payload, made)
    try:
        parsed = PROVIDER.parse(payload, CONTEXT)
    except Malformed:
        return
    assert isinstance(parsed, Events | Ignored)
