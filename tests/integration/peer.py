"""What the tests' own servers of a protocol have in common: a port that stays, and connections that can be lost."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod


class Peer(ABC):
    """A server on loopback. `writers`: of the connections to which it says what happens."""

    def __init__(self) -> None:
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""

    async def start(self, encrypted: ssl.SSLContext | None = None) -> None:
        """Listen (again, on the same port)."""
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, ssl=encrypted)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and hang up."""
        assert self._server is not None
        self._server.close()
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections to which something is said."""
        for writer in self.writers:
            writer.close()
        self.writers = []

    async def say(self, *parts: bytes) -> None:
        """Say it on all of them."""
        for writer in self.writers:
            writer.write(b"".join(parts))
            await writer.drain()
