"""What becomes of alerts by what was detected, by what people say and by time."""

from agents.alerts import episode as life
from agents.alerts.book import Book
from agents.alerts.episode import Episode
from agents.alerts.finding import Finding, of_breach, of_return, of_trend, thing_of
from agents.alerts.inbox import Detected
from agents.alerts.mutes import Mutes
from agents.alerts.subject import CORRECTED, Subject
from agents.alerts.terms import Terms
from schemas.alerts import SlaTransition
from schemas.instants import to_ms
from schemas.notifications import Acknowledge, Saying
from schemas.trends import TrendTransition


class Dispatcher:
    """Brings findings to their alerts, and alerts from one state to the next.

    `clock`: the instant (ms) that is worked out; `reached`: the one that people live in, which is later while what was
    due is caught up with. `unsent`: ids of the alerts that have something to publish.
    """

    __slots__ = ("_terms", "book", "clock", "mutes", "reached", "unsent")

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.book = Book(terms)
        self.mutes = Mutes()
        self.clock = 0
        self.reached = 0
        self.unsent: set[str] = set()

    def apply(self, record: Detected) -> None:
        """Something was detected."""
        if isinstance(record, TrendTransition):
            self._apply_trend(record)
        elif record.transition == "breached":
            self._join(of_breach(record, self._terms.group_by))
        elif record.transition == "corrected":
            self._take_back(record)
        else:
            subject = self.book.subject_of(record.contact, thing_of(record))
            if subject is not None:
                outcome = record.outcome if record.transition == "fulfilled" else record.reason
                self._end(subject, record.id, to_ms(record.occurred_at), outcome or record.transition)

    def _apply_trend(self, record: TrendTransition) -> None:
        if record.transition == "opened":
            self._join(of_trend(record, self._terms.group_by))
            return
        subject = self.book.subject_of(None, record.trend)
        if subject is not None and subject.open:
            self.book.episodes.data[subject.alert].trend = record.evidence
            self._end(subject, record.id, to_ms(record.detected_at), "closed")

    def _join(self, finding: Finding) -> None:
        book, subject = self.book, finding.subject
        if subject.id in book.subjects.data:
            return
        episode = book.current(finding)
        if episode is None:
            episode = book.begin(finding, self.clock)
            episode.muted = self.mutes.of(episode.rule, episode.labels)
        elif episode.channel != finding.channel:
            episode.channel = None
        if finding.trend is not None:
            episode.trend = finding.trend
        book.add(episode, subject)
        life.join(episode, self.clock, fresh=self._is_fresh(episode, subject), terms=self._terms)
        self._changed(episode)

    def _end(self, subject: Subject, record: str, at: int, outcome: str) -> None:
        if subject.end is not None:
            return
        was_open = subject.open
        subject.end, subject.ended, subject.outcome = record, at, outcome
        episode = self.book.episodes.data[subject.alert]
        life.end(episode, self.clock, was_open=was_open)
        self.book.touch_subject(subject)
        self._changed(episode)

    def _take_back(self, record: SlaTransition) -> None:
        """A breach was none, or the end of one was not its end."""
        wrong = record.corrects or ""
        subject = self.book.subjects.get(wrong)
        if subject is not None and subject.stands:
            self._correct(subject, record.id)
            return
        ended = self.book.ended_by(record.contact, thing_of(record), wrong)
        if ended is not None and ended.stands:
            self._reopen(ended)

    def _correct(self, subject: Subject, record: str) -> None:
        was_open = subject.open
        subject.outcome, subject.end = CORRECTED, record
        subject.ended = subject.ended if subject.ended is not None else self.clock
        episode = self.book.episodes.data[subject.alert]
        life.correct(episode, self.clock, was_open=was_open)
        self.book.touch_subject(subject)
        self._changed(episode)
        for former in map(self.book.episodes.get, subject.formerly):
            if former is not None:
                life.correct(former, self.clock, was_open=False)
                self._changed(former)

    def _reopen(self, subject: Subject) -> None:
        episode = self.book.episodes.data[subject.alert]
        subject.end = None
        if episode.is_closed:
            life.doubt(episode, self.clock)
        else:
            subject.ended = subject.outcome = None
            life.reopen(episode, self.clock, fresh=self._is_fresh(episode, subject), terms=self._terms)
        self.book.touch_subject(subject)
        self._changed(episode)

    def _return(self, closed: Episode) -> None:
        """What goes on though its alert is over joins the group's next one: as of now where people were told that it
        was over, else as old as it is. That it was late in the one that is over stays true."""
        closed.doubted = None
        for subject in self.book.doubted_of(closed.id):
            self.book.release(subject)
            subject.ended = subject.outcome = None
            subject.formerly = (*subject.formerly, closed.id)
            if closed.told or closed.briefed:
                subject.due = subject.found if subject.due is None else subject.due
                subject.found = self._now(closed)
            self._join(of_return(closed.rule, closed.labels, closed.channel, subject))
        self._changed(closed)

    def acknowledge(self, command: Acknowledge) -> str | None:
        """Somebody looks after an alert; returns why not, where that cannot be."""
        episode = self.book.episodes.get(command.alert)
        if episode is None:
            return "acknowledged_unknown"
        if episode.is_closed:
            return "acknowledged_closed"
        life.acknowledge(episode, Saying(by=command.by, at=command.at, note=command.note))
        self._changed(episode)
        return None

    def remute(self) -> None:
        """Which alerts are muted now."""
        for episode in self.book.episodes.data.values():
            if not episode.is_closed:
                muted = self.mutes.of(episode.rule, episode.labels)
                if muted != episode.muted:
                    life.mute(episode, muted, self.clock)
                    self._changed(episode)

    def pass_deadline(self, episode: Episode) -> None:
        """An alert has come to where something happens to it by itself."""
        if episode.is_closed and episode.doubted is not None:
            self._return(episode)
            return
        if episode.is_closed:
            self.unsent.discard(episode.id)
            self.book.forget(episode)
            return
        if episode.open:
            fresh = any(self._is_fresh(episode, each) for each in self.book.open_of(episode.id))
        else:
            found = max((each.found for each in self.book.subjects_of(episode.id) if each.stands), default=0)
            fresh = (episode.idle or 0) - found <= self._terms.stale_after
        life.pass_deadline(episode, self.clock, fresh=fresh, terms=self._terms)
        self._changed(episode)

    def _is_fresh(self, episode: Episode, subject: Subject) -> bool:
        """Whether it is young enough to be told."""
        return self._now(episode) - subject.found <= self._terms.stale_after

    def _now(self, episode: Episode) -> int:
        """The instant (ms) by the clock that those live by who are told."""
        return self.clock if episode.mode == "replay" else max(self.clock, self.reached)

    def _changed(self, episode: Episode) -> None:
        self.book.touch(episode)
        if episode.news or episode.counted:
            self.unsent.add(episode.id)
