"""What leaves the house is what the schemas say: instants in ISO 8601 UTC, durations in seconds, read back the same."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import alerts, customers, envelopes, identities, live, notifications, policies, trends
from schemas.events import AgentState, AnyEvent, ContactAnswered, ContactEnded
from schemas.instants import EPOCH
from schemas.json_schemas import DIALECT, PUBLIC_RECORDS, PublicRecord, json_schema
from schemas.topics import TOPICS

AT = datetime(2026, 10, 20, 9, 20, 12, 500_000, tzinfo=UTC)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")

ANSWERED = ContactAnswered(
    id="e1", time=AT, channel="phone", source="pbx", contact="c1", queue="sales", agent="Mia", waited=12.25
)
ENVELOPE = envelopes.Envelope(
    origin=envelopes.Origin("channel.phone", 2, 4711, "queue_log", 3),
    events=(ANSWERED, ContactEnded(id="e2", time=AT, channel="phone", source="pbx", contact="c1", talked=154.0)),
)
TRANSITION = alerts.SlaTransition(
    id="a1",
    transition="breached",
    contact="c1",
    instance="e1",
    policy=alerts.PolicyRef("answer-within-sales", 2),
    target=20.0,
    due_at=AT,
    occurred_at=AT,
    detected_at=AT + timedelta(seconds=1),
    elapsed=20.0,
    evidence=("e1",),
)
METRICS = live.LiveMetrics(
    scope=live.Scope(queue="sales"),
    window=live.Window("15min", AT, AT + timedelta(minutes=15)),
    watermark=AT,
    revision=3,
    closed=False,
    metrics={"abandonment_rate": live.Metric(value=0.25, n=4, numerator=1, denominator=4, interval=(0.0456, 0.6994))},
)
PIPELINE = live.Pipeline(
    tasks={"intake-0": live.TaskMark(watermark=AT)}, read=4, accepted=3, ignored=1, failed=0, duplicates=0
)
PROFILE = customers.CustomerProfile(
    customer="k1",
    as_of=AT,
    known=True,
    contacts=1,
    windows={"1h": {"phone": customers.ChannelWindow(contacts=1, total_wait=12.25, longest_wait=12.25)}},
    last_contacts=[customers.LastContact(contact="c1", channel="phone", started_at=AT, outcome="answered")],
    open_contacts=[],
)
TREND_EVIDENCE = trends.TrendEvidence(observed=31, expected=16, statistic=9.5, threshold=6.2, days=14)
TREND = trends.TrendTransition(
    id="t2",
    trend="t1",
    transition="opened",
    rule="arrivals.high",
    since=AT - timedelta(minutes=18),
    detected_at=AT,
    evidence=TREND_EVIDENCE,
    queue="sales",
)
TRENDS = live.Trends(
    watermark=AT,
    series=[live.TrendState(rule="arrivals.high", state="learning", days=3, needed=7, queue="sales")],
)
ALERT = notifications.Alert(
    id="n1",
    sequence=2,
    rule="sla.answer_within",
    labels={"queue": "sales"},
    state="acknowledged",
    severity="critical",
    mode="live",
    started_at=AT,
    updated_at=AT + timedelta(seconds=30),
    summary="sales: 1 caller past the 20 s target, oldest waiting since 10:19",
    evidence=notifications.Evidence(
        open=1,
        total=1,
        oldest_since=AT - timedelta(seconds=20),
        newest_due_at=AT,
        target=20.0,
        subjects=(
            notifications.Subject(id="a1", since=AT - timedelta(seconds=20), contact="c1", due_at=AT, target=20.0),
        ),
    ),
    notify="trigger",
    told=True,
    acknowledged=notifications.Saying(by="Dana", at=AT),
)
COMMAND = notifications.StartMute(
    id="m1", matchers={"queue": "sales"}, by="Dana", why="works", at=AT, until=AT + timedelta(hours=1)
)
CONTEXT = customers.CustomerContext(
    id="x1",
    customer="k1",
    contact="c2",
    channel="chat",
    started_at=AT,
    detected_at=AT,
    contacts=1,
    last=PROFILE.last_contacts[0],
)
MAIL, PHONE = identities.Node("k1", "mailto", "a***@shop.example"), identities.Node("k2", "tel", "*****4711")
LINK = identities.Link(a="k1", b="k2", authority="crm", at=AT, by="crm.csv")
RECORDS: dict[str, Any] = {
    "canonical-event": ANSWERED,
    "envelope": ENVELOPE,
    "mark": envelopes.Mark(task="intake-0", time=1_792_488_012_500),
    "sla-transition": TRANSITION,
    "live-metrics": METRICS,
    "pipeline": PIPELINE,
    "trends": TRENDS,
    "trend-transition": TREND,
    "notification": ALERT,
    "command": COMMAND,
    "customer-profile": PROFILE,
    "customer-context": CONTEXT,
    "statement": identities.Statement(id="s1", kind="linked", nodes=(MAIL, PHONE), authority="crm", at=AT),
    "identity": identities.LinkSet(customer="k2", owner="k1", members=("k1", "k2"), nodes=(MAIL, PHONE), links=(LINK,)),
    "policy": policies.PolicyRecord(
        id="mail", versions=(policies.SlaPolicy(id="mail", targets={"first_reply": policies.Target(target=3600.0)}),)
    ),
}


def test_every_public_topic_has_a_schema_for_what_stands_on_it() -> None:
    types = {(topic, record.type) for record in PUBLIC_RECORDS for topic in record.topics}
    wanted = {(topic.name, topic.record) for topic in TOPICS if topic.public and topic.record is not None}
    assert wanted <= types


def test_every_public_record_has_a_sample_here() -> None:
    assert RECORDS.keys() == {record.name for record in PUBLIC_RECORDS}


@pytest.mark.parametrize("record", PUBLIC_RECORDS, ids=lambda record: record.name)
def test_a_record_is_read_back_as_it_was_written(record: PublicRecord) -> None:
    sample = RECORDS[record.name]
    assert msgspec.json.decode(msgspec.json.encode(sample), type=record.type) == sample


@pytest.mark.parametrize("record", PUBLIC_RECORDS, ids=lambda record: record.name)
def test_what_is_written_has_the_fields_of_the_schema_and_no_other(record: PublicRecord) -> None:
    schema = json_schema(record)
    (name,) = [name for name in schema["$defs"] if name == type(RECORDS[record.name]).__name__]
    part = schema["$defs"][name]
    written = json.loads(msgspec.json.encode(RECORDS[record.name]))
    assert set(part["required"]) <= written.keys() <= part["properties"].keys()


@pytest.mark.parametrize("record", PUBLIC_RECORDS, ids=lambda record: record.name)
def test_a_schema_names_its_dialect_itself_and_what_it_is(record: PublicRecord) -> None:
    schema = json_schema(record)
    assert (schema["$schema"], schema["$id"]) == (DIALECT, f"urn:floorwalker:{record.name}")
    assert schema["title"]
    assert schema["description"]
    assert [name for name, part in schema["$defs"].items() if not part["description"]] == []


def test_instants_are_written_in_iso_8601_utc() -> None:
    for sample in RECORDS.values():
        for key, value in leaves(json.loads(msgspec.json.encode(sample))):
            if key in (
                "time",
                "due_at",
                "occurred_at",
                "detected_at",
                "watermark",
                "start",
                "end",
                "as_of",
                "started_at",
                "updated_at",
                "since",
                "until",
                "at",
                "oldest_since",
                "newest_due_at",
            ):
                assert isinstance(value, int) or INSTANT.fullmatch(value), (key, value)


def test_every_instant_says_so_in_its_schema() -> None:
    def formats(name: str, part: str, field: str) -> Any:
        record = next(each for each in PUBLIC_RECORDS if each.name == name)
        found = json_schema(record)["$defs"][part]["properties"][field]
        return [each.get("format") for each in found.get("anyOf", [found])]

    assert formats("canonical-event", "ContactAnswered", "time") == ["date-time"]
    assert formats("sla-transition", "SlaTransition", "due_at") == ["date-time"]
    assert formats("live-metrics", "LiveMetrics", "watermark") == ["date-time", None]
    assert formats("customer-profile", "LastContact", "ended_at") == ["date-time", None]


def test_durations_are_written_in_seconds() -> None:
    assert json.loads(msgspec.json.encode(ANSWERED))["waited"] == 12.25
    assert json.loads(alerts.encode(TRANSITION))["target"] == 20.0
    assert json.loads(customers.encode_profile(PROFILE))["windows"]["1h"]["phone"]["longest_wait"] == 12.25


@given(minutes=st.integers(0, 60_000_000), hours=st.integers(-12, 14))
@settings(max_examples=50)
def test_an_instant_in_any_zone_is_read_as_the_same_instant(minutes: int, hours: int) -> None:
    local = (EPOCH + timedelta(minutes=minutes)).astimezone(timezone(timedelta(hours=hours)))
    raw = json.dumps({**json.loads(msgspec.json.encode(ANSWERED)), "time": local.isoformat()})
    read = msgspec.json.decode(raw, type=AnyEvent)
    assert read.time == local


def test_a_state_that_nobody_knows_is_refused_and_not_taken_for_another() -> None:
    assert set(AgentState.__args__) == {"available", "on_contact", "wrap_up", "away", "offline"}  # type: ignore[attr-defined]
    raw = json.dumps({**json.loads(msgspec.json.encode(ANSWERED)), "channel": "carrier pigeon"})
    with pytest.raises(msgspec.ValidationError, match="channel"):
        msgspec.json.decode(raw, type=AnyEvent)


def leaves(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """Every value that is no object and no list, with the name of its field."""
    if isinstance(value, dict):
        return [leaf for name, each in value.items() for leaf in leaves(each, name)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each, key)]
    return [(key, value)]
