"""The sections of floorwalker.toml that promise something: [calendars.NAME] and [[policies]].

A version holds from its `effective_from` on; of several policies that fit a contact, the first in the file holds.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from schemas.events import Channel
from schemas.opening_hours import day_hours
from schemas.policies import CalendarMode
from schemas.public_holidays import check_place
from streams.durations import parse_promise
from streams.fields import (
    ID,
    NAME,
    PROMISE,
    VERSION,
    ZONE,
    Hours,
    Misplaced,
    Number,
    Promise,
    Section,
    Version,
    Whole,
    Zone,
    ascending,
    one_or_many,
    words,
)
from streams.toml_lines import Path

ROUND_THE_CLOCK = "24x7"
"""What a target names as its calendar where every hour counts."""

_YEARS = range(1970, 2200)
"""Of instants: those in which calendars are open."""


def _aware(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("not an instant") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("not an instant with its offset from UTC")
    if value.year not in _YEARS:
        raise ValueError(f"not between the years {_YEARS[0]} and {_YEARS[-1]}")
    return value


def _day(value: object) -> object:
    # TOML has dates of its own.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise ValueError("no such date") from None
    raise ValueError("not a date")


def _target(value: object) -> object:
    # A time alone is all of a target that is as the policy says.
    return value if isinstance(value, Mapping | Target) else {"within": parse_promise(value)}


def _place(value: str | None) -> str | None:
    if value:
        check_place(value)
    return value or None


def _hours_of_day(text: str) -> str:
    day_hours(text)
    return text


Moment = Annotated[datetime, BeforeValidator(_aware)]
Day = Annotated[str, BeforeValidator(_day)]
DayHours = Annotated[str, AfterValidator(_hours_of_day)]
Holidays = Annotated[str | None, AfterValidator(_place)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Shares = Annotated[
    tuple[Share, ...], NoDecode, BeforeValidator(one_or_many), AfterValidator(ascending), Field(min_length=1)
]
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], NoDecode, BeforeValidator(words)]

_SHARES = "a share of the promised time, over 0 and under 1, or a list of some"
_FROM = "an instant with its offset from UTC, such as 2026-10-01T00:00:00+02:00"
_DAYS = 'a list of dates, such as ["2026-05-15"]'
_OPEN = 'a table of dates with their hours, such as { "2026-12-24" = "09:00-12:00" }; "" is closed'
_CALENDAR = f"the id of a calendar in [calendars], or '{ROUND_THE_CLOCK}'"
_TARGET = f'{PROMISE}; or a table, such as {{ within = "2h", calendar = "{ROUND_THE_CLOCK}", at_risk = [0.5, 0.8] }}'


class CalendarSection(Section):
    """[calendars.NAME]: the hours that count for promises; several sections of one id are versions of one calendar."""

    id: str | None = Field(default=None, pattern=NAME, description=f"{ID}; left out, that of the section")
    hours: Hours = Field(
        default="Mo-Su 00:00-24:00", description="weekly hours, such as 'Mo-Fr 09:00-12:00, Mo-Fr 13:00-17:00'"
    )
    timezone: Zone | None = Field(default=None, description=f"{ZONE}; left out, that of [service]")
    holidays: Holidays = Field(
        default=None, description="a country, or country and region, such as 'DE' or 'DE-BE'; left out: none"
    )
    closed: Annotated[tuple[Day, ...], NoDecode, BeforeValidator(words)] = Field(default=(), description=_DAYS)
    open: dict[Day, DayHours] = Field(default={}, description=_OPEN)
    version: Version = Field(default=1, description=VERSION)
    effective_from: Moment | None = Field(default=None, description=f"{_FROM}; left out: always")


class Target(Section):
    """What one clock of a policy is to keep."""

    within: Promise = Field(description=PROMISE)
    calendar: str | None = Field(default=None, description=f"{_CALENDAR}; left out, that of the policy")
    at_risk: Shares | None = Field(default=None, description=f"{_SHARES}; left out, that of the policy")


TargetOrTime = Annotated[Target, BeforeValidator(_target)]


class Targets(Section):
    """The clocks of a policy; of one that is left out, nothing is promised."""

    answer_within: TargetOrTime | None = Field(default=None, description=_TARGET)
    first_reply: TargetOrTime | None = Field(default=None, description=_TARGET)
    next_reply: TargetOrTime | None = Field(default=None, description=_TARGET)
    periodic_update: TargetOrTime | None = Field(default=None, description=_TARGET)
    pausable_update: TargetOrTime | None = Field(default=None, description=_TARGET)
    requester_wait: TargetOrTime | None = Field(default=None, description=_TARGET)
    agent_work: TargetOrTime | None = Field(default=None, description=_TARGET)
    total_resolution: TargetOrTime | None = Field(default=None, description=_TARGET)

    def given(self) -> dict[str, Target]:
        """The targets that there are, by clock."""
        return {clock: target for clock in Targets.model_fields if (target := getattr(self, clock)) is not None}


class PolicySection(Section):
    """[[policies]]: what is promised to which contacts; the first that fits holds."""

    id: str = Field(pattern=NAME, description=ID)
    version: Version = Field(default=1, description=VERSION)
    effective_from: Moment | None = Field(default=None, description=f"{_FROM}; left out: always")
    retired: bool = Field(default=False, description="true or false")
    rank: Whole | None = Field(
        default=None, ge=0, le=1_000_000, description="a whole number; left out: ten times its place in the file"
    )
    channels: Annotated[tuple[Channel, ...], NoDecode, BeforeValidator(words)] = Field(
        default=(), description="a list of 'email', 'chat', 'phone', 'social'; left out: any"
    )
    queues: Texts = Field(default=(), description="a list of queues; left out: any")
    priorities: Texts = Field(default=(), description="a list of priorities; left out: any")
    segments: Texts = Field(default=(), description="a list of customer segments; left out: any")
    tags: Texts = Field(default=(), description="a list of tags, one of which is enough; left out: any")
    languages: Texts = Field(default=(), description="a list of languages; left out: any")
    calendar: str = Field(default=ROUND_THE_CLOCK, description=_CALENDAR)
    calendar_mode: CalendarMode = Field(
        default="piecewise", description="'piecewise', 'at_status_change', 'last_schedule' or 'first_schedule'"
    )
    at_risk: Shares = Field(default=(0.8,), description=_SHARES)
    targets: Targets = Field(default=Targets(), description="a table of clocks, each with its time")


Policies = tuple[PolicySection, ...]
Calendars = dict[Annotated[str, Field(pattern=NAME)], CalendarSection]

_Placed = tuple[Path, CalendarSection | PolicySection]
"""A version and where it stands."""


def id_of(name: str, calendar: CalendarSection) -> str:
    """The id of the calendar that [calendars.`name`] is a version of."""
    return calendar.id or name


def check_promises(calendars: Mapping[str, CalendarSection], policies: Policies) -> None:
    """Raises Misplaced where policies and calendars do not fit each other."""
    by_id: dict[str, list[_Placed]] = {}
    for name, calendar in calendars.items():
        by_id.setdefault(id_of(name, calendar), []).append((("calendars", name), calendar))
    if ROUND_THE_CLOCK in by_id:
        place, version = by_id[ROUND_THE_CLOCK][0]
        raise Misplaced(
            place if version.id is None else (*place, "id"),
            "every hour of every day is there already: give this one another name",
        )
    for number, policy in enumerate(policies):
        _check_calendar(("policies", number, "calendar"), policy.calendar, by_id)
        for clock, target in policy.targets.given().items():
            if target.calendar is not None:
                _check_calendar(("policies", number, "targets", clock, "calendar"), target.calendar, by_id)
    for id_, versions in by_id.items():
        _check_versions(f"calendar {id_!r}", versions)
    for id_ in dict.fromkeys(policy.id for policy in policies):
        placed: list[_Placed] = [(("policies", place), each) for place, each in enumerate(policies) if each.id == id_]
        _check_versions(f"policy {id_!r}", placed)


def _check_calendar(place: Path, id_: str, calendars: Iterable[str]) -> None:
    known = (*calendars, ROUND_THE_CLOCK)
    if id_ not in known:
        raise Misplaced(place, f"there is no [calendars.{id_}]; there is: {', '.join(map(repr, known))}")


def _check_versions(what: str, versions: list[_Placed]) -> None:
    """Versions of one id are told apart by their number, and a later one holds from a later instant."""
    for (_, earlier), (place, later) in pairwise(sorted(versions, key=lambda each: each[1].version)):
        if earlier.version == later.version:
            raise Misplaced(
                (*place, "version"),
                f"version {later.version} of {what} is there twice: give this one another version, or another id",
            )
        begins = earlier.effective_from
        if later.effective_from is None or (begins is not None and later.effective_from <= begins):
            since = f"later than {begins.isoformat()}" if begins else "an instant"
            raise Misplaced(
                (*place, "effective_from"),
                f"version {later.version} of {what} comes after version {earlier.version}: say from when it holds, "
                f"{since}",
            )
