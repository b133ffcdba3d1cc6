"""The simulated centre in real time: what happens is said when its moment has come."""

import asyncio
import time
from collections.abc import Mapping

from agents.cli.demo.senders import Outbox
from streams.simulator import Delivery, House
from streams.simulator.wires.ami import Ami

STEP = 0.05


async def play(house: House, switchboard: Ami, outboxes: Mapping[str, Outbox]) -> None:
    """Have the switchboard and the desks speak as time passes, until cancelled."""
    while True:
        for each in house.run(time.time()):
            if isinstance(each, Delivery):
                outboxes[each.desk].put(each.payload)
            else:
                switchboard.say(each)
        await asyncio.sleep(STEP)
