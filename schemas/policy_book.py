"""What is promised when: every version of policies and calendars heard of, with the instant from which it holds.

A book only grows, and what it says of an instant that has passed never changes. Instants and durations in ms. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from schemas.calendars import Calendar
from schemas.instants import SECOND, to_ms
from schemas.policies import (
    AnyPolicyRecord,
    CalendarMode,
    CalendarTerms,
    ClockName,
    Filter,
    Policies,
    PolicyRecord,
    SlaPolicy,
    Target,
)
from schemas.policy_checks import check, checked_calendar

_T = TypeVar("_T", SlaPolicy, CalendarTerms)

REMEMBERED = 16_384
"""Promises that are kept ready; tags are free text, so there is no end of what contacts may be."""

FORMER = 64
"""Former states of a book that are kept ready: they are asked for only where something is told of the future."""


class Properties(NamedTuple):
    """What policies ask of a contact."""

    channel: str
    queue: str | None = None
    priority: str | None = None
    segment: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None


class Promise(NamedTuple):
    """What holds of one clock of one contact. `policy` None: nothing is promised. `calendar` None: round the clock."""

    policy: str | None = None
    version: int = 0
    target: int = 0
    at_risk: tuple[float, ...] = ()
    calendar: Calendar | None = None
    mode: CalendarMode = "piecewise"


NO_PROMISE = Promise()


class BookEntry(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What was heard of at `at` (0: before any clock), of the settings or of a record of the topic policies."""

    at: int
    settings: Policies | None = None
    policies: tuple[SlaPolicy, ...] = ()
    calendars: tuple[CalendarTerms, ...] = ()


class _Since(NamedTuple):
    """What holds from an instant on; of several from one instant on, the one heard of last."""

    at: int
    heard: int
    policy: SlaPolicy | None = None
    calendar: Calendar | None = None


_Noted = dict[str, list[_Since]]


class _InForce(NamedTuple):
    """All that holds during one epoch."""

    policies: tuple[SlaPolicy, ...]
    calendars: Mapping[str, Calendar]
    settings: Policies


