"""What an alert is about, one by one: a broken promise or a trend."""

import msgspec

from schemas import notifications
from schemas.instants import from_ms, seconds

CORRECTED = "corrected"


class Subject(msgspec.Struct, array_like=True, gc=False):
    """State of one subject. Times are ms since the epoch.

    `id`: of the record that raised it. `thing`: what ends names: the instance of the clock, or the trend. `contact`:
    of a promise; `business`: its target is business time; `due`: when it was broken, where a change of its terms
    brought that about later. `found`: when the promise was broken, by its due instant or by a change, or the trend was
    found. `alert`: set when it joins one; `formerly`: those that were over before it was. `end`: id of the record that
    ended it; None with `ended`: that was no end, and another may be heard of.
    """

    id: str
    thing: str
    since: int
    found: int
    contact: str | None = None
    target: int | None = None
    policy: str | None = None
    alert: str = ""
    end: str | None = None
    ended: int | None = None
    outcome: str | None = None
    business: bool = False
    due: int | None = None
    formerly: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether it is not over."""
        return self.ended is None

    @property
    def doubted(self) -> bool:
        """Whether its end was none, after its alert was over."""
        return self.ended is not None and self.end is None

    @property
    def stands(self) -> bool:
        """Whether it was not taken back."""
        return self.outcome != CORRECTED

    def public(self) -> notifications.Subject:
        """As it is told."""
        return notifications.Subject(
            id=self.id,
            since=from_ms(self.since),
            contact=self.contact,
            due_at=None if self.contact is None else from_ms(self.found if self.due is None else self.due),
            target=seconds(self.target),
            ended_at=None if self.ended is None else from_ms(self.ended),
            outcome=self.outcome,
        )
