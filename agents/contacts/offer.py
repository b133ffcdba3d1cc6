"""One offer of a contact to a queue: when, and how it left."""

from collections.abc import Callable

import msgspec

ANSWERED = "answered"
SYSTEM = "system"
WITHDRAWN = "withdrawn"

# How an offer came to be closed without an event that said so.
SUPERSEDED = 1
BY_END = 2


LongestWait = Callable[[str | None, int], int]
"""How long (ms) a contact may wait that was offered to a queue at an instant (ms): `PolicyBook.longest_wait`."""


class Offer(msgspec.Struct, gc=False):
    """One stay in a queue and the conversation that came of it. Instants and durations in ms.

    `instance`: id of the contact.offered event. `outcome`: 'answered', a reason for leaving, or None while it
    waits. `stop` = `at` + `wait`: when the waiting ended. `stopper`: id of the event that ended it, None for a
    maximum wait that ran out. `implied`: no event said so itself (SUPERSEDED, BY_END).
    """

    instance: str
    queue: str | None
    at: int
    max_wait: int
    outcome: str | None = None
    wait: int = 0
    stop: int = 0
    stopper: str | None = None
    implied: int = 0
    agent: str | None = None
    answered: int = 0
    completed: int | None = None
    talked: int | None = None
    held: int | None = None
    handled: int | None = None
    hold: int = 0
    hold_since: int | None = None
    wrapup: int = 0
    wrapup_since: int | None = None

    def copy(self) -> "Offer":
        """A copy that can be changed and leaves this one as it is."""
        return twin_of(self)

    def leave(self, outcome: str, wait: int, stopper: str | None, implied: int = 0) -> None:
        """The waiting is over, `wait` ms after the offer."""
        self.outcome = outcome
        self.wait = wait if wait > 0 else 0
        self.stop = self.at + self.wait
        self.stopper = stopper
        self.implied = implied

    @property
    def handle_time(self) -> int:
        """Talk + hold + wrap-up, ms, of a completed offer: as measured, else from the times of the events."""
        if self.handled is not None:
            return self.handled
        if self.talked is not None:
            return self.talked + (self.hold if self.held is None else self.held) + self.wrapup
        return (self.completed or self.answered) - self.answered + self.wrapup


twin_of: Callable[[Offer], Offer] = Offer.__copy__  # type: ignore[attr-defined]
"""`Offer.copy` without a call in between: every event copies its contact's offers."""

Pair = tuple[Offer | None, Offer | None]
"""What an offer was before something happened and what it is after it; None where there was or is none."""
