"""A gateway as people start it, topics filled with real records, and a viewer that reads its stream."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Producer

from schemas import live, notifications
from schemas.customers import CustomerContact, CustomerProfile, encode_contact, encode_profile
from schemas.identities import AnyIdentity, LinkSet
from schemas.identities import encode as encode_identity
from schemas.instants import from_ms
from schemas.live import LiveMetrics, Metric, Pipeline, Scope, SourceSeen, TaskMark, Window, WindowKind
from schemas.topics import (
    ALERTS_NOTIFICATIONS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_IDENTITIES,
    CUSTOMERS_PROFILES,
    METRICS_LIVE,
)
from streams.outlets.gateway.keys import hash_of
from tests.acceptance.program import BIN, PATIENCE, Program, wait_for

LEVEL = "service_level.answered_over_offered@20"


def now_ms() -> int:
    return int(time.time() * 1000)


class Floor:
    """Writes to the topics of a namespace what the pipeline would."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._prefix = f"{namespace}."
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "enable.idempotence": True})
        self._revision = 0

    def send(self, topic: str, key: str | bytes | None, value: bytes | None) -> None:
        self._producer.produce(self._prefix + topic, value, key)
        self._producer.flush(PATIENCE)

    def metrics(
        self,
        metrics: dict[str, Metric],
        *,
        at: int,
        queue: str | None = None,
        channel: str | None = None,
        policy: str | None = None,
        segment: str | None = None,
        kind: WindowKind = "all",
        start: datetime | None = None,
    ) -> LiveMetrics:
        """All metrics of one scope and window, as of `at`."""
        self._revision += 1
        scope = Scope(channel=channel, queue=queue, policy=policy, segment=segment)
        window = Window(kind, start, None)
        record = LiveMetrics(
            scope=scope, window=window, watermark=from_ms(at), revision=self._revision, closed=False, metrics=metrics
        )
        self.send(METRICS_LIVE.name, msgspec.json.encode({"scope": scope, "window": window}), live.encode(record))
        return record

    def waiting(self, n: int, oldest: float | None, *, at: int, queue: str | None = None) -> LiveMetrics:
        """Who waits in a queue, or on the floor."""
        metrics = {
            "contacts_in_queue": Metric(value=n, n=n),
            "oldest_waiting": Metric(value=oldest, n=n),
            "agents_by_state.available": Metric(value=3, n=5),
            "agents_by_state.on_contact": Metric(value=2, n=5),
        }
        return self.metrics(metrics, at=at, queue=queue)

    def level(self, n: int, m: int, *, at: int, queue: str | None = None) -> LiveMetrics:
        """The service level of the last half hour."""
        metrics = {
            LEVEL: Metric(value=n / m if m else None, n=m, numerator=n, denominator=m),
            "contacts_answered": Metric(value=n, n=n),
            "contacts_offered": Metric(value=m, n=m),
            "average_speed_of_answer": Metric(value=7.5, n=n, numerator=7.5 * n, denominator=n),
            "abandonment_rate": Metric(value=0.02, n=m, numerator=round(0.02 * m), denominator=m),
        }
        return self.metrics(metrics, at=at, queue=queue, kind="rolling30min")

    def pipeline(self, at: int, sources: dict[str, SourceSeen] | None = None) -> None:
        """How far all tasks have got."""
        tasks = {name: TaskMark(watermark=from_ms(at)) for name in ("contacts-0", "metrics-0")}
        record = Pipeline(tasks=tasks, read=0, accepted=0, ignored=0, failed=0, duplicates=0, sources=sources or {})
        self.send(METRICS_LIVE.name, live.PIPELINE_KEY, live.encode(record))

    def say(self, record: notifications.AnyNotification) -> None:
        """An alert, a mute, a delivery."""
        key = record.alert if isinstance(record, notifications.Delivery) else record.id
        self.send(ALERTS_NOTIFICATIONS.name, key, notifications.encode(record))

    def contact(self, contact: CustomerContact) -> None:
        """What a contact tells its customer."""
        self.send(CUSTOMERS_EVENTS.name, contact.customer, encode_contact(contact))

    def profile(self, profile: CustomerProfile) -> None:
        """What is known of a customer."""
        self.send(CUSTOMERS_PROFILES.name, profile.customer, encode_profile(profile))

    def identity(self, identity: AnyIdentity) -> None:
        """Whose an identifier is, or a link for review."""
        key = identity.customer if isinstance(identity, LinkSet) else f"review:{identity.id}"
        self.send(CUSTOMERS_IDENTITIES.name, key, encode_identity(identity))


