"""Mailboxes: where reading goes on, what a mail is called, and what is sent for a token."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from streams.connectors import feed
from streams.connectors.feed import FeedBroken, Terms
from streams.connectors.feeds import _mail_listener, imap
from streams.connectors.feeds._imap_connection import Connection, Found, Opened
from streams.connectors.feeds._mail_listener import MailSession
from streams.connectors.feeds._mails import listed, message_id
from streams.connectors.feeds._threads import Calls
from streams.connectors.feeds.imap import Imap, Place, PlaceFile, where_to_go_on
from streams.connectors.feeds.smtp import Smtp
from streams.hosts import is_loopback
from tests.integration.mail_kit import certificate, until
from tests.unit.vectors import vector

NOW = 1_792_490_400_000
HOUR = 3_600_000


def place(**changes: object) -> Place:
    return Place(**{"mailbox": "INBOX", "validity": 7, "uid": 40, **changes})  # type: ignore[arg-type]


def go_on(saved: Place | None, opened: Opened, *, beginning: bool = False) -> Place:
    return where_to_go_on(saved, "INBOX", opened, beginning=beginning, now=NOW)


def test_the_first_start_is_behind_what_is_there_or_at_the_beginning() -> None:
    assert go_on(None, Opened(7, 41)) == place(uid=40, since=NOW)
    assert go_on(None, Opened(7, 41), beginning=True) == place(uid=0)
    assert go_on(None, Opened(7, 1)) == place(uid=0, since=NOW)


def test_it_goes_on_where_it_was_whatever_the_setting_says() -> None:
    assert go_on(place(uid=12, since=NOW), Opened(7, 41)) == place(uid=12, since=NOW)
    assert go_on(place(uid=12), Opened(7, 41), beginning=True) == place(uid=12)


def test_a_mailbox_that_has_fewer_mails_than_before_is_read_from_its_end() -> None:
    assert go_on(place(uid=90), Opened(7, 41)) == place(uid=40)


def test_with_another_uidvalidity_all_is_read_again_but_what_was_there_before_the_first_start() -> None:
    again = go_on(place(since=NOW), Opened(8, 100))
    assert again == place(validity=8, uid=0, since=NOW, again_below=100)
    assert again.is_older(Found(3, 10, NOW - 2 * HOUR))
    # Clocks differ, and what has no date may be new.
    assert not again.is_older(Found(3, 10, NOW - HOUR // 2))
    assert not again.is_older(Found(3, 10, None))
    # Moved here later: its date is old, its UID new.
    assert not again.is_older(Found(100, 10, NOW - 2 * HOUR))
    assert not go_on(place(), Opened(8, 100)).is_older(Found(3, 10, 0))


def test_a_place_lasts_in_a_file_of_its_mailbox(tmp_path: Path) -> None:
    first, other = PlaceFile(tmp_path, "INBOX"), PlaceFile(tmp_path, "Ärger/\x00../" + "x" * 300)
    assert first.load() is None
    first.save(place())
    other.save(place(mailbox="other", uid=1))
    assert first.load() == place()
    assert PlaceFile(tmp_path, "INBOX").load() == place()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_place_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    PlaceFile(tmp_path, "INBOX").save(place())
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    with pytest.raises(FeedBroken, match=r"can't be read: .*Remove it to begin anew"):
        PlaceFile(tmp_path, "INBOX").load()


@pytest.mark.parametrize(
    ("head", "id_"),
    [
        (b"Message-ID: <Fw-2@Kunde.example>\r\n", "Fw-2@Kunde.example"),
        (b"Subject: x\r\nMESSAGE-ID:\r\n <fw-2@kunde.example>\r\nTo: y\r\n", "fw-2@kunde.example"),
        (b"message-id : <fw-2@\r\n\tkunde.example> (a comment)\n", "fw-2@kunde.example"),
        (b"Message-Id: fw-2@kunde.example\n", "fw-2@kunde.example"),
        (b"Message-ID: <\xff@kunde.example>\n", "\ufffd@kunde.example"),
        (b"Message-ID: <" + b"x" * 2_000 + b">\n", "x" * 998),
        (b"X-Message-ID: <no@kunde.example>\n", None),
        (b"Message-ID: \r\nTo: y\r\n", None),
        (b"Message-ID: <1@kunde.example>\r\nMessage-ID: <2@kunde.example>\r\n", None),
        (b"", None),
    ],
)
def test_a_mail_is_called_by_its_message_id_where_it_has_one_of_its_own(head: bytes, id_: str | None) -> None:
    assert message_id(head + b"\r\nMessage-ID: <body@kunde.example>\r\n") == id_


@settings(max_examples=200)
@given(st.binary(max_size=300), st.integers(0, 60))
def test_whatever_a_mail_is_it_has_an_id_that_a_header_can_hold_or_none(mail: bytes, at: int) -> None:
    known = b"From: a@kunde.example\r\nMessage-ID: <fw-2@kunde.example>\r\n\r\n"
    for each in (mail, known[:at] + mail + known[at:]):
        found = message_id(each)
        assert found is None or 0 < len(found.encode()) <= 4 * 998


def test_lists_of_settings_have_commas_and_no_repeats() -> None:
    assert listed({"mailboxes": " INBOX,Sent , ,INBOX"}, "mailboxes") == ("INBOX", "Sent")
    assert listed({}, "mailboxes", "INBOX") == ("INBOX",)


def test_loopback_is_this_machine_alone() -> None:
    assert [host for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1") if not is_loopback(host)] == []
    assert [host for host in ("0.0.0.0", "::", "10.0.0.1", "imap.shop.example", "") if is_loopback(host)] == []


def test_recipients_are_addresses_and_domains_in_any_case_with_anything_behind_a_plus(tmp_path: Path) -> None:
    class Nowhere:
        def reached(self, *, yes: bool, part: str = "") -> None:
            pass

    def taken(asked: str, *addresses: str) -> list[str]:
        terms = Terms("post", "127.0.0.1", 0, "none", {}, {"recipients": asked}, tmp_path)
        listener = Smtp(terms, Nowhere())  # type: ignore[arg-type]
        return [each for each in addresses if listener.is_recipient(each)]

    given_ = ("Support@shop.example", "support+t1@SHOP.example", "x@sales.example", "x@shop.example", "x", "@")
    assert taken("support@shop.example,@Sales.example", *given_) == list(given_[:3])
    assert taken("", *given_) == list(given_)


def test_who_encrypts_the_last_connection_that_there_may_be_is_not_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mail_listener, "MOST_SESSIONS", 1)
    file, key = certificate(tmp_path)
    terms = Terms("post", "127.0.0.1", 0, "starttls", {}, {"certificate": str(file), "key": str(key)}, tmp_path)
    listener = Smtp(terms, Brought())  # type: ignore[arg-type]

    def greeted_again() -> tuple[int, bytes]:
        with smtplib.SMTP("127.0.0.1", listener.port, timeout=30) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(file)))
            return client.ehlo()

    async def scenario() -> tuple[int, bytes]:
        listening = asyncio.create_task(listener.session())
        await until(lambda: listener.port > 0, "listening")
        code, said = await asyncio.to_thread(greeted_again)
        await until(lambda: not listener.sessions, "gone")
        listening.cancel()
        await asyncio.wait({listening})
        return code, said

    assert asyncio.run(scenario())[0] == 250


class Scripted:
    """An IMAP server that answers as told, and hangs up after an answer that says BYE. `heard`: what it was asked,
    without tags."""

    def __init__(self, answers: Callable[[bytes], bytes]) -> None:
        self.heard: list[bytes] = []
        self._answers = answers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        tag = b""
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"* OK ready\r\n")
            for line in lines:
                first, _, command = line.strip().partition(b" ")
                if command:
                    tag = first
                self.heard.append(command or first)
                answer = self._answers(command or first)
                connection.sendall(answer.replace(b"TAG", tag))
                if answer.startswith(b"* BYE"):
                    return


def connection_to(server: Scripted, folder: Path, **secrets: str) -> Connection:
    given_ = {name: (value,) for name, value in secrets.items()} or {"user": ("u",), "password": ("hunter2",)}
    return Connection(Terms("post", "127.0.0.1", server.port, "none", given_, {}, folder), "INBOX")


def usual(command: bytes) -> bytes:
    if command == b"CAPABILITY":
        return b"* CAPABILITY IMAP4rev1 IDLE AUTH=XOAUTH2\r\nTAG OK done\r\n"
    if command.startswith(b"EXAMINE"):
        return b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\n* OK [UIDNEXT 41] fine\r\nTAG OK [READ-ONLY] done\r\n"
    return b"TAG OK done\r\n"


def test_a_token_is_sent_as_xoauth2_wants_it_and_a_refusal_is_told_without_it(tmp_path: Path) -> None:
    known = vector("imap-xoauth2")
    sent = known["expected"].encode()

    def answers(said: bytes) -> bytes:
        if said == b"AUTHENTICATE XOAUTH2":
            return b"+ \r\n"
        if said == sent:
            return b"+ " + base64.b64encode(b'{"status":"400"}') + b"\r\n"
        return b"TAG NO no ya29.floor-test\r\n" if said == b"" else usual(said)

    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path, user=known["user"], token=known["token"])
        with pytest.raises(FeedBroken) as refused:
            connection.open()
        connection.close()
    assert server.heard[-3:] == [b"AUTHENTICATE XOAUTH2", sent, b""]
    assert (str(refused.value), refused.value.wait) == ("the server refuses user and token", 120.0)


def test_a_password_in_any_script_is_sent(tmp_path: Path) -> None:
    def answers(said: bytes) -> bytes:
        return b"+ \r\n" if said == b"AUTHENTICATE PLAIN" else usual(said)

    word = "pässword"
    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path, user="u", password=word)
        assert connection.open() == Opened(7, 41)
        connection.close()
    assert base64.b64encode(f"\0u\0{word}".encode()) in server.heard


def test_the_last_mail_is_not_new_and_what_is_told_beside_an_answer_is_looked_for(tmp_path: Path) -> None:
    searches = [b"* SEARCH 40\r\n* 2 EXISTS\r\n", b"* SEARCH 40 41\r\n", b"* SEARCH 41\r\n"]

    def answers(said: bytes) -> bytes:
        return searches.pop(0) + b"TAG OK done\r\n" if said.startswith(b"UID SEARCH") else usual(said)

    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path)
        assert connection.open() == Opened(7, 41)
        assert connection.after(40) == [41]
        assert connection.after(41) == []
        connection.close()
    asked = [each for each in server.heard if b"SEARCH" in each]
    assert asked == [b"UID SEARCH UID 41:*", b"UID SEARCH UID 41:*", b"UID SEARCH UID 42:*"]


def test_a_mailbox_of_very_many_mails_is_looked_through_in_pieces(tmp_path: Path) -> None:
    def answers(said: bytes) -> bytes:
        if said.startswith(b"EXAMINE"):
            return usual(said).replace(b"UIDNEXT 41", b"UIDNEXT 120000")
        if said.startswith(b"UID SEARCH"):
            return (b"* SEARCH 119999 7\r\n" if b"100001:*" in said else b"* SEARCH\r\n") + b"TAG OK done\r\n"
        return usual(said)

    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path)
        connection.open()
        assert connection.after(0) == [119_999]
        connection.close()
    asked = [each.rpartition(b" ")[2] for each in server.heard if b"SEARCH" in each]
    assert asked == [b"1:50000", b"50001:100000", b"100001:*"]


def test_what_is_told_together_with_the_answer_to_idle_ends_the_wait(tmp_path: Path) -> None:
    def answers(said: bytes) -> bytes:
        return b"+ idling\r\n* 2 EXISTS\r\n" if said == b"IDLE" else usual(said)

    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path)
        connection.open()
        begun = time.monotonic()
        connection.wait(20)
        assert time.monotonic() - begun < 10
        connection.close()
    assert server.heard[-2:] == [b"IDLE", b"DONE"]


def test_a_mail_that_is_not_handed_out_breaks_nothing_else(tmp_path: Path) -> None:
    def answers(said: bytes) -> bytes:
        if b"(RFC822.SIZE" in said:
            date = b"20-Oct-2026 11:58:45 +0200"
            described = b'* 1 FETCH (UID 41 RFC822.SIZE 5 INTERNALDATE "%b")\r\n* 2 FETCH (UID 42 RFC822.SIZE 2)\r\n'
            return described % date + b"TAG OK done\r\n"
        if said.startswith(b"UID FETCH 41 "):
            return b"TAG NO [SERVERBUG] it is broken\r\n"
        if said.startswith(b"UID FETCH 42 "):
            return b"* 2 FETCH (UID 42 BODY[]<0> {2}\r\nhi)\r\nTAG OK done\r\n"
        return usual(said)

    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path)
        connection.open()
        mails = connection.described([41, 42, 43])
        assert mails == [Found(41, 5, 1_792_490_325_000), Found(42, 2, None)]
        with pytest.raises(FeedBroken, match=r"mail 41 of 'INBOX' was not handed out: .*it is broken"):
            connection.mail(mails[0])
        assert connection.mail(mails[1]) == b"hi"
        assert connection.mail(Found(43, 5, None)) is None
        connection.close()
    assert b"UID FETCH 42 (BODY.PEEK[]<0.33554433>)" in server.heard


@pytest.mark.parametrize(
    ("date", "received"),
    [
        (b"20-Oct-2026 11:58:45 +0200", 1_792_490_325_000),
        (b"20-Oct-2026 11:58:45 +9900", None),
        (b"20-Oct-2026 11:58:45 -9900", None),
        (b"40-Oct-2026 11:58:45 +0200", None),
    ],
)
def test_a_mail_whose_date_is_none_has_none(tmp_path: Path, date: bytes, received: int | None) -> None:
    def answers(said: bytes) -> bytes:
        described = b'* 1 FETCH (UID 41 RFC822.SIZE 5 INTERNALDATE "%b")\r\nTAG OK done\r\n' % date
        return described if b"(RFC822.SIZE" in said else usual(said)

    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path)
        connection.open()
        assert connection.described([41]) == [Found(41, 5, received)]
        connection.close()


def test_of_a_server_that_hangs_up_instead_of_handing_out_a_mail_the_mail_is_named(tmp_path: Path) -> None:
    def answers(said: bytes) -> bytes:
        return b"* BYE it is broken\r\n" if said.startswith(b"UID FETCH") else usual(said)

    with Scripted(answers) as server:
        connection = connection_to(server, tmp_path)
        connection.open()
        with pytest.raises(FeedBroken, match="mail 41 of 'INBOX' was not handed out"):
            connection.mail(Found(41, 5, None))
        connection.close()


@pytest.mark.parametrize("nonsense", [b"* SEARCH x y\r\nTAG OK done\r\n", b"TAG BAD what\r\n", b"\xff\xff\r\n"])
def test_an_answer_that_is_none_breaks_the_connection_alone(tmp_path: Path, nonsense: bytes) -> None:
    with Scripted(lambda said: nonsense if b"SEARCH" in said else usual(said)) as server:
        connection = connection_to(server, tmp_path)
        connection.open()
        with pytest.raises(FeedBroken):
            connection.after(40)
        connection.close()


class Handing:
    """A connection that hands out one mail for each mailbox. `at_once`: so many of them under way; until they are, each
    waits for the others."""

    under_way = 0
    at_once = 0
    news = threading.Condition()

    def __init__(self, size: int, at_once: int = 1) -> None:
        self._size = size
        self._at_once = at_once

    def described(self, uids: list[int]) -> list[Found]:
        return [Found(uid, self._size, None) for uid in uids]

    def mail(self, found: Found) -> bytes:
        with self.news:
            Handing.under_way += 1
            Handing.at_once = max(Handing.at_once, Handing.under_way)
            self.news.notify_all()
            self.news.wait_for(lambda: Handing.at_once >= self._at_once, 30)
        time.sleep(0.05)
        with self.news:
            Handing.under_way -= 1
        return b"x"


@pytest.mark.parametrize(("size", "at_once"), [(1 << 20, 3), ((1 << 20) + 1, 1)])
def test_of_the_mailboxes_of_an_account_one_at_a_time_brings_a_large_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, at_once: int
) -> None:
    monkeypatch.setattr(Handing, "at_once", 0)

    class Kept:
        def reached(self, *, yes: bool, part: str = "") -> None:
            pass

        async def insist(self, payload: bytes, **_: object) -> None:
            pass

    async def scenario() -> None:
        terms = Terms("post", "imap.shop.example", 993, "tls", {}, {"mailboxes": "a,b,c"}, tmp_path)
        account = Imap(terms, Kept())  # type: ignore[arg-type]
        bringing = [each._bring(Handing(size, at_once), Calls("x"), place(), [41]) for each in account._mailboxes]  # type: ignore[arg-type]
        assert await asyncio.gather(*bringing) == [place(uid=41)] * 3

    asyncio.run(scenario())
    assert Handing.at_once == at_once


def test_a_full_disk_keeps_no_mail_from_being_brought_and_nobody_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, __: bytes) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(imap, "save_whole", full)
    kept: list[bytes] = []

    class Kept:
        def reached(self, *, yes: bool, part: str = "") -> None:
            pass

        async def insist(self, payload: bytes, **_: object) -> None:
            if len(kept) == 3:
                raise asyncio.CancelledError
            kept.append(payload)

    async def scenario() -> None:
        account = Imap(Terms("post", "imap.shop.example", 993, "tls", {}, {}, tmp_path), Kept())  # type: ignore[arg-type]
        (mailbox,) = account._mailboxes
        handing, calls = Handing(1), Calls("x")
        assert await mailbox._bring(handing, calls, place(), [41, 42]) == place(uid=42)  # type: ignore[arg-type]
        with pytest.raises(asyncio.CancelledError):
            await mailbox._bring(handing, calls, place(uid=42), [43, 44])  # type: ignore[arg-type]

    with capture_logs() as logs:
        asyncio.run(scenario())
    assert [(each["event"], each["error"]) for each in logs] == [("feeds.not_marked", "no space left")] * 2


class Moody:
    """Connections to a mailbox of four mails. `fails`: whether it fails at what it is asked about these mails. `asked`:
    each time somebody asked for mail 3, and how."""

    def __init__(self, fails: Callable[[str, Sequence[int]], bool]) -> None:
        self.asked: list[str] = []
        self._fails = fails

    def __call__(self, *_: object) -> Moody:
        return self

    def open(self) -> Opened:
        self._ask("open", [])
        return Opened(7, 5)

    def after(self, uid: int) -> list[int]:
        return list(range(uid + 1, 5))

    def described(self, uids: list[int]) -> list[Found]:
        self._ask("described", uids)
        return [Found(uid, 1, None) for uid in uids]

    def mail(self, found: Found) -> bytes:
        self._ask("mail", [found.uid])
        return b"%d" % found.uid

    def wait(self, _: float) -> None:
        raise EOFError

    def cut(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _ask(self, what: str, uids: Sequence[int]) -> None:
        if 3 in uids:
            self.asked.append(f"{what} {len(uids)}")
        if self._fails(what, uids):
            raise FeedBroken("the connection was closed")


class Brought:
    """An inlet that takes all. `mails`: what it took."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    def reached(self, *, yes: bool, part: str = "") -> None:
        pass

    async def insist(self, payload: bytes, **_: object) -> None:
        self.mails.append(payload)


