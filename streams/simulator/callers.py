"""Who calls: people with numbers that belong to nobody, some of whom call again and again."""

from collections import deque
from random import Random

RANGES = ("+493023125", "+496990009", "+494066969", "+492214710", "+498999998")
"""Numbers with three more digits, set aside in Germany for films and books."""

WITHHELD = 0.04
RECENT = 0.2
_SKEW = 2.0


class Callers:
    """Draws the number of who calls next.

    Few people make many of the calls, and one in five calls comes from somebody who called not long ago.
    """

    def __init__(self, random: Random, people: int) -> None:
        numbers = [f"{start}{end:03}" for start in RANGES for end in range(1_000)]
        self._random = random
        self._numbers = random.sample(numbers, min(people, len(numbers)))
        self._recent: deque[str] = deque(maxlen=60)

    def next(self) -> str:
        """A number as the trunk sends it."""
        random = self._random
        if random.random() < WITHHELD:
            return "anonymous"
        if self._recent and random.random() < RECENT:
            return random.choice(self._recent)
        number = self._numbers[int(len(self._numbers) * random.random() ** _SKEW)]
        self._recent.append(number)
        return number
