"""What the numbers were measured on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from streams.kafka.distribution import KAFKA_VERSION


class Machine(msgspec.Struct, frozen=True):
    """`load`: processes that wanted a core, mean of the minute before: above 1, others were at work too."""

    cores: int
    processor: str
    memory_gb: float
    python: str
    kafka: str
    faust: str
    aiokafka: str
    load: float

    def __str__(self) -> str:
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_gb:.0f} GB, Python {self.python}, Apache Kafka "
            f"{self.kafka} beside it, Faust {self.faust}, aiokafka {self.aiokafka}, load before: {self.load:.1f}"
        )


def this_machine() -> Machine:
    """The machine as it is now."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        processor=_processor(),
        memory_gb=round(pages / 1e9, 1),
        python=platform.python_version(),
        kafka=KAFKA_VERSION,
        faust=version("faust-streaming"),
        aiokafka=version("aiokafka"),
        load=round(os.getloadavg()[0], 2),
    )


def stamp(options: dict[str, Any]) -> dict[str, Any]:
    """Machine, commit (with a plus where files differ from it), time and options of a measurement that begins."""
    return {
        "machine": msgspec.to_builtins(this_machine()),
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain") else ""),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": options,
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
