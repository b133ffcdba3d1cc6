"""A mailbox of a real IMAP server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from schemas.topics import LARGEST_RECORD, MIB
from streams.connectors.feeds import _imap_connection
from streams.connectors.feeds.imap import KIND
from streams.connectors.lines import HEAD
from tests.contract.feed_kit import FeedStand, Told
from tests.contract.feeds._threads import CONVERSATION, NO_UTF8, SETTINGS, TORN, UNKNOWN, large
from tests.integration.mail_kit import PASSWORD, USER, dovecot, until
from tests.integration.peer import Peer


class Wire(Peer):
    """The way to a server at the port `to`. `cut_in`: it ends in the middle of this, where the server says it.
    `said`: bytes that the server said."""

    def __init__(self, to: int) -> None:
        super().__init__()
        self.cut_in = b""
        self.said = 0
        self._to = to

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(self._carry(reader, ours), self._carry(theirs, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                self.said += len(data) * (writer in self.writers)
                if self.cut_in and self.cut_in in data:
                    writer.write(data[: data.index(self.cut_in) + len(self.cut_in) // 2])
                    self.cut_in = b""
                    break
                writer.write(data)
                await writer.drain()
        writer.close()


class ImapStand(FeedStand):
    """A kind of feed: `imap`."""

    name, kind, format, channel = "imap", KIND, KIND.format, "email"
    secrets, secret = {"user": USER, "password": PASSWORD}, "password"
    settings: Mapping[str, str] = {**SETTINGS, "from": "beginning"}
    refusal = "the server refuses user and password"
    headers = ("mail-mailbox", "mail-uid", "mail-uidvalidity", "mail-received")
    keeps_heads = True
    limit = HEAD
    conversation, unknown, no_utf8, torn = CONVERSATION, UNKNOWN, NO_UTF8, TORN

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._stack = ExitStack()

    async def start(self) -> None:
        self._stack.enter_context(pytest.MonkeyPatch.context()).setattr(_imap_connection, "REFUSED_SECONDS", 0.1)
        self.server = await asyncio.to_thread(self._stack.enter_context, dovecot())
        self.wire = Wire(self.server.port)
        await self.wire.start()
        self.port = self.wire.port

    async def stop(self) -> None:
        await self.wire.stop()
        await asyncio.to_thread(self._stack.close)

    async def say(self, *told: Told) -> None:
        await asyncio.to_thread(self.server.deliver, *(each.payload for each in told))

    async def cut(self, told: Told) -> None:
        self.wire.cut_in = told.payload
        await self.say(told)
        await until(lambda: self.was_told("feeds.broken"), "the loss said")

    async def resume(self, told: Told) -> None:
        """The mail is still there."""

    async def overflow(self) -> None:
        await asyncio.to_thread(self.server.deliver, large(LARGEST_RECORD))
        await self.has(1)
        assert 0 < self.wire.said < self.limit + MIB

    async def hang_up(self) -> None:
        self.wire.hang_up()

    async def again(self) -> None:
        """It asks for all itself."""


STANDS = (ImapStand,)
