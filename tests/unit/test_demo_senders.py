"""What the demo's simulated tools send arrives, in order, however often it was not taken before."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from imapclient import IMAPClient

from agents.cli.demo import senders
from agents.cli.demo.senders import ByRecipient, Filer, Mailer, Outbox, Poster, Refused, Sender
from streams.ending import end
from streams.kafka.ports import free_port
from streams.simulator.wires import Payload
from streams.simulator.wires.chatwoot import Chatwoot
from streams.simulator.wires.mailbox import Mailbox

PAYLOADS = [Payload(f"{number}\r\n".encode(), f"d-{number}", 0.0, "", "care@demo.example") for number in range(3)]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "FIRST_PAUSE", 0.01)


async def sent(sender: Sender, taken: list[Any], until: int) -> None:
    """Have all payloads sent, until so many were taken. Raises what the outbox raises."""
    outbox = Outbox(sender)
    for payload in PAYLOADS:
        outbox.put(payload)
    running = asyncio.create_task(outbox.run())
    try:
        async with asyncio.timeout(10):
            while len(taken) < until:
                if running.done():
                    running.result()
                await asyncio.sleep(0.005)
    finally:
        await end(running, again=0.5)


async def gateway(port: int, answers: list[int], taken: list[bytes]) -> web.AppRunner:
    """Answers one after the other, then 200 always."""

    async def hook(request: web.Request) -> web.Response:
        status = answers.pop(0) if answers else 200
        body = await request.read()
        if status == 200:
            taken.append(body)
            assert request.headers["X-Chatwoot-Signature"].startswith("sha256=")
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/hooks/chatwoot/chat", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


def posted(answers: list[int], *, late: float = 0.0) -> list[bytes]:
    taken: list[bytes] = []

    async def story() -> None:
        port = free_port()

        async def serve() -> web.AppRunner:
            await asyncio.sleep(late)
            return await gateway(port, answers, taken)

        serving = asyncio.create_task(serve())
        async with aiohttp.ClientSession() as session:
            poster = Poster(session, Chatwoot("secret"), f"http://127.0.0.1:{port}/hooks/chatwoot/chat")
            try:
                await sent(poster, taken, len(PAYLOADS))
            finally:
                await (await serving).cleanup()

    asyncio.run(story())
    return taken


def test_webhooks_that_were_not_taken_come_again_in_order() -> None:
    assert posted([503, 500, 200, 429, 408]) == [each.body for each in PAYLOADS]


def test_webhooks_wait_for_a_gateway_that_is_not_up_yet() -> None:
    assert posted([], late=0.1) == [each.body for each in PAYLOADS]


def test_a_webhook_that_is_refused_for_good_ends_the_demo_with_a_word() -> None:
    with pytest.raises(Refused, match=r"/hooks/chatwoot/chat answered 401"):
        posted([401])


class Server:
    """A mail server that answers one after the other, then takes all."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers
        self.taken: list[tuple[str | None, bytes]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        self.taken.append((envelope.mail_from, bytes(envelope.original_content or b"")))
        return "250 Kept"


def mailed(answers: list[str]) -> Server:
    server = Server(answers)

    async def story() -> None:
        listening = await asyncio.get_running_loop().create_server(
            lambda: SMTP(server, hostname="localhost"), "127.0.0.1", 0
        )
        try:
            await sent(Mailer(listening.sockets[0].getsockname()[1]), server.taken, len(PAYLOADS))
        finally:
            listening.close()

    asyncio.run(story())
    return server


def test_mails_that_were_not_taken_come_again_in_order_with_an_empty_sender_where_they_have_none() -> None:
    assert mailed(["451 4.3.0 Later", "421 Away"]).taken == [("<>", each.body) for each in PAYLOADS]


def test_a_mail_that_is_refused_for_good_ends_the_demo_with_a_word() -> None:
    with pytest.raises(Refused, match="answered 552"):
        mailed(["552 Too large"])


class Post:
    """Takes mails for an address."""

    def __init__(self, answers: list[bool]) -> None:
        self._answers = answers
        self.taken: list[bytes] = []

    async def send(self, payload: Payload) -> bool:
        if self._answers and not self._answers.pop(0):
            return False
        self.taken.append(payload.body)
        return True


def test_a_mail_goes_the_way_of_its_recipient_and_comes_again_where_it_was_not_taken() -> None:
    ours, theirs = Post([False, True, False]), Post([])
    ways = ByRecipient({"care@demo.example": ours, "orders@demo.example": theirs})

    async def story() -> list[bool]:
        orders = Payload(b"order", "o", recipient="orders@demo.example")
        return [await ways.send(each) for each in (PAYLOADS[0], orders, PAYLOADS[0], PAYLOADS[1])]

    assert asyncio.run(story()) == [False, True, True, False]
    assert (ours.taken, theirs.taken) == ([PAYLOADS[0].body], [b"order"])


def test_a_mail_lies_in_the_mailbox_as_one_that_comes_now() -> None:
    payload = Payload(b"From: ana@kunde.example\r\n\r\nHello\r\n", "m", recipient="orders@demo.example")

    async def story() -> dict[bytes, Any]:
        mailbox = Mailbox("orders@demo.example", "secret")
        await mailbox.start()
        try:
            assert await Filer(mailbox).send(payload)
            return await asyncio.to_thread(only_mail, mailbox.port)
        finally:
            await mailbox.stop()

    begun = time.time()
    found = asyncio.run(story())
    assert found[b"BODY[]"] == payload.body
    assert int(begun) <= found[b"INTERNALDATE"].timestamp() <= time.time()


def only_mail(port: int) -> dict[bytes, Any]:
    with IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login("orders@demo.example", "secret")
        client.select_folder("INBOX", readonly=True)
        (found,) = client.fetch(client.search(), ["BODY.PEEK[]", "INTERNALDATE"]).values()
        return dict(found)


class Deaf:
    """A sender whose library takes no notice of a cancellation."""

    def __init__(self) -> None:
        self.sending = asyncio.Event()

    async def send(self, _payload: Payload) -> bool:
        with suppress(asyncio.CancelledError):
            self.sending.set()
            await asyncio.sleep(60)
        return True


def test_an_outbox_ends_although_a_cancellation_was_lost() -> None:
    async def story() -> None:
        deaf = Deaf()
        outbox = Outbox(deaf)
        outbox.put(PAYLOADS[0])
        running = asyncio.create_task(outbox.run())
        await deaf.sending.wait()
        async with asyncio.timeout(10):
            await end(running, again=0.1)

    asyncio.run(story())
