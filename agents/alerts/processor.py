"""Rules and state of the alerts task."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from agents.alerts.commands import Commands
from agents.alerts.dispatcher import Dispatcher
from agents.alerts.episode import Episode
from agents.alerts.finding import check, matters
from agents.alerts.inbox import Detected, Inbox
from agents.alerts.publish import alert_of
from agents.alerts.terms import Terms
from schemas import alerts, notifications, trends
from schemas.instants import SECOND, to_ms
from schemas.notifications import Acknowledge, AnyCommand, StartMute
from schemas.topics import ALERTS_NOTIFICATIONS, ALERTS_SLA, ALERTS_TRENDS
from schemas.unreadable import UNREADABLE
from streams.processor import Outbox, Record
from streams.store import Store

PACE = SECOND
"""Where only numbers changed, an alert is published at most once in this time (ms of clock)."""

_TOPIC = ALERTS_NOTIFICATIONS.name
_ONE = ""


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
        "_commands",
        "_counted",
        "_dispatcher",
        "_ignored",
        "_inbox",
        "_mutes",
        "_progress",
        "_terms",
    )

    def __init__(self, terms: Terms, *, counted: Callable[[Mapping[str, int]], None] | None = None) -> None:
        self._terms = terms
        self._counted = counted
        self._ignored: dict[str, int] = {}
        self._dispatcher = Dispatcher(terms)
        self._book, self._mutes = self._dispatcher.book, self._dispatcher.mutes
        self._commands = Commands()
        self._inbox = Inbox()
        self._progress: Store[Progress] = Store(b"p", Progress)

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
                if matters(value):
                    transition = alerts.decode(value)
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
        except (*UNREADABLE, OverflowError):
            self._ignore(f"{kind}_unreadable")

    def _hear(self, at: int, of: str, record: Detected) -> None:
        if at > self._dispatcher.clock or self._inbox.has(of):
            self._inbox.hold(at, of, record)
        else:
            self._dispatcher.apply(record)

    # -- what people say -----------------------------------------------------------------------------------

    def _obey(self, command: AnyCommand) -> None:
        if not self._commands.is_new(command.id, self._dispatcher.clock):
            self._ignore("command_repeated")
        elif isinstance(command, Acknowledge):
            refused = self._dispatcher.acknowledge(command)
            if refused:
                self._ignore(refused)
        elif isinstance(command, StartMute):
            if command.matchers:
                self._mutes.start(command, self._dispatcher.clock)
                self._dispatcher.remute()
            else:
                self._ignore("mute_without_matchers")
        elif self._mutes.end(command.mute) is None:
            self._ignore("unmuted_unknown")
        else:
            self._dispatcher.remute()

    # -- time ----------------------------------------------------------------------------------------------

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock (ms) has moved on: everything up to it happens, each thing at its time."""
        if clock <= self._dispatcher.clock:
            return
        self._dispatcher.reached = clock
        while self._step(clock, out):
            pass
        self._dispatcher.clock = clock
        self._commands.sweep(clock)

    def _step(self, clock: int, out: Outbox) -> bool:
        """The next thing that is due up to `clock`; False where there is none. Of one instant, first what is told."""
        told, planned, lifted = self._inbox.next_at(), self._book.next_deadline(), self._mutes.next_end()
        at = min(
            (each for each in (told, planned and planned[0], lifted and lifted[0]) if each is not None), default=None
        )
        if at is None or at > clock:
            return False
        self._dispatcher.clock = max(self._dispatcher.clock, at)
        if told == at:
            self._dispatcher.apply(self._inbox.pop())
        elif lifted is not None and lifted[0] == at:
            self._mutes.end(lifted[1])
            self._dispatcher.remute()
        elif planned is not None:
            episode = self._book.episodes.data[planned[1]]
            if episode.is_closed and episode.id in self._dispatcher.unsent:
                # The clock may pass days between two flushes of a replay: it is about to be forgotten.
                self._publish(episode, out)
            self._dispatcher.pass_deadline(episode)
        return True

    # -- records out ---------------------------------------------------------------------------------------

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Publish what changed; numbers alone at most once a second of clock, unless everything has ended."""
        for mute in self._mutes.news():
            out.send(_TOPIC, mute.id.encode(), notifications.encode(mute))
        for name in sorted(self._dispatcher.unsent):
            episode = self._book.episodes.data[name]
            if ended or self._is_ripe(episode):
                self._dispatcher.unsent.discard(name)
                self._publish(episode, out)
        if self._counted is not None and self._ignored:
            self._counted(self._ignored)
        self._ignored = {}
        if self._dispatcher.clock != (self._progress.get(_ONE) or Progress()).clock:
            self._progress.put(_ONE, Progress(self._dispatcher.clock))

    def has_news(self) -> bool:
        """Whether something would be published now: the next flush must not wait for a record to come in."""
        episodes = self._book.episodes.data
        return self._mutes.has_news() or any(self._is_ripe(episodes[name]) for name in self._dispatcher.unsent)

    def _is_ripe(self, episode: Episode) -> bool:
        return episode.news or self._dispatcher.clock - episode.sent >= PACE

    def _publish(self, episode: Episode, out: Outbox) -> None:
        episode.sequence += 1
        record = alert_of(episode, self._book.subjects_of(episode.id), self._terms, self._dispatcher.clock)
        out.send(_TOPIC, episode.id.encode(), notifications.encode(record))
        episode.notify = None
        episode.news = episode.counted = False
        episode.sent = self._dispatcher.clock
        self._book.episodes.touch(episode.id)

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
        self._dispatcher.clock = self._dispatcher.reached = (self._progress.get(_ONE) or Progress()).clock
        self._book.restored()
        self._inbox.restored()
        self._dispatcher.unsent = {name for name, each in self._book.episodes.data.items() if each.news or each.counted}
