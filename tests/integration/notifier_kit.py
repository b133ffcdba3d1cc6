"""What the notifier's tests share: receivers on loopback that record and misbehave, alerts, and the program itself."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from confluent_kafka import Producer

from schemas.ids import alert_id
from schemas.live import PIPELINE_KEY, Pipeline, TaskMark
from schemas.live import encode as encode_live
from schemas.notifications import Alert, Evidence, Notify, Subject, encode
from schemas.topics import ALERTS_NOTIFICATIONS, METRICS_LIVE
from streams.topics import ensure_topics
from tests.acceptance.program import BIN, PATIENCE, Program, wait_for
from tests.acceptance.reading import Reader

SETTLES = 0.5
"""Seconds in which a sink notes what had reached its sockets."""

SLACK = 10.0
"""Seconds that may pass beside those that have to: far more than it takes, since other work may share the machine."""

SECRET = "whsec_" + base64.b64encode(b"a key for these tests only").decode()


def now() -> datetime:
    return datetime.now(UTC)


def genuine(headers: dict[str, str], body: bytes) -> bool:
    """Whether a signature is right, worked out from the specification's text alone."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = headers["webhook-id"].encode() + b"." + headers["webhook-timestamp"].encode() + b"." + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return recent and f"v1,{expected}" in headers["webhook-signature"].split(" ")


class Request:
    """One request that a sink got. `answered`: it was told that all is well, at that instant of time.monotonic()."""

    def __init__(self, id_: str, content: Any, headers: dict[str, str], *, is_genuine: bool) -> None:
        self.id = id_
        self.content = content
        self.headers = headers
        self.is_genuine = is_genuine
        self.at = time.monotonic()
        self.answered: float | None = None


Behaviour = Callable[[Request, int], "tuple[int, dict[str, str], float]"]
"""Of a request and how often its message came: status, headers and seconds until the answer."""


def well(_request: Request, _nth: int) -> tuple[int, dict[str, str], float]:
    return 204, {}, 0.0


