"""The demo under way: what is started, in which order, and what is said meanwhile."""

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import aiohttp

from agents import backtest
from agents.backfill import backfill
from agents.cli.bars import backfill_bar
from agents.cli.console import FAILED, err
from agents.cli.demo.customers import GUEST, how_to_ask, write_crm
from agents.cli.demo.outside import Outside
from agents.cli.demo.playing import play
from agents.cli.demo.settings_file import FORMAT, SOURCE, Places, Secrets, write_settings
from agents.cli.demo.told import say_what_is_told
from agents.cli.identities import import_links
from agents.cli.machine import Stopped, kafka_of_ones_own, stop_on_signals, unless
from agents.cli.up import installation, tell
from agents.supervisor import Supervisor
from streams.ending import end
from streams.kafka.ports import free_port, is_free
from streams.outlets import sinks
from streams.settings import Settings, load_settings
from streams.simulator import House, Incident, Truth, sample_plan, visitors_of, write_history
from streams.topics import ensure_topics

DAY = 86_400.0
CHILDREN_STOP = 3.0
"""Seconds that workers and outlets get to end: with Kafka's they stay under ten."""

LOST = 1.0
"""Seconds after which the simulation is told to end once more: it has nothing to write."""


class Trouble(NamedTuple):
    """What is to go wrong: in which queue, after how many seconds, and for how many."""

    queue: str
    after: float
    lasts: float


