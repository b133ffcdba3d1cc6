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
CONTACTS_UNJUDGED = Counter(
    "floorwalker_contacts_unjudged_total",
    "Times that a rule failed on a contact as time passed: its promises are not watched until its next event.",
)
METRIC_NAMES_REFUSED = Counter(
    "floorwalker_metric_names_refused_total",
    "Facts that count without their queue, policy or segment, of which too many are known already, by which.",
    ("kind",),
)
ALERT_INPUTS_IGNORED = Counter(
    "floorwalker_alert_inputs_ignored_total",
    "Findings and commands that alerts could not read or did not act on, by why.",
    ("reason",),
)
REGISTRY_INPUTS = Counter(
    "floorwalker_registry_inputs_total",
    "Statements on identifiers and policies by what became of them (taken, known, repeated, failed).",
    ("outcome",),
)
POLICIES_WAITING = Counter(
    "floorwalker_policies_waiting_total",
    "Versions of published policies that named a calendar which nobody had defined when they came.",
)
CUSTOMER_INPUTS_FAILED = Counter(
    "floorwalker_customer_inputs_failed_total",
    "Records about customers that could not be read and went to contacts.failed, by topic.",
    ("topic",),
)
NOTIFICATIONS = Counter(
    "floorwalker_notifications_total",
    "Messages to receivers by what became of them (sent, failed, dropped), and why.",
    ("kind", "outcome", "reason"),
)
NOTIFICATION_RETRIES = Counter(
    "floorwalker_notification_retries_total", "Tries to send a message that have to be repeated, by what came back.",
    ("kind", "reason"),
)  # fmt: skip
NOTIFICATION_SECONDS = Histogram(
    "floorwalker_notification_seconds", "Time from taking a message into the outbox to its being sent.", ("kind",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3_600.0),
)  # fmt: skip
OUTBOX_MESSAGES = Gauge("floorwalker_outbox_messages", "Messages that are neither sent nor given up.", ("kind",))
OUTBOX_OLDEST = Gauge("floorwalker_outbox_oldest_seconds", "Age of the oldest of them; 0 where there is none.")
OUTBOX_REPORTS = Gauge("floorwalker_outbox_reports", "Records that wait for Kafka to take them.")
NOTIFIER_SKIPPED = Counter(
    "floorwalker_notifier_skipped_total", "Records that the notifier could not understand, by topic.", ("topic",)
)
NOTIFIER_ALIVE = Gauge(
    "floorwalker_notifier_alive", "Unix time when the notifier last looked after everything; stands still if it hangs."
)
BLIND = Gauge("floorwalker_pipeline_blind", "1 while the alert pipeline.blind is open, else 0.")
VIEWERS = Gauge("floorwalker_gateway_viewers", "Open streams of the wallboard.")
STREAM_EVENTS = Counter("floorwalker_gateway_events_total", "Events handed to viewers, by kind.", ("event",))
STREAM_DROPS = Counter(
    "floorwalker_gateway_drops_total", "Times that a viewer read too slowly and was put back to a snapshot."
)
REQUESTS = Counter(
    "floorwalker_gateway_requests_total", "Requests answered, by route and status.", ("method", "route", "status")
)
REQUEST_SECONDS = Histogram(
    "floorwalker_gateway_request_seconds", "Time to answer; streams are left out.", ("route",), buckets=_SECONDS
)
UNREADABLE = Counter(
    "floorwalker_gateway_unreadable_total", "Records that the gateway could not understand and left out.", ("topic",)
)
HISTORY_RECORDS = Counter(
    "floorwalker_history_records_total", "Records that the history store has taken, by topic.", ("topic",)
)
HISTORY_LAG = Gauge(
    "floorwalker_history_lag_records", "Offsets between a topic's end and what the history store has read.", ("topic",)
)
HISTORY_ROWS = Gauge(
    "floorwalker_history_rows", "Rows of the history store, by table; counted each minute.", ("table",)
)
HOOK_DELIVERIES = Counter(
    "floorwalker_hook_deliveries_total",
    "Deliveries of webhooks by what became of them (taken, spooled, greeted, or why not).",
    ("provider", "source", "outcome"),
)
HOOK_SECONDS = Histogram(
    "floorwalker_hook_seconds", "Time from a webhook's body to its answer.", ("provider",), buckets=_SECONDS
)
SPOOL_BYTES = Gauge("floorwalker_spool_bytes", "Bytes of records that wait for Kafka; 0 where none do.", ("source",))
FEED_RECORDS = Counter(
    "floorwalker_feed_records_total",
    "Records that feeds brought, by where they are kept (taken by Kafka, spooled), or why they are not.",
    ("kind", "source", "outcome"),
)
FEED_CONNECTED = Gauge("floorwalker_feed_connected", "1 while a feed's provider is reached, else 0.", ("source",))
