"""Recorded requests of providers: the records that the gateway would have made of them, and what can't be read."""

import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.file_formats import contents, http_records
from agents.intake.formats import understood
from agents.intake.parsing import Context, Ignored, Malformed
from agents.intake.providers import webhooks
from schemas.failures import REFUSED
from streams.connectors.hooks import Delivery
from streams.connectors.http_lines import read_line
from streams.connectors.http_records import LARGEST_LINE, HttpRecords
from streams.connectors.line_records import LineRecord
from streams.connectors.lines import HEAD, Line
from streams.connectors.ordinals import Ordinals
from streams.connectors.receiver import record_of
from streams.connectors.secrets import Source
from streams.settings import Settings
from tests.unit.test_provider_mastodon import ORDER
from tests.unit.vectors import vector

FACTS = vector("mastodon-webpush")
PUSHED = urlsafe_b64decode(FACTS["encrypted body"] + "==")
_SCALAR = int.from_bytes(hashlib.sha256(b"floorwalker webpush receiver").digest(), "big")
OURS = urlsafe_b64encode((_SCALAR % ORDER).to_bytes(32, "big")).decode()
AUTH, OTHER = FACTS["auth secret"], urlsafe_b64encode(b"y" * 16).decode()
AT = 1792490400_000
FILE = "calls.jsonl"
PLACE = [("file", FILE.encode()), ("line", b"3")]
SLACK = {
    "type": "event_callback",
    "team_id": "T1",
    "event_id": "Ev1",
    "event": {"type": "message", "channel": "C1", "user": "U1", "text": "Hi", "ts": "1792490399.000200"},
}


def line(content: bytes, path: str = "/hooks/slack/slack-1", **more: Any) -> bytes:
    said = {"method": "POST", "path": path, "headers": {}, "body": b64encode(content).decode(), **more}
    return json.dumps(said).encode()


def slack(**more: Any) -> bytes:
    return line(json.dumps(SLACK).encode(), **more)


def record(data: bytes, *, size: int | None = None) -> LineRecord:
    records = http_records(Settings(), "http")
    return records.record(Line(data, len(data) if size is None else size, 3), FILE, Ordinals())


def test_a_line_becomes_the_record_of_the_gateway() -> None:
    body = json.dumps(SLACK).encode()
    headers = {"Content-Type": "application/json", "X-Slack-Retry-Num": "1", "Authorization": "Bearer x"}
    made = record(line(body, headers=headers, time=AT))
    delivery = Delivery(
        "POST",
        "https://localhost/hooks/slack/slack-1",
        (),
        {name.lower(): value for name, value in headers.items()},
        body,
        AT,
    )
    expected = record_of(Source(webhooks()["slack"], "slack-1", {}, 0.0), delivery)
    assert made == expected._replace(headers=[*expected.headers, *PLACE])
    told = dict(made.headers)
    assert (made.topic, made.value, made.time) == ("channel.chat", body, AT)
    assert (told["ce_type"], told["ce_source"], told["ce_id"]) == (b"slack", b"slack-1", b"Ev1")
    assert (told["ce_time"], told["x-slack-retry-num"]) == (b"2026-10-20T10:00:00.000Z", b"1")
    assert b"Bearer" not in b"".join(told.values())


@pytest.mark.parametrize("time", [AT, f" {AT}", "2026-10-20T10:00:00Z", "2026-10-20T12:00:00.000+02:00"])
def test_the_time_is_iso_with_a_zone_or_milliseconds(time: object) -> None:
    assert record(slack(time=time)).time == AT


def test_a_line_without_a_time_has_that_of_what_it_says() -> None:
    made = record(slack())
    assert made.time == 1792490399_000
    assert "ce_time" not in dict(made.headers)


def test_a_line_that_says_no_time_at_all_has_none() -> None:
    assert record(line(b"{}")).time is None
    form = b"CallSid=CA0123456789abcdef0123456789abcdef&QueueSid=QU1&QueueResult=hangup&From=%2B4930901820"
    for path in ("/hooks/twilio-voice/voice-1", "/hooks/twilio-voice/voice-1?event=enqueue"):
        assert record(line(form, path)).time is None
        assert record(line(form + b"&QueueTime=42", path)).time is None


def test_a_hook_that_needs_its_settings_has_those_of_its_source() -> None:
    hook = {
        "provider": "generic",
        "source": "desk",
        "secrets": {"secret": "s"},
        "settings": {
            "proof": "bearer",
            "type": "event",
            "types": "new=contact.created",
            "contact": "ticket",
            "id": "delivery",
            "time": "at",
            "channel": "'email'",
        },
    }
    body = b'{"event": "new", "ticket": "7", "delivery": "d1", "at": "2026-10-20T10:00:00Z"}'
    records = http_records(Settings.model_validate({"hooks": [hook]}), "http")
    data = line(body, "/hooks/generic/desk")
    made = records.record(Line(data, len(data), 3), FILE, Ordinals())
    configured = records._source_of(webhooks()["generic"], "desk").hook
    assert made.time == AT
    assert dict(made.headers)["ce_id"].decode() == configured.identity(body, {})
    assert (made.topic, made.key) == ("channel.email", configured.key(body, dict(made.headers)))