class Demo:
    """One demo in a folder. `history`: days of the past."""

    def __init__(self, folder: Path, seed: str, history: int, trouble: Trouble) -> None:
        self._folder = folder
        self._seed = seed
        self._history = history
        self._trouble = trouble
        self._plan = sample_plan()
        self._regulars = visitors_of(seed, self._plan.callers).regulars
        self._began = time.monotonic()

    async def run(self, port: int, messages_port: int) -> int:
        """Run until a signal comes (0) or something is given up (1)."""
        stop = stop_on_signals()
        try:
            async with AsyncExitStack() as stack:
                past = asyncio.create_task(asyncio.to_thread(self._write_past))
                bootstrap = await stack.enter_async_context(kafka_of_ones_own(self._folder / "kafka", stop))
                made = Secrets(*(secrets.token_hex(16) for _ in Secrets._fields))
                outside = Outside(made)
                stack.push_async_callback(outside.stop)
                await outside.start()
                messages = await sinks.start(
                    self._folder, smtp_port=0, web_port=_port(messages_port), secret=made.alerts
                )
                stack.push_async_callback(messages.stop)
                config = self._folder / "floorwalker.toml"
                places = _places(self._folder, _port(port), outside, messages, made)
                write_settings(config, places)
                settings = load_settings(config, service={"bootstrap": bootstrap})
                await self._fill_in(past, settings, config, bootstrap, stop)
                await unless(stop, self._link(settings))
                supervising = await unless(stop, self._go_live(stack, settings, config, bootstrap, outside))
                if not supervising.done():
                    self._say_where(settings, messages.page)
                    await unless(stop, self._play(settings, bootstrap, outside, places, supervising))
                return FAILED
        except Stopped:
            return 0
        finally:
            err.print("all stopped")

    # -- the past ------------------------------------------------------------------------------------------

    def _write_past(self) -> Truth | None:
        if not self._history:
            return None
        ends = float(int(time.time()))
        begins = ends - self._history * DAY
        return write_history(self._past, self._plan, seed=self._seed, begins=begins, ends=ends)

    @property
    def _past(self) -> Path:
        return self._folder / "queue_log.past"

    async def _fill_in(
        self, past: "asyncio.Task[Truth | None]", settings: Settings, config: Path, bootstrap: str, stop: asyncio.Event
    ) -> None:
        truth = await past
        if truth is None:
            await unless(stop, ensure_topics(bootstrap, settings.service.namespace, settings.service.partitions))
            return
        self._say(f"{self._history} days of the past: {truth.offered.total():,} calls, {truth.lines:,} lines")
        job = backtest.Job(files=(self._past,), format=FORMAT, settings=settings, config=config, source=SOURCE)
        with backfill_bar(truth.lines) as progress:
            await unless(stop, backfill(job, bootstrap, self._folder, progress))
        self._say("the past is worked through")

    async def _link(self, settings: Settings) -> None:
        """Have the CRM say who is who. The secret under which customers have their ids is made where there is none."""
        settings.customer_namespace()
        counts = await import_links(settings, write_crm(self._folder, self._regulars), settings.service.region)
        self._say(f"{len(self._regulars)} customers of the CRM: {counts['sent']} lines link their identifiers")

    # -- live ----------------------------------------------------------------------------------------------

    async def _go_live(
        self, stack: AsyncExitStack, settings: Settings, config: Path, bootstrap: str, outside: Outside
    ) -> "asyncio.Task[Any]":
        """Start all processes and return when the wallboard is served and the switchboard is listened to; the task ends
        when one of them is given up."""
        supervisor = Supervisor(installation(settings, config, 1, bootstrap), tell)
        stack.push_async_callback(supervisor.stop, CHILDREN_STOP)
        await supervisor.start()
        supervising = asyncio.create_task(supervisor.run())
        stack.push_async_callback(end, supervising)
        pages = (f"http://127.0.0.1:{settings.service.port}/readyz", f"http://127.0.0.1:{settings.gateway.port}/")
        serving = asyncio.create_task(_until_served(pages, outside.switchboard.logged_in))
        try:
            await asyncio.wait([supervising, serving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(serving)
        return supervising

    async def _play(
        self,
        settings: Settings,
        bootstrap: str,
        outside: Outside,
        places: Places,
        supervising: "asyncio.Task[Any]",
    ) -> None:
        """Let the customers come, and say what is told of them, until a process is given up."""
        begins, trouble = time.time(), self._trouble
        incident = Incident(trouble.queue, begins + trouble.after, trouble.lasts)
        house = House(self._plan, outside.wires, seed=self._seed, begins=begins, incident=incident)
        house.welcome(self._regulars[GUEST], begins)
        zone = ZoneInfo(settings.service.timezone)
        at = datetime.fromtimestamp(incident.begins, zone)
        err.print(
            f"At {at:%H:%M:%S} ({zone}) the system of queue {trouble.queue!r} fails for {trouble.lasts:.0f} s:\n"
            "watch its tile, the strip of problems and the messages. Ctrl-C stops all of it.",
            highlight=False,
        )
        async with aiohttp.ClientSession() as session:
            outboxes = outside.outboxes(session, places.board_port, places.mail_port)
            works = (
                play(house, outside.switchboard, outboxes),
                say_what_is_told(bootstrap, settings.service.namespace, err, int(begins * 1_000), zone),
                *(outbox.run() for outbox in outboxes.values()),
            )
            running = [asyncio.create_task(work) for work in works]
            try:
                done, _ = await asyncio.wait([supervising, *running], return_when=asyncio.FIRST_COMPLETED)
                done.pop().result()
            finally:
                await end(*running, again=LOST)

    def _say_where(self, settings: Settings, messages: str) -> None:
        self._say("live")
        board = f"http://127.0.0.1:{settings.gateway.port}"
        err.print(f"\n  wallboard   {board}/\n  messages    {messages}\n", highlight=False)
        err.print(how_to_ask(self._regulars[GUEST], board), highlight=False, markup=False, soft_wrap=True)

    def _say(self, words: str) -> None:
        err.print(f"{time.monotonic() - self._began:5.1f} s  {words}", highlight=False)


def _places(folder: Path, board_port: int, outside: Outside, messages: sinks.Sinks, made: Secrets) -> Places:
    return Places(
        folder=folder,
        worker_port=free_port(),
        connect_port=free_port(),
        notifier_port=free_port(),
        board_port=board_port,
        ami_port=outside.switchboard.port,
        imap_port=outside.mailbox.port,
        mail_port=free_port(),
        smtp_port=messages.smtp_port,
        hook=messages.hook,
        chat_queue=outside.chat.queue,
        social_queue=outside.social.queue,
        secrets=made,
    )


def _port(wanted: int) -> int:
    """The wanted port, or where it is taken (and said so) or 0, a free one."""
    if wanted and is_free(wanted):
        return wanted
    port = free_port()
    if wanted:
        err.print(f"port {wanted} is in use: {port} instead", highlight=False)
    return port


async def _until_served(pages: tuple[str, ...], heard: asyncio.Event) -> None:
    async with aiohttp.ClientSession() as session:
        for page in pages:
            while not await _serves(session, page):  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.1)
    await heard.wait()


async def _serves(session: aiohttp.ClientSession, page: str) -> bool:
    try:
        async with session.get(page) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
