"""Tries one format with many payloads, and says what became of them."""

from __future__ import annotations

import traceback
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from time import thread_time_ns

from agents.intake.formats import understood
from agents.intake.parsing import Context, Format, Headers, Malformed, Parsed
from agents.intake.processor import Intake
from schemas.events import CHANNELS, Channel
from streams.connectors.hooks import Delivery, NotGenuine
from tests.contract.kit import AT, PUBLIC, READ_AT, Read, outcome_of
from tests.fuzz.files import SOURCE, Corpus
from tests.fuzz.mutations import Sample, mutated
from tests.fuzz.oddities import TEXTS

SLOWEST_MS = 50.0
"""CPU time that of a thousand payloads one may take longer than."""

SHOWN = 3
"""Payloads that are shown of those that a mapper failed at."""

_OWN_SOURCE = frozenset({"canonical", "events"})


class Watched:
    """A format that keeps what its parser raised and should not: the intake would only call it a failed record."""

    def __init__(self, of: Format) -> None:
        self._of = of
        self.name = of.name
        self.channel: Channel = of.channel
        self.revision = of.revision
        self.content_type = of.content_type
        self.has_header_line = of.has_header_line
        self.ordered_by_end = of.ordered_by_end
        self.repeats_lines = of.repeats_lines
        self.raised: Exception | None = None

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        return self._of.key(payload, headers)

    def time(self, payload: bytes, headers: Headers) -> int | None:
        return self._of.time(payload, headers)

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        return self._of.channel_of(payload, headers)

    def parse(self, payload: bytes, context: Context) -> Parsed:
        try:
            return self._of.parse(payload, context)
        except Malformed:
            raise
        except Exception as error:
            self.raised = error
            raise


class Trial:
    """One format under trial. `outcomes`: how often what came out. `failures`: what a payload was too much for."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self.corpus = corpus
        self.seed = seed
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []
        self.mapping: list[int] = []
        self.hearing: list[int] = []
        self._format = Watched(understood()[corpus.format])
        self._intake = Intake(
            wall_clock=True,
            region="DE",
            settings={SOURCE: corpus.settings},
            formats={corpus.format: self._format},
        )

    def run(self, first: int, count: int) -> None:
        """Try the payloads of these numbers."""
        for number in range(first, first + count):
            sample = self.sample(number)
            with self._judged(number, sample):
                self._hear(number, sample)
                self._map(number, sample)

    def sample(self, number: int) -> Sample:
        """The payload of this number: the same for a seed."""
        return mutated(Random(f"{self.seed}:{self.corpus.format}:{number}"), self.corpus.samples)

    @contextmanager
    def _judged(self, number: int, sample: Sample) -> Iterator[None]:
        try:
            yield
        # Whatever is raised is what was looked for.
        except Exception as error:  # noqa: BLE001
            self.outcomes["exceptions"] += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
            headers = {name: value for name, value in sample.headers if not name.startswith("ce_")}
            self.failures.append(
                f"{type(error).__name__} at {place}: {str(error)[:300]}\n"
                f"  alone: python -m tests.fuzz --only {self.corpus.format} --seed {self.seed} --number {number}\n"
                f"  headers: {headers}\n"
                f"  payload: {b64encode(sample.payload).decode()}"
            )

    def _map(self, number: int, sample: Sample) -> None:
        """Through the intake: one outcome, with the very bytes where it failed."""
        record = Read("channel.chat", 0, number, READ_AT, b"key", sample.payload, sample.headers)
        timed = _Timed(self._intake, self.mapping)
        outcome = outcome_of(timed, record)  # type: ignore[arg-type] # it takes a record as the intake does
        raised, self._format.raised = self._format.raised, None
        if raised is not None:
            raise raised
        kept = outcome.kept is not None
        assert not kept or outcome.kept == sample.payload, "contacts.failed has other bytes"
        for event in outcome.events:
            assert event.id, "an event without an id"
            assert event.source == SOURCE or self.corpus.format in _OWN_SOURCE, "an event of another source"
        self.outcomes["failed" if kept else outcome.says[0] if outcome.says[0] == "ignored" else "accepted"] += 1

    def _hear(self, number: int, sample: Sample) -> None:
        """What is asked of the format before anything lasts: where it raises, nothing would be kept."""
        payload, headers = sample.payload, dict(sample.headers)
        delivery = self._delivery(number, sample)
        began = thread_time_ns()
        self._format.key(payload, headers)
        self._format.time(payload, headers)
        self._format.channel_of(payload, headers)
        if self.corpus.source is not None:
            hook, secrets = self.corpus.source.hook, self.corpus.source.secrets
            for ask in (hook.needs, hook.verify, hook.greet):
                _asked(ask, delivery, secrets)
            hook.answer(delivery)
            value = hook.redacted(payload)
            hook.identity(payload, headers)
            hook.key(value, headers)
            assert hook.channel_of(value, headers) in CHANNELS
        self.hearing.append(thread_time_ns() - began)

    def _delivery(self, number: int, sample: Sample) -> Delivery:
        """The payload as it would be posted, with the proof of another; of a few, one that is nobody's."""
        headers = {name: value.decode("latin-1") for name, value in sample.headers} | dict(self.corpus.proofs)
        chance = Random(f"{self.seed}:{self.corpus.format}:{number}:proof")
        if self.corpus.proofs and chance.random() < 0.1:
            headers[chance.choice(list(self.corpus.proofs))] = chance.choice(TEXTS).decode("latin-1")
        url = f"{PUBLIC}/hooks/{self.corpus.format}/{SOURCE}"
        return Delivery("POST", url, (), headers, sample.payload, AT, self.corpus.fetched)

    def row(self) -> list[str]:
        """What the report says of it."""
        slowest = max(range(len(self.mapping)), key=self.mapping.__getitem__, default=0)
        told = [str(self.outcomes[name]) for name in ("accepted", "ignored", "failed", "exceptions")]
        spans = [f"{ms:.2f}" for ms in (self.at(0.5), self.at(0.99), self.at(0.999), self.at(1.0))]
        return [self.corpus.format, *told, *spans, f"{max(self.hearing, default=0) / 1e6:.2f}", str(slowest)]

    def at(self, part: float) -> float:
        """CPU time in ms that this part of the payloads took at most to be mapped."""
        ordered = sorted(self.mapping)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)] / 1e6 if ordered else 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing was raised and no payload in a thousand was slow."""
        return not self.failures and self.at(0.999) <= SLOWEST_MS


HEADINGS = [
    "mapper",
    "accepted",
    "ignored",
    "failed",
    "exceptions",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "hear max",
    "slowest",
]
"""Of the report. `hear max`: CPU time in ms of what is asked before anything lasts; `slowest`: the payload's number."""


class _Timed:
    """The intake with a watch on it."""

    def __init__(self, intake: Intake, spans: list[int]) -> None:
        self._intake = intake
        self._spans = spans

    def take(self, record: Read, out: object) -> None:
        began = thread_time_ns()
        self._intake.take(record, out)  # type: ignore[arg-type]
        self._spans.append(thread_time_ns() - began)


def _asked(ask: Callable[..., object], *given: object) -> None:
    try:
        ask(*given)
    except NotGenuine:
        return
