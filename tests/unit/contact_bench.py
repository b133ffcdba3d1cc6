"""What the tests of the contacts rules share: events by second of the day, and a processor whose outputs are kept."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents.contacts.processor import Contacts
from schemas import alerts, envelopes, events, identities, partials
from schemas.alerts import SlaTransition
from schemas.customers import CustomerContact, decode_contact
from schemas.envelopes import Envelope, Origin
from schemas.events import AnyEvent
from schemas.identities import Statement
from schemas.instants import from_ms, to_ms
from schemas.partials import AgentNow, CallKey, ClockKey, FactKey, SplitOutcome, StateKey
from schemas.policies import POLICY_KEY, AnyPolicyRecord, Policies, encode_policy
from streams.processor import Headers

START = 933_454_800_000
"""The first ms of the tests' timelines, at the beginning of a minute."""
NAMESPACE = UUID("9f8b5a52-6f4d-5a65-8d6b-0d1f1f3c7a11")


def at(second: float) -> int:
    """The instant (ms) of a second of the timeline."""
    return START + round(second * 1000)


def _event(kind: type[Any], name: str, second: float, more: dict[str, Any]) -> AnyEvent:
    contact = more.pop("contact", "c1")
    event_id = more.pop("id", f"{contact}/{name}/{second:g}")
    base = {
        "id": event_id,
        "time": from_ms(at(second)),
        "channel": more.pop("channel", "phone"),
        "source": more.pop("source", "pbx"),
    }
    event: AnyEvent = kind(**base, contact=contact, **more)
    return event


def created(second: float, **more: Any) -> AnyEvent:
    return _event(events.ContactCreated, "created", second, more)


def offered(second: float, queue: str | None = "sales", **more: Any) -> AnyEvent:
    return _event(events.ContactOffered, "offered", second, {"queue": queue, **more})


def answered(second: float, queue: str | None = "sales", **more: Any) -> AnyEvent:
    return _event(events.ContactAnswered, "answered", second, {"queue": queue, "agent": "mia", **more})


def left(second: float, reason: str = "abandoned", queue: str | None = "sales", **more: Any) -> AnyEvent:
    return _event(events.ContactLeftQueue, "left", second, {"queue": queue, "reason": reason, **more})


def ended(second: float, **more: Any) -> AnyEvent:
    return _event(events.ContactEnded, "ended", second, more)


def transferred(second: float, **more: Any) -> AnyEvent:
    return _event(events.ContactTransferred, "transferred", second, more)


def left_ivr(second: float, **more: Any) -> AnyEvent:
    return _event(events.ContactLeftIvr, "left_ivr", second, more)


def other(kind: type[Any], second: float, /, **more: Any) -> AnyEvent:
    """Any further type of event."""
    return _event(kind, kind.__name__, second, more)


def agent_state(second: float, state: events.AgentState, **more: Any) -> AnyEvent:
    name = more.pop("agent", "mia")
    event_id = more.pop("id", f"{name}/{state}/{second:g}")
    base: dict[str, Any] = {"id": event_id, "time": from_ms(at(second)), "channel": "phone", "source": "pbx"}
    return events.AgentStateChanged(**base, agent=name, state=state, **more)


@dataclass
class Taken:
    """A record of an input topic."""

    value: bytes | None
    offset: int = 0
    topic: str = "contacts.events"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = b"c1"
    headers: Headers = ()


