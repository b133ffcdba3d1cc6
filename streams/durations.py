"""Durations as people write them: a number of seconds, or '20s', '1m30s', '1.5h', '500ms'."""

import math
import re

from schemas.policies import LONGEST_TARGET

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern}\s*)+")

FORM = "seconds as a number, or text such as '20s', '1m30s', '24h' (units ms, s, m, h, d)"


def parse_seconds(value: object) -> float:
    """The duration in seconds. Raises ValueError for anything else; FORM says what is allowed.

    >>> parse_seconds("1m30s"), parse_seconds("24h"), parse_seconds("20"), parse_seconds(0.5)
    (90.0, 86400.0, 20.0, 0.5)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("not a duration")
    if isinstance(value, str):
        text = value.strip().lower()
        if _WHOLE.fullmatch(text):
            return round(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)), 3)
        try:
            value = float(text)
        except ValueError:
            raise ValueError("not a duration") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError("a duration is finite and not negative")
    return float(value)


def parse_promise(value: object) -> float:
    """A promised time in seconds, where 0 and 'none' both mean: nothing is promised (0.0)."""
    if isinstance(value, str) and value.strip().lower() == "none":
        return 0.0
    seconds = parse_seconds(value)
    if seconds > LONGEST_TARGET:
        raise ValueError(f"longer than {LONGEST_TARGET // 86_400} days")
    return seconds