class PolicyBook:
    """Policies and calendars over time.

    `entries`: all that was heard of. An epoch is a time in which the same holds; `epochs` are the instants at which one
    begins, the first 0. Raises ValueError for entries that say no policy or calendar.
    """

    def __init__(self, entries: Sequence[BookEntry] = (BookEntry(at=0, settings=Policies()),)) -> None:
        self.entries: list[BookEntry] = []
        self.epochs: list[int] = [0]
        self._settings: list[tuple[int, Policies]] = [(0, Policies())]
        self._policies: _Noted = {}
        self._calendars: _Noted = {}
        self._reckoned: set[str | None] = set()
        self._in_force: dict[int, _InForce] = {}
        self._promises: dict[tuple[int, ClockName, Properties], Promise] = {}
        self._former: dict[int, PolicyBook] = {}
        for entry in entries:
            self._add(entry)

    @classmethod
    def of(cls, settings: Policies) -> "PolicyBook":
        """The book of who has heard of nothing but settings."""
        return cls((BookEntry(at=0, settings=settings),))

    def as_of(self, entries: int, until: int) -> "PolicyBook":
        """A book that says of everything up to an instant what this one did when it had so many entries: what was
        heard of after that instant changes nothing up to it."""
        if entries >= len(self.entries) or self.entries[entries].at > until:
            return self
        former = self._former.get(entries)
        if former is None:
            if len(self._former) >= FORMER:
                self._former.clear()
            former = self._former[entries] = PolicyBook(self.entries[:entries])
        return former

    def hear_settings(self, settings: Policies, at: int) -> bool:
        """Take the settings of a start at `at`. Returns whether they are others than before."""
        if settings == self._settings[-1][1]:
            return False
        self._add(BookEntry(at=at, settings=settings))
        return True

    def hear(self, record: AnyPolicyRecord, at: int) -> bool:
        """Take a record of the topic policies, heard of at `at`. Returns whether it says anything new.

        Raises ValueError for what is no policy or calendar; the book is then as it was.
        """
        entry: BookEntry
        if isinstance(record, PolicyRecord):
            policies = [since.policy for since in self._policies.get(record.id, ())]
            entry = BookEntry(at=at, policies=tuple(one for one in record.versions if one not in policies))
        else:
            known = [since.calendar.terms for since in self._calendars.get(record.id, ()) if since.calendar is not None]
            entry = BookEntry(at=at, calendars=tuple(one for one in record.versions if one not in known))
        versions: tuple[SlaPolicy | CalendarTerms, ...] = (*entry.policies, *entry.calendars)
        for version in versions:
            if version.id != record.id:
                raise ValueError(f"the record of {record.id!r} holds a version of {version.id!r}: one id a record")
        if not versions:
            return False
        self._add(entry)
        return True

    def promise(self, clock: ClockName, properties: Properties, at: int) -> Promise:
        """What is promised at an instant."""
        epoch = len(self.epochs) - 1 if at >= self.epochs[-1] else bisect_right(self.epochs, at) - 1
        key = (epoch, clock, properties)
        found = self._promises.get(key)
        if found is None:
            if len(self._promises) >= REMEMBERED:
                self._promises.clear()
            found = self._promises[key] = self._promise(max(epoch, 0), clock, properties)
        return found

    def changes(self, after: int, until: int) -> Sequence[int]:
        """The instants in (after, until] from which on something else holds."""
        if after >= self.epochs[-1]:
            return ()
        return self.epochs[bisect_right(self.epochs, after) : bisect_right(self.epochs, until)]

    def next_change(self, after: int) -> int | None:
        """The next instant after `after` from which on something else holds, as far as is known."""
        place = bisect_right(self.epochs, after)
        return self.epochs[place] if place < len(self.epochs) else None

    def reckons(self, channel: str) -> bool:
        """Whether any policy ever had a target for contacts on this channel beside answer_within."""
        return bool(self._reckoned) and (None in self._reckoned or channel in self._reckoned)

    def longest_wait(self, queue: str | None, at: int) -> int:
        """How long (ms) a contact that was offered to a queue at `at` may wait there."""
        settings = self._settings
        place = -1 if at >= settings[-1][0] else bisect_right(settings, at, key=_instant) - 1
        return settings[place][1].of(queue).max_wait_ms

    def _add(self, entry: BookEntry) -> None:
        policies, terms = list(entry.policies), list(entry.calendars)
        number, at = len(self.entries), entry.at
        if entry.settings is not None:
            before = self._settings[-1][1]
            policies = self._told_anew(self._policies, before.sla, entry.settings.sla)
            terms = self._told_anew(self._calendars, before.calendars, entry.settings.calendars)
        calendars = list(map(checked_calendar, terms))
        for policy in policies:
            check(policy)
        if entry.settings is not None:
            self._take_settings(entry.settings, at)
        for policy in policies:
            self._note(self._policies, policy.id, _Since(_from(policy, at), number, policy))
            if any(clock != "answer_within" for clock in policy.targets):
                self._reckoned.update(policy.applies.channels or (None,))
        for calendar in calendars:
            self._note(self._calendars, calendar.id, _Since(_from(calendar.terms, at), number, None, calendar))
        self.entries.append(entry)
        self._in_force.clear()
        self._promises.clear()

    def _told_anew(self, noted: _Noted, before: Sequence[_T], now: Sequence[_T]) -> list[_T]:
        """What settings say that others before them did not, in the order in which it holds: every version of what
        they were the last to speak of and tell otherwise, so that a version which they take back leaves room."""
        was, told = _by_id(before), _by_id(now)
        changed = {name for name, versions in told.items() if versions != was.get(name)}
        whole = {name for name in changed if self._is_of_settings(noted, name)}
        anew = [one for one in now if one.id in whole or (one.id in changed and one not in was.get(one.id, ()))]
        return sorted(anew, key=lambda one: (_from(one, 0), one.version))

    def _take_settings(self, settings: Policies, at: int) -> None:
        """Settings hold whole: a policy that they no longer name ends, unless the topic has spoken of it since. A
        calendar stays for the policies that name it."""
        number, before = len(self.entries), self._settings[-1][1]
        for name in self._take_back(self._policies, before.sla, settings.sla, at):
            self._note(self._policies, name, _Since(at, number))
        self._take_back(self._calendars, before.calendars, settings.calendars, at)
        self._settings = [*self._settings, (at, settings)] if number else [(0, settings)]
        self._begin(at)

    def _take_back(self, noted: _Noted, before: Sequence[_T], now: Sequence[_T], at: int) -> list[str]:
        """What settings announced for later than `at` and tell otherwise now does not come. Returns what they no
        longer name."""
        was, told = _by_id(before), _by_id(now)
        changed = [name for name in was if was[name] != told.get(name) and self._is_of_settings(noted, name)]
        for name in changed:
            noted[name] = [since for since in noted[name] if since.at <= at or not self._is_said_by_settings(since)]
        return sorted(name for name in changed if name not in told)

    def _is_said_by_settings(self, since: _Since) -> bool:
        return self.entries[since.heard].settings is not None

    def _is_of_settings(self, noted: _Noted, name: str) -> bool:
        """Whether the settings were the last to speak of it."""
        newest = max(noted.get(name, ()), key=lambda since: since.heard, default=None)
        return newest is not None and self._is_said_by_settings(newest)

    def _begin(self, at: int) -> None:
        place = bisect_left(self.epochs, at)
        if place == len(self.epochs) or self.epochs[place] != at:
            self.epochs.insert(place, at)

    def _note(self, noted: _Noted, name: str, since: _Since) -> None:
        versions = noted.setdefault(name, [])
        versions.insert(bisect_right(versions, since.at, key=_instant), since)
        self._begin(since.at)

    def _promise(self, epoch: int, clock: ClockName, properties: Properties) -> Promise:
        force = self._in_force.get(epoch)
        if force is None:
            force = self._in_force[epoch] = self._holding(self.epochs[epoch])
        for policy in force.policies:
            if _fits(policy.applies, properties):
                target = policy.targets.get(clock)
                if target is not None:
                    return _promised(policy, target, force.calendars)
                break
        return _answer_within(force.settings, properties.queue) if clock == "answer_within" else NO_PROMISE

    def _holding(self, at: int) -> _InForce:
        policies = [one.policy for one in _latest(self._policies, at) if one.policy is not None]
        calendars = [one.calendar for one in _latest(self._calendars, at) if one.calendar is not None]
        place = bisect_right(self._settings, at, key=_instant) - 1
        return _InForce(
            tuple(sorted((one for one in policies if not one.retired), key=lambda one: (one.rank, one.id))),
            {one.id: one for one in calendars},
            self._settings[place][1],
        )


