"""Providers post to a gateway in service: what they say is in the numbers and in alerts, whoever they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from schemas.ids import contact_id
from streams.kafka import EmbeddedKafka
from tests.acceptance.program import BIN, PATIENCE, Program, wait_for
from tests.acceptance.reading import Reader
from tests.conftest import unused_namespace

PUBLIC = "http://localhost"
SECRET = "a-secret-of-these-tests"  # noqa: S105 - of nobody else
CONFIG = f"""
[service]
region = "DE"

[sla]
answer_within = "1h"

[gateway]
public_url = "{PUBLIC}"

[[hooks]]
provider = "slack"
source = "slack-1"
secrets = {{ signing_secret = "{SECRET}" }}
settings = {{ staff = ["UMIA"] }}

[[hooks]]
provider = "postmark"
source = "mail-1"
secrets = {{ user = "postmark", password = "{SECRET}" }}
settings = {{ addresses = "@shop.example" }}

[[hooks]]
provider = "whatsapp"
source = "whatsapp-1"
secrets = {{ app_secret = "{SECRET}", verify_token = "{SECRET}" }}

[[hooks]]
provider = "twilio-taskrouter"
source = "flex-1"
secrets = {{ auth_token = "{SECRET}" }}
"""


class Centre:
    """A gateway and a worker in service, and the providers of a contact centre."""

    def __init__(self, gateway: Program, reader: Reader) -> None:
        self._gateway = gateway
        self._reader = reader
        self.said: list[tuple[str, Any]] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        ports = [each["port"] for each in self._gateway.events() if each.get("event") == "gateway.listening"]
        connection = HTTPConnection("127.0.0.1", ports[-1], timeout=PATIENCE)
        try:
            connection.request("POST", path, body, {"Host": "localhost", **headers})
            return connection.getresponse().status
        finally:
            connection.close()

    def slack(self, user: str, ts: str, thread: str | None = None, *, by: str = SECRET) -> int:
        event = {"type": "message", "channel": "CHELP", "user": user, "text": "Hello", "ts": ts}
        event |= {"thread_ts": thread, "parent_user_id": "UANA"} if thread else {}
        outer = {"type": "event_callback", "team_id": "TSHOP", "event_id": f"Ev{ts}", "event": event}
        body, now = json.dumps(outer).encode(), str(int(time.time()))
        proof = hmac.new(by.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
        signed = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={proof}"}
        return self.post("/hooks/slack/slack-1", body, {"Content-Type": "application/json", **signed})

    def mail(self, name: str, **more: object) -> int:
        fields = {"Message-ID": f"<{name}@kunde.example>", **more.pop("fields", {})}  # type: ignore[dict-item]
        mail = {
            "FromFull": {"Email": "ana@kunde.example"},
            "From": "ana@kunde.example",
            "ToFull": [{"Email": "support@shop.example"}],
            "OriginalRecipient": "support@shop.example",
            "MessageID": f"pm-{name}",
            "Subject": "Parcel 77",
            "Date": format_datetime(datetime.now(UTC)),
            "TextBody": "Where is it?",
            "Headers": [{"Name": key, "Value": value} for key, value in fields.items()],
            **more,
        }
        proof = base64.b64encode(f"postmark:{SECRET}".encode()).decode()
        said = {"Content-Type": "application/json", "Authorization": f"Basic {proof}"}
        return self.post("/hooks/postmark/mail-1", json.dumps(mail).encode(), said)

    def whatsapp(self, name: str, at: int) -> int:
        message = {"from": "4930901820", "id": name, "timestamp": str(at), "type": "text", "text": {"body": "Hello"}}
        value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "106540001"}, "messages": [message]}
        entry = {"id": "102290001", "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        proof = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        said = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={proof}"}
        return self.post("/hooks/whatsapp/whatsapp-1", body, said)

    def task(self, event: str, number: int, at: int, **more: str) -> int:
        form = {
            "EventType": event,
            "Sid": f"EV{number}",
            "AccountSid": "AC1",
            "WorkspaceSid": "WS1",
            "TaskSid": "WT1",
            "TimestampMs": str(at),
            "TaskAttributes": json.dumps({"from": "+4930901820"}),
            "TaskChannelUniqueName": "voice",
            "TaskQueueName": "Support",
            "TaskQueueSid": "WQ1",
            **more,
        }
        signed = f"{PUBLIC}/hooks/twilio-taskrouter/flex-1" + "".join(key + form[key] for key in sorted(form))
        proof = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()).decode()
        said = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": proof}
        return self.post("/hooks/twilio-taskrouter/flex-1", urlencode(form).encode(), said)

    def read(self) -> None:
        """Read on."""
        self.said += [(each.topic, each.json) for each in self._reader.news(0.1) if each.key is not None]

    def promises(self, contact: str) -> list[str]:
        """What became of a contact's promises, after they began to run."""
        said = [each["transition"] for topic, each in self.said if topic == "alerts.sla" and each["contact"] == contact]
        return [transition for transition in said if transition != "activated"]

    def number(self, metric: str, channel: str | None) -> float | None:
        """The floor's number on a channel, or on all of them, as last published."""
        found = None
        for topic, window in self.said:
            if topic == "metrics.live" and "metrics" in window and window["window"]["kind"] == "all":
                scope = {part: of for part, of in window["scope"].items() if of is not None}
                if scope == ({} if channel is None else {"channel": channel}):
                    found = window["metrics"].get(metric, {}).get("value")
        return found

    def wait(self, claim: Any, what: str) -> None:
        """Read on until it holds."""

        def holds() -> bool:
            self.read()
            return bool(claim())

        wait_for(holds, what, PATIENCE)


