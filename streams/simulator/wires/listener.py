"""What the simulated tools that are listened to have in common: a port on loopback, and connections to hang up on."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress


class Listener(ABC):
    """A server on loopback. Port 0 takes any free one. Of a connection 64 KiB are read ahead, asyncio's own limit."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        connections = dict(self._connections)
        for writer in connections:
            writer.close()
        await asyncio.gather(*connections.values(), return_exceptions=True)

    @abstractmethod
    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it is over. It may raise OSError and ValueError: whoever it was is gone, or speaks
        something else."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections[writer] = task
        try:
            with suppress(OSError, ValueError):
                await self.answer(reader, writer)
        finally:
            self._connections.pop(writer, None)
            writer.close()
