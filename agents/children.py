"""Child processes of `up` and of a backtest: started tied to this process, stopped in order."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import streams.kafka.tether as tether

STOP_TIMEOUT = 15.0
END_OF_LOG = 64 * 1024
"""Bytes of a log in which its last words are looked for."""


class Child:
    """One `floorwalker` command in a process of its own.

    It dies with this process, does not hear the terminal's Ctrl-C, and writes its words to a file (None: to this
    process's stderr).
    """

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path | None) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._environment = environment
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; returns at once."""
        command = (sys.executable, tether.__file__, str(os.getpid()), sys.executable, "-m", "agents", *self._arguments)
        words = self.log.open("ab") if self.log else None
        try:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **self._environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )
        finally:
            if words is not None:
                words.close()

    async def wait(self) -> int:
        """Wait for its end; returns the exit code."""
        if self.process is None:
            raise RuntimeError(f"{self.name} has not been started, so it has no end")
        return await self.process.wait()

    async def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Ask it to drain and end; after `timeout` seconds, end it."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(timeout):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def last_words(self, lines: int = 3) -> str:
        """The end of what it wrote."""
        if self.log is None or not self.log.is_file():
            return "it said nothing"
        with self.log.open("rb") as log:
            # It may have grown for months.
            log.seek(max(0, log.seek(0, os.SEEK_END) - END_OF_LOG))
            words = log.read().decode(errors="replace").splitlines()[-lines:]
        return f"the end of {self.log}: {' / '.join(words)}" if words else "it said nothing"
