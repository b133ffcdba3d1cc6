"""Payloads that somebody sends, of every format that is understood."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from agents.intake.formats import understood
from agents.intake.processor import Intake
from schemas.events import AgentSchedulePublished, AnyEvent
from schemas.instants import from_ms
from streams.connectors.receiver import record_of
from tests.contract.fixtures import fixtures
from tests.contract.kit import AT, READ_AT, Fixture, Read, outcome_of
from tests.fuzz.files import SOURCE, Corpus, corpora_of_files, sample_of
from tests.fuzz.mutations import Sample

_SIGNATURE = re.compile(rb'"Signature": "[^"]*"')


@lru_cache(maxsize=1)
def corpora() -> dict[str, Corpus]:
    """Of every format of which there is a payload, by name."""
    found = {name: _of_provider(fixture) for name, fixture in fixtures().items() if name in understood()}
    found |= {each.format: each for each in (_canonical(), *corpora_of_files())}
    return {name: found[name] for name in sorted(found)}


def missing() -> list[str]:
    """Formats that are understood, and of which there is no payload here."""
    return sorted(understood().keys() - corpora().keys())


def _of_provider(fixture: Fixture) -> Corpus:
    source = fixture.source(SOURCE)
    posts = [step.post for step in (*fixture.conversation, fixture.unknown)]
    records = [record_of(source, fixture.delivery(post, SOURCE)) for post in posts]
    # Keys that are made anew for each run sign otherwise each time: the payloads of a seed are to stay the same.
    samples = tuple(
        Sample(_SIGNATURE.sub(b'"Signature": "c2lnbmVk"', record.value), tuple(record.headers)) for record in records
    )
    proofs = fixture.signed(posts[0], SOURCE).headers
    return Corpus(fixture.provider, samples, fixture.settings, source, proofs, fixture.fetched)


def _events() -> list[AnyEvent]:
    """Canonical events of all types that providers' conversations have, and one more."""
    found: dict[str, AnyEvent] = {}
    for name, fixture in fixtures().items():
        intake = Intake(wall_clock=False, settings={SOURCE: fixture.settings})
        for sample in _of_provider(fixture).samples if name in understood() else ():
            record = Read("channel.chat", 0, 0, READ_AT, None, sample.payload, sample.headers)
            for event in outcome_of(intake, record).events:
                found[str(event.__struct_config__.tag)] = event
    slot = (from_ms(AT), from_ms(AT + 1_000), True)
    schedule = AgentSchedulePublished(id="1", time=from_ms(AT), channel="phone", source="a", agent="mia", slots=(slot,))
    return [*found.values(), schedule]


def _canonical() -> Corpus:
    events = [msgspec.json.encode(event) for event in _events()]
    return Corpus("canonical", tuple(sample_of("canonical", each, b"application/json") for each in events), {})
