"""Tiles: what the picture says of what a tile shows, and its status. Pure; remembers the status before."""

from typing import Literal, NamedTuple

from msgspec import UNSET, UnsetType

from schemas.calendars import Calendar
from schemas.definitions import OF_TIME, definition_of
from schemas.durations import QUANTILES
from schemas.instants import SECOND, to_ms
from schemas.live import LiveMetrics, Metric, Scope, TrendState
from schemas.policies import CalendarTerms
from streams.outlets.gateway import status as rules
from streams.outlets.gateway.layout import OLDEST, READY, WAITING, TileOf
from streams.outlets.gateway.picture import Picture
from streams.outlets.gateway.shown import Reason, Status, Tile, TileKind, Trend
from streams.outlets.gateway.windows import KEPT
from streams.sections import Sections

_AGENTS, _ABANDONMENT, _SERVICE_LEVEL = "agents_by_state", "abandonment_rate", "service_level."
_TO_BREACH, _AT_RISK, _REPLIES = "time_to_breach.", "sla_at_risk.", "next_response_time"
_OF_ARRIVALS = frozenset({OLDEST, WAITING, "contacts_offered"})
_SIGNED_IN = tuple(f"agents_by_state.{state}" for state in ("on_contact", "wrap_up", "available", "away"))


class Judged(NamedTuple):
    """A status with its words and the target that it rests on."""

    status: Status
    word: str = ""
    target: float | None = None


