"""JSON Schema (draft 2020-12) of every public record, made of the types themselves.

The files in `schemas/json` are what was published last; `schemas.compatibility` says what may change in them.
"""

import inspect
import re
from typing import Any

import msgspec

from schemas.alerts import SlaTransition
from schemas.customers import CustomerContext, CustomerProfile
from schemas.envelopes import Envelope, Mark
from schemas.events import AnyEvent
from schemas.identities import AnyIdentity, Statement
from schemas.live import LiveMetrics, Pipeline, Trends
from schemas.notifications import AnyCommand, AnyNotification
from schemas.policies import AnyPolicyRecord
from schemas.trends import TrendTransition

DIALECT = "https://json-schema.org/draft/2020-12/schema"

JsonSchema = dict[str, Any]


class PublicRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that other programs read or write. `topics`: where it stands; none where it is a part of others."""

    name: str
    title: str
    description: str
    type: Any
    topics: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of its file in `schemas/json`."""
        return f"{self.name}.json"


PUBLIC_RECORDS: tuple[PublicRecord, ...] = (
    PublicRecord(
        name="canonical-event",
        title="Canonical event",
        description=(
            "What happened to a contact or to an agent, whatever tool said it; told apart by `type`. Times are "
            "ISO 8601 with a zone, durations seconds. A field that is absent is not known, or as its default says. "
            "Readers skip types and values that they do not know: new ones come without notice."
        ),
        type=AnyEvent,
    ),
    PublicRecord(
        name="envelope",
        title="Envelope",
        description=(
            "Record with a key on contacts.events and agents.events: what one source record turned out to be, with its "
            "canonical events of one contact or agent."
        ),
        type=Envelope,
        topics=("contacts.events", "agents.events"),
    ),
    PublicRecord(
        name="mark",
        title="Mark",
        description=(
            "Record without a key on any topic between two agents: a watermark. Who only wants the events skips it."
        ),
        type=Mark,
        topics=(
            "contacts.events",
            "agents.events",
            "alerts.sla",
            "alerts.trends",
            "customers.links",
            "customers.identities",
        ),
    ),
    PublicRecord(
        name="sla-transition",
        title="SLA transition",
        description="Record of alerts.sla: what became of one promise, with the ids of the events that prove it.",
        type=SlaTransition,
        topics=("alerts.sla",),
    ),
    PublicRecord(
        name="live-metrics",
        title="Live metrics",
        description="Record of metrics.live: all metrics of one scope and one window.",
        type=LiveMetrics,
        topics=("metrics.live",),
    ),
    PublicRecord(
        name="pipeline",
        title="Pipeline",
        description="Record of metrics.live under the key `pipeline`: how far all has got, and what became of it.",
        type=Pipeline,
        topics=("metrics.live",),
    ),
    PublicRecord(
        name="trends",
        title="Trends",
        description="Record of metrics.live under the key `trends`: every series against its own past.",
        type=Trends,
        topics=("metrics.live",),
    ),
    PublicRecord(
        name="trend-transition",
        title="Trend transition",
        description="Record of alerts.trends: a trend or a silence was found, or is over, with the evidence.",
        type=TrendTransition,
        topics=("alerts.trends",),
    ),
    PublicRecord(
        name="notification",
        title="Notification",
        description=(
            "Record of alerts.notifications, told apart by `kind`: an alert or a mute as it stands, or what became of "
            "a message."
        ),
        type=AnyNotification,
        topics=("alerts.notifications",),
    ),
    PublicRecord(
        name="command",
        title="Command",
        description="Record of alerts.commands, told apart by `command`: what people say to alerts.",
        type=AnyCommand,
        topics=("alerts.commands",),
    ),
    PublicRecord(
        name="customer-profile",
        title="Customer profile",
        description="Record of customers.profiles: rolling state of one customer, under the customer's id.",
        type=CustomerProfile,
        topics=("customers.profiles",),
    ),
    PublicRecord(
        name="customer-context",
        title="Customer context",
        description="Record of customers.context, by customer id: a customer known from before begins a contact.",
        type=CustomerContext,
        topics=("customers.context",),
    ),
    PublicRecord(
        name="statement",
        title="Statement on identifiers",
        description="Record of customers.links: somebody says that identifiers are one customer's, or are not.",
        type=Statement,
        topics=("customers.links",),
    ),
    PublicRecord(
        name="identity",
        title="Link set or review",
        description=(
            "Record of customers.identities, told apart by `record`: the link set of an identifier, under its customer "
            "id, or a link that does not hold, for somebody to look at."
        ),
        type=AnyIdentity,
        topics=("customers.identities",),
    ),
    PublicRecord(
        name="policy",
        title="Policy or calendar",
        description="Record of policies, told apart by `kind`: every version of one SLA policy or of one calendar.",
        type=AnyPolicyRecord,
        topics=("policies",),
    ),
)


def json_schema(record: PublicRecord) -> JsonSchema:
    """The schema of one public record."""
    # There and back, so that it equals what a file of it reads as: defaults are tuples before.
    made: JsonSchema = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(record.type)))
    for part in made["$defs"].values():
        part["description"] = _text(part.get("description", ""))
    return {
        "$schema": DIALECT,
        "$id": f"urn:floorwalker:{record.name}",
        "title": record.title,
        "description": record.description,
        **made,
    }


def _text(docstring: str) -> str:
    """A docstring without the indentation and line ends of the source; paragraphs stay."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(docstring))
