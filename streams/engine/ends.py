"""Where partitions end, by the word of their leaders.

What a fetch brought can't say that nothing more stands in a partition. A broker that has handed its partition over
answers fetches on as the follower that it now is (Kafka 2.4 and later, KIP-392), also while it shuts down and follows
nobody. And a new leader hides for a moment what it has not yet heard its followers have (KIP-207). A false 'nothing
more' lets clocks pass over records that are durable, and declares breaches that were none.

So fetches are sent in a version that only leaders answer, and the end is asked for by ListOffsets, which a new leader
answers only once its high watermark stands above the beginning of its epoch.
"""

import asyncio
import time
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetResetStrategy

from streams.reader import is_cancelled

LOOK_INTERVAL = 0.1
"""Seconds between two questions: so much older than now may be what a task says of its input."""
PATIENCE = 2.0
"""Seconds after which a broker has not answered."""

LEADERS_ONLY = tuple(each for each in FetchRequest._CLASSES if each.API_VERSION < 11)
"""Versions of a fetch that a follower refuses."""


class Ends:
    """The ends of a consumer's partitions, asked for again and again. `run` is a task of the consumer's own loop; what
    was heard may be read from any thread."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._heard: dict[TopicPartition, tuple[int, int]] = {}

    def of(self, tp: TopicPartition) -> tuple[int, int] | None:
        """The stable end as last heard of, and when it was asked for (ms): when, not heard, for a process that stood
        still in between knows nothing newer."""
        return self._heard.get(tp)

    def forget(self, tp: TopicPartition) -> None:
        """It is read from another place on."""
        self._heard.pop(tp, None)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            await self.look()

    async def look(self) -> None:
        """Ask the leaders of all assigned partitions once. What can't be heard is asked again at the next look."""
        client, stale = self._consumer._client, False
        by_leader: dict[int, dict[str, list[tuple[int, int]]]] = {}
        for tp in self._consumer.assignment():
            leader = client.cluster.leader_for_partition(tp)
            if leader is None or leader == -1:
                stale = True
            else:
                topics = by_leader.setdefault(leader, {})
                topics.setdefault(tp.topic, []).append((tp.partition, OffsetResetStrategy.LATEST))
        if stale:
            client.force_metadata_update()
        await asyncio.gather(*(self._ask(leader, partitions) for leader, partitions in by_leader.items()))

    async def _ask(self, leader: int, partitions: dict[str, list[tuple[int, int]]]) -> None:
        asked = int(time.time() * 1000)
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._consumer._fetcher._proc_offset_request(leader, partitions)
        except KafkaError as error:
            if error.invalid_metadata:
                self._consumer._client.force_metadata_update()
        except TimeoutError:
            return
        except asyncio.CancelledError:
            # The client cancels what waits on a connection that it gives up: only a word to this task ends it.
            if is_cancelled():
                raise
        else:
            self._heard.update({tp: (offset, asked) for tp, (offset, _) in found.items()})
