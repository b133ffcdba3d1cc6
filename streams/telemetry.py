"""Every operational metric of a process, with a sentence each; names are Prometheus's."""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# When a counter was born says nothing that an operator asks for, and doubles the page.
disable_created_metrics()  # type: ignore[no-untyped-call] # its signature says nothing of what it returns

_TASK = ("stage", "partition")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

RECORDS = Counter("floorwalker_records_total", "Records that a task has taken from its inputs.", _TASK)
SKIPPED = Counter(
    "floorwalker_records_skipped_total", "Records fed again below the task's position, and dropped.", _TASK
)
OUTPUTS = Counter("floorwalker_outputs_total", "Records that left in committed transactions.", (*_TASK, "topic"))
FLUSHES = Counter("floorwalker_flushes_total", "Committed transactions.", _TASK)
FLUSH_SECONDS = Histogram(
    "floorwalker_flush_seconds", "Time from gathering a flush to its commit.", _TASK, buckets=_SECONDS
)
FLUSH_FAILURES = Counter(
    "floorwalker_flush_failures_total", "Flushes that did not commit, by error.", (*_TASK, "error")
)
RESTORES = Counter("floorwalker_restores_total", "Times that a task's state was read back.", _TASK)
RESTORE_SECONDS = Gauge("floorwalker_restore_seconds", "Time that the last restore took.", _TASK)
RESTORED_RECORDS = Gauge("floorwalker_restored_records", "Changelog records that the last restore read.", _TASK)
READY = Gauge("floorwalker_task_ready", "1 while the task works, 0 while it restores or waits.", _TASK)
WATERMARK_AGE = Gauge("floorwalker_watermark_age_seconds", "Wall clock minus the task's clock.", _TASK)
LAG = Gauge(
    "floorwalker_lag_records", "Offsets between an input's stable end and the task's position.", (*_TASK, "topic")
)
EVENTS = Counter(
    "floorwalker_source_records_total", "Source records by what became of them, and why.", ("outcome", "reason")
)
