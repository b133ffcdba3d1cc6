"""All connectors at once, with Kafka killed meanwhile: nothing is lost, nothing doubled, and the spools end empty."""

from __future__ import annotations

import asyncio
import json
import os
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from agents.intake.formats import understood
from agents.intake.providers import webhooks
from schemas.topics import CHANNEL_TOPICS
from streams.connectors.feeds import kinds
from streams.connectors.receiver import record_of
from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from streams.topics import ensure_topics
from tests.acceptance.program import BIN, Program, wait_for
from tests.acceptance.reading import Reader, Said
from tests.acceptance.sns import Sns
from tests.contract.fixtures import fixtures, ses
from tests.contract.kit import PUBLIC, Fixture, Post
from tests.integration import test_ami, test_freeswitch, test_mastodon_stream
from tests.integration.mail_kit import PASSWORD, USER, Dovecot, dovecot

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "20"))
"""Seconds without Kafka; two minutes by hand (OUTAGE_SECONDS=120)."""

NAMESPACE = "all"
ROUNDS = 8
"""Payloads of each feed: two before the outage, four in it, two behind."""


class Wire:
    """A provider that posts: each delivery again until it is taken, as it would itself."""

    def __init__(self, fixture: Fixture, port: int) -> None:
        self.fixture = fixture
        self.source = f"{fixture.provider}-1"
        self.expected: dict[str, set[bytes]] = {}
        self.put_off = 0
        self._port = port

    async def deliver(self, client: httpx.AsyncClient, post: Post) -> None:
        """Post one and don't rest before it is taken."""
        at = time.time_ns() // 1_000_000
        signed = self.fixture.signed(post, self.source, at)
        record = record_of(self.fixture.source(self.source), self.fixture.delivery(post, self.source, at))
        # Some sign anew in the body what they say again.
        self.expected.setdefault(dict(record.headers)["ce_id"].decode(), set()).add(record.value)
        path = f"/hooks/{self.fixture.provider}/{self.source}" + (f"?{signed.query}" if signed.query else "")
        while True:
            answer = await client.post(
                f"http://127.0.0.1:{self._port}{path}",
                content=signed.body,
                headers={**signed.headers, "host": "floor.example"},
            )
            if answer.is_success:
                return
            assert self.fixture.hook.tries_again, f"{self.source} sends once and was answered {answer.status_code}"
            assert answer.status_code == 503, f"{self.source}: {answer.status_code} {answer.text}"
            self.put_off += 1
            await asyncio.sleep(1)


class Floor:
    """Everything that the connectors listen to, and what was said to them."""

    def __init__(self, folder: Path, kafka: EmbeddedKafka) -> None:
        self.folder = folder
        self.kafka = kafka
        self.board, self.switch = test_ami.Switchboard(), test_freeswitch.Switch()
        self.instance = test_mastodon_stream.Instance()
        self.smtp, self.lmtp, self.port = free_port(), free_port(), free_port()
        self.wires = [Wire(each, self.port) for _, each in sorted(fixtures().items())]
        self.queue_log = folder / "queue_log"

    def write_settings(self, server: Dovecot) -> None:
        """The settings of all of them."""
        text = json.dumps
        feeds = {
            "imap": (server.port, {"user": USER, "password": PASSWORD}, {"from": "beginning"}),
            "smtp": (self.smtp, {}, {"recipients": "@shop.example"}),
            "lmtp": (self.lmtp, {}, {"recipients": "@shop.example"}),
            "ami": (self.board.port, {"user": "floorwalker", "secret": test_ami.SECRET}, {}),
            "freeswitch": (self.switch.port, {"password": test_freeswitch.PASSWORD}, {}),
            "mastodon": (self.instance.port, {"token": test_mastodon_stream.TOKEN}, {"from": "beginning"}),
        }
        assert set(feeds) == set(kinds()), "every kind of feed takes part"
        parts = [
            f'[service]\nregion = "DE"\n[gateway]\nport = {self.port}\npublic_url = "{PUBLIC}"\n',
            f'[[sources]]\nname = "log"\nformat = "asterisk-queue-log"\npath = {text(str(self.queue_log))}\n',
        ]
        for wire in self.wires:
            each = wire.fixture
            tables = (_table("secrets", each.secrets), _table("settings", each.settings))
            said = f'provider = "{each.provider}"\nsource = "{wire.source}"\nrate = 1000'
            parts.append("\n".join(("[[hooks]]", said, *tables, "")))
        for kind, (port, secrets, settings) in feeds.items():
            said = f'kind = "{kind}"\nsource = "{kind}-1"\naddress = "127.0.0.1:{port}"\nsecurity = "none"'
            parts.append("\n".join(("[[feeds]]", said, _table("secrets", secrets), _table("settings", settings), "")))
        (self.folder / "floorwalker.toml").write_text("".join(parts), encoding="utf-8")

    async def speak(self, number: int, server: Dovecot) -> None:
        """One payload of every feed, and a line of the log."""
        with self.queue_log.open("a") as log:
            log.write(f"{1_792_490_400 + number}|log.{number}|support|NONE|ENTERQUEUE||+4930901820|1\n")
        await asyncio.to_thread(server.deliver, _mail("imap", number))
        await self.board.say(test_ami.join(100 + number))
        await self.switch.tell(100 + number)
        await self.instance.notify(100 + number)

    async def post_mail(self, kind: str, port: int, number: int) -> None:
        """A mail by SMTP or LMTP, again until it is taken."""
        while (code := await asyncio.to_thread(_answer, kind, port, _mail(kind, number))) != 250:
            assert code == 451, f"a {kind} client was answered {code}"
            await asyncio.sleep(1)


