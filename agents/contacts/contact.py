"""What is known of one contact: the log of its events and what they add up to."""

from collections.abc import Collection, Sequence

import msgspec

from agents.contacts.case import SOLVED, Case, case_of, runs_of_log
from agents.contacts.entry import Entry
from agents.contacts.log import read_log
from agents.contacts.memory import digest
from agents.contacts.offer import ANSWERED, Offer, twin_of
from agents.contacts.run import Run
from agents.contacts.stated import ClockKey, Stated, is_breached
from schemas.instants import DAY
from schemas.policy_book import Properties

UNHEARD = 365 * DAY
"""So long after its last event a contact is given up whose status holds it open."""


class Contact(msgspec.Struct, gc=False):
    """One conversation on one channel. Instants in ms since the epoch.

    `log`: its events (log.py), so many `lines`, of which `tail` is the last. The fields from `started` to `outbound`
    are a fold over the log and `judged` alone (fold.py): `unoffered` are conversations that no queue offered: of an
    agent whom the contact was handed on to, or of a call of ours. `status` is the last that was told, `eventful` says
    that there is more to tell than stays in queues and calls: messages, statuses, properties, surveys (`case`).
    `merged`: it went into another; `resumed`: it had ended in writing, and the customer wrote on; `outbound`: we began
    it. `judged`: the instant up to which deadlines were looked at; it never goes back. `stated`: what was said of its
    promises, by the book of policies with so many entries (`heard`); `due`: when next something follows if nothing
    happens, None for never. `linked`: digests of the sets of identifiers that were told to the registry. `customer`: id
    of the customer, `told`: the one that was last told on customers.events. Of a settled contact, the log and what
    follows from it is gone; `packed` holds the digests of its event ids, `settled` the time of its last event,
    `revision` the highest that any of them had, `kept` what it was at last, None where nothing was told of that.
    """

    channel: str
    log: bytes = b""
    lines: int = 0
    tail: Entry | None = None
    started: int | None = None
    last: int = 0
    offers: list[Offer] = []
    unoffered: tuple[Offer, ...] = ()
    ended: int | None = None
    left_ivr: int | None = None
    transfers: int = 0
    identifier: str | None = None
    anomalies: tuple[str, ...] = ()
    status: str | None = None
    eventful: bool = False
    merged: bool = False
    resumed: bool = False
    outbound: bool = False
    judged: int = 0
    stated: dict[ClockKey, Stated] = {}
    heard: int = 0
    due: int | None = None
    linked: bytes = b""
    customer: str = ""
    told: str | None = None
    packed: bytes = b""
    settled: int = 0
    revision: int = 0
    kept: Properties | None = None

    def copy(self) -> "Contact":
        """A copy that can be changed and leaves this one as it is (entries and terms never change)."""
        twin: Contact = self.__copy__()  # type: ignore[attr-defined]
        twin.offers = list(map(twin_of, self.offers))
        twin.stated = self.stated.copy()
        if self.unoffered:
            twin.unoffered = tuple(map(twin_of, self.unoffered))
        return twin

    @property
    def entries(self) -> list[Entry]:
        """The log, read."""
        return read_log(self.log, self.lines)

    @property
    def case(self) -> Case:
        """What its messages, statuses, properties and surveys come to."""
        return case_of(self.channel, self.log, self.lines, bool(self.packed), self.kept)

    @property
    def runs(self) -> Sequence[Run]:
        """When its clocks ran that are no offers'."""
        return runs_of_log(self.channel, self.log, self.lines, bool(self.packed), self.kept)

    def stands_until(self, after: "Contact") -> int:
        """The instant (ms) before which `after` tells nothing else of this contact than this did."""
        return self.last if after.log.startswith(self.log) else 0

    @property
    def breaches(self) -> int:
        """How many of its promises were broken."""
        return sum([is_breached(stated.statements) for stated in self.stated.values()])

    @property
    def waiting(self) -> bool:
        """Whether it is in a queue."""
        return any(offer.outcome is None for offer in self.offers)

    @property
    def open(self) -> bool:
        """Whether anything more is to come: by its status; without one, no queue or agent was the last to see it."""
        if self.ended is not None or (self.left_ivr is not None and not self.resumed):
            return False
        if self.status is not None:
            return self.status not in SOLVED
        for offer in self.offers:
            if offer.outcome is None or (offer.outcome == ANSWERED and offer.completed is None):
                return True
        if self.unoffered and self.unoffered[-1].completed is None:
            return True
        return self.resumed or not self.offers

    def over_at(self, window: int, retention: int) -> int | None:
        """The instant (ms) from which on nothing more is expected, None while it is in a queue: `window` after its last
        event of one that is over, `retention` after it of an open one, whose end was lost. What is solved may be opened
        again as long as that; what its status holds open is given up after a year."""
        if self.waiting:
            return None
        if self.open:
            return self.last + (retention if self.status is None else max(retention, UNHEARD))
        return self.last + (window if self.status is None or self.status == "closed" else retention)

    def settle(self, passing: Collection[str] = ()) -> "Contact":
        """What stays of it when no correction is taken any more. `passing`: tags that tell of this part of its life
        alone."""
        entries = self.entries
        kept = self.case.properties
        kept = kept._replace(tags=tuple([tag for tag in kept.tags if tag not in passing]))
        return Contact(
            channel=self.channel,
            packed=self.packed + b"".join(digest(entry.id) for entry in entries),
            settled=max(self.settled, self.last),
            revision=max(self.revision, max((entry.revision for entry in entries), default=0)),
            judged=self.judged,
            customer=self.customer,
            told=self.told,
            eventful=tells_more(kept),
            kept=None if kept == Properties(self.channel) else kept,
        )


def tells_more(kept: Properties | None) -> bool:
    """Whether what is kept of a settled contact says more of it than its queue."""
    return kept is not None and any(kept[2:])