class Tiles:
    """Makes tiles. `moment` (ms) is the time of the numbers, `now` (ms) the server's."""

    def __init__(self, settings: Sections) -> None:
        self._settings = settings
        self._zone = settings.metrics.timezone or settings.service.timezone
        self._calendars: dict[str, Calendar] = {}
        self._before: dict[tuple[str, str | None], Status] = {}

    def make(self, spec: TileOf, picture: Picture, moment: int, now: int, *, stale: bool) -> Tile:
        """One tile."""
        live, begin = _window(spec, picture)
        metric = None if live is None else live.metrics.get(spec.metric)
        n, m = _counts(spec, metric)
        value, reason = _value(spec, live, metric, m)
        since = _since(spec, live, metric)
        calendar = self._calendar_of(spec.scope.queue)
        closed = calendar is not None and not calendar.is_open(now)
        if closed:
            judged = Judged("closed", "CLOSED")
            self._forget(spec)
        else:
            judged = self._judge(spec, picture, moment, value, since, n, m)
            if stale:
                judged = Judged("stale", "", judged.target)
        return Tile(
            id=spec.id,
            metric=spec.metric,
            version=metric.version if metric else spec.definition.version,
            label=spec.label,
            kind=_kind(spec),
            value=value,
            since=since,
            reason="closed" if closed and value is None else reason,
            unit=spec.definition.unit,
            status=judged.status,
            word=judged.word,
            target=None if closed else judged.target,
            direction=spec.definition.direction,
            note=self._note(spec, picture, live, n, m),
            n=n,
            m=m,
            window=spec.window,
            as_of=_as_of(live, picture.watermark),
            series=picture.series.of(spec.followed, picture.watermark, begin),
            muted=_muted(spec.scope.queue, picture, now),
            opens=calendar.opens_at(now) if closed and calendar is not None else UNSET,
            trend=_trend(spec, picture),
        )

    def _judge(
        self,
        spec: TileOf,
        picture: Picture,
        moment: int,
        value: float | None,
        since: int | None,
        n: int | None,
        m: int | None,
    ) -> Judged:
        if spec.metric == OLDEST:
            return self._judge_wait(spec, picture, moment, value, since)
        if value is None:
            return Judged("neutral")
        before = self._before.get((spec.id, None))
        judged = Judged("neutral")
        if spec.metric.startswith(_SERVICE_LEVEL) and n is not None and m is not None:
            target = self._level_target(spec.scope.queue)
            status = rules.of_service_level(before, n, m, target)
            judged = Judged(status, rules.word_of_service_level(status, value, target), target)
        elif spec.metric.startswith(_ABANDONMENT) and n is not None and m is not None:
            status = rules.of_abandonment(before, n, m)
            judged = Judged(status, rules.word_of_abandonment(status), rules.ABANDON_WARN)
        elif spec.metric == READY:
            minimum = self._minimum(spec.scope.queue)
            status = rules.of_agents(before, value, minimum)
            judged = Judged(status, rules.word_of_agents(status, minimum), minimum)
        self._before[spec.id, None] = judged.status
        return judged

    def _judge_wait(
        self, spec: TileOf, picture: Picture, moment: int, value: float | None, since: int | None
    ) -> Judged:
        """A queue by its own promise; where several are in one tile, the worst of them by each one's own: the oldest
        of all may wait where more time is promised, and it has waited longer than whoever is past a shorter promise."""
        if spec.scope.queue is not None:
            if picture.windows.newest(spec.scope, spec.kind) is None:
                return Judged("neutral", "", self._promise(spec.scope.queue))
            return self._judge_queue(spec, spec.scope.queue, moment, since)
        if since is None:
            targets = [self._promise(queue) for queue in picture.windows.queues]
            target = min((each for each in targets if each), default=None)
            known = value is not None or picture.windows.newest(spec.scope, spec.kind) is not None
            status = rules.of_wait(None, None, target) if known else "neutral"
            return Judged(status, rules.word_of_wait(status, target), target)
        found = []
        for queue in picture.windows.queues:
            scope = Scope(channel=spec.scope.channel, queue=queue)
            live = picture.windows.newest(scope, spec.kind)
            waiting = _since(spec, live, None if live is None else live.metrics.get(OLDEST))
            if waiting is not None:
                found.append(self._judge_queue(spec, queue, moment, waiting))
            else:
                self._before.pop((spec.id, queue), None)
        status = rules.worst([each.status for each in found])
        # Of those that stand equally bad, the tightest promise.
        return min(
            (each for each in found if each.status == status), key=lambda each: each.target or 0, default=Judged(status)
        )

    def _judge_queue(self, spec: TileOf, queue: str, moment: int, since: int | None) -> Judged:
        target = self._promise(queue)
        waited = None if since is None else max(0, moment - since) / SECOND
        status = rules.of_wait(self._before.get((spec.id, queue)), waited, target)
        self._before[spec.id, queue] = status
        return Judged(status, rules.word_of_wait(status, target), target)

    def _forget(self, spec: TileOf) -> None:
        for name in [name for name in self._before if name[0] == spec.id]:
            del self._before[name]

    def _promise(self, queue: str) -> float | None:
        known = self._settings.queues.get(queue)
        own = known.answer_within if known else None
        return (self._settings.sla.answer_within if own is None else own) or None

    def _level_target(self, queue: str | None) -> float:
        known = self._settings.queues.get(queue or "")
        return (known and known.service_level_target) or self._settings.board.service_level_target

    def _minimum(self, queue: str | None) -> int | None:
        known = self._settings.queues.get(queue or "")
        if queue is None:
            return self._settings.board.agents_minimum
        return known.agents_minimum if known else None

    def _calendar_of(self, queue: str | None) -> Calendar | None:
        known = self._settings.queues.get(queue or "")
        text = (known.open if known else None) or self._settings.board.open
        if text is None:
            return None
        if text not in self._calendars:
            self._calendars[text] = Calendar(CalendarTerms(id="board", timezone=self._zone, hours=text))
        return self._calendars[text]

    def _note(self, spec: TileOf, picture: Picture, live: LiveMetrics | None, n: int | None, m: int | None) -> str:
        if live is None:
            return ""
        found = live.metrics
        if spec.metric == OLDEST:
            waiting = found.get(WAITING)
            return f"{waiting.value or 0:,.0f} in queue" if waiting else ""
        if spec.metric.startswith(_AGENTS):
            minimum = self._minimum(spec.scope.queue) if spec.metric == READY else None
            if minimum is not None:
                return f"minimum {minimum}"
            there = sum(found[name].value or 0 for name in _SIGNED_IN if name in found)
            return f"of {there:,.0f} signed in" if spec.metric in found else ""
        beside = _note_of_promise_or_survey(spec, found.get(spec.metric))
        if beside:
            return beside
        if n is not None:
            return f"{n:,} of {m:,}, {spec.window}" if n + (m or 0) < 1_000_000 else f"{n:,} of {m:,}"
        if spec.metric == "contacts_answered" and "contacts_offered" in found:
            return f"of {found['contacts_offered'].value or 0:,.0f}, {spec.window}"
        if spec.definition.unit == "s" and spec.metric in found and not spec.metric.startswith(_TO_BREACH):
            cases = found[spec.metric].n
            one, several = ("reply", "replies") if spec.metric.startswith(_REPLIES) else ("contact", "contacts")
            return f"{cases:,} {one if cases == 1 else several}, {spec.window}"
        return "" if spec.metric.startswith(_TO_BREACH) else spec.window


