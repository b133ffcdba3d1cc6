"""Mastodon's stream: a direct message, our reply, and another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from streams.connectors.feeds.mastodon import KIND, LARGEST
from tests.contract.feed_kit import FeedStand, Told, pour
from tests.integration.mail_kit import until
from tests.integration.test_mastodon_stream import TOKEN, TOKEN_SAID, Instance, body, mention, reply, sse

ASKED = ("contact.created", "contact.offered", "message.posted")
FIRST, MORE = body(mention(1)), body(mention(2, created_at="2026-10-20T10:00:30.000Z"))
REPLIED = body(
    reply(1, created_at="2026-10-20T10:00:10.000Z", visibility="direct", mentions=[{"acct": "ana@kunde.example"}])
)


class MastodonStand(FeedStand):
    """A kind of feed: `mastodon`."""

    name, kind, format, channel = "mastodon", KIND, KIND.format, "social"
    secrets, secret = {TOKEN_SAID: TOKEN}, TOKEN_SAID
    settings: Mapping[str, str] = {"from": "beginning"}
    refusal = "/api/v1/accounts/verify_credentials is not for us: the token is not valid"
    too_large = f"an event of the stream has more than {LARGEST:,} bytes"
    headers = ("mastodon-event", "mastodon-account")
    limit = LARGEST
    conversation = (
        Told(FIRST, ASKED, "notification"),
        Told(REPLIED, ("message.posted", "contact.answered"), "update"),
        Told(MORE, ASKED, "notification"),
    )
    # Who listens anew asks for notifications first.
    retold = (conversation[0], conversation[2], conversation[1])
    unknown = Told(body(mention(3)), ("ignored", "unknown_event"), "notification.polished")
    no_utf8 = Told(FIRST.replace("ü".encode(), b"\xff\xfe"), ("failed", "syntax"), "notification")
    torn = Told(FIRST[: len(FIRST) // 2], ("failed", "syntax"), "notification")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.instance = Instance()

    async def start(self) -> None:
        await self.instance.start()
        self.port = self.instance.port

    async def stop(self) -> None:
        await self.instance.stop()

    async def streaming(self) -> None:
        """Wait until somebody listens, and has asked for what was missed."""
        asked = "/api/v1/accounts/1/statuses"
        await until(
            lambda: self.instance.streaming and any(each.startswith(asked) for each in self.instance.asked), "streaming"
        )

    def end(self) -> None:
        self.instance.hang_up()
        self.instance.asked.clear()

    async def say(self, *told: Told) -> None:
        await self.streaming()
        for each in told:
            if each in self.conversation:
                pages = {"notification": self.instance.notifications, "update": self.instance.statuses}[each.event]
                entity = msgspec.json.decode(each.payload)
                pages += [] if entity in pages else [entity]
            await self.instance.say(sse(each.event, each.payload))

    async def cut(self, told: Told) -> None:
        await self.streaming()
        whole = sse(told.event, told.payload)
        await self.instance.say(whole[: len(whole) // 2])
        self.end()
        await until(lambda: self.was_told("feeds.broken"), "the loss said")

    async def overflow(self) -> None:
        await self.streaming()
        await pour(self.instance.writers[0], b"event: update\ndata: ", self.limit)
        await until(lambda: self.broken(self.too_large), "said")
        self.end()

    async def hang_up(self) -> None:
        self.end()

    async def again(self) -> None:
        """It asks for all itself."""


STANDS = (MastodonStand,)
