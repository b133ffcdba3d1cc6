"""The board as it is to be shown at one instant, and what changed since it was last looked at. Pure."""

import msgspec

from schemas.instants import HOUR, SECOND, to_ms
from streams.outlets.gateway.alert_book import line_of
from streams.outlets.gateway.layout import Layout
from streams.outlets.gateway.picture import Picture
from streams.outlets.gateway.problems import SHOWN, problems
from streams.outlets.gateway.shown import (
    AlertLine,
    Beat,
    BoardName,
    Delta,
    Page,
    Problem,
    Snapshot,
    Source,
    State,
    Tile,
)
from streams.outlets.gateway.tiles import Tiles
from streams.sections import Sections

LIVE_MS = 10 * SECOND
CATCHING_UP_MS = 60 * SECOND
_ALERTS_SHOWN = 50


class View(msgspec.Struct, frozen=True):
    """The board at one instant."""

    watermark: int | None
    state: State
    lag: float | None
    sources: tuple[Source, ...]
    pages: tuple[Page, ...]
    problems: tuple[Problem, ...]
    more_problems: int

    def tiles(self) -> dict[str, Tile]:
        """All tiles by id."""
        return {tile.id: tile for page in self.pages for tile in page.tiles}


class Board:
    """Looks at the picture."""

    def __init__(self, settings: Sections) -> None:
        self.name = BoardName(
            id="floor",
            title=settings.board.title,
            timezone=settings.metrics.timezone or settings.service.timezone,
        )
        self.layout = Layout(settings)
        self.replay = settings.service.clock == "event"
        self._tiles = Tiles(settings)

    def look(self, picture: Picture, now: int) -> View:
        """The board at the server's time `now` (ms)."""
        state, lag = self.state(picture, now)
        sources = sources_of(picture)
        silent = bool(sources) and all(source.silent_since is not None for source in sources)
        moment = self._moment(picture, now)
        # By what clock a queue is open: that of the numbers in a replay.
        at = moment if self.replay else now
        stale = state == "stale" or silent
        pages = tuple(
            Page(page.title, tuple(self._tiles.make(spec, picture, moment, at, stale=stale) for spec in page.tiles))
            for page in picture.pages
        )
        found = problems(picture, state, sources)
        return View(picture.watermark, state, lag, sources, pages, tuple(found[:SHOWN]), max(0, len(found) - SHOWN))

    def state(self, picture: Picture, now: int) -> tuple[State, float | None]:
        """How current the numbers are, and how many seconds they lag behind the server's time."""
        if picture.watermark is None:
            return "stale", None
        lag = max(0, now - picture.watermark)
        if self.replay:
            return "replay", None
        state: State = "live" if lag < LIVE_MS else "catching_up" if lag <= CATCHING_UP_MS else "stale"
        return state, round(lag / SECOND, 1)

    def _moment(self, picture: Picture, now: int) -> int:
        """The time of the numbers: the watermark and what has passed since it was heard of. While they stand still for
        long, nobody is said to wait longer: an answer may sit in the backlog."""
        if picture.watermark is None:
            return now
        if self.replay:
            return picture.watermark
        return picture.watermark + min(max(0, now - picture.heard), LIVE_MS)


def snapshot_of(view: View, picture: Picture, seq: int, now: int) -> Snapshot:
    """The whole board, as the stream and the API have it."""
    return Snapshot(
        seq=seq,
        server_time=now,
        watermark=view.watermark,
        state=view.state,
        lag=view.lag,
        sources=view.sources,
        pages=view.pages,
        problems=view.problems,
        more_problems=view.more_problems,
        alerts=_alerts(picture, now),
    )


def delta_of(before: View, view: View, seq: int, now: int) -> Delta | None:
    """What changed; None where nothing did that a page does not see for itself."""
    known = before.tiles()
    tiles = {name: tile for name, tile in view.tiles().items() if name not in known or not tile.same(known[name])}
    delta = Delta(seq=seq, server_time=now, watermark=view.watermark, state=view.state, lag=view.lag, tiles=tiles)
    if (before.problems, before.more_problems) != (view.problems, view.more_problems):
        return msgspec.structs.replace(delta, problems=view.problems, more_problems=view.more_problems)
    return delta if tiles or before.state != view.state else None


def beat_of(view: View, seq: int, now: int) -> Beat:
    """Still there."""
    return Beat(
        seq=seq, server_time=now, watermark=view.watermark, state=view.state, lag=view.lag, sources=view.sources
    )


def laid_out_alike(before: View, view: View) -> bool:
    """Whether the same tiles stand in the same places."""
    return [(page.title, [tile.id for tile in page.tiles]) for page in before.pages] == [
        (page.title, [tile.id for tile in page.tiles]) for page in view.pages
    ]


def sources_of(picture: Picture) -> tuple[Source, ...]:
    """What was heard of every source."""
    seen = picture.pipeline.sources if picture.pipeline else {}
    return tuple(
        Source(name, to_ms(each.last_seen), None if each.silent_since is None else to_ms(each.silent_since))
        for name, each in sorted(seen.items())
    )


def _alerts(picture: Picture, now: int) -> tuple[AlertLine, ...]:
    shown = picture.book.open()[:_ALERTS_SHOWN]
    shown += picture.book.lately_closed(now - HOUR, _ALERTS_SHOWN - len(shown))
    return tuple(line_of(alert) for alert in shown)
