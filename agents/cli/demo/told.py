"""Says on the terminal what people are told of alerts."""

import asyncio
from zoneinfo import ZoneInfo

from rich.console import Console

from schemas import notifications
from schemas.instants import to_ms
from schemas.notifications import Alert, Notify
from schemas.topics import ALERTS_NOTIFICATIONS, prefix_of
from schemas.unreadable import UNREADABLE
from streams.reader import POLL_MS, committed_reader, from_the_start

_WORDS: dict[Notify, str] = {
    "trigger": "alert",
    "update": "alert grows",
    "repeat": "alert goes on",
    "resolve": "alert ended",
    "retract": "alert withdrawn",
    "brief": "began and ended",
}


async def say_what_is_told(bootstrap: str, namespace: str, console: Console, since: int, zone: ZoneInfo) -> None:
    """Print a line for whatever receivers are to be told of, from the instant `since` (ms) on, until cancelled.
    Times are those of `zone`."""
    async with committed_reader(bootstrap) as reader:
        await from_the_start(reader, [prefix_of(namespace) + ALERTS_NOTIFICATIONS.name])
        while True:
            for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    line = line_of(record.value, since, zone) if record.key else None
                    if line is not None:
                        console.print(line, highlight=False, markup=False, soft_wrap=True)
            await asyncio.sleep(0)


def line_of(value: bytes | None, since: int, zone: ZoneInfo) -> str | None:
    """What is said of one record; None: nothing."""
    try:
        told = notifications.decode(value or b"")
    except UNREADABLE:
        # Of a newer version: the wallboard and the receivers will say.
        return None
    if not isinstance(told, Alert) or told.notify is None or told.mode != "live" or to_ms(told.updated_at) < since:
        return None
    return f"{told.updated_at.astimezone(zone):%H:%M:%S}  {_WORDS[told.notify]}: [{told.severity}] {told.summary}"
