"""How far the records of metrics.live have got: what a task takes up where another left off."""

import msgspec

from schemas.live import WindowKind


class Progress(msgspec.Struct, array_like=True):
    """`revision`: number of the last record sent (of any window). `clock`: as of when windows were last sent.

    `overdue`: from when on (ms) the floor's windows up to the clock have news of agents' time that is held back.
    """

    revision: int = 0
    clock: int | None = None
    overdue: int | None = None


class Unsent(msgspec.Struct, array_like=True):
    """The name of a window with news that was not sent yet."""

    channel: str | None
    queue: str | None
    kind: WindowKind
    start: int | None
    end: int | None
    policy: str | None = None
    segment: str | None = None
