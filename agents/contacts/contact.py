"""What is known of one contact: the log of its events and what they add up to."""

import msgspec

from agents.contacts.entry import Entry
from agents.contacts.log import read_log
from agents.contacts.memory import digest
from agents.contacts.offer import ANSWERED, Offer, twin_of


class Contact(msgspec.Struct, gc=False):
    """One conversation on one channel. Instants in ms since the epoch.

    `log`: its events (log.py), so many `lines`, of which `tail` is the last. The fields from `started` to `anomalies`
    are a fold over the log and `judged` alone (fold.py). `judged`: the instant up to which deadlines were looked at;
    it never goes back. `customer`: id of the customer, `told`: the one that was last told on customers.events. Of a
    settled contact, the log and what follows from it is gone; `packed` holds the digests of its event ids, `settled`
    the time of its last event, `revision` the highest that any of them had.
    """

    channel: str
    log: bytes = b""
    lines: int = 0
    tail: Entry | None = None
    started: int | None = None
    last: int = 0
    offers: list[Offer] = []
    ended: int | None = None
    left_ivr: int | None = None
    transfers: int = 0
    identifier: str | None = None
    anomalies: tuple[str, ...] = ()
    judged: int = 0
    customer: str = ""
    told: str | None = None
    packed: bytes = b""
    settled: int = 0
    revision: int = 0

    def copy(self) -> "Contact":
        """A copy that can be changed and leaves this one as it is (entries and terms never change)."""
        twin: Contact = self.__copy__()  # type: ignore[attr-defined]
        twin.offers = list(map(twin_of, self.offers))
        return twin

    @property
    def entries(self) -> list[Entry]:
        """The log, read."""
        return read_log(self.log, self.lines)

    @property
    def waiting(self) -> bool:
        """Whether it is in a queue."""
        return any(offer.outcome is None for offer in self.offers)

    @property
    def open(self) -> bool:
        """Whether anything more is to come: not ended, and no queue or agent was the last to see it."""
        if self.ended is not None or self.left_ivr is not None:
            return False
        for offer in self.offers:
            if offer.outcome is None or (offer.outcome == ANSWERED and offer.completed is None):
                return True
        return not self.offers

    def settle(self) -> "Contact":
        """What stays of it when no correction is taken any more."""
        entries = self.entries
        return Contact(
            channel=self.channel,
            packed=self.packed + b"".join(digest(entry.id) for entry in entries),
            settled=max(self.settled, self.last),
            revision=max(self.revision, max((entry.revision for entry in entries), default=0)),
            judged=self.judged,
            customer=self.customer,
            told=self.told,
        )
