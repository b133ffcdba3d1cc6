"""How a worker keeps its place in the group and gives it up, with aiokafka's own parts and no Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    KafkaError,
    UnknownError,
)
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from streams.engine import Engine, build_app, changelog, transport
from streams.engine.app import FloorwalkerApp
from streams.engine.ends import Ends
from streams.engine.task import Task
from streams.engine.transport import BatchConsumerThread
from tests.unit.engine_floor import IN, stage, until

DAY = 86_400.0


class Group:
    """A worker that was not started, and the thread that is to be its group's member."""

    def __init__(self) -> None:
        self.app: FloorwalkerApp
        self.engine: Engine
        self.app, self.engine = build_app(
            bootstrap="127.0.0.1:1", namespace="", partitions={"in": 2, "out": 1, "count-changelog": 2}
        )
        self.thread = cast(BatchConsumerThread, cast(Any, self.app.consumer)._thread)
        self._consumers: list[Any] = []

    def coordinator(self, subscription: SubscriptionState) -> Any:
        consumer = self.thread._create_worker_consumer(self.app.transport)
        made: Any = GroupCoordinator(
            consumer._client, subscription, heartbeat_interval_ms=1, max_poll_interval_ms=consumer._max_poll_interval_ms
        )
        made.coordinator_id, made.member_id, made.generation = 0, "member", 1
        consumer._coordinator = made
        self._consumers.append(consumer)
        return made

    async def close(self) -> None:
        for consumer in self._consumers:
            consumer._coordinator.generation = -1  # there is none to leave it
            await consumer.stop()
        self.thread.thread_loop.close()


@pytest_asyncio.fixture
async def group() -> AsyncIterator[Group]:
    made = Group()
    yield made
    await made.close()


@pytest.mark.asyncio
async def test_a_worker_that_fetches_nothing_for_weeks_stays_in_its_group(group: Group) -> None:
    subscription = SubscriptionState()
    subscription._last_fetch_ended = time.monotonic() - 30 * DAY
    coordinator = group.coordinator(subscription)
    beats = []

    async def heartbeat() -> bool:
        beats.append(time.monotonic())
        return True

    coordinator._do_heartbeat = heartbeat
    beating = asyncio.create_task(coordinator._heartbeat_routine())
    await until(lambda: len(beats) >= 3 or beating.done())

    assert coordinator.generation == 1
    assert not beating.done()
    beating.cancel()


class Watched:
    """The group's thread, started on a consumer that nobody polls, as in a rebalance."""

    def __init__(self, group: Group) -> None:
        subscription = SubscriptionState()
        subscription.register_fetch_waiters(set())
        self.coordinator = group.coordinator(subscription)
        self.fetches: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.crashes: list[BaseException] = []

    async def start(self, thread: Any) -> None:
        fetcher = SimpleNamespace(error_future=self.fetches, _proc_fetch_request=None)
        thread._consumer = SimpleNamespace(_coordinator=self.coordinator, _fetcher=fetcher)
        thread._ends = Ends(SimpleNamespace(assignment=set[TopicPartition], _client=None))

    async def crash(self, error: BaseException) -> None:
        self.crashes.append(error)


@pytest_asyncio.fixture
async def watched(group: Group, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    made = Watched(group)
    monkeypatch.setattr(transport, "WATCH_INTERVAL", 0.001)
    monkeypatch.setattr(group.thread, "crash", made.crash)
    monkeypatch.setattr(AIOKafkaConsumerThread, "on_start", lambda thread: made.start(thread))
    group.thread.loop = asyncio.get_running_loop()
    await group.thread.on_start()
    yield made
    for each in list(group.thread._futures):
        each.cancel()


@pytest.mark.asyncio
async def test_the_group_is_joined_again_after_an_error_that_passes(watched: Watched) -> None:
    coordinator = watched.coordinator
    assert not coordinator._rejoin_needed_fut.done()

    heard = asyncio.ensure_future(coordinator._push_error_to_user(UnknownError()))

    async with asyncio.timeout(30):
        await heard
    await until(coordinator._rejoin_needed_fut.done)
    assert watched.crashes == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "refusal", [GroupAuthorizationFailedError("group"), InconsistentGroupProtocolError(), InvalidSessionTimeoutError()]
)
async def test_an_error_of_the_group_that_lasts_ends_the_process(watched: Watched, refusal: KafkaError) -> None:
    watched.coordinator._push_error_to_user(refusal).close()

    await until(lambda: bool(watched.crashes))
    assert [type(each) for each in watched.crashes] == [type(refusal)]


