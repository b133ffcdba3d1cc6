"""Webhooks on a real Kafka: what was answered as taken is on the topic, whatever ended meanwhile.

Run as a program it is a gateway that knows the providers of these tests.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from streams.connectors.hooks import Hook
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.acceptance.program import Program, wait_for
from tests.acceptance.reading import Reader, Said
from tests.integration.gateway_kit import Answer, Gateway
from tests.unit.test_receiver import Provider, proof

PROVIDERS: dict[str, Hook] = {
    "again": Provider("again", seconds=10.0),
    "once": Provider("once", tries_again=False, seconds=10.0),
}
"""What they wait: so long that Kafka's client finds its way on a busy machine."""
HOOKS = "".join(
    f'[[hooks]]\nprovider = "{name}"\nsource = "{name}-1"\nsecrets = {{ secret = "a secret" }}\nrate = 1000\n'
    for name in PROVIDERS
)


class Hooks(Gateway):
    """The gateway with the providers of these tests."""

    def __init__(self, folder: Path, bootstrap: str, namespace: str, settings: str = HOOKS) -> None:
        config = folder / "floorwalker.toml"
        config.write_text(settings)
        command = (sys.executable, "-m", "tests.integration.test_hooks", config, bootstrap, namespace)
        Program.__init__(self, *command, folder=folder, log=folder / "gateway.log")

    def post(self, name: str, body: bytes, signed: str | None = None) -> Answer:
        said = {"X_Proof": proof(body) if signed is None else signed, "Content_Type": "text/plain"}
        return self.ask(f"/hooks/{name}/{name}-1", "POST", body, **said)

    def counted(self, name: str, outcome: str) -> float:
        start = f'floorwalker_hook_deliveries_total{{outcome="{outcome}",provider="{name}",source="{name}-1"}} '
        lines = self.ask("/metrics").body.decode().splitlines()
        return sum(float(line.removeprefix(start)) for line in lines if line.startswith(start))


@pytest.fixture
def gateway(tmp_path: Path, kafka: EmbeddedKafka, namespace: str) -> Iterator[Hooks]:
    """A gateway with these sources, on topics that are there."""
    asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))
    with Hooks(tmp_path, kafka.bootstrap, namespace, HOOKS.replace("rate = 1000", "rate = 5", 1)) as started:
        assert isinstance(started, Hooks)
        started.wait_listening()
        yield started


def on_topic(bootstrap: str, namespace: str) -> list[Said]:
    with Reader(bootstrap, namespace, "channel.chat") as reader:
        return list(reader.to_the_end())


@pytest.mark.slow
def test_what_is_genuine_is_on_the_topic_verbatim_and_nothing_else(
    gateway: Hooks, kafka: EmbeddedKafka, namespace: str
) -> None:
    told: list[bytes] = []
    slow = threading.Thread(target=lambda: told.append(_half_a_body(gateway.port() or 0)))
    slow.start()
    taken = gateway.post("once", b"id:1 \xc3\xbc\r\n\x00")
    assert (taken.status, taken.body) == (202, b"thanks")
    assert gateway.post("once", b"id:2", proof(b"id:3")).status == 401
    assert gateway.post("once", b"x" * 101).status == 413
    assert gateway.post("once", b"hello ").body == b"hello"
    greeted = gateway.ask("/hooks/once/once-1?token=a%20secret&challenge=42")
    assert (greeted.status, greeted.body) == (200, b"42")
    assert gateway.ask("/hooks/once/again-1", "POST", b"{}").status == 404
    # Who forges takes nothing of what the provider may send.
    assert [gateway.post("again", b"id:9", "0").status for _ in range(12)] == [401] * 12
    slow.join()
    assert b" 503 " in told[0].splitlines()[0]

    (record,) = on_topic(kafka.bootstrap, namespace)
    assert (record.value, record.key) == (b"id:1 \xc3\xbc\r\n\x00", "id")
    time_ = record.headers.pop("ce_time")
    assert time_.endswith("Z")
    assert record.headers == {
        "ce_source": "once-1",
        "ce_type": "once",
        "content-type": "text/plain",
        "ce_id": "1 \xfc\r\n\x00",
    }
    for outcome, n in {"taken": 1, "not_genuine": 1, "too_large": 1, "greeted": 2, "too_slow": 1}.items():
        assert gateway.counted("once", outcome) == n, outcome


def _half_a_body(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(b"POST /hooks/once/once-1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
        answer = b""
        while part := connection.recv(4_096):
            answer += part
        return answer


class Provided(threading.Thread):
    """A provider that posts until it is told to end. `acknowledged`: the ids that were answered by 2xx."""

    def __init__(self, gateway: Hooks, name: str, *, tries_again: bool) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.refused = 0
        self.ending = threading.Event()
        self._gateway, self._name, self._tries_again = gateway, name, tries_again

    def run(self) -> None:
        number = 0
        while not self.ending.is_set():
            if self._posted(f"{self._name}-{number}") or not self._tries_again:
                number += 1
            time.sleep(0.02)

    def _posted(self, name: str) -> bool:
        try:
            status = self._gateway.post(self._name, f"id:{name}".encode()).status
        except (OSError, HTTPException, AssertionError):
            return False
        assert status in (202, 503)
        if status == 202:
            self.acknowledged.append(name)
        else:
            self.refused += 1
        return status == 202


@pytest.mark.slow
def test_through_the_loss_of_kafka_and_of_the_gateway_nothing_is_lost_that_was_answered(
    tmp_path: Path, namespace: str
) -> None:
    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))
        gateway = Hooks(tmp_path, kafka.bootstrap, namespace)
        spool = tmp_path / ".floorwalker" / "spool" / "once-1.spool"
        again, once = (Provided(gateway, name, tries_again=name == "again") for name in PROVIDERS)
        with gateway:
            gateway.wait_listening()
            again.start()
            once.start()
            try:
                _waits(lambda: len(again.acknowledged) > 20 and len(once.acknowledged) > 20, "deliveries taken")
                kafka.kill(0)
                _waits(lambda: spool.stat().st_size > 0 and again.refused > 0, "one spooled, one put off")
                before = len(once.acknowledged)
                _waits(lambda: len(once.acknowledged) > before + 20, "more behind it")
                gateway.kill()
                gateway.start()
                gateway.wait_listening()
                before = len(once.acknowledged)
                _waits(lambda: len(once.acknowledged) > before + 20, "more by the next process")
                kafka.restart(0)
                _waits(lambda: not spool.stat().st_size, "the spool drained")
                counts = len(again.acknowledged), len(once.acknowledged)
                _waits(
                    lambda: len(again.acknowledged) > counts[0] + 20 and len(once.acknowledged) > counts[1] + 20,
                    "deliveries taken again",
                )
            finally:
                for each in (again, once):
                    each.ending.set()
                    each.join()
            _waits(lambda: not spool.stat().st_size, "the spool empty at last")
            assert gateway.counted("once", "taken") > 0
        there = {record.headers["ce_id"] for record in on_topic(kafka.bootstrap, namespace)}
    assert [name for name in (*again.acknowledged, *once.acknowledged) if name not in there] == []


def _waits(claim: Callable[[], bool], what: str) -> None:
    wait_for(claim, what)


if __name__ == "__main__":
    from streams.logs import set_up_logs
    from streams.outlets.gateway.server import serve
    from streams.settings import load_settings

    set_up_logs()
    _settings = load_settings(sys.argv[1], service={"bootstrap": sys.argv[2], "namespace": sys.argv[3]})
    asyncio.run(serve(_settings, sys.argv[2], "127.0.0.1", 0, PROVIDERS))
