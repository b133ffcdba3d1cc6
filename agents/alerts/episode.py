"""One episode of one group: the state of an alert, and how it goes from one to the next.

    pending -> firing -> acknowledged -> resolved, and retracted from anywhere.

Nothing here looks for subjects or sends: functions change an episode and note what is to be told.
"""

import msgspec

from agents.alerts.finding import PROMISES
from agents.alerts.terms import Terms
from schemas.instants import DAY, MINUTE
from schemas.notifications import CLOSED, AlertState, Mode, Notify, Saying, Severity
from schemas.trends import TrendEvidence

FORGOTTEN_AFTER = DAY
"""How long an alert that is over is remembered: until then corrections of what it was about reach it."""


RETRACTED = "corrected: later records show that none of it was so"


class Episode(msgspec.Struct, kw_only=True, omit_defaults=True):
    """State of one alert. Times are ms since the epoch.

    `wait_until`: end of the group's wait. `joined`: subjects that ever came; `told_joined`: so many when it was last
    told. `idle`: since when no subject is open. `closed`: when it was resolved or retracted. `doubted`: since when,
    after that, a subject has an end that was none. `stale`: what it is about was too old to be told when it fired.
    `briefed`: it was told as one note. `notify`: what the next record asks for. `news`: that record must not wait;
    `counted`: only numbers changed. `sent`: the clock of the last record.
    """

    id: str
    rule: str
    labels: dict[str, str]
    severity: Severity
    mode: Mode
    started: int
    wait_until: int
    channel: str | None = None
    state: AlertState = "pending"
    open: int = 0
    total: int = 0
    corrected: int = 0
    joined: int = 0
    idle: int | None = None
    ended: int | None = None
    closed: int | None = None
    doubted: int | None = None
    reason: str | None = None
    acknowledged: Saying | None = None
    muted: str | None = None
    stale: bool = False
    told: bool = False
    told_at: int = 0
    told_joined: int = 0
    briefed: bool = False
    trend: TrendEvidence | None = None
    sequence: int = 0
    notify: Notify | None = None
    news: bool = True
    counted: bool = False
    sent: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether it is over."""
        return self.state in CLOSED

    @property
    def silenced(self) -> bool:
        """Whether nothing but its end may be told."""
        return self.muted is not None or self.mode == "replay"


def deadline(episode: Episode, terms: Terms) -> int | None:
    """When something happens to it by itself (ms)."""
    if episode.closed is not None:
        return episode.closed + FORGOTTEN_AFTER if episode.doubted is None else episode.doubted + terms.group_wait
    if not episode.open:
        kept = terms.keep_firing if episode.rule in PROMISES else 0
        return None if episode.idle is None else episode.idle + kept
    if episode.state == "pending":
        return episode.wait_until
    if episode.state == "firing" and episode.told and not episode.silenced:
        pause = terms.group_interval if episode.joined > episode.told_joined else terms.repeat_interval
        return episode.told_at + min(pause, terms.repeat_interval)
    return None


def pass_deadline(episode: Episode, now: int, *, fresh: bool, terms: Terms) -> None:
    """Its deadline is here. `fresh`: whether what it is about is young enough to be told."""
    if not episode.open:
        _resolve(episode, now, fresh=fresh)
    elif episode.state == "pending":
        fire(episode, now, fresh=fresh, terms=terms)
    else:
        _tell(episode, "update" if episode.joined > episode.told_joined else "repeat", now)


def join(episode: Episode, now: int, *, fresh: bool, terms: Terms) -> None:
    """One more open subject."""
    episode.total += 1
    episode.joined += 1
    _opened(episode, now, fresh=fresh, terms=terms)


def reopen(episode: Episode, now: int, *, fresh: bool, terms: Terms) -> None:
    """A subject is not over after all."""
    _opened(episode, now, fresh=fresh, terms=terms)


def doubt(episode: Episode, now: int) -> None:
    """It is over and a subject of it is not after all, unless another end of that is heard of within the wait, which is
    one for all that are doubted meanwhile."""
    if episode.doubted is None:
        episode.doubted = now


def _opened(episode: Episode, now: int, *, fresh: bool, terms: Terms) -> None:
    episode.open += 1
    episode.idle = None
    episode.counted = True
    if episode.state == "pending" and now >= episode.wait_until:
        fire(episode, now, fresh=fresh, terms=terms)
    elif episode.stale and fresh:
        episode.stale, episode.reason = False, None
        trigger_if_untold(episode, now)


def end(episode: Episode, now: int, *, was_open: bool) -> None:
    """A subject is over, or was at another instant."""
    episode.counted = True
    if was_open:
        _ended(episode, now)


def correct(episode: Episode, now: int, *, was_open: bool) -> None:
    """A subject never was one; where it was the last that stood, the alert is taken back."""
    episode.total -= 1
    episode.corrected += 1
    episode.counted = True
    if was_open:
        _ended(episode, now)
    if not episode.total:
        _retract(episode, now)


def _ended(episode: Episode, now: int) -> None:
    episode.open -= 1
    if not episode.open:
        episode.idle = now


def fire(episode: Episode, now: int, *, fresh: bool, terms: Terms) -> None:
    """The wait is over and a subject is open: people are told, unless that comes too late or they asked for silence."""
    episode.state = "firing"
    episode.news = True
    if not fresh:
        episode.stale = True
        episode.reason = f"stale: found over {_minutes(terms.stale_after)} after it happened, so nobody was told"
    trigger_if_untold(episode, now)


def trigger_if_untold(episode: Episode, now: int) -> None:
    """Tell it for the first time, where nothing speaks against it."""
    if episode.state == "firing" and episode.open and not (episode.told or episode.silenced or episode.stale):
        _tell(episode, "trigger", now)


def acknowledge(episode: Episode, saying: Saying) -> None:
    """Somebody looks after it."""
    episode.state = "acknowledged"
    episode.acknowledged = saying
    episode.news = True


def mute(episode: Episode, muted: str | None, now: int) -> None:
    """It is muted from now on, by that mute, or by none any more."""
    if muted != episode.muted:
        episode.muted = muted
        episode.news = True
        trigger_if_untold(episode, now)


def _resolve(episode: Episode, now: int, *, fresh: bool) -> None:
    unheard = episode.state == "pending" and fresh and not episode.silenced
    episode.state = "resolved"
    episode.ended, episode.closed = now if episode.idle is None else episode.idle, now
    episode.news = True
    if unheard or episode.notify == "trigger":
        # It began and ended before anybody heard of it: a note will do.
        episode.notify, episode.told, episode.severity = "brief", False, "info"
        episode.briefed = True
    elif episode.told:
        _tell(episode, "resolve", now)


def _retract(episode: Episode, now: int) -> None:
    episode.state = "retracted"
    episode.ended = now if episode.ended is None else episode.ended
    episode.closed, episode.reason = now, RETRACTED
    episode.news = True
    if episode.notify in ("trigger", "brief"):
        # Nobody has heard of it yet, and nobody has to.
        episode.notify, episode.told = None, False
    elif episode.told or episode.briefed:
        episode.notify = "retract"


def _tell(episode: Episode, what: Notify, now: int) -> None:
    """What the next record asks for, in place of what it would have asked for."""
    episode.news = True
    episode.told, episode.told_at, episode.told_joined = True, now, episode.joined
    if episode.notify != "trigger":
        episode.notify = what


def _minutes(ms: int) -> str:
    return f"{ms // MINUTE} min" if ms >= MINUTE else f"{ms / 1000:g} s"
