"""What the kinds `smtp` and `lmtp` have in common: a server that takes mail in and passes none on.

Sources: RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3207
(STARTTLS), RFC 3463 (status codes).

A mail ends with a dot between CR LF and CR LF and with nothing else; all else in it stays as it came.
"""

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from schemas.topics import LARGEST_RECORD, MIB
from streams.connectors.feed import Feed, Inlet, Said, Terms
from streams.connectors.feeds._mails import INTAKE_SETTINGS, listed, message_id
from streams.connectors.keeping import NotKept
from streams.durations import FORM, parse_seconds
from streams.hosts import is_loopback

log = structlog.get_logger()

RECIPIENTS, CERTIFICATE, KEY, TIMEOUT = "recipients", "certificate", "key", "timeout"
SETTING_NAMES = (RECIPIENTS, CERTIFICATE, KEY, TIMEOUT, *INTAKE_SETTINGS)

LARGEST_MAIL = LARGEST_RECORD - MIB
"""Bytes of the largest mail that is taken."""

MOST_SESSIONS = 50
MOST_RECIPIENTS = 100
MOST_BYTES = 256 * MIB
"""Bytes of mails that are being received, of all sessions."""

RELOAD_SECONDS = 3_600.0
"""Seconds between two readings of the certificate."""

_TIMEOUT = 300.0
_LONGEST_PIECE = 64 * 1024
_LONGEST_COMMAND = 2_048
_STOP_SECONDS = 1.0

_TOO_LARGE = f"552 5.3.4 A mail may have {LARGEST_MAIL} bytes"
_CROWDED = "452 4.3.1 Too much at once, try again later"
_AWAY = "451 4.3.0 It could not be kept now, try again later"


class MailSession(SMTP):
    """A connection of somebody who brings mail. `replies_each`: a mail is answered once for each recipient."""

    line_length_limit = _LONGEST_PIECE
    replies_each = False

    def __init__(self, listener: "MailListener", **more: Any) -> None:
        self.command_size_limits = defaultdict(lambda: _LONGEST_COMMAND)
        self._listener = listener
        super().__init__(_Hooks(listener), **more)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there, or has encrypted the connection."""
        is_new = self not in self._listener.sessions
        if is_new and len(self._listener.sessions) >= MOST_SESSIONS:
            # Several were accepted before the first of them was here.
            _Crowded().connection_made(transport)
            return
        self._listener.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody is there any more."""
        if self in self._listener.sessions:
            self._listener.sessions.discard(self)
            super().connection_lost(error)

    async def end(self) -> None:
        """Let go of the connection: what was not answered was not taken."""
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined] # every transport of a stream has it
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
            await asyncio.wait({self._handler_coroutine}, timeout=_STOP_SECONDS)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - the library's name
        """A mail: answered when it lasts."""
        if await self.check_helo_needed():
            return
        envelope = self.envelope
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        answer = await self._taken(envelope)
        replies = len(envelope.rcpt_tos) if self.replies_each else 1
        self._set_post_data_state()  # type: ignore[no-untyped-call] # the library's
        await self.push("\r\n".join([answer] * replies))

    async def _taken(self, envelope: Envelope) -> str:
        """The answer to a mail."""
        content = bytearray()
        problem: str | None = None
        try:
            async for piece in self._pieces():
                if problem is None and len(content) + len(piece) > LARGEST_MAIL:
                    problem = _TOO_LARGE
                if problem is None and not self._listener.has_room(len(piece)):
                    problem = _CROWDED
                if problem is not None:
                    self._listener.receiving -= len(content)
                    content.clear()
                    continue
                content += piece
                self._listener.receiving += len(piece)
            return problem or await self._listener.keep(bytes(content), envelope)
        finally:
            self._listener.receiving -= len(content)

    async def _pieces(self) -> AsyncIterator[bytes]:
        """What comes up to the line that is a dot alone, without the dots that were put in front of lines."""
        begins = True
        while True:
            try:
                piece, ended = await self._reader.readuntil(b"\r\n"), True
            except asyncio.LimitOverrunError as error:
                piece, ended = await self._reader.readexactly(error.consumed), False
            if begins and piece == b".\r\n":
                return
            yield piece[1:] if begins and piece.startswith(b".") else piece
            begins = ended


