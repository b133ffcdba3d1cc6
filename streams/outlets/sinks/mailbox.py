"""A mail server on loopback that keeps every mail as a file."""

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from streams.outlets.sinks.files import keep

LARGEST = 1 << 20


class Mailbox:
    """Takes mail for anybody on 127.0.0.1 and writes each as .eml into `folder`. Port 0 takes any free one."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen. Raises OSError where the port is taken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening; what came stays."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _protocol(self) -> SMTP:
        return SMTP(self, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="localhost", ident="Floorwalker sink")

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        """Keep one mail; called by the SMTP server."""
        content: Any = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        name = f"{time.time_ns() // 1_000_000}-{hashlib.sha256(data).hexdigest()[:16]}.eml"
        keep(self.folder / name, data)
        return "250 Kept"