def _table(name: str, values: object) -> str:
    assert isinstance(values, dict) or hasattr(values, "items")
    lines = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())
    return f"{name} = {{ {lines} }}"


def _mail(kind: str, number: int) -> bytes:
    return (
        f"From: ana@kunde.example\r\nTo: support@shop.example\r\nSubject: parcel\r\n"
        f"Message-ID: <{kind}.{number}@kunde.example>\r\nDate: Tue, 20 Oct 2026 10:00:00 +0000\r\n\r\nWhere is it?\r\n"
    ).encode()


def _answer(kind: str, port: int, mail: bytes) -> int:
    """The code that a mail is answered with."""
    with (smtplib.LMTP if kind == "lmtp" else smtplib.SMTP)("127.0.0.1", port) as client:
        try:
            client.sendmail("ana@kunde.example", ["support@shop.example"], mail)
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
        except smtplib.SMTPRecipientsRefused as error:
            return max(code for code, _ in error.recipients.values())
    return 250


def _spools(program: Program) -> dict[str, float]:
    """Bytes that each source has on disk."""
    with httpx.Client() as client:
        lines = client.get(f"http://127.0.0.1:{program.port()}/metrics").text.splitlines()
    found = [line.partition("{")[2].rpartition("} ") for line in lines if line.startswith("floorwalker_spool_bytes{")]
    return {labels.split('"')[1]: float(value) for labels, _, value in found}


def _on_topics(kafka: EmbeddedKafka) -> Iterator[Said]:
    for topic in CHANNEL_TOPICS:
        with Reader(kafka.bootstrap, NAMESPACE, topic.name) as reader:
            yield from (each for each in reader.to_the_end() if each.headers.get("ce_id"))


@pytest.mark.slow
def test_kafka_is_killed_while_all_connectors_receive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(fixtures()) == set(webhooks()), "every provider takes part"
    with dovecot() as server:
        asyncio.run(_all(tmp_path, server, monkeypatch))


async def _all(folder: Path, server: Dovecot, patch: pytest.MonkeyPatch) -> None:
    kafka = EmbeddedKafka(folder / "kafka")
    await asyncio.to_thread(kafka.start)
    try:
        async with AsyncExitStack() as stack:
            sns = Sns(folder / "sns", ses.CERTIFICATE, ses.certificate(time.time_ns() // 1_000_000))
            await sns.start(patch)
            stack.push_async_callback(sns.stop)
            await _told(Floor(folder, kafka), server, stack)
            assert set(sns.asked) == {"sns.eu-central-1.amazonaws.com:443"}, "nobody else outside was asked"
    finally:
        await asyncio.to_thread(kafka.stop)


async def _told(floor: Floor, server: Dovecot, stack: AsyncExitStack) -> None:
    kafka = floor.kafka
    await ensure_topics(kafka.bootstrap, NAMESPACE, 2)
    for peer in (floor.board, floor.switch, floor.instance):
        await peer.start()
        stack.push_async_callback(peer.stop)
    floor.queue_log.touch()
    floor.write_settings(server)
    gateway, connect = _programs(floor, stack)
    await _until(lambda: all(each.port() for each in (gateway, connect)), "both listen")
    await _until(lambda: floor.instance.streaming and floor.board.asked("Ping") > 0, "the feeds are connected")
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=30))

    posting: list[asyncio.Task[None]] = []
    await _round(floor, server, client, posting, 0, 1)
    await asyncio.gather(*posting)
    await asyncio.to_thread(kafka.kill, 0)
    for number in range(2, 6):
        began = time.monotonic()
        await _round(floor, server, client, posting, number)
        await asyncio.sleep(max(0.0, OUTAGE / 4 - (time.monotonic() - began)))
    spooled = {name for program in (gateway, connect) for name, size in _spools(program).items() if size > 0}
    once = {wire.source for wire in floor.wires if not wire.fixture.hook.tries_again}
    assert spooled == once | {"ami-1", "freeswitch-1"}, "what is said only once is on disk, and nothing else"
    await asyncio.to_thread(kafka.restart, 0)
    await _round(floor, server, client, posting, 6, 7)
    async with asyncio.timeout(120):
        await asyncio.gather(*posting)
    await _until(lambda: not any((*_spools(gateway).values(), *_spools(connect).values())), "the spools are empty", 60)
    assert all(wire.put_off for wire in floor.wires if wire.fixture.hook.tries_again), "who tries again was put off"
    await _until(lambda: _missing(floor) == [], f"all is there; missing: {_missing(floor)}", 60)
    _judge(floor)