def brought(moody: Moody, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], list[int]]:
    """The mails that one session after the other brings until all are read, and the UIDs of those left out."""
    monkeypatch.setattr(imap, "Connection", moody)
    inlet = Brought()
    terms = Terms("post", "imap.shop.example", 993, "tls", {}, {"from": "beginning"}, folder)
    (mailbox,) = Imap(terms, inlet)._mailboxes  # type: ignore[arg-type]

    async def scenario() -> None:
        for _ in range(200):
            with suppress(FeedBroken, EOFError):
                await mailbox.session()
            saved = PlaceFile(folder, "INBOX").load()
            if saved is not None and saved.uid == 4:
                return

    with capture_logs() as logs:
        asyncio.run(scenario())
    return inlet.mails, [each["uid"] for each in logs if each["event"] == "imap.left_out"]


@pytest.mark.parametrize(
    ("fails_at", "asked"),
    [
        ("mail", ["described 4", "mail 1", *["described 2", "mail 1"] * (imap._TRIES - 1), "described 2"]),
        ("described", ["described 4", *["described 1"] * imap._TRIES]),
    ],
)
def test_a_mail_at_which_the_server_hangs_up_each_time_is_left_out_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str, asked: list[str]
) -> None:
    moody = Moody(lambda what, uids: what == fails_at and 3 in uids)
    assert brought(moody, tmp_path, monkeypatch) == ([b"1", b"2", b"4"], [3])
    assert moody.asked == asked


