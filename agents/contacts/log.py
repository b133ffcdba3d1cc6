"""A contact's log as bytes: what is kept of each event, a line an event, in the order of time.

A contact lies untouched most of the time, and its log says all that it is. So a line leaves out what is as in the line
before. To tell whether an event is known, its id is looked for in the bytes; only what is late, corrected or told
twice makes anybody read them.
"""

from collections.abc import Iterable

import msgspec

from agents.contacts.entry import Entry, Rating, Told

_AS_BEFORE = True
"""Stands for what the line before has in this place."""

_encode = msgspec.msgpack.Encoder().encode


class _Line(msgspec.Struct, array_like=True, gc=False):
    """`since`: ms since the line before, in the first line since the epoch. The rest is that of Entry."""

    since: int
    kind: int
    id: str
    revision: int
    queue: str | bool | None = _AS_BEFORE
    agent: str | bool | None = _AS_BEFORE
    identifiers: tuple[str, ...] | bool = _AS_BEFORE
    detail: str | None = None
    waited: int | None = None
    talked: int | None = None
    held: int | None = None
    handled: int | None = None
    told: Told | None = None
    rating: Rating | None = None


_decode = msgspec.msgpack.Decoder(list[_Line]).decode


def line_of(entry: Entry, before: Entry | None) -> bytes:
    """The line of an entry behind that of `before`."""
    queue: str | bool | None = entry.queue
    agent: str | bool | None = entry.agent
    identifiers: tuple[str, ...] | bool = entry.identifiers
    kind, name = entry.kind, entry.id
    if before is None:
        since = entry.time
    else:
        since = entry.time - before.time
        if queue == before.queue:
            queue = _AS_BEFORE
        if agent == before.agent:
            agent = _AS_BEFORE
        if identifiers == before.identifiers:
            identifiers = _AS_BEFORE
    if entry.told is not None or entry.rating is not None:
        measured = (entry.detail, entry.waited, entry.talked, entry.held, entry.handled)
        said = (entry.told, entry.rating)
        return _encode((since, kind, name, entry.revision, queue, agent, identifiers, *measured, *said))
    if entry.handled is not None or entry.talked is not None or entry.held is not None:
        more = (entry.detail, entry.waited, entry.talked, entry.held, entry.handled)
        return _encode((since, kind, name, entry.revision, queue, agent, identifiers, *more))
    if entry.detail is not None or entry.waited is not None:
        more_of_wait = (entry.detail, entry.waited)
        return _encode((since, kind, name, entry.revision, queue, agent, identifiers, *more_of_wait))
    if identifiers is not _AS_BEFORE:
        return _encode((since, kind, name, entry.revision, queue, agent, identifiers))
    if agent is not _AS_BEFORE or queue is not _AS_BEFORE:
        return _encode((since, kind, name, entry.revision, queue, agent))
    return _encode((since, kind, name, entry.revision))


def write_log(entries: Iterable[Entry]) -> bytes:
    """The lines of entries that stand in their order."""
    before: Entry | None = None
    lines = []
    for entry in entries:
        lines.append(line_of(entry, before))
        before = entry
    return b"".join(lines)


def read_log(log: bytes, lines: int) -> list[Entry]:
    """The entries of a log of so many lines."""
    time = 0
    queue: str | None = None
    agent: str | None = None
    identifiers: tuple[str, ...] = ()
    entries = []
    # A msgpack array is its length and its elements.
    for line in _decode(b"\xdd" + lines.to_bytes(4, "big") + log):
        time += line.since
        if not isinstance(line.queue, bool):
            queue = line.queue
        if not isinstance(line.agent, bool):
            agent = line.agent
        if not isinstance(line.identifiers, bool):
            identifiers = line.identifiers
        entries.append(
            Entry(
                time,
                line.kind,
                line.id,
                line.revision,
                queue,
                agent,
                identifiers,
                line.detail,
                line.waited,
                line.talked,
                line.held,
                line.handled,
                line.told,
                line.rating,
            )
        )
    return entries
