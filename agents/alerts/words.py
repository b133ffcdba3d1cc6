"""The first line of every message: what, where, how bad, since when. Local time; nothing of a customer."""

from datetime import datetime
from zoneinfo import ZoneInfo

from agents.alerts.episode import Episode
from agents.alerts.finding import PROMISES, SILENCE
from agents.alerts.terms import Terms
from schemas.instants import DAY, HOUR, MINUTE, SECOND, from_ms
from schemas.policies import ClockName

LONGEST = 120
"""Letters: it stands alone on a watch."""

_PEOPLE = {"phone": ("caller", "callers")}
_CONTACTS = {"phone": "calls", "chat": "chats", "email": "e-mails", "social": "messages"}

_TARGETS: dict[ClockName, str] = {
    "answer_within": "target",
    "first_reply": "first reply target",
    "next_reply": "next reply target",
    "periodic_update": "update target",
    "pausable_update": "update target",
    "requester_wait": "waiting time target",
    "agent_work": "agent work target",
    "total_resolution": "resolution target",
}


def summary(
    episode: Episode,
    terms: Terms,
    now: int,
    *,
    oldest: int | None = None,
    target: int | None = None,
    business: bool = False,
) -> str:
    """One line on an alert at `now`.

    `oldest`: since when the oldest open subject waits; `target`: of the promise, None where there are several (ms);
    `business`: it is business time.
    """
    when = _Local(terms.timezone, now)
    if episode.rule in PROMISES:
        past = _past(PROMISES[episode.rule], target, business=business)
        text = f"{_place(episode, terms)}: {_promise(episode, when, oldest, past)}"
    elif episode.rule == SILENCE:
        text = f"source {episode.labels.get('source', 'unknown')}: {_silence(episode, when)}"
    else:
        text = f"{_place(episode, terms)}: {_trend(episode, when)}"
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def _past(clock: ClockName, target: int | None, *, business: bool) -> str:
    """Past what: 'the 4 h first reply target', 'the first reply target of 4 h business time'."""
    name = _TARGETS[clock]
    if target is None:
        return f"past their {name}s"
    if business:
        return f"past the {name} of {duration(target)} business time"
    return f"past the {duration(target)} {name}"


def _promise(episode: Episode, when: "_Local", oldest: int | None, past: str) -> str:
    began = when.at(episode.started)
    if episode.state == "retracted":
        return f"taken back, nobody waited {past} since {began} after all"
    some = _counted(episode.total, episode.channel)
    if episode.state == "resolved":
        ended = when.at(_end(episode))
        head = "fired and cleared" if episode.notify == "brief" else "over"
        return f"{head}, {some} waited {past}, {began} to {ended}"
    if not episode.open:
        return f"nobody waits {past} any more, {some} did since {began}"
    tail = f", oldest waiting since {when.at(oldest)}" if oldest is not None else ""
    return f"{_counted(episode.open, episode.channel)} {past}{tail}"


def _silence(episode: Episode, when: "_Local") -> str:
    began = when.at(episode.started)
    if episode.state == "retracted":
        return f"taken back, it was not silent since {began}"
    trend = episode.trend
    if episode.state == "resolved" or not episode.open:
        ended = when.at(_end(episode))
        if trend is not None and not trend.observed:
            return f"no longer watched since {ended}, nothing heard since {began}"
        return f"heard again at {ended}, it was silent since {began}"
    if trend is None:
        return f"nothing heard since {began}"
    if trend.limit is not None:
        return f"nothing heard since {began}, allowed are {duration(round(trend.limit * SECOND))}"
    return f"nothing heard since {began}, usually {_number(trend.expected)} records by now"


def _trend(episode: Episode, when: "_Local") -> str:
    contacts = _CONTACTS.get(episode.channel or "", "contacts")
    began = when.at(episode.started)
    trend = episode.trend
    numbers, times = "", "another number than"
    if trend is not None:
        numbers = f" ({_number(trend.observed)} against {_number(trend.expected)})"
        if trend.expected > 0:
            times = f"{trend.observed / trend.expected:.1f} x"
    if episode.state == "retracted":
        return f"taken back, {contacts} since {began} were as usual"
    if episode.state == "resolved" or not episode.open:
        return f"{contacts} as usual again at {when.at(_end(episode))}, since {began} {times} the usual{numbers}"
    return f"{times} the usual {contacts} since {began}{numbers}"


def _end(episode: Episode) -> int:
    for end in (episode.ended, episode.idle):
        if end is not None:
            return end
    return episode.started


def _place(episode: Episode, terms: Terms) -> str:
    labels = dict(episode.labels)
    queue = labels.pop("queue", None)
    nowhere = "no queue" if "queue" in terms.group_by else "all queues"
    where = nowhere if queue is None else terms.name_of(queue)
    return ", ".join((where, *(value for _, value in sorted(labels.items()))))


def _counted(n: int, channel: str | None) -> str:
    one, many = _PEOPLE.get(channel or "", ("customer", "customers"))
    return f"{n} {one if n == 1 else many}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def duration(ms: int) -> str:
    """A span of time in the largest unit that is whole: '20 s', '90 s', '2 min', '1 h'."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if ms and ms % unit == 0:
            return f"{ms // unit} {name}"
    return f"{ms / SECOND:g} s"


class _Local:
    """Instants as people at the place say them at `now`."""

    def __init__(self, timezone: str, now: int) -> None:
        self._zone = ZoneInfo(timezone)
        self._today = self._local(now).date()

    def _local(self, ms: int) -> datetime:
        return from_ms(ms).astimezone(self._zone)

    def at(self, ms: int) -> str:
        local = self._local(ms)
        return f"{local:%H:%M}" if local.date() == self._today else f"{local.day} {local:%b} {local:%H:%M}"
