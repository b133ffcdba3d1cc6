"""The port of /healthz, /readyz and /metrics when its process ends."""

from __future__ import annotations

import asyncio

import pytest

from streams import health
from streams.health import Health


@pytest.mark.asyncio
async def test_a_scraper_that_reads_no_more_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "GRACE", 0.01)
    monkeypatch.setattr(health, "generate_latest", lambda: b"x" * (32 << 20))
    served = Health(0, list)
    await served.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"

    async with asyncio.timeout(30):
        await served.stop()

    writer.transport.abort()
