"""A simulated contact centre on four channels, through the real connectors: AMI, SMTP, IMAP and webhooks give the
numbers of what really happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from agents.cli.demo.outside import Outside
from agents.cli.demo.senders import ByRecipient, Filer, Mailer, Outbox, Poster, Sender
from agents.cli.demo.settings_file import ADDRESS, CHAT, ORDERS, SOCIAL, Places, Secrets, write_settings
from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from streams.simulator import Delivery, House, sample_plan
from streams.simulator.wires import Payload
from tests.acceptance.program import BIN, Program, in_service, wait_for
from tests.acceptance.reading import Reader
from tests.conftest import unused_namespace

pytestmark = pytest.mark.slow

MINUTE = 60.0
CHANNELS = {"chat": "chat", "mail": "email", "social": "social"}
PATIENCE = 120.0


class Counting:
    """Counts what was taken."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.taken = 0

    async def send(self, payload: Payload) -> bool:
        """See Sender."""
        taken = await self._sender.send(payload)
        self.taken += taken
        return taken


class Played(NamedTuple):
    """What happened, and what is read of it."""

    house: House
    numbers: Mapping[tuple[str, str | None], dict[str, Any]]
    failed: list[Any]

    def value(self, metric: str, channel: str, queue: str | None = None) -> Any:
        return self.numbers[channel, queue].get(metric, {}).get("value")

    def numerator(self, metric: str, channel: str, queue: str | None = None) -> Any:
        return self.numbers[channel, queue][metric]["numerator"]


async def tell_all(house: House, outside: Outside, places: Places, until: float) -> None:
    """Let all of it happen at once, as fast as it is taken, and wait until it was."""
    async with aiohttp.ClientSession() as session:
        hooks = f"http://127.0.0.1:{places.board_port}/hooks"
        senders = {
            "chat": Counting(Poster(session, outside.chat, f"{hooks}/chatwoot/{CHAT}")),
            "mail": Counting(ByRecipient({ADDRESS: Mailer(places.mail_port), ORDERS: Filer(outside.mailbox)})),
            "social": Counting(Poster(session, outside.social, f"{hooks}/whatsapp/{SOCIAL}")),
        }
        outboxes = {name: Outbox(sender) for name, sender in senders.items()}
        sent = dict.fromkeys(senders, 0)
        for stop in (until - 90 * MINUTE, until):
            for each in house.run(stop):
                if isinstance(each, Delivery):
                    outboxes[each.desk].put(each.payload)
                    sent[each.desk] += 1
                else:
                    outside.switchboard.say(each)
            house.last_orders()
        running = [asyncio.create_task(outbox.run()) for outbox in outboxes.values()]
        try:
            async with asyncio.timeout(PATIENCE):
                while {name: sender.taken for name, sender in senders.items()} != sent:
                    for task in running:
                        assert not task.done(), task
                    await asyncio.sleep(0.05)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


class Numbers:
    """What stands on metrics.live of channels and their queues, over all time, and what failed."""

    def __init__(self, reader: Reader, house: House) -> None:
        self._reader = reader
        self._house = house
        self.by_scope: dict[tuple[str, str | None], dict[str, Any]] = {}
        self.failed: list[Any] = []

    def read(self) -> bool:
        """Read on. Returns whether everything that happened is there, or more than that."""
        for each in self._reader.news(0.2):
            if each.topic == "contacts.failed":
                self.failed.append(each)
            elif "metrics" in (said := each.json) and said["window"]["kind"] == "all" and "policy" not in said["scope"]:
                self.by_scope[said["scope"].get("channel", ""), said["scope"].get("queue")] = said["metrics"]
        return all(
            self._value(channel, "contacts_offered") >= offered
            and self._value(channel, "contacts_answered") >= answered
            for channel, offered, answered in self._wanted()
        )

    def _wanted(self) -> Iterator[tuple[str, int, int]]:
        phone, written = self._house.phone, self._house.written
        yield "phone", phone.offered.total(), phone.answered.total()
        for desk, channel in CHANNELS.items():
            yield channel, written.offered[desk], written.answered(desk)

    def _value(self, channel: str, metric: str) -> float:
        return self.by_scope.get((channel, None), {}).get(metric, {}).get("value") or 0


