"""The latest numbers of every scope, as metrics.live says them: what a message says of 'now'."""

from datetime import datetime

import msgspec

from schemas import live

WINDOW = "rolling30min"
_MARK = f'"{WINDOW}"'.encode()

LEVEL = "service_level.answered_over_offered"


class Numbers(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of one scope. `answered_in_time` of `decided` offers, over the last 30 minutes; `silent`: names
    of the sources of which nothing is heard."""

    as_of: datetime
    threshold: float | None = None
    answered_in_time: int | None = None
    decided: int | None = None
    waiting: int | None = None
    oldest: float | None = None
    silent: tuple[str, ...] = ()


class Floor:
    """Keeps the last record of every scope's rolling half hour, and of the pipeline."""

    def __init__(self) -> None:
        self.pipeline: live.Pipeline | None = None
        self._scopes: dict[live.Scope, live.LiveMetrics] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take one record of metrics.live. Raises schemas.unreadable.UNREADABLE for one that is none."""
        if key == live.PIPELINE_KEY:
            if value is not None:
                self.pipeline = live.decode_pipeline(value)
        elif _MARK in key and value is not None:
            record = live.decode(value)
            if record.window.kind == WINDOW:
                self._scopes[record.scope] = record

    def silent(self) -> tuple[str, ...]:
        """The sources that are silent for longer than they should be."""
        sources = self.pipeline.sources if self.pipeline else {}
        return tuple(sorted(name for name, seen in sources.items() if seen.silent_since is not None))

    def numbers(self, scope: live.Scope, target: float | None) -> Numbers | None:
        """The numbers of a scope; the service level is that of the promise `target` where there is one."""
        record = self._scopes.get(scope)
        if record is None or record.watermark is None:
            return None
        metrics, threshold = record.metrics, _threshold(record.metrics, target)
        level = None if threshold is None else metrics.get(f"{LEVEL}@{threshold:g}")
        waiting, oldest = metrics.get("contacts_in_queue"), metrics.get("oldest_waiting")
        return Numbers(
            as_of=record.watermark,
            threshold=threshold,
            answered_in_time=_whole(level.numerator) if level else None,
            decided=_whole(level.denominator) if level else None,
            waiting=_whole(waiting.value) if waiting else None,
            oldest=oldest.value if oldest else None,
            silent=self.silent(),
        )


def _threshold(metrics: dict[str, live.Metric], target: float | None) -> float | None:
    """The target where a service level is published for it, else the smallest threshold of those that are."""
    known = sorted(
        float(name.rpartition("@")[2])
        for name in metrics
        if name.startswith(f"{LEVEL}@") and name.rpartition("@")[2].replace(".", "", 1).isdecimal()
    )
    return target if target in known else next(iter(known), None)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
