"""The times of the installation under fault, in seconds: shorter than in service where a round would else wait."""

import time

SESSION = 6.0
"""A worker that says nothing for so long has left its group; Kafka's own least by default."""

GRACE = 1.0
"""A breach is declared at due + grace; as in service."""

BROKER_SESSION = 6.0
"""A broker that says nothing for so long is thought dead: the others lead its partitions, and it may come back."""

LATE = 5.0
"""A breach may be later than the faults explain by the session time-out and by this."""

PARTITIONS = 4
"""Of the topics that are shared out."""

LOAD = 40.0
"""Of a round: so long the floor is busy and faults happen."""

DRAIN = 90.0
"""So long the workers may take, after the last fault has been mended, until what was fed has come out."""


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
