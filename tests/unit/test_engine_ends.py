"""What is said of an input's end, by brokers that answer, refuse and keep silent."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, LeaderNotAvailableError, NotLeaderForPartitionError
from aiokafka.protocol.fetch import FetchRequest

from streams.engine import ends
from streams.engine.ends import LEADERS_ONLY, Ends

ONE, TWO = TopicPartition("in", 0), TopicPartition("in", 1)


class Brokers:
    """Leaders by partition, and what each says: ends, an error, or nothing at all (None)."""

    def __init__(self) -> None:
        self.leaders: dict[TopicPartition, int | None] = {ONE: 1, TWO: 2}
        self.says: dict[int, dict[TopicPartition, int] | BaseException | None] = {1: {ONE: 10}, 2: {TWO: 20}}
        self.refreshed = 0
        self._isolation_level = 1
        self._client = self._fetcher = self.cluster = self

    def assignment(self) -> set[TopicPartition]:
        return set(self.leaders)

    def leader_for_partition(self, tp: TopicPartition) -> int | None:
        return self.leaders[tp]

    def force_metadata_update(self) -> None:
        self.refreshed += 1

    async def _proc_offset_request(
        self, leader: int, partitions: dict[str, list[tuple[int, int]]]
    ) -> dict[TopicPartition, tuple[int, int]]:
        said = self.says[leader]
        if said is None:
            await asyncio.Event().wait()
        if isinstance(said, BaseException):
            raise said
        asked = {TopicPartition(topic, each) for topic, listed in partitions.items() for each, _ in listed}
        return {tp: (offset, -1) for tp, offset in (said or {}).items() if tp in asked}


@pytest.mark.asyncio
async def test_each_end_is_known_with_the_time_of_the_question() -> None:
    before = int(time.time() * 1000)
    known = Ends(Brokers())

    await known.look()

    assert [(known.of(tp) or (0, 0))[0] for tp in (ONE, TWO)] == [10, 20]
    assert all(before <= (known.of(tp) or (0, 0))[1] <= time.time() * 1000 for tp in (ONE, TWO))


@pytest.mark.asyncio
@pytest.mark.parametrize("error", [NotLeaderForPartitionError(ONE), LeaderNotAvailableError(ONE)])
async def test_a_broker_that_leads_no_more_or_not_yet_says_nothing_and_the_leader_is_looked_up(
    error: Exception,
) -> None:
    brokers = Brokers()
    known = Ends(brokers)
    await known.look()
    first = known.of(ONE)
    brokers.says[1], brokers.says[2] = error, {TWO: 21}

    await known.look()

    assert known.of(ONE) == first
    assert (known.of(TWO) or (0, 0))[0] == 21
    assert brokers.refreshed == 1


@pytest.mark.asyncio
async def test_a_broker_that_is_silent_or_gone_hides_no_other_s_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "PATIENCE", 0.01)
    for silent in (None, KafkaConnectionError(), asyncio.CancelledError()):
        brokers = Brokers()
        brokers.says[1] = silent
        known = Ends(brokers)

        await known.look()

        assert known.of(ONE) is None
        assert (known.of(TWO) or (0, 0))[0] == 20


@pytest.mark.asyncio
async def test_a_partition_without_a_leader_has_the_leader_looked_up() -> None:
    brokers = Brokers()
    brokers.leaders[ONE] = None
    known = Ends(brokers)

    await known.look()

    assert known.of(ONE) is None
    assert (known.of(TWO) or (0, 0))[0] == 20
    assert brokers.refreshed == 1


@pytest.mark.asyncio
async def test_what_was_known_before_a_seek_is_forgotten() -> None:
    known = Ends(Brokers())
    await known.look()

    known.forget(ONE)

    assert known.of(ONE) is None
    assert known.of(TWO) is not None


def test_fetches_go_out_in_a_version_that_no_follower_answers() -> None:
    request: Any = FetchRequest(1, 1, 1, 1, [("in", [(0, 0, 1)])])
    request._CLASSES = LEADERS_ONLY

    assert request.prepare({FetchRequest.API_KEY: (4, 17)}).API_VERSION == 10
