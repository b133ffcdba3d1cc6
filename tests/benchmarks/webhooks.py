"""Signed webhooks a second, each answered when all replicas have it: the gateway beside a bare FastAPI handler.

Both run in a process of their own on the same broker, and take the same deliveries over as many connections: `bare`
checks an HMAC-SHA256, sends the body with acks=all and answers, and does nothing else.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from tests.acceptance.program import Program, answers, wait_for
from tests.benchmarks.crew import cpu_seconds
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.runs import Result, Run
from tests.benchmarks.standings import OURS, standings, standings_table
from tests.browser.live_floor import Gateway
from tests.integration.connector_topics import everything, make_topics

DELIVERIES = 8_000
CONNECTIONS = 32
WARM_UP = 500
NAMESPACE = "bench"
SECRET = "a secret of the benchmark"  # noqa: S105 - an invented one
TOPIC = f"{NAMESPACE}.channel.chat"
_HOOK = {"provider": "slack", "source": "bench", "secrets": {"signing_secret": SECRET}, "rate": 100_000}

Say = Callable[[str], None]


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Both, in turns."""
    return standings(measure(told.repeats, say))


def table(section: dict[str, Any]) -> list[str]:
    """One row for each."""
    return standings_table(section)


def measure(repeats: int, say: Say, deliveries: int = DELIVERIES) -> dict[str, Result]:
    """So many deliveries to each in each repetition. Raises MeasurementFailed where one is refused or lost."""
    with (
        TemporaryDirectory(prefix="floorwalker-bench-") as name,
        EmbeddedKafka(Path(name), notify=say) as kafka,
        ExitStack() as stack,
    ):
        folder = Path(name)
        asyncio.run(make_topics(kafka.bootstrap, NAMESPACE))
        settings = {
            "service__bootstrap": kafka.bootstrap,
            "service__namespace": NAMESPACE,
            "service__data_folder": folder / "data",
            "hooks": json.dumps([_HOOK]),
        }
        gateway = stack.enter_context(Gateway(settings, folder))
        gateway.wait_listening()
        port = free_port()
        module = (sys.executable, "-m", "tests.benchmarks.bare_hook", kafka.bootstrap, TOPIC, port, SECRET)
        bare = stack.enter_context(Program(*module, folder=Path.cwd(), log=folder / "bare.log"))
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the bare handler answers")
        contestants = {
            OURS: (gateway, gateway.number, "/hooks/slack/bench"),
            "bare": (bare, port, "/hook"),
        }
        runs: dict[str, list[Run]] = {each: [] for each in contestants}
        sent = 0
        for program, number, path in contestants.values():
            sent += _run(program, number, path, WARM_UP).events
        for _ in range(repeats):
            for each, (program, number, path) in contestants.items():
                run = _run(program, number, path, deliveries)
                say(f"{each}: {run.per_second:,.0f} deliveries/s, {run.per_cpu_second:,.0f} a CPU second of its own")
                runs[each].append(run)
                sent += run.events
        found = sum(map(len, asyncio.run(everything(kafka.bootstrap, TOPIC))))
        if found != sent:
            raise MeasurementFailed(f"{sent} deliveries were answered, {found} are on the topic")
        return {each: Result(tuple(done)) for each, done in runs.items()}


def _run(program: Program, port: int, path: str, deliveries: int) -> Run:
    """Post so many, each connection the next one when the last was answered."""
    requests = [_request(path, f"Ev{time.time_ns():x}{number}") for number in range(deliveries)]
    cpu, began = cpu_seconds(program), time.perf_counter()
    refused = asyncio.run(_post(port, requests))
    took = time.perf_counter() - began
    if refused:
        raise MeasurementFailed(f"{path} answered {refused[0]!r} and {len(refused) - 1} more of this kind")
    return Run(events=deliveries, seconds=took, cpu_seconds=cpu_seconds(program) - cpu)


def _request(path: str, event: str) -> bytes:
    """A message in a channel, as Slack posts it, with its head."""
    now = int(time.time())
    body = json.dumps(
        {
            "token": "unused",
            "team_id": "T0FLOOR",
            "api_app_id": "A0FLOOR",
            "event": {
                "type": "message",
                "channel": "C0FLOOR",
                "user": f"U{event}",
                "text": "My parcel has not come yet, and the page says that it has. Where is it?",
                "ts": f"{now}.000100",
                "event_ts": f"{now}.000100",
                "channel_type": "channel",
                "team": "T0FLOOR",
            },
            "type": "event_callback",
            "event_id": event,
            "event_time": now,
        }
    ).encode()
    proof = hmac.digest(SECRET.encode(), f"v0:{now}:".encode() + body, hashlib.sha256).hex()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Slack-Request-Timestamp: {now}\r\nX-Slack-Signature: v0={proof}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _post(port: int, requests: list[bytes]) -> list[str]:
    """Post all; returns the status lines that are no success."""
    left, refused = iter(requests), list[str]()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status, *fields = head.decode("latin-1").split("\r\n")
            named = dict(field.lower().split(": ", 1) for field in fields if field)
            await reader.readexactly(int(named.get("content-length", "0")))
            if not status.startswith("HTTP/1.1 2"):
                refused.append(status)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return refused
