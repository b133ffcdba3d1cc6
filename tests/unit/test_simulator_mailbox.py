"""The simulated mailbox, read by the feed of real ones: what lies there is brought verbatim, what comes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streams.connectors.feed import FeedBroken, Terms
from streams.connectors.feeds._imap_connection import Connection
from streams.connectors.feeds.imap import KIND
from streams.connectors.line_records import LineRecord
from streams.simulator.wires.mailbox import INBOX, SENT, Mailbox
from tests.integration.mail_kit import Shelf, running

ADDRESS = "orders@demo.example"
PASSWORD = "of these tests"  # noqa: S105 - of nobody else
AT = 1_792_490_325.0
BOTH = {"mailboxes": f"{INBOX},{SENT}", "from": "beginning"}


def mail(number: int, sender: str = "Ana Kunde <ana@kunde.example>") -> bytes:
    return (
        f"From: {sender}\r\nSubject: Parcel {number}\r\nMessage-ID: <Fw-{number}@kunde.example>\r\n\r\n"
        ".\r\nFröhlich, and without an end of its last line"
    ).encode()


def terms(folder: Path, port: int, password: str = PASSWORD) -> Terms:
    secrets = {"user": (ADDRESS,), "password": (password,)}
    return Terms("mailbox", "127.0.0.1", port, "none", secrets, BOTH, folder / "mailbox")


@asynccontextmanager
async def listening() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox(ADDRESS, PASSWORD)
    await mailbox.start()
    try:
        yield mailbox
    finally:
        await mailbox.stop()


def where(record: LineRecord) -> tuple[bytes, bytes]:
    headers = dict(record.headers)
    return headers["mail-mailbox"], headers["mail-received"]


@pytest.mark.asyncio
async def test_what_lies_there_and_what_comes_is_brought_verbatim_from_where_it_belongs(tmp_path: Path) -> None:
    shelf = Shelf()
    async with listening() as mailbox:
        await mailbox.take(mail(1), AT)
        async with running(KIND, terms(tmp_path, mailbox.port), shelf):
            await shelf.has(1)
            for number, sender in ((2, f"Orders <{ADDRESS}>"), (3, "ben@kunde.example"), (4, ADDRESS)):
                await mailbox.take(mail(number, sender), AT + number)
                await shelf.has(number)
    assert shelf.mails == [
        mail(1),
        mail(2, f"Orders <{ADDRESS}>"),
        mail(3, "ben@kunde.example"),
        mail(4, ADDRESS),
    ]
    assert [where(record) for record in shelf.records] == [
        (b"INBOX", b"1792490325000"),
        (b"Sent", b"1792490327000"),
        (b"INBOX", b"1792490328000"),
        (b"Sent", b"1792490329000"),
    ]


@pytest.mark.asyncio
async def test_a_reader_that_comes_back_finds_what_came_meanwhile_and_nothing_twice(tmp_path: Path) -> None:
    shelf = Shelf()
    async with listening() as mailbox:
        for number in (1, 3):
            await mailbox.take(mail(number), AT)
            async with running(KIND, terms(tmp_path, mailbox.port), shelf):
                await shelf.has(number)
                await mailbox.take(mail(number + 1), AT)
                await shelf.has(number + 1)
    assert shelf.mails == [mail(number) for number in (1, 2, 3, 4)]


@pytest.mark.asyncio
async def test_who_has_another_password_sees_nothing(tmp_path: Path) -> None:
    async with listening() as mailbox:
        connection = Connection(terms(tmp_path, mailbox.port, "another"), INBOX)
        with pytest.raises(FeedBroken, match="refuses user and password"):
            await asyncio.to_thread(connection.open)
        connection.close()


@pytest.mark.asyncio
async def test_it_hangs_up_on_those_who_wait_and_leaves_nothing_running(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    mailbox = Mailbox(ADDRESS, PASSWORD)
    await mailbox.start()
    connection = Connection(terms(tmp_path, mailbox.port), INBOX)
    await asyncio.to_thread(connection.open)
    waiting = asyncio.create_task(asyncio.to_thread(connection.wait, 60.0))
    await asyncio.sleep(0.2)
    await mailbox.stop()
    with pytest.raises(FeedBroken, match="closed"):
        await waiting
    assert asyncio.all_tasks() == before
    connection.close()
