"""What stands outside of Floorwalker in the demo: a switchboard, a mailbox and the tools of three desks, with
their secrets."""

import time
from collections.abc import Mapping

import aiohttp

from agents.cli.demo.senders import ByRecipient, Filer, Mailer, Outbox, Poster
from agents.cli.demo.settings_file import ADDRESS, CHAT, MANAGER, ORDERS, SOCIAL, Secrets
from streams.simulator.wires import Wire
from streams.simulator.wires.ami import Ami, Switchboard
from streams.simulator.wires.chatwoot import Chatwoot
from streams.simulator.wires.mailbox import Mailbox
from streams.simulator.wires.mails import Mails
from streams.simulator.wires.whatsapp import WhatsApp


class Outside:
    """The simulated tools."""

    def __init__(self, secrets: Secrets) -> None:
        self.switchboard = Ami(Switchboard(), MANAGER, secrets.switchboard, clock=time.time)
        self.mailbox = Mailbox(ORDERS, secrets.mailbox)
        self.chat = Chatwoot(secrets.chat)
        self.social = WhatsApp(secrets.social)
        self._mail = Mails(ADDRESS, ORDERS)

    async def start(self) -> None:
        """Begin to listen. Raises OSError where a port is taken."""
        await self.switchboard.start()
        await self.mailbox.start()

    async def stop(self) -> None:
        """Hang up."""
        await self.switchboard.stop()
        await self.mailbox.stop()

    @property
    def wires(self) -> Mapping[str, Wire]:
        """By the desks' names."""
        return {"chat": self.chat, "mail": self._mail, "social": self.social}

    def outboxes(self, session: aiohttp.ClientSession, gateway_port: int, mail_port: int) -> Mapping[str, Outbox]:
        """Where each desk's tool puts what it has to say."""
        hooks = f"http://127.0.0.1:{gateway_port}/hooks"
        return {
            "chat": Outbox(Poster(session, self.chat, f"{hooks}/{self.chat.provider}/{CHAT}")),
            "mail": Outbox(ByRecipient({ADDRESS: Mailer(mail_port), ORDERS: Filer(self.mailbox)})),
            "social": Outbox(Poster(session, self.social, f"{hooks}/{self.social.provider}/{SOCIAL}")),
        }