def test_while_a_server_is_away_no_mail_of_it_counts_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = {"mail": imap._TRIES - 1, "open": 100}

    def fails(what: str, uids: Sequence[int]) -> bool:
        if (what == "mail" and uids == [3]) or (what == "open" and left["mail"] == 0):
            left[what] -= 1
            return left[what] >= 0
        return False

    assert brought(Moody(fails), tmp_path, monkeypatch) == ([b"1", b"2", b"3", b"4"], [])


def test_a_mail_that_is_not_handed_out_is_tried_for_some_minutes() -> None:
    pauses = [min(feed.FIRST_PAUSE * 2**number, feed.LONGEST_PAUSE) for number in range(imap._TRIES)]
    assert 300 < sum(pauses) < 900


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"x", b"y" * 40]), max_size=40))
def test_a_mail_is_taken_as_it_was_sent_whatever_its_lines(pieces: list[bytes]) -> None:
    mail = b"".join(pieces) + b"\r\n"
    sent = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in mail.split(b"\r\n"))

    async def taken() -> bytes:
        session = MailSession.__new__(MailSession)
        session._reader = asyncio.StreamReader(limit=16)
        session._reader.feed_data(sent + b".\r\n")
        return b"".join([piece async for piece in session._pieces()])

    assert asyncio.run(taken()) == mail


def test_a_call_that_is_given_up_goes_on_beside_and_is_waited_for() -> None:
    async def scenario() -> None:
        calls, go_on = Calls("test"), threading.Event()
        assert await calls.over(0)
        assert await calls.made(lambda: 7) == 7
        with pytest.raises(ValueError, match="no"):
            await calls.made(lambda: int("no"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(calls.made(lambda: go_on.wait(10)), 0.01)
        assert not await calls.over(0.01)
        go_on.set()
        assert await calls.over(5)

    asyncio.run(scenario())
