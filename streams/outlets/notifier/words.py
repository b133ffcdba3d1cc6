"""Durations, instants and shares as they stand in messages."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_CONTROL = re.compile(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]+\s*")


def duration(seconds: float) -> str:
    """A duration in its two largest units.

    >>> duration(8.4), duration(161), duration(240), duration(3_900), duration(180_000)
    ('8 s', '2 min 41 s', '4 min', '1 h 5 min', '2 d 2 h')
    """
    whole = max(0, round(seconds))
    for size, unit, less, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // less
            return f"{whole // size} {unit} {rest} {small}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def instant(at: datetime, zone: ZoneInfo, now: datetime, *, exact: bool = False) -> str:
    """Local time with its zone; with the date where that is not today's. `exact`: with seconds."""
    local = at.astimezone(zone)
    clock = f"{local:%H:%M:%S}" if exact else f"{local:%H:%M}"
    day = "" if local.date() == now.astimezone(zone).date() else f"{local.day} {local:%b} "
    return f"{day}{clock} {local.tzname()}"


def share(value: float) -> str:
    """A fraction in per cent.

    >>> share(0.621), share(1.0)
    ('62 %', '100 %')
    """
    return f"{value * 100:.0f} %"


def number(value: float) -> str:
    """A number with a decimal only where it has one.

    >>> number(20.0), number(7.5)
    ('20', '7.5')
    """
    return f"{value:.1f}".removesuffix(".0")


def one_line(text: str, most: int) -> str:
    """Text without line breaks and control characters, cut at so many characters.

    >>> one_line("a\\r\\nBcc: b", 7)
    'a Bcc:…'
    """
    plain = _CONTROL.sub(" ", text).strip()
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
