"""The floor's payloads as records of channel.phone, and what the intake's rules make of them."""

from collections.abc import Iterable, Iterator

from agents.intake.processor import Intake
from schemas.topics import CHANNEL_TOPICS
from streams.processor import Headers, Output
from tests.benchmarks.floor import SOURCE, Said

PHONE = next(topic.name for topic in CHANNEL_TOPICS if topic.name.endswith("phone"))
_FILE = b"/var/log/asterisk/queue_log"


class Payload:
    """One record of channel.phone, in the shape of `streams.processor.Record`."""

    __slots__ = ("headers", "key", "offset", "partition", "timestamp", "topic", "value")

    def __init__(self, offset: int, said: Said) -> None:
        self.topic = PHONE
        self.partition = 0
        self.offset = offset
        self.timestamp = said.time
        self.key: bytes | None = None
        self.value: bytes | None = said.payload
        self.headers: Headers = (
            ("ce_type", said.format.encode()),
            ("ce_source", SOURCE.encode()),
            ("content-type", b"text/plain; charset=utf-8"),
            ("file", _FILE),
            ("line", str(offset + 1).encode()),
            ("ordinal", b"0"),
        )


class Tray:
    """An outbox whose outputs are taken out of it."""

    __slots__ = ("outputs",)

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        self.outputs.append(Output(topic, key, value, headers, partition))


def intake() -> Intake:
    """The rules as in service, for a PBX in Germany."""
    return Intake(wall_clock=True, region="DE")


def understood(floor: Iterable[Said]) -> Iterator[tuple[int, Output]]:
    """Every payload's envelope and the time (ms) of what it says. Raises ValueError where a payload does not become
    exactly one: the floor says nothing that is ignored or that can't be understood."""
    rules, tray = intake(), Tray()
    for offset, said in enumerate(floor):
        rules.take(Payload(offset, said), tray)
        outputs, tray.outputs = tray.outputs, []
        if len(outputs) != 1 or b'"outcome"' in (outputs[0].value or b""):
            raise ValueError(f"{said.payload!r} became {len(outputs)} records, one with events is expected: {outputs}")
        yield said.time, outputs[0]
