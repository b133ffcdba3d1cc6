"""How the gateway keeps its history: where it reads on, when it begins anew, and what it does when it can't go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiokafka import TopicPartition
from pydantic import ValidationError
from sqlalchemy import text

from schemas.customers import CustomerProfile, encode_profile
from schemas.instants import DAY, SECOND, from_ms
from streams import telemetry
from streams.outlets.gateway.errors import Refused
from streams.outlets.gateway.history import History
from streams.outlets.gateway.reader import NotKept
from streams.outlets.history.database import open_database, url_of
from streams.outlets.history.store import Position, Store
from streams.sections import History as Section
from tests.benchmarks.look_up import Times
from tests.unit.gateway_floor import T0, Told

PROFILES, IDENTITIES = TopicPartition("customers.profiles", 0), TopicPartition("customers.identities", 0)
BOTH = [PROFILES, IDENTITIES]


class Topics:
    """Stands in for the consumer: where topics begin and end, and where it was put."""

    def __init__(self, start: int, end: int) -> None:
        self._start, self._end = start, end
        self.at: dict[TopicPartition, int] = {}

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self._start)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self._end)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset


def told(customer: str, offset: int) -> Told:
    profile = CustomerProfile(
        customer=customer, as_of=from_ms(T0), known=True, contacts=offset, windows={}, last_contacts=[],
        open_contacts=[],
    )  # fmt: skip
    return Told("customers.profiles", customer.encode(), encode_profile(profile), T0, offset=offset)


class Gateway:
    """A history in a folder, with its clock."""

    def __init__(self, folder: Path) -> None:
        self.now = T0
        self.history = History("", "", folder, None, lambda: self.now)
        self.history.open()

    def begin(self, topics: Any) -> dict[TopicPartition, int]:
        asyncio.run(self.history._begin(topics, BOTH))
        self.history._positions = dict(topics.at)
        at: dict[TopicPartition, int] = topics.at
        return at

    def take(self, topics: Any, to: int, *records: Told) -> dict[TopicPartition, int]:
        positions = {**self.history._positions, PROFILES: to}
        self.history._positions = asyncio.run(self.history._take(topics, records, positions))
        return self.history._positions

    def look(self, end: int) -> None:
        asyncio.run(self.history._look({PROFILES: end, IDENTITIES: 0}))


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr("streams.outlets.gateway.history._GATHER_SECONDS", 0)
    made = Gateway(tmp_path)
    yield made
    made.history.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """What another process sees of the same database."""
    made = Store(open_database(url_of(tmp_path, "", None), ""))
    yield made
    made.close()


def test_an_empty_history_begins_at_the_start_and_one_that_is_known_where_it_was(gateway: Gateway) -> None:
    topics = Topics(0, 9)
    assert gateway.begin(topics) == {PROFILES: 0, IDENTITIES: 0}
    gateway.take(topics, 4, told("a", 2), told("b", 3))
    again = Topics(0, 9)
    assert gateway.begin(again) == {PROFILES: 4, IDENTITIES: 0}


def test_a_history_that_was_not_current_for_a_day_is_emptied_and_nobody_is_told_of_it(
    gateway: Gateway, store: Store
) -> None:
    topics = Topics(0, 9)
    gateway.begin(topics)
    gateway.take(topics, 9, told("a", 8))
    gateway.history.has_read = True
    gateway.now = T0 + DAY
    assert gateway.begin(topics) == {PROFILES: 0, IDENTITIES: 0}
    assert not gateway.history.has_read
    assert store.counts() == {"profiles": 0, "identities": 0, "reviews": 0}
    assert store.positions()["customers.profiles", 0] == Position(0, T0 + DAY)


def test_a_history_that_keeps_up_is_marked_as_current_though_there_is_always_more_to_read(
    gateway: Gateway, store: Store
) -> None:
    topics = Topics(0, 9)
    gateway.begin(topics)
    gateway.take(topics, 9, told("a", 8))
    gateway.now = T0 + DAY // 2
    for end in (11, 12):
        gateway.look(end)
        assert store.positions()["customers.profiles", 0] == Position(9, T0)
        assert telemetry.HISTORY_LAG.labels("customers.profiles")._value.get() == end - 9
    gateway.take(topics, 12, told("a", 11))
    gateway.now += 2 * SECOND
    gateway.look(end=15)
    assert store.positions()["customers.profiles", 0] == Position(12, T0 + DAY // 2)
    assert telemetry.HISTORY_ROWS.labels("profiles")._value.get() == 1
    gateway.now = T0 + DAY
    assert gateway.begin(Topics(0, 20))[PROFILES] == 12


def test_who_was_overtaken_reads_on_where_the_other_stands(gateway: Gateway, tmp_path: Path, store: Store) -> None:
    topics = Topics(0, 9)
    gateway.begin(topics)
    other = Gateway(tmp_path)
    other.begin(Topics(0, 9))
    other.take(topics, 6, told("a", 5))
    other.history.close()
    assert gateway.take(topics, 3, told("a", 2))[PROFILES] == 6
    assert topics.at[PROFILES] == 6
    [(_, record)] = store.page("", 9)
    assert record == told("a", 5).value
    assert gateway.take(topics, 8, told("a", 7))[PROFILES] == 8


def test_while_the_database_fails_nothing_moves_on_and_questions_are_put_off(gateway: Gateway, store: Store) -> None:
    topics = Topics(0, 9)
    gateway.begin(topics)
    with store._engine.begin() as connection:
        connection.execute(text("ALTER TABLE profiles RENAME TO elsewhere"))
    with pytest.raises(NotKept, match="history: no such table: profiles"):
        gateway.take(topics, 3, told("a", 2))
    with pytest.raises(Refused) as refused:
        asyncio.run(gateway.history.ask(lambda each: each.customer("a")))
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
    with store._engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO profiles"))
    assert gateway.begin(topics)[PROFILES] == 0
    gateway.take(topics, 3, told("a", 2))
    assert [name for name, _ in store.page("", 9)] == ["a"]


def test_a_database_that_hangs_keeps_nobody_waiting(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.outlets.gateway.history._PATIENCE", 0.01)
    answers = Event()
    with pytest.raises(Refused) as refused:
        asyncio.run(gateway.history.ask(lambda _: answers.wait(5)))
    answers.set()
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})


@pytest.mark.parametrize("url", ["mysql://db.example/floor", "sqlite://", "sqlite:///:memory:", "history.db"])
def test_a_url_of_no_database_that_is_known_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValidationError, match="not a URL of SQLite or PostgreSQL") as refused:
        Section.model_validate({"url": url})
    assert url not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://floor@db.example/floor", "postgresql+psycopg://h/d", "sqlite:///a.db"])
def test_a_url_of_sqlite_or_postgresql_is_taken_and_not_shown(url: str) -> None:
    section = Section.model_validate({"url": url})
    assert section.url is not None
    assert section.url.get_secret_value() == url
    assert url not in repr(section)


def test_percentiles_are_measured_values() -> None:
    times = Times.of([n / 1000 for n in range(1, 101)])
    assert (times.n, times.p50, times.p99, times.max) == (100, 50.0, 99.0, 100.0)
