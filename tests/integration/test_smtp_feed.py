"""Mail that is sent to us: answered with success when it lasts, and verbatim."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from streams.connectors.feed import Feed, Kind, Terms
from streams.connectors.feeds import _mail_listener, lmtp, smtp
from streams.connectors.feeds._mail_listener import LARGEST_MAIL, MailListener
from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from streams.topics import ensure_topics
from tests.acceptance.program import BIN, Program, wait_for
from tests.acceptance.reading import Reader
from tests.integration.mail_kit import Shelf, certificate, running, until

T = TypeVar("T")
MAIL = (
    b"From: Ana Kunde <ana@kunde.example>\r\nTo: support@shop.example\r\nMessage-ID: <Fw-2@kunde.example>\r\n\r\n"
    b".\r\n..two\r\n\xc3\xbc \xff bare\rcr bare\nlf\r\n.end\r\n"
)
ASKED = {"recipients": "support@shop.example,@sales.example"}


def terms(folder: Path, security: str = "none", **settings: str) -> Terms:
    return Terms("post", "127.0.0.1", 0, security, {}, {**ASKED, **settings}, folder / "post")


async def port(feed: Feed) -> int:
    assert isinstance(feed, MailListener)
    await until(lambda: feed.port > 0, "listening")
    return feed.port


async def beside(call: Callable[[], T]) -> T:
    return await asyncio.to_thread(call)


def send(at: int, *recipients: str, mail: bytes = MAIL, sender: str = "ana@kunde.example") -> dict[str, object]:
    """Send by the standard library; returns the recipients that were refused."""
    with smtplib.SMTP("127.0.0.1", at, timeout=30) as client:
        return dict(client.sendmail(sender, recipients or ("support@shop.example",), mail, ["BODY=8BITMIME"]))


def talk(at: int, *said: bytes) -> list[bytes]:
    """Say these bytes as they are; returns the lines of the answers, until 221."""
    with socket.create_connection(("127.0.0.1", at), 30) as connection:
        answers = connection.makefile("rb")
        lines = [answers.readline()]
        for each in said:
            connection.sendall(each)
            lines.append(answers.readline())
            while lines[-1][3:4] == b"-":
                lines.append(answers.readline())
        connection.sendall(b"QUIT\r\n")
        while lines[-1] and not lines[-1].startswith(b"221"):
            lines.append(answers.readline())
    return [line.rstrip() for line in lines]


@pytest.mark.asyncio
async def test_what_is_accepted_is_kept_verbatim_with_its_envelope(tmp_path: Path) -> None:
    shelf = Shelf()
    async with running(smtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        # smtplib makes line ends of its own: the bytes are said by hand.
        stuffed = MAIL.replace(b"\r\n.", b"\r\n..")
        lines = await beside(
            lambda: talk(
                at,
                b"EHLO mx.kunde.example\r\n",
                b"MAIL FROM:<Ana@kunde.example> BODY=8BITMIME SMTPUTF8\r\n",
                b"RCPT TO:<Support+t1@Shop.example>\r\n",
                b"RCPT TO:<j\xc3\xbcrgen@sales.example>\r\n",
                b"DATA\r\n",
                stuffed + b".\r\n",
            )
        )
    assert [line[:3] for line in lines[-5:]] == [b"250", b"250", b"354", b"250", b"221"]
    (record,) = shelf.records
    headers = dict(record.headers)
    assert headers.pop("ce_time").endswith(b"Z")
    assert abs(int(headers.pop("mail-received")) - time.time() * 1000) < 60_000
    assert (record.topic, record.key, record.value) == ("channel.email", b"Fw-2@kunde.example", MAIL)
    assert headers == {
        "ce_source": b"post",
        "ce_type": b"mail",
        "ce_id": b"Fw-2@kunde.example",
        "content-type": b"message/rfc822",
        "mail-sender": b"Ana@kunde.example",
        "mail-recipients": "Support+t1@Shop.example,jürgen@sales.example".encode(),
    }


@pytest.mark.asyncio
async def test_its_size_and_its_abilities_are_told(tmp_path: Path) -> None:
    async with running(smtp.KIND, terms(tmp_path), Shelf()) as feed:
        at = await port(feed)
        lines = await beside(lambda: talk(at, b"EHLO mx.kunde.example\r\n"))
    assert lines == [
        b"220 floorwalker mail in",
        b"250-floorwalker",
        f"250-SIZE {31 << 20}".encode(),
        b"250-8BITMIME",
        b"250-SMTPUTF8",
        b"250 HELP",
        b"221 Bye",
    ]


@pytest.mark.asyncio
async def test_only_recipients_that_the_settings_name_are_taken_and_nothing_is_passed_on(tmp_path: Path) -> None:
    shelf = Shelf()
    async with running(smtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        refused = await beside(
            lambda: send(at, "support@shop.example", "x@sales.example", "ceo@shop.example", "me@elsewhere.example")
        )
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await beside(lambda: send(at, "me@elsewhere.example"))
    assert refused == {
        "ceo@shop.example": (550, b"5.1.1 No mail is taken for this address"),
        "me@elsewhere.example": (550, b"5.1.1 No mail is taken for this address"),
    }
    (record,) = shelf.records
    assert dict(record.headers)["mail-recipients"] == b"support@shop.example,x@sales.example"


@pytest.mark.asyncio
async def test_a_bounce_has_no_sender(tmp_path: Path) -> None:
    shelf = Shelf()
    async with running(smtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        assert await beside(lambda: send(at, sender="")) == {}
    assert dict(shelf.records[0].headers)["mail-sender"] == b""


@pytest.mark.asyncio
async def test_a_mail_over_31_mib_is_refused_said_or_not_and_the_next_one_is_taken(tmp_path: Path) -> None:
    shelf = Shelf()
    line = b"x" * 76 + b"\r\n"
    over = line * (LARGEST_MAIL // len(line) + 1)
    async with running(smtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        said = f"MAIL FROM:<a@kunde.example> SIZE={LARGEST_MAIL + 1}\r\n".encode()
        lines = await beside(lambda: talk(at, b"EHLO mx.kunde.example\r\n", said))
        assert lines[-2][:3] == b"552"
        lines = await beside(
            lambda: talk(
                at,
                b"EHLO mx.kunde.example\r\n",
                b"MAIL FROM:<a@kunde.example>\r\n",
                b"RCPT TO:<support@shop.example>\r\n",
                b"DATA\r\n",
                over + b".\r\n",
                b"MAIL FROM:<a@kunde.example>\r\n",
                b"RCPT TO:<support@shop.example>\r\n",
                b"DATA\r\n",
                MAIL.replace(b"\r\n.", b"\r\n..") + b".\r\n",
            )
        )
        assert isinstance(feed, MailListener)
        assert feed.receiving == 0
    assert lines[-6] == b"552 5.3.4 A mail may have 32505856 bytes"
    assert shelf.mails == [MAIL]


@pytest.mark.asyncio
async def test_a_line_of_any_length_is_taken(tmp_path: Path) -> None:
    shelf = Shelf()
    mail = MAIL + b"x" * 1_000_000 + b"\r\n" + b"." * 70_000 + b"\r\nend\r\n"
    async with running(smtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        lines = await beside(
            lambda: talk(
                at,
                b"EHLO mx.kunde.example\r\n",
                b"MAIL FROM:<a@kunde.example>\r\n",
                b"RCPT TO:<support@shop.example>\r\n",
                b"DATA\r\n",
                mail.replace(b"\r\n.", b"\r\n..") + b".\r\n",
            )
        )
    assert lines[-2][:3] == b"250"
    assert shelf.mails == [mail]


@pytest.mark.asyncio
@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n"])
async def test_nothing_but_a_dot_between_whole_line_ends_ends_a_mail(tmp_path: Path, end: bytes) -> None:
    shelf = Shelf()
    smuggled = b"MAIL FROM:<ceo@shop.example>\r\nRCPT TO:<support@shop.example>\r\nDATA\r\nFrom: ceo@shop.example\r\n"
    async with running(smtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        lines = await beside(
            lambda: talk(
                at,
                b"EHLO mx.kunde.example\r\n",
                b"MAIL FROM:<a@kunde.example>\r\n",
                b"RCPT TO:<support@shop.example>\r\n",
                b"DATA\r\n",
                b"From: a@kunde.example\r\n\r\none" + end + smuggled + b"\r\n.\r\n",
            )
        )
    assert lines[-2:] == [b"250 2.0.0 It is kept", b"221 Bye"]
    # A dot at the beginning of a line is taken away, as the standard has it, whatever stands behind it.
    kept = end.replace(b"\r\n.", b"\r\n")
    assert shelf.mails == [b"From: a@kunde.example\r\n\r\none" + kept + smuggled + b"\r\n"]


@pytest.mark.asyncio
async def test_starttls_is_needed_where_the_settings_say_so(tmp_path: Path) -> None:
    shelf = Shelf()
    file, key = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(file))
    asked = terms(tmp_path, "starttls", certificate=str(file), key=str(key))

    def encrypted(at: int) -> dict[str, object]:
        with smtplib.SMTP("127.0.0.1", at, timeout=30) as client:
            client.starttls(context=context)
            client.ehlo()
            assert not client.has_extn("auth")
            return dict(client.sendmail("ana@kunde.example", ["support@shop.example"], MAIL))

    async with running(smtp.KIND, asked, shelf) as feed:
        at = await port(feed)
        with pytest.raises(smtplib.SMTPSenderRefused, match="Must issue a STARTTLS command first"):
            await beside(lambda: send(at))
        assert await beside(lambda: encrypted(at)) == {}
    assert len(shelf.records) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [smtp.KIND, lmtp.KIND], ids=lambda kind: str(kind.name))
async def test_a_connection_may_be_encrypted_from_the_first_byte(tmp_path: Path, kind: Kind) -> None:
    shelf = Shelf()
    file, key = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(file))

    def greeted(at: int) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", at), 10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            return connection.recv(3)

    async with running(kind, terms(tmp_path, "tls", certificate=str(file), key=str(key)), shelf) as feed:
        at = await port(feed)
        assert await beside(lambda: greeted(at)) == b"220"


@pytest.mark.asyncio
async def test_a_new_certificate_that_cannot_be_read_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mail_listener, "RELOAD_SECONDS", 0.05)
    file, key = certificate(tmp_path)
    known = ssl.create_default_context(cafile=str(file))
    others = tmp_path / "other"
    others.mkdir()
    _, foreign = certificate(others)

    def greeted(at: int) -> bytes:
        plain = socket.create_connection(("127.0.0.1", at), 10)
        with known.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            return connection.recv(3)

    with capture_logs() as logs:
        asked = terms(tmp_path, "tls", certificate=str(file), key=str(key))
        async with running(smtp.KIND, asked, Shelf()) as feed:
            at = await port(feed)
            for spoiled in (foreign.read_bytes(), encrypted(key), b"-----BEGIN"):
                key.write_bytes(spoiled)
                logs.clear()
                await until(lambda: len(logs) > 1, "told")
                assert await beside(lambda: greeted(at)) == b"220"
    assert {each["event"] for each in logs} == {"feeds.certificate_not_renewed"}


def encrypted(key: Path) -> bytes:
    """A key that nobody can read who has not the password."""
    made = serialization.load_pem_private_key(key.read_bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"secret"))


@pytest.mark.asyncio
async def test_lmtp_answers_once_for_each_recipient(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.away = True

    def deliver(at: int) -> tuple[int, int, list[bytes]]:
        with smtplib.LMTP("127.0.0.1", at) as client:
            client.ehlo()
            client.mail("ana@kunde.example")
            for each in ("support@shop.example", "x@sales.example"):
                client.rcpt(each)
            assert client.rcpt("me@elsewhere.example")[0] == 550
            first, _ = client.data(MAIL)
            second, _ = client.getreply()
            return first, second, [client.noop()[1]]

    async with running(lmtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        assert await beside(lambda: deliver(at)) == (451, 451, [b"OK"])
        shelf.away = False
        assert await beside(lambda: deliver(at)) == (250, 250, [b"OK"])
        assert (await beside(lambda: talk(at, b"EHLO mx.kunde.example\r\n")))[1][:3] == b"500"
    (record,) = shelf.records
    assert dict(record.headers)["mail-recipients"] == b"support@shop.example,x@sales.example"


@pytest.mark.asyncio
async def test_who_is_slow_is_cut_off(tmp_path: Path) -> None:
    def wait(at: int) -> bytes:
        with socket.create_connection(("127.0.0.1", at), 10) as connection:
            connection.sendall(b"EHLO mx.kunde.exam")
            heard = b""
            while part := connection.recv(4_096):
                heard += part
            return heard

    async with running(smtp.KIND, terms(tmp_path, timeout="500ms"), Shelf()) as feed:
        at = await port(feed)
        assert (await beside(lambda: wait(at))).startswith(b"220")


@pytest.mark.asyncio
async def test_more_connections_than_there_may_be_are_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mail_listener, "MOST_SESSIONS", 1)
    shelf = Shelf()

    def two(at: int) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", at), 10) as first,
            socket.create_connection(("127.0.0.1", at), 10) as second,
        ):
            assert first.recv(3) == b"220"
            return second.recv(100)

    async with running(smtp.KIND, terms(tmp_path), shelf) as feed:
        at = await port(feed)
        assert await beside(lambda: two(at)) == b"421 4.3.2 Too many connections, try again later\r\n"
        assert isinstance(feed, MailListener)
        await until(lambda: not feed.sessions, "nobody there")
        assert await beside(lambda: send(at)) == {}
        # However many are accepted before the first of them is there.
        made = [feed._accepted() for _ in range(2)]
        ends = [socket.socketpair() for _ in made]
        loop = asyncio.get_running_loop()
        for protocol, (ours, _) in zip(made, ends, strict=True):
            await loop.connect_accepted_socket(lambda protocol=protocol: protocol, ours)
        for _, theirs in ends:
            theirs.settimeout(10)
        assert [(await beside(lambda theirs=theirs: theirs.recv(3))) for _, theirs in ends] == [b"220", b"421"]
        for _, theirs in ends:
            theirs.close()
        await until(lambda: not feed.sessions, "nobody there")


@pytest.mark.asyncio
async def test_more_bytes_at_once_than_there_may_be_are_put_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_mail_listener, "MOST_BYTES", 100)
    async with running(smtp.KIND, terms(tmp_path), Shelf()) as feed:
        at = await port(feed)
        with pytest.raises(smtplib.SMTPDataError, match=r"4\.3\.1 Too much at once"):
            await beside(lambda: send(at))
        assert isinstance(feed, MailListener)
        assert feed.receiving == 0


@pytest.mark.slow
def test_on_a_kafka_that_goes_away_and_comes_back_what_was_answered_is_there(tmp_path: Path, namespace: str) -> None:
    ports = {"smtp": free_port(), "lmtp": free_port()}
    (tmp_path / "floorwalker.toml").write_text(
        "".join(
            f'[[feeds]]\nkind = "{kind}"\nsource = "by-{kind}"\naddress = "127.0.0.1:{at}"\nsecurity = "none"\n'
            for kind, at in ports.items()
        )
    )

    def sent(number: int, kind: str = "smtp") -> int:
        mail = MAIL.replace(b"Fw-2", b"Fw-%d" % number)
        maker = smtplib.SMTP if kind == "smtp" else smtplib.LMTP
        with maker("127.0.0.1", ports[kind], timeout=30) as client:
            client.ehlo()
            client.mail("ana@kunde.example")
            client.rcpt("support@shop.example")
            return client.data(mail)[0]

    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))
        settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
        connect = Program(
            BIN / "floorwalker", "connect", folder=tmp_path, log=tmp_path / "connect.log", settings=settings
        )
        with connect:
            wait_for(lambda: connect.words.count("feeds.listening") == 2, "both listening")
            assert [sent(0), sent(1, "lmtp")] == [250, 250]
            kafka.kill(0)
            assert sent(2) == 451
            kafka.restart(0)
            wait_for(lambda: sent(2) == 250, "accepted")
            assert connect.interrupt() == 0
        with Reader(kafka.bootstrap, namespace, "channel.email") as reader:
            found = {(record.headers["ce_source"], record.headers["ce_id"]) for record in reader.to_the_end()}
    assert found == {
        ("by-smtp", "Fw-0@kunde.example"),
        ("by-lmtp", "Fw-1@kunde.example"),
        ("by-smtp", "Fw-2@kunde.example"),
    }
