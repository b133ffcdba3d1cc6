"""Mails out of files as mailers write them, and what they say: threads, queues, times, and what no person wrote."""

import os
from collections.abc import Mapping
from contextlib import suppress
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.mail import mail_events, read_message
from agents.intake.mail_format import MailFormat
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.webhook import answered, begun
from schemas.events import MessagePosted
from schemas.failures import REFUSED
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from schemas.topics import LARGEST_RECORD
from streams.connectors.line_records import LineRecord
from streams.connectors.lines import HEAD
from streams.connectors.mail_files import mail_files, mail_steps

FORMAT = MailFormat()
READ_AT = 1792490400_000
SENT_AT = 1792490321_000
ANA = ("mailto:ana@kunde.example",)
MAIL = b"""\
From: Ana Kunde <Ana@Kunde.example>
To: support+t4711@shop.example
Subject: Re: Parcel 77
Date: Tue, 20 Oct 2026 11:58:41 +0200
Message-ID: <fw-2@kunde.example>
In-Reply-To: <fw-1@shop.example>
References: <fw-0@kunde.example> <fw-1@shop.example>
Content-Type: text/plain; charset=utf-8

Still nothing here.
"""
CONTACT = contact_id("post", "fw-0@kunde.example")


def parsed(raw: bytes, headers: Mapping[str, bytes] | None = None, **settings: str) -> Parsed:
    return FORMAT.parse(raw, Context("post", headers or {}, read_at=READ_AT, settings=settings))


def message(raw: bytes, headers: Mapping[str, bytes] | None = None, **settings: str) -> MessagePosted:
    told = parsed(raw, headers, **settings)
    assert isinstance(told, Events)
    last = told.events[-1]
    assert isinstance(last, MessagePosted)
    return last


def mail(number: int, *, date: str | None = None, body: str = "Hello") -> bytes:
    when = f"Date: {date or f'Tue, 20 Oct 2026 10:00:{number:02} +0000'}\n"
    return f"From: c{number}@kunde.example\nMessage-ID: <m{number}@x.example>\n{when}\n{body}\n".encode()


def records(*paths: Path) -> list[LineRecord]:
    return [step.record for step in mail_steps(mail_files(paths), FORMAT, "post")]


def headers(record: LineRecord) -> dict[str, bytes]:
    return dict(record.headers)


def test_a_mail_says_the_same_as_that_of_a_webhook() -> None:
    posted = MessagePosted(
        id=event_id("post", "fw-2@kunde.example", "message"),
        time=from_ms(SENT_AT),
        channel="email",
        source="post",
        contact=CONTACT,
        revision=1,
        queue="support@shop.example",
        identifiers=ANA,
        author="customer",
        length=19,
        in_reply_to=event_id("post", "fw-1@shop.example", "message"),
    )
    begins = begun("post", CONTACT, "email", SENT_AT, queue="support@shop.example", identifiers=ANA)
    assert parsed(MAIL) == Events((*begins, posted))
    assert parsed(MAIL) == mail_events(read_message(MAIL), Context("post", {}, read_at=READ_AT))


def test_a_reply_of_ours_answers() -> None:
    told = parsed(MAIL, addresses="@kunde.example")
    assert isinstance(told, Events)
    assert told.events[0] == answered("post", CONTACT, "email", SENT_AT, queue=None, agent="ana@kunde.example")
    assert [getattr(each, "author", None) for each in told.events] == [None, "agent"]


@pytest.mark.parametrize(
    ("given_headers", "given_settings", "queue"),
    [
        ({}, {}, "support@shop.example"),
        ({"mail-mailbox": b"INBOX"}, {}, "INBOX"),
        ({"mail-mailbox": b"INBOX"}, {"addresses": "support@shop.example"}, "support@shop.example"),
        ({"mail-mailbox": b"INBOX"}, {"addresses": "@elsewhere.example"}, "INBOX"),
        ({"mail-mailbox": b"INBOX"}, {"queue": "post", "addresses": "@shop.example"}, "post"),
        ({"mail-recipients": b"x@relay.example,Orders+7@shop.example"}, {}, "x@relay.example"),
        (
            {"mail-recipients": b"x@relay.example,Orders+7@shop.example"},
            {"addresses": "@shop.example"},
            "orders@shop.example",
        ),
    ],
)
def test_the_queue_is_the_settings_else_our_address_else_the_mailbox(
    given_headers: dict[str, bytes], given_settings: dict[str, str], queue: str
) -> None:
    assert message(MAIL, given_headers, **given_settings).queue == queue