def _latest(noted: Mapping[str, Sequence[_Since]], at: int) -> list[_Since]:
    """Of each name what holds at `at`."""
    found = []
    for versions in noted.values():
        place = bisect_right(versions, at, key=_instant)
        if place:
            found.append(versions[place - 1])
    return found


def _by_id(versions: Iterable[_T]) -> dict[str, list[_T]]:
    found: dict[str, list[_T]] = {}
    for one in versions:
        found.setdefault(one.id, []).append(one)
    return found


def _instant(since: tuple[int, object] | _Since) -> int:
    return since[0]


def _from(terms: SlaPolicy | CalendarTerms, heard: int) -> int:
    """From when a version holds that was heard of at `heard`."""
    return heard if terms.effective_from is None else max(heard, to_ms(terms.effective_from))


def _fits(applies: Filter, properties: Properties) -> bool:
    return (
        (not applies.channels or properties.channel in applies.channels)
        and (not applies.queues or properties.queue in applies.queues)
        and (not applies.priorities or properties.priority in applies.priorities)
        and (not applies.segments or properties.segment in applies.segments)
        and (not applies.languages or properties.language in applies.languages)
        and (not applies.tags or any(tag in applies.tags for tag in properties.tags))
    )


def _promised(policy: SlaPolicy, target: Target, calendars: Mapping[str, Calendar]) -> Promise:
    """What a policy says of one clock. Without its calendar it promises nothing: nobody could say when it is due."""
    calendar = None if target.calendar is None else calendars.get(target.calendar)
    if not target.target or (target.calendar is not None and calendar is None):
        return NO_PROMISE
    ms = round(target.target * SECOND)
    return Promise(policy.id, policy.version, ms, target.at_risk, calendar, policy.calendar_mode)


def _answer_within(settings: Policies, queue: str | None) -> Promise:
    """What the queue promises where no policy speaks of it."""
    promise = settings.of(queue).answer_within
    if promise is None:
        return NO_PROMISE
    return Promise(promise.id, promise.version, promise.target_ms, (promise.at_risk_share,))
