"""How tasks are ended: one way for all of them."""

import asyncio
from typing import Any

AGAIN = 30.0
"""Seconds after which a task that was cancelled and goes on is cancelled once more: what it still writes, such as what
a feed has read, takes less."""


async def end(*tasks: "asyncio.Future[Any]", again: float = AGAIN) -> None:
    """Cancel tasks and wait until they are over, whatever they come to.

    Once may not be enough: a library may take the cancellation for that of what it waits for, as `asyncio.wait_for` of
    Python 3.11 does where both come at once. `again`: seconds between two.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=again)
    # An error that nobody asks for would be logged as one that nobody knows of.
    await asyncio.gather(*tasks, return_exceptions=True)