@pytest.mark.parametrize(
    ("given_headers", "fields", "time"),
    [
        ({}, b"", SENT_AT),
        ({}, b"Received: by mx.shop.example; Tue, 20 Oct 2026 11:58:45 +0200\n", SENT_AT + 4_000),
        ({"mail-received": b"1792490330000"}, b"Received: by x; Tue, 20 Oct 2026 11:58:45 +0200\n", 1792490330_000),
        ({"mail-received": b"soon"}, b"", SENT_AT),
        ({"mail-received": b"9" * 30}, b"", SENT_AT),
    ],
)
def test_the_time_is_that_of_arrival_else_received_else_date(
    given_headers: dict[str, bytes], fields: bytes, time: int
) -> None:
    assert FORMAT.time(fields + MAIL, given_headers) == time
    assert message(fields + MAIL, given_headers).time == from_ms(time)


def test_an_empty_sender_of_the_envelope_is_that_of_a_bounce() -> None:
    assert parsed(MAIL, {"mail-sender": b""}) == Ignored("bounce")
    assert parsed(MAIL, {"mail-sender": b"<>"}) == Ignored("bounce")
    assert message(MAIL, {"mail-sender": b"ana@kunde.example"}).author == "customer"


def test_the_envelope_counts_before_what_a_mail_says_of_it_itself() -> None:
    assert parsed(b"Return-Path: <x@y.example>\n" + MAIL, {"mail-sender": b""}) == Ignored("bounce")
    assert message(b"Return-Path: <>\n" + MAIL, {"mail-sender": b"ana@kunde.example"}).author == "customer"
    assert parsed(b"Return-Path: <>\n" + MAIL) == Ignored("bounce")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (b"Auto-Submitted: auto-replied\n", "auto_reply"),
        (b"List-Id: <news.shop.example>\n", "bulk"),
        (b"Return-Path: <>\n", "bounce"),
    ],
)
def test_what_no_person_wrote_begins_nothing(fields: bytes, reason: str) -> None:
    assert parsed(fields + MAIL) == Ignored(reason)


def test_the_key_is_the_thread() -> None:
    assert FORMAT.key(MAIL, {}) == b"fw-0@kunde.example"
    assert FORMAT.key(MAIL.partition(b"In-Reply")[0], {}) == b"fw-2@kunde.example"
    assert FORMAT.key(b"no mail", {}) is None
    assert FORMAT.channel_of(MAIL, {}) == "email"


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"\xff\xfe\x00", b"hello, this is no mail", b"Subject: x\n\nbody"])
def test_what_is_no_mail_is_refused_with_what_is_missing(raw: bytes) -> None:
    with pytest.raises(Malformed) as error:
        parsed(raw)
    assert error.value.reason == "schema"
    assert error.value.message == "no mail: none of the fields From, Date, Message-ID and Received is in its header"


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_broken_in_a_mail_it_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(MAIL)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(raw)))
        raw[place : place + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=10))
    headers = {name: data.draw(st.binary(max_size=20)) for name in ("mail-received", "mail-sender", "mail-recipients")}
    FORMAT.time(bytes(raw), headers)
    FORMAT.key(bytes(raw), headers)
    with suppress(Malformed):
        parsed(bytes(raw), headers)


# -- mails as mailers write them -----------------------------------------------------------------------------------


def test_the_text_of_nested_parts_is_found_whatever_lies_around_it() -> None:
    alternative = MIMEMultipart("alternative")
    alternative.attach(MIMEText("Grüße, 4 words", "plain", "iso-8859-1"))
    alternative.attach(MIMEText("<p>Grüße</p>", "html", "utf-8"))
    related = MIMEMultipart("related")
    related.attach(alternative)
    mixed = MIMEMultipart("mixed")
    mixed["From"], mixed["Message-ID"], mixed["Date"] = "ana@kunde.example", "<n@x>", "Tue, 20 Oct 2026 10:00:00 +0000"
    mixed.attach(related)
    mixed.attach(MIMEText("an attachment", "csv"))
    assert message(mixed.as_bytes()).length == 14


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-15", "windows-1252", "koi8-r", "iso-2022-jp", "gb18030"])
def test_a_text_has_as_many_characters_as_its_charset_says(charset: str) -> None:
    text = {"koi8-r": "Привет", "iso-2022-jp": "こんにちは!", "gb18030": "你好你好吗!"}.get(charset, "Größe!")
    body = text.encode(charset)
    raw = f"From: a@x.example\nContent-Type: text/plain; charset={charset}\n\n".encode() + body
    assert message(raw).length == 6