def alert(name: str = "a1", **changes: Any) -> notifications.Alert:
    """An alert of the queue sales."""
    at = from_ms(now_ms() - 60_000)
    known: dict[str, Any] = {
        "id": name,
        "sequence": 1,
        "rule": "sla.breached",
        "labels": {"queue": "sales"},
        "state": "firing",
        "severity": "critical",
        "mode": "live",
        "started_at": at,
        "updated_at": at,
        "summary": "sales: 3 past 20 s",
        "evidence": notifications.Evidence(open=3, total=4),
    }
    return notifications.Alert(**{**known, **changes})


def key_of(name: str) -> str:
    """A key; what the settings hold of it is `hash_of` it."""
    return f"fw_{name}_correct-horse-battery-staple"


def keys(*roles: str) -> str:
    """[[keys]] tables, a key for each role, named as it."""
    return "".join(
        f'[[keys]]\nname = "{role}"\nrole = "{role}"\nsha256 = "{hash_of(key_of(role))}"\n' for role in roles
    )


class Gateway(Program):
    """`floorwalker gateway` on a free port."""

    def __init__(self, folder: Path, bootstrap: str, namespace: str, settings: str = "") -> None:
        config = folder / "floorwalker.toml"
        config.write_text(settings)
        command = ("gateway", "--config", config, "--bootstrap", bootstrap, "--namespace", namespace, "--port", 0)
        super().__init__(BIN / "floorwalker", *command, folder=folder, log=folder / "gateway.log")

    def port(self) -> int | None:
        """Where it serves."""
        ports = [int(each["port"]) for each in self.events() if each.get("event") == "gateway.listening"]
        return ports[-1] if ports else None

    def wait_listening(self) -> None:
        """Wait until it answers at all."""
        wait_for(lambda: self.port() is not None, f"listening; it says: {self.words[-3_000:]}")

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        """One request; header names have _ for -."""
        port = self.port()
        assert port is not None, self.words[-3_000:]
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            said = {name.replace("_", "-"): value for name, value in headers.items()}
            data = None
            if body is not None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                said.setdefault("Content-Type", "application/json")
            connection.request(method, path, data, said)
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()

    def view(self, last: str | None = None, **headers: str) -> Viewer:
        """Open a stream."""
        port = self.port()
        assert port is not None, self.words[-3_000:]
        return Viewer(port, last, headers)


class Answer(NamedTuple):
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Event(NamedTuple):
    """One event of the stream."""

    name: str
    id: str
    data: Any


class Viewer:
    """Reads a stream."""

    def __init__(self, port: int, last: str | None, headers: dict[str, str], receive_buffer: int | None = None) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        if receive_buffer is not None:
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            plain.settimeout(PATIENCE)
            plain.connect(("127.0.0.1", port))
            self._connection.sock = plain
        said = dict(headers)
        if last is not None:
            said["Last-Event-ID"] = last
        self._connection.request("GET", "/api/v1/stream", headers=said)
        self.response: HTTPResponse = self._connection.getresponse()
        self.status = self.response.status
        self.comments: list[str] = []

    def __enter__(self) -> Viewer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.response.close()
        self._connection.close()

    def __iter__(self) -> Iterator[Event]:
        name = id_ = data = ""
        while line := self.response.readline():
            text = line.decode().rstrip("\r\n")
            if not text:
                if data:
                    yield Event(name, id_, json.loads(data))
                name = data = ""
                continue
            if text.startswith(":"):
                self.comments.append(text[1:].strip())
                continue
            field, _, value = text.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                id_ = value
            elif field == "data":
                data = value

    def until(self, name: str, what: Any = lambda _: True, seconds: float = PATIENCE) -> Event:
        """The next event of this name of which `what` is true of the data."""
        deadline = time.monotonic() + seconds
        seen = []
        for event in self:
            seen.append(event.name)
            if event.name == name and what(event.data):
                return event
            assert time.monotonic() < deadline, f"no such {name} within {seconds:.0f} s, but {seen}"
        raise AssertionError(f"the stream ended without such a {name}; there were {seen}")
