"""The tasks of this process: made, kept, moved and ended as Kafka's consumer group assigns partitions."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, cast

import structlog
from faust import App
from faust.types import TP

from streams.engine.stage import Stage
from streams.engine.surroundings import Surroundings
from streams.engine.task import Task
from streams.engine.transport import Batch, BatchConsumer

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
        lead: float,
    ) -> None:
        self._app = app
        self._around = Surroundings(
            bootstrap=bootstrap,
            namespace=namespace,
            group=app.conf.id,
            partitions=partitions,
            wall=wall,
            flush_interval=flush_interval,
            lead=lead,
            seek=self._seek,
            member_at=lambda: self._consumer.member_at,
            crash=app.crash,
            background=self._in_background,
        )
        self._stages: dict[str, Stage] = {}
        self._tasks: dict[tuple[str, int], Task] = {}
        self._by_input: dict[TP, Task] = {}
        self._stage_of: dict[str, Stage] = {}
        self._member = False
        self._split: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        app.on_partitions_revoked.connect(self._on_revoked)  # type: ignore[arg-type]
        app.on_partitions_assigned.connect(self._on_assigned)  # type: ignore[arg-type]
        app.on_before_shutdown.connect(self._on_shutdown)  # type: ignore[arg-type]

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

    def admits(self, tp: TP) -> int:
        """See Task.admits."""
        task = self._by_input.get(tp)
        return 0 if task is None else task.admits(tp)

    def handed_out(self, tp: TP, turn: int) -> None:
        """See Task.handed_out."""
        task = self._by_input.get(tp)
        if task is not None:
            task.handed_out(tp, turn)

    def read_up_to(self, tp: TP, turn: int, time_ms: int) -> None:
        """See Task.read_up_to."""
        task = self._by_input.get(tp)
        if task is not None:
            task.read_up_to(tp, turn, time_ms)

    @property
    def _consumer(self) -> BatchConsumer:
        return cast(BatchConsumer, self._app.consumer)

    async def _seek(self, positions: Mapping[TP, int | None]) -> Mapping[TP, int]:
        return await self._consumer.seek_to(positions)

    def _in_background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        # The loop itself keeps only weak references to tasks.
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # -- what the group decides -----------------------------------------------------------------------------

    async def _on_revoked(self, _app: App, revoked: set[TP], **_: Any) -> None:
        began = time.monotonic()
        self._member = False
        await asyncio.gather(*(task.suspend() for task in self._tasks.values()))
        log.info("engine.revoked", partitions=len(revoked), seconds=round(time.monotonic() - began, 3))

    async def _on_assigned(self, _app: App, assigned: set[TP], **_: Any) -> None:
        if self._app.should_stop:
            # It was told to end while Faust was about this: what is begun now would be closed by nobody.
            return
        wanted = self._owned(assigned)
        gone = [task for key, task in self._tasks.items() if key not in wanted]
        kept = {key: task for key, task in self._tasks.items() if key in wanted}
        for task in gone:
            task.retire()
            # Not awaited: no heartbeat is sent while this callback runs.
            self._in_background(task.close())
        new = {key: Task(self._stages[key[0]], key[1], self._around) for key in wanted - kept.keys()}
        self._tasks = {**kept, **new}
        self._by_input = {tp: task for task in self._tasks.values() for tp in task.inputs}
        for task in self._tasks.values():
            task.start()
        self._member = True
        log.info("engine.assigned", kept=len(kept), new=len(new), gone=len(gone))

    def _owned(self, assigned: set[TP]) -> set[tuple[str, int]]:
        owned: set[tuple[str, int]] = set()
        self._split = set()
        for tp in assigned:
            stage = self._stage_of.get(tp.topic)
            if stage is None:
                continue
            needed = {TP(self._around.physical(topic), tp.partition) for topic in stage.inputs}
            if needed <= assigned:
                owned.add((stage.name, tp.partition))
            else:
                self._split.add(f"{stage.name}-{tp.partition}")
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
        self._member = False
        closed = await asyncio.gather(*(task.close() for task in tasks.values()), return_exceptions=True)
        for task, error in zip(tasks.values(), closed, strict=True):
            if error is not None:
                # Faust would leave its consumer running, and the process would never end.
                log.error("engine.close_failed", task=task.name, exc_info=error)
        log.info("engine.drained", tasks=len(tasks))

    async def dispose(self) -> None:
        """Wait for what tasks let go of: producers, which take their time where brokers are silent.

        After this process has left the group: what was flushed is flushed, and others may have the partitions.
        """
        while self._background:
            # A task that is being closed lets go of its producer at the end.
            await asyncio.wait(self._background)

    # -- what operators ask ----------------------------------------------------------------------------------

    def unready(self) -> list[str]:
        """Names of the tasks that are not at work, for /readyz, and 'group' while Kafka has assigned nothing."""
        idle = {task.name for task in self._tasks.values() if not task.at_work}
        return sorted(idle | self._split | (set() if self._member else {"group"}))

    @property
    def tasks(self) -> list[Task]:
        """The tasks of this process."""
        return list(self._tasks.values())
