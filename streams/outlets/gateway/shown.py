"""What the stream shows, as docs/reference/stream.md has it. Instants are ms since 1970, durations seconds."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.definition import Direction, Unit

SCHEMA = 1

Status = Literal["good", "warn", "bad", "neutral", "low_n", "stale", "closed"]
State = Literal["live", "catching_up", "stale", "replay"]
Reason = Literal["nobody_waits", "no_cases", "paused", "low_n", "no_data", "unknown", "closed"]
TileKind = Literal["clock", "duration", "ratio", "count"]


class Source(msgspec.Struct, frozen=True):
    """What was heard of one source."""

    name: str
    last_seen: int
    silent_since: int | None


class Trend(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a series stands against its own past; `days` of `needed` while it learns."""

    state: Literal["learning", "open"]
    days: int | None = None
    needed: int | None = None
    since: int | None = None
    ratio: float | None = None


class Tile(msgspec.Struct, kw_only=True, frozen=True):
    """One tile of the board."""

    id: str
    metric: str
    version: int
    label: str
    kind: TileKind
    value: float | None
    since: int | None
    reason: Reason | None
    unit: Unit
    status: Status
    word: str
    target: float | None
    direction: Direction
    note: str
    n: int | None
    m: int | None
    window: str
    as_of: int | None
    series: tuple[float | None, ...]
    muted: int | UnsetType = UNSET
    opens: int | UnsetType | None = UNSET
    trend: Trend | UnsetType = UNSET

    def same(self, other: "Tile") -> bool:
        """Whether a page that shows the other need not hear of this one: only time has passed."""
        return self._timeless() == other._timeless()

    def _timeless(self) -> "Tile":
        if self.kind != "clock":
            return msgspec.structs.replace(self, as_of=None)
        # What a page counts up itself: the wait, and the running minute of its series.
        return msgspec.structs.replace(self, as_of=None, value=None, series=self.series[:-1])


class Page(msgspec.Struct, frozen=True):
    """One page of the board."""

    title: str
    tiles: tuple[Tile, ...]


class Said(msgspec.Struct, frozen=True):
    """Who acknowledged, and when."""

    by: str
    at: int


class Problem(msgspec.Struct, kw_only=True, frozen=True):
    """One line of the problem strip."""

    id: str
    severity: Literal["critical", "warning", "info"]
    text: str
    since: int | None
    state: str
    acknowledged: Said | None = None
    muted: bool = False


class AlertLine(msgspec.Struct, kw_only=True, frozen=True):
    """One alert, as the stream has it."""

    id: str
    rule: str
    labels: dict[str, str]
    state: str
    severity: str
    summary: str
    started_at: int
    ended_at: int | None
    open: int
    total: int
    acknowledged: Said | None
    muted: bool
    reason: str | None


class Freshness(msgspec.Struct, kw_only=True, frozen=True):
    """How old the numbers are, at the server's time."""

    server_time: int
    watermark: int | None
    state: State
    lag: float | None


class BoardName(msgspec.Struct, frozen=True):
    """Which board, and in which zone its day begins."""

    id: str
    title: str
    timezone: str


class Limits(msgspec.Struct, frozen=True):
    """After how long without an event a page says what (ms)."""

    beat_ms: int = 5_000
    lost_after_ms: int = 12_000
    stale_after_ms: int = 30_000


class Hello(msgspec.Struct, kw_only=True, frozen=True):
    """First on every connection."""

    schema: int
    server_time: int
    mode: Literal["live", "replay"]
    build: str
    role: str
    board: BoardName
    limits: Limits


class Snapshot(msgspec.Struct, kw_only=True, frozen=True):
    """The whole board."""

    seq: int
    server_time: int
    watermark: int | None
    state: State
    lag: float | None
    sources: tuple[Source, ...]
    pages: tuple[Page, ...]
    problems: tuple[Problem, ...]
    more_problems: int
    alerts: tuple[AlertLine, ...]


class Delta(msgspec.Struct, kw_only=True, frozen=True):
    """What changed."""

    seq: int
    server_time: int
    watermark: int | None
    state: State
    lag: float | None
    tiles: dict[str, Tile]
    problems: tuple[Problem, ...] | UnsetType = UNSET
    more_problems: int | UnsetType = UNSET


class Beat(msgspec.Struct, kw_only=True, frozen=True):
    """Still there, and how old the numbers are."""

    seq: int
    server_time: int
    watermark: int | None
    state: State
    lag: float | None
    sources: tuple[Source, ...]


encode = msgspec.json.Encoder().encode
