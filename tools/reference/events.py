"""docs/reference/events.md, of the canonical events and what they travel in."""

import json
from datetime import UTC, datetime
from typing import get_args

from schemas.envelopes import Envelope, Origin, encode
from schemas.events import AgentStateChanged, AnyEvent, ContactAnswered, ContactCreated
from schemas.ids import contact_id, event_id
from schemas.json_schemas import PUBLIC_RECORDS, PublicRecord, json_schema
from tools.reference.tables import absent, code, fields, kind, parts, table

_HEAD = """# Canonical events

What happened to a contact or to an agent, in one form whatever tool said it. They stand in envelopes on
`contacts.events` (key: the contact) and `agents.events` (key: the agent's name), one envelope for each source record
and contact; a record without a key is a [watermark](#mark). Everything of one contact is on one partition, in the
order in which its source told it. The format `canonical` of `replay` and `backtest` reads the same events from files,
one JSON object a line, without envelopes.

Instants are ISO 8601; what we write is UTC with a `Z`, what we read needs a zone. Durations are seconds, as the source
measured them; one that is absent was not measured, and is then worked out from the instants. The same `id` with a
higher `revision` corrects what was said before; the same `id` again is a duplicate. Skip types and values that you do
not know: new ones come without notice, while nothing is removed or changed in meaning
([schemas](../../schemas/json/)).

"""

_MEANING = {
    "type": "one of the types below",
    "id": "UUID, made of the source and the provider's own id: the same event has the same id whoever reads it",
    "time": "when it happened",
    "channel": "where the conversation is",
    "source": "name of the account, PBX or file set that told it",
    "revision": "the source's update time or the parser's version: a higher one corrects",
    "queue": "the queue that it is about",
    "agent": "the human agent, as the source names them",
    "contact": "UUID of the conversation, made of the source and the provider's id of it",
    "identifiers": "who the customer is: `tel:+49...`, `mailto:...`, normalised",
    "case": "the ticket or order that the contact belongs to",
}


def page() -> str:
    """The page."""
    envelope = json_schema(_record("envelope"))
    mark = json_schema(_record("mark"))
    defs = envelope["$defs"]
    types = {_tag(each.__name__, defs): each.__name__ for each in get_args(AnyEvent)}
    # What contacts' events have in common; agents' lack the last few of these.
    common = list(defs[AgentStateChanged.__name__]["properties"])[: -len(("state", "reason"))]
    common += [name for name in _MEANING if name not in common]
    sample = defs[ContactCreated.__name__]
    text = _HEAD + _example()
    text += "## Types\n\n" + table(
        ("type", "meaning", "fields of its own"),
        (
            (
                code(tag),
                defs[name]["description"],
                ", ".join(code(field) for field in defs[name]["properties"] if field not in common),
            )
            for tag, name in types.items()
        ),
    )
    text += "## Fields that all have\n\nEvents of agents have no `contact`, `identifiers` and `case`.\n\n" + table(
        ("field", "holds", "absent means", "meaning"),
        (
            (
                code(name),
                "text" if name == "type" else kind(sample["properties"][name]),
                absent(sample["properties"][name], required=name in sample["required"]),
                _MEANING[name],
            )
            for name in common
        ),
    )
    text += "## Fields of some\n\n"
    for tag, name in types.items():
        own = fields(defs[name], common)
        if own:
            text += f"### {tag}\n\n{defs[name]['description']}\n\n{own}"
    text += "## What they travel in\n\n" + parts(envelope, leave_out=types.values()) + parts(mark)
    return text.rstrip("\n") + "\n"


def _record(name: str) -> PublicRecord:
    return next(record for record in PUBLIC_RECORDS if record.name == name)


def _tag(name: str, defs: dict[str, dict[str, dict[str, dict[str, list[str]]]]]) -> str:
    return defs[name]["properties"]["type"]["enum"][0]


def _example() -> str:
    contact = contact_id("pbx", "1792490399.42")
    answered = ContactAnswered(
        id=event_id("pbx", "example"),
        time=datetime(2026, 10, 20, 9, 20, 12, tzinfo=UTC),
        channel="phone",
        source="pbx",
        revision=1,
        queue="support",
        agent="Tom Ode",
        contact=contact,
        waited=12.0,
    )
    origin = Origin(topic="channel.phone", partition=2, offset=4711, file="/var/log/asterisk/queue_log", line=3)
    record = json.dumps(json.loads(encode(Envelope(origin=origin, events=(answered,)))), indent=2)
    return f"A record of `contacts.events`, key `{contact}`:\n\n```json\n{record}\n```\n\n"