class _Crowded(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()


class _Hooks:
    """What the library asks on its way."""

    def __init__(self, listener: "MailListener") -> None:
        self._listener = listener

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # Nobody logs in here.
        return [each for each in responses if not each.startswith("250-AUTH")]

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self._listener.is_recipient(address):
            return "550 5.1.1 No mail is taken for this address"
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        log.error("feeds.mail_session_failed", source=self._listener.terms.source, error=type(error).__name__)
        return "451 4.3.0 A fault, try again later"


class MailListener(Feed):
    """Listens for mail. `port`: where, once it listens; `receiving`: bytes of mails under way."""

    protocol: type[MailSession]

    def __init__(self, terms: Terms, inlet: Inlet) -> None:
        super().__init__(terms, inlet)
        self.sessions: set[MailSession] = set()
        self.receiving = 0
        self.port = 0
        self._recipients = frozenset(each.lower() for each in listed(terms.settings, RECIPIENTS))
        self._timeout = parse_seconds(terms.settings.get(TIMEOUT, _TIMEOUT))
        self._context: ssl.SSLContext | None = None

    async def session(self) -> None:
        """Listen, until cancelled."""
        terms = self.terms
        self._context = None if terms.security == "none" else ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if self._context is not None:
            self._load_certificate(self._context)
        server = await asyncio.get_running_loop().create_server(
            self._accepted, terms.host, terms.port, ssl=self._context if terms.security == "tls" else None
        )
        try:
            self.port = server.sockets[0].getsockname()[1]
            self.inlet.reached(yes=True)
            log.info("feeds.listening", source=terms.source, port=self.port)
            while True:
                await asyncio.sleep(RELOAD_SECONDS)
                self._renew_certificate()
        finally:
            server.close()
            await asyncio.gather(*(each.end() for each in tuple(self.sessions)))

    def is_recipient(self, address: str) -> bool:
        """Whether mail for an address is taken. What follows a plus is not compared."""
        if not self._recipients:
            return True
        local, _, domain = address.lower().rpartition("@")
        return not self._recipients.isdisjoint(
            {f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}", f"@{domain}"}
        )

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more may be received now."""
        return self.receiving + size <= MOST_BYTES

    async def keep(self, mail: bytes, envelope: Envelope) -> str:
        """The answer to a mail: success when it lasts."""
        headers = {
            "mail-sender": _plain((envelope.mail_from or "").strip("<>")),
            "mail-recipients": ",".join(map(_plain, envelope.rcpt_tos)),
            "mail-received": str(time.time_ns() // 1_000_000),
        }
        try:
            await self.inlet.keep(mail, id=message_id(mail), headers=headers)
        except NotKept:
            return _AWAY
        return "250 2.0.0 It is kept"

    def _accepted(self) -> asyncio.BaseProtocol:
        if len(self.sessions) >= MOST_SESSIONS:
            return _Crowded()
        by_command = self._context if self.terms.security == "starttls" else None
        return self.protocol(
            self,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname="floorwalker",
            ident="mail in",
            tls_context=by_command,
            require_starttls=by_command is not None,
            timeout=self._timeout,
            loop=asyncio.get_running_loop(),
        )

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        """Read the certificate. Raises OSError."""
        # Without a password the library would ask for one, and wait for it.
        context.load_cert_chain(self.terms.settings[CERTIFICATE], self.terms.settings[KEY], password="")

    def _renew_certificate(self) -> None:
        """Read the certificate, which may have been renewed; one that can't be read leaves the old one."""
        if self._context is None:
            return
        try:
            # What fails half way would leave a context without a key.
            self._load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            self._load_certificate(self._context)
        except OSError as error:
            log.error("feeds.certificate_not_renewed", source=self.terms.source, error=str(error))


def faults(said: Said) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the settings of a feed that listens for mail."""
    if not listed(said.settings, RECIPIENTS) and not is_loopback(said.host):
        message = "who can reach it from other machines needs `recipients`: addresses, or '@shop.example' for a domain"
        yield ("settings",), message
    for name in (CERTIFICATE, KEY):
        if said.security != "none" and name not in said.settings:
            yield ("settings",), f"security {said.security!r} also needs {name}, the path of a file"
    yield from _timeout_faults(said.settings)


def _timeout_faults(settings: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    try:
        if parse_seconds(settings.get(TIMEOUT, _TIMEOUT)) <= 0:
            raise ValueError("0 is too short")
    except ValueError as error:
        yield ("settings", TIMEOUT), f"{error}; allowed: {FORM}, more than 0"


def _plain(address: str) -> str:
    """An address as UTF-8 can hold it, without commas."""
    return address.encode("utf-8", "replace").decode().replace(",", " ")
