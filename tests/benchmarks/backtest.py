"""`floorwalker backtest` from start to end, as someone at a terminal waits for it."""

import json
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.runs import Spread

DAY = Path(__file__).parents[2].parent / "shared" / "data" / "anonymous_bank_1999-08-01.csv"
READ = 2_375
LIMIT = 300.0


class BacktestFailed(MeasurementFailed):
    """A backtest did not end well, or did not read all that is in the file."""


class Backtests(msgspec.Struct, frozen=True):
    """`seconds` by the wall of each run: Python, Kafka and the workers start, the day runs through, all stop."""

    seconds: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        return Spread.of(self.seconds)


def section(told: Namespace, _say: Callable[[str], None]) -> dict[str, Any]:
    """The day, so many times."""
    backtests = measure(told.repeats)
    return {"seconds": backtests.spread.median, "runs": backtests.seconds}


def table(section: dict[str, Any]) -> list[str]:
    """One line."""
    runs = section["runs"]
    return [f"backtest of a bank's day, start to end: {section['seconds']:.1f} s ({min(runs):.1f}-{max(runs):.1f} s)"]


def measure(repeats: int) -> Backtests:
    """Run the day at a bank through, so many times. Raises BacktestFailed."""
    with TemporaryDirectory(prefix="floorwalker-bench-") as folder:
        return Backtests(tuple(_one_run(Path(folder) / "out.json") for _ in range(repeats)))


def _one_run(out: Path) -> float:
    command = [sys.executable, "-m", "agents", "backtest", str(DAY), "--format", "anonymous-bank"]
    command += ["--date", "1999-08-01", "--tz", "Asia/Jerusalem", "--json", str(out), "--no-progress"]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        words = (done.stdout + done.stderr)[-2000:].decode(errors="replace")
        raise BacktestFailed(f"floorwalker backtest ended with exit code {done.returncode}: {words}")
    read = json.loads(out.read_bytes())["counts"]["read"]
    if read != READ:
        raise BacktestFailed(f"the backtest read {read} of {READ} source records")
    return took
