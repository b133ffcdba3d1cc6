"""What a broker's configuration files say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.kafka.ports import LOOPBACK

MIB = 1024 * 1024

# A record of 32 MiB, the largest a channel takes, travels in a request somewhat larger.
LARGEST_REQUEST = 100 * MIB
LARGEST_REPLICA_FETCH = 34 * MIB

# ${sys:...} is log4j's own syntax: the path comes as a system property and needs no escaping here.
LOGGING = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = ${sys:broker.log}
appender.file.filePattern = ${sys:broker.log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{ISO8601} %-5p [%c{1}] %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
logger.settings.name = org.apache.kafka.common.config.AbstractConfig
logger.settings.level = warn
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


@dataclass(frozen=True, slots=True)
class Listener:
    """A further port that a broker listens on for clients, who are told to come to another (a proxy's)."""

    name: str
    port: int
    advertised: int


def server_properties(
    node: int,
    ports: Sequence[tuple[int, int]],
    data: Path,
    overrides: Mapping[str, str] | None = None,
    listeners: Sequence[Listener] = (),
) -> str:
    """The ``server.properties`` of one combined broker and controller.

    ``ports`` are the (client, controller) ports of all nodes, by node id; ``overrides`` win over every
    setting here; ``listeners`` are further ones for clients.
    """
    client, controller = ports[node]
    served = {"PLAINTEXT": client, **{each.name: each.port for each in listeners}}
    told = {"PLAINTEXT": client, **{each.name: each.advertised for each in listeners}}
    nodes = len(ports)
    replicas = min(3, nodes)
    in_sync = 2 if nodes >= 3 else 1
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{voter}@{LOOPBACK}:{port}" for voter, (_, port) in enumerate(ports)),
        "listeners": _addresses({**served, "CONTROLLER": controller}),
        "advertised.listeners": _addresses(told),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in (*served, "CONTROLLER")),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        # Topics are made on purpose, from one list.
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        # Kafka's own topics: few partitions, for a machine that runs everything.
        "offsets.topic.num.partitions": 8,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": 8,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Nobody waits for members that may still come, nor long for a dead worker's transaction.
        "group.initial.rebalance.delay.ms": 0,
        # What `service.session_timeout` allows.
        "group.min.session.timeout.ms": 1_000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
        # For so long a killed broker is thought alive: the others don't take over, and it can't come back
        # under its id. A single broker has nobody to take over, only itself to wait for.
        "broker.session.timeout.ms": 6_000 if nodes > 1 else 3_000,
        "broker.heartbeat.interval.ms": 1_000 if nodes > 1 else 500,
        "socket.request.max.bytes": LARGEST_REQUEST,
        "replica.fetch.max.bytes": LARGEST_REPLICA_FETCH,
        "replica.fetch.response.max.bytes": LARGEST_REPLICA_FETCH,
        # Topics name their own retention; this is for those that don't.
        "log.retention.hours": 7 * 24,
        "log.segment.bytes": 256 * MIB,
        "log.cleaner.dedupe.buffer.size": 32 * MIB,
    }
    merged = {**{key: str(value) for key, value in settings.items()}, **(overrides or {})}
    return "".join(f"{key}={_escape(value)}\n" for key, value in merged.items())


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())


def _escape(value: str) -> str:
    """Java reads the file as Latin-1, with backslash escapes."""
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
    units = escaped.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if 0x20 <= code < 0x7F else f"\\u{code:04x}" for code in codes)
