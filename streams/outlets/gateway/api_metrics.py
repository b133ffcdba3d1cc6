"""Endpoint: the numbers, each with how fresh it is."""

from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from schemas.definition import Unit
from schemas.definitions import definition_of
from schemas.instants import Instant, from_ms
from schemas.live import LiveMetrics, Scope, Window, WindowKind
from streams.outlets.gateway.access import needs
from streams.outlets.gateway.desk import Desk, answer, answers
from streams.outlets.gateway.paging import page_of
from streams.outlets.gateway.tiles import reason_of
from streams.outlets.gateway.windows import Held


class MetricNow(msgspec.Struct, kw_only=True, frozen=True):
    """One number. `value` null: there is none, and `reason` says why. `n` of `m`: numerator and denominator of a ratio,
    else null; `observations`: how many it rests on. Of a share of time all three are seconds. `as_of`: the watermark
    that it is of, `computed_at`: when it was worked out. `stale`: the pipeline stands still. `closed`: the window is
    over; a later `revision` may amend it."""

    metric_id: str
    metric_version: int
    scope: Scope
    window: Window
    value: float | None
    reason: Literal["nobody_waits", "no_cases", "paused", "low_n"] | None
    unit: Unit
    n: int | None
    m: int | None
    observations: int
    interval: tuple[float, float] | None
    as_of: Instant | None
    computed_at: Instant
    stale: bool
    closed: bool
    revision: int


class Metrics(msgspec.Struct, frozen=True):
    """A page of numbers. `next`: the cursor of the next page, null on the last."""

    items: list[MetricNow]
    next: str | None


def register(app: FastAPI, desk: Desk) -> None:
    """Add it."""

    @app.get("/api/v1/metrics", operation_id="listMetrics", tags=["numbers"], responses=answers(app, Metrics))
    @needs("viewer")
    async def metrics(
        queue: Annotated[str | None, Query(description="of this queue; empty: not of a single queue")] = None,
        channel: Annotated[str | None, Query(description="on this channel; empty: not of a single channel")] = None,
        policy: Annotated[str | None, Query(description="of this policy; empty: not of a single policy")] = None,
        segment: Annotated[str | None, Query(description="of this segment; empty: not of a single segment")] = None,
        window: Annotated[WindowKind | None, Query(description="of windows of this kind")] = None,
        metric: Annotated[str | None, Query(description="with this id, or its part before @ or .")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        """The newest numbers of every scope and window, by scope, window and id."""
        desk.check_read()
        wanted = {"queue": queue, "channel": channel, "policy": policy, "segment": segment}
        filters = {**wanted, "window": window, "metric": metric}
        stale = desk.board.state(desk.picture, desk.clock())[0] == "stale"
        found = [
            (held, live, name)
            for held in desk.picture.windows.all()
            if all(value is None or (getattr(held.scope, part) or "") == value for part, value in wanted.items())
            and (window is None or held.kind == window)
            and (live := held.live()) is not None
            for name in live.metrics
            if metric is None or metric in (name, name.partition("@")[0], name.partition(".")[0])
        ]
        page, following = page_of(found, _key, limit, cursor, filters)
        return answer(Metrics([_number(*entry, desk, stale=stale) for entry in page], following))


def _key(entry: tuple[Held, LiveMetrics, str]) -> tuple[str, ...]:
    held, _, name = entry
    scope = held.scope
    parts = (scope.channel, scope.queue, scope.policy, scope.segment)
    return *(part or "" for part in parts), held.kind, f"{held.start or 0:015d}", name


def _number(held: Held, live: LiveMetrics, name: str, desk: Desk, *, stale: bool) -> MetricNow:
    metric = live.metrics[name]
    try:
        unit = definition_of(name).unit
    except KeyError:
        unit = "contacts"
    ratio = unit == "fraction" and metric.denominator is not None
    n = round(metric.numerator or 0) if ratio else None
    m = round(metric.denominator or 0) if ratio else None
    watermark = desk.picture.watermark
    as_of = live.watermark
    # What is left of a time is as of the record: it goes on running.
    if (
        not live.closed
        and not name.startswith("time_to_breach.")
        and watermark is not None
        and (as_of is None or from_ms(watermark) > as_of)
    ):
        as_of = from_ms(watermark)
    return MetricNow(
        metric_id=name,
        metric_version=metric.version,
        scope=live.scope,
        window=live.window,
        value=metric.value,
        reason=reason_of(name, live.metrics, m),
        unit=unit,
        n=n,
        m=m,
        observations=metric.n,
        interval=metric.interval,
        as_of=as_of,
        computed_at=from_ms(held.at),
        stale=stale,
        closed=live.closed,
        revision=live.revision,
    )
