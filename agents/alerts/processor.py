"""Rules and state of the alerts task."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from agents.alerts import episode as life
from agents.alerts.book import Book
from agents.alerts.commands import Commands
from agents.alerts.episode import Episode
from agents.alerts.finding import ENDS, Finding, check, of_breach, of_trend
from agents.alerts.inbox import Detected, Inbox
from agents.alerts.mutes import Mutes
from agents.alerts.publish import alert_of
from agents.alerts.subject import CORRECTED, Subject
from agents.alerts.terms import Terms
from schemas import alerts, notifications, trends
from schemas.alerts import SlaTransition
from schemas.instants import SECOND, to_ms
from schemas.notifications import Acknowledge, AnyCommand, EndMute, StartMute
from schemas.topics import ALERTS_NOTIFICATIONS, ALERTS_SLA, ALERTS_TRENDS
from schemas.trends import TrendTransition
from streams.processor import Outbox, Record
from streams.store import Store

PACE = SECOND
"""Where only numbers changed, an alert is published at most once in this time (ms of clock)."""

_TOPIC = ALERTS_NOTIFICATIONS.name
_ONE = ""
# Broken UTF-8 inside a string and nesting without end are no MsgspecError; an instant without its zone is a TypeError,
# a duration longer than time an OverflowError.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError, OverflowError)


class Progress(msgspec.Struct):
    """How far the clock has come (ms)."""

    clock: int = 0


class Alerting:
    """A `streams.processor.Processor` over alerts.sla, alerts.trends and alerts.commands.

    What was detected counts from the instant that it is about, once the clock has come to it, and in that order;
    what comes later than that counts from now. `counted` is told with each flush how many records were not acted on
    since the last one, by why: `sla_unreadable`, `trend_unreadable`, `command_unreadable`, `command_repeated`,
    `acknowledged_unknown`, `acknowledged_closed`, `mute_without_matchers`, `unmuted_unknown`.
    """

    __slots__ = (
        "_book",
        "_clock",
        "_commands",
        "_counted",
        "_ignored",
        "_inbox",
        "_mutes",
        "_progress",
        "_reached",
        "_terms",
        "_unsent",
    )

    def __init__(self, terms: Terms, *, counted: Callable[[Mapping[str, int]], None] | None = None) -> None:
        self._terms = terms
        self._counted = counted
        self._ignored: dict[str, int] = {}
        self._clock = 0
        # While what was due is worked out, the clock is at that; this is where it is going.
        self._reached = 0
        self._book = Book(terms)
        self._mutes = Mutes()
        self._commands = Commands()
        self._inbox = Inbox()
        self._progress: Store[Progress] = Store(b"p", Progress)
        self._unsent: set[str] = set()

    def __len__(self) -> int:
        """How many alerts are remembered, those that are over included."""
        return len(self._book.episodes)

    # -- records in ----------------------------------------------------------------------------------------

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one record, or keep it until the clock has come to what it tells of."""
        value, topic = record.value or b"", record.topic
        try:
            if topic.endswith(ALERTS_SLA.name):
                kind = "sla"
                transition = alerts.decode(value)
                if _matters(transition):
                    check(transition)
                    self._hear(to_ms(transition.occurred_at), transition.contact, transition)
            elif topic.endswith(ALERTS_TRENDS.name):
                kind = "trend"
                trend = trends.decode(value)
                check(trend)
                self._hear(to_ms(trend.detected_at), trend.trend, trend)
            else:
                kind = "command"
                self._obey(notifications.decode_command(value))
        except UNREADABLE:
            self._ignore(f"{kind}_unreadable")

    def _hear(self, at: int, of: str, record: Detected) -> None:
        if at > self._clock or self._inbox.has(of):
            self._inbox.hold(at, of, record)
        else:
            self._apply(record)

    def _apply(self, record: Detected) -> None:
        if isinstance(record, TrendTransition):
            self._apply_trend(record)
        elif record.transition == "breached":
            self._join(of_breach(record, self._terms.group_by))
        elif record.transition == "corrected":
            self._take_back(record)
        else:
            subject = self._book.subject_of(record.contact, record.instance)
            if subject is not None:
                outcome = record.outcome if record.transition == "fulfilled" else record.reason
                self._end(subject, record.id, to_ms(record.occurred_at), outcome or record.transition)

    def _apply_trend(self, record: TrendTransition) -> None:
        if record.transition == "opened":
            self._join(of_trend(record, self._terms.group_by))
            return
        subject = self._book.subject_of(None, record.trend)
        if subject is not None and subject.open:
            self._book.episodes.data[subject.alert].trend = record.evidence
            self._end(subject, record.id, to_ms(record.detected_at), "closed")

    def _join(self, finding: Finding) -> None:
        book, subject = self._book, finding.subject
        if subject.id in book.subjects.data:
            return
        episode = book.current(finding)
        if episode is None:
            episode = book.begin(finding, self._clock)
            episode.muted = self._mutes.of(episode.rule, episode.labels)
        elif episode.channel != finding.channel:
            episode.channel = None
        if finding.trend is not None:
            episode.trend = finding.trend
        book.add(episode, subject)
        life.join(episode, self._clock, fresh=self._is_fresh(episode, subject), terms=self._terms)
        self._changed(episode)

    def _end(self, subject: Subject, record: str, at: int, outcome: str) -> None:
        if not subject.open:
            return
        subject.end, subject.ended, subject.outcome = record, at, outcome
        episode = self._book.episodes.data[subject.alert]
        life.end(episode, self._clock)
        self._book.touch_subject(subject)
        self._changed(episode)

    def _take_back(self, record: SlaTransition) -> None:
        """A breach was none, or the end of one was not its end."""
        book, wrong = self._book, record.corrects or ""
        subject = book.subjects.get(wrong)
        if subject is not None and subject.stands:
            was_open = subject.open
            subject.outcome, subject.end = CORRECTED, record.id
            subject.ended = subject.ended if subject.ended is not None else self._clock
            episode = book.episodes.data[subject.alert]
            life.correct(episode, self._clock, was_open=was_open)
            book.touch_subject(subject)
            self._changed(episode)
            return
        ended = book.ended_by(record.contact, record.instance, wrong)
        if ended is not None and ended.stands:
            episode = book.episodes.data[ended.alert]
            if not episode.is_closed:
                ended.end = ended.ended = ended.outcome = None
                book.touch_subject(ended)
                life.reopen(episode, self._clock, fresh=self._is_fresh(episode, ended), terms=self._terms)
                self._changed(episode)

    # -- what people say -----------------------------------------------------------------------------------

    def _obey(self, command: AnyCommand) -> None:
        to_ms(command.at)
        if isinstance(command, StartMute):
            to_ms(command.until)
        if not self._commands.is_new(command.id, self._clock):
            self._ignore("command_repeated")
        elif isinstance(command, Acknowledge):
            self._acknowledge(command)
        elif isinstance(command, StartMute):
            if command.matchers:
                self._mutes.start(command, self._clock)
                self._remute()
            else:
                self._ignore("mute_without_matchers")
        else:
            self._unmute(command)

    def _acknowledge(self, command: Acknowledge) -> None:
        episode = self._book.episodes.get(command.alert)
        if episode is None:
            self._ignore("acknowledged_unknown")
        elif episode.is_closed:
            self._ignore("acknowledged_closed")
        else:
            life.acknowledge(episode, notifications.Saying(by=command.by, at=command.at, note=command.note))
            self._changed(episode)

    def _unmute(self, command: EndMute) -> None:
        if self._mutes.end(command.mute) is None:
            self._ignore("unmuted_unknown")
        else:
            self._remute()

    def _remute(self) -> None:
        """Which alerts are muted now."""
        for episode in self._book.episodes.data.values():
            if not episode.is_closed:
                muted = self._mutes.of(episode.rule, episode.labels)
                if muted != episode.muted:
                    life.mute(episode, muted, self._clock)
                    self._changed(episode)

    # -- time ----------------------------------------------------------------------------------------------

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock (ms) has moved on: everything up to it happens, each thing at its time."""
        if clock <= self._clock:
            return
        self._reached = clock
        while self._step(clock):
            pass
        self._clock = clock
        self._commands.sweep(clock)

    def _step(self, clock: int) -> bool:
        """The next thing that is due up to `clock`; False where there is none. Of one instant, first what is told."""
        told, planned, lifted = self._inbox.next_at(), self._book.next_deadline(), self._mutes.next_end()
        at = min(
            (each for each in (told, planned and planned[0], lifted and lifted[0]) if each is not None), default=None
        )
        if at is None or at > clock:
            return False
        self._clock = max(self._clock, at)
        if told == at:
            self._apply(self._inbox.pop())
        elif lifted is not None and lifted[0] == at:
            self._mutes.end(lifted[1])
            self._remute()
        elif planned is not None:
            self._pass_deadline(self._book.episodes.data[planned[1]])
        return True

    def _pass_deadline(self, episode: Episode) -> None:
        if episode.is_closed:
            self._unsent.discard(episode.id)
            self._book.forget(episode)
            return
        if episode.open:
            fresh = any(self._is_fresh(episode, each) for each in self._book.open_of(episode.id))
        else:
            found = max((each.found for each in self._book.subjects_of(episode.id) if each.stands), default=0)
            fresh = (episode.idle or 0) - found <= self._terms.stale_after
        life.pass_deadline(episode, self._clock, fresh=fresh, terms=self._terms)
        self._changed(episode)

    def _is_fresh(self, episode: Episode, subject: Subject) -> bool:
        """Whether it is young enough to be told, by the clock that people live by."""
        now = self._clock if episode.mode == "replay" else max(self._clock, self._reached)
        return now - subject.found <= self._terms.stale_after

    # -- records out ---------------------------------------------------------------------------------------

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Publish what changed; numbers alone at most once a second of clock, unless everything has ended."""
        for mute in self._mutes.news():
            out.send(_TOPIC, mute.id.encode(), notifications.encode(mute))
        for name in sorted(self._unsent):
            episode = self._book.episodes.data[name]
            if episode.news or ended or self._clock - episode.sent >= PACE:
                self._unsent.discard(name)
                self._publish(episode, out)
        if self._counted is not None and self._ignored:
            self._counted(self._ignored)
        self._ignored = {}
        if self._clock != (self._progress.get(_ONE) or Progress()).clock:
            self._progress.put(_ONE, Progress(self._clock))

    def _publish(self, episode: Episode, out: Outbox) -> None:
        episode.sequence += 1
        record = alert_of(episode, self._book.subjects_of(episode.id), self._terms, self._clock)
        out.send(_TOPIC, episode.id.encode(), notifications.encode(record))
        episode.notify = None
        episode.news = episode.counted = False
        episode.sent = self._clock
        self._book.episodes.touch(episode.id)

    def _changed(self, episode: Episode) -> None:
        self._book.touch(episode)
        if episode.news or episode.counted:
            self._unsent.add(episode.id)

    def _ignore(self, why: str) -> None:
        self._ignored[why] = self._ignored.get(why, 0) + 1

    # -- state ---------------------------------------------------------------------------------------------

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call (see streams.processor)."""
        for part in (self._book, self._mutes.store, self._commands, self._inbox, self._progress):
            yield from part.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record. Raises UnknownStateFormat, and ValueError for a key of no store."""
        book = self._book
        for store in (
            *(book.episodes, book.subjects),
            *(self._mutes.store, self._commands.store, self._inbox.store, self._progress),
        ):
            if store.owns(key):
                store.restore(key, value)
                return
        raise ValueError(f"the changelog of alerts has a record of an unknown kind: {key[:1]!r}")

    def restored(self) -> None:
        """Rebuild what is derived."""
        self._clock = self._reached = (self._progress.get(_ONE) or Progress()).clock
        self._book.restored()
        self._inbox.restored()
        self._unsent = {name for name, each in self._book.episodes.data.items() if each.news or each.counted}


def _matters(transition: SlaTransition) -> bool:
    """Whether it may begin, end or take back a breach."""
    if transition.transition in ENDS:
        return transition.outcome != "attained"
    return transition.transition in ("breached", "corrected")
