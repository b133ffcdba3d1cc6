"""Policies and calendars in words, on one line each. Pure."""

from schemas.policies import CalendarTerms, Filter, SlaPolicy, Target

_KINDS = (
    ("channel", "channels"),
    ("queue", "queues"),
    ("priority", "priorities"),
    ("segment", "segments"),
    ("tag", "tags"),
    ("language", "languages"),
)


def whom(applies: Filter) -> str:
    """Which contacts a policy is for.

    >>> whom(Filter(channels=("email",), queues=("sales", "service")))
    'channel email, queue sales or service'
    """
    parts = [f"{word} {' or '.join(names)}" for word, field in _KINDS if (names := getattr(applies, field))]
    return ", ".join(parts) or "every contact"


def what(policy: SlaPolicy) -> str:
    """What a policy promises, clock by clock."""
    if policy.retired:
        return "nothing any more"
    return ", ".join(f"{clock} {_target(target)}" for clock, target in policy.targets.items()) or "nothing"


def when(terms: CalendarTerms) -> str:
    """When a calendar is open."""
    parts = [f"{terms.hours} ({terms.timezone})"]
    if terms.holidays is not None:
        parts.append(f"closed on public holidays of {terms.holidays}")
    if terms.closed:
        parts.append(f"closed on {', '.join(terms.closed)}")
    parts += [f"on {day} {hours or 'closed'}" for day, hours in sorted(terms.open.items())]
    return "; ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as people write them.

    >>> duration(5400), duration(90), duration(0.5)
    ('1h30m', '1m30s', '0.5s')
    """
    hours, rest = divmod(seconds, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{value:g}{unit}" for value, unit in parts if value) or "0s"


def _target(target: Target) -> str:
    if not target.target:
        return "none"
    return duration(target.target) + (f" of {target.calendar}" if target.calendar else "")
