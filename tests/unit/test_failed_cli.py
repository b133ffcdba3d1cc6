"""What a record of contacts.failed says, and how people name records, instants and payloads."""

from dataclasses import dataclass

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from agents.cli.failed import _show_table, key_of, moment, printable, readable
from agents.file_formats import hook_sources
from agents.intake.providers import webhooks
from schemas.envelopes import Envelope, Origin, encode
from schemas.events import ContactOffered
from schemas.failures import REFUSED, origin_headers
from schemas.instants import HOUR, from_ms
from streams.failed import PUT_BACK, Failed, Place, failed_of, ids_of
from streams.processor import Headers
from streams.settings import Settings

NOW = 1792490400_000


@dataclass
class Said:
    """A record as Kafka's client gives it."""

    value: bytes | None
    headers: Headers
    topic: str = "floor.contacts.failed"
    partition: int = 2
    offset: int = 7
    timestamp: int = NOW
    key: bytes | None = b"channel.phone/1/9"


def failed(
    value: bytes | None = b"payload",
    *own: tuple[str, bytes],
    stage: str = "intake",
    origin: Origin | None = None,
) -> Failed:
    origin = origin or Origin("channel.phone", 1, 9, "/log", 4)
    headers = origin_headers(own, reason="syntax", stage=stage, message="words", origin=origin)  # type: ignore[arg-type]
    return failed_of(Said(value, headers))


def test_a_record_says_what_failed_why_and_where_it_came_from() -> None:
    found = failed(b"payload", ("ce_type", b"canonical"), ("ce_source", b"desk"))
    assert found == Failed(
        partition=2,
        offset=7,
        at=NOW,
        headers=(("ce_type", b"canonical"), ("ce_source", b"desk")),
        why={
            "reason": "syntax",
            "stage": "intake",
            "message": "words",
            "topic": "channel.phone",
            "partition": "1",
            "offset": "9",
            "file": "/log",
            "line": "4",
        },
        value=b"payload",
    )
    assert (found.id, found.reason, found.stage, found.source) == ("2-7", "syntax", "intake", "desk")
    assert (found.place, found.where, found.is_cut) == (Place("channel.phone", 1, 9), "/log:4", False)


def test_without_a_file_it_is_where_its_source_record_stands() -> None:
    assert failed(origin=Origin("channel.chat", 0, 3)).where == "channel.chat/0/3"
    assert failed(origin=Origin("channel.chat", 0, 3, "/log")).where == "/log"


@pytest.mark.parametrize("topic", ["contacts.events", "floor.contacts.events", "", "channel.fax"])
def test_what_came_from_no_channel_topic_has_no_source_record(topic: str) -> None:
    found = failed(origin=Origin(topic, 0, 3))
    assert (found.place, found.first_place) == (None, None)


def test_the_source_of_an_envelope_is_that_of_its_events() -> None:
    event = ContactOffered(id="e", time=from_ms(NOW), channel="chat", source="desk", contact="c")
    envelope = encode(Envelope(origin=Origin("channel.chat", 0, 3), events=(event,)))
    assert failed(envelope, stage="rule").source == "desk"
    assert failed(encode(Envelope(origin=Origin("channel.chat", 0, 3))), stage="rule").source == ""


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b'{"events": 3}'])
def test_whose_it_is_may_be_unknown(value: bytes | None) -> None:
    assert failed(value).source == ""


def test_what_was_put_back_before_keeps_its_first_place() -> None:
    assert failed().first_place == "channel.phone/1/9"
    assert failed(b"", (PUT_BACK, b"channel.phone/0/1")).first_place == "channel.phone/0/1"
    assert failed(b"", (REFUSED, b"too long")).is_cut


def test_ids_are_partition_and_offset() -> None:
    assert ids_of(["0-12", "3-0"]) == [(0, 12), (3, 0)]
    for wrong in ("", "1", "-1", "1-", "a-1", "1-2-3", "²-1"):
        with pytest.raises(ValueError, match="expected is PARTITION-OFFSET"):
            ids_of([wrong])


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2h", NOW - 2 * HOUR),
        ("1m30s", NOW - 90_000),
        ("2026-10-20T09:00:00Z", NOW - HOUR),
        ("2026-10-20T09:00:00+01:00", NOW - 2 * HOUR),
    ],
)
def test_an_instant_is_iso_or_a_duration_that_has_passed(text: str, at: int) -> None:
    assert moment(text, NOW) == at


@pytest.mark.parametrize("text", ["", "yesterday", "-2h", "2026-13-01", "0001-01-01"])
def test_any_other_instant_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected is ISO 8601, or a duration"):
        moment(text, NOW)


def test_a_payload_is_shown_as_text_or_in_hexadecimal_digits() -> None:
    assert readable("Größe\r\n\tx".encode()) == "Größe\r\n\tx"
    assert readable(b"\xff\x00") == "ff 00"
    assert readable(b"\x1b[2J") == "1b 5b 32 4a"
    assert readable(b"") == ""


def test_the_key_is_the_formats_else_the_source() -> None:
    headers = {"ce_type": b"canonical", "ce_source": b"desk"}
    assert key_of(b'{"contact": "c1"}', headers) == b"c1"
    assert key_of(b"{}", headers) == b"desk"
    assert key_of(b"{}", {"ce_type": b"fax", "ce_source": b"desk"}) == b"desk"
    assert key_of(b"{}", {}) == b"unknown"


def test_the_key_of_a_webhook_is_the_one_that_the_settings_of_its_source_say() -> None:
    said = {"proof": "bearer", "type": "event", "contact": "ticket", "id": "delivery", "channel": "'email'"}
    hook = {"provider": "generic", "source": "desk", "secrets": {"secret": "s"}, "settings": said}
    sources = hook_sources(Settings.model_validate({"hooks": [hook]}))
    payload, headers = b'{"event": "new", "ticket": "7", "delivery": "d1"}', {"ce_type": b"generic"}
    expected = sources(webhooks()["generic"], "desk").hook.key(payload, {})
    assert expected is not None
    assert key_of(payload, headers | {"ce_source": b"desk"}, sources) == expected
    assert key_of(payload, headers | {"ce_source": b"other"}, sources) == b"other"
    assert key_of(b'{"contact": "c1"}', {"ce_type": b"canonical", "ce_source": b"desk"}, sources) == b"c1"


def test_nothing_that_somebody_sent_is_obeyed_by_a_terminal_or_taken_for_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printable("Größe\x1b[2J\r\n\x9b") == "Größe\\x1b[2J\\r\\n\\x9b"
    found = failed(b"", ("ce_source", b"d\x1b[2J[bold]"))
    _show_table([found._replace(why={**found.why, "message": "expected is '[/b]'\x07"})])
    shown = capsys.readouterr().out
    assert r"d\x1b[2J[bold]" in shown
    assert r"expected is '[/b]'\x07" in shown


@given(st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=8)), max_size=6), st.binary(max_size=40))
def test_whatever_stands_in_a_record_it_can_be_listed(headers: list[tuple[str, bytes]], value: bytes) -> None:
    found = failed_of(Said(value, (*headers, *((f"failed.{name}", text) for name, text in headers))))
    assert isinstance(found.source + found.where + found.id + readable(found.value), str)
