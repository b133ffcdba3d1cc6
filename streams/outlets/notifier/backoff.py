"""When a message is tried again."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DELAYS = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds after the first try, the second ...; the last one from then on."""

SPREAD = 0.2
"""Share by which a delay may be longer or shorter, so that many do not come back at the same instant."""

LONGEST_WISH = 3_600.0
"""Seconds up to which a receiver's wish to be left alone is honoured: a slip there must not silence it for good."""

GIVE_UP_MS = 24 * 3_600_000
"""After so long in the outbox a message has failed."""


def delay_ms(attempts: int, chance: float, retry_after: float | None = None) -> int:
    """How long to wait after so many tries (from 1). `chance`: 0 to 1; `retry_after`: what the receiver asked for.

    >>> [delay_ms(attempts, 0.5) for attempts in (1, 2, 3, 4, 5, 6, 99)]
    [1000, 2000, 5000, 15000, 60000, 300000, 300000]
    >>> delay_ms(1, 0.0), delay_ms(1, 1.0), delay_ms(1, 0.0, retry_after=30), delay_ms(1, 0.0, retry_after=1e9)
    (800, 1200, 30000, 3600000)
    """
    delay = DELAYS[min(attempts, len(DELAYS)) - 1] * (1 + SPREAD * (2 * chance - 1))
    return round(max(delay, min(retry_after or 0.0, LONGEST_WISH)) * 1_000)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or an HTTP date; None for anything else.

    >>> retry_after("7", datetime(2026, 11, 22, tzinfo=UTC)), retry_after("soon", datetime(2026, 11, 22, tzinfo=UTC))
    (7.0, None)
    >>> retry_after("Sun, 22 Nov 2026 00:01:00 GMT", datetime(2026, 11, 22, tzinfo=UTC))
    60.0
    >>> retry_after("Sun, 22 Nov 99999999999999999999 00:01:00 GMT", datetime(2026, 11, 22, tzinfo=UTC))
    """
    text = (header or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
