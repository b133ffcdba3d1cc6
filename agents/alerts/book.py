"""Every alert that is remembered, what each is about, and when each has something to do."""

from collections.abc import Collection, Iterable
from heapq import heappop, heappush

from agents.alerts.episode import Episode, deadline
from agents.alerts.finding import Finding
from agents.alerts.subject import Subject
from agents.alerts.terms import Terms
from schemas.ids import alert_id
from streams.store import Store

REMEMBERED = 1_000
"""How many subjects that are over are remembered of one alert; of those before them, only the counts."""

Group = tuple[str, tuple[tuple[str, str], ...]]
"""A rule, and the labels of a group by name."""


class Book:
    """Alerts and their subjects, with what finds them: by group, by what ends them, by deadline."""

    __slots__ = (
        "_by_alert",
        "_by_thing",
        "_current",
        "_deadlines",
        "_over",
        "_planned",
        "_terms",
        "episodes",
        "subjects",
    )

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.episodes = Store(b"a", Episode)
        self.subjects = Store(b"s", Subject)
        self._current: dict[Group, str] = {}
        self._by_alert: dict[str, dict[str, Subject]] = {}
        self._over: dict[str, list[tuple[int, str]]] = {}
        self._by_thing: dict[tuple[str | None, str], str] = {}
        self._deadlines: list[tuple[int, str]] = []
        self._planned: dict[str, int] = {}

    def current(self, finding: Finding) -> Episode | None:
        """The alert of the finding's group that is not over."""
        return self.episodes.get(self._current.get(_group(finding.rule, finding.labels), ""))

    def begin(self, finding: Finding, now: int) -> Episode:
        """A new alert of the finding's group."""
        started = finding.started
        # What began at the same instant and is over, taken back as a rule, keeps its id.
        while (name := alert_id(finding.rule, finding.labels, started)) in self.episodes.data:
            started += 1
        episode = Episode(
            id=name,
            rule=finding.rule,
            labels=finding.labels,
            severity=finding.severity,
            mode=self._terms.mode,
            started=finding.started,
            wait_until=max(finding.subject.found, now) + self._terms.group_wait,
            channel=finding.channel,
        )
        self.episodes.put(name, episode)
        self._by_alert[name], self._over[name] = {}, []
        self._current[_group(episode.rule, episode.labels)] = name
        return episode

    def add(self, episode: Episode, subject: Subject) -> None:
        """A subject of this alert."""
        subject.alert = episode.id
        self.subjects.put(subject.id, subject)
        self._by_alert[episode.id][subject.id] = subject
        self._by_thing[subject.contact, subject.thing] = subject.id

    def subject_of(self, contact: str | None, thing: str) -> Subject | None:
        """The last subject that is about this clock instance or trend."""
        return self.subjects.get(self._by_thing.get((contact, thing), ""))

    def ended_by(self, contact: str, thing: str, record: str) -> Subject | None:
        """The subject of this clock instance, if it was this record that ended it."""
        subject = self.subject_of(contact, thing)
        return subject if subject is not None and subject.end == record else None

    def subjects_of(self, alert: str) -> Collection[Subject]:
        """What is remembered of what an alert is about."""
        return self._by_alert[alert].values()

    def open_of(self, alert: str) -> Iterable[Subject]:
        """What an alert is about and is not over."""
        return (each for each in self._by_alert[alert].values() if each.open)

    def doubted_of(self, alert: str) -> list[Subject]:
        """What goes on though its alert is over, the oldest first."""
        return sorted(
            (each for each in self._by_alert[alert].values() if each.doubted), key=lambda each: (each.found, each.id)
        )

    def touch(self, episode: Episode) -> None:
        """It changed, and so perhaps did its deadline."""
        self.episodes.touch(episode.id)
        if episode.is_closed:
            group = _group(episode.rule, episode.labels)
            if self._current.get(group) == episode.id:
                del self._current[group]
        self._plan(episode)

    def touch_subject(self, subject: Subject) -> None:
        """It changed; of too many that are over the oldest are forgotten."""
        self.subjects.touch(subject.id)
        known, over = self._by_alert[subject.alert], self._over[subject.alert]
        if subject.ended is not None:
            heappush(over, (subject.ended, subject.id))
        excess = len(known) - self.episodes.data[subject.alert].open - REMEMBERED
        while excess > 0:
            ended, name = heappop(over)
            oldest = known.get(name)
            # It may have been opened again since, or be there twice.
            if oldest is not None and oldest.ended == ended:
                self.release(oldest)
                excess -= 1

    def forget(self, episode: Episode) -> None:
        """Forget an alert and all that it is about."""
        for subject in list(self._by_alert.pop(episode.id).values()):
            self.release(subject)
        del self._over[episode.id]
        self._planned.pop(episode.id, None)
        self.episodes.delete(episode.id)

    def release(self, subject: Subject) -> None:
        """A subject is no longer what its alert is about."""
        if self._by_thing.get((subject.contact, subject.thing)) == subject.id:
            del self._by_thing[subject.contact, subject.thing]
        self._by_alert.get(subject.alert, {}).pop(subject.id, None)
        self.subjects.delete(subject.id)

    def next_deadline(self) -> tuple[int, str] | None:
        """When an alert has something to do next, and which."""
        while self._deadlines:
            at, name = self._deadlines[0]
            if self._planned.get(name) == at:
                return at, name
            heappop(self._deadlines)
        return None

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """See streams.store.Store."""
        yield from self.episodes.changes()
        yield from self.subjects.changes()

    def restored(self) -> None:
        """Rebuild what is derived."""
        self._current, self._by_alert, self._by_thing, self._over = {}, {}, {}, {}
        self._deadlines, self._planned = [], {}
        for name, episode in self.episodes.data.items():
            self._by_alert[name], self._over[name] = {}, []
            if not episode.is_closed:
                self._current[_group(episode.rule, episode.labels)] = name
            self._plan(episode)
        # The last subject of a thing is the one that stands: it is told anew only after it was taken back.
        for subject in sorted(self.subjects.data.values(), key=lambda each: each.stands):
            self._by_alert[subject.alert][subject.id] = subject
            self._by_thing[subject.contact, subject.thing] = subject.id
            if subject.ended is not None:
                heappush(self._over[subject.alert], (subject.ended, subject.id))

    def _plan(self, episode: Episode) -> None:
        at = deadline(episode, self._terms)
        if at is None:
            self._planned.pop(episode.id, None)
        elif self._planned.get(episode.id) != at:
            self._planned[episode.id] = at
            heappush(self._deadlines, (at, episode.id))


def _group(rule: str, labels: dict[str, str]) -> Group:
    return rule, tuple(sorted(labels.items()))
