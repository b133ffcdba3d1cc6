"""Child processes that never outlive this one and don't hear the terminal's Ctrl-C."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO

_TETHER = Path(__file__).with_name("tether.py")


class _Spawner:
    """A thread that starts processes and lives as long as this process.

    Linux sends the parent-death signal when the *thread* that forked ends, not the process; a broker started
    from a worker thread (``asyncio.to_thread``) would die with that thread.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._orders: queue.SimpleQueue[tuple[list[str], IO[bytes], Future[subprocess.Popen[bytes]]]]
        self._orders = queue.SimpleQueue()
        threading.Thread(target=self._run, name="kafka-spawner", daemon=True).start()

    def spawn(self, command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        done: Future[subprocess.Popen[bytes]] = Future()
        self._orders.put((command, output, done))
        return done.result()

    def _run(self) -> None:
        while True:
            command, output, done = self._orders.get()
            try:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except BaseException as error:  # noqa: BLE001 - it goes to the caller, who waits for it
                done.set_exception(error)
            else:
                done.set_result(child)


_spawner: _Spawner | None = None
_spawner_guard = threading.Lock()


def spawn(command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, tied to the life of this process; it writes to ``output``.

    Raises OSError when the file cannot be written or the interpreter cannot be started.
    """
    global _spawner
    with _spawner_guard:
        if _spawner is None or _spawner.pid != os.getpid():  # threads don't survive a fork
            _spawner = _Spawner()
        spawner = _spawner
    tethered = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *command]
    with output.open("ab") as sink:
        return spawner.spawn(tethered, sink)