def places_of(folder: Path, outside: Outside, made: Secrets) -> Places:
    """Free ports for all of it."""
    outside.switchboard.port, outside.mailbox.port = free_port(), free_port()
    return Places(
        folder=folder,
        worker_port=0,
        connect_port=0,
        notifier_port=0,
        board_port=free_port(),
        ami_port=outside.switchboard.port,
        imap_port=outside.mailbox.port,
        mail_port=free_port(),
        smtp_port=1,
        hook="http://127.0.0.1:1/",
        chat_queue=outside.chat.queue,
        social_queue=outside.social.queue,
        secrets=made,
    )


async def story(house: House, outside: Outside, places: Places, until: float, numbers: Numbers) -> None:
    """All that happens is told, and read."""
    await outside.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await outside.switchboard.logged_in.wait()
        await tell_all(house, outside, places, until)
        await asyncio.to_thread(wait_for, numbers.read, "all that happened is told", PATIENCE)
        # What is told twice would come now.
        await asyncio.to_thread(lambda: [numbers.read() for _ in range(10)])
    finally:
        await outside.stop()


@pytest.fixture(scope="module")
def played(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder: Path = tmp_path_factory.mktemp("house")
    made = Secrets(*(f"{name} of this house" for name in Secrets._fields))
    outside = Outside(made)
    places = places_of(folder, outside, made)
    write_settings(folder / "floorwalker.toml", places)
    namespace = unused_namespace("house")
    settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
    now = time.time() - 10
    house = House(sample_plan(), outside.wires, seed="house", begins=now - 120 * MINUTE)
    with ExitStack() as stack:
        worker, _ = in_service(stack, folder, settings)
        worker.wait_ready()
        command = (BIN / "floorwalker", "gateway")
        gateway = stack.enter_context(Program(*command, folder=folder, log=folder / "gateway.log", settings=settings))
        wait_for(lambda: "gateway.listening" in gateway.words, "the gateway listens")
        reader = stack.enter_context(Reader(kafka.bootstrap, namespace, "metrics.live", "contacts.failed"))
        numbers = Numbers(reader, house)
        asyncio.run(story(house, outside, places, now, numbers))
        yield Played(house, numbers.by_scope, numbers.failed)


@pytest.mark.parametrize("queue", ["sales", "support", "billing"])
def test_every_queue_of_the_switchboard_has_the_numbers_of_what_really_happened(played: Played, queue: str) -> None:
    truth = played.house.phone
    # By night, when the fewest call, five do.
    assert truth.offered[queue] > 3
    assert played.value("contacts_offered", "phone", queue) == truth.offered[queue]
    assert played.value("contacts_answered", "phone", queue) == truth.answered[queue]
    assert played.value("contacts_abandoned", "phone", queue) == truth.abandoned[queue] + truth.timed_out[queue]
    level = "service_level.answered_over_offered@20"
    assert played.numerator(level, "phone", queue) == truth.in_time[queue]


@pytest.mark.parametrize("desk", ["chat", "mail", "social"])
def test_every_desk_has_the_numbers_of_what_really_happened(played: Played, desk: str) -> None:
    truth, channel = played.house.written, CHANNELS[desk]
    assert truth.offered[desk] > 15
    assert played.value("contacts_offered", channel) == truth.offered[desk]
    assert played.value("contacts_answered", channel) == truth.answered(desk)
    if desk != "mail":
        # A mail's time is that of its arrival: here they all come at once.
        for seconds in (20, 60, 120):
            level = f"service_level.answered_over_offered@{seconds}"
            assert played.numerator(level, channel) == truth.in_time(desk, seconds)


def test_nothing_fails(played: Played) -> None:
    assert played.failed == []
