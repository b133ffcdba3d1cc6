"""One outcome per source record, whatever is in it."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import pytest

from agents.intake.asterisk_queue_log import AsteriskQueueLog
from agents.intake.batches import MOST_FAULTS, together, tried
from agents.intake.formats import FORMATS, WHOLE, UnknownFormat, by_name, format_named, understood
from agents.intake.parsing import Context, Events, Fault, Format, Ignored, Malformed, Parsed, shown
from agents.intake.processor import Intake
from agents.intake.providers import webhooks
from agents.metrics.outcomes import Outcomes
from schemas.envelopes import Envelope, Origin, decode_envelope
from schemas.events import AgentStateChanged, ContactCreated, ContactEnded, ContactOffered
from schemas.failures import LONGEST_MESSAGE, failed_headers
from schemas.ids import contact_id
from schemas.instants import from_ms
from streams.processor import Headers, Output
from tests.unit.contact_bench import Floor

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


class WhenItCame(AsteriskQueueLog):
    """A format that takes what it says to have happened when it came."""

    name = "timeless"

    def parse(self, payload: bytes, context: Context) -> Parsed:
        end = ContactEnded(id="e", time=from_ms(context.read_at), source="pbx", channel="phone", contact=CONTACT)
        return Events((end,))


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-10-20T09:00:00.250Z", READ_AT - 3_600_000 + 250),
        ("2026-10-20T11:00:00+02:00", READ_AT - 3_600_000),
        (None, READ_AT),
        ("", READ_AT),
        ("noon", READ_AT),
        ("\xe4", READ_AT),
        ("2026-10-20T09:00:00", READ_AT),
        ("1969-12-31T23:59:59Z", READ_AT),
        ("9999-12-31T23:59:59-14:00", READ_AT),
    ],
)
def test_a_payload_came_when_its_connector_took_it_however_late_its_record_is_read(told: str | None, at: int) -> None:
    record = incoming("", ce_type="timeless", ce_time=told)
    (output,) = taken(record, wall_clock=True, formats=by_name([WhenItCame()]))
    assert outcome(output).events[0].time == from_ms(at)


def test_the_future_begins_behind_the_append_time_whatever_the_connectors_clock_says() -> None:
    late, early = "2026-10-20T10:05:00.001Z", "2026-10-20T08:00:00Z"
    said = incoming("", ce_type="timeless", ce_time=late)
    assert outcome(taken(said, wall_clock=True, formats=by_name([WhenItCame()]))[1]).reason == "time"
    assert outcome(taken(incoming(CONNECT, ce_time=early), wall_clock=True)[0]).outcome == "accepted"


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
    result = Events((ended("a"), ended("b"), ended("a")))
    outputs = taken(incoming(CONNECT), formats=by_name([Custom(result)]))
    envelopes = [outcome(output) for output in outputs]
    assert [output.key for output in outputs] == [b"a", b"b"]
    assert [(envelope.part, envelope.parts, len(envelope.events)) for envelope in envelopes] == [(0, 2, 2), (1, 2, 1)]


def ended(contact: str, time: int = READ_AT) -> ContactEnded:
    return ContactEnded(id=f"e-{contact}", time=from_ms(time), channel="phone", source="pbx", contact=contact)


def test_a_part_that_cannot_be_read_fails_with_the_whole_payload_and_the_others_count() -> None:
    faults = (Fault("identity", "the second names nobody"), Fault("time", "the fourth has no time"))
    record = incoming(CONNECT)
    outputs = taken(record, formats=by_name([Custom(Events((ended("a"), ended("b")), faults))]))
    assert [(output.topic, output.key) for output in outputs] == [
        ("contacts.events", b"a"),
        ("contacts.events", b"b"),
        ("contacts.failed", b"channel.phone/3/41 (queue_log:7)"),
        ("contacts.events", b"channel.phone/3/41 (queue_log:7)"),
    ]
    origin = Origin("channel.phone", 3, 41, "queue_log", 7)
    assert [outcome(output) for output in outputs if output.topic == "contacts.events"] == [
        Envelope(origin=origin, part=0, parts=3, events=(ended("a"),)),
        Envelope(origin=origin, part=1, parts=3, events=(ended("b"),)),
        Envelope(origin=origin, part=2, parts=3, outcome="failed", reason="identity"),
    ]
    headers = dict(outputs[2].headers)
    assert (outputs[2].value, headers["failed.reason"]) == (record.value, b"identity")
    assert headers["failed.message"] == b"the second names nobody; the fourth has no time"


def test_one_event_beside_a_part_that_cannot_be_read_is_one_part_of_two() -> None:
    result = Events((ended("a"),), (Fault("schema", "x"),))
    first, _, last = map(taken(incoming(CONNECT), formats=by_name([Custom(result)])).__getitem__, range(3))
    assert [(each.part, each.parts, each.outcome) for each in (outcome(first), outcome(last))] == [
        (0, 2, "accepted"),
        (1, 2, "failed"),
    ]


def test_a_contact_in_the_future_takes_nothing_from_the_other_contacts_of_its_record() -> None:
    ahead = READ_AT + 300_001
    result = Events((ended("a"), ended("b", ahead), ended("b"), ended("c")), (Fault("schema", "x"),))
    outputs = taken(incoming(CONNECT), wall_clock=True, formats=by_name([Custom(result)]))
    assert [output.key for output in outputs[:2]] == [b"a", b"c"]
    said = dict(outputs[2].headers)["failed.message"].decode()
    assert said.startswith("x; 2026-10-20T10:05:00.001000+00:00 is more than 5 minutes after it was read")
    assert (outcome(outputs[3]).reason, outcome(outputs[3]).parts) == ("schema", 3)


def test_parts_of_a_payload_are_told_together() -> None:
    def unreadable(where: str) -> Parsed:
        raise Malformed("schema", f"{where} is odd")

    fault = tried(unreadable, "$[1]")
    assert fault == Fault("schema", "$[1] is odd")
    assert tried(Ignored, "edited") == Ignored("edited")
    assert together([Ignored("edited"), fault, Events((ended("a"),), (Fault("time", "x"),))]) == Events(
        (ended("a"),), (Fault("schema", "$[1] is odd"), Fault("time", "x"))
    )
    assert together([Ignored("edited"), Ignored("deleted")]) == Ignored("edited")
    assert together([]) == Ignored("empty_batch")
    with pytest.raises(Malformed, match=r"^\$\[1\] is odd; x$") as caught:
        together([Ignored("edited"), fault, Fault("time", "x")])
    assert caught.value.reason == "schema"


def test_of_many_faults_the_first_are_told() -> None:
    fault = Fault("schema", "odd")
    many = (fault,) * MOST_FAULTS
    result = together((Events((ended("a"),)), *many, *many))
    assert result == Events((ended("a"),), (*many, Fault("schema", "and more")))
    assert together((Events((ended("a"),)), *many)) == Events((ended("a"),), many)
    with pytest.raises(Malformed) as caught:
        together([fault] * 100_000)
    assert caught.value.message == "; ".join(["odd"] * MOST_FAULTS) + "; and more"


def counted(floor: Floor) -> tuple[dict[str, int], int]:
    """Records by outcome, and parts of which the others have not come."""
    outcomes = Outcomes()
    floor.flush()
    outcomes.apply(floor.outcomes, floor.split)
    return outcomes.counted().by_outcome, len(outcomes.splits)


def test_a_record_with_a_part_that_failed_counts_once_and_what_it_says_counts_once() -> None:
    def offered(contact: str) -> ContactOffered:
        return ContactOffered(id=f"o-{contact}", time=from_ms(READ_AT), channel="phone", source="pbx", contact=contact)

    mia = AgentStateChanged(
        id="s", time=from_ms(READ_AT), channel="phone", source="pbx", agent="mia", state="available"
    )
    formats = by_name([Custom(Events((offered("a"), mia, offered("b")), (Fault("schema", "x"), Fault("time", "y"))))])
    floor, record = Floor(), incoming(CONNECT)
    # Read, read again after a crash, and put back from contacts.failed, where it fails again.
    put_back = record._replace(offset=99, headers=taken(record, formats=formats)[3].headers)
    for read, each in enumerate((record, record, put_back), 1):
        for output in taken(each, formats=formats):
            if output.topic != "contacts.failed":
                floor.take(output.value)
        assert counted(floor) == ({"failed": read, "accepted": 0, "duplicate": 0, "ignored": 0}, 0)
        assert floor.facts[("phone", None, READ_AT // 60_000, "offered", 0)] == 2
        assert [(state.agent, state.state) for state in floor.agents] == [("mia", "available")]
    assert floor.failed == []


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
    assert set(WHOLE) == {"asterisk-ami", "freeswitch-callcenter", "http", "mail", "mastodon-stream"}
    assert set(understood()) == {*FORMATS, *WHOLE, *webhooks()}


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


LARGEST = 1_048_588
"""Bytes that a topic takes unless it is told otherwise (max.message.bytes)."""


def told(*events: Mapping[str, object]) -> Incoming:
    """Canonical events of one delivery."""
    head = {"channel": "chat", "source": "desk", "time": "2026-10-20T10:00:00Z", "type": "contact.created"}
    body = msgspec.json.encode([head | {"id": str(number)} | dict(each) for number, each in enumerate(events)])
    return Incoming(body, (("ce_type", b"events"), ("ce_source", b"desk")), "channel.chat")


@pytest.mark.parametrize("field", ["tags", "identifiers", "queue", "contact", "id", "language"])
def test_an_event_that_is_too_large_fails_with_what_to_do_and_the_others_count(field: str) -> None:
    much: object = "x" * 2_000_000
    if field in ("tags", "identifiers"):
        much = [f"mailto:ana-{number}@kunde.example" for number in range(100_000)]
    small = {"contact": "2", "id": "small"}
    sent = taken(told({"contact": "1", field: much}, small), formats=understood())
    assert max(len(each.value or b"") for each in sent if each.topic != "contacts.failed") < LARGEST
    said = [decode_envelope(each.value or b"") for each in sent if each.topic == "contacts.events"]
    assert [(each.outcome, each.reason, len(each.events)) for each in said] == [
        ("accepted", None, 1),
        ("failed", "too_large", 0),
    ]
    (failed,) = [each for each in sent if each.topic == "contacts.failed"]
    message = dict(failed.headers)["failed.message"].decode()
    assert "an event 16,384 at most: expected shorter or fewer names, identifiers and tags" in message
    assert len(message) < 500


NAMES = [
    ("contact.created", "queue"),
    ("contact.created", "agent"),
    ("contact.created", "priority"),
    ("contact.created", "language"),
    ("contact.created", "tags"),
    ("contact.updated", "priority"),
    ("contact.updated", "tags"),
    ("contact.updated", "segment"),
    ("contact.updated", "assignee"),
    ("identity.linked", "by"),
]
IDS = [
    ("contact.created", "id"),
    ("contact.created", "source"),
    ("contact.created", "contact"),
    ("contact.created", "case"),
    ("contact.created", "identifiers"),
    ("identity.unlinked", "reason"),
    ("agent.state_changed", "reason"),
]
LISTS = ("tags", "identifiers")


def judged(*events: Mapping[str, object]) -> tuple[list[tuple[str, str | None, list[str]]], str]:
    """What each envelope of one delivery says: its outcome, why, the ids of its events; and what was said of faults."""
    sent = taken(told(*events), formats=understood())
    said = [outcome(each) for each in sent if each.topic != "contacts.failed"]
    faults = [dict(each.headers)["failed.message"].decode() for each in sent if each.topic == "contacts.failed"]
    return [(each.outcome, each.reason, [event.id for event in each.events]) for each in said], "".join(faults)


@pytest.mark.parametrize("unit", ["y", "\x01", "\N{DEGREE SIGN}", "\u6f22", "\N{GRINNING FACE}"])
@pytest.mark.parametrize(
    ("type_", "field", "longest"),
    [*((*each, 256) for each in NAMES), *((*each, 1_024) for each in IDS)],
)
def test_a_text_of_an_event_has_so_many_bytes_in_json_and_the_others_count(
    type_: str, field: str, longest: int, unit: str
) -> None:
    def event(contact: str, text: str) -> Mapping[str, object]:
        said = {"type": type_, "contact": contact, "agent": contact, "state": "away", "id": contact}
        return said | {field: ["short", text] if field in LISTS else text}

    size = len(msgspec.json.encode(unit)) - 2
    fits = unit * ((longest - 1) // size) + "x" * (1 + (longest - 1) % size)
    outcomes, message = judged(event("fits", fits), event("wrong", fits + "x"))
    assert [each[:2] for each in outcomes] == [("accepted", None), ("failed", "too_large")]
    assert outcomes[0][2] == [fits if field == "id" else "fits"]
    what = "an identifier of 'wrong'" if field == "identifiers" else f"{field} {shown(fits + 'x')}"
    assert message == f"{what} has {longest + 1:,} bytes: expected {longest:,} at most, so shorten it"


def test_many_texts_that_are_short_are_no_long_text() -> None:
    many = [f"tag-{number}" for number in range(100)]
    outcomes, _ = judged(
        {"contact": "1", "tags": many, "identifiers": [f"mailto:{each}@shop.example" for each in many]}
    )
    assert outcomes == [("accepted", None, ["0"])]


def test_a_thread_of_mails_with_the_longest_ids_is_a_contact_like_any_other() -> None:
    mail = f"From: ana@kunde.example\r\nMessage-ID: <{'x' * 900}@{'y' * 90}.example>\r\n\r\nhello\r\n"
    first, reply = (
        taken(incoming(head + mail, ce_type="mail"), formats=understood())
        for head in ("", f"References: <{'x' * 900}@{'y' * 90}.example>\r\n")
    )
    assert outcome(first[0]).outcome == "accepted"
    assert outcome(reply[0]).outcome == "accepted"
    assert first[0].key == reply[0].key


TEN_YEARS = 315_360_000
MEASURED = [
    ("contact.answered", "waited"),
    ("contact.left_queue", "waited"),
    ("contact.offer_declined", "rang"),
    ("contact.transferred", "talked"),
    ("contact.ended", "held"),
    ("contact.ended", "handled"),
]


@pytest.mark.parametrize("wrong", [-0.001, -5, TEN_YEARS + 1, 9e15, 1e300])
@pytest.mark.parametrize(("type_", "field"), MEASURED)
def test_a_duration_is_neither_negative_nor_longer_than_ten_years(type_: str, field: str, wrong: float) -> None:
    def event(contact: str, duration: float | None) -> Mapping[str, object]:
        said = {"type": type_, "contact": contact, "id": contact, field: duration}
        return said | ({"reason": "timeout"} if type_ == "contact.left_queue" else {})

    right: list[float | None] = [None, 0, 12.5, TEN_YEARS]
    outcomes, message = judged(*(event(f"{duration}", duration) for duration in (*right, wrong)))
    assert outcomes == [*(("accepted", None, [f"{duration}"]) for duration in right), ("failed", "schema", [])]
    expected = "expected 0 to 315,360,000 seconds; leave it out where nobody measured it"
    assert message == f"{field} is {float(wrong)}: {expected}"


@pytest.mark.parametrize("wrong", [float("inf"), float("nan")])
def test_a_duration_that_a_parser_made_of_nothing_is_a_number(wrong: float) -> None:
    endless = msgspec.structs.replace(ended("b"), talked=wrong)
    outputs = taken(incoming(CONNECT), formats=by_name([Custom(Events((ended("a"), endless)))]))
    assert [outcome(each).outcome for each in outputs if each.topic == "contacts.events"] == ["accepted", "failed"]
    assert dict(outputs[1].headers)["failed.reason"] == b"schema"


def test_much_that_is_said_of_one_contact_comes_in_several_envelopes() -> None:
    tags = [f"{number:04}" * 3 for number in range(1_000)]
    sent = taken(told(*({"contact": "1", "tags": tags} for _ in range(150))), formats=understood())
    assert max(len(each.value or b"") for each in sent) < LARGEST
    said = [decode_envelope(each.value or b"") for each in sent]
    assert [(each.part, each.parts, each.outcome, len(each.events)) for each in said] == [
        (0, 3, "accepted", 60),
        (1, 3, "accepted", 60),
        (2, 3, "accepted", 30),
    ]
    assert [event.id for each in said for event in each.events] == [str(number) for number in range(150)]


def test_what_json_needs_more_bytes_for_than_its_payload_has_is_too_large_as_well() -> None:
    line = "1792490412|1792490399.42|" + "\x01" * 7_600 + "|NONE|ENTERQUEUE||+4930901820|1"
    sent = taken(incoming(line))
    assert [each.topic for each in sent] == ["contacts.failed", "contacts.events"]
    assert dict(sent[0].headers)["failed.reason"] == b"too_large"


@pytest.mark.parametrize(
    "wrong", ["0001-01-01T00:00:00Z", "1989-12-31T23:59:59+00:00", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
)
def test_what_happened_before_1990_or_after_2199_is_no_time(wrong: str) -> None:
    said = [{"contact": at, "id": at, "time": at} for at in ("1990-01-01T00:00:00Z", "2199-12-31T23:59:59Z", wrong)]
    sent = taken(told(*said), formats=understood(), wall_clock=False)
    outcomes = [decode_envelope(each.value or b"") for each in sent if each.topic == "contacts.events"]
    assert [each.reason for each in outcomes] == [None, None, "time"]
    (failed,) = [each for each in sent if each.topic == "contacts.failed"]
    message = dict(failed.headers)["failed.message"].decode()
    assert message.startswith(f"time is {wrong[:19]}")
    assert message.endswith("expected one from 1990 to 2199; the source's clock or its unit is wrong")


@pytest.mark.parametrize(("score", "scale"), [(9e18, 5), (1e200, 5), (-2_000_000, 5), (5, 10**9)])
def test_a_survey_has_no_score_without_end(score: float, scale: int) -> None:
    answer = {"type": "survey.answered", "kind": "csat", "scale": 5, "score": 4}
    right, wrong = answer | {"contact": "1", "id": "right"}, answer | {"contact": "2", "score": score, "scale": scale}
    outcomes, message = judged(right, wrong)
    assert outcomes == [("accepted", None, ["right"]), ("failed", "schema", [])]
    assert "expected at most 1,000,000" in message
