"""What is promised when: every version of policies and calendars heard of, with the instant from which it holds.

A book only grows, and what it says of an instant that has passed never changes. From the instant on at which something
is heard, of the versions of a name that settings and topic have the highest that has begun holds, and under one number
what the topic says: so what holds follows from both, in whatever order they were heard. Instants and durations in ms.
Pure.
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
    """What was heard of at `at` (0: before any clock), of the settings or of a record of the topic policies.

    `by_number`: the highest version that has begun holds. Entries that were stored without it hold as they did when
    they were written: what was said last.
    """

    at: int
    settings: Policies | None = None
    policies: tuple[SlaPolicy, ...] = ()
    calendars: tuple[CalendarTerms, ...] = ()
    by_number: bool = False


class _Since(NamedTuple):
    """What holds from an instant on; of several from one instant on, the one heard of last."""

    at: int
    heard: int
    policy: SlaPolicy | None = None
    calendar: Calendar | None = None

    @property
    def terms(self) -> SlaPolicy | CalendarTerms | None:
        return self.policy if self.calendar is None else self.calendar.terms


_Noted = dict[str, list[_Since]]

_Published = dict[str, dict[int, _T]]
"""Versions by id and number."""


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

    def __init__(self, entries: Sequence[BookEntry] = (BookEntry(at=0, settings=Policies(), by_number=True),)) -> None:
        self.entries: list[BookEntry] = []
        self.epochs: list[int] = [0]
        self._settings: list[tuple[int, Policies]] = [(0, Policies())]
        self._settings_by_number = True
        self._policies: _Noted = {}
        self._calendars: _Noted = {}
        self._published_policies: _Published[SlaPolicy] = {}
        self._published_calendars: _Published[CalendarTerms] = {}
        self._reckoned: set[str | None] = set()
        self._in_force: dict[int, _InForce] = {}
        self._promises: dict[tuple[int, ClockName, Properties], Promise] = {}
        self._former: dict[int, PolicyBook] = {}
        for entry in entries:
            self._add(entry)

    @classmethod
    def of(cls, settings: Policies) -> "PolicyBook":
        """The book of who has heard of nothing but settings."""
        return cls((BookEntry(at=0, settings=settings, by_number=True),))

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
        """Take the settings of a start at `at`. Returns whether they are news: others than before, or stored when
        what was said last held."""
        if self._settings_by_number and settings == self._settings[-1][1]:
            return False
        self._add(BookEntry(at=at, settings=settings, by_number=True))
        return True

    def hear(self, record: AnyPolicyRecord, at: int) -> bool:
        """Take a record of the topic policies, heard of at `at`. Returns whether it says anything new.

        Raises ValueError for what is no policy or calendar; the book is then as it was.
        """
        for version in record.versions:
            if version.id != record.id:
                raise ValueError(f"the record of {record.id!r} holds a version of {version.id!r}: one id a record")
        if isinstance(record, PolicyRecord):
            policies = _news(record.versions, self._published_policies.get(record.id, {}))
            entry = BookEntry(at=at, policies=policies, by_number=True)
        else:
            calendars = _news(record.versions, self._published_calendars.get(record.id, {}))
            entry = BookEntry(at=at, calendars=calendars, by_number=True)
        if not entry.policies and not entry.calendars:
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
        said = entry.settings or Policies()
        policies = (*said.sla, *entry.policies)
        for terms in (*said.calendars, *entry.calendars):
            checked_calendar(terms)
        for policy in policies:
            check(policy)
        for policy in policies:
            if any(clock != "answer_within" for clock in policy.targets):
                self._reckoned.update(policy.applies.channels or (None,))
        _publish(self._published_policies, entry.policies)
        _publish(self._published_calendars, entry.calendars)
        if entry.by_number:
            self._take(entry)
        else:
            self._take_as_said_last(entry)
        self.entries.append(entry)
        self._in_force.clear()
        self._promises.clear()

    def _take(self, entry: BookEntry) -> None:
        """Work out anew what holds from then on."""
        if entry.settings is not None:
            self._begin_settings(entry)
        told = self._settings[-1][1]
        self._hold_anew(entry, self._policies, entry.policies, told.sla, self._published_policies)
        self._hold_anew(entry, self._calendars, entry.calendars, told.calendars, self._published_calendars)

    def _hold_anew(
        self, entry: BookEntry, noted: _Noted, spoken: Sequence[_T], told: Sequence[_T], published: _Published[_T]
    ) -> None:
        """What settings and topic have of these names together holds from the entry's instant on; with settings, of
        all names. `spoken`: by the topic, in this entry."""
        names = {one.id for one in spoken}
        if entry.settings is not None:
            names = {*noted, *published, *(one.id for one in told)}
        for name, versions in _versions(names, told, published).items():
            coming = [_since(one, entry.at, len(self.entries)) for one in _in_turn(versions, entry.at)]
            self._hold(noted, name, coming, entry.at)

    def _hold(self, noted: _Noted, name: str, coming: list[_Since], at: int) -> None:
        """This holds from `at` on, and nothing else that was to come. A policy of which there is no version any more
        ends; a calendar stays for the policies that name it."""
        former = [since for since in noted.get(name, ()) if since.at <= at]
        held = former[-1].terms if former else None
        if not coming and isinstance(held, SlaPolicy):
            coming = [_Since(at, len(self.entries))]
        elif coming and coming[0].at == at and coming[0].terms == held:
            coming = coming[1:]
        noted[name] = [*former, *coming]
        for since in coming:
            self._begin(since.at)

    def _begin_settings(self, entry: BookEntry) -> None:
        settings = entry.settings or Policies()
        self._settings = [*self._settings, (entry.at, settings)] if self.entries else [(0, settings)]
        self._settings_by_number = entry.by_number
        self._begin(entry.at)

    def _take_as_said_last(self, entry: BookEntry) -> None:
        """An entry of before: what settings tell otherwise than those before them, or the topic tells, holds, whatever
        its number."""
        policies, calendars = list(entry.policies), list(entry.calendars)
        number, at = len(self.entries), entry.at
        if entry.settings is not None:
            before = self._settings[-1][1]
            policies = self._told_anew(self._policies, before.sla, entry.settings.sla)
            calendars = self._told_anew(self._calendars, before.calendars, entry.settings.calendars)
            for name in self._take_back(self._policies, before.sla, entry.settings.sla, at):
                self._note(self._policies, name, _Since(at, number))
            self._take_back(self._calendars, before.calendars, entry.settings.calendars, at)
            self._begin_settings(entry)
        for policy in policies:
            self._note(self._policies, policy.id, _since(policy, at, number))
        for terms in calendars:
            self._note(self._calendars, terms.id, _since(terms, at, number))

    def _told_anew(self, noted: _Noted, before: Sequence[_T], now: Sequence[_T]) -> list[_T]:
        """What settings say that others before them did not, in the order in which it holds: every version of what
        they were the last to speak of and tell otherwise, so that a version which they take back leaves room."""
        was, told = _by_id(before), _by_id(now)
        changed = {name for name, versions in told.items() if versions != was.get(name)}
        whole = {name for name in changed if self._is_of_settings(noted, name)}
        anew = [one for one in now if one.id in whole or (one.id in changed and one not in was.get(one.id, ()))]
        return sorted(anew, key=lambda one: (_from(one, 0), one.version))

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


def _in_turn(versions: Iterable[_T], at: int) -> list[_T]:
    """The versions that come to hold from `at` on, one after the other: each until one of a higher number begins."""
    found: list[_T] = []
    for one in sorted(versions, key=lambda one: (_from(one, at), one.version)):
        if found and one.version < found[-1].version:
            continue
        if found and _from(found[-1], at) == _from(one, at):
            found.pop()
        found.append(one)
    return found


def _versions(names: Iterable[str], told: Iterable[_T], published: _Published[_T]) -> dict[str, Iterable[_T]]:
    """Of each name the versions of settings and topic, under one number that of the topic."""
    found: dict[str, dict[int, _T]] = {name: {} for name in names}
    for one in told:
        if one.id in found:
            found[one.id][one.version] = one
    return {name: (versions | published.get(name, {})).values() for name, versions in found.items()}


def _news(versions: Iterable[_T], known: Mapping[int, _T]) -> tuple[_T, ...]:
    return tuple(one for one in versions if known.get(one.version) != one)


def _publish(published: _Published[_T], versions: Iterable[_T]) -> None:
    for one in versions:
        published.setdefault(one.id, {})[one.version] = one


def _by_id(versions: Iterable[_T]) -> dict[str, list[_T]]:
    found: dict[str, list[_T]] = {}
    for one in versions:
        found.setdefault(one.id, []).append(one)
    return found


def _instant(since: tuple[int, object] | _Since) -> int:
    return since[0]


def _since(terms: SlaPolicy | CalendarTerms, heard: int, number: int) -> _Since:
    """What a version makes hold that was heard of at `heard` by the entry `number`."""
    begins = _from(terms, heard)
    if isinstance(terms, SlaPolicy):
        return _Since(begins, number, terms)
    return _Since(begins, number, None, checked_calendar(terms))


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
