"""Bars that show how far long work is."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from agents.backtest import Progress
from agents.cli.console import err


@contextmanager
def backfill_bar(total: int | None = None) -> Iterator[Progress]:
    """A back-fill's progress, shown while the block runs. `total`: source records, where they are known before."""
    with Bars(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err,
        transient=True,
    ) as bars:  # fmt: skip
        line = bars.add_task("starting", total=total)

        def moved(progress: Progress) -> None:
            bars.update(line, description=progress.doing, completed=progress.counted, total=progress.total or total)

        yield Progress(listeners=[moved])
