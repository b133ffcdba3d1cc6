"""The page that lists what came: plain HTML, everything escaped, no script."""

import email
import email.policy
import json
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from streams.outlets.sinks.files import newest

SHOWN = 100
"""Messages of each kind on the page, the newest."""

CSP = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
article { border: 1px solid #808890; border-radius: 6px; margin: 0 0 1rem; padding: .75rem 1rem; }
h2 { margin-top: 2rem; } h3 { margin: 0; font-size: 1rem; } p { margin: 0; }
pre { font: 14px/1.45 ui-monospace, monospace; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


class Shown(NamedTuple):
    """One message on the page."""

    title: str
    about: str
    text: str


class Page:
    """GET /: the newest messages of both folders; it looks again every 5 s by itself."""

    def __init__(self, mails: Path, webhooks: Path) -> None:
        self._mails = mails
        self._webhooks = webhooks

    def add_routes(self, app: web.Application) -> None:
        """Serve the page and its style sheet."""
        app.router.add_get("/", self._page)
        app.router.add_get("/style.css", self._style)

    async def _page(self, _request: web.Request) -> web.Response:
        mails = [mail_of(path) for path in newest(self._mails, ".eml", SHOWN)]
        webhooks = [webhook_of(path) for path in newest(self._webhooks, ".json", SHOWN)]
        return _answer(html(mails, webhooks), "text/html")

    async def _style(self, _request: web.Request) -> web.Response:
        return _answer(_STYLE, "text/css")


def _answer(text: str, kind: str) -> web.Response:
    headers = {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return web.Response(text=text, content_type=kind, headers=headers)


def _came(path: Path) -> str:
    stamp = path.name.partition("-")[0]
    return f"{datetime.fromtimestamp(int(stamp) / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC" if stamp.isdecimal() else ""


def mail_of(path: Path) -> Shown:
    """What is shown of a mail; one that can't be read is shown as it is."""
    data = path.read_bytes()
    try:
        mail = email.message_from_bytes(data, _class=EmailMessage, policy=email.policy.default)
        body = mail.get_body(("plain",))
        text = str(body.get_content()) if body is not None else ""
        about = f"{mail['From'] or ''} to {mail['To'] or ''}, {_came(path)}"
        return Shown(str(mail["Subject"] or "(no subject)"), about, text)
    except (LookupError, ValueError, AttributeError, TypeError):
        return Shown("(unreadable)", _came(path), data.decode("utf-8", "replace"))


def webhook_of(path: Path) -> Shown:
    """What is shown of a webhook's body; one that is not JSON is shown as it is."""
    data = path.read_bytes()
    try:
        content = json.loads(data)
        text = json.dumps(content, indent=2, ensure_ascii=False)
        title = str(content.get("type", "")) if isinstance(content, dict) else ""
    except ValueError:
        title, text = "(not JSON)", data.decode("utf-8", "replace")
    return Shown(title or "(no type)", _came(path), text)


def html(mails: list[Shown], webhooks: list[Shown]) -> str:
    """The page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
        '<meta name="viewport" content="width=device-width"><title>Messages</title>'
        '<link rel="stylesheet" href="/style.css"></head><body><h1>What the notifier sent</h1>'
        f"<h2>Mail ({len(mails)})</h2>{_articles(mails)}<h2>Webhooks ({len(webhooks)})</h2>{_articles(webhooks)}"
        "</body></html>"
    )


def _articles(messages: list[Shown]) -> str:
    return "".join(
        f"<article><h3>{escape(each.title)}</h3><p>{escape(each.about)}</p><pre>{escape(each.text)}</pre></article>"
        for each in messages
    ) or ("<p>Nothing came yet.</p>")