@pytest.mark.parametrize(
    "sender",
    [
        b"=?utf-8?Q?Ana_K=C3=BCnde?= <ana@kunde.example>",
        b"=?iso-8859-1?B?QW5h?= =?koi8-r?B?8NLJ18XU?= <Ana@Kunde.example>",
        b"=?no-such-charset?Q?x?= <ana@kunde.example>",
        b'"Kunde, Ana" <ana@kunde.example>',
        b"Ana Kunde <ana@kunde.example>, Bo <bo@kunde.example>",
        b"\xe4\xf6 <ana@kunde.example>",
        b"=?utf-8?Q?Ana?= =?utf-8?Q?_Kunde?=\n <ana@kunde.example>",
    ],
)
def test_the_customer_is_the_first_address_of_from(sender: bytes) -> None:
    assert message(b"From: " + sender + b"\nDate: Tue, 20 Oct 2026 10:00:00 +0000\n\nHi").identifiers == ANA


def test_of_several_from_fields_the_first_counts() -> None:
    assert message(b"From: ana@kunde.example\nFrom: bo@kunde.example\n\nHi").identifiers == ANA


def test_a_mail_without_an_id_is_named_by_its_bytes_and_one_without_a_date_is_as_old_as_its_arrival() -> None:
    raw = b"From: ana@kunde.example\n\nHi"
    first = message(raw, {"mail-received": b"1792490000000"})
    assert first == message(raw, {"mail-received": b"1792490000000"})
    assert first.time == from_ms(1792490000_000)
    assert message(raw).time == from_ms(READ_AT)
    assert message(raw + b"!").id != first.id


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Type: multipart/mixed\n\n--x\n\nno boundary is named",
        b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\nit ends with no boundary',
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 50,
        b'Content-Type: text/plain; charset="utf-8\nContent-Transfer-Encoding: base64\n\n!!!not base64!!!',
        b"Content-Transfer-Encoding: quoted-printable\n\n=ZZ =\n=",
        b"Content-Type: /;;;=\n\nx",
        b"no colon here\n\nx",
        b"X" * 100_000,
    ],
)
def test_broken_mime_keeps_no_mail_from_being_one(rest: bytes) -> None:
    assert message(b"From: ana@kunde.example\nMessage-ID: <b@x>\n" + rest).identifiers == ANA


def test_a_mail_with_an_attachment_of_20_mb_is_one_record(tmp_path: Path) -> None:
    large = b"A" * 76 + b"\n"
    file = tmp_path / "large.eml"
    file.write_bytes(
        b"From: ana@kunde.example\nDate: Tue, 20 Oct 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nSee there.\n--b\n'
        b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + large * 272_000 + b"\n--b--\n"
    )
    (record,) = records(file)
    assert (len(record.value), record.refused) == (file.stat().st_size, False)
    assert message(record.value, headers(record)).length == 10


# -- files, folders, Maildirs, mboxes ------------------------------------------------------------------------------


def test_the_record_of_a_file_is_the_mail_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(MAIL.replace(b"\n", b"\r\n"))
    (record,) = records(file)
    assert record == LineRecord(
        topic="channel.email",
        key=b"fw-0@kunde.example",
        value=MAIL.replace(b"\n", b"\r\n"),
        headers=[
            ("ce_type", b"mail"),
            ("ce_source", b"post"),
            ("ce_id", headers(record)["ce_id"]),
            ("content-type", b"message/rfc822"),
            ("file", str(file).encode()),
        ],
        time=SENT_AT,
    )


def test_of_a_folder_all_mails_are_read_in_the_order_of_their_time(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "box" / "cur").mkdir(parents=True)
    (tmp_path / "box" / "new").mkdir()
    (tmp_path / "box" / "tmp").mkdir()
    (tmp_path / "b.eml").write_bytes(mail(1))
    (tmp_path / "deep" / "er" / "A.EML").write_bytes(mail(3))
    (tmp_path / "box" / "cur" / "1792490402.M1P2.host:2,S").write_bytes(mail(0))
    (tmp_path / "box" / "new" / "1792490403.M1P2.host").write_bytes(mail(2))
    (tmp_path / "box" / "new" / ".hidden").write_bytes(mail(8))
    (tmp_path / "box" / "tmp" / "1792490404.M1P2.host").write_bytes(mail(9))
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    assert [record.value for record in records(tmp_path)] == [mail(number) for number in range(4)]


