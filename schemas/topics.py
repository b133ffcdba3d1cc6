"""The one list of topics: key, partitions, cleanup, what a record holds, and how personal it is."""

from typing import Any, Literal

import msgspec

from schemas import alerts, customers, envelopes, identities, live, notifications, partials, policies, trends
from schemas.events import CHANNELS

MIB = 1 << 20
LARGEST_RECORD = 32 * MIB
"""Bytes of the largest payload that a connector passes on; larger ones are refused and counted."""


def prefix_of(namespace: str) -> str:
    """What stands in front of a topic's name on the cluster: the namespace and a dot, nothing without one."""
    return f"{namespace}." if namespace else ""


PersonalData = Literal["none", "pseudonymous", "personal"]


class Topic(msgspec.Struct, kw_only=True, frozen=True):
    """One topic. `partitioned`: has N partitions (else one). `retention_ms` None: the cleanup keeps all."""

    name: str
    key: str
    holds: str
    partitioned: bool = True
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    retention_days: int | None = 30
    large: bool = False
    personal: PersonalData = "pseudonymous"
    record: Any = None
    public: bool = True

    @property
    def config(self) -> dict[str, str]:
        """Topic-level settings for Kafka."""
        settings: dict[str, str] = {"cleanup.policy": self.cleanup}
        if self.retention_days is not None and "delete" in self.cleanup:
            settings["retention.ms"] = str(self.retention_days * 86_400_000)
        if self.large:
            settings["max.message.bytes"] = str(LARGEST_RECORD + MIB)
        return settings


_CHANNEL = "payloads of the providers, verbatim"

CHANNEL_TOPICS = tuple(
    Topic(name=f"channel.{channel}", key="provider's conversation", holds=_CHANNEL, large=True, personal="personal")
    for channel in CHANNELS
)
CONTACTS_EVENTS = Topic(
    name="contacts.events", key="contact", holds="canonical events, outcomes, watermarks",
    personal="personal", record=envelopes.Envelope,
)  # fmt: skip
AGENTS_EVENTS = Topic(
    name="agents.events", key="agent", holds="canonical events of human agents, watermarks",
    personal="personal", record=envelopes.Envelope,
)  # fmt: skip
CONTACTS_FAILED = Topic(
    name="contacts.failed", key="origin", holds="bytes, headers, typed reason, stage and origin",
    large=True, personal="personal",
)  # fmt: skip
CUSTOMERS_EVENTS = Topic(
    name="customers.events", key="identifier's customer id", holds="what happened to the customer",
    personal="personal", record=customers.CustomerContact, public=False,
)  # fmt: skip
CUSTOMERS_PROFILES = Topic(
    name="customers.profiles", key="customer id", holds="public rolling state", cleanup="compact",
    retention_days=None, record=customers.CustomerProfile,
)  # fmt: skip
CUSTOMERS_LINKS = Topic(
    name="customers.links", key="links", holds="who says which identifiers are one customer's", partitioned=False,
    record=identities.Statement,
)  # fmt: skip
CUSTOMERS_IDENTITIES = Topic(
    name="customers.identities", key="identifier's customer id, or review:ID", cleanup="compact", retention_days=None,
    holds="link sets, who linked and why, and links for review", record=identities.AnyIdentity,
)  # fmt: skip
CUSTOMERS_MEMBERS = Topic(
    name="customers.members", key="owner of the link set", holds="states of members of link sets", retention_days=7,
    large=True,
    personal="personal", record=customers.MemberState, public=False,
)  # fmt: skip
CUSTOMERS_CONTEXT = Topic(
    name="customers.context", key="customer id", holds="a known customer has started a contact", retention_days=1,
    record=customers.CustomerContext,
)  # fmt: skip
POLICIES = Topic(
    name="policies", key="policy:ID or calendar:ID", holds="SLA policies and calendars, every version",
    partitioned=False, cleanup="compact", retention_days=None, personal="none", record=policies.AnyPolicyRecord,
)  # fmt: skip
METRICS_PARTIALS = Topic(
    name="metrics.partials", key="task", holds="mergeable pre-aggregates, watermarks", partitioned=False,
    retention_days=7, personal="personal", record=partials.Partial, public=False,
)  # fmt: skip
METRICS_LIVE = Topic(
    name="metrics.live", key="scope and window", holds="all metrics of one scope and window", partitioned=False,
    cleanup="compact,delete", retention_days=7, personal="none", record=live.LiveMetrics,
)  # fmt: skip
ALERTS_SLA = Topic(
    name="alerts.sla", key="alert id", holds="transitions of promises, with evidence", partitioned=False,
    record=alerts.SlaTransition,
)  # fmt: skip

ALERTS_TRENDS = Topic(
    name="alerts.trends", key="trend id", holds="trends and silences, opened and closed, with evidence",
    partitioned=False, personal="none", record=trends.TrendTransition,
)  # fmt: skip
ALERTS_COMMANDS = Topic(
    name="alerts.commands", key="command id", holds="what people say to alerts: acknowledge, mute, lift a mute",
    partitioned=False, personal="personal", record=notifications.AnyCommand,
)  # fmt: skip
ALERTS_NOTIFICATIONS = Topic(
    name="alerts.notifications", key="alert id", holds="alerts and mutes as they stand, and what became of messages",
    partitioned=False, personal="personal", record=notifications.AnyNotification,
)  # fmt: skip

TOPICS: tuple[Topic, ...] = (
    *CHANNEL_TOPICS,
    CONTACTS_EVENTS,
    AGENTS_EVENTS,
    CONTACTS_FAILED,
    CUSTOMERS_EVENTS,
    CUSTOMERS_PROFILES,
    CUSTOMERS_LINKS,
    CUSTOMERS_IDENTITIES,
    CUSTOMERS_MEMBERS,
    CUSTOMERS_CONTEXT,
    POLICIES,
    METRICS_PARTIALS,
    METRICS_LIVE,
    ALERTS_SLA,
    ALERTS_TRENDS,
    ALERTS_COMMANDS,
    ALERTS_NOTIFICATIONS,
)


def changelog(agent: str, *, partitioned: bool) -> Topic:
    """The changelog of an agent's tasks: state by key, positions included, msgpack behind a version byte."""
    return Topic(
        name=f"{agent}-changelog", key="state key", holds="state of the tasks of one agent", cleanup="compact",
        retention_days=None, partitioned=partitioned, personal="personal", public=False, large=True,
    )  # fmt: skip


COMPACTED = {
    "segment.bytes": str(64 * MIB),
    "segment.ms": str(3_600_000),
    "min.cleanable.dirty.ratio": "0.1",
}
