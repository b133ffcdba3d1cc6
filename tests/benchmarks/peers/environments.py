"""The peers' environments: made once under build/peers/, and again when what they are made of changes."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[2] / "build" / "peers"
STREAMS = HERE / "kafka_streams"
MAIN = "floorwalker.bench.CustomersJob"
JVM = ("-XX:+UseParallelGC", "-Xms1g", "-Xmx1g")
"""The collector for throughput, with room for the state several times over."""

_LIMIT = 600.0


class PeerUnavailable(Exception):
    """A peer can't be had on this machine; the message says why."""


def python_of(name: str, say: Callable[[str], None]) -> Path:
    """The Python of an environment that holds what peers/NAME.txt asks for. Raises PeerUnavailable."""
    wanted = HERE / f"{name}.txt"
    folder = BUILD / name
    python = folder / "bin" / "python"

    def make() -> None:
        say(f"making an environment for {name}")
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)])

    _made(folder, [wanted], make, sys.version)
    return python


def java_command(say: Callable[[str], None]) -> list[str]:
    """The command line of the Kafka Streams job, as far as its options. Raises PeerUnavailable."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        raise PeerUnavailable("there is no java or no mvn on this machine (Debian: apt install maven)")
    folder = BUILD / "kafka_streams"
    classpath = folder / "classpath.txt"

    def make() -> None:
        say("building the Kafka Streams job")
        folder.mkdir(parents=True)
        goals = ["package", "dependency:build-classpath", f"-Dmdep.outputFile={classpath}"]
        _run([maven, "--quiet", "--batch-mode", "-f", str(STREAMS / "pom.xml"), f"-Dbuild.folder={folder}", *goals])

    _made(folder, sorted(STREAMS.rglob("*.*")), make, java)
    return [java, *JVM, "-cp", f"{folder / 'classes'}:{classpath.read_text().strip()}", MAIN]


def _made(folder: Path, sources: Sequence[Path], make: Callable[[], None], also: str) -> None:
    """See to it that the folder was made of just these files."""
    digest = hashlib.sha256(also.encode())
    for source in sources:
        digest.update(source.read_bytes())
    stamp = folder / "made-of"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    shutil.rmtree(folder, ignore_errors=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    make()
    stamp.write_text(digest.hexdigest())


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerUnavailable(f"{command[0]} could not be run: {error}") from error
    if done.returncode:
        raise PeerUnavailable(f"{' '.join(command[:4])} ...: {(done.stdout + done.stderr)[-1500:]}")
