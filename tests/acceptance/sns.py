"""The host of SNS's certificates as a gateway reaches it: through a proxy of the test's own, on loopback."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.mail_kit import certificate


class Sns:
    """A proxy that leads to one host and no other, and is that host as well: it has one file. `address`: of that file;
    `content`: what stands there; `asked`: hosts that somebody wanted to be led to."""

    def __init__(self, folder: Path, address: str, content: bytes) -> None:
        self.asked: list[str] = []
        url = urlsplit(address)
        self._place = f"{url.hostname}:443"
        self._path = url.path
        self._content = content
        folder.mkdir()
        self._authority, key = certificate(folder, url.hostname)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self._authority, key)
        self._server: asyncio.Server | None = None

    async def start(self, patch: pytest.MonkeyPatch) -> None:
        """Be there, and have every program that starts from now on go this way."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        # In lower case they win over those in upper case.
        patch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        patch.setenv("no_proxy", "127.0.0.1")
        patch.setenv("SSL_CERT_FILE", str(self._authority))

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            method, place = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)[:2]
            self.asked.append(place)
            if (method, place) != ("CONNECT", self._place):
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._context)
            path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)[1]
            status, content = ("200 OK", self._content) if path == self._path else ("404 Not Found", b"")
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + content)
            await writer.drain()
        finally:
            writer.close()