def of_settings(*hooks: dict[str, Any]) -> HttpRecords:
    return http_records(Settings.model_validate({"hooks": list(hooks)}), "http")


PUSH = {"provider": "mastodon-push", "source": "shop", "secrets": {"private_key": OURS, "auth": AUTH}}


@pytest.mark.parametrize(
    "hook",
    [
        PUSH,
        PUSH | {"secrets": {"private_key": OURS, "auth": OTHER}, "old_secrets": {"auth": AUTH}},
    ],
)
def test_an_encrypted_push_is_decrypted_by_the_secrets_of_its_source_the_old_ones_too(hook: dict[str, Any]) -> None:
    data = line(PUSHED, "/hooks/mastodon-push/shop", time=AT)
    made = of_settings(hook).record(Line(data, len(data), 3), FILE, Ordinals())
    assert made.value == b'{"notification_id":9001,"notification_type":"mention"}'
    assert (made.topic, dict(made.headers)["ce_id"]) == ("channel.social", b"9001")


def test_a_secret_that_is_not_at_hand_costs_no_other_secret_and_no_setting() -> None:
    lacking = PUSH | {"old_secrets": {"auth": "env:NOT_AT_HAND"}}
    data = line(PUSHED, "/hooks/mastodon-push/shop", time=AT)
    made = of_settings(lacking).record(Line(data, len(data), 3), FILE, Ordinals())
    assert dict(made.headers)["ce_id"] == b"9001"

    settings_ = {"proof": "basic", "type": "event", "contact": "ticket", "id": "delivery", "channel": "'email'"}
    desk = {"provider": "generic", "source": "desk", "secrets": {"secret": "no colon"}, "settings": settings_}
    data = line(b'{"event": "new", "ticket": "7", "delivery": "d1"}', "/hooks/generic/desk")
    made = of_settings(desk).record(Line(data, len(data), 3), FILE, Ordinals())
    assert (made.topic, dict(made.headers)["ce_id"]) == ("channel.email", b"d1")


CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "m-1",
    "Token": "let-in",
    "TopicArn": "arn:aws:sns:eu-central-1:123456789012:mail",
    "Message": "You have chosen to subscribe",
    "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=let-in",
    "Timestamp": "2026-10-20T10:00:00.000Z",
    "SignatureVersion": "2",
    "Signature": "c2lnbmVk",
    "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/certificate.pem",
}


@pytest.mark.parametrize("time", [AT, AT + 9_000_000, None])
@pytest.mark.parametrize("topics", [(), ("arn:aws:sns:eu-central-1:123456789012:other",), (CONFIRMATION["TopicArn"],)])
def test_the_token_of_a_confirmation_goes_on_no_topic_whatever_is_known_of_its_source(
    topics: tuple[str, ...], time: int | None
) -> None:
    hooks = [{"provider": "ses", "source": "mail", "secrets": {"topics": each}} for each in topics]
    data = line(json.dumps(CONFIRMATION).encode(), "/hooks/ses/mail", time=time)
    made = of_settings(*hooks).record(Line(data, len(data), 3), FILE, Ordinals())
    assert (made.value, dict(made.headers)["handshake"]) == (b"", b"ses")
    cut = line(json.dumps(CONFIRMATION).encode()[:-40], "/hooks/ses/mail", time=time)
    assert of_settings(*hooks).record(Line(cut, len(cut), 3), FILE, Ordinals()).value == b""


@pytest.mark.parametrize("wrong", [{"headers": [1]}, {"method": 5}, {"time": [AT]}])
def test_whatever_else_is_wrong_with_a_line_no_token_of_its_body_goes_on(wrong: dict[str, Any]) -> None:
    made = record(line(json.dumps(CONFIRMATION).encode(), "/hooks/ses/mail", **wrong))
    assert json.loads(made.value) == json.loads(line(b"", "/hooks/ses/mail", **wrong))


def test_a_line_with_a_wrong_time_goes_on_with_the_body_that_a_topic_gets() -> None:
    push = line(PUSHED, "/hooks/mastodon-push/shop", time="noon")
    made = of_settings(PUSH).record(Line(push, len(push), 3), FILE, Ordinals())
    kept = json.loads(made.value)
    assert b64decode(kept.pop("body")) == b'{"notification_id":9001,"notification_type":"mention"}'
    assert kept == {"method": "POST", "path": "/hooks/mastodon-push/shop", "headers": {}, "time": "noon"}
    confirmation = record(line(json.dumps(CONFIRMATION).encode(), "/hooks/ses/mail", time="noon"))
    assert json.loads(confirmation.value)["body"] == ""
    ping = record(line(b'{"topic": "ping"}', "/hooks/intercom/i-1", time="noon"))
    assert json.loads(ping.value)["body"] == ""