class HookSink:
    """A web server on loopback in a thread of its own; what it answers can be changed while it runs."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.behave: Behaviour = well
        self.port = 0
        self._seen: dict[str, int] = defaultdict(int)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=not-for-logs"

    def __enter__(self) -> HookSink:
        self._thread.start()
        assert self._started.wait(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def of(self, message_type: str) -> list[Request]:
        """The requests of one type of event (`trigger`), in the order in which they came."""
        return [each for each in self.requests if each.content["type"] == f"floorwalker.alert.{message_type}"]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _take(self, incoming: web.Request) -> web.StreamResponse:
        body = await incoming.read()
        headers = {name.lower(): value for name, value in incoming.headers.items()}
        request = Request(headers["webhook-id"], json.loads(body), headers, is_genuine=genuine(headers, body))
        self._seen[request.id] += 1
        self.requests.append(request)
        status, said, seconds = self.behave(request, self._seen[request.id])
        await asyncio.sleep(seconds)
        if status < 300:
            # Before the answer leaves: the notifier may have it at once.
            request.answered = time.monotonic()
        return web.Response(status=status, headers=said)


class MailSink:
    """A mail server on loopback in a thread of its own. `reply`: what it says to a mail, by how often it came;
    `seconds`: how long it takes to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.reply: Callable[[int], str] = lambda _nth: "250 OK"
        self.seconds = 0.0
        self._seen: dict[str, int] = defaultdict(int)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> MailSink:
        self._thread.start()
        assert self._started.wait(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(
            loop.create_server(lambda: SMTP(self, hostname="localhost", loop=loop), "127.0.0.1", 0)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
        id_ = str(mail["Message-ID"]).strip("<>").partition("@")[0]
        request = Request(id_, mail, {}, is_genuine=True)
        self._seen[id_] += 1
        self.requests.append(request)
        reply = self.reply(self._seen[id_])
        await asyncio.sleep(self.seconds)
        if reply.startswith("250"):
            request.answered = time.monotonic()
        return reply


def kill(program: Program) -> float:
    """Kill the notifier; an instant of time.monotonic() at which the sinks have noted all that it sent."""
    program.kill()
    time.sleep(SETTLES)
    return time.monotonic()


def duplicates(requests: list[Request], kills: list[float]) -> int:
    """How many answers came too many; each must be of the one message that was under way at a kill of its own."""
    answered = defaultdict(list)
    for each in requests:
        if each.answered is not None:
            answered[each.id].append(each)
    under_way = {id(before[-1]): kill for kill in kills if (before := [each for each in requests if each.at <= kill])}
    count = 0
    for id_, times in answered.items():
        for first, again in pairwise(times):
            count += 1
            assert id(first) in under_way, f"{id_} came again without having been under way at a kill"
            assert first.at <= under_way[id(first)] <= again.at
    return count


def alert(
    name: str,
    sequence: int = 1,
    notify: Notify | None = "trigger",
    *,
    due: datetime | None = None,
    **changed: Any,
) -> Alert:
    """An alert of a queue that is named after it; `due`: when its newest promise was broken, by default just now."""
    started = due or now()
    over = notify in ("resolve", "retract", "brief")
    fields: dict[str, Any] = {
        "id": alert_id("sla.answer", {"queue": name}, 0),
        "sequence": sequence,
        "rule": "sla.answer",
        "labels": {"queue": name},
        "state": {"resolve": "resolved", "brief": "resolved", "retract": "retracted"}.get(notify or "", "firing"),
        "severity": "critical",
        "mode": "live",
        "started_at": started,
        "updated_at": now(),
        "ended_at": now() if over else None,
        "summary": f"{name}: 1 caller past the 20 s target",
        "evidence": Evidence(
            open=0 if over else 1,
            total=1,
            newest_due_at=started,
            target=20.0,
            subjects=(Subject(id=f"breach-{name}", since=started, contact=f"contact-{name}", due_at=started),),
        ),
        "notify": notify,
        "told": True,
    }
    return Alert(**(fields | changed))


class Floor:
    """The topics of a namespace as the notifier sees them, written and read by another client than its own."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self.bootstrap = bootstrap
        self.namespace = namespace
        asyncio.run(ensure_topics(bootstrap, namespace, 1, (ALERTS_NOTIFICATIONS, METRICS_LIVE)))
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._reader = Reader(bootstrap, namespace, ALERTS_NOTIFICATIONS.name)
        self._said: list[dict[str, Any]] = []

    def close(self) -> None:
        self._reader.close()

    def say(self, *alerts: Alert) -> None:
        for each in alerts:
            self.put(ALERTS_NOTIFICATIONS.name, each.id.encode(), encode(each))

    def put(self, topic: str, key: bytes, value: bytes) -> None:
        self._producer.produce(f"{self.namespace}.{topic}", value, key)
        assert self._producer.flush(PATIENCE) == 0

    def mark(self, watermark: datetime, *late: tuple[str, datetime]) -> None:
        """A pipeline record: all tasks are at `watermark`, but the `late` ones."""
        marks = {name: TaskMark(watermark=watermark) for name in ("intake-0", "contacts-0", "metrics-0")}
        marks |= {name: TaskMark(watermark=at) for name, at in late}
        record = Pipeline(tasks=marks, read=0, accepted=0, ignored=0, failed=0, duplicates=0)
        self.put(METRICS_LIVE.name, PIPELINE_KEY, encode_live(record))

    def records(self) -> list[dict[str, Any]]:
        """Everything on alerts.notifications so far."""
        while came := self._reader.news(0.2):
            self._said += [json.loads(each.value) for each in came if each.value.startswith(b"{")]
        return self._said

    def deliveries(self) -> dict[str, dict[str, Any]]:
        """The last Delivery of every message."""
        return {each["message"]: each for each in self.records() if each["kind"] == "delivery"}

    def wait_deliveries(self, count: int, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """Wait until so many messages have an outcome."""
        wait_for(lambda: len(self.deliveries()) >= count, f"{count} deliveries, there is {self.deliveries()}", seconds)
        return list(self.deliveries().values())


def hook(sink: HookSink, name: str = "hook", severities: Iterable[str] = ("critical", "warning")) -> dict[str, Any]:
    return {"name": name, "kind": "webhook", "url": sink.url, "secret": SECRET, "severities": list(severities)}


def mailbox(sink: MailSink, name: str = "mail", severities: Iterable[str] = ("critical", "warning")) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "email",
        "server": f"127.0.0.1:{sink.port}",
        "sender": "floor@example.org",
        "to": ["lead@example.org"],
        "security": "none",
        "severities": list(severities),
    }


def notifier(floor: Floor, folder: Path, *receivers: dict[str, Any], **settings: object) -> Program:
    """`floorwalker notifier` in a process of its own; start it by `with`."""
    # The pipeline of most tests has never moved: nobody is to be told within them.
    said = {"alerts__blind_after": "1h", "service__data_folder": folder / "data", **settings}
    return Program(
        *(BIN / "floorwalker", "notifier", "--port", 0),
        *("--bootstrap", floor.bootstrap, "--namespace", floor.namespace),
        folder=folder,
        log=folder / "notifier.log",
        settings={"receivers": json.dumps(receivers), **said},
    )


def ago(seconds: float) -> datetime:
    return now() - timedelta(seconds=seconds)
