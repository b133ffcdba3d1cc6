"""Mails that are sent to us by SMTP and LMTP."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Mapping
from pathlib import Path

from streams.connectors.feeds import lmtp, smtp
from streams.connectors.feeds._mail_listener import LARGEST_MAIL, MailListener
from streams.kafka.ports import free_port
from tests.contract.feed_kit import FeedStand, Told
from tests.contract.feeds._threads import CONVERSATION, NO_UTF8, SETTINGS, TORN, UNKNOWN, large
from tests.contract.fixtures._mails import ANA, SUPPORT
from tests.integration.mail_kit import until

ELSEWHERE = "me@elsewhere.example"
LATER = 451


class SmtpStand(FeedStand):
    """A kind of feed: `smtp`. Nobody who brings mail proves who it is: what it is for decides."""

    name, kind, format, channel = "smtp", smtp.KIND, smtp.KIND.format, "email"
    client: type[smtplib.SMTP] = smtplib.SMTP
    settings: Mapping[str, str] = {**SETTINGS, "recipients": SUPPORT}
    headers = ("mail-sender", "mail-recipients", "mail-received")
    arrival = True
    conversation, unknown, no_utf8, torn = CONVERSATION, UNKNOWN, NO_UTF8, TORN

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self._recipient = SUPPORT

    def forge(self, *, yes: bool) -> None:
        self._recipient = ELSEWHERE if yes else SUPPORT

    async def say(self, *told: Told) -> None:
        for each in told:
            assert await self._answer(each.payload) == 250

    async def refused(self) -> None:
        assert await self._answer(CONVERSATION[0].payload) == 550

    async def cut(self, told: Told) -> None:
        listener = self.feed
        assert isinstance(listener, MailListener)
        await until(lambda: listener.port > 0, "somebody listens")
        await asyncio.to_thread(self._begin, told.payload[: len(told.payload) // 2])
        await until(lambda: not listener.sessions, "nobody there")
        assert listener.receiving == 0

    async def overflow(self) -> None:
        assert await self._answer(large(LARGEST_MAIL)) == 552

    async def again(self) -> None:
        await self.say(*self.conversation)

    async def _answer(self, mail: bytes) -> int:
        """What a mail is answered, sent again as long as it is put off."""
        while (code := await asyncio.to_thread(self._sent, mail)) == LATER:  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.05)
        return code

    def _sent(self, mail: bytes) -> int:
        try:
            with self.client("127.0.0.1", self.port, timeout=60) as client:
                client.ehlo()
                client.mail(ANA)
                code, _ = client.rcpt(self._recipient)
                return client.data(mail)[0] if code == 250 else code
        except (ConnectionError, smtplib.SMTPServerDisconnected):
            return LATER

    def _begin(self, mail: bytes) -> None:
        """Send so much of a mail, and go."""
        with self.client("127.0.0.1", self.port, timeout=60) as client:
            client.ehlo()
            client.mail(ANA)
            client.rcpt(self._recipient)
            assert client.docmd("DATA")[0] == 354
            client.send(mail)
            client.close()


class LmtpStand(SmtpStand):
    """A kind of feed: `lmtp`."""

    name, kind, format = "lmtp", lmtp.KIND, lmtp.KIND.format
    client = smtplib.LMTP


STANDS = (SmtpStand, LmtpStand)
