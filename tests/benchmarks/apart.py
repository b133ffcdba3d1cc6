"""A measurement in a process of its own: a module of tests.benchmarks that prints what it measured as JSON."""

import subprocess
import sys

from tests.benchmarks.failure import MeasurementFailed

LIMIT = 1_200.0
"""Seconds after which it has failed."""


def apart(module: str, *told: object, said: bytes = b"") -> bytes:
    """The line. `said`: what the module reads from standard input. Raises MeasurementFailed with its last words where
    there is none."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, told)]
    try:
        done = subprocess.run(command, input=said, capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise MeasurementFailed(f"{module} {told} was not done after {LIMIT:.0f} s") from None
    line = next((line for line in done.stdout.splitlines() if line.startswith(b"{")), None)
    if line is None:
        words = (done.stdout + done.stderr)[-2_000:].decode(errors="replace")
        raise MeasurementFailed(f"{module} {told} ended with exit code {done.returncode} and no result: {words}")
    return line
