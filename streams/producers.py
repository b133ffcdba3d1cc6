"""Kafka producers that nobody waits for any more."""

import asyncio

from aiokafka import AIOKafkaProducer


async def stop_at_once(producer: AIOKafkaProducer) -> None:
    """Disconnect at once; an open transaction is left to the next owner's start or the broker's time-out.

    aiokafka's own way would first wait until all that is under way has been sent or has expired, long after anybody
    wants it.
    """
    producer._closed = True
    # There is none where it could not even start.
    sender = None if producer._sender is None else producer._sender.sender_task
    if sender is not None:
        sender.cancel()
    await producer.client.close()
    if sender is not None:
        await asyncio.wait([sender])