@dataclass
class Floor:
    """A contacts processor, fed by second of the timeline; what it sent is kept as it leaves with each flush.

    `grace` 0 is event time. Envelopes without an origin of their own get the next offset. That a clock began to run is
    kept apart (`activated`) from what then became of it (`transitions`); `said` is both in order. `book` is the part of
    the changelog that says what policies were heard of. `ticked`: the clock (ms), `kept`: that of the last flush.
    """

    policies: Policies = field(default_factory=Policies)
    grace: int = 0
    window: int = 86_400_000
    retention: int = 30 * 86_400_000
    transitions: list[SlaTransition] = field(default_factory=list)
    activated: list[SlaTransition] = field(default_factory=list)
    said: list[SlaTransition] = field(default_factory=list)
    clocks: Counter[ClockKey] = field(default_factory=Counter)
    links: list[Statement] = field(default_factory=list)
    book: dict[bytes, bytes] = field(default_factory=dict)
    customers: list[CustomerContact] = field(default_factory=list)
    failed: list[tuple[bytes, bytes | None, dict[str, bytes]]] = field(default_factory=list)
    facts: Counter[FactKey] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    busy: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    agents: list[AgentNow] = field(default_factory=list)
    split: list[SplitOutcome] = field(default_factory=list)
    calls: Counter[CallKey] = field(default_factory=Counter)
    states: Counter[StateKey] = field(default_factory=Counter)
    sent_partials: int = 0
    changelog: dict[bytes, bytes] = field(default_factory=dict)
    offset: int = 0
    ticked: int = 0
    kept: int = 0

    def __post_init__(self) -> None:
        self.contacts = self._processor()

    def _processor(self) -> Contacts:
        return Contacts(
            "contacts-0",
            policies=self.policies,
            namespace=NAMESPACE,
            grace_ms=self.grace,
            correction_window_ms=self.window,
            retention_ms=self.retention,
        )

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> None:
        assert key is not None
        assert value is not None
        if topic == "alerts.sla":
            transition = alerts.decode(value)
            assert key == transition.id.encode()
            self.said.append(transition)
            (self.activated if transition.transition == "activated" else self.transitions).append(transition)
        elif topic == "customers.links":
            assert key == b"links"
            self.links.append(identities.decode_statement(value))
        elif topic == "customers.events":
            told = decode_contact(value)
            assert key == told.customer.encode()
            self.customers.append(told)
        elif topic == "metrics.partials":
            assert key == b"contacts-0"
            self._add(partials.decode(value))
        else:
            assert topic == "contacts.failed"
            self.failed.append((key, value, dict(headers)))

    def _add(self, partial: partials.Partial) -> None:
        self.sent_partials += 1
        for key, n in partial.facts:
            self.facts[key] += n
        self.outcomes.update(partial.outcomes)
        self.sources.update(partial.sources)
        for agent, n in partial.busy.items():
            self.busy[agent] += n
        self.agents.extend(partial.agents)
        self.split.extend(partial.split)
        for call, n in partial.calls:
            self.calls[call] += n
        for state, n in partial.states:
            self.states[state] += n
        for clock, n in partial.clocks:
            self.clocks[clock] += n

    def hear(self, *said: AnyEvent, **envelope: Any) -> None:
        """Take one envelope with these events."""
        self.offset += 1
        origin = envelope.pop("origin", Origin("channel.phone", 0, self.offset, "queue_log", self.offset))
        self.take(envelopes.encode(Envelope(origin=origin, events=said, **envelope)))

    def take(self, value: bytes | None, headers: Headers = ()) -> None:
        self.contacts.take(Taken(value, self.offset, headers=headers), self)

    def promise(self, record: AnyPolicyRecord) -> None:
        """A record of the topic policies comes by way of contacts.events."""
        self.offset += 1
        self.contacts.take(Taken(encode_policy(record), self.offset, key=POLICY_KEY), self)

    def clock(self, second: float) -> None:
        """The task's clock moves to a second of the timeline."""
        self.ticked = max(self.ticked, at(second))
        self.contacts.advance(at(second), self)

    def flush(self) -> None:
        self.contacts.before_flush(self, ended=False)
        self.kept = self.ticked
        for key, value in self.contacts.changes():
            if key[:1] == b"p":
                assert value is not None
                self.book[key] = value
            elif value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value

    def crash(self) -> None:
        """What was not flushed is lost; a new processor takes over from the changelog."""
        self.contacts = self._processor()
        for key, value in (*self.changelog.items(), *self.book.items()):
            self.contacts.restore(key, value)
        self.contacts.restored()
        self.contacts.resume(self.kept)

    def measured(self) -> dict[tuple[str, int], int]:
        """All facts after a flush, by measure and value (waiting: by second of the timeline)."""
        self.flush()
        sums: Counter[tuple[str, int]] = Counter()
        for (_, _, _, measure, value), n in self.facts.items():
            sums[measure, (value - START) // 1000 if measure == "waiting" else value] += n
        return {key: n for key, n in sums.items() if n}

    def story(self) -> list[tuple[str, float, float]]:
        """Transitions in the order said: which, at which second, detected at which second."""
        return [(t.transition, second(t.occurred_at), second(t.detected_at)) for t in self.transitions]

    def standing(self) -> set[tuple[object, ...]]:
        """The transitions that were not taken back."""
        return standing(self.transitions)


def second(instant: Any) -> float:
    """The second of the timeline of a record's time."""
    return (to_ms(instant) - START) / 1000


def standing(said: Iterable[SlaTransition]) -> set[tuple[object, ...]]:
    """What holds after corrections: instance, transition, its instants and how it came out."""
    said = list(said)
    gone = {t.corrects for t in said if t.transition == "corrected"}
    return {
        (t.contact, t.instance, t.transition, t.due_at, t.occurred_at, t.outcome, t.reason)
        for t in said
        if t.transition != "corrected" and t.id not in gone
    }


def names(said: Sequence[SlaTransition]) -> set[tuple[str, str, object]]:
    """What two runs must have in common: id, transition and due instant."""
    return {(t.id, t.transition, t.due_at) for t in said}
