"""`floorwalker demo`: what is started, in which order, and what is said meanwhile."""

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from agents import backtest
from agents.backfill import backfill
from agents.cli.bars import backfill_bar
from agents.cli.console import FAILED, err, quieten_kafka
from agents.cli.demo.folder import demo_folder
from agents.cli.demo.settings_file import FORMAT, SOURCE, Places, write_settings
from agents.cli.demo.telephones import play
from agents.cli.demo.told import say_what_is_told
from agents.cli.machine import Stopped, kafka_of_ones_own, stop_on_signals, unless
from agents.cli.up import installation, tell
from agents.supervisor import Supervisor
from streams.kafka.ports import free_port, is_free
from streams.logs import set_up_logs
from streams.outlets import sinks
from streams.settings import Settings, load_settings
from streams.simulator import Centre, Incident, Truth, sample_plan, write_history
from streams.topics import ensure_topics

DAY = 86_400.0
QUEUE = "support"
"""The queue that the incident befalls."""

CHILDREN_STOP = 3.0
"""Seconds that workers and outlets get to end: with Kafka's they stay under ten."""


def demo(
    seed: Annotated[str, typer.Option(help="Another seed, another floor; the same one, the same calls.")] = "floor",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the wallboard; 0: any.")] = 8080,
    messages_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the page of messages; 0: any.")] = 8025,
    history: Annotated[int, typer.Option(min=0, max=90, help="Days of the past to begin with; 0: none.")] = 14,
    incident_after: Annotated[float, typer.Option(min=0, help="Seconds until something goes wrong.")] = 60.0,
    incident_lasts: Annotated[float, typer.Option(min=1, help="Seconds until it is mended.")] = 240.0,
    folder: Annotated[Path, typer.Option(help="Its own folder, emptied at each start.")] = Path(".floorwalker/demo"),
) -> None:
    """Watch a simulated call centre live: wallboard, alerts, mails and webhooks. Ctrl-C stops all of it."""
    quieten_kafka()
    set_up_logs("error")
    with demo_folder(folder) as there:
        show = Demo(there, seed, history, incident_after, incident_lasts)
        raise typer.Exit(asyncio.run(show.run(port, messages_port)))


class Demo:
    """One demo in a folder. `history`: days of the past; `incident_after`, `incident_lasts`: seconds."""

    def __init__(self, folder: Path, seed: str, history: int, incident_after: float, incident_lasts: float) -> None:
        self._folder = folder
        self._seed = seed
        self._history = history
        self._incident_after = incident_after
        self._incident_lasts = incident_lasts
        self._plan = sample_plan()
        self._began = time.monotonic()

    async def run(self, port: int, messages_port: int) -> int:
        """Run until a signal comes (0) or something is given up (1)."""
        stop = stop_on_signals()
        try:
            async with AsyncExitStack() as stack:
                past = asyncio.create_task(asyncio.to_thread(self._write_past))
                bootstrap = await stack.enter_async_context(kafka_of_ones_own(self._folder / "kafka", stop))
                messages = await sinks.start(
                    self._folder, smtp_port=0, web_port=_port(messages_port), secret=(secret := secrets.token_hex(16))
                )
                stack.push_async_callback(messages.stop)
                config = self._folder / "floorwalker.toml"
                log = self._folder / "queue_log"
                places = Places(
                    self._folder, log, free_port(), free_port(), _port(port), messages.smtp_port, messages.hook, secret
                )
                write_settings(config, places)
                settings = load_settings(config)
                await self._fill_in(past, settings, config, bootstrap, stop)
                supervising = await unless(stop, self._go_live(stack, settings, config, bootstrap))
                if not supervising.done():
                    self._say_where(settings, messages.page)
                    await unless(stop, self._play(settings, bootstrap, log, supervising))
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

    # -- live ----------------------------------------------------------------------------------------------

    async def _go_live(
        self, stack: AsyncExitStack, settings: Settings, config: Path, bootstrap: str
    ) -> "asyncio.Task[Any]":
        """Start all processes and return when the wallboard is served; the task ends when one of them is given up."""
        supervisor = Supervisor(installation(settings, config, 1, bootstrap), tell)
        stack.push_async_callback(supervisor.stop, CHILDREN_STOP)
        await supervisor.start()
        supervising = asyncio.create_task(supervisor.run())
        stack.push_async_callback(_end, [supervising])
        pages = (f"http://127.0.0.1:{settings.service.port}/readyz", f"http://127.0.0.1:{settings.gateway.port}/")
        serving = asyncio.create_task(_until_served(pages))
        try:
            await asyncio.wait([supervising, serving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end([serving])
        return supervising

    async def _play(self, settings: Settings, bootstrap: str, log: Path, supervising: "asyncio.Task[Any]") -> None:
        """Let the calls come, and say what is told of them, until a process is given up."""
        begins = time.time()
        incident = Incident(QUEUE, begins + self._incident_after, self._incident_lasts)
        centre = Centre(self._plan, seed=self._seed, begins=begins, incident=incident)
        at = datetime.fromtimestamp(incident.begins).astimezone()
        err.print(
            f"At {at:%H:%M:%S} the system of queue {QUEUE!r} fails for {self._incident_lasts:.0f} s: watch its tile, "
            "the strip of problems and the messages.\nCtrl-C stops all of it.",
            highlight=False,
        )
        since = int(begins * 1_000)
        running = [
            asyncio.create_task(play(centre, log)),
            asyncio.create_task(say_what_is_told(bootstrap, settings.service.namespace, err, since)),
        ]
        try:
            done, _ = await asyncio.wait([supervising, *running], return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            await _end(running)

    def _say_where(self, settings: Settings, messages: str) -> None:
        self._say("live")
        err.print(
            f"\n  wallboard   http://127.0.0.1:{settings.gateway.port}/\n  messages    {messages}\n", highlight=False
        )

    def _say(self, words: str) -> None:
        err.print(f"{time.monotonic() - self._began:5.1f} s  {words}", highlight=False)


def _port(wanted: int) -> int:
    """The wanted port, or where it is taken (and said so) or 0, a free one."""
    if wanted and is_free(wanted):
        return wanted
    port = free_port()
    if wanted:
        err.print(f"port {wanted} is in use: {port} instead", highlight=False)
    return port


async def _end(tasks: "list[asyncio.Task[Any]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _until_served(pages: tuple[str, ...]) -> None:
    async with aiohttp.ClientSession() as session:
        for page in pages:
            while not await _serves(session, page):  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.1)


async def _serves(session: aiohttp.ClientSession, page: str) -> bool:
    try:
        async with session.get(page) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
