"""What stands outside of Floorwalker in the demo: a switchboard and the tools of three desks, with their secrets."""

import time
from collections.abc import Mapping

import aiohttp

from agents.cli.demo.senders import Mailer, Outbox, Poster
from agents.cli.demo.settings_file import ADDRESS, CHAT, MANAGER, SOCIAL, Secrets
from streams.simulator.wires import Wire
from streams.simulator.wires.ami import Ami, Switchboard
from streams.simulator.wires.chatwoot import Chatwoot
from streams.simulator.wires.mails import Mails
from streams.simulator.wires.whatsapp import WhatsApp


class Outside:
    """The simulated tools."""

    def __init__(self, secrets: Secrets) -> None:
        self.switchboard = Ami(Switchboard(), MANAGER, secrets.switchboard, clock=time.time)
        self.chat = Chatwoot(secrets.chat)
        self.social = WhatsApp(secrets.social)
        self._mail = Mails(ADDRESS)

    @property
    def wires(self) -> Mapping[str, Wire]:
        """By the desks' names."""
        return {"chat": self.chat, "mail": self._mail, "social": self.social}

    def outboxes(self, session: aiohttp.ClientSession, gateway_port: int, mail_port: int) -> Mapping[str, Outbox]:
        """Where each desk's tool puts what it has to say."""
        hooks = f"http://127.0.0.1:{gateway_port}/hooks"
        return {
            "chat": Outbox(Poster(session, self.chat, f"{hooks}/{self.chat.provider}/{CHAT}")),
            "mail": Outbox(Mailer(mail_port)),
            "social": Outbox(Poster(session, self.social, f"{hooks}/{self.social.provider}/{SOCIAL}")),
        }
