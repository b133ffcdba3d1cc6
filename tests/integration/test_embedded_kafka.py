"""The embedded Kafka, on real brokers: what is kept, what survives, and what people are told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, BrokerMetadata, NewTopic

from streams.kafka import (
    BrokerFailed,
    EmbeddedKafka,
    FolderInUse,
    FolderMismatch,
    KafkaUnavailable,
    PortInUse,
    distribution,
    prepare,
)
from streams.kafka.archive import ClassArchive

MIB = 1024 * 1024
PATIENCE = 90.0


def create_topic(bootstrap: str, name: str, **config: str) -> None:
    brokers = bootstrap.count(",") + 1
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = NewTopic(name, num_partitions=1, replication_factor=min(3, brokers), config=config)
    admin.create_topics([topic])[name].result(PATIENCE)


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    """Write values with acks=all; fails unless every one is acknowledged."""
    refused: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 33 * MIB, "acks": "all"})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: refused.append(error) if error else None)
    assert producer.flush(PATIENCE) == 0
    assert refused == []


def consume(bootstrap: str, topic: str, count: int, seconds: float = PATIENCE) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    deadline = time.monotonic() + seconds
    while len(values) < count and time.monotonic() < deadline:
        record = consumer.poll(0.5)
        if record is not None and record.error() is None:
            values.append(record.value())
    consumer.close()
    return values


def eventually(claim: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_record_of_32_mib_goes_through_a_topic_that_allows_it(kafka: EmbeddedKafka, namespace: str) -> None:
    create_topic(kafka.bootstrap, namespace, **{"max.message.bytes": str(33 * MIB)})
    large = bytes(32 * MIB)

    produce(kafka.bootstrap, namespace, large)

    assert consume(kafka.bootstrap, namespace, 1) == [large]


def test_topics_are_not_made_by_asking_for_them(kafka: EmbeddedKafka, namespace: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})

    admin.list_topics(namespace, timeout=PATIENCE)

    assert namespace not in admin.list_topics(timeout=PATIENCE).topics


def test_brokers_listen_on_loopback_only(kafka: EmbeddedKafka) -> None:
    assert all(address.startswith("127.0.0.1:") for address in kafka.bootstrap.split(","))
    pid = kafka.pid(0)
    if not Path("/proc/net/tcp").exists():
        pytest.skip("needs /proc")

    listening = {
        inode: address
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for address, state, inode in (
            (fields[1], fields[3], fields[9]) for fields in map(str.split, Path(table).read_text().splitlines()[1:])
        )
        if state == "0A"
    }
    sockets = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    own = [listening[name[8:-1]] for name in sockets if name[8:-1] in listening]

    assert len(own) == 2  # clients and controllers
    # 127.0.0.1, plain or mapped into IPv6
    assert all(address.split(":")[0].endswith("0100007F") for address in own)


def test_the_brokers_log_is_a_file_and_the_console_stays_quiet(kafka: EmbeddedKafka) -> None:
    assert "Kafka Server started" in kafka.log_path(0).read_text()
    assert kafka.log_path(0).with_suffix(".console").read_text() == ""


def test_data_and_address_stay_over_stop_and_start(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as first:
        address = first.bootstrap
        create_topic(address, "kept")
        produce(address, "kept", b"before")

    with EmbeddedKafka(tmp_path) as second:
        assert second.bootstrap == address
        produce(address, "kept", b"after")
        assert consume(address, "kept", 2) == [b"before", b"after"]


def test_data_stay_over_kill_and_restart(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        create_topic(kafka.bootstrap, "kept")
        produce(kafka.bootstrap, "kept", b"before")

        kafka.kill(0)
        assert kafka.pid(0) is None
        kafka.restart(0)

        produce(kafka.bootstrap, "kept", b"after")
        assert consume(kafka.bootstrap, "kept", 2) == [b"before", b"after"]


def test_a_paused_broker_answers_again_once_resumed(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        create_topic(kafka.bootstrap, "kept")

        kafka.pause(0)
        assert consume(kafka.bootstrap, "kept", 1, seconds=1) == []
        kafka.resume(0)

        assert "kept" in admin.list_topics(timeout=PATIENCE).topics
        kafka.pause(0)  # a paused broker is stopped in order, too
    assert kafka.pid(0) is None


@pytest.mark.slow
def test_three_brokers_serve_a_replicated_topic_with_one_killed(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path, brokers=3) as kafka:
        create_topic(kafka.bootstrap, "replicated")
        produce(kafka.bootstrap, "replicated", b"with three")

        kafka.kill(0)
        produce(kafka.bootstrap, "replicated", b"with two")
        assert consume(kafka.bootstrap, "replicated", 2) == [b"with three", b"with two"]

        kafka.restart(0)
        kafka.kill(1)  # what broker 0 missed it has now, or the write below finds too few in sync
        produce(kafka.bootstrap, "replicated", b"with another two")
        assert len(consume(kafka.bootstrap, "replicated", 3)) == 3


@pytest.mark.slow
def test_three_brokers_killed_at_once_serve_again_when_started_together(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path, brokers=3) as kafka:
        create_topic(kafka.bootstrap, "kept")
        produce(kafka.bootstrap, "kept", b"before")

        for node in range(3):
            kafka.kill(node)
        kafka.restart(0, 1, 2)

        produce(kafka.bootstrap, "kept", b"after")
        assert consume(kafka.bootstrap, "kept", 2) == [b"before", b"after"]


def brokers_told_at(port: int) -> dict[int, BrokerMetadata]:
    """The brokers that who asks at this port is sent to.

    A client that has been told of them asks there from then on, where nobody listens: another one is asked then.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}).list_topics(timeout=5).brokers
        except KafkaException:
            if time.monotonic() > deadline:
                raise


