"""Every record of the channel topics becomes one outcome: accepted with its events, ignored or failed, and why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from msgspec.structs import replace

from agents.intake.formats import understood
from agents.intake.limits import fault_of
from agents.intake.parsing import Context, Events, Fault, Format, Headers, Ignored, Malformed, Parsed, all_of, shown
from schemas.envelopes import Envelope, Origin, encode
from schemas.events import AnyEvent, ContactEvent
from schemas.failures import REFUSED, origin_headers
from schemas.instants import EPOCH, MINUTE, from_ms, to_ms
from schemas.topics import AGENTS_EVENTS, CONTACTS_EVENTS, CONTACTS_FAILED, prefix_of
from streams.processor import Outbox, Record

FUTURE_MS = 5 * MINUTE
"""How far ahead of its record's append time an event may lie in service: clocks of providers differ."""

LARGEST_EVENT = 16 * 1024
"""Bytes of an event as its topic has it: of what a contact or customer said last, many are told together further on."""

MOST_TOGETHER = 60
"""Events of one envelope: as many of the largest fit in a record of topics that were not told to take more."""

NOTHING_SAID = "no_event"
"""Reason of a record out of which a parser made no events and said no reason."""

_CONTACTS = CONTACTS_EVENTS.name
_AGENTS = AGENTS_EVENTS.name
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class Intake:
    """Rules of the intake agent (streams.processor.Processor). Stateless.

    `region`: default region of phone numbers, `regions`: of a source by its name. `settings`: of a source by its
    name. `wall_clock`: in service, where an event must not be later than its record by more than FUTURE_MS; a
    replay's events are as old as they like. `namespace`: prefix of the physical topics' names, which origins and
    failures are told without.
    """

    def __init__(
        self,
        *,
        wall_clock: bool,
        namespace: str = "",
        region: str | None = None,
        regions: Mapping[str, str] | None = None,
        settings: Mapping[str, Mapping[str, str]] | None = None,
        formats: Mapping[str, Format] | None = None,
    ) -> None:
        self._wall_clock = wall_clock
        self._prefix = prefix_of(namespace)
        self._region = region
        self._regions = dict(regions or {})
        self._settings = dict(settings or {})
        self._formats = understood() if formats is None else formats

    def take(self, record: Record, out: Outbox) -> None:
        """Say what became of one record of a channel topic."""
        headers = dict(record.headers)
        origin = self._origin(record, headers)
        try:
            parsed = self._parse(record, headers)
        except Malformed as error:
            self._fail(record, Envelope(origin=origin), Fault(error.reason, error.message), out)
            return
        # Whatever a parser stumbles over, it is one record's fault: it goes where it can be looked at and put back.
        except Exception as error:  # noqa: BLE001
            fault = Fault("rule", f"{type(error).__name__}: {error}")
            self._fail(record, Envelope(origin=origin), fault, out)
            return
        if isinstance(parsed, Ignored):
            self._ignore(origin, parsed.reason, out)
        elif parsed.faults:
            parts = self._accept(origin, parsed.events, out, others=1)
            last = Envelope(origin=origin, part=parts - 1, parts=parts)
            self._fail(record, last, all_of(parsed.faults), out)
        elif parsed.events:
            self._accept(origin, parsed.events, out)
        else:
            self._ignore(origin, NOTHING_SAID, out)

    def advance(self, clock: int, out: Outbox) -> None:
        """Nothing here waits for a time."""

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Nothing is held back."""

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """No state, no changes."""
        return ()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """No state, nothing to restore."""

    def restored(self) -> None:
        """No state, nothing to derive."""

    def _origin(self, record: Record, headers: Headers) -> Origin:
        file, line = headers.get("file"), headers.get("line")
        return Origin(
            topic=record.topic.removeprefix(self._prefix),
            partition=record.partition,
            offset=record.offset,
            file=None if file is None else file.decode("utf-8", "replace"),
            line=int(line) if line is not None and line.isdigit() else None,
        )

    def _parse(self, record: Record, headers: Headers) -> Parsed:
        refused = headers.get(REFUSED)
        if refused is not None:
            raise Malformed("too_large", refused.decode("utf-8", "replace"))
        name = headers.get("ce_type", b"").decode("utf-8", "replace")
        parser = self._formats.get(name)
        if parser is None:
            raise Malformed("unknown_type", f"header ce_type is {shown(name)}: no format of this name is known")
        source = headers.get("ce_source", b"").decode("utf-8", "replace")
        if not source:
            raise Malformed("identity", "header ce_source is missing: nobody can say whose payload this is")
        parsed = parser.parse(
            record.value or b"",
            Context(
                source=source,
                headers=headers,
                read_at=_read_at(record, headers),
                region=self._regions.get(source, self._region),
                settings=self._settings.get(source, _NO_SETTINGS),
            ),
        )
        if isinstance(parsed, Ignored):
            return parsed
        # An event says no more than its payload does, but may need six bytes for one.
        if len(record.value or b"") + len(source) > LARGEST_EVENT // 8:
            parsed = _not_too_large(parsed)
        parsed = _within_limits(parsed)
        return _not_ahead(parsed, record.timestamp) if self._wall_clock else parsed

    def _accept(self, origin: Origin, events: tuple[AnyEvent, ...], out: Outbox, *, others: int = 0) -> int:
        """Say an envelope for each contact and agent. `others`: parts of the record besides. Returns all parts."""
        if len(events) == 1 and not others:
            topic, key = _address(events[0])
            out.send(topic, key, encode(Envelope(origin=origin, events=events)))
            return 1
        groups: dict[tuple[str, bytes], list[AnyEvent]] = {}
        for event in events:
            groups.setdefault(_address(event), []).append(event)
        pieces = [
            (address, tuple(group[at : at + MOST_TOGETHER]))
            for address, group in groups.items()
            for at in range(0, len(group), MOST_TOGETHER)
        ]
        parts = len(pieces) + others
        for part, ((topic, key), piece) in enumerate(pieces):
            out.send(topic, key, encode(Envelope(origin=origin, part=part, parts=parts, events=piece)))
        return parts

    def _ignore(self, origin: Origin, reason: str, out: Outbox) -> None:
        envelope = Envelope(origin=origin, outcome="ignored", reason=reason)
        out.send(_CONTACTS, str(origin).encode(), encode(envelope))

    def _fail(self, record: Record, part: Envelope, fault: Fault, out: Outbox) -> None:
        """Put the whole record where it can be looked at, and say that it failed, or a part of it."""
        origin = part.origin
        key = str(origin).encode()
        headers = origin_headers(
            record.headers, reason=fault.reason, stage="intake", message=fault.message, origin=origin
        )
        out.send(CONTACTS_FAILED.name, key, record.value, headers)
        out.send(_CONTACTS, key, encode(replace(part, outcome="failed", reason=fault.reason)))


def _address(event: AnyEvent) -> tuple[str, bytes]:
    """Topic and key of the envelope that an event goes into."""
    if isinstance(event, ContactEvent):
        return _CONTACTS, event.contact.encode()
    return _AGENTS, (event.agent or "").encode()


def _read_at(record: Record, headers: Headers) -> int:
    """When a payload came, ms: as the connector that took it says, which a copy of its record keeps; else the append
    time, also where `ce_time` is no instant with a zone since 1970."""
    said = headers.get("ce_time")
    if said is None:
        return record.timestamp
    try:
        at = to_ms(datetime.fromisoformat(said.decode("ascii")))
        return at if from_ms(at) >= EPOCH else record.timestamp
    except (ValueError, TypeError, OverflowError):
        return record.timestamp


@lru_cache(maxsize=1_024)
def _latest(read_at: int) -> datetime:
    # Records of one batch have few different append times.
    return from_ms(read_at + FUTURE_MS)


def _not_too_large(parsed: Events) -> Events:
    """Without the contacts and agents of which an event is too large. Raises Malformed where nobody is left."""
    sizes = [(len(encode(event)), event) for event in parsed.events]
    too_large = [(size, event) for size, event in sizes if size > LARGEST_EVENT]
    if not too_large:
        return parsed
    size, event = too_large[0]
    fault = Fault(
        "too_large",
        f"{event.__struct_config__.tag} {shown(event.id)} has {size:,} bytes, an event {LARGEST_EVENT:,} at most: "
        "expected shorter or fewer names, identifiers and tags",
    )
    return _without(parsed, [event for _, event in too_large], fault)


def _within_limits(parsed: Events) -> Events:
    """Without the contacts and agents of which an event has too long a name or id, or no such duration. Raises
    Malformed where nobody is left."""
    wrong = [(event, fault) for event in parsed.events if (fault := fault_of(event)) is not None]
    if not wrong:
        return parsed
    return _without(parsed, [event for event, _ in wrong], wrong[0][1])


def _not_ahead(parsed: Events, read_at: int) -> Events:
    """Without the contacts and agents of which something lies in the future. Raises Malformed where nobody is left."""
    latest = _latest(read_at)
    ahead = [event for event in parsed.events if event.time > latest]
    if not ahead:
        return parsed
    fault = Fault(
        "time",
        f"{ahead[0].time.isoformat()} is more than {FUTURE_MS // MINUTE} minutes after it was read "
        f"({from_ms(read_at).isoformat()}): the source's clock is ahead, or its time zone is another",
    )
    return _without(parsed, ahead, fault)


def _without(parsed: Events, refused_events: Sequence[AnyEvent], fault: Fault) -> Events:
    """Without the contacts and agents that these events are of. Raises Malformed where nobody is left."""
    faults = (*parsed.faults, fault)
    refused = set(map(_address, refused_events))
    events = tuple(event for event in parsed.events if _address(event) not in refused)
    if not events:
        raise Malformed(*all_of(faults))
    return Events(events, faults)
