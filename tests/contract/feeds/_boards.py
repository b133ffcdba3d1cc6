"""What both kinds of switchboards have in common: they say everything once, to whoever listens."""

from __future__ import annotations

from streams.connectors.feeds._switchboard import LONGEST_FRAME
from tests.contract.feed_kit import FeedStand, Told, pour
from tests.integration.mail_kit import until
from tests.integration.peer import Peer


class BoardStand(FeedStand):
    """A kind whose peer is a switchboard. `greeted`: records of what is asked for after each login; `endless`: how what
    has no end begins."""

    peer: Peer
    channel = "phone"
    spools = True
    limit = LONGEST_FRAME
    greeted = 1
    endless: bytes

    def framed(self, told: Told) -> bytes:
        """As it goes over the wire."""
        return told.payload

    async def start(self) -> None:
        await self.peer.start()
        self.port = self.peer.port

    async def stop(self) -> None:
        await self.peer.stop()

    async def greet(self) -> None:
        """Wait until somebody listens who has asked for all that is asked first."""
        await until(lambda: len(self.shelf.records) == self.greeted, "greeted")

    async def say(self, *told: Told) -> None:
        await until(lambda: bool(self.peer.writers), "somebody listens")
        await self.peer.say(*map(self.framed, told))

    async def cut(self, told: Told) -> None:
        await self.greet()
        frame = self.framed(told)
        await self.peer.say(frame[: len(frame) // 2])
        self.peer.hang_up()
        await until(lambda: self.broken("the connection was closed"), "the loss said")

    async def overflow(self) -> None:
        await self.greet()
        await pour(self.peer.writers[0], self.endless, self.limit)
        await until(lambda: self.broken(self.too_large), "said")

    async def hang_up(self) -> None:
        self.peer.hang_up()

    async def again(self) -> None:
        await self.say(*self.conversation)