def test_a_folder_without_mails_and_a_file_that_is_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no mail in the folder"):
        mail_files([tmp_path])
    with pytest.raises(FileNotFoundError):
        mail_files([tmp_path / "away.eml"])


def test_a_mail_that_does_not_say_when_it_was_has_the_time_of_its_file(tmp_path: Path) -> None:
    raw = b"From: ana@kunde.example\n\nHi"
    alone = tmp_path / "a.eml"
    alone.write_bytes(raw)
    os.utime(alone, (1792490400, 1792490400))
    maildir = tmp_path / "cur"
    maildir.mkdir()
    (maildir / "1792490300.M1P2.host:2,S").write_bytes(raw)
    mbox = tmp_path / "old.mbox"
    mbox.write_bytes(b"From ana@kunde.example Tue Oct 20 11:58:45 2026\n" + raw)
    found = records(tmp_path)
    # When a file was written is no time of a mail's: it sets no clock.
    assert [record.time for record in found] == [1792490300_000, None, 1792497525_000]
    assert [headers(record)["mail-received"] for record in found] == [
        b"1792490300000",
        b"1792490400000",
        b"1792497525000",
    ]


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("Tue Oct 20 11:58:45 2026", 1792497525_000),
        ("Tue Oct 20 11:58:45 +0200 2026", 1792490325_000),
        ("Tue Oct 20 11:58:45 2026 +0200", 1792490325_000),
        ("Tue Oct 20 11:58 GMT 2026", 1792497480_000),
        ("Tue Oct 20 11:58:45 CEST 2026", 1792497525_000),
        ("Tue Oct 99 11:58:45 2026", None),
    ],
)
def test_the_delimiter_of_an_mbox_says_when_a_mail_arrived(tmp_path: Path, date: str, time: int | None) -> None:
    mbox = tmp_path / "mbox"
    mbox.write_bytes(f"From - {date}\nFrom: ana@kunde.example\n\nHi\n".encode())
    (record,) = records(mbox)
    assert record.time == time


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_mails_of_an_mbox_are_told_apart_and_their_quoted_lines_unquoted(tmp_path: Path, end: bytes) -> None:
    mbox = tmp_path / "archive"
    first = mail(2, body="One\n\n>From the first day on\n>>From twice\nFrom within\n\nFrom us, at 10:30 o'clock")
    mbox.write_bytes(
        (b"From a@x Tue Oct 20 10:00:00 2026\n" + first + b"\nFrom - Tue Oct 20 10:00:01 2026\n" + mail(1)).replace(
            b"\n", end
        )
    )
    unquoted = mail(2, body="One\n\nFrom the first day on\n>From twice\nFrom within\n\nFrom us, at 10:30 o'clock")
    found = records(mbox)
    assert [record.value for record in found] == [mail(1).replace(b"\n", end), unquoted.replace(b"\n", end)]
    assert [headers(record)["line"] for record in found] == [b"14", b"1"]


def test_an_empty_file_is_a_mail_that_can_not_be_read_and_a_file_given_twice_is_read_twice(tmp_path: Path) -> None:
    empty = tmp_path / "empty.eml"
    empty.touch()
    (record,) = records(empty)
    assert (record.value, record.key) == (b"", b"post")
    good = tmp_path / "good.eml"
    good.write_bytes(MAIL)
    twice = records(good, good)
    assert twice[0] == twice[1]


def test_of_a_mail_that_is_too_large_the_head_is_kept_with_the_reason(tmp_path: Path) -> None:
    mbox = tmp_path / "huge.mbox"
    with mbox.open("wb") as file:
        file.write(
            b"From a@x Tue Oct 20 10:00:00 2026\n" + mail(1) + b"\nFrom a@x Tue Oct 20 10:00:02 2026\n" + mail(2)
        )
        file.truncate(file.tell() + LARGEST_RECORD)
    small, huge = records(mbox)
    assert (small.value, small.refused) == (mail(1), False)
    assert (len(huge.value), huge.refused, huge.key) == (HEAD, True, b"post")
    size = LARGEST_RECORD + len(mail(2))
    assert headers(huge)[REFUSED] == (
        f"the mail has {size:,} bytes, a record may have {LARGEST_RECORD:,}: its head is kept here".encode()
    )


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_whatever_stands_in_an_mbox_no_byte_of_it_ends_the_reading(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]
) -> None:
    mbox = tmp_path_factory.mktemp("m") / "any.mbox"
    mbox.write_bytes(b"".join(b"From a Tue Oct 20 10:00:00 2026\n" + part + b"\n\n" for part in parts))
    assert len(records(mbox)) >= max(1, len(parts))