def _note_of_promise_or_survey(spec: TileOf, metric: Metric | None) -> str:
    """What stands beside a number of promises or surveys; of a null the reason says more."""
    if metric is None or metric.value is None:
        return ""
    if spec.metric.startswith(_TO_BREACH):
        return f"{metric.n:,} running"
    if spec.metric.startswith(_AT_RISK):
        return f"of {metric.n:,} open"
    if spec.definition.unit in ("points", "score"):
        return f"{metric.n:,} answer{'' if metric.n == 1 else 's'}, {spec.window}"
    return ""


def _window(spec: TileOf, picture: Picture) -> tuple[LiveMetrics | None, int]:
    """The newest window, and since when values belong to it (ms). None where the numbers have passed its end: the next
    one comes with its first contact. A window that rolls goes on."""
    live = picture.windows.newest(spec.scope, spec.kind)
    if live is None or spec.kind not in KEPT or live.window.start is None or live.window.end is None:
        return live, 0
    end = to_ms(live.window.end)
    over = picture.watermark is not None and end <= picture.watermark
    return (None, end) if over else (live, to_ms(live.window.start))


def _kind(spec: TileOf) -> TileKind:
    if spec.metric == OLDEST:
        return "clock"
    kinds: dict[str, TileKind] = {"s": "duration", "fraction": "ratio"}
    return kinds.get(spec.definition.unit, "count")


def reason_of(
    name: str, metrics: dict[str, Metric], m: int | None
) -> Literal["nobody_waits", "no_cases", "paused", "low_n"] | None:
    """Why a metric has no value, or one that says little; `m`: the denominator of a ratio. Time is no sample."""
    metric = metrics[name]
    if metric.value is None:
        still = metrics.get(name.replace(_TO_BREACH, "sla_open.")) if name.startswith(_TO_BREACH) else None
        if still is not None and still.value:
            return "paused"
        return "nobody_waits" if name == OLDEST else "no_cases"
    return "low_n" if name not in OF_TIME and _says_little(name, metric, m) else None


def _says_little(name: str, metric: Metric, m: int | None) -> bool:
    try:
        definition = definition_of(name)
    except KeyError:
        return m is not None and m < rules.FEW
    if definition.unit not in ("fraction", "points", "score") and definition.id not in QUANTILES:
        return False
    if metric.n < definition.least:
        return True
    low, high = metric.interval or (0.0, 0.0)
    return definition.widest is not None and high - low > 2 * definition.widest


def _value(
    spec: TileOf, live: LiveMetrics | None, metric: Metric | None, m: int | None
) -> tuple[float | None, Reason | None]:
    if live is None:
        return None, "no_data"
    if metric is None:
        # Of agents: of none is any state known.
        return None, "unknown"
    return metric.value, reason_of(spec.metric, live.metrics, m)


def _since(spec: TileOf, live: LiveMetrics | None, metric: Metric | None) -> int | None:
    if spec.metric != OLDEST or live is None or live.watermark is None or metric is None or metric.value is None:
        return None
    return to_ms(live.watermark) - round(metric.value * SECOND)


def _counts(spec: TileOf, metric: Metric | None) -> tuple[int | None, int | None]:
    """Of how many cases how many. There are none of a share of time: as such, seconds would be misread."""
    if spec.definition.unit != "fraction" or spec.metric in OF_TIME or metric is None or metric.denominator is None:
        return None, None
    return round(metric.numerator or 0), round(metric.denominator)


def _as_of(live: LiveMetrics | None, watermark: int | None) -> int | None:
    """A number is sent when it changes: one that was not sent again is as of how far all have got."""
    own = None if live is None or live.watermark is None else to_ms(live.watermark)
    return max((each for each in (own, watermark) if each is not None), default=None)


def _muted(queue: str | None, picture: Picture, now: int) -> int | UnsetType:
    if queue is None:
        return UNSET
    ends = [to_ms(mute.until) for mute in picture.book.running(now) if mute.matchers.get("queue") == queue]
    return max(ends) if ends else UNSET


def _trend(spec: TileOf, picture: Picture) -> Trend | UnsetType:
    queue = spec.scope.queue
    if picture.trends is None or queue is None or spec.metric not in _OF_ARRIVALS:
        return UNSET
    own = [each for each in picture.trends.series if each.queue == queue and each.rule.startswith("arrivals")]
    own = [each for each in own if each.channel is None or spec.scope.channel in (None, each.channel)]
    opened = [each for each in own if each.state == "open"]
    if opened:
        return _opened(opened[0])
    learning = [each for each in own if each.state == "learning"]
    if learning:
        return Trend(state="learning", days=learning[0].days, needed=learning[0].needed)
    return UNSET


def _opened(trend: TrendState) -> Trend:
    since = None if trend.since is None else to_ms(trend.since)
    return Trend(state="open", since=since, ratio=None if trend.ratio is None else round(trend.ratio, 2))
