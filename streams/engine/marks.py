"""Watermarks as records, and who wants to hear of them."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec
import structlog

from schemas.envelopes import Mark
from schemas.envelopes import decode_mark as _decode
from streams.processor import Record

log = structlog.get_logger()


@runtime_checkable
class HearsMarks(Protocol):
    """A processor that wants to know how far every task has got."""

    def marks(self, marks: Mapping[str, tuple[int, bool]]) -> None:
        """Name of a task -> (its clock in ms, whether its input has ended)."""


def report(processor: object, marks: Mapping[str, tuple[int, bool]]) -> None:
    """Tell a processor about the marks if it wants to hear."""
    if isinstance(processor, HearsMarks):
        processor.marks(marks)


def decode_mark(record: Record) -> Mark | None:
    """The mark in a record without a key, or None (and a line in the log) where it is none."""
    try:
        return _decode(record.value or b"")
    except msgspec.DecodeError as error:
        log.warning(
            "mark.unreadable",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error=str(error),
            hint="records without a key are watermarks; connectors give every record a key",
        )
        return None
