"""JSON lines of canonical events: kept as they are, or refused with the reason."""

from datetime import UTC, datetime

import msgspec
import pytest

from agents.intake.canonical import Canonical
from agents.intake.parsing import Context, Events, Malformed
from schemas.events import AgentStateChanged, AnyEvent, ContactAnswered, MessagePosted

FORMAT = Canonical()
NOON = datetime(2026, 10, 20, 12, 0, 0, 250_000, tzinfo=UTC)
ANSWERED = ContactAnswered(
    id="own-id", time=NOON, channel="phone", source="pbx", revision=7, contact="c1", agent="Ann", waited=1.5
)
POSTED = MessagePosted(id="m1", time=NOON, channel="email", source="mail", contact="c2", author="customer")
AWAY = AgentStateChanged(id="a1", time=NOON, channel="phone", source="pbx", agent="Ann", state="away")


def line(event: AnyEvent, **changed: object) -> bytes:
    fields = msgspec.to_builtins(event) | changed
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not ...})


def parse(payload: bytes) -> object:
    return FORMAT.parse(payload, Context("replayed", {}, read_at=0))


@pytest.mark.parametrize("event", [ANSWERED, POSTED, AWAY])
def test_an_event_keeps_its_own_id_source_and_revision(event: AnyEvent) -> None:
    assert parse(line(event)) == Events((event,))


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (line(ANSWERED, contact=...), "schema", "missing required field `contact`"),
        (line(ANSWERED, type=...), "schema", "missing required field `type`"),
        (line(ANSWERED, waited="long"), "schema", r"`\$.waited`"),
        (line(ANSWERED, channel="fax"), "schema", r"`\$.channel`"),
        (line(ANSWERED, type="contact.teleported"), "unknown_type", "contact.teleported"),
        (line(ANSWERED, time="noon"), "time", r"`\$.time`"),
        (line(ANSWERED, time="2026-10-20T12:00:00"), "time", "timezone"),
        (line(ANSWERED, contact=""), "identity", r"`\$.contact` is empty"),
        (line(ANSWERED, identifiers=["tel:+4930901820", ""]), "identity", r"in `\$.identifiers` is empty"),
        (line(ANSWERED, id=""), "identity", r"`\$.id`"),
        (line(AWAY, agent=...), "identity", r"`\$.agent` is missing"),
        (b"[1]", "schema", "Expected `object`"),
        (b'{"type": ', "syntax", "no JSON object"),
        (line(ANSWERED).replace(b"Ann", b"J\xf6"), "syntax", "0xf6"),
        (b"", "syntax", "no JSON object"),
        (b'{"x":' + b"[" * 100_000, "syntax", "no JSON object"),
    ],
)
def test_what_is_no_canonical_event_is_refused_with_the_reason(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(payload)
    assert caught.value.reason == reason


def test_a_line_goes_to_its_events_channel_under_its_contact_or_agent() -> None:
    assert (FORMAT.key(line(POSTED), {}), FORMAT.channel_of(line(POSTED), {})) == (b"c2", "email")
    assert FORMAT.key(line(AWAY), {}) == b"Ann"
    assert (FORMAT.key(b"hello", {}), FORMAT.channel_of(b"hello", {})) == (None, "phone")


def test_the_time_of_a_line_is_its_events() -> None:
    assert FORMAT.time(line(ANSWERED), {}) == 1792497600_250
    assert FORMAT.time(line(ANSWERED, time="2026-10-20T12:00:00"), {}) is None
    assert FORMAT.time(b"hello", {}) is None
