"""Gets this machine ready to start Kafka fast and without a network: once, when the program is set up."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from streams.kafka.archive import ClassArchive
from streams.kafka.cluster import EmbeddedKafka
from streams.kafka.distribution import find_distribution


def prepare(notify: Callable[[str], None] | None = None) -> None:
    """Fetch Kafka if needed and archive its classes, unless that has been done. Takes half a minute or so, once.

    ``notify`` is told what takes long. Raises KafkaUnavailable when Kafka cannot be fetched, and other
    EmbeddedKafkaError when it cannot be started or archived; it then still starts as it does without.
    """
    archive = ClassArchive(find_distribution(notify=notify))
    if archive.path.exists():
        return
    if notify is not None:
        notify("Preparing Apache Kafka for fast starts (only once)")
    with tempfile.TemporaryDirectory(prefix="floorwalker-kafka-") as folder:
        classes = Path(folder) / "classes"
        with EmbeddedKafka(Path(folder) / "kafka", jvm=[f"-XX:DumpLoadedClassList={classes}"]):
            pass  # what a broker loads until it serves, and while it stops
        archive.make(classes)
