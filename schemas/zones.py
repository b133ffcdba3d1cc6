"""Time zones by name."""

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_of(name: str) -> ZoneInfo:
    """A time zone of the tz database. Raises ValueError with the nearest name where there is none such."""
    if name != "UTC" and name not in _names():
        close = get_close_matches(name, sorted(_names()), n=1)
        raise ValueError(f"no such time zone, did you mean {close[0]!r}?" if close else "no such time zone")
    return ZoneInfo(name)
