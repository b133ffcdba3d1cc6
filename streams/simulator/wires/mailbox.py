"""A mail account on an IMAP server: what comes lies in INBOX, what its owner wrote in SENT.

Protocol: RFC 3501, RFC 2177 (IDLE). The server is pymap's: mails lie in memory and last as long as it does.
"""

import asyncio
import ssl
from argparse import Namespace
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

from streams.simulator.wires.listener import Listener

INBOX, SENT = "INBOX", "Sent"


class _Config(Config):
    @property
    def greeting(self) -> bytes:
        """Without the machine's name, which takes long to find out where no name server answers."""
        return b"Mailbox ready"


class Mailbox(Listener):
    """The account of one address."""

    def __init__(self, address: str, password: str, port: int = 0) -> None:
        super().__init__(port)
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
        self._imap = IMAPServer(login, config)

    async def start(self) -> None:
        """Begin to listen. Raises OSError where the port is taken."""
        await self._owner.set(self._user)
        async with self._owner.new_session() as session:
            await session.create_mailbox(SENT)
        await super().start()

    async def take(self, mail: bytes, at: float) -> None:
        """Have a mail lie there, as one that came at a time (seconds since the epoch)."""
        _, sender = parseaddr(BytesHeaderParser().parsebytes(mail).get("From", ""))
        message = AppendMessage(mail, datetime.fromtimestamp(at, UTC))
        async with self._owner.new_session() as session:
            await session.append_messages(SENT if sender == self._address else INBOX, [message])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One mail program."""
        await self._imap(reader, writer, SocketInfoLocal(writer))
