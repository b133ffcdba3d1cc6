"""A mail account on an IMAP server: what comes lies in INBOX, what its owner wrote in SENT.

Protocol: RFC 3501, RFC 2177 (IDLE). The server is pymap's: mails lie in memory and last as long as it does.
"""

import asyncio
import ssl
from argparse import Namespace
from contextlib import suppress
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.utils import parseaddr

from proxyprotocol.noop import ProxyProtocolNoop
from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import Config, Login
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

INBOX, SENT = "INBOX", "Sent"


class _Config(Config):
    @property
    def greeting(self) -> bytes:
        """Without the machine's name, which takes long to find out where no name server answers."""
        return b"Mailbox ready"


class Mailbox:
    """The account of one address, on loopback. Port 0 takes any free one."""

    def __init__(self, address: str, password: str, port: int = 0) -> None:
        self.port = port
        self._address = address
        config = _Config(
            Namespace(),
            host=None,
            port=port,
            demo_data=False,
            demo_user=address,
            demo_password=password,
            hash_context=Cleartext(),
            proxy_protocol=ProxyProtocolNoop(),
            # A context of its own keeps the library from certificates that the environment names.
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            tls_enabled=False,
        )
        self._user = UserMetadata(config, address, password=password)
        login = Login(config)
        self._owner = login.demo_user_identity
        self._answer = IMAPServer(login, config)
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen. Raises OSError where the port is taken."""
        await self._owner.set(self._user)
        async with self._owner.new_session() as session:
            await session.create_mailbox(SENT)
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

    async def take(self, mail: bytes, at: float) -> None:
        """Have a mail lie there, as one that came at a time (seconds since the epoch)."""
        _, sender = parseaddr(BytesHeaderParser().parsebytes(mail).get("From", ""))
        message = AppendMessage(mail, datetime.fromtimestamp(at, UTC))
        async with self._owner.new_session() as session:
            await session.append_messages(SENT if sender == self._address else INBOX, [message])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections[writer] = task
        try:
            with suppress(OSError, ValueError):  # Whoever it was is gone, or speaks something else.
                await self._answer(reader, writer, SocketInfoLocal(writer))
        finally:
            self._connections.pop(writer, None)
            writer.close()