def _programs(floor: Floor, stack: AsyncExitStack) -> tuple[Program, Program]:
    settings = {
        "service__bootstrap": floor.kafka.bootstrap,
        "service__namespace": NAMESPACE,
        "service__data_folder": floor.folder / "data",
    }
    gateway, connect = (
        Program(BIN / "floorwalker", name, folder=floor.folder, log=floor.folder / f"{name}.log", settings=settings)
        for name in ("gateway", "connect")
    )
    stack.enter_context(gateway)
    stack.enter_context(connect)
    gateway.port = lambda: floor.port if '"gateway.listening"' in gateway.words else None  # type: ignore[method-assign]
    return gateway, connect


async def _round(
    floor: Floor, server: Dovecot, client: httpx.AsyncClient, posting: list[asyncio.Task[None]], *numbers: int
) -> None:
    """Everybody says something; what is put off goes on behind."""
    for number in numbers:
        await floor.speak(number, server)
        for kind, port in (("smtp", floor.smtp), ("lmtp", floor.lmtp)):
            posting.append(asyncio.create_task(floor.post_mail(kind, port, number)))
        for wire in floor.wires:
            steps = wire.fixture.conversation
            # The last delivery comes at every turn that is left: a provider says things twice.
            post = steps[min(number // 2, len(steps) - 1)].post
            posting.append(asyncio.create_task(wire.deliver(client, post)))
    await asyncio.sleep(0.5)


async def _until(claim: Callable[[], bool], what: str, seconds: float = 60) -> None:
    await asyncio.to_thread(wait_for, claim, what, seconds)


def _tokens() -> dict[str, list[bytes]]:
    """What is looked for in the payloads of each feed, one for each that was said."""
    said = {kind: [f"<{kind}.{number}@".encode() for number in range(ROUNDS)] for kind in ("imap", "smtp", "lmtp")}
    return {
        **{f"{kind}-1": tokens for kind, tokens in said.items()},
        "ami-1": [f"Uniqueid: 1792490399.{100 + number}\r\n".encode() for number in range(ROUNDS)],
        "freeswitch-1": [f'"Event-Sequence":"{100 + number}"'.encode() for number in range(ROUNDS)],
        "mastodon-1": [f'"id":"{9_100 + number}"'.encode() for number in range(ROUNDS)],
        "log": [f"|log.{number}|".encode() for number in range(ROUNDS)],
    }


def _missing(floor: Floor) -> list[str]:
    there = [(each.headers["ce_source"], each.value) for each in _on_topics(floor.kafka)]
    return [
        f"{source}: {token!r}"
        for source, tokens in _tokens().items()
        for token in tokens
        if not any(source == whose and token in value for whose, value in there)
    ]


def _judge(floor: Floor) -> None:
    """After deduplication each thing that was said is there once, with its own bytes."""
    found: dict[str, dict[str, set[bytes]]] = {}
    for each in _on_topics(floor.kafka):
        assert each.headers["ce_type"] in understood()
        assert each.value is not None
        found.setdefault(each.headers["ce_source"], {}).setdefault(each.headers["ce_id"], set()).add(each.value)
    for wire in floor.wires:
        assert found[wire.source] == wire.expected, wire.source
    for source, tokens in _tokens().items():
        values = [value for same in found[source].values() for value in same]
        counted = Counter(token for token in tokens for value in values if token in value)
        assert counted == Counter(tokens), source
