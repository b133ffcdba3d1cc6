"""Mails as they come: who wrote them, in which thread, when, and whether a person did."""

import re
import tracemalloc
from email.parser import BytesHeaderParser
from email.policy import compat32
from hashlib import sha256
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.mail import (
    _BARE,
    _REPORT,
    LONGEST_TEXT,
    Mail,
    addresses,
    decoded_text,
    fields_of,
    form_fields,
    instant,
    mail_events,
    read_fields,
    read_message,
    text_length,
)
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.webhook import answered, begun
from schemas.events import MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms

READ_AT = 1792490400_000
SENT_AT = 1792490321_000
RECEIVED_AT = 1792490325_000
REPLY = b"""\
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
CONTACT = contact_id("mail", "fw-0@kunde.example")
ANA = ("mailto:ana@kunde.example",)
OURS = {"addresses": "support@shop.example, @desk.example"}


def told(raw: bytes, **settings: str) -> Parsed:
    return mail_events(read_message(raw), Context("mail", {}, read_at=READ_AT, settings=settings))


def head(*fields: tuple[str, str]) -> Mail:
    return read_fields(fields, otherwise="digest", length=None)


def machine(*fields: tuple[str, str]) -> str | None:
    return head(("From", "Ana <ana@kunde.example>"), *fields).machine


def peak(raw: bytes) -> int:
    """Bytes that it takes to read a mail."""
    tracemalloc.start()
    try:
        read_message(raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_customers_mail_begins_its_thread_and_is_a_message() -> None:
    assert told(REPLY) == Events(
        (
            *begun("mail", CONTACT, "email", SENT_AT, queue="support@shop.example", identifiers=ANA),
            MessagePosted(
                id=event_id("mail", "fw-2@kunde.example", "message"),
                time=from_ms(SENT_AT),
                channel="email",
                source="mail",
                contact=CONTACT,
                revision=1,
                queue="support@shop.example",
                identifiers=ANA,
                author="customer",
                length=19,
                in_reply_to=event_id("mail", "fw-1@shop.example", "message"),
            ),
        )
    )


@pytest.mark.parametrize("sender", ["Support <support@shop.example>", "SUPPORT+x@Shop.example", "bo@desk.example"])
def test_a_reply_of_ours_answers_the_contact(sender: str) -> None:
    raw = REPLY.replace(b"Ana Kunde <Ana@Kunde.example>", sender.encode()).replace(b"support+t4711@", b"ana@kunde.")
    raw = raw.replace(b"ana@kunde.shop.example", b"Ana@kunde.example")
    agent = addresses(sender)[0]
    assert told(raw, **OURS) == Events(
        (
            answered("mail", CONTACT, "email", SENT_AT, queue=None, agent=agent),
            MessagePosted(
                id=event_id("mail", "fw-2@kunde.example", "message"),
                time=from_ms(SENT_AT),
                channel="email",
                source="mail",
                contact=CONTACT,
                revision=1,
                agent=agent,
                identifiers=ANA,
                author="agent",
                length=19,
                in_reply_to=event_id("mail", "fw-1@shop.example", "message"),
            ),
        )
    )


def test_a_mail_of_ours_that_replies_to_nothing_begins_an_outbound_contact() -> None:
    raw = b"From: support@shop.example\nTo: a@x.example, b@x.example\nMessage-ID: <o@shop.example>\n\nHello"
    contact = contact_id("mail", "o@shop.example")
    created, _ = begun("mail", contact, "email", READ_AT, queue=None, direction="outbound")
    assert told(raw, **OURS) == Events(
        (
            created,
            MessagePosted(
                id=event_id("mail", "o@shop.example", "message"),
                time=from_ms(READ_AT),
                channel="email",
                source="mail",
                contact=contact,
                revision=1,
                agent="support@shop.example",
                author="agent",
                length=5,
            ),
        )
    )


def test_a_mail_from_us_to_us_is_no_persons() -> None:
    raw = REPLY.replace(b"Ana Kunde <Ana@Kunde.example>", b"bo@desk.example")
    assert told(raw, **OURS) == Ignored("own_mail")


def test_what_comes_through_a_form_on_a_page_is_of_whom_it_is_to_be_answered_to() -> None:
    raw = REPLY.replace(b"Ana Kunde <Ana@Kunde.example>", b"Web <web@desk.example>")
    answer = b"Reply-To: web@desk.example, Ana <Ana@Kunde.example>\n"
    assert told(answer + raw, **OURS) == told(REPLY, **OURS)
    assert told(b"Reply-To: bo@desk.example\n" + raw, **OURS) == Ignored("own_mail")
    assert told(answer + raw.replace(b"To: support+t4711@shop.example\n", b""), **OURS) == Ignored("own_mail")
    assert told(b"List-Id: <x>\n" + answer + raw, **OURS) == Ignored("bulk")


def test_a_mail_of_ours_to_a_customer_stays_ours_whoever_gets_the_answer() -> None:
    raw = b"From: support@shop.example\nTo: a@x.example, bo@desk.example\nMessage-ID: <o@shop.example>\n\nHello"
    assert told(b"Reply-To: ana@kunde.example\n" + raw, **OURS) == told(raw, **OURS) != Ignored("own_mail")


def test_the_earliest_mail_of_a_thread_begins_it_in_whatever_order_they_come() -> None:
    first = REPLY.replace(b"fw-2@", b"fw-0@").replace(b"In-Reply-To: <fw-1@shop.example>\n", b"")
    first = first.replace(b"References: <fw-0@kunde.example> <fw-1@shop.example>\n", b"").replace(b"11:58", b"09:58")
    one, two = told(first), told(REPLY)
    assert isinstance(one, Events)
    assert isinstance(two, Events)
    assert [event.id for event in one.events[:2]] == [event.id for event in two.events[:2]]
    assert [event.id for event in one.events] != [event.id for event in two.events]
    assert all(early.revision > late.revision for early, late in zip(one.events[:2], two.events[:2], strict=True))


def test_a_thread_is_named_by_references_then_in_reply_to_then_itself() -> None:
    own, reply, references = ("Message-ID", "<c@x>"), ("In-Reply-To", "<b@x>"), ("References", "<A@x>\r\n <b@x>")
    said = [head(own, reply, references), head(own, references), head(own, reply), head(own), head()]
    assert [(mail.id, mail.root, mail.parent) for mail in said] == [
        ("c@x", "A@x", "b@x"),
        ("c@x", "A@x", "b@x"),
        ("c@x", "b@x", "b@x"),
        ("c@x", "c@x", None),
        ("digest", "digest", None),
    ]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("  <Fw-2@Kunde.example> ", "Fw-2@Kunde.example"),
        ("<fw-2@\r\n kunde.example>", "fw-2@kunde.example"),
        ("fw-2@kunde.example", "fw-2@kunde.example"),
        ("Your mail of Monday <fw-2@kunde.example>", "fw-2@kunde.example"),
        ("your mail, ana@kunde.example", "digest"),
        ("<>", "digest"),
        ("", "digest"),
    ],
)
def test_a_message_id_is_trimmed_and_keeps_its_case(value: str, read: str) -> None:
    assert head(("Message-ID", value)).id == read


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Ana Kunde <Ana@Kunde.Example>", ("ana@kunde.example",)),
        ('"Kunde, Ana (x@y.example)" <ana@kunde.example>', ("ana@kunde.example",)),
        ("Kunde, Ana <ana@kunde.example>", ("ana@kunde.example",)),
        ("ana@kunde.example (Ana; home), b@x.example., ana@kunde.example", ("ana@kunde.example", "b@x.example")),
        ("=?iso-8859-1?Q?J=F6rg=2C_K?= <j@kunde.example>", ("j@kunde.example",)),
        ("=?utf-8?B?QW5hIDxhbmFAa3VuZGUuZXhhbXBsZT4=?=", ("ana@kunde.example",)),
        ("=?x-nowhere?Q?ana=40kunde.example?=", ()),
        ("=?utf-7?Q?a=40+2AA-x.example?=", ("a@?x.example",)),
        ("undisclosed-recipients:;", ()),
        ("MAILER-DAEMON", ()),
        ("@", ()),
        ("", ()),
    ],
)
def test_addresses_are_found_in_whatever_mailers_write(value: str, found: tuple[str, ...]) -> None:
    assert addresses(value) == found


@given(st.text('ab@.<>()[]\\:" ,\n', max_size=40))
def test_addresses_without_angles_are_found_at_the_beginning_of_words(value: str) -> None:
    assert _BARE.findall(value) == re.findall(r"[^\s<>()\[\]\\:\"@]+@[^\s<>()\[\]\\:\"@]+", value)


def test_a_word_without_end_is_looked_through_once() -> None:
    assert _BARE.findall("x" * 1_000_000 + " a@x.example") == ["a@x.example"]


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("Tue, 20 Oct 2026 11:58:41 +0200", SENT_AT),
        ("20 Oct 2026 09:58:41 -0000 (somewhere)", SENT_AT),
        ("2026-10-20T11:58:41+02:00", SENT_AT),
        ("2026-10-20T09:58:41", SENT_AT),
        ("Thu, 1 Jan 1970 00:00:00 +0000", None),
        ("Tue, 40 Oct 2026 11:58:41 +0200", None),
        ("Tue, 20 Oct 9999 23:59:59 -9999", None),
        ("9" * 5_000, None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_date_is_read_or_none(value: str, at: int | None) -> None:
    assert instant(value) == at


def test_a_mail_is_timed_by_the_server_then_the_provider_then_its_sender_then_its_arrival() -> None:
    date = ("Date", "Tue, 20 Oct 2026 11:58:41 +0200")
    received = ("Received", "from a by b; Tue, 20 Oct 2026 09:58:45 +0000")
    earlier = ("Received", "from c by a; Tue, 20 Oct 2026 09:00:00 +0000")
    late = ("Date", "Tue, 20 Oct 2026 23:58:41 +0200")

    def time(*fields: tuple[str, str], stamp: int | None = None) -> object:
        said = mail_events(head(*fields), Context("mail", {}, read_at=READ_AT), stamp=stamp)
        return said.events[0].time if isinstance(said, Events) else said

    assert time(date, received, earlier, stamp=READ_AT - 9) == from_ms(RECEIVED_AT)
    assert time(date, stamp=READ_AT - 9) == from_ms(READ_AT - 9)
    assert time(date) == from_ms(SENT_AT)
    assert time(late) == time(("Date", "soon")) == time() == from_ms(READ_AT)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (("Content-Type", 'Multipart/Report; boundary=x; report-type="delivery-status"'), "bounce"),
        (("Content-Type", "multipart/report; report-type=disposition-notification"), "read_receipt"),
        (("Content-Type", "multipart/report;\r\n report-type=feedback-report"), "abuse_report"),
        (("Content-Type", 'multipart/report; report-type = " delivery-status "'), "bounce"),
        (("Content-Type", "multipart/report; x=" + "y" * 4_000 + "; report-type=delivery-status"), None),
        (("Content-Type", "multipart/report; report-type=" + " " * 1_000_000 + "delivery-status"), None),
        (("Auto-Submitted", "auto-replied; owner=x"), "auto_reply"),
        (("auto-submitted", "Auto-Generated (holiday)"), "auto_reply"),
        (("X-Auto-Response-Suppress", "All"), "auto_reply"),
        (("X-Autoreply", "yes"), "auto_reply"),
        (("X-Autorespond", ""), "auto_reply"),
        (("Precedence", "Auto_Reply"), "auto_reply"),
        (("List-Id", "<news.shop.example>"), "bulk"),
        (("List-Unsubscribe", "<mailto:off@shop.example>"), "bulk"),
        (("Precedence", "bulk"), "bulk"),
        (("Precedence", "junk"), "bulk"),
        (("Precedence", "list"), "bulk"),
        (("Return-Path", "<>"), "bounce"),
        (("Return-Path", "<ana@kunde.example>"), None),
        (("Auto-Submitted", "No"), None),
        (("Auto-Submitted", "no (generated by human)"), None),
        (("Auto-Submitted", "(a (nested \\) one)) no; owner=x"), None),
        (("Auto-Submitted", "(no) auto-generated"), "auto_reply"),
        (("Auto-Submitted", "(" * 100_000 + ")" * 100_000), "auto_reply"),
        (("Precedence", "first-class"), None),
        (("Content-Type", "multipart/report"), None),
        (("Content-Type", "text/plain; report-type=delivery-status"), None),
    ],
)
def test_machine_mail_is_known_by_its_signs(field: tuple[str, str], kind: str | None) -> None:
    assert machine(field) == kind


def test_spaces_without_end_before_the_type_of_a_report_are_looked_through_once() -> None:
    assert _REPORT.search("report-type=" + " " * 1_000_000 + "!") is None


@pytest.mark.parametrize(
    ("sender", "kind"),
    [
        ("Mail Delivery <MAILER-DAEMON@mx.example>", "bounce"),
        ("MAILER-DAEMON", "bounce"),
        ("postmaster@mx.example", "bounce"),
        ("Bob Postmaster <bob.postmaster@kunde.example>", None),
    ],
)
def test_a_mail_server_is_no_customer(sender: str, kind: str | None) -> None:
    assert head(("From", sender)).machine == kind


def test_of_several_signs_the_first_of_the_table_counts() -> None:
    report = ("Content-Type", "multipart/report; report-type=disposition-notification")
    submitted, listed, nobody = ("Auto-Submitted", "auto-replied"), ("List-Id", "<x>"), ("Return-Path", "<>")
    assert machine(nobody, listed, submitted, report) == "read_receipt"
    assert machine(nobody, listed, submitted) == "auto_reply"
    assert machine(nobody, listed) == "bulk"
    assert told(b"List-Id: <x>\n" + REPLY) == Ignored("bulk")


def test_the_queue_is_the_address_of_ours_that_it_came_to() -> None:
    context = Context("mail", {}, read_at=READ_AT, settings=OURS)
    plain = Context("mail", {}, read_at=READ_AT)
    mail = head(("To", "Bo <x@other.example>"), ("Cc", "support+1@shop.example"))

    def queue(mail: Mail, context: Context, recipient: str | None = None) -> object:
        said = mail_events(mail, context, recipient=recipient)
        return said.events[0].queue if isinstance(said, Events) else said

    assert queue(mail, context) == "support@shop.example"
    assert queue(mail, context, "hash@in.provider.example") == "support@shop.example"
    assert queue(mail, context, "<Sales+2@desk.example>") == "sales@desk.example"
    assert queue(mail, plain, "hash@in.provider.example") == "hash@in.provider.example"
    assert queue(mail, plain) == "x@other.example"
    assert queue(head(("Delivered-To", "info@shop.example"), ("To", "x@y.example")), plain) == "info@shop.example"
    assert queue(head(), context) is None


def test_of_several_senders_the_first_is_the_customer_and_of_none_nobody() -> None:
    assert head(("From", "a@x.example, b@x.example")).sender == "a@x.example"
    said = mail_events(head(("Message-ID", "<m@x>")), Context("mail", {}, read_at=READ_AT))
    assert isinstance(said, Events)
    assert [getattr(event, "identifiers", None) for event in said.events] == [(), (), ()]


def test_the_text_is_the_first_plain_part_that_is_no_attachment() -> None:
    raw = (
        b"From: a@x.example\nContent-Type: multipart/mixed; boundary=o\n\n--o\n"
        b"Content-Type: text/plain\nContent-Disposition: attachment\n\nan attachment\n--o\n"
        b"Content-Type: multipart/alternative; boundary=i\n\n--i\n"
        b"Content-Type: text/html\n\n<p>html</p>\n--i\n"
        b"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\nZvxyDQoK\n--i--\n--o--\n"
    )
    assert read_message(raw).length == len("für")
    assert read_message(b"From: a@x.example\nContent-Type: text/html\n\n<p>html</p>").length is None
    assert text_length(" one\r\ntwo \r\n") == 7
    assert text_length(None) is None


@pytest.mark.parametrize("charset", ["x-nowhere", "hex", "undefined", "utf-7", "a\0b", "", "idna"])
def test_a_text_in_any_charset_has_a_length(charset: str) -> None:
    assert len(decoded_text(b"plain", charset)) == 5
    assert "\ud800" not in decoded_text(b"+2AA-", charset)


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        ("punycode", b"Nr-4ga"),
        ("idna", b"xn--mnchen-3ya"),
        ("UTF-7", b"+APw-"),
        ("u7", b"+APw-"),
        ("unicode_escape", b"\\u00fc"),
        ("Raw-Unicode-Escape", b"\\u00fc"),
        ("rot13", b"abc"),
        ("base64", b"YWJj"),
        ("bz2", b"abc"),
        ("undefined", b"abc"),
    ],
)
def test_what_is_no_charset_of_mails_is_read_as_utf_8(charset: str, raw: bytes) -> None:
    assert decoded_text(raw, charset) == raw.decode()
    mail = b"From: a@x.example\nContent-Type: text/plain; charset=%b\n\n%b" % (charset.encode(), raw)
    assert read_message(mail).length == len(raw)


def test_a_long_text_in_a_charset_of_names_is_read() -> None:
    raw = b"From: a@x.example\nContent-Type: text/plain; charset=punycode\n\n" + b"a9" * 500_000
    assert read_message(raw).length == 1_000_000


def test_of_a_text_that_is_too_long_the_beginning_is_read() -> None:
    raw = b"From: a@x.example\nContent-Type: text/plain; charset=windows-1252\nContent-Transfer-Encoding: %b\n\n"
    assert read_message(raw % b"8bit" + b"\x81" * LONGEST_TEXT).length == LONGEST_TEXT
    assert read_message(raw % b"8bit" + b"\x81" * (LONGEST_TEXT + 9)).length == LONGEST_TEXT
    assert read_message(raw % b"base64" + b"YWJj" * LONGEST_TEXT).length == LONGEST_TEXT * 3 // 4
    assert len(decoded_text(b"\x81" * (LONGEST_TEXT + 9), "windows-1252")) == LONGEST_TEXT


@pytest.mark.parametrize("encoding", [b"x-uuencode", b"uuencode", b"UUE", b"x-uue"])
def test_uuencoded_text_which_grows_is_not_read(encoding: bytes) -> None:
    text = b"\n\nbegin 666 a\n" + b"z\n" * 500_000
    raw = b"From: a@x.example\nContent-Type: text/plain\nContent-Transfer-Encoding: " + encoding + text
    assert peak(raw) < 2 * len(raw)
    assert read_message(raw).length is None


@pytest.mark.parametrize("inner", [b"A", b"\r", b"A" * 76 + b"\r\n"])
def test_no_level_of_a_mail_that_nests_takes_a_copy_of_it(inner: bytes) -> None:
    raw = b"Content-Type: application/pdf\r\n\r\n" + inner * (4_000_000 // len(inner))
    for depth in range(19):
        raw = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%b\r\n--b%d--" % (depth, depth, raw, depth)
    assert peak(b"From: a@x.example\r\n" + raw) < len(raw)


def test_the_parameters_of_a_content_are_read_as_far_as_their_bound() -> None:
    raw = b"From: a@x.example\nContent-Type: text/plain;%b charset=utf-16-le\n\nabcd"
    assert read_message(raw % b"").length == 2
    assert read_message(raw % (b" x=" + b"y" * 1_000 + b";")).length == 4
    assert read_message(raw % (b" x;" * 50)).length == 4
    assert read_message(raw % (b'"' + b";" * 200_000)).length == 4


def test_the_head_of_a_part_is_read_as_far_as_its_bound_and_that_of_a_mail_whole() -> None:
    raw = (
        b"From: a@x.example\nX-Long: %b\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nX-Long: %b\nContent-Type: text/html\n\n1\n--b--\n"
    )
    long = b"y" * 4_000
    assert [read_message(raw % heads).length for heads in ((b"y", b"y"), (long, b"y"), (b"y", long))] == [None, None, 1]


@pytest.mark.parametrize(
    "line", [b"Subject : hi", b"no field at all", b" folded", b"J\xc3\xb6rg: x", b": x", b"From x", b""]
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_that_is_no_field_hides_none_behind_it(line: bytes, end: bytes) -> None:
    raw = end.join([line, b"From: ana@kunde.example", line or b"X: y", b"Auto-Submitted: auto-replied", b"", b"To: x"])
    mail = read_message(raw)
    assert (mail.sender, mail.recipients, mail.machine) == ("ana@kunde.example", (), "auto_reply")


def test_spaces_before_a_colon_are_no_part_of_a_name() -> None:
    assert fields_of(b"Subject \t: hi \nTo:x\n\tand y\n\nFrom: z") == [("Subject", "hi "), ("To", "x\n\tand y")]


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\r\n", b"\n\n", b"\xef\xbb\xbf\r\n"])
def test_a_mail_may_begin_behind_an_empty_line_or_a_mark(before: bytes) -> None:
    assert read_message(before + REPLY)._replace(id="") == read_message(REPLY)._replace(id="")
    assert told(before + REPLY) == told(REPLY)


def test_the_text_of_a_part_without_a_head_is_no_head() -> None:
    part = b"--b\n\nContent-Type: text/html\n\n1\n--b--"
    raw = b"From: a@x.example\nContent-Type: multipart/mixed; boundary=b\n\n" + part
    assert read_message(raw).length == len("Content-Type: text/html\n\n1")


NAMES, VALUES = st.sampled_from(["To", "x-y", "A.b"]), st.text('ab,:;"<>()=?@\t é', max_size=12)


@given(st.lists(st.tuples(NAMES, VALUES, st.lists(VALUES, max_size=2)), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_a_header_is_read_as_the_standard_library_reads_it(lines: list[tuple[str, str, list[str]]], end: str) -> None:
    head = "".join(f"{name}:{end.join([value, *(' x' + fold for fold in folds)])}{end}" for name, value, folds in lines)
    expected = BytesHeaderParser(policy=compat32).parsebytes(head.encode()).raw_items()
    assert list(fields_of(head.encode() + end.encode() + b"To: body")) == list(expected)


def test_of_a_mail_that_is_all_head_the_beginning_is_read() -> None:
    filler = b"X-Filler: a\r\n" * 30_000
    raw = b"From: ana@kunde.example\r\n" + filler + b"Message-ID: <late@kunde.example>\r\n\r\ntext"
    fields = fields_of(raw)
    assert fields[0] == ("From", "ana@kunde.example")
    assert 10_000 < len(fields) < len(filler) // 13
    assert "Message-ID" not in dict(fields)


def test_of_a_mails_parts_a_thousand_are_read() -> None:
    start = b"From: a@x.example\nContent-Type: multipart/mixed; boundary=o\n\n"
    html, inner = b"\n--o\nContent-Type: text/html\n\n", b"\n--o\nContent-Type: multipart/mixed; boundary=i\n\n"
    nested = inner + b"\n--i\nContent-Type: text/html\n" * 400 + b"\n--i--"
    plain = b"\n--o\n\ntext\n--o--"
    assert read_message(start + html * 999 + plain).length == 4
    assert read_message(start + html * 1_000 + plain).length is None
    assert read_message(start + nested * 2 + html * 197 + plain).length == 4
    assert read_message(start + nested * 2 + html * 198 + plain).length is None


def test_a_mail_is_read_without_its_text_where_that_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read_message(REPLY)
    monkeypatch.setattr("agents.intake.mail._text_of", None)
    assert read_message(REPLY, text=False) == whole._replace(length=None)


@pytest.mark.parametrize(
    "raw",
    [
        REPLY.replace(b"\n\n", b"\n", 1),
        REPLY.replace(b"text/plain; charset=utf-8", b"multipart/mixed"),
        REPLY.replace(b"text/plain; charset=utf-8", b"multipart/mixed; boundary=x; a*" + b"9" * 5_000 + b"=1"),
        REPLY.replace(b"text/plain; charset=utf-8", b"text/plain; charset*=x-y'de'%ff"),
        REPLY.replace(b"Re: Parcel 77", b"=?utf-8?B?////?= \xff\xfe"),
        REPLY.replace(b"Ana Kunde", b"J\xf6rg \xc3\xbc =?bad"),
        REPLY.replace(b"\n", b"\r\n"),
        REPLY.replace(b"Subject", b"no field at all\nSubject"),
        b"\n".join(b"X-%d: y" % index for index in range(3)) + b"\n" + REPLY,
    ],
)
def test_a_broken_mail_still_says_its_sender_or_thread(raw: bytes) -> None:
    mail = read_message(raw)
    assert (mail.sender, mail.machine) == ("ana@kunde.example", None)


def test_a_boundary_may_begin_like_another() -> None:
    raw = (
        b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=p1\r\n\r\n--p1\r\n"
        b"Content-Type: multipart/alternative; boundary=p12\r\n\r\n--p12\r\n\r\none\r\n--p1x\r\ntwo\r\n"
        b"--p12--\r\n--p1--\r\n--p1\r\n\r\nafter the end"
    )
    assert read_message(raw).length == len("one\n--p1x\ntwo")


def test_a_mail_that_nests_without_end_is_read_by_its_head() -> None:
    depth = 300
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(depth))
    mail = read_message(b"From: ana@kunde.example\n" + parts)
    assert (mail.sender, mail.length) == ("ana@kunde.example", None)


def test_a_mail_without_message_id_is_named_by_its_digest() -> None:
    raw = REPLY.replace(b"Message-ID", b"X-Other")
    assert read_message(raw).id == read_message(raw).id != read_message(raw + b".").id
    assert len(read_message(raw).id) == sha256().digest_size * 2
    assert read_message(raw).root == "fw-0@kunde.example"


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"hello", b"\xff\xfe\x00", b"Subject: x\n\nFrom: no@header.example"])
def test_what_is_no_mail_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed, match="no mail: none of the fields From") as caught:
        read_message(raw)
    assert caught.value.reason == "schema"


def test_a_form_keeps_blank_and_repeated_fields_in_order_and_its_bytes() -> None:
    assert form_fields(b"a=1&b=&a=%C3%BC+x", "") == [("a", b"1"), ("b", b""), ("a", "ü x".encode())]
    body = (
        b"preamble\r\n--fw\r\nContent-Disposition: form-data; name=a\r\n\r\n1\xff\r\n\r\n2\r\n--fw  \r\n"
        b'content-disposition: form-data; name="b c"; filename="x.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n\r\n--fw--\r\n"
    )
    assert form_fields(body, 'Multipart/Form-Data; boundary="fw"') == [("a", b"1\xff\r\n\r\n2"), ("b c", b"")]


@given(
    st.lists(st.sampled_from([b"%", b"%4", b"%C3", b"%a4", b"%41", b"%3d", b"=", b"+", b"_", b"\r\n", b"\xff", b"a"]))
)
def test_a_form_means_what_its_escapes_stand_for_wherever_they_are_cut(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    expected = unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", "replace").encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("agents.intake.mail._AT_A_TIME", 5)
        assert form_fields(b"a%3Db=" + text, "") == [("a=b", expected)]


@pytest.mark.parametrize("text", [b"%E4" * 1_000_000, b"a%E4" * 750_000, b"%" * 1_000_000])
def test_a_large_form_is_read_in_a_few_times_its_size(text: bytes) -> None:
    tracemalloc.start()
    try:
        form_fields(b"a=" + text, "")
        assert tracemalloc.get_traced_memory()[1] < 10 * len(text)
    finally:
        tracemalloc.stop()


def test_of_a_form_only_what_is_wanted_is_read_as_far_as_it_is_wanted() -> None:
    wanted = {"a": 2, "b": 9}
    assert form_fields(b"a=%41%42%43&c=1&b=%FC&a=", "", wanted) == [("a", b"AB"), ("b", b"\xef\xbf\xbd"), ("a", b"")]
    parts = b"".join(b"--fw\r\nContent-Disposition: form-data; name=%b\r\n\r\n123\r\n" % name for name in (b"a", b"c"))
    assert form_fields(parts + b"--fw--", "multipart/form-data; boundary=fw", wanted) == [("a", b"12")]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b'Content-Disposition: form-data;"' + b";" * 1_000_000 + b"; name=a",
        b"Content-Disposition: form-data; x=" + b"y" * 1_000 + b"; name=a",
        b"Content-Disposition: form-data" + b"; x" * 50 + b"; name=a",
        b"X-Long: " + b"y" * 4_000 + b"\r\nContent-Disposition: form-data; name=a",
    ],
    ids=["none", "semicolons", "long parameter", "many parameters", "long head"],
)
def test_the_head_of_a_forms_field_is_read_as_far_as_its_bound(head: bytes) -> None:
    body = b"--fw\r\n" + head + b"\r\n\r\n1\r\n--fw\r\nContent-Disposition: form-data; name=b\r\n\r\n2\r\n--fw--"
    assert form_fields(body, "multipart/form-data; boundary=fw") == [("", b"1"), ("b", b"2")]


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"--fw\r\n\r\n\r\n--fw--", "multipart/form-data", "names no boundary"),
        (b'--fw\r\nContent-Disposition: form-data; name="a"\r\n\r\n1', "multipart/form-data; boundary=fw", "no whole"),
        (b"", "multipart/form-data; boundary=fw", "no whole form"),
        (b"&".join(b"a=%d" % index for index in range(1_001)), "application/x-www-form-urlencoded", "no form: Max"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        form_fields(body, content_type)
    assert caught.value.reason == "syntax"


@pytest.mark.parametrize(
    "start",
    ['multipart/form-data;"' + ";" * 1_000_000, "multipart/form-data; x=" + "y" * 1_000],
    ids=["semicolons", "long parameter"],
)
def test_the_content_type_of_a_form_is_read_as_far_as_its_bound(start: str) -> None:
    with pytest.raises(Malformed, match="names no boundary"):
        form_fields(b"--fw\r\n\r\n\r\n--fw--", start + "; boundary=fw")


@given(st.integers(0, len(REPLY)), st.integers(0, 40), st.binary(max_size=40))
@settings(max_examples=200)
def test_any_mail_says_something_or_is_refused(start: int, length: int, other: bytes) -> None:
    try:
        said = told(REPLY[:start] + other + REPLY[start + length :], **OURS)
    except Malformed:
        return
    assert isinstance(said, Events | Ignored)
