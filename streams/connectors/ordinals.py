"""Which of several equal lines of one second a line is."""

from hashlib import blake2b

import msgspec

SECONDS_KEPT = 4
"""Seconds of which the lines are remembered: a log's clock may step back a little."""


class Ordinals(msgspec.Struct):
    """Counts equal lines. `seconds`: instant (ms) -> digest of a line -> how often it came, latest last.

    A line says its second itself, so that lines of different seconds are never equal; the instants only bound what is
    remembered. Saved with the cursor, a line that is read again gets the ordinal that it had.
    """

    seconds: dict[int, dict[str, int]] = {}

    def next(self, digest: str, instant: int) -> int:
        """The ordinal, from 0, of one more line."""
        counts = self.seconds.get(instant)
        if counts is None:
            counts = self.seconds[instant] = {}
            if len(self.seconds) > SECONDS_KEPT:
                del self.seconds[next(iter(self.seconds))]
        ordinal = counts.get(digest, 0)
        counts[digest] = ordinal + 1
        return ordinal


def digest_of(line: bytes) -> str:
    """16 hexadecimal digits that stand for a line."""
    return blake2b(line, digest_size=8).hexdigest()
