"""Mailboxes of a real IMAP server: what comes is brought once and verbatim, and nothing in them is changed."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents.intake.formats import understood
from agents.intake.parsing import Context, Events
from schemas.ids import contact_id
from schemas.instants import to_ms
from streams.connectors.feed import Terms
from streams.connectors.feeds.imap import KIND
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.acceptance.program import BIN, Program, wait_for
from tests.acceptance.reading import Reader
from tests.integration.mail_kit import PASSWORD, USER, Dovecot, Shelf, dovecot, running, until

RECEIVED = 1_792_490_325_000


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot() as started:
        yield started


def mail(number: int, text: str = "Still nothing here.", sender: str = "ana@kunde.example") -> bytes:
    return (
        f"From: Ana Kunde <{sender}>\r\nTo: support@shop.example\r\nSubject: Parcel {number}\r\n"
        f"Message-ID: <Fw-{number}@kunde.example>\r\n\r\n{text}\r\n"
    ).encode()


def terms(folder: Path, port: int, security: str = "none", password: str = PASSWORD, **settings: str) -> Terms:
    return Terms(
        "post", "127.0.0.1", port, security, {"user": (USER,), "password": (password,)}, settings, folder / "post"
    )


def connected() -> float | None:
    return REGISTRY.get_sample_value("floorwalker_feed_connected", {"source": "post"})


@pytest.mark.asyncio
async def test_what_is_there_and_what_comes_is_brought_verbatim_within_a_second(
    server: Dovecot, tmp_path: Path
) -> None:
    shelf = Shelf()
    server.deliver(mail(1))
    async with running(KIND, terms(tmp_path, server.port, **{"from": "beginning"}), shelf):
        await shelf.has(1)
        seconds = []
        for number in (2, 3, 4):
            begun = time.monotonic()
            server.deliver(mail(number))
            await shelf.has(number)
            seconds.append(time.monotonic() - begun)
        # Other work may share the machine: one of them was not held up.
        assert min(seconds) < 1.0
        server.deliver(b"From: b@kunde.example\nSubject: no id, \xfc\n\nHello\n")
        await shelf.has(5)
        assert connected() == 1
    assert connected() == 0
    first, second, *_, last = shelf.records
    assert (first.topic, first.key, first.value) == ("channel.email", b"Fw-1@kunde.example", mail(1))
    headers = dict(first.headers)
    assert headers.pop("ce_time").endswith(b"Z")
    assert int(headers.pop("mail-uidvalidity")) > 0
    assert headers == {
        "ce_source": b"post",
        "ce_type": b"mail",
        "ce_id": b"Fw-1@kunde.example",
        "content-type": b"message/rfc822",
        "mail-mailbox": b"INBOX",
        "mail-uid": b"1",
        "mail-received": str(RECEIVED).encode(),
    }
    assert dict(second.headers)["mail-uid"] == b"2"
    # Dovecot hands mails out with the line ends of the standard.
    assert last.value == b"From: b@kunde.example\r\nSubject: no id, \xfc\r\n\r\nHello\r\n"
    assert len(dict(last.headers)["ce_id"]) == 64


@pytest.mark.asyncio
async def test_the_first_start_leaves_out_what_is_there_and_the_next_goes_on_where_it_was(
    server: Dovecot, tmp_path: Path
) -> None:
    shelf = Shelf()
    server.deliver(mail(1), mail(2))
    async with running(KIND, terms(tmp_path, server.port), shelf):
        await until(lambda: connected() == 1, "connected")
        server.deliver(mail(3))
        await shelf.has(1)
    server.deliver(mail(4))
    async with running(KIND, terms(tmp_path, server.port), shelf):
        await shelf.has(2)
        await asyncio.sleep(0.3)
    assert shelf.mails == [mail(3), mail(4)]


@pytest.mark.asyncio
async def test_no_mail_is_marked_as_read_or_changed_in_any_way(server: Dovecot, tmp_path: Path) -> None:
    shelf = Shelf()
    server.deliver(mail(1))
    files = sorted(path.name for path in server.folder.rglob("mail/**/cur/*"))
    async with running(KIND, terms(tmp_path, server.port, **{"from": "beginning"}), shelf):
        await shelf.has(1)
    with server.as_user() as client:
        client.select("INBOX", readonly=True)
        _, said = client.fetch("1", "(FLAGS)")
        assert b"Seen" not in repr(said).encode()
        # An EXAMINE takes no \\Recent away.
        assert client.search(None, "UNSEEN")[1] == [b"1"]
    assert sorted(path.name for path in server.folder.rglob("mail/**/cur/*")) == files


@pytest.mark.asyncio
async def test_two_mailboxes_are_read_and_one_that_is_not_there_keeps_nobody_waiting(
    server: Dovecot, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf = Shelf()
    server.deliver(mail(1))
    server.deliver(mail(2), mailbox="Sent")
    server.deliver(mail(3), mailbox="Erl&AOQ-utert")
    asked = {"from": "beginning", "mailboxes": "INBOX, Sent,Erläutert,Gone"}
    async with running(KIND, terms(tmp_path, server.port, **asked), shelf):
        await shelf.has(3)
        server.deliver(mail(4), mailbox="Sent")
        await shelf.has(4)
        assert connected() == 0
        server.deliver(mail(5), mailbox="Gone")
        await shelf.has(5)
        await until(lambda: connected() == 1, "all of them connected")
    by_mailbox = sorted((dict(each.headers)["mail-mailbox"].decode(), each.value) for each in shelf.records)
    assert by_mailbox == [
        ("Erläutert", mail(3)),
        ("Gone", mail(5)),
        ("INBOX", mail(1)),
        ("Sent", mail(2)),
        ("Sent", mail(4)),
    ]
    said = capsys.readouterr().out + caplog.text
    assert "no mailbox 'Gone' can be opened; there are: 'Erläutert', 'INBOX', 'Sent'" in said


@pytest.mark.asyncio
async def test_what_stands_in_sent_answers_what_came(server: Dovecot, tmp_path: Path) -> None:
    shelf = Shelf()
    server.deliver(mail(1))
    reply = (
        b"From: Support <support@shop.example>\r\nTo: ana@kunde.example\r\nMessage-ID: <Fw-2@shop.example>\r\n"
        b"In-Reply-To: <Fw-1@kunde.example>\r\n\r\nIt is on its way.\r\n"
    )
    server.deliver(reply, mailbox="Sent")
    asked = {"from": "beginning", "mailboxes": "INBOX,Sent", "addresses": "@shop.example"}
    async with running(KIND, terms(tmp_path, server.port, **asked), shelf):
        await shelf.has(2)
    said = []
    for record in sorted(shelf.records, key=lambda each: dict(each.headers)["mail-mailbox"]):
        context = Context("post", dict(record.headers), read_at=RECEIVED + 60_000, settings=asked)
        parsed = understood()["mail"].parse(record.value, context)
        assert isinstance(parsed, Events)
        rows = [msgspec.to_builtins(event) for event in parsed.events]
        said.append([(row["type"], row.get("queue"), row.get("agent")) for row in rows])
        assert {row["contact"] for row in rows} == {contact_id("post", "Fw-1@kunde.example")}
        assert {to_ms(event.time) for event in parsed.events} == {RECEIVED}
    assert said == [
        [
            ("contact.created", "support@shop.example", None),
            ("contact.offered", "support@shop.example", None),
            ("message.posted", "support@shop.example", None),
        ],
        [
            ("contact.answered", None, "support@shop.example"),
            ("message.posted", None, "support@shop.example"),
        ],
    ]


@pytest.mark.asyncio
async def test_a_server_that_went_away_is_found_again(server: Dovecot, tmp_path: Path) -> None:
    shelf = Shelf()
    async with running(KIND, terms(tmp_path, server.port), shelf):
        await until(lambda: connected() == 1, "connected")
        server.stop()
        await until(lambda: connected() == 0, "the loss noticed")
        server.start()
        server.deliver(mail(1))
        await shelf.has(1)
    assert shelf.mails == [mail(1)]


@pytest.mark.asyncio
async def test_after_another_uidvalidity_all_is_read_again_under_the_same_ids(server: Dovecot, tmp_path: Path) -> None:
    shelf = Shelf()
    server.deliver(mail(1), mail(2))
    asked = terms(tmp_path, server.port, **{"from": "beginning"})
    async with running(KIND, asked, shelf):
        await shelf.has(2)
    server.stop()
    server.number_anew()
    server.start()
    server.deliver(mail(3))
    async with running(KIND, asked, shelf):
        await shelf.has(5)
    ids = [dict(record.headers)["ce_id"].decode() for record in shelf.records]
    assert sorted(set(ids)) == ["Fw-1@kunde.example", "Fw-2@kunde.example", "Fw-3@kunde.example"]
    assert len({dict(record.headers)["mail-uidvalidity"] for record in shelf.records}) == 2


@pytest.mark.asyncio
async def test_a_mail_of_20_mb_comes_whole(server: Dovecot, tmp_path: Path) -> None:
    large = mail(1, "\r\n".join(["QUJD" * 19] * 260_000))
    assert len(large) > 20_000_000
    shelf = Shelf()
    server.deliver(large)
    async with running(KIND, terms(tmp_path, server.port, **{"from": "beginning"}), shelf):
        await shelf.has(1)
    assert shelf.mails == [large]


@pytest.mark.asyncio
@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_an_encrypted_connection_needs_a_certificate_that_is_known(
    server: Dovecot, tmp_path: Path, security: str
) -> None:
    shelf = Shelf()
    port = server.tls_port if security == "tls" else server.port
    server.deliver(mail(1))
    with capture_logs() as logs:
        async with running(KIND, terms(tmp_path, port, security, **{"from": "beginning"}), shelf):
            await until(lambda: "certificate verify failed" in str(logs), "told")
    assert shelf.mails == []
    known = {"from": "beginning", "ca": str(server.certificate)}
    async with running(KIND, terms(tmp_path, port, security, **known), shelf):
        await shelf.has(1)
        server.deliver(mail(2))
        await shelf.has(2)


@pytest.mark.asyncio
async def test_a_wrong_password_is_told_without_it_and_not_tried_again_soon(server: Dovecot, tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with running(KIND, terms(tmp_path, server.port, password="hunter" + "3"), Shelf()):
            await until(lambda: bool(logs), "told")
    assert [(each["error"], each["again_in"]) for each in logs] == [("the server refuses user and password", 120.0)]
    assert "hunter3" not in str(logs)


@pytest.mark.asyncio
async def test_a_token_logs_in_as_it_stands_in_its_file_now(server: Dovecot, tmp_path: Path) -> None:
    shelf = Shelf()
    file = tmp_path / "token"
    file.write_text(PASSWORD + "\n")
    server.deliver(mail(1))
    asked = terms(tmp_path, server.port, **{"from": "beginning"})._replace(
        secrets={"user": (USER,), "token": ("expired",)}, origins={"token": f"file:{file}"}
    )
    async with running(KIND, asked, shelf):
        await shelf.has(1)


@pytest.mark.asyncio
async def test_a_server_without_idle_is_polled(tmp_path: Path) -> None:
    shelf = Shelf()
    with dovecot(capability="IMAP4rev1 LITERAL+ SASL-IR") as server:
        async with running(KIND, terms(tmp_path, server.port, poll="300ms"), shelf):
            await until(lambda: connected() == 1, "connected")
            server.deliver(mail(1))
            await shelf.has(1)
            server.deliver(mail(2))
            await shelf.has(2)
    assert shelf.mails == [mail(1), mail(2)]


@pytest.mark.asyncio
async def test_what_could_not_be_kept_is_kept_later_and_asked_for_once(server: Dovecot, tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.away = True
    server.deliver(mail(1), mail(2))
    with capture_logs() as logs:
        async with running(KIND, terms(tmp_path, server.port, **{"from": "beginning"}), shelf):
            await until(lambda: sum(each["event"] == "feeds.waits" for each in logs) >= 2, "two tries")
            assert connected() == 1
            shelf.away = False
            await shelf.has(2)
    assert shelf.mails == [mail(1), mail(2)]
    assert "feeds.broken" not in [each["event"] for each in logs]


@pytest.mark.asyncio
async def test_it_ends_at_once_while_a_server_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with running(KIND, terms(tmp_path, silent.getsockname()[1]), Shelf()):
            accepted, _ = await asyncio.to_thread(silent.accept)
        # Nobody waits for the thread; it ends as soon as its call does.
        accepted.close()
        wait_for(lambda: not any(each.name == "imap post" for each in threading.enumerate()), "the thread ended")


@pytest.mark.slow
def test_through_the_loss_of_kafka_and_of_the_connector_nothing_is_lost_and_nothing_counts_twice(
    server: Dovecot, tmp_path: Path, namespace: str
) -> None:
    (tmp_path / "floorwalker.toml").write_text(
        f'[[feeds]]\nkind = "imap"\nsource = "post"\naddress = "127.0.0.1:{server.port}"\nsecurity = "none"\n'
        f'secrets = {{ user = "{USER}", password = "env:MAIL_PASSWORD" }}\nsettings = {{ from = "beginning" }}\n'
    )
    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))
        settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
        log = tmp_path / "connect.log"
        connect = Program(BIN / "floorwalker", "connect", folder=tmp_path, log=log, settings=settings)
        os.environ["MAIL_PASSWORD"] = PASSWORD
        try:
            with connect:
                server.deliver(*(mail(number) for number in range(20)))
                _brought(kafka, namespace, 20)
                kafka.kill(0)
                server.deliver(*(mail(number) for number in range(20, 40)))
                wait_for(lambda: "feeds.waits" in connect.words, "the loss told")
                connect.kill()
                connect.start()
                time.sleep(2)
                kafka.restart(0)
                _brought(kafka, namespace, 40)
                server.deliver(mail(40))
                _brought(kafka, namespace, 41)
                assert connect.interrupt() == 0
                assert PASSWORD not in log.read_text()
        finally:
            del os.environ["MAIL_PASSWORD"]
        with Reader(kafka.bootstrap, namespace, "channel.email") as reader:
            found = {record.headers["ce_id"]: record.value for record in reader.to_the_end()}
    assert found == {f"Fw-{number}@kunde.example": mail(number) for number in range(41)}


def _brought(kafka: EmbeddedKafka, namespace: str, n: int) -> None:
    def there() -> bool:
        with Reader(kafka.bootstrap, namespace, "channel.email") as reader:
            return len({record.headers["ce_id"] for record in reader.to_the_end()}) >= n

    wait_for(there, f"{n} mails on the topic")
