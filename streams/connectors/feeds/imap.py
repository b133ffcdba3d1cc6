"""The kind of feed `imap`: mailboxes, read and never changed. A connection for each mailbox.

Sources: RFC 3501 and 9051 (IMAP), RFC 2177 (IDLE).

How far a mailbox was read is kept as UIDVALIDITY and the last UID, after Kafka has what is before it. Where UIDVALIDITY
is another one, all is read again: a mail's id is its Message-ID, so that none counts twice.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from schemas.instants import SECOND
from schemas.topics import MIB
from streams.connectors.cursor import save_whole
from streams.connectors.feed import Feed, FeedBroken, Inlet, Kind, Said, Terms
from streams.connectors.feeds._imap_connection import Connection, Found, Opened
from streams.connectors.feeds._mails import FORMAT, INTAKE_SETTINGS, listed, message_id
from streams.connectors.feeds._threads import Calls
from streams.durations import FORM, parse_seconds
from streams.hosts import is_loopback

log = structlog.get_logger()

MAILBOXES, FROM, POLL, CA = "mailboxes", "from", "poll", "ca"

_INBOX = "INBOX"
_BEGINNINGS = ("now", "beginning")
_POLL = 300.0
_LONGEST_POLL = 1_680.0  # Servers end what has been idle for 30 minutes.
_SHORTEST_POLL = 0.1
_BATCH = 100
_TRIES = 20
_LARGE = MIB
_STOP_SECONDS = 1.5
_SLACK = 3_600 * SECOND


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """How far a mailbox was read: to `uid`, as long as it has this UIDVALIDITY. `since`: mails that are older and have
    a UID below `again_below` were there before the first start, ms."""

    mailbox: str
    validity: int
    uid: int
    since: int = 0
    again_below: int = 0

    def is_older(self, mail: Found) -> bool:
        """Whether a mail was there before the first start."""
        return mail.uid < self.again_below and mail.received is not None and mail.received < self.since - _SLACK


class PlaceFile:
    """A mailbox's place, in a small JSON file of its own."""

    def __init__(self, folder: Path, mailbox: str) -> None:
        # A mailbox's name may have any character.
        self._path = folder / f"{sha256(mailbox.encode('utf-8', 'replace')).hexdigest()[:16]}.json"

    def load(self) -> Place | None:
        """What was saved last. Raises FeedBroken, OSError."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Place)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise FeedBroken(f"{self._path} can't be read: {error}. Remove it to begin anew") from None

    def save(self, place: Place) -> None:
        """Put it on disk. Raises OSError."""
        save_whole(self._path, msgspec.json.encode(place))


def where_to_go_on(saved: Place | None, mailbox: str, opened: Opened, *, beginning: bool, now: int) -> Place:
    """The place in a mailbox as it is now. `beginning`: whether what is there at the first start is read too. `now`:
    ms."""
    last = opened.following - 1
    if saved is None:
        return Place(
            mailbox=mailbox, validity=opened.validity, uid=0 if beginning else last, since=0 if beginning else now
        )
    if saved.validity == opened.validity:
        return msgspec.structs.replace(saved, uid=min(saved.uid, last))
    return Place(mailbox=mailbox, validity=opened.validity, uid=0, since=saved.since, again_below=opened.following)


class Stuck(NamedTuple):
    """The mail at which the server fails. `tries`: so many times in a row; `error`: the last time."""

    uid: int = 0
    tries: int = 0
    error: str = ""


class Mailbox(Feed):
    """The feed of one mailbox. `large`: held by the one of an account that brings a large mail."""

    def __init__(self, terms: Terms, inlet: Inlet, mailbox: str, large: asyncio.Lock) -> None:
        super().__init__(terms, inlet)
        self._large = large
        self.part = mailbox
        self._file = PlaceFile(terms.folder, mailbox)
        self._poll = parse_seconds(terms.settings.get(POLL, _POLL))
        self._stuck = Stuck()
        self._singly_to = 0
        inlet.reached(yes=False, part=mailbox)

    async def session(self) -> None:
        """Bring what is there and what comes, until the connection breaks."""
        connection, calls = Connection(self.terms, self.part), Calls(f"imap {self.terms.source}")
        try:
            await self._read(connection, calls)
        finally:
            connection.cut()
            if await calls.over(_STOP_SECONDS):
                connection.close()

    async def _read(self, connection: Connection, calls: Calls) -> None:
        saved = await asyncio.to_thread(self._file.load)
        opened = await calls.made(connection.open)
        beginning = self.terms.settings.get(FROM) == "beginning"
        place = where_to_go_on(saved, self.part, opened, beginning=beginning, now=time.time_ns() // 1_000_000)
        if saved is not None and saved.validity != place.validity:
            log.warning("imap.numbered_anew", source=self.terms.source, mailbox=self.part)
            self._stuck, self._singly_to = Stuck(), 0
        # Where nothing says when the first start was, the next one would be the first.
        await asyncio.to_thread(self._file.save if saved is None else self._mark, place)
        self.inlet.reached(yes=True, part=self.part)
        while True:
            while uids := await calls.made(partial(connection.after, place.uid)):
                place = await self._bring(connection, calls, place, uids)
            await calls.made(partial(connection.wait, self._poll))

    async def _bring(self, connection: Connection, calls: Calls, place: Place, uids: list[int]) -> Place:
        """The place behind these mails, once they last."""
        while uids:
            size = 1 if uids[0] <= self._singly_to else _BATCH
            batch, uids = uids[:size], uids[size:]
            begun = place.uid
            try:
                for mail in await self._described(connection, calls, batch):
                    if not place.is_older(mail):
                        async with self._large if mail.size > _LARGE else nullcontext():
                            await self._keep(connection, calls, place, mail)
                    place = msgspec.structs.replace(place, uid=mail.uid)
                place = msgspec.structs.replace(place, uid=batch[-1])
            except BaseException:
                if place.uid != begun:
                    self._mark(place)
                raise
            await asyncio.to_thread(self._mark, place)
        return place

    def _mark(self, place: Place) -> None:
        """Put the place on disk. A full disk keeps nothing from being counted: it is told."""
        try:
            self._file.save(place)
        except OSError as error:
            log.error("feeds.not_marked", source=self.terms.source, part=self.part, error=str(error))

    async def _described(self, connection: Connection, calls: Calls, uids: list[int]) -> list[Found]:
        """Those of these mails that are still there. Where that fails, each is described alone the next time."""
        if len(uids) == 1 and self._is_left_out(uids[0]):
            return []
        try:
            return await calls.made(partial(connection.described, uids))
        except (FeedBroken, OSError) as error:
            self._singly_to = max(self._singly_to, uids[-1])
            if len(uids) == 1:
                self._count_try(uids[0], error)
            raise

    async def _keep(self, connection: Connection, calls: Calls, place: Place, mail: Found) -> None:
        if self._is_left_out(mail.uid):
            return
        try:
            payload = await calls.made(partial(connection.mail, mail))
        except (FeedBroken, OSError) as error:
            self._count_try(mail.uid, error)
            raise
        if payload is None:
            return
        headers = {
            "mail-mailbox": self.part,
            "mail-uid": str(mail.uid),
            "mail-uidvalidity": str(place.validity),
            **({} if mail.received is None else {"mail-received": str(max(mail.received, 0))}),
        }
        # To let go of the connection would have the server hand it out again at each try.
        await self.inlet.insist(payload, id=message_id(payload), headers=headers, size=mail.size)

    def _count_try(self, uid: int, error: Exception) -> None:
        tries = self._stuck.tries if self._stuck.uid == uid else 0
        self._stuck = Stuck(uid, tries + 1, str(error) or type(error).__name__)

    def _is_left_out(self, uid: int) -> bool:
        """Whether the server failed at a mail too often. It is asked on a connection that was made since: the server is
        there."""
        if self._stuck.uid != uid or self._stuck.tries < _TRIES:
            return False
        log.error("imap.left_out", source=self.terms.source, mailbox=self.part, uid=uid, error=self._stuck.error)
        return True


class Imap(Feed):
    """The feeds of all mailboxes of an account: one that breaks leaves the others."""

    def __init__(self, terms: Terms, inlet: Inlet) -> None:
        super().__init__(terms, inlet)
        names = listed(terms.settings, MAILBOXES, _INBOX)
        large = asyncio.Lock()
        self._mailboxes = [Mailbox(terms, inlet, name, large) for name in names]

    @property
    def troubles(self) -> list[str]:
        """Those of all mailboxes."""
        return [trouble for each in self._mailboxes for trouble in each.troubles]

    async def session(self) -> None:
        """Keep up all of them."""
        self.inlet.reached(yes=True)
        async with asyncio.TaskGroup() as tasks:
            for each in self._mailboxes:
                tasks.create_task(each.run())


def faults(said: Said) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the settings of a feed of this kind."""
    if not said.secrets & {"password", "token"}:
        yield ("secrets",), "imap also needs password, or token for XOAUTH2"
    if said.security == "none" and not is_loopback(said.host):
        yield ("security",), "the password would be readable on its way to another machine: 'tls' or 'starttls'"
    yield from _settings_faults(said.settings)


def _settings_faults(settings: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    if not listed(settings, MAILBOXES, _INBOX):
        yield ("settings", MAILBOXES), "no mailbox is named; left out: INBOX"
    if settings.get(FROM, "now") not in _BEGINNINGS:
        yield ("settings", FROM), f"{settings[FROM]!r}: 'now' or 'beginning'"
    try:
        poll = parse_seconds(settings.get(POLL, _POLL))
    except ValueError as error:
        yield ("settings", POLL), f"{error}; allowed: {FORM}"
        return
    if not _SHORTEST_POLL <= poll <= _LONGEST_POLL:
        yield ("settings", POLL), "from 100ms to 28m"


KIND = Kind(
    name="imap",
    format=FORMAT,
    make=Imap,
    secret_names=("user",),
    more_secret_names=("password", "token"),
    setting_names=(MAILBOXES, FROM, POLL, CA, *INTAKE_SETTINGS),
    securities=("tls", "starttls", "none"),
    comes_again=True,
    faults=faults,
)
