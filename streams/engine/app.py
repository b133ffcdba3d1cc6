"""The Faust app, set up for batches."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import faust

from schemas.topics import prefix_of
from streams.engine.collector import arrange_collector
from streams.engine.engine import Engine
from streams.engine.transport import BatchTransport

MAX_POLL_RECORDS = 5_000
STREAM_BUFFER = 16
FETCH_BYTES = 4 * 1024 * 1024
HEARTBEAT = 1.0
NEVER = 10 * 365 * 86_400.0
"""Seconds after which a worker that fetches nothing would leave its group, never to come back by itself: aiokafka joins
again only once something was fetched. One without partitions fetches nothing, nor does one whose Kafka is away."""


class FloorwalkerApp(faust.App):
    """A Faust app that sees to it that its topics are there before it starts, and cleans up when it has stopped."""

    prepare: Callable[[], Awaitable[None]] | None = None
    dispose: Callable[[], Awaitable[None]] | None = None

    async def on_first_start(self) -> None:
        """Called once, before anything connects."""
        # Faust makes the folder, but none above it.
        Path(self.conf.datadir).mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing turns yet
        await super().on_first_start()
        if self.prepare is not None:
            await self.prepare()

    async def on_shutdown(self) -> None:
        """Called at the very end, when the consumer has left its group."""
        await super().on_shutdown()
        if self.dispose is not None:
            await self.dispose()


def build_app(
    *,
    bootstrap: str,
    namespace: str,
    partitions: Mapping[str, int],
    wall: bool = True,
    flush_interval: float = 0.05,
    lead: float = 1.0,
    session_timeout: float = 10.0,
    port: int = 6066,
    data_folder: str = ".floorwalker",
) -> tuple[FloorwalkerApp, Engine]:
    """A Faust app and its engine; nothing is started. Seconds throughout.

    `partitions`: how many each topic has, changelogs included. `wall`: in service, else event time.
    `lead`: how far clocks may follow the wall beyond what their sources have passed on: the grace that rules give.
    """
    arrange_collector()
    app = FloorwalkerApp(
        prefix_of(namespace) + "floorwalker",
        broker=[f"kafka://{address}" for address in bootstrap.split(",")],
        store="memory://",
        datadir=data_folder,
        web_port=port,
        web_bind="127.0.0.1",
        web_enabled=False,
        autodiscover=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        # 0 would make Faust use a round-robin assignor, which splits the co-partitioned inputs of a task.
        table_standby_replicas=1,
        broker_max_poll_records=MAX_POLL_RECORDS,
        consumer_max_fetch_size=FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session_timeout,
        broker_heartbeat_interval=HEARTBEAT,
        broker_rebalance_timeout=30.0,
        broker_request_timeout=max(20.0, session_timeout + 5.0),
        broker_max_poll_interval=NEVER,
        stream_buffer_maxsize=STREAM_BUFFER,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        worker_redirect_stdouts=False,
    )
    engine = Engine(
        app,
        bootstrap=bootstrap,
        namespace=namespace,
        partitions=partitions,
        wall=wall,
        flush_interval=flush_interval,
        lead=lead,
    )
    app.dispose = engine.dispose
    transport = BatchTransport(app.conf.broker, app)
    transport.taker = engine
    app.transport = transport
    return app, engine
