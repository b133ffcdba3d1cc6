"""What `up`, `backfill` and `demo` share: a Kafka of their own on this machine, and ends on a signal."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from agents.cli.console import err
from streams.ending import end
from streams.health import PortTaken
from streams.kafka import EmbeddedKafka
from streams.kafka.ports import is_free

KAFKA_STOPS = 5.0
"""Seconds that Kafka gets to close its data where people wait for the end."""

Result = TypeVar("Result")


class Stopped(Exception):
    """A signal said to stop before all was started."""


def stop_on_signals() -> asyncio.Event:
    """An event that is set by Ctrl-C and SIGTERM, as often as they come."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    return stop


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when `stop` is set. Raises Stopped then, else what `work` raises."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Stopped
        return working.result()
    finally:
        await end(working, stopping)


@asynccontextmanager
async def kafka_of_ones_own(folder: Path, stop: asyncio.Event) -> AsyncIterator[str]:
    """Runs Kafka in `folder` and yields its address. Raises Stopped where it is not up when `stop` is set."""
    began = time.monotonic()
    err.print("starting Kafka (the first time, its program files are downloaded) ...")
    kafka = EmbeddedKafka(folder, notify=err.print)
    await _start(kafka, stop)
    try:
        took = time.monotonic() - began
        err.print(f"Kafka is up at {kafka.bootstrap} after {took:.1f} s; its data is in {folder}", highlight=False)
        yield kafka.bootstrap
    finally:
        await asyncio.to_thread(kafka.stop, KAFKA_STOPS)


async def _start(kafka: EmbeddedKafka, stop: asyncio.Event) -> None:
    # A thread that nobody waits for at the end of the process: a download can't be broken off.
    loop = asyncio.get_running_loop()
    started: asyncio.Future[None] = loop.create_future()
    given_up = threading.Event()

    def finish(error: BaseException | None) -> None:
        if started.done():
            return
        if error is None:
            started.set_result(None)
        else:
            started.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            kafka.start(until=given_up)
        except BaseException as raised:  # noqa: BLE001 - raised where it is waited for
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, error)

    async def until_started() -> None:
        await asyncio.shield(started)

    starting = threading.Thread(target=run, name="kafka-start", daemon=True)
    starting.start()
    try:
        await unless(stop, until_started())
    except Stopped:
        # What it has started is gone when it ends; in a download it has started nothing yet.
        given_up.set()
        await asyncio.to_thread(starting.join, KAFKA_STOPS)
        await asyncio.to_thread(kafka.stop, KAFKA_STOPS)
        raise


def refuse_taken(port: int, setting: str) -> None:
    """Raises PortTaken where another program listens on this port of ours; 0, any free one, is never taken."""
    if port and not is_free(port):
        raise PortTaken(f"127.0.0.1:{port} is in use: choose another {setting}, or end what listens there")
