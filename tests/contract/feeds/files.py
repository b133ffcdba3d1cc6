"""Files: Asterisk's queue_log as it grows, and mails in files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest
from aiokafka.errors import KafkaConnectionError

from agents.intake.formats import format_named
from agents.intake.mail_format import MailFormat
from schemas.topics import LARGEST_RECORD
from streams.connectors import tail
from streams.connectors.line_records import LineRecord
from streams.connectors.mail_files import mail_files, mail_steps
from tests.contract.feed_kit import SOURCE, Stand, Told
from tests.contract.feeds._threads import CONVERSATION, NO_UTF8, SETTINGS, TORN, UNKNOWN, large
from tests.integration.mail_kit import Shelf, until

TRUSTED = "who may write the file is trusted"


class Publisher:
    """Takes records to a shelf, as the one of a tail takes them to Kafka."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is on its way."""

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        try:
            return await self._shelf.send(record)
        except OSError as error:
            raise KafkaConnectionError(str(error)) from None


def line(second: int, event: str, *more: str) -> bytes:
    return "|".join((str(1_792_490_400 + second), "1792490399.42", "support", *more[:1], event, *more[1:])).encode()


JOINED = line(0, "ENTERQUEUE", "NONE", "", "+4930901820", "1")
ANSWERED = line(12, "CONNECT", "Tom Öde", "12", "1792490409.45", "3")
OVER = line(40, "COMPLETECALLER", "Tom Öde", "12", "28", "1")


class QueueLogStand(Stand):
    """A file that is followed: Asterisk's `queue_log`."""

    name, format, channel = "queue_log", "asterisk-queue-log", "phone"
    headers = ("file", "line", "ordinal")
    keeps_heads = True
    waits = "tail.waits"
    beyond: Mapping[str, str] = {
        "bad signature": TRUSTED,
        "duplicate": "equal lines of one second are different events: Asterisk gives them no ids",
    }
    conversation = (
        Told(JOINED, ("contact.created", "contact.offered")),
        Told(ANSWERED, ("contact.answered",)),
        Told(OVER, ("contact.ended",)),
    )
    unknown = Told(line(1, "POLISHED", "NONE"), ("ignored", "unlisted_event"))
    no_utf8 = Told(ANSWERED.replace("Ö".encode(), b"\xff\xfe"), ("failed", "syntax"))
    torn = Told(JOINED[: len(JOINED) // 2], ("failed", "syntax"))

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "queue_log"

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        following = tail.Tail(
            bootstrap="",
            namespace="",
            path=self._path,
            format=format_named(self.format),
            source=SOURCE,
            cursor=self.data / "cursor",
            poll=0.01,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tail, "Publisher", lambda *_: Publisher(self.shelf))
            task = asyncio.create_task(following.run())
            try:
                yield
            finally:
                following.stop()
                await asyncio.wait_for(task, 10)

    async def say(self, *told: Told) -> None:
        self._write(b"".join(each.payload + b"\n" for each in told))

    async def cut(self, told: Told) -> None:
        self._write(told.payload[: len(told.payload) // 2])
        await until((self.data / "cursor").exists, "it was looked at")

    async def resume(self, told: Told) -> None:
        self._write(told.payload[len(told.payload) // 2 :] + b"\n")

    async def overflow(self) -> None:
        self._write(b"x" * (LARGEST_RECORD + 1) + b"\n")
        await self.has(1)

    async def again(self) -> None:
        """It reads the file from its beginning."""

    def _write(self, data: bytes) -> None:
        with self._path.open("ab") as log:
            log.write(data)


class EmlStand(Stand):
    """Mails in files of their own: `.eml`."""

    name, format, channel = "eml", "mail", "email"
    settings = SETTINGS
    headers: tuple[str, ...] = ("file",)
    keeps_heads = True
    beyond: Mapping[str, str] = {
        "bad signature": TRUSTED,
        "truncated": "a file has no frame: what is cut off is a shorter mail",
        "Kafka away": "a replay waits for Kafka and reads on: tests/integration/test_replay.py",
    }
    conversation, unknown, no_utf8, torn = CONVERSATION, UNKNOWN, NO_UTF8, TORN
    before, behind = b"", b""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        yield

    async def say(self, *told: Told) -> None:
        for each in told:
            self._read(each.payload)

    async def overflow(self) -> None:
        self._read(large(LARGEST_RECORD))

    async def again(self) -> None:
        await self.say(*self.conversation)

    def _read(self, mail: bytes) -> None:
        path = self.folder / f"{len(self.shelf.records)}.{self.name}"
        path.write_bytes(self.before + mail + self.behind)
        self.shelf.records += [step.record for step in mail_steps(mail_files([path]), MailFormat(), SOURCE)]


class MboxStand(EmlStand):
    """Mails in one file: an mbox."""

    name = "mbox"
    headers = ("file", "line")
    before, behind = b"From ana@kunde.example Tue Oct 20 10:00:00 2026\n", b"\n"


STANDS = (QueueLogStand, EmlStand, MboxStand)
