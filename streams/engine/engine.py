"""The tasks of this process: made, kept, moved and ended as Kafka's consumer group assigns partitions."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog
from faust import App
from faust.types import TP

from streams.engine.stage import Stage
from streams.engine.task import Surroundings, Task
from streams.engine.transport import Batch

log = structlog.get_logger()


class Engine:
    """Keeps one task per stage and assigned partition, and feeds it the batches that Faust's agents receive.

    `partitions`: how many each topic has, by name without namespace, changelogs included.
    """

    def __init__(
        self,
        app: App,
        *,
        bootstrap: str,
        namespace: str,
        partitions: Mapping[str, int],
        wall: bool,
        flush_interval: float,
    ) -> None:
        self._app = app
        self._around = Surroundings(
            bootstrap=bootstrap,
            namespace=namespace,
            group=app.conf.id,
            partitions=partitions,
            wall=wall,
            flush_interval=flush_interval,
            fence_wait=2.5 * app.conf.broker_heartbeat_interval,
            seek=self._seek,
            crash=app.crash,
        )
        self._stages: dict[str, Stage] = {}
        self._tasks: dict[tuple[str, int], Task] = {}
        self._by_input: dict[TP, Task] = {}
        self._stage_of: dict[str, Stage] = {}
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_partitions_assigned.connect(self._on_assigned)
        app.on_before_shutdown.connect(self._on_shutdown)

    # -- building the topology -----------------------------------------------------------------------------

    def add(self, stage: Stage) -> Any:
        """Register a stage; returns the Faust topic for its agent to listen to.

        Raises ValueError where its inputs differ in their number of partitions: a task reads partition p of each.
        """
        counts = {topic: self._around.partitions[topic] for topic in (*stage.inputs, stage.changelog)}
        if len(set(counts.values())) > 1:
            raise ValueError(f"the inputs of {stage.name} must have equal numbers of partitions, not {counts}")
        self._stages[stage.name] = stage
        names = [self._around.physical(topic) for topic in stage.inputs]
        self._stage_of.update(dict.fromkeys(names, stage))
        return self._app.topic(*names, key_serializer="raw", value_serializer="raw")

    def deliver(self, batch: Batch) -> None:
        """Hand a batch to its task. Called by the agents."""
        tp = TP(batch.topic, batch.partition)
        task = self._by_input.get(tp)
        if task is not None:
            task.deliver(tp, batch)

    # -- what the transport asks and tells (transport.Taker) -------------------------------------------------

    def admits(self, tp: TP) -> bool:
        task = self._by_input.get(tp)
        return task is not None and task.admits(tp)

    def handed_out(self, tp: TP) -> None:
        task = self._by_input.get(tp)
        if task is not None:
            task.handed_out(tp)

    def read_up_to(self, tp: TP, time_ms: int) -> None:
        task = self._by_input.get(tp)
        if task is not None:
            task.read_up_to(tp, time_ms)

    async def _seek(self, positions: Mapping[TP, int | None]) -> None:
        await self._app.consumer.seek_to(positions)

    # -- what the group decides -----------------------------------------------------------------------------

    async def _on_revoked(self, _app: App, revoked: set[TP], **_: Any) -> None:
        began = time.monotonic()
        await asyncio.gather(*(task.suspend() for task in self._tasks.values()))
        log.info("engine.revoked", partitions=len(revoked), seconds=round(time.monotonic() - began, 3))

    async def _on_assigned(self, _app: App, assigned: set[TP], **_: Any) -> None:
        wanted = self._owned(assigned)
        gone = [task for key, task in self._tasks.items() if key not in wanted]
        kept = {key: task for key, task in self._tasks.items() if key in wanted}
        new = {key: Task(self._stages[key[0]], key[1], self._around) for key in wanted - kept.keys()}
        self._tasks = {**kept, **new}
        self._by_input = {tp: task for task in self._tasks.values() for tp in task.inputs}
        # Not awaited: no heartbeat is sent while this callback runs.
        for task in gone:
            self._app.loop.create_task(task.close())
        for task in self._tasks.values():
            task.start()
        log.info("engine.assigned", kept=len(kept), new=len(new), gone=len(gone))

    def _owned(self, assigned: set[TP]) -> set[tuple[str, int]]:
        owned: set[tuple[str, int]] = set()
        for tp in assigned:
            stage = self._stage_of.get(tp.topic)
            if stage is None:
                continue
            needed = {TP(self._around.physical(topic), tp.partition) for topic in stage.inputs}
            if needed <= assigned:
                owned.add((stage.name, tp.partition))
            else:
                log.error(
                    "engine.split_task",
                    stage=stage.name,
                    partition=tp.partition,
                    missing=sorted(f"{each.topic}/{each.partition}" for each in needed - assigned),
                    hint="the assignor must give a worker the same partition of all inputs of an agent",
                )
        return owned

    async def _on_shutdown(self, _app: App, **_: Any) -> None:
        tasks, self._tasks, self._by_input = self._tasks, {}, {}
        await asyncio.gather(*(task.close() for task in tasks.values()))
        log.info("engine.drained", tasks=len(tasks))

    # -- what operators ask ----------------------------------------------------------------------------------

    def unready(self) -> list[str]:
        """Names of the tasks that are not at work, for /readyz."""
        return sorted(task.name for task in self._tasks.values() if not task.ready.is_set())

    @property
    def tasks(self) -> list[Task]:
        """The tasks of this process."""
        return list(self._tasks.values())
