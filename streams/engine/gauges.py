"""What a task tells of itself to Prometheus."""

import time
from collections.abc import Callable, Iterable

from prometheus_client import Gauge

from streams import telemetry
from streams.engine.writer import Flush

_GAUGES = (
    telemetry.RESTORE_SECONDS,
    telemetry.RESTORED_RECORDS,
    telemetry.READY,
    telemetry.WATERMARK_AGE,
)


class TaskGauges:
    """The metrics of one task, their labels looked up once. `watermark_age`: seconds, asked for at a scrape."""

    def __init__(self, stage: str, partition: int, inputs: Iterable[str], watermark_age: Callable[[], float]) -> None:
        self._labels = (stage, str(partition))
        self.ready = telemetry.READY.labels(*self._labels)
        self.lag = {topic: telemetry.LAG.labels(*self._labels, topic) for topic in inputs}
        self._records = telemetry.RECORDS.labels(*self._labels)
        self._skipped = telemetry.SKIPPED.labels(*self._labels)
        self._flushes = telemetry.FLUSHES.labels(*self._labels)
        self._flush_seconds = telemetry.FLUSH_SECONDS.labels(*self._labels)
        telemetry.WATERMARK_AGE.labels(*self._labels).set_function(watermark_age)

    def applied(self, taken: int, skipped: int) -> None:
        """So many records of a batch were taken, and so many dropped as taken before."""
        self._records.inc(taken)
        if skipped:
            self._skipped.inc(skipped)

    def flushed(self, flush: Flush) -> None:
        """A flush was committed."""
        self._flushes.inc()
        self._flush_seconds.observe(time.monotonic() - flush.started)
        counts: dict[str, int] = {}
        for output in flush.outputs:
            counts[output.topic] = counts.get(output.topic, 0) + 1
        for topic, count in counts.items():
            telemetry.OUTPUTS.labels(*self._labels, topic).inc(count)

    def failure(self, error: str) -> None:
        """A flush, a restore or a seek failed."""
        telemetry.FLUSH_FAILURES.labels(*self._labels, error).inc()

    def restored(self, records: int, seconds: float) -> None:
        """State was read back."""
        telemetry.RESTORES.labels(*self._labels).inc()
        telemetry.RESTORE_SECONDS.labels(*self._labels).set(seconds)
        telemetry.RESTORED_RECORDS.labels(*self._labels).set(records)

    def remove(self) -> None:
        """Take away what would stay at its last value for ever; counters stay."""
        for gauge in _GAUGES:
            _remove(gauge, *self._labels)
        for topic in self.lag:
            _remove(telemetry.LAG, *self._labels, topic)


def _remove(gauge: Gauge, *labels: str) -> None:
    try:
        gauge.remove(*labels)
    except KeyError:
        # A second engine of the same process (tests) has removed it.
        return
