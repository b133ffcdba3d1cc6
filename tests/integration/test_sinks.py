"""The mailbox and the webhook inbox for trying the notifier out: what is genuine is kept, once, and shown escaped."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest
import pytest_asyncio

from streams.outlets.sinks import Sinks, start

SECRET = "a secret for the test only"  # noqa: S105 - of this file's sink


@pytest_asyncio.fixture
async def sinks(tmp_path: Path) -> AsyncIterator[Sinks]:
    running = await start(tmp_path, 0, 0, SECRET)
    yield running
    await running.stop()


def signed(id_: str, body: bytes, *, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    timestamp = str(int(time.time()) if at is None else at)
    mac = hmac.new(secret.encode(), f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    mark = base64.b64encode(mac.digest()).decode()
    return {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{mark}"}


async def post(sinks: Sinks, body: bytes, headers: dict[str, str]) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(sinks.hook, content=body, headers=headers)).status_code


@pytest.mark.asyncio
async def test_a_genuine_webhook_is_kept_once_however_often_it_comes(sinks: Sinks) -> None:
    body = b'{"type": "some.thing"}'
    assert [await post(sinks, body, signed("one", body)) for _ in range(2)] == [204, 204]
    assert [path.read_bytes() for path in sinks.inbox.folder.glob("*.json")] == [body]


@pytest.mark.asyncio
async def test_what_is_not_genuine_is_refused_and_counted(sinks: Sinks) -> None:
    body = b"{}"
    assert await post(sinks, body, {}) == 401
    assert await post(sinks, body, signed("one", body, secret="another secret")) == 401  # noqa: S106 - wrong on purpose
    assert await post(sinks, b"[]", signed("one", body)) == 401
    assert await post(sinks, body, signed("one", body, at=int(time.time()) - 301)) == 401
    assert await post(sinks, body, signed("../../one", body)) == 400
    assert sinks.inbox.refused == 5
    assert list(sinks.inbox.folder.iterdir()) == []


@pytest.mark.asyncio
async def test_the_page_shows_mails_and_webhooks_and_lets_no_markup_through(sinks: Sinks) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "floor@example.org", "lead@example.org", "<script>alert(1)</script> é"
    mail.set_content("<b>bold</b> words\n")
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=sinks.smtp_port, start_tls=False)
    body = b'{"type": "<img src=x>"}'
    await post(sinks, body, signed("one", body))
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(sinks.page)
        style = await client.get(f"{sinks.page}style.css")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert style.headers["content-type"].startswith("text/css")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; é" in answer.text
    assert "&lt;b&gt;bold&lt;/b&gt; words" in answer.text
    assert "&lt;img src=x&gt;" in answer.text
    assert not any(tag in answer.text for tag in ("<script", "<b>", "<img"))
    assert len(list(sinks.mailbox.folder.glob("*.eml"))) == 1
