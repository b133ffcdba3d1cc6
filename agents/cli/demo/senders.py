"""The tools of the simulated desks send what they have to say, each in order, again and again until it is taken."""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

import aiohttp
import aiosmtplib

from streams.simulator.wires import Payload, Webhook
from streams.simulator.wires.mailbox import Mailbox

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0
TIMEOUT = 15.0


class Refused(ConnectionError):
    """What a tool sent was refused for good: the simulation and the connectors do not understand each other."""


class Sender(Protocol):
    """Sends one payload. Returns False where it was not taken now. Raises Refused."""

    async def send(self, payload: Payload) -> bool:
        """See above."""


class Poster:
    """Posts webhooks to the gateway. `url`: of the source."""

    def __init__(self, session: aiohttp.ClientSession, wire: Webhook, url: str) -> None:
        self._session = session
        self._wire = wire
        self._url = url

    async def send(self, payload: Payload) -> bool:
        """By POST, signed anew at each try."""
        headers = self._wire.headers(payload, int(time.time()))
        try:
            async with self._session.post(
                self._url, data=payload.body, headers=headers, timeout=aiohttp.ClientTimeout(TIMEOUT)
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError):
            return False
        if 400 <= status < 500 and status not in (408, 429):
            raise Refused(f"{self._url} answered {status}")
        return status < 300


class Mailer:
    """Brings mails by SMTP to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def send(self, payload: Payload) -> bool:
        """One mail, in a session of its own."""
        try:
            async with aiosmtplib.SMTP(
                hostname="127.0.0.1", port=self._port, timeout=TIMEOUT, start_tls=False, local_hostname="demo.example"
            ) as server:
                await server.sendmail(payload.sender, [payload.recipient], payload.body)
        except aiosmtplib.SMTPResponseException as error:
            if error.code >= 500:
                raise Refused(f"the mail server answered {error.code} {error.message}") from None
            return False
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return False
        return True


class Filer:
    """Has mails lie in a mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def send(self, payload: Payload) -> bool:
        """One mail: it comes now."""
        await self._mailbox.take(payload.body, time.time())
        return True


class ByRecipient:
    """Sends each mail in the way of its recipient."""

    def __init__(self, ways: Mapping[str, Sender]) -> None:
        self._ways = ways

    async def send(self, payload: Payload) -> bool:
        """One mail."""
        return await self._ways[payload.recipient].send(payload)


class Outbox:
    """What one tool has yet to send, in order."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._waiting: asyncio.Queue[Payload] = asyncio.Queue()

    def put(self, payload: Payload) -> None:
        """Have it sent."""
        self._waiting.put_nowait(payload)

    async def run(self) -> None:
        """Send, until cancelled. Raises Refused."""
        while True:
            await self._send(await self._waiting.get())

    async def _send(self, payload: Payload) -> None:
        pause = FIRST_PAUSE
        while not await self._sender.send(payload):
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
