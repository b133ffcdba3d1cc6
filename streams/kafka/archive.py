"""Kafka's classes in the form that Java maps at a start, read and checked once: halves the time of a start.

Java calls it class data sharing. The runtime in the wheel comes without even its own classes in that form.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from streams.kafka.distribution import JVM_FLAGS, KAFKA_VERSION, Distribution, cache_folder
from streams.kafka.errors import EmbeddedKafkaError

# A stale archive is passed over by Java with a word on the console; the start is slower, that is all.
_QUIET = ("-Xshare:auto", "-Xlog:cds=off", "-Xlog:aot=off")


class ClassArchive:
    """The archive that belongs to exactly these program files; Java refuses it for others. 70 MB."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution
        digest = hashlib.sha256()
        for file in (distribution.java.parent.parent / "lib" / "modules", *distribution.jars):
            state = file.stat()
            digest.update(f"{file} {state.st_size} {state.st_mtime_ns}\n".encode())
        self.path = cache_folder() / f"kafka-{KAFKA_VERSION}-{digest.hexdigest()[:16]}.jsa"

    def flags(self) -> tuple[str, ...]:
        """What to tell Java to use the archive; nothing while there is none."""
        return (f"-XX:SharedArchiveFile={self.path}", *_QUIET) if self.path.exists() else ()

    def make(self, classes: Path, timeout: float = 120.0) -> None:
        """Make the archive from a list of classes (Java's ``DumpLoadedClassList``) and drop older ones.

        ``timeout`` is in seconds. Raises EmbeddedKafkaError when Java can't.
        """
        draft = self.path.with_suffix(".part")
        command = [
            str(self._distribution.java),
            *JVM_FLAGS,
            "-Xshare:dump",
            f"-XX:SharedClassListFile={classes}",
            f"-XX:SharedArchiveFile={draft}",
            "-cp",
            self._distribution.classpath,
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            draft.unlink(missing_ok=True)
            raise EmbeddedKafkaError(f"Kafka's classes were not archived within {timeout:g} s.") from error
        if done.returncode != 0 or not draft.exists():
            draft.unlink(missing_ok=True)
            last = done.stdout.decode(errors="replace").strip().splitlines()[-3:]
            raise EmbeddedKafkaError("Kafka's classes could not be archived:\n" + "\n".join(last))
        draft.replace(self.path)
        for other in self.path.parent.glob("kafka-*.jsa"):
            if other != self.path:
                other.unlink(missing_ok=True)
