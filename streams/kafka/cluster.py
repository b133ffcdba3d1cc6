"""An Apache Kafka of one's own: one broker or several, on loopback, in one folder."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from streams.kafka.archive import ClassArchive
from streams.kafka.broker import Broker
from streams.kafka.distribution import find_distribution
from streams.kafka.errors import BrokerFailed, FolderMismatch, PortInUse, StartGivenUp
from streams.kafka.folder import ClusterFolder, ClusterRecord, new_cluster_id
from streams.kafka.ports import LOOPBACK, free_port, is_free
from streams.kafka.properties import Listener

_POLL = 0.05
_GRACE = 5.0  # seconds that brokers of a crashed run get to vanish
_FAREWELL = 1.0  # seconds that brokers get to end once all have closed their data


class EmbeddedKafka:
    """Apache Kafka in KRaft mode, run from ``folder``; data and ports are kept there between runs.

    Every node is broker and controller; three make a quorum that survives the loss of one. ``ports`` are
    the brokers' client ports; by default free ones are chosen at the first start and taken again later when
    they are still free. ``heap`` is the most memory a broker's Java heap may take, as Java writes it;
    ``jvm`` are further options of Java. ``properties`` win over the broker settings made here. ``notify`` is
    told about long work (the download at the first use). Brokers are numbered from 0, which is also their node id.

    ``listeners`` are further listeners of every broker, by name (capital letters): the port by which each broker's
    clients are told to come back, such as a proxy's. See ``listener_port``.

    The brokers end with this process, however it ends, and don't hear the terminal's Ctrl-C: stop them in
    the order that suits you. For one thread at a time. As a context manager: starts on entry, stops on exit.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        ports: Sequence[int] | None = None,
        *,
        heap: str = "768m",
        jvm: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        listeners: Mapping[str, Sequence[int]] | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        if brokers < 1:
            raise ValueError(f"a cluster has at least one broker, not {brokers}")
        if ports is not None and (len(ports) != brokers or len(set(ports)) != brokers):
            raise ValueError(f"{brokers} broker(s) need as many different ports, not {list(ports)}")
        for name, advertised in (listeners or {}).items():
            if len(advertised) != brokers:
                raise ValueError(f"listener {name}: {brokers} broker(s) need as many ports, not {list(advertised)}")
        self._folder = ClusterFolder(Path(folder))
        self._wanted = None if ports is None else tuple(ports)
        self._heap = heap
        self._jvm = tuple(jvm)
        self._properties = dict(properties or {})
        self._advertised = dict(listeners or {})
        self._listeners: list[list[Listener]] = []
        self._notify = notify
        self._brokers = [Broker(node, self._folder.broker(node), self._folder.logs) for node in range(brokers)]
        self._ports: tuple[tuple[int, int], ...] = ()
        self._running = False

    @property
    def bootstrap(self) -> str:
        """The brokers' addresses, ``host:port`` joined by commas. RuntimeError before the first start."""
        if not self._ports:
            raise RuntimeError("the embedded Kafka has not been started, so it has no address yet")
        return ",".join(f"{LOOPBACK}:{client}" for client, _ in self._ports)

    def listener_port(self, name: str, i: int) -> int:
        """Where broker ``i`` itself listens for a further listener's clients: what a proxy passes them on to.

        KeyError where there is no such listener; RuntimeError before the first start.
        """
        if name not in self._advertised:
            raise KeyError(name)
        if not self._listeners:
            raise RuntimeError("the embedded Kafka has not been started, so its listeners have no ports yet")
        return next(each.port for each in self._listeners[i] if each.name == name)

    @property
    def folder(self) -> Path:
        """Where everything of this cluster is."""
        return self._folder.path

    def log_path(self, i: int) -> Path:
        """The log file of broker ``i`` (rolled at 10 MB; older parts beside it as ``.1`` to ``.3``)."""
        return self._brokers[i].log

    def pid(self, i: int) -> int | None:
        """The process id of broker ``i``; None while it doesn't run."""
        return self._brokers[i].pid

    def start(self, timeout: float = 60.0, *, until: threading.Event | None = None) -> None:
        """Start all brokers and return when every one of them serves. Does nothing when started already.

        ``timeout`` is in seconds and begins once Kafka's files are on this machine. Raises KafkaUnavailable,
        FolderInUse, FolderMismatch, PortInUse, BrokerFailed, or StartGivenUp once ``until`` is set (by another
        thread; a download goes on to its end); nothing is left running then.
        """
        if self._running:
            return
        distribution = find_distribution(notify=self._notify)
        self._folder.acquire()
        atexit.register(self._kill_all, os.getpid())
        self._running = True
        try:
            deadline = time.monotonic() + timeout
            for broker in self._brokers:
                broker.wait_for_data(_GRACE)
            record = self._record()
            self._ports = record.ports
            jvm = (*ClassArchive(distribution).flags(), *self._jvm)
            self._listeners = [
                [Listener(name, free_port(), ports[broker.node]) for name, ports in self._advertised.items()]
                for broker in self._brokers
            ]
            for broker in self._brokers:
                more = self._listeners[broker.node]
                broker.configure(distribution, record.ports, self._heap, jvm, self._properties, more)
                broker.format(record.cluster_id)
            self._await(self._brokers, Broker.formatted, "could not prepare its data", deadline, until)
            for broker in self._brokers:
                broker.launch()
            self._wait_until_served(self._brokers, deadline, until)
        except BaseException:
            self._kill_all(os.getpid())
            self._close()
            raise

    def stop(self, timeout: float = 30.0) -> None:
        """Stop all brokers in order; those that have not ended after ``timeout`` seconds are killed.

        Does nothing when not started. Data, ports and logs stay for the next start.
        """
        if not self._running:
            return
        try:
            deadline = time.monotonic() + timeout
            for broker in self._brokers:
                broker.send(signal.SIGCONT)
                broker.send(signal.SIGTERM)
            while not all(broker.data_is_closed for broker in self._brokers) and time.monotonic() < deadline:
                time.sleep(_POLL)
            # What is left is 5 s of looking for a new leader among controllers that all stop. Their log is
            # written through with every record, so that part can be cut short.
            deadline = min(deadline, time.monotonic() + _FAREWELL)
            for broker in self._brokers:
                broker.wait(max(0.0, deadline - time.monotonic()))
        finally:
            self._kill_all(os.getpid())
            self._close()

    def kill(self, i: int) -> None:
        """End broker ``i`` at once (SIGKILL), as a crash would; returns when it is gone."""
        broker = self._brokers[i]
        broker.send(signal.SIGKILL)
        broker.wait(10.0)

    def terminate(self, i: int, timeout: float = 30.0) -> None:
        """Let broker ``i`` shut down in order; returns when it is gone. Killed after ``timeout`` seconds.

        A broker asks the controllers for leave; with too few of them for a quorum it waits in vain.
        """
        broker = self._brokers[i]
        broker.send(signal.SIGCONT)
        broker.send(signal.SIGTERM)
        if not broker.wait(timeout):
            self.kill(i)

    def restart(self, *nodes: int, timeout: float = 60.0) -> None:
        """Start brokers again, each after an orderly shutdown if it runs; returns when all of them serve.

        ``timeout`` is in seconds. Several at once, where too few run for any one of them to come into service alone.
        Raises BrokerFailed; RuntimeError when the cluster has not been started.
        """
        if not self._running:
            raise RuntimeError("the embedded Kafka is stopped; start() it first")
        brokers = [self._brokers[node] for node in nodes]
        for node in nodes:
            self.terminate(node)
        for broker in brokers:
            broker.launch()
        self._wait_until_served(brokers, time.monotonic() + timeout)

    def pause(self, i: int) -> None:
        """Freeze broker ``i`` (SIGSTOP): its connections stay open and nothing answers."""
        self._brokers[i].send(signal.SIGSTOP)

    def resume(self, i: int) -> None:
        """Let a paused broker ``i`` go on (SIGCONT)."""
        self._brokers[i].send(signal.SIGCONT)

    def __enter__(self) -> EmbeddedKafka:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _record(self) -> ClusterRecord:
        """The cluster's record, made at the first start, with ports that are free now."""
        record = self._folder.read()
        if record is None:
            record = ClusterRecord(new_cluster_id(), ((0, 0),) * len(self._brokers))
        elif len(record.ports) != len(self._brokers):
            raise FolderMismatch(
                f"{self._folder.path} holds a Kafka of {len(record.ports)} broker(s), "
                f"not {len(self._brokers)}. Start it with as many as before, or choose another folder."
            )
        wanted = self._wanted or tuple(client for client, _ in record.ports)
        ports = tuple(
            (self._client_port(client), self._port_or_other(controller))
            for client, (_, controller) in zip(wanted, record.ports, strict=True)
        )
        if ports != record.ports:
            record = record.with_ports(ports)
            self._folder.write(record)
        return record

    def _client_port(self, port: int) -> int:
        if self._wanted is not None and not is_free(port):
            raise PortInUse(f"Port {port} on {LOOPBACK} is taken by another program. Stop that or choose another port.")
        return self._port_or_other(port)

    @staticmethod
    def _port_or_other(port: int) -> int:
        return port if port and is_free(port) else free_port()

    def _wait_until_served(
        self, awaited: Sequence[Broker], deadline: float, until: threading.Event | None = None
    ) -> None:
        """Wait until each awaited broker answers and knows of all of them that they are in service."""
        nodes = {broker.node for broker in awaited}
        self._await(awaited, lambda broker: nodes <= broker.in_service(), "was not ready in time", deadline, until)

    @staticmethod
    def _await(
        awaited: Sequence[Broker],
        done: Callable[[Broker], bool],
        otherwise: str,
        deadline: float,
        until: threading.Event | None,
    ) -> None:
        waiting = list(awaited)
        while waiting := [broker for broker in waiting if not done(broker)]:
            if until is not None and until.is_set():
                raise StartGivenUp("the start of the embedded Kafka was given up, as asked")
            if time.monotonic() > deadline:
                names = ", ".join(str(broker.node) for broker in waiting)
                raise BrokerFailed(f"Broker {names} {otherwise}.\n{waiting[0].tail()}")
            time.sleep(_POLL)

    def _kill_all(self, owner: int) -> None:
        if os.getpid() != owner:  # a fork of the process that started the brokers: they aren't its own
            return
        for broker in self._brokers:
            broker.send(signal.SIGKILL)
        for broker in self._brokers:
            broker.wait(10.0)

    def _close(self) -> None:
        atexit.unregister(self._kill_all)
        self._folder.release()
        self._running = False
