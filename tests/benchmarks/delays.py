"""How long something took, over many times."""

from collections.abc import Iterable, Sequence
from math import ceil

import msgspec


class Delays(msgspec.Struct, frozen=True):
    """Milliseconds: percentiles (the nearest measured value above) of `n` delays."""

    n: int
    p50: int
    p99: int
    max: int

    @classmethod
    def of(cls, seconds: Iterable[float]) -> "Delays":
        """Raises ValueError where there is none."""
        known = sorted(seconds)
        if not known:
            raise ValueError("nothing was measured")
        return cls(n=len(known), p50=_ms(known, 0.5), p99=_ms(known, 0.99), max=_ms(known, 1))

    def __str__(self) -> str:
        return f"p50 {self.p50} ms, p99 {self.p99} ms, max {self.max} ms (n = {self.n:,})"


def _ms(ordered: Sequence[float], share: float) -> int:
    return round(1000 * ordered[max(0, ceil(share * len(ordered)) - 1)])