@pytest.fixture(scope="module")
def centre(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """One installation in service."""
    folder: Path = tmp_path_factory.mktemp("webhooks")
    (folder / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    namespace = unused_namespace("webhooks")
    settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
    with ExitStack() as stack:

        def start(*arguments: object) -> Program:
            log = folder / f"{arguments[0]}.log"
            command = (BIN / "floorwalker", *arguments)
            return stack.enter_context(Program(*command, folder=folder, log=log, settings=settings))

        worker, gateway = start("worker", "--port", 0), start("gateway", "--port", 0)
        worker.wait_ready()
        wait_for(lambda: "gateway.listening" in gateway.words, "the gateway listens")
        reader = stack.enter_context(
            Reader(kafka.bootstrap, namespace, "metrics.live", "alerts.sla", "contacts.failed")
        )
        yield Centre(gateway, reader)


def test_a_customer_s_thread_in_slack_waits_until_a_person_of_ours_replies_and_again_after_it(centre: Centre) -> None:
    root = f"{time.time() - 2:.6f}"
    thread = contact_id("slack-1", "TSHOP", "CHELP", root)
    assert centre.slack("UANA", root) == 200
    assert centre.slack("UANA", root) == 200  # Slack tries again when it did not hear
    assert centre.slack("UMIA", f"{time.time():.6f}", root, by="another") == 401
    centre.wait(lambda: centre.number("contacts_in_queue", "chat") == 1, "one thread waits")
    assert centre.promises(thread) == []

    assert centre.slack("UMIA", f"{time.time():.6f}", root) == 200

    centre.wait(lambda: centre.promises(thread) == ["fulfilled"], "the promise is kept")
    centre.wait(lambda: centre.number("contacts_in_queue", "chat") == 0, "nobody waits")
    assert centre.number("contacts_answered", "chat") == 1


def test_a_mail_waits_for_an_answer_and_an_automatic_one_is_none(centre: Centre) -> None:
    assert centre.mail("fw-1") == 200
    centre.wait(lambda: centre.number("contacts_in_queue", "email") == 1, "one mail waits")
    away = {"In-Reply-To": "<fw-1@kunde.example>", "References": "<fw-1@kunde.example>"}
    ours = {"FromFull": {"Email": "support@shop.example"}, "From": "support@shop.example"}
    ours |= {"ToFull": [{"Email": "ana@kunde.example"}], "OriginalRecipient": "ana@kunde.example"}

    assert centre.mail("fw-2", fields={**away, "Auto-Submitted": "auto-replied"}, **ours) == 200
    assert centre.mail("fw-3", fields=away, **ours) == 200

    thread = contact_id("mail-1", "fw-1@kunde.example")
    centre.wait(lambda: centre.promises(thread) == ["fulfilled"], "the reply answers it")
    said = [each for topic, each in centre.said if topic == "alerts.sla" and each["contact"] == thread]
    assert [each["transition"] for each in said] == ["activated", "fulfilled"]
    assert "fw-3" not in json.dumps(said)  # ids, and nothing that anybody wrote


def test_every_channel_counts_and_the_whole_floor_is_their_sum(centre: Centre) -> None:
    channels = ("chat", "email", "phone", "social")
    centre.read()
    before = {channel: centre.number("contacts_offered", channel) or 0 for channel in channels}
    now = int(time.time())
    ms = now * 1000
    assert centre.slack("UANA", f"{time.time() - 1:.6f}") == 200
    assert centre.mail("fw-9") == 200
    assert centre.whatsapp("wamid.1", now - 1) == 200
    assert centre.task("task-queue.entered", 1, ms - 3_000) == 204
    assert centre.task("task.created", 2, ms - 3_000) == 204
    assert centre.task("reservation.accepted", 3, ms, WorkerSid="WK1", WorkerName="mia", ReservationSid="WR1") == 204

    wanted = {channel: number + 1 for channel, number in before.items()}
    centre.wait(
        lambda: {channel: centre.number("contacts_offered", channel) for channel in channels} == wanted,
        "one more on each channel",
    )
    centre.wait(lambda: centre.number("contacts_answered", "phone") == 1, "the call is answered")
    centre.wait(lambda: centre.number("contacts_offered", None) == sum(wanted.values()), "the floor is their sum")
    assert [each for topic, each in centre.said if topic == "contacts.failed"] == []
