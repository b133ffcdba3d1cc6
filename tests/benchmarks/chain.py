"""The stages behind intake in one process, without Kafka: what one sends, the next takes; CPU time by stage."""

import time
from uuid import UUID

from agents.alerts.agent import terms_of
from agents.alerts.processor import Alerting
from agents.contacts.processor import Contacts
from agents.customers.customers import Customers
from agents.metrics.processor import Metrics
from agents.registry.processor import Registry
from schemas.topics import (
    ALERTS_SLA,
    ALERTS_TRENDS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_IDENTITIES,
    CUSTOMERS_LINKS,
    METRICS_PARTIALS,
)
from streams.engine import build_app
from streams.processor import Headers, Processor, news_of
from streams.settings import Settings, load_settings
from streams.topics import partition_counts
from tests.benchmarks.calls import Taken

CUSTOMER_NAMESPACE = UUID("8f14e45f-ceea-467f-a0e6-3f6b2a1c9d77")
STAGES = ("contacts", "registry", "customers", "metrics", "alerts")
_READERS = {
    CUSTOMERS_LINKS.name: "registry",
    CUSTOMERS_IDENTITIES.name: "customers",
    CUSTOMERS_EVENTS.name: "customers",
    METRICS_PARTIALS.name: "metrics",
    ALERTS_SLA.name: "alerts",
    ALERTS_TRENDS.name: "alerts",
}


def memory_as_in_service() -> None:
    """Have Python's garbage collector as a worker has it: building its app sets it."""
    build_app(bootstrap="127.0.0.1:1", namespace="none", partitions=partition_counts(1))


def settings_of_the_floor(open_queue: str | None = None) -> Settings:
    """The defaults; `open_queue` promises an answer within four hours, so that its deadlines stay open."""
    queues = {} if open_queue is None else {open_queue: {"answer_within": "4h"}}
    return load_settings(service={"customer_namespace": str(CUSTOMER_NAMESPACE)}, queues=queues)


def contacts_of(settings: Settings) -> Contacts:
    """The contacts rules as in service."""
    return Contacts("contacts-0", policies=settings.policy_settings(), namespace=CUSTOMER_NAMESPACE)


class Chain:
    """One task of each stage. `cpu`: seconds that each has used, encoding its flushes included."""

    def __init__(self, settings: Settings) -> None:
        self._stages: dict[str, Processor] = {
            "contacts": contacts_of(settings),
            "registry": Registry(partitions=1),
            "customers": Customers(),
            "metrics": Metrics(settings.metric_settings(), settings.trend_settings()),
            "alerts": Alerting(terms_of(settings)),
        }
        self.cpu = dict.fromkeys(STAGES, 0.0)
        self._waiting: dict[str, list[Taken]] = {stage: [] for stage in STAGES}
        self._clock = 0

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        """See streams.processor.Outbox. What nobody reads here is dropped."""
        reader = _READERS.get(topic)
        if reader is not None:
            self._waiting[reader].append(Taken(topic, key, value))

    def take(self, records: list[Taken], clock: int) -> None:
        """Take records of contacts.events, move all clocks to `clock` (ms) and flush every stage, in its order."""
        self._waiting["contacts"] += records
        for stage in STAGES:
            began = time.process_time()
            self._flush(stage, clock)
            self.cpu[stage] += time.process_time() - began

    def _flush(self, name: str, clock: int) -> None:
        rules = self._stages[name]
        records, self._waiting[name] = self._waiting[name], []
        take = rules.take
        for record in records:
            take(record, self)
        rules.advance(clock, self)
        if isinstance(rules, Metrics):
            rules.marks({f"{stage}-0": (clock, False) for stage in STAGES})
        if records or news_of(rules)():
            rules.before_flush(self, ended=False)
            for _ in rules.changes():
                pass


class NoOutbox:
    """An outbox that counts what it is given, and drops it."""

    def __init__(self) -> None:
        self.sent = 0

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        """See streams.processor.Outbox."""
        self.sent += 1
