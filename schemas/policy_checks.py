"""What a policy and a calendar have to be before anything is promised by them. Pure."""

from collections.abc import Container
from functools import lru_cache

import msgspec

from schemas.calendars import Calendar
from schemas.policies import LONGEST_TARGET, CalendarTerms, SlaPolicy


def check(policy: SlaPolicy) -> None:
    """Raises ValueError for a policy with a target that cannot be kept account of: which clock, and what is wrong."""
    for clock, target in policy.targets.items():
        shares = target.at_risk
        ascends = list(shares) == sorted(set(shares)) and all(0 < share <= 1 for share in shares)
        if not 0 <= target.target <= LONGEST_TARGET or not ascends:
            raise ValueError(
                f"policy {policy.id!r} version {policy.version}, clock {clock}: a target is 0 to {LONGEST_TARGET} "
                f"seconds and its at_risk shares ascend, above 0 and at most 1, not {target.target} and {shares}"
            )


def awaited(policy: SlaPolicy, calendars: Container[str]) -> tuple[str, ...]:
    """The ids of calendars that a version names and that are not among those defined, `calendars`: until they are, it
    promises nothing by them."""
    if policy.retired:
        return ()
    named = (target.calendar for target in policy.targets.values() if target.target)
    return tuple(dict.fromkeys(name for name in named if name is not None and name not in calendars))


def checked_calendar(terms: CalendarTerms) -> Calendar:
    """The calendar of these terms. Raises ValueError for terms that say none."""
    return _calendar(_encoded(terms))


@lru_cache(maxsize=256)
def _calendar(encoded: bytes) -> Calendar:
    """What a calendar has worked out serves every book that has it."""
    terms = _decoded(encoded)
    try:
        return Calendar(terms)
    except ValueError as error:
        raise ValueError(f"calendar {terms.id!r} version {terms.version}: {error}") from error


_encoded = msgspec.msgpack.Encoder().encode
_decoded = msgspec.msgpack.Decoder(CalendarTerms).decode
