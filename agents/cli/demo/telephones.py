"""The simulated centre in real time: its lines are written when their second has come."""

import asyncio
import time
from pathlib import Path

from streams.simulator import Centre

STEP = 0.05


async def play(centre: Centre, log: Path) -> None:
    """Write the centre's lines to `log` as time passes, until cancelled."""
    with log.open("ab", buffering=0) as file:
        while True:
            lines = "".join(centre.run(time.time())).encode()
            if lines:
                file.write(lines)
            await asyncio.sleep(STEP)
