"""Mutes: what people have asked not to be told of, until when."""

from collections.abc import Mapping

import msgspec

from schemas import notifications
from schemas.instants import DAY, from_ms, to_ms
from streams.store import Store

LONGEST = DAY
"""No mute lasts longer: what everybody has forgotten must not stay silent."""


class Muting(msgspec.Struct, kw_only=True, omit_defaults=True):
    """State of one mute. Times are ms since the epoch. `news`: it is to be published."""

    id: str
    matchers: dict[str, str]
    by: str
    why: str
    since: int
    until: int
    ended: bool = False
    news: bool = True

    def matches(self, rule: str, labels: Mapping[str, str]) -> bool:
        """Whether it is about such an alert: every matcher must hold, one of an unknown name never does."""
        return all(
            labels.get(name) == value or (name == "rule" and rule == value) for name, value in self.matchers.items()
        )

    def public(self) -> notifications.Mute:
        """As it is published."""
        return notifications.Mute(
            id=self.id,
            matchers=self.matchers,
            by=self.by,
            why=self.why,
            since=from_ms(self.since),
            until=from_ms(self.until),
            ended=self.ended,
        )


class Mutes:
    """The mutes that hold, and those that are over and not yet published as such."""

    __slots__ = ("store",)

    def __init__(self) -> None:
        self.store = Store(b"m", Muting)

    def start(self, said: notifications.StartMute, clock: int) -> Muting:
        """Begin one: until 24 h after it was said at most."""
        since = to_ms(said.at)
        muting = Muting(
            id=said.id,
            matchers=said.matchers,
            by=said.by,
            why=said.why,
            since=since,
            until=min(to_ms(said.until), since + LONGEST),
        )
        muting.ended = muting.until <= clock
        self.store.put(muting.id, muting)
        return muting

    def end(self, mute: str) -> Muting | None:
        """Lift one; None where there is none, or where it was lifted before."""
        muting = self.store.get(mute)
        if muting is None or muting.ended:
            return None
        muting.ended = muting.news = True
        self.store.touch(mute)
        return muting

    def of(self, rule: str, labels: Mapping[str, str]) -> str | None:
        """Id of the mute by which such an alert is muted: of several, the one that ends last."""
        found = [each for each in self.store.data.values() if not each.ended and each.matches(rule, labels)]
        return max(found, key=lambda each: (each.until, each.id)).id if found else None

    def next_end(self) -> tuple[int, str] | None:
        """When the next one is over by itself (ms), and which."""
        return min(((each.until, each.id) for each in self.store.data.values() if not each.ended), default=None)

    def has_news(self) -> bool:
        """Whether anything is to be published."""
        return any(each.news for each in self.store.data.values())

    def news(self) -> list[notifications.Mute]:
        """What is to be published; those that are over are forgotten with it."""
        told = sorted((each for each in self.store.data.values() if each.news), key=lambda each: each.id)
        for each in told:
            each.news = False
            if each.ended:
                self.store.delete(each.id)
            else:
                self.store.touch(each.id)
        return [each.public() for each in told]
