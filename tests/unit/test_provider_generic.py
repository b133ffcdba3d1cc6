"""Webhooks of any tool: proven and understood by the settings of their source."""

import hmac
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.generic import PROVIDER, Generic
from agents.intake.webhook import earliest
from schemas.events import (
    AgentStateChanged,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactLeftQueue,
    ContactOffered,
    ContactStatusChanged,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Delivery, NotGenuine
from streams.connectors.secrets import faults, sources_of
from streams.problems import SettingsError
from streams.sections import HookSource
from tests.unit.cuts import Cut, cut, cuts

AT, TEN = 1_792_490_460_000, 1_792_490_400_000
SETTINGS = {
    "proof": "hmac-sha256-hex:X-Desk-Signature:sha256=",
    "type": "event",
    "types": (
        "ticket.new=contact.created, ticket.taken=contact.answered, ticket.gave_up=contact.left_queue:abandoned,"
        "ticket.closed=contact.status_changed:solved,"
        "ticket.reopened=contact.status_changed:open+contact.offered:again, ticket.gone=contact.ended,"
        "comment.new=message.posted, comment.auto=message.posted:system,"
        "rated=survey.answered:csat, agent.away=agent.state_changed:away"
    ),
    "contact": "account.id,ticket.id",
    "id": "delivery",
    "time": "at",
    "channel": "ticket.channel",
    "queue": "ticket.team",
    "agent": "ticket.agents[0].name",
    "author": "comment.by",
    "authors": "contact=customer,user=agent",
    "identifiers": "customer.email,customer.phone,crm:customer.id",
    "text": "comment.text",
    "language": "ticket.language",
    "priority": "ticket.priority",
    "score": "stars",
    "scale": "'5'",
}
CONTACT = contact_id("desk", "7", "T-1")
ANA = ("mailto:ana@kunde.example", "tel:+4930901820", "crm:desk:42")


def body(event: str | None = "ticket.new", **changed: Any) -> bytes:
    told: dict[str, Any] = {
        "event": event,
        "delivery": "d-1",
        "at": "2026-10-20T10:00:00Z",
        "account": {"id": 7},
        "ticket": {
            "id": "T-1",
            "channel": "Email",
            "team": "returns",
            "agents": [{"name": "Ben"}],
            "language": "de",
            "priority": "high",
        },
        "customer": {"email": "Ana@Kunde.example", "phone": "030 901820", "id": 42},
        "comment": {"by": "contact", "text": "Where is it?"},
        "stars": 4,
    }
    return msgspec.json.encode({name: value for name, value in (told | changed).items() if value is not ...})


def parse(payload: bytes, **given_settings: Any) -> Parsed:
    known = {name: value for name, value in (SETTINGS | given_settings).items() if value is not ...}
    return PROVIDER.parse(payload, Context("desk", {}, read_at=AT, region="DE", settings=known))


def said(kind: str | None = None, time: int = TEN, **more: Any) -> dict[str, Any]:
    told = {"time": from_ms(time), "channel": "email", "source": "desk", "contact": CONTACT, "queue": "returns"}
    if kind is not None:
        told |= {"id": event_id("desk", CONTACT, "d-1", kind), "revision": 1}
    return told | more


def created(time: int = TEN, **more: Any) -> ContactCreated:
    known = {"identifiers": ANA, "language": "de", "priority": "high"} | more
    return ContactCreated(id=event_id("desk", CONTACT, "created"), revision=earliest(time), **said(time=time), **known)


def offered(time: int = TEN, **more: Any) -> ContactOffered:
    return ContactOffered(
        id=event_id("desk", CONTACT, "offered"),
        revision=earliest(time),
        **said(time=time),
        **({"identifiers": ANA} | more),
    )


def answered() -> ContactAnswered:
    return ContactAnswered(id=event_id("desk", CONTACT, "answered"), revision=earliest(TEN), agent="Ben", **said())


def posted(author: Any = "customer", **more: Any) -> MessagePosted:
    known: dict[str, Any] = {"identifiers": ANA} if author == "customer" else {}
    return MessagePosted(author=author, length=12, **said("message.posted"), **known, **more)


def delivery(payload: bytes, **headers: str) -> Delivery:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery("POST", "https://hooks.example/hooks/generic/desk", (), named, payload, AT)


def hook(proof: str, secrets: tuple[str, ...] = ("k1",)) -> Generic:
    return PROVIDER.configured({"secret": secrets}, SETTINGS | {"proof": proof})


BODY = body()
KNOWN = {"generic": PROVIDER}
HEX = hmac.digest(b"k1", BODY, "sha256").hex()
SHA1 = hmac.digest(b"k1", BODY, "sha1").hex()
BASE64 = b64encode(hmac.digest(b"k1", BODY, "sha256")).decode()
PROOFS = [
    ("hmac-sha256-hex:X-Proof", {"x_proof": HEX}),
    ("hmac-sha256-hex:X-Proof", {"x_proof": HEX.upper()}),
    ("hmac-sha256-hex:X-Proof:sha256=", {"x_proof": f"sha256={HEX}"}),
    ("hmac-sha1-hex: X-Proof:SHA1=", {"x_proof": f"sha1={SHA1}"}),
    ("hmac-sha256-base64:X-Proof", {"x_proof": BASE64}),
    ("hmac-sha256-base64:X-Proof:v1:", {"x_proof": f"v1:{BASE64}"}),
    ("bearer", {"authorization": "Bearer k1"}),
    ("header:X-Key", {"x_key": "k1"}),
]


@pytest.mark.parametrize(("proof", "headers"), PROOFS)
def test_a_delivery_is_proven_as_the_source_says(proof: str, headers: dict[str, str]) -> None:
    hook(proof).verify(delivery(BODY, **headers), {"secret": ("k1",)})
    hook(proof).verify(delivery(BODY, **headers), {"secret": ("k2", "k1")})
    for secret in ("k2", "", "K1"):
        with pytest.raises(NotGenuine) as caught:
            hook(proof).verify(delivery(BODY, **headers), {"secret": (secret,)})
        assert "k1" not in str(caught.value)
    with pytest.raises(NotGenuine, match="no header"):
        hook(proof).verify(delivery(BODY), {"secret": ("k1",)})


@pytest.mark.parametrize(("proof", "headers"), PROOFS[:6])
def test_an_altered_body_is_not_genuine(proof: str, headers: dict[str, str]) -> None:
    with pytest.raises(NotGenuine, match="header x-proof is another"):
        hook(proof).verify(delivery(BODY + b" ", **headers), {"secret": ("k1",)})


def test_basic_authentication_is_a_user_and_a_password() -> None:
    basic = {"authorization": "Basic " + b64encode(b"desk:pass:word").decode()}
    hook("basic", ("desk:pass:word",)).verify(delivery(BODY, **basic), {"secret": ("desk:pass:word",)})
    for headers in (basic, {"authorization": "Bearer desk:other"}):
        with pytest.raises(NotGenuine, match="header authorization"):
            hook("basic", ("desk:x",)).verify(delivery(BODY, **headers), {"secret": ("desk:other",)})
    with pytest.raises(ValueError, match="USER:PASSWORD is expected") as caught:
        hook("basic", ("hunter2",))
    assert "hunter2" not in str(caught.value)


def test_without_its_settings_nothing_is_genuine() -> None:
    with pytest.raises(NotGenuine, match="the setting proof is missing"):
        PROVIDER.verify(delivery(BODY, x_proof=HEX), {"secret": ("k1",)})
    assert PROVIDER.greet(delivery(BODY), {"secret": ("k1",)}) is None


def test_the_gateway_gets_a_hook_that_knows_the_sources_settings() -> None:
    source = {"provider": "generic", "source": "desk", "secrets": {"secret": "k1"}, "settings": SETTINGS}
    (ready,) = sources_of([HookSource.model_validate(source)], KNOWN)
    proof = f"sha256={HEX}"
    ready.hook.verify(delivery(BODY, x_desk_signature=proof), ready.secrets)
    assert (ready.hook.identity(BODY, {}), ready.hook.key(BODY, {})) == ("d-1", b"7 T-1")
    assert ready.hook.channel_of(BODY, {}) == "email"
    assert (ready.hook.identity(b"{", {}), ready.hook.key(b"{", {}), ready.hook.channel_of(b"{", {})) == (
        None,
        None,
        "chat",
    )


def test_settings_and_secrets_of_no_use_end_the_start() -> None:
    source = {"provider": "generic", "source": "desk", "secrets": {"secret": "hunter2"}}
    wrong = HookSource.model_validate(source | {"settings": SETTINGS | {"type": "a b"}})
    (fault,) = faults([wrong], KNOWN)
    assert fault[0] == ("hooks", 0, "settings", "type")
    missing = HookSource.model_validate(source)
    assert [place for place, _ in faults([missing], KNOWN)] == [("hooks", 0, "settings")] * 3
    with pytest.raises(SettingsError, match="'a b' is no path"):
        sources_of([wrong], KNOWN)
    basic = HookSource.model_validate(source | {"settings": SETTINGS | {"proof": "basic"}})
    with pytest.raises(SettingsError, match=r"hooks\[0\].secrets: secret: .* USER:PASSWORD") as failed:
        sources_of([basic], KNOWN)
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("proof", "hmac", "'hmac': expected 'hmac-sha256-hex:HEADER"),
        ("proof", "hmac-sha256-hex", "expected"),
        ("proof", "bearer:x", "expected"),
        ("type", "a..b", "'a..b' is no path: expected one like"),
        ("type", "a[x]", "is no path"),
        ("contact", "a,", "'' is no path"),
        ("id", "'", "is no path"),
        ("types", "new", "'new': expected WORD=TYPE"),
        ("types", "new=contact.create", "'contact.create' is none of our types"),
        ("types", "new=contact.ended,new=contact.created", "'new' is there twice"),
        ("types", "new=contact.status_changed:open+contact.status_changed:solved", "twice for one word"),
        ("types", "new=contact.left_queue", "expected contact.left_queue:abandoned, "),
        ("types", "new=message.posted:me", "'message.posted:me': expected message.posted, message.posted:customer"),
        ("channel", "'fax'", "'fax': expected email, chat, phone, social"),
        ("authors", "user=staff", "'staff': expected customer, agent, bot, system"),
        ("identifiers", "mailto:", "'' is no path"),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_what_is_expected(setting: str, value: str, message: str) -> None:
    (fault,) = PROVIDER.settings_faults(SETTINGS | {setting: value})
    assert fault[0] == setting
    assert message in fault[1]


def test_settings_that_are_missing_are_named_and_right_ones_are_not() -> None:
    assert PROVIDER.settings_faults(SETTINGS) == []
    bare = [message for _, message in PROVIDER.settings_faults({})]
    assert [message.split(" is missing")[0] for message in bare] == [
        "the setting proof",
        "the setting type",
        "the setting contact",
    ]
    without = {name: value for name, value in SETTINGS.items() if name != "score"}
    assert PROVIDER.settings_faults(without) == [(None, "the setting score is missing: survey.answered needs a number")]
    worded = SETTINGS | {"types": "note=message.posted,rest=agent.state_changed:away"}
    for name, what in (
        ("author", "message.posted without :AUTHOR needs it"),
        ("agent", "agent.state_changed needs it"),
    ):
        lacking = {each: value for each, value in worded.items() if each != name}
        assert PROVIDER.settings_faults(lacking) == [(None, f"the setting {name} is missing: {what}")]
    with_author = {"types": "note=message.posted:agent,gone=contact.ended"}
    assert PROVIDER.settings_faults({"proof": "bearer", "type": "a", "contact": "b"} | with_author) == []


def test_of_a_tool_that_nobody_knows_nothing_is_left_to_its_retries() -> None:
    assert not hook("bearer").tries_again


def test_a_text_without_end_names_nothing() -> None:
    long = "1" * 1_001
    assert parse(body(customer={"email": f"{long}@kunde.example", "phone": f"+{long}"})) == parse(body(customer={}))
    with pytest.raises(Malformed, match="no text of up to 1,000 characters and no whole number"):
        parse(body(ticket={"id": long, "channel": "chat"}))


@pytest.mark.parametrize(
    ("event", "events"),
    [
        ("ticket.new", (created(), offered())),
        ("ticket.taken", (answered(),)),
        ("ticket.gave_up", (ContactLeftQueue(reason="abandoned", **said("contact.left_queue")),)),
        ("ticket.closed", (ContactStatusChanged(status="solved", agent="Ben", **said("contact.status_changed")),)),
        (
            "ticket.reopened",
            (
                ContactStatusChanged(status="open", agent="Ben", **said("contact.status_changed")),
                ContactOffered(**said("contact.offered")),
            ),
        ),
        ("ticket.gone", (ContactEnded(**said("contact.ended")),)),
        ("comment.new", (created(), offered(), posted())),
        ("comment.auto", (posted("system"),)),
        ("rated", (SurveyAnswered(kind="csat", score=4.0, scale=5, agent="Ben", **said("survey.answered")),)),
        (
            "agent.away",
            (
                AgentStateChanged(
                    id=event_id("desk", "Ben", "d-1", "agent.state_changed"),
                    time=from_ms(TEN),
                    channel="email",
                    source="desk",
                    revision=1,
                    agent="Ben",
                    state="away",
                ),
            ),
        ),
    ],
)
def test_each_word_says_what_it_stands_for(event: str, events: tuple[Any, ...]) -> None:
    assert parse(body(event)) == Events(events)


def test_a_message_of_staff_answers() -> None:
    told = posted("agent", agent="Ben")
    assert parse(body("comment.new", comment={"by": "user", "text": "On its way."})) == Events(
        (msgspec.structs.replace(told, length=11), answered())
    )
    assert parse(body("comment.new", comment={"by": "bot"}), authors=...) == Events(
        (msgspec.structs.replace(posted("bot"), length=None),)
    )


def test_where_the_tool_says_itself_who_waits_nothing_else_does() -> None:
    types = "new=contact.created,queued=contact.offered,said=message.posted:customer"
    assert parse(body("new"), types=types) == Events((created(),))
    assert parse(body("said"), types=types) == Events((created(), posted()))
    assert parse(body("queued"), types=types) == Events((created(), offered()))


def test_without_a_table_the_words_are_ours() -> None:
    assert parse(body("contact.status_changed:solved"), types=...) == parse(body("ticket.closed"))
    assert parse(body("ticket.closed"), types=...) == Ignored("unknown_event")
    assert parse(BODY, type="'contact.created'", types=...) == Events((created(), offered()))


def test_a_word_that_nobody_listed_says_nothing() -> None:
    assert parse(body("ticket.printed")) == Ignored("unknown_event")


@pytest.mark.parametrize(
    ("given_time", "ms"),
    [
        ("2026-10-20T12:00:00.250+02:00", TEN + 250),
        (TEN // 1000, TEN),
        (f"{TEN // 1000}.0", TEN),
        (TEN + 7, TEN + 7),
        (f" {TEN + 7}", TEN + 7),
        (1792490400.123, TEN + 123),
        ("1792490400.123456", TEN + 123),
    ],
)
def test_an_instant_is_iso_8601_or_seconds_or_milliseconds(given_time: Any, ms: int) -> None:
    assert parse(body(at=given_time)) == Events((created(ms), offered(ms)))


def test_without_a_time_it_happened_when_it_came() -> None:
    assert parse(BODY, time=...) == Events((created(AT), offered(AT)))


def test_without_an_id_the_body_names_the_event() -> None:
    first, again, other = (parse(payload, id=...) for payload in (body("rated"), body("rated"), body("rated", stars=5)))
    assert isinstance(first, Events)
    assert isinstance(other, Events)
    assert first == again
    assert first.events[0].id != other.events[0].id


def test_identifiers_are_known_by_their_look_or_their_kind_and_bad_ones_are_left_out() -> None:
    customer = {"email": "nobody", "phone": "anonymous", "id": None}
    assert parse(body(customer=customer)) == Events((created(identifiers=()), offered(identifiers=())))
    kinds = "mailto:customer.email, tel:customer.phone, customer.email"
    same = ANA[:2]
    assert parse(BODY, identifiers=kinds) == Events((created(identifiers=same), offered(identifiers=same)))


def test_the_channel_may_be_a_word_of_ours_or_chat() -> None:
    for setting, channel in (("'phone'", "phone"), (..., "chat")):
        parsed = parse(body("ticket.gone"), channel=setting)
        assert parsed == Events((ContactEnded(**said("contact.ended") | {"channel": channel}),))


def test_a_retry_says_the_same_and_any_order_leaves_the_same() -> None:
    payloads = [body("comment.new"), body("ticket.new", delivery="d-2"), body("ticket.closed", delivery="d-3")]

    def left(order: list[bytes]) -> set[tuple[str, int]]:
        parsed = [parse(payload) for payload in order]
        return {(each.id, each.revision) for events in parsed if isinstance(events, Events) for each in events.events}

    assert left([*payloads, payloads[0]]) == left(payloads[::-1])
    assert len(left(payloads)) == 4


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no JSON"),
        (BODY[:-9], "syntax", "no JSON"),
        (b'{"event":"\xff"}', "syntax", "no JSON"),
        (b"[" * 100_000, "syntax", "no JSON"),
        (b"[1]", "identity", "setting type = event: there is no text"),
        (body(event=None), "identity", "setting type = event"),
        (body(account=...), "identity", "setting contact = account.id"),
        (body(ticket={"channel": "chat"}), "identity", "setting contact = ticket.id"),
        (body(account={"id": 7.5}), "identity", "setting contact = account.id: .* no whole number"),
        (body(delivery=""), "identity", "setting id = delivery"),
        (body(at="yesterday"), "time", "setting time = at: 'yesterday': expected ISO 8601"),
        (body(at="2026-10-20T12:00:00"), "time", "with a zone"),
        (body(at=True), "time", "setting time = at"),
        (body(at=-5), "time", "setting time = at"),
        (body(at=[TEN]), "time", "setting time = at: ''"),
        (body(at=1792490400123456), "time", "setting time = at"),
        (body(at=1e300), "time", "setting time = at"),
        (body(ticket={"id": 1, "channel": "fax"}), "schema", "setting channel = ticket.channel: 'fax': expected email"),
        (body("comment.new", comment={"by": "owl"}), "schema", "setting author = comment.by: 'owl'"),
        (body("comment.new", comment=None), "identity", "setting author = comment.by"),
        (body("rated", stars="many"), "schema", "setting score = stars: 'many': expected a number"),
        (body("rated", stars=6), "schema", "setting score = stars: 6 of 5"),
        (
            body("agent.away", ticket={"channel": "chat"}),
            "identity",
            r"setting agent = ticket.agents\[0\].name: agent.state_changed needs",
        ),
    ],
)
def test_what_cannot_be_understood_is_refused_and_the_setting_is_named(
    payload: bytes, reason: str, message: str
) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(payload)
    assert caught.value.reason == reason


def test_a_worker_whose_settings_are_wrong_says_so() -> None:
    for given_settings, message in (({"type": "a b"}, "is no path"), ({"contact": ...}, "setting contact is missing")):
        with pytest.raises(Malformed, match=message) as caught:
            parse(BODY, **given_settings)
        assert caught.value.reason == "rule"
    with pytest.raises(Malformed, match="the setting author is missing"):
        parse(body("comment.new"), author=...)


PAYLOADS = [BODY, body("comment.new"), body("rated"), body("agent.away")]


@settings(max_examples=200, derandomize=True)
@given(
    payload=st.sampled_from(PAYLOADS),
    made=cuts(420),
)
def test_whatever_bytes_come_they_say_something_or_are_malformed(payload: bytes, made: list[Cut]) -> None:
    payload = cut(payload, made)
    try:
        parsed = parse(payload)
    except Malformed:
        return
    assert isinstance(parsed, Events | Ignored)
