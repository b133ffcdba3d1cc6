"""Canonical events by POST: who may, and in which ways they come."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed
from agents.intake.providers import canonical_events
from agents.intake.providers.canonical_events import MOST_EVENTS, PROVIDER
from schemas.events import AgentStateChanged, AnyEvent, ContactAnswered, ContactEnded, MessagePosted
from schemas.ids import event_id
from streams.connectors.hooks import Delivery, NotGenuine
from tests.unit.cuts import Cut, cut, cuts

AT = 1_792_490_400_000
NOON = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
ANSWERED = ContactAnswered(
    id="a1", time=NOON, channel="phone", source="pbx", revision=7, contact="c1", agent="Ann", waited=1.5
)
POSTED = MessagePosted(id="m1", time=NOON, channel="email", source="crm", contact="c2", author="customer", length=9)
AWAY = AgentStateChanged(id="s1", time=NOON, channel="chat", source="crm", agent="Ann", state="away")
SECRETS = {"api_key": ("key-1",)}
JSON, LINES = "application/json", "application/x-ndjson"
CLOUD, BATCH = "application/cloudevents+json; charset=UTF-8", "application/cloudevents-batch+json"


def fields(event: AnyEvent, **changed: Any) -> dict[str, Any]:
    known = msgspec.to_builtins(event) | changed
    return {name: value for name, value in known.items() if value is not ...}


def body(value: Any) -> bytes:
    return msgspec.json.encode(value)


def cloud(event: AnyEvent, **changed: Any) -> dict[str, Any]:
    bare = fields(event, id=..., source=..., type=..., time=...)
    attributes = {
        "specversion": "1.0",
        "id": "4711",
        "source": "/crm",
        "type": f"floorwalker.{fields(event)['type']}",
        "time": "2026-10-20T12:00:00Z",
        "datacontenttype": "application/json",
        "subject": None,
        "data": bare,
    }
    return {name: value for name, value in (attributes | changed).items() if value is not ...}


def headers(content_type: str = JSON, **more: str) -> dict[str, bytes]:
    named = {"content-type": content_type} | {name.replace("_", "-"): value for name, value in more.items()}
    return {name: value.encode() for name, value in named.items()}


def parse(payload: bytes, content_type: str = JSON, **more: str) -> Parsed:
    return PROVIDER.parse(payload, Context("shop", headers(content_type, **more), read_at=AT))


def delivery(**given_headers: str) -> Delivery:
    named = {name.replace("_", "-"): value for name, value in given_headers.items()}
    return Delivery("POST", "https://desk.example/hooks/events/shop", (), named, b"{}", AT)


SENT = MessagePosted(
    id=event_id("shop", "/crm", "4711"),
    time=NOON,
    channel="email",
    source="/crm",
    contact="c2",
    author="customer",
    length=9,
)


@pytest.mark.parametrize(
    "proof",
    [
        {"authorization": "Bearer key-1"},
        {"authorization": "bearer  key-1"},
        {"x_api_key": "key-1"},
        {"authorization": "Basic a2V5LTE=", "x_api_key": "key-1"},
    ],
)
def test_the_key_comes_as_bearer_or_in_a_header_of_its_own(proof: dict[str, str]) -> None:
    PROVIDER.verify(delivery(**proof), SECRETS)


@pytest.mark.parametrize(
    ("proof", "message"),
    [
        ({}, "no key"),
        ({"authorization": "Basic key-1"}, "no key"),
        ({"authorization": "Bearer "}, "no key"),
        ({"authorization": "Bearer key-2"}, "the API key is another"),
        ({"x_api_key": "key"}, "the API key is another"),
        ({"authorization": "Bearer key-2", "x_api_key": "key-1"}, "the API key is another"),
    ],
)
def test_another_key_or_none_is_refused(proof: dict[str, str], message: str) -> None:
    with pytest.raises(NotGenuine, match=message) as caught:
        PROVIDER.verify(delivery(**proof), SECRETS)
    assert "key-1" not in str(caught.value)


def test_while_keys_change_both_are_valid() -> None:
    for key in ("key-1", "key-2"):
        PROVIDER.verify(delivery(x_api_key=key), {"api_key": ("key-1", "key-2")})


def test_there_is_no_handshake_and_the_answer_is_an_empty_200() -> None:
    assert PROVIDER.greet(delivery(), SECRETS) is None
    assert (PROVIDER.taken.status, PROVIDER.taken.body) == (200, b"")


@pytest.mark.parametrize("event", [ANSWERED, POSTED, AWAY])
def test_one_event_keeps_its_own_id_source_and_revision(event: AnyEvent) -> None:
    assert parse(body(fields(event))) == Events((event,))
    assert parse(body(fields(event)), "") == Events((event,))
    assert parse(body(fields(event)), "application/vnd.shop+json; charset=utf-8") == Events((event,))


def test_an_event_without_a_source_is_of_this_one() -> None:
    assert parse(body(fields(POSTED, source=...))) == Events((msgspec.structs.replace(POSTED, source="shop"),))


def test_many_come_as_an_array_or_as_lines() -> None:
    events = (ANSWERED, POSTED, AWAY)
    assert parse(b" " + body([fields(each) for each in events])) == Events(events)
    lines = b"\r\n\n".join(body(fields(each)) for each in events) + b"\n"
    assert parse(lines, LINES) == Events(events)
    assert parse(lines, "application/jsonl") == Events(events)


@pytest.mark.parametrize(("payload", "media"), [(b"[]", JSON), (b"", LINES), (b"\n \n", LINES), (b"[]", BATCH)])
def test_a_batch_of_nothing_says_nothing(payload: bytes, media: str) -> None:
    assert parse(payload, media) == Ignored("empty_batch")


def test_a_cloudevent_says_what_its_data_lacks() -> None:
    assert parse(body(cloud(POSTED)), CLOUD) == Events((SENT,))
    assert parse(body(cloud(POSTED, type="message.posted")), CLOUD) == Events((SENT,))
    assert parse(body(cloud(POSTED, data=fields(POSTED))), CLOUD) == Events((POSTED,))


def test_data_in_base64_is_the_same() -> None:
    encoded = b64encode(body(cloud(POSTED)["data"])).decode()
    assert parse(body(cloud(POSTED, data=..., data_base64=encoded)), CLOUD) == Events((SENT,))


def test_a_batch_of_cloudevents_says_them_all() -> None:
    assert parse(body([cloud(POSTED), cloud(ANSWERED, data=fields(ANSWERED))]), BATCH) == Events((SENT, ANSWERED))


def test_a_cloudevent_may_stand_in_the_headers() -> None:
    told = {
        "ce_specversion": "1.0",
        "ce_id": '"47\\11"',
        "ce_source": "%2Fcrm",
        "ce_type": "floorwalker.message.posted",
        "ce_time": "2026-10-20T12:00:00Z",
    }
    assert parse(body(cloud(POSTED)["data"]), JSON, **told) == Events((SENT,))
    assert {f"ce-{name}" for name in ("id", "source", "type", "time", "specversion")} == set(PROVIDER.kept)


def test_two_programs_that_count_alike_do_not_share_ids() -> None:
    first, second = (parse(body(cloud(POSTED, source=source)), CLOUD) for source in ("/crm", "/shop"))
    assert isinstance(first, Events)
    assert isinstance(second, Events)
    assert first.events[0].id != second.events[0].id


def test_one_bad_element_does_not_spoil_the_others() -> None:
    fault = Fault("schema", "in `$[1]`: no canonical event: Object missing required field `contact`")
    array = [fields(ANSWERED), fields(POSTED, contact=...), fields(AWAY)]
    assert parse(body(array)) == Events((ANSWERED, AWAY), (fault,))
    lines = body(fields(ANSWERED)) + b"\n{\n" + body(fields(AWAY))
    parsed = parse(lines, LINES)
    assert isinstance(parsed, Events)
    assert parsed.events == (ANSWERED, AWAY)
    assert [(each.reason, each.message[:16]) for each in parsed.faults] == [("syntax", "line 2: no JSON:")]
    batch = [cloud(POSTED, source=...), cloud(POSTED)]
    fault = Fault("identity", "in `$[0]`: the attribute source of the CloudEvent is missing or empty")
    assert parse(body(batch), BATCH) == Events((SENT,), (fault,))


def test_of_many_bad_elements_the_first_are_told_and_the_others_counted() -> None:
    parsed = parse(body([7] * 25 + [fields(AWAY)]))
    assert isinstance(parsed, Events)
    assert parsed.events == (AWAY,)
    assert [each.message[:10] for each in parsed.faults] == [f"in `$[{number}]`: "[:10] for number in range(20)] + [
        "and 5 more"
    ]


@pytest.mark.parametrize(("payload", "media"), [(b"[7,7,7,7]", JSON), (b"7\n" * 4, LINES)])
def test_a_body_of_more_elements_than_can_be_events_is_not_tried_to_its_end(
    monkeypatch: pytest.MonkeyPatch, payload: bytes, media: str
) -> None:
    monkeypatch.setattr(canonical_events, "MOST_EVENTS", 3)
    with pytest.raises(Malformed, match="more than 3 elements") as caught:
        parse(payload, media)
    assert caught.value.reason == "too_large"


def test_the_largest_body_holds_fewer_events_than_are_tried() -> None:
    smallest = ContactEnded(id="1", time=NOON, channel="chat", source="s", contact="c")
    assert len(body(fields(smallest, source=...)) + b"\n") * MOST_EVENTS > PROVIDER.largest


def test_the_same_payload_says_the_same_and_the_order_does_not_matter() -> None:
    payloads = [body(cloud(POSTED)), body(cloud(ANSWERED, id="4712"))]

    def told(order: list[bytes]) -> set[tuple[str, int]]:
        parsed = [parse(payload, CLOUD) for payload in order]
        return {(each.id, each.revision) for events in parsed if isinstance(events, Events) for each in events.events}

    assert told([*payloads, payloads[0]]) == told(payloads[::-1])
    assert len(told(payloads)) == 2


@pytest.mark.parametrize(
    ("payload", "media", "key", "channel"),
    [
        (body(fields(ANSWERED)), JSON, b"c1", "phone"),
        (body(fields(AWAY)), JSON, b"Ann", "chat"),
        (body(cloud(POSTED)), CLOUD, b"c2", "email"),
        (body([fields(POSTED)]), JSON, b"c2", "email"),
        (body([fields(POSTED), fields(ANSWERED)]), JSON, None, "email"),
        (b"[]", JSON, None, "chat"),
        (b"\xff", JSON, None, "chat"),
        (body(fields(ANSWERED, channel="fax")), JSON, None, "chat"),
        (b"x", "application/cloudevents+avro", None, "chat"),
    ],
)
def test_a_record_is_keyed_by_its_one_contact_and_goes_where_the_first_event_belongs(
    payload: bytes, media: str, key: bytes | None, channel: str
) -> None:
    assert PROVIDER.key(payload, headers(media)) == key
    assert PROVIDER.channel_of(payload, headers(media)) == channel


@pytest.mark.parametrize(
    ("payload", "media", "reason", "message"),
    [
        (b"", JSON, "syntax", "no JSON"),
        (body(fields(ANSWERED))[:-9], JSON, "syntax", "no JSON"),
        (body(fields(ANSWERED)).replace(b"Ann", b"J\xf6"), JSON, "syntax", "0xf6"),
        (b"7", JSON, "schema", "Expected `object`"),
        (b"[1", JSON, "syntax", "no JSON"),
        (b"[1]", JSON, "schema", r"in `\$\[0\]`: Expected `object`"),
        (b"[" * 100_000, JSON, "syntax", "no JSON"),
        (body(fields(ANSWERED, waited="long")), JSON, "schema", r"`\$.waited`"),
        (body(fields(ANSWERED, type="contact.teleported")), JSON, "unknown_type", "contact.teleported"),
        (body(fields(AWAY, revision=1 << 63)), JSON, "schema", r"`\$.revision` has more than 64 bits"),
        (body(fields(AWAY, revision=...))[:-1] + b',"revision":-1' + b"0" * 20 + b"}", JSON, "schema", "64 bits"),
        (body(fields(ANSWERED, time="noon")), JSON, "time", r"`\$.time`"),
        (body(fields(ANSWERED, id="")), JSON, "identity", r"`\$.id`"),
        (b"<x/>", "application/cloudevents+xml", "unknown_type", r"only \+json is understood"),
        (body(cloud(POSTED, specversion="0.3")), CLOUD, "schema", "specversion is '0.3'"),
        (body(cloud(POSTED, specversion=...)), CLOUD, "schema", "specversion is ''"),
        (body(fields(POSTED)), CLOUD, "schema", "`data` is missing|data` is missing"),
        (body(cloud(POSTED, id="")), CLOUD, "identity", "the attribute id"),
        (body(cloud(POSTED, data="text")), CLOUD, "schema", "Expected `object`"),
        (body(cloud(POSTED, data=..., data_base64="?")), CLOUD, "syntax", "no Base64"),
        (body(cloud(POSTED, type="com.example.sold")), CLOUD, "unknown_type", "com.example.sold"),
        (body(cloud(POSTED, time=...)), CLOUD, "schema", "missing required field `time`"),
        (body(cloud(POSTED)), BATCH, "schema", "Expected `array`"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(
    payload: bytes, media: str, reason: str, message: str
) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(payload, media)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("told", "reason", "message"),
    [
        ({"ce_id": "1"}, "schema", "specversion is ''"),
        ({"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/crm"}, "identity", "the attribute type"),
        ({"ce_specversion": "1.0", "ce_id": "%C0%A0"}, "syntax", "header ce-id is not UTF-8"),
    ],
)
def test_headers_of_half_a_cloudevent_are_refused(told: dict[str, str], reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(body(fields(POSTED)), JSON, **told)
    assert caught.value.reason == reason


PAYLOADS = [
    (body(fields(ANSWERED)), JSON),
    (body([cloud(POSTED), cloud(AWAY)]), BATCH),
    (body(fields(AWAY)) + b"\n" + body(fields(POSTED)), LINES),
]


@settings(max_examples=200, derandomize=True)
@given(
    sent=st.sampled_from(PAYLOADS),
    made=cuts(600),
)
def test_whatever_bytes_come_they_say_something_or_are_malformed(sent: tuple[bytes, str], made: list[Cut]) -> None:
    payload, media = sent
    payload = cut(payload, made)
    PROVIDER.key(payload, headers(media))
    try:
        parsed = parse(payload, media)
    except Malformed:
        return
    assert isinstance(parsed, Events | Ignored)
