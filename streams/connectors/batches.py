"""Many records in few requests, in order per partition."""

import asyncio

from aiokafka.producer.message_accumulator import BatchBuilder

from streams.connectors.publisher import Publisher

UNCHECKED = 64
"""Batches on their way before the finished ones are looked at."""


class Batches:
    """One open batch per partition. Memory is bounded: a full batch waits until the one before it is sent."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._open: dict[tuple[str, int], BatchBuilder] = {}
        self._sent: list[asyncio.Future[object]] = []

    async def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes, headers: list[tuple[str, bytes]]
    ) -> None:
        """Put one record behind those of its partition. Raises KafkaError when an earlier batch failed."""
        place = (topic, partition)
        batch = self._open.get(place)
        if batch is not None and batch.append(timestamp=None, key=key, value=value, headers=headers) is not None:
            return
        if batch is not None:
            await self._send(place)
        batch = self._open[place] = self._publisher.new_batch()
        batch.append(timestamp=None, key=key, value=value, headers=headers)

    async def flush(self) -> None:
        """Let go what has been put into batches so far."""
        for place in list(self._open):
            await self._send(place)

    async def finish(self) -> None:
        """Wait until all replicas have everything. Raises KafkaError where they don't."""
        await self.flush()
        sent, self._sent = self._sent, []
        await asyncio.gather(*sent)

    async def _send(self, place: tuple[str, int]) -> None:
        self._sent.append(await self._publisher.send_batch(self._open.pop(place), *place))
        if len(self._sent) >= UNCHECKED:
            for future in self._sent:
                if future.done():
                    future.result()
            self._sent = [future for future in self._sent if not future.done()]