def test_what_can_be_proven_by_nobody_any_more_is_no_handshake() -> None:
    arn = "arn:aws:sns:eu-central-1:123456789012:mail"
    notification = {"Type": "Notification", "MessageId": "m-1", "TopicArn": arn, "Message": "{}"}
    body = json.dumps({**notification, "Timestamp": "2026-10-20T10:00:00.000Z"}).encode()
    told = dict(record(line(body, "/hooks/ses/mail")).headers)
    assert told["ce_type"] == b"ses"


def test_a_confirmation_of_a_topic_that_the_settings_have_is_a_handshake() -> None:
    arn = "arn:aws:sns:eu-central-1:123456789012:mail"
    confirmation = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "m-1",
        "TopicArn": arn,
        "Message": "You have chosen to subscribe",
        "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t",
        "Timestamp": "2026-10-20T10:00:00.000Z",
        "Token": "t",
        "SignatureVersion": "2",
        "Signature": "c2lnbmVk",
        "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/certificate.pem",
    }
    hook = {"provider": "ses", "source": "mail", "secrets": {"topics": arn}}
    records = http_records(Settings.model_validate({"hooks": [hook]}), "http")
    data = line(json.dumps(confirmation).encode(), "/hooks/ses/mail", time=AT)
    made = records.record(Line(data, len(data), 3), FILE, Ordinals())
    assert (dict(made.headers)["handshake"], made.value) == (b"ses", b"")


def test_the_query_of_the_path_belongs_to_the_request() -> None:
    read = read_line(line(b"{}", "/hooks/slack/my%20source?a=1&b=&a=2"), webhooks())
    assert (read.source, read.delivery.query) == ("my source", (("a", "1"), ("b", ""), ("a", "2")))
    assert read.delivery.url == "https://localhost/hooks/slack/my%20source?a=1&b=&a=2"


@pytest.mark.parametrize(
    "handshake",
    [
        line(json.dumps({"type": "url_verification", "challenge": "c", "token": "t"}).encode()),
        line(b"", "/hooks/x/x-1?crc_token=abc", method="GET"),
        line(b"", "/hooks/whatsapp/w-1?hub.mode=subscribe&hub.verify_token=v&hub.challenge=1", method="get"),
        line(b"", "/hooks/intercom/i-1", method="HEAD"),
        line(json.dumps({"type": "notification_event", "topic": "ping"}).encode(), "/hooks/intercom/i-1"),
    ],
)
def test_a_handshake_is_counted_as_ignored_and_nothing_of_it_goes_on(handshake: bytes) -> None:
    made = record(handshake)
    assert made.value == b""
    assert dict(made.headers)["ce_type"] == b"http"
    context = Context("x", dict(made.headers), read_at=AT)
    assert understood()["http"].parse(made.value, context) == Ignored("handshake")


@pytest.mark.parametrize(
    ("bad", "source", "reason", "message"),
    [
        (b"", "http", "syntax", "no JSON object in UTF-8: Input data was truncated"),
        (b'{"path": ', "http", "syntax", "no JSON object in UTF-8: Input data was truncated"),
        (b"\xff\xfe", "http", "syntax", "no JSON object in UTF-8: JSON is malformed: invalid character (byte 0)"),
        (b"[]", "http", "schema", "no recorded request: Expected `object`, got `array`"),
        (b"{}", "http", "schema", "no recorded request: Object missing required field `path`"),
        (line(b"", body=7), "http", "schema", "no recorded request: Expected `str`, got `int` - at `$.body`"),
        (
            line(b"", headers=[1]),
            "http",
            "schema",
            "no recorded request: Expected `object`, got `array` - at `$.headers`",
        ),
        (
            line(b"", "/elsewhere"),
            "http",
            "schema",
            "`$.path` is '/elsewhere', and expected is /hooks/PROVIDER/SOURCE",
        ),
        (
            line(b"", "/hooks/slack/"),
            "http",
            "schema",
            "`$.path` is '/hooks/slack/', and expected is /hooks/PROVIDER/SOURCE",
        ),
        (line(b"", "//["), "http", "schema", "`$.path` is no path: Invalid IPv6 URL"),
        (
            line(b"", "/hooks/fax/fax-1"),
            "fax-1",
            "unknown_type",
            f"`$.path` names the provider 'fax'; there are: {', '.join(sorted(webhooks()))}",
        ),
        (line(b"", body="?"), "slack-1", "syntax", "`$.body` is no base64: Only base64 data is allowed"),
        (
            slack(time="noon"),
            "slack-1",
            "time",
            "`$.time` is 'noon', and expected is ISO 8601 with a zone, or ms since the epoch",
        ),
        (
            slack(time="2026-10-20T10:00:00"),
            "slack-1",
            "time",
            "`$.time` is '2026-10-20T10:00:00', and expected is ISO 8601 with a zone, or ms since the epoch",
        ),
        (
            slack(time=-1),
            "slack-1",
            "time",
            "`$.time` is '-1', and expected is ISO 8601 with a zone, or ms since the epoch",
        ),
    ],
)
def test_a_bad_line_fails_as_it_stands_with_its_place(bad: bytes, source: str, reason: str, message: str) -> None:
    made = record(bad)
    assert (made.topic, made.key, made.value, made.time) == ("channel.chat", source.encode(), bad, None)
    assert made.headers[-2:] == PLACE
    assert dict(made.headers)["ce_type"] == b"http"
    with pytest.raises(Malformed) as error:
        understood()["http"].parse(made.value, Context(source, dict(made.headers), read_at=AT))
    assert (error.value.reason, error.value.message) == (reason, message)


