"""Mailbox, webhook inbox and their page, started together."""

from pathlib import Path

from aiohttp import web

from streams.outlets.sinks.mailbox import Mailbox
from streams.outlets.sinks.page import Page
from streams.outlets.sinks.webhook_inbox import PATH, WebhookInbox

LARGEST = 1 << 20


class Sinks:
    """What `start` started. `smtp_port` and `web_port` are those that were taken; `hook`: where webhooks go."""

    def __init__(self, mailbox: Mailbox, inbox: WebhookInbox, runner: web.AppRunner, web_port: int) -> None:
        self.mailbox = mailbox
        self.inbox = inbox
        self.smtp_port = mailbox.port
        self.web_port = web_port
        self.page = f"http://127.0.0.1:{web_port}/"
        self.hook = f"http://127.0.0.1:{web_port}{PATH}"
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening; the files stay."""
        await self.mailbox.stop()
        await self._runner.cleanup()


async def start(folder: Path, smtp_port: int, web_port: int, secret: str) -> Sinks:
    """Listen on 127.0.0.1 for mail and for webhooks signed with `secret`; mails go to folder/mails, bodies to
    folder/webhooks, and the page at / lists both. Port 0 takes any free one. Raises OSError where a port is taken.
    """
    inbox = WebhookInbox(folder / "webhooks", secret)
    mailbox = Mailbox(folder / "mails", smtp_port)
    await mailbox.start()
    app = web.Application(client_max_size=LARGEST)
    inbox.add_routes(app)
    Page(mailbox.folder, inbox.folder).add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", web_port).start()
    except BaseException:
        await mailbox.stop()
        await runner.cleanup()
        raise
    return Sinks(mailbox, inbox, runner, int(runner.addresses[0][1]))
