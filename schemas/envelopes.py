"""Records of contacts.events and agents.events: what one source record turned out to be.

Intake says one outcome per source record. An accepted one carries its canonical events, all of one contact in
one envelope, so that the events of one payload are applied together before any deadline is looked at. A source
record that speaks of several contacts becomes as many envelopes (`part` of `parts`); one that says very much of one
contact becomes several as well.
"""

from typing import Literal

import msgspec

from schemas.events import AnyEvent

Outcome = Literal["accepted", "ignored", "failed", "duplicate"]

# A source record whose parts differ counts once, as the first of these that occurs.
OUTCOME_RANK: dict[str, int] = {"failed": 0, "accepted": 1, "duplicate": 2, "ignored": 3}


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a source record stands: topic, partition, offset; and file and line where it was read from one."""

    topic: str
    partition: int
    offset: int
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.topic}/{self.partition}/{self.offset}"
        return f"{place} ({self.file}:{self.line})" if self.file else place


class Envelope(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, gc=False):
    """One outcome: the events of one contact (or agent) in one source record, or why there are none."""

    origin: Origin
    outcome: Outcome = "accepted"
    reason: str | None = None
    part: int = 0
    parts: int = 1
    events: tuple[AnyEvent, ...] = ()


class Mark(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, gc=False):
    """A watermark in band: `task` has passed on all it read up to `time` (ms since the epoch).

    `ended` says that its input is at its end (a replay that is over). Marks are the records without a key; on a
    compacted topic, which takes none of those, the ones whose key begins with MARK_KEY.
    """

    task: str
    time: int
    ended: bool = False


MARK_KEY = b"watermark:"
"""What the key of a mark begins with on a compacted topic; its task's name follows, so that the last one is kept."""


def is_mark(key: bytes | None) -> bool:
    """Whether a record with this key is a mark."""
    return key is None or key.startswith(MARK_KEY)


encode = msgspec.json.Encoder().encode
decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_mark = msgspec.json.Decoder(Mark).decode
