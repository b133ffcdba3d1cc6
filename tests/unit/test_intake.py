"""One outcome per source record, whatever is in it."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from agents.intake.asterisk_queue_log import AsteriskQueueLog
from agents.intake.formats import FORMATS, UnknownFormat, by_name, format_named, understood
from agents.intake.parsing import Context, Events, Format, Parsed
from agents.intake.processor import Intake
from agents.intake.providers import webhooks
from schemas.envelopes import Envelope, Origin, decode_envelope
from schemas.events import ContactCreated, ContactEnded, ContactOffered
from schemas.failures import LONGEST_MESSAGE, failed_headers
from schemas.ids import contact_id
from streams.processor import Headers, Output

READ_AT = 1792490400_000
CONNECT = "1792490412|1792490399.42|support|Tom Ode|CONNECT|12|1792490409.45|3"
CONTACT = contact_id("pbx", "1792490399.42")


class Incoming(NamedTuple):
    value: bytes | None
    headers: Headers
    topic: str = "channel.phone"
    partition: int = 3
    offset: int = 41
    timestamp: int = READ_AT
    key: bytes | None = b"key"


class Sent(list[Output]):
    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> None:
        self.append(Output(topic, key, value, headers, partition))


def incoming(line: str | bytes, **headers: str | None) -> Incoming:
    said = {"ce_type": "asterisk-queue-log", "ce_source": "pbx", "file": "queue_log", "line": "7"} | headers
    value = line if isinstance(line, bytes) else line.encode()
    return Incoming(value, tuple((name, text.encode()) for name, text in said.items() if text is not None))


def taken(
    record: Incoming, *, wall_clock: bool = False, formats: Mapping[str, Format] = FORMATS, namespace: str = ""
) -> Sent:
    sent = Sent()
    intake = Intake(wall_clock=wall_clock, region="DE", formats=formats, namespace=namespace)
    intake.take(record, sent)
    return sent


def outcome(output: Output) -> Envelope:
    assert output.value is not None
    return decode_envelope(output.value)


def test_the_events_of_a_contact_leave_in_one_envelope_under_its_id_with_their_origin() -> None:
    (output,) = taken(incoming("1792490400|1792490399.42|support|NONE|ENTERQUEUE||030901820|1"))
    envelope = outcome(output)
    assert (output.topic, output.key) == ("contacts.events", CONTACT.encode())
    assert envelope.origin == Origin("channel.phone", 3, 41, "queue_log", 7)
    assert (envelope.outcome, envelope.part, envelope.parts) == ("accepted", 0, 1)
    assert [type(event) for event in envelope.events] == [ContactCreated, ContactOffered]
    created = envelope.events[0]
    assert isinstance(created, ContactCreated)
    assert created.identifiers == ("tel:+4930901820",)


def test_an_origin_is_told_without_the_namespace() -> None:
    record = incoming(CONNECT)._replace(topic="test-1.channel.phone")
    assert outcome(taken(record, namespace="test-1")[0]).origin.topic == "channel.phone"


def test_an_event_of_an_agent_leaves_for_the_agents_under_the_agents_name() -> None:
    (output,) = taken(incoming("1792490600|NONE|support|Tom Ode|PAUSE|lunch"))
    assert (output.topic, output.key) == ("agents.events", b"Tom Ode")
    assert outcome(output).outcome == "accepted"


def test_an_ignored_record_says_so_once_under_its_origin() -> None:
    (output,) = taken(incoming("1792490600|NONE|NONE|NONE|QUEUESTART|"))
    envelope = outcome(output)
    assert (output.topic, output.key) == ("contacts.events", b"channel.phone/3/41 (queue_log:7)")
    assert (envelope.outcome, envelope.reason, envelope.events) == ("ignored", "queue_start", ())


def test_a_failed_record_keeps_its_bytes_and_headers_and_says_why_and_where() -> None:
    line = CONNECT.replace("|12|", "|soon|").encode()
    failed, told = taken(incoming(line))
    assert (failed.topic, failed.key, failed.value) == ("contacts.failed", b"channel.phone/3/41 (queue_log:7)", line)
    headers = dict(failed.headers)
    assert headers["ce_source"] == b"pbx"
    assert headers["failed.message"].startswith(b"CONNECT: data field 1")
    assert {name: value for name, value in headers.items() if name.startswith("failed.") and "mess" not in name} == {
        "failed.reason": b"syntax",
        "failed.stage": b"intake",
        "failed.topic": b"channel.phone",
        "failed.partition": b"3",
        "failed.offset": b"41",
        "failed.file": b"queue_log",
        "failed.line": b"7",
    }
    envelope = outcome(told)
    assert (told.topic, told.key) == ("contacts.events", failed.key)
    assert (envelope.outcome, envelope.reason) == ("failed", "syntax")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (incoming(CONNECT, ce_type="carrier-pigeon"), "unknown_type"),
        (incoming(CONNECT, ce_type=None), "unknown_type"),
        (incoming(CONNECT, ce_source=None), "identity"),
        (incoming(b"\xff\xfe"), "syntax"),
        (incoming(b"x" * 10_000_000), "syntax"),
        (Incoming(None, incoming(CONNECT).headers), "syntax"),
    ],
)
def test_what_nobody_can_read_fails_with_its_reason(record: Incoming, reason: str) -> None:
    failed, told = taken(record)
    assert dict(failed.headers)["failed.reason"] == reason.encode()
    assert failed.value == record.value
    assert outcome(told).reason == reason


def test_in_service_an_event_more_than_five_minutes_ahead_of_its_reading_fails() -> None:
    # read_at = 1792490400 s
    exactly, ahead = (CONNECT.replace("1792490412", str(1792490700 + late)) for late in (0, 1))
    assert outcome(taken(incoming(exactly), wall_clock=True)[0]).outcome == "accepted"
    assert outcome(taken(incoming(ahead), wall_clock=True)[1]).reason == "time"
    assert outcome(taken(incoming(ahead), wall_clock=False)[0]).outcome == "accepted"


class Custom(AsteriskQueueLog):
    """A format whose parser does what a test wants."""

    def __init__(self, result: Parsed | Exception) -> None:
        self.result = result

    def parse(self, payload: bytes, context: Context) -> Parsed:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_a_parser_that_stumbles_costs_one_record() -> None:
    failed, told = taken(incoming(CONNECT), formats=by_name([Custom(ZeroDivisionError("by zero"))]))
    headers = dict(failed.headers)
    assert (headers["failed.reason"], headers["failed.message"]) == (b"rule", b"ZeroDivisionError: by zero")
    assert outcome(told).outcome == "failed"


def test_a_record_about_several_contacts_becomes_as_many_parts() -> None:
    def ended(contact: str) -> ContactEnded:
        time = outcome(taken(incoming(CONNECT))[0]).events[0].time
        return ContactEnded(id=f"e-{contact}", time=time, channel="phone", source="pbx", contact=contact)

    result = Events((ended("a"), ended("b"), ended("a")))
    outputs = taken(incoming(CONNECT), formats=by_name([Custom(result)]))
    envelopes = [outcome(output) for output in outputs]
    assert [output.key for output in outputs] == [b"a", b"b"]
    assert [(envelope.part, envelope.parts, len(envelope.events)) for envelope in envelopes] == [(0, 2, 2), (1, 2, 1)]


def test_a_parser_that_finds_nothing_still_has_an_outcome() -> None:
    (output,) = taken(incoming(CONNECT), formats=by_name([Custom(Events(()))]))
    assert (outcome(output).outcome, outcome(output).reason) == ("ignored", "no_event")


def test_a_source_has_its_own_region() -> None:
    sent = Sent()
    intake = Intake(wall_clock=False, region="DE", regions={"paris": "FR"})
    intake.take(incoming("1792490400|1.2|q|NONE|ENTERQUEUE||0142685300|1", ce_source="paris"), sent)
    created = outcome(sent[0]).events[0]
    assert isinstance(created, ContactCreated)
    assert created.identifiers == ("tel:+33142685300",)


def test_an_intake_has_no_state() -> None:
    intake = Intake(wall_clock=True)
    assert tuple(intake.changes()) == ()


def test_what_providers_post_is_understood_and_is_no_format_of_files() -> None:
    assert set(FORMATS) == {"anonymous-bank", "asterisk-queue-log", "canonical"}
    assert set(understood()) == {*FORMATS, *webhooks()}


def test_a_format_that_nobody_knows_is_answered_with_those_that_there_are() -> None:
    assert format_named("canonical").name == "canonical"
    with pytest.raises(UnknownFormat, match="anonymous-bank, asterisk-queue-log, canonical"):
        format_named("fax")


def test_the_head_of_a_line_too_long_for_a_record_has_failed_with_what_its_connector_says() -> None:
    letter, said = taken(incoming("x" * 10, refused="the line has 40,000,000 bytes"))
    headers = dict(letter.headers)
    assert (letter.topic, letter.value) == ("contacts.failed", b"x" * 10)
    assert (headers["failed.reason"], headers["failed.line"]) == (b"too_large", b"7")
    assert headers["failed.message"] == b"the line has 40,000,000 bytes"
    assert (outcome(said).outcome, outcome(said).reason) == ("failed", "too_large")


def test_two_formats_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two formats"):
        by_name([AsteriskQueueLog(), AsteriskQueueLog()])


def test_a_record_that_fails_again_keeps_only_the_latest_reason() -> None:
    first = failed_headers(
        [("a", b"1")], reason="syntax", stage="intake", message="x", topic="t", partition=1, offset=2
    )
    second = dict(failed_headers(first, reason="rule", stage="rule", message="y" * 9_999, topic="contacts.events"))
    assert (second["a"], second["failed.reason"], second["failed.topic"]) == (b"1", b"rule", b"contacts.events")
    assert "failed.offset" not in second
    assert len(second["failed.message"]) == LONGEST_MESSAGE