@pytest.mark.asyncio
async def test_fetches_that_have_ended_end_the_process(watched: Watched) -> None:
    ended = KafkaError("unexpected")

    watched.fetches.set_exception(ended)

    await until(lambda: bool(watched.crashes))
    assert watched.crashes == [ended]


@pytest.mark.asyncio
async def test_a_rebalance_is_passed_on_to_the_tasks_but_holds_up_no_process_that_ends(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    async def pass_on(_loop: object, partitions: set[TP], *_: object) -> None:
        told.append(partitions)

    with monkeypatch.context() as patched:
        patched.setattr(group.app.consumer, "threadsafe_partitions_revoked", pass_on)
        patched.setattr(group.app.consumer, "threadsafe_partitions_assigned", pass_on)
        await group.thread.on_partitions_revoked({IN})
        await group.thread.on_partitions_assigned({IN}, 2)
    assert told == [{IN}, {IN}]

    group.app._crashed.set()

    # Faust's queue to the main thread has ended with the crash.
    async with asyncio.timeout(30):
        await group.thread.on_partitions_revoked({IN})
        await group.thread.on_partitions_assigned({IN}, 3)


@pytest.mark.asyncio
async def test_a_consumer_told_of_a_rebalance_at_the_end_is_still_stopped_by_its_own_thread(group: Group) -> None:
    stopped: list[str] = []

    async def close() -> None:
        stopped.append("from the wrong thread")

    part = SimpleNamespace(close=close)
    consumer: Any = SimpleNamespace(_closed=False, _client=part, _coordinator=part)
    group.thread._consumer = consumer

    group.app._on_rebalance_when_stopped()
    await asyncio.sleep(0.01)

    assert not consumer._closed  # or its stop() would do nothing, and the group would not be left
    assert stopped == []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(Task, "start", lambda self: names.append(self.name))
    return names


@pytest.mark.asyncio
async def test_no_task_is_begun_in_a_process_that_was_told_to_end_while_it_was_assigned_partitions(
    group: Group, started: list[str]
) -> None:
    group.engine.add(stage())
    await group.engine._on_assigned(group.app, {TP("in", 0)})
    assert started == ["count-0"]

    group.app._stopped.set()
    await group.engine._on_shutdown(group.app)
    await group.engine._on_assigned(group.app, {TP("in", 1)})

    assert started == ["count-0"]
    assert group.engine.tasks == []


@pytest.mark.asyncio
async def test_the_end_waits_for_what_is_let_go_of_while_it_waits(group: Group) -> None:
    done: list[str] = []

    async def producer() -> None:
        await asyncio.sleep(0.01)
        done.append("producer")

    async def closing() -> None:
        await asyncio.sleep(0.001)
        group.engine._in_background(producer())
        done.append("task")

    group.engine._in_background(closing())

    await group.engine.dispose()

    assert done == ["task", "producer"]


@pytest.mark.asyncio
async def test_a_restore_whose_fetches_have_ended_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    fetches: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    fetches.set_exception(KafkaError("nothing is fetched any more"))
    stopped: list[bool] = []

    class Consumer:
        def __init__(self, **_: object) -> None:
            self._fetcher = SimpleNamespace(
                _records={}, error_future=fetches, _create_fetch_waiter=asyncio.get_running_loop().create_future
            )

        async def start(self) -> None:
            pass

        async def stop(self) -> None:
            stopped.append(True)

        def assign(self, _: object) -> None:
            pass

        async def end_offsets(self, parts: list[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(parts, 7)

        async def seek_to_beginning(self, _: object) -> None:
            pass

        async def position(self, _: object) -> int:
            return 0

    monkeypatch.setattr(changelog, "AIOKafkaConsumer", Consumer)

    with pytest.raises(KafkaError, match="nothing is fetched any more"):
        async with asyncio.timeout(30):
            await changelog.read_changelog("nowhere:1", "count-changelog", 0, lambda *_: None)
    assert stopped == [True]


@pytest.mark.asyncio
async def test_an_error_of_the_group_ends_a_poll_with_nothing(group: Group) -> None:
    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    woken.set_exception(UnknownError())
    fetcher = SimpleNamespace(
        _closed=False, _subscriptions=SubscriptionState(), _create_fetch_waiter=lambda: woken, _records={}
    )

    fetched = await group.thread._fetch_records(SimpleNamespace(_closed=False, _fetcher=fetcher), {IN: 1}, timeout=1.0)

    assert fetched == {}