def test_a_bad_line_goes_on_without_what_lets_somebody_in() -> None:
    made = record(line(b"", "/hooks/fax/fax-1", headers={"AUTHORIZATION": "Basic x", "Host": "h"}))
    assert json.loads(made.value) == {
        "method": "POST",
        "path": "/hooks/fax/fax-1",
        "headers": {"Host": "h"},
        "body": "",
    }


def test_a_head_and_what_is_no_json_go_on_without_what_lets_somebody_in() -> None:
    secret = {"Authorization": 'Basic "x\\"', "cookie": "x", "Host": "h"}
    head = line(b"x" * 40, headers=secret)[:-10]
    kept = head.replace(json.dumps(secret["Authorization"]).encode(), b'""').replace(b'"cookie": "x"', b'"cookie": ""')
    assert record(head).value == kept
    assert record(head, size=LARGEST_LINE + 1).value == kept
    cut = b'{"headers": {"Authorization": "Basic of which the end is'
    assert record(cut).value == b'{"headers": {"Authorization": ""'
    large = record(line(b"x" * (33 << 20), headers=secret))
    assert large.refused
    assert b"Basic" not in large.value


def test_a_line_that_could_be_read_by_now_says_what_to_do() -> None:
    with pytest.raises(Malformed, match="give its file once more"):
        understood()["http"].parse(slack(), Context("slack-1", {}, read_at=AT))


def test_of_a_line_that_is_too_long_the_head_is_kept_with_the_reason() -> None:
    made = record(b"x" * HEAD, size=LARGEST_LINE + 1)
    assert (made.refused, len(made.value)) == (True, HEAD)
    assert dict(made.headers)[REFUSED] == (
        f"the line has {LARGEST_LINE + 1:,} bytes, at most {LARGEST_LINE:,} are read: its head is kept here".encode()
    )


def test_a_body_that_no_record_holds_is_refused_too() -> None:
    made = record(line(b"x" * (33 << 20)))
    assert (made.refused, len(made.value)) == (True, HEAD)
    assert b"33554432 bytes at most" in dict(made.headers)[REFUSED]


def test_lines_are_sent_by_their_times_and_those_without_stay_behind_the_one_before(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_bytes(slack(time=AT + 2) + b"\nbad\n\n" + slack(time=AT))
    second.write_bytes(slack(time=AT + 1) + b"\n")
    sent = contents([first, second], "http", Settings(), source="http", tz="UTC", date=None)
    assert sent.size == first.stat().st_size + second.stat().st_size
    found = [(dict(step.record.headers)["line"], step.record.time) for step in sent.steps]
    assert found == [(b"4", AT), (b"1", AT + 1), (b"1", AT + 2), (b"2", None)]


def test_the_same_request_has_the_same_id_whenever_it_is_given() -> None:
    body = b'{"event": "message_created"}'
    made = [record(line(body, "/hooks/chatwoot/c-1", time=time)) for time in (None, AT)]
    assert [dict(each.headers)["ce_id"] for each in made] == [hashlib.sha256(body).hexdigest().encode()] * 2


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_broken_in_a_line_a_record_is_made_of_it(data: st.DataObject) -> None:
    raw = bytearray(slack(time=AT))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(raw)))
        raw[place : place + data.draw(st.integers(0, 10))] = data.draw(st.binary(max_size=6))
    made = record(bytes(raw))
    assert dict(made.headers)["file"] == FILE.encode()
    if dict(made.headers)["ce_type"] == b"http" and made.value:
        with pytest.raises(Malformed):
            understood()["http"].parse(made.value, Context("http", {}, read_at=AT))
