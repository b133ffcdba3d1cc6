"""The engine: Faust agents fed in record batches, tasks with exactly-once state, clocks from watermarks in band.

Use `Stage`, `Engine` and `build_app`; docs/engine.md shows them at work.
"""

from streams.engine.app import build_app
from streams.engine.engine import Engine
from streams.engine.stage import Stage

__all__ = ["Engine", "Stage", "build_app"]
