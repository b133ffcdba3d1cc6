"""Puts records that failed back on the channel topic that they came from, to be understood anew."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka import AIOKafkaConsumer

from schemas.failures import PREFIX
from streams.connectors.batches import Batches
from streams.connectors.formats import Headers
from streams.connectors.line_records import LineRecord
from streams.connectors.publisher import Publisher
from streams.failed import PUT_BACK, Failed, Place, failures, source_records
from streams.reader import committed_reader

KeyOf = Callable[[bytes, Headers], bytes]
"""Key of a source record: its payload and its headers."""

Chosen = Callable[[Failed], bool]


class Destination(Protocol):
    """Takes what is put back."""

    async def take(self, record: LineRecord) -> None:
        """Take one record."""


@dataclass
class PutBack:
    """What became of the records that were chosen. `again`: those that are the same source record as another one.
    `gone`, `cut`, `foreign`: ids of those that can't be put back, for their source record is no longer there, was
    never whole, or is on no channel topic."""

    sent: int = 0
    again: int = 0
    gone: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


class Channels:
    """The channel topics of a namespace; `async with` connects, and waits at its end until Kafka has everything."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._publisher = Publisher(bootstrap, namespace)
        self._batches = Batches(self._publisher)

    async def __aenter__(self) -> "Channels":
        await self._publisher.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                await self._batches.finish()
        finally:
            await self._publisher.__aexit__(None, None, None)

    async def take(self, record: LineRecord) -> None:
        """Send one record. Raises KafkaError, TopicMissing."""
        partition = await self._publisher.place(record.topic, record.key)
        await self._batches.append(record.topic, partition, record.key, record.value, record.headers)


async def put_back(
    bootstrap: str,
    namespace: str,
    chosen: Chosen,
    key_of: KeyOf,
    to: Destination,
    ids: Collection[tuple[int, int]] | None = None,
) -> PutBack:
    """Put what is chosen of contacts.failed, as it stands now, back; each source record once, however often it failed.

    They go in the order in which they failed; behind them, what failed at stage `rule`: each as its source record.
    `ids`: partition and offset of those of which is chosen, None: of all. Raises NoFailures, KafkaError.
    """
    done = PutBack()
    seen: set[str] = set()
    by_rule: dict[Place, str] = {}
    async with committed_reader(bootstrap) as reader:
        async for failed in failures(reader, namespace, ids):
            if not chosen(failed):
                continue
            place = failed.place
            if place is None:
                done.foreign.append(failed.id)
            elif failed.is_cut:
                done.cut.append(failed.id)
            elif failed.stage == "rule":
                done.again += place in by_rule
                by_rule.setdefault(place, failed.id)
            elif (first := failed.first_place or "") in seen:
                done.again += 1
            else:
                seen.add(first)
                await to.take(_record(place, failed.value, dict(failed.headers), key_of))
                done.sent += 1
        async for place, value, headers in _sources(reader, namespace, by_rule):
            del by_rule[place]
            first = headers.get(PUT_BACK, str(place).encode()).decode("utf-8", "replace")
            if first in seen:
                done.again += 1
                continue
            seen.add(first)
            await to.take(_record(place, value, headers, key_of))
            done.sent += 1
    done.gone = list(by_rule.values())
    return done


async def _sources(
    reader: AIOKafkaConsumer, namespace: str, places: Mapping[Place, str]
) -> AsyncIterator[tuple[Place, bytes, dict[str, bytes]]]:
    async for place, record in source_records(reader, namespace, tuple(places)):
        yield place, record.value or b"", dict(record.headers)


def _record(place: Place, value: bytes, headers: Mapping[str, bytes], key_of: KeyOf) -> LineRecord:
    kept = {name: text for name, text in headers.items() if not name.startswith(PREFIX)}
    kept.setdefault(PUT_BACK, str(place).encode())
    return LineRecord(place.topic, key_of(value, kept), value, list(kept.items()), None)