def test_who_comes_by_a_further_listener_is_sent_to_the_ports_that_were_named(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path, listeners={"BEHIND": [19_092]}) as kafka:
        port = kafka.listener_port("BEHIND", 0)
        told = brokers_told_at(port)

        assert [(broker.host, broker.port) for broker in told.values()] == [("127.0.0.1", 19_092)]
        assert port != 19_092
        create_topic(kafka.bootstrap, "kept")
        produce(kafka.bootstrap, "kept", b"by the usual one")
        with pytest.raises(KeyError):
            kafka.listener_port("BESIDE", 0)


def test_a_further_listener_needs_a_port_for_every_broker(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="BEHIND"):
        EmbeddedKafka(tmp_path, brokers=3, listeners={"BEHIND": [19_092]})


def test_a_second_process_is_refused_the_folder_and_told_who_has_it(kafka: EmbeddedKafka) -> None:
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from streams.kafka import EmbeddedKafka, FolderInUse
        try:
            EmbeddedKafka(Path({str(kafka.folder)!r})).start()
        except FolderInUse as error:
            print(error)
        """
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert str(kafka.folder) in told
    assert f"process {os.getpid()}" in told
    assert "--bootstrap" in told


def test_a_second_object_is_refused_the_folder_and_the_first_runs_on(kafka: EmbeddedKafka) -> None:
    with pytest.raises(FolderInUse):
        EmbeddedKafka(kafka.folder).start()

    assert AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=PATIENCE).brokers


def test_brokers_die_with_a_killed_parent_and_its_folder_can_be_started_again(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux ties a process to its parent's life")
    script = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from streams.kafka import EmbeddedKafka
        kafka = EmbeddedKafka(Path({str(tmp_path)!r}))
        kafka.start()
        print(kafka.pid(0), kafka.bootstrap, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, address = parent.stdout.readline().split()
        create_topic(address, "kept")
        produce(address, "kept", b"before the crash")
        parent.kill()

    with EmbeddedKafka(tmp_path) as kafka:
        assert eventually(lambda: not runs(int(pid)))
        assert kafka.bootstrap == address
        assert consume(address, "kept", 1) == [b"before the crash"]


def test_a_broker_outlives_the_thread_that_started_it_and_the_terminals_interrupt(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path)
    starter = threading.Thread(target=kafka.start)
    starter.start()
    starter.join()
    try:
        pid = kafka.pid(0)
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)  # Ctrl-C goes to the terminal's session
        time.sleep(0.5)
        assert AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=PATIENCE).brokers
    finally:
        kafka.stop()


def test_a_broker_that_ends_while_starting_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path, properties={"num.network.threads": "none"})

    with pytest.raises(BrokerFailed, match=r"(?s)num\.network\.threads"):
        kafka.start()

    EmbeddedKafka(tmp_path).stop()  # the folder was given back
    assert kafka.pid(0) is None


def test_a_start_that_takes_too_long_leaves_nothing_running(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path)

    with pytest.raises(BrokerFailed):
        kafka.start(timeout=0.2)

    assert kafka.pid(0) is None
    kafka.start()
    kafka.stop()


def test_a_wanted_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortInUse, match=str(port)):
            EmbeddedKafka(tmp_path, ports=[port]).start()


def test_a_folder_made_for_one_broker_is_not_started_with_three(tmp_path: Path) -> None:
    with pytest.raises(BrokerFailed):
        EmbeddedKafka(tmp_path).start(timeout=0)

    with pytest.raises(FolderMismatch, match=r"1 broker\(s\), not 3"):
        EmbeddedKafka(tmp_path, brokers=3).start()


def test_without_cache_and_network_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("Network is unreachable\nand a long story")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setattr("jgo.build", refuse)

    with pytest.raises(KafkaUnavailable) as caught:
        EmbeddedKafka(tmp_path / "kafka").start()

    told = str(caught.value)
    assert "Network is unreachable" in told
    assert "long story" not in told
    assert str(tmp_path / "empty") in told
    assert "--bootstrap HOST:PORT" in told
    assert "proxy" in told


def test_with_the_jars_cached_nothing_is_resolved(kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("resolved")

    monkeypatch.setattr("jgo.build", refuse)

    found = distribution.find_distribution()

    assert any(jar.name == f"kafka_2.13-{distribution.KAFKA_VERSION}.jar" for jar in found.jars)
    assert kafka.pid(0) is not None


def test_a_jar_that_is_gone_or_cut_short_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = distribution.find_distribution().jars
    copies = [tmp_path / "jars" / jar.name for jar in whole]
    copies[0].parent.mkdir()
    for jar, copy in zip(whole, copies, strict=True):
        copy.write_bytes(jar.read_bytes())
    asked: list[str] = []

    def resolve(listing: Path) -> tuple[Path, ...]:
        asked.append(listing.name)
        return tuple(copies)

    monkeypatch.setattr(distribution, "_resolve", resolve)
    distribution.find_distribution(cache=tmp_path)
    distribution.find_distribution(cache=tmp_path)
    assert len(asked) == 1

    copies[3].write_bytes(b"cut short")

    distribution.find_distribution(cache=tmp_path)
    assert len(asked) == 2


def test_brokers_end_when_the_program_forgets_to_stop_them(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from streams.kafka import EmbeddedKafka
        kafka = EmbeddedKafka(Path({str(tmp_path)!r}))
        kafka.start()
        print(kafka.pid(0))
        """
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert eventually(lambda: not runs(int(done.stdout)))


def test_a_kill_by_somebody_else_is_noticed(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        pid = kafka.pid(0)
        assert pid is not None

        os.kill(pid, signal.SIGKILL)

        assert eventually(lambda: kafka.pid(0) is None)


@pytest.mark.slow
def test_a_prepared_machine_starts_kafka_from_an_archive_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = distribution.find_distribution()
    listing = distribution.cache_folder() / f"kafka-{distribution.KAFKA_VERSION}.json"
    cache = tmp_path / "cache" / "floorwalker"
    cache.mkdir(parents=True)
    (cache / listing.name).write_text(listing.read_text())
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent))
    said: list[str] = []

    prepare(notify=said.append)
    prepare(notify=said.append)

    assert len(said) == 1
    assert ClassArchive(found).flags() != ()
    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        mapped = Path(f"/proc/{kafka.pid(0)}/maps")
        assert not mapped.exists() or ".jsa" in mapped.read_text()
        assert kafka.log_path(0).with_suffix(".console").read_text() == ""
