"""Endpoint: what is promised to whom, and when it counts: policies and calendars, every version."""

import asyncio
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from itertools import groupby
from threading import Lock
from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from schemas import policy_words
from schemas.calendars import BadCalendar, Calendar
from schemas.instants import Instant, from_ms, to_ms
from schemas.policies import CalendarMode, CalendarTerms, ClockName, Filter, SlaPolicy, Target
from schemas.versions import State, Teller, Version, versions, waits_for
from streams.outlets.gateway.access import needs
from streams.outlets.gateway.desk import Desk, answer, answers
from streams.outlets.gateway.paging import page_of

OPENINGS = 3
"""Next openings of a calendar that are told."""

_RANKS = 1 << 63
"""Makes ranks, which may be negative, sort as texts."""

T = TypeVar("T", SlaPolicy, CalendarTerms)


class Hours(msgspec.Struct, frozen=True):
    """One time in which a calendar is open. `closes_at` null: it never closes again."""

    opens_at: Instant
    closes_at: Instant | None


class PolicyNow(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", tag="policy"):
    """One version of a policy. `state`: in_force (holds now), coming, past, retired (there is none from this version
    on), contradicted (the topic says something else under this number). `told_by`: where it is said. `waiting_for`: ids
    of calendars that it names and nobody has defined: until then it promises nothing by them. `whom`, `what`: in words.
    `targets`: by clock, in seconds, 0: nothing is promised."""

    id: str
    version: int
    state: State
    told_by: tuple[Teller, ...]
    waiting_for: tuple[str, ...]
    effective_from: Instant | None
    rank: int
    whom: str
    what: str
    applies: Filter
    targets: dict[ClockName, Target]
    calendar_mode: CalendarMode


class CalendarNow(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", tag="calendar"):
    """One version of a calendar. `state`, `told_by`: as of a policy. `when`: in words. `terms`: as they are said.
    `is_open`: now. `closes_at`: if it is open; null where it never closes. `next_openings`: after now. `fault`: why it
    is no calendar, and then nothing is known of its hours."""

    id: str
    version: int
    state: State
    told_by: tuple[Teller, ...]
    effective_from: Instant | None
    when: str
    terms: CalendarTerms
    is_open: bool | None
    closes_at: Instant | None
    next_openings: list[Hours]
    fault: str | None


class Policies(msgspec.Struct, frozen=True):
    """A page of versions: calendars by id, then policies in the order in which they are tried. `next`: the cursor of
    the next page, null on the last."""

    items: list[PolicyNow | CalendarNow]
    next: str | None


def register(app: FastAPI, desk: Desk) -> None:
    """Add it."""

    @app.get("/api/v1/policies", operation_id="listPolicies", tags=["promises"], responses=answers(app, Policies))
    @needs("viewer")
    async def policies(
        kind: Annotated[Literal["policy", "calendar"] | None, Query(description="of this kind")] = None,
        state: Annotated[State | None, Query(description="in this state")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        """Every version of the SLA policies and calendars of the settings and of the topic `policies`, and how each
        stands now. What single queues promise by [sla] and [queues] is not among them."""
        desk.check_read()
        at = from_ms(desk.clock())
        found = [
            (key, make)
            for key, version_state, make in _all(desk, at)
            if kind in (None, key[0]) and state in (None, version_state)
        ]
        page, following = page_of(found, lambda each: each[0], limit, cursor, {"kind": kind, "state": state})
        return answer(Policies(await asyncio.to_thread(_made, page), following))


_reckoning = Lock()
"""Whoever has it reckons with calendars: it takes milliseconds for each that is new, and what they find they keep."""


def _made(
    page: Sequence[tuple[tuple[str, ...], Callable[[], PolicyNow | CalendarNow]]],
) -> list[PolicyNow | CalendarNow]:
    with _reckoning:
        return [make() for _, make in page]


Entry = tuple[tuple[str, ...], State, Callable[[], PolicyNow | CalendarNow]]


def _all(desk: Desk, at: datetime) -> Iterable[Entry]:
    """Every version: its key, its state, and what makes the answer of it."""
    published = desk.picture.published
    defined = {*published.calendars, *(each.id for each in desk.promised.calendars)}
    for policy in _versions(desk.promised.sla, published.policies, at):
        terms = policy.terms
        rank = f"{terms.rank + _RANKS:020d}"
        yield ("policy", rank, *_name(policy)), policy.state, partial(_policy, policy, defined)
    for calendar in _versions(desk.promised.calendars, published.calendars, at):
        yield ("calendar", "", *_name(calendar)), calendar.state, partial(_calendar, calendar, to_ms(at))


def _versions(told: Sequence[T], published: dict[str, tuple[T, ...]], at: datetime) -> Iterable[Version[T]]:
    here: dict[str, list[T]] = {name: list(each) for name, each in groupby(sorted(told, key=_id), key=_id)}
    for name in {*here, *published}:
        yield from versions(here.get(name, ()), published.get(name, ()), at)


def _id(terms: SlaPolicy | CalendarTerms) -> str:
    return terms.id


def _name(version: Version[T]) -> tuple[str, ...]:
    return version.terms.id, f"{version.terms.version:020d}", *version.told_by


def _policy(version: Version[SlaPolicy], calendars: Container[str]) -> PolicyNow:
    terms = version.terms
    return PolicyNow(
        id=terms.id,
        version=terms.version,
        state=version.state,
        told_by=version.told_by,
        waiting_for=waits_for(version, calendars),
        effective_from=terms.effective_from,
        rank=terms.rank,
        whom=policy_words.whom(terms.applies),
        what=policy_words.what(terms),
        applies=terms.applies,
        targets=terms.targets,
        calendar_mode=terms.calendar_mode,
    )


def _calendar(version: Version[CalendarTerms], at: int) -> CalendarNow:
    terms = version.terms
    calendar, fault = _calendar_of(msgspec.json.encode(terms))
    return CalendarNow(
        id=terms.id,
        version=terms.version,
        state=version.state,
        told_by=version.told_by,
        effective_from=terms.effective_from,
        when=policy_words.when(terms),
        terms=terms,
        is_open=None if calendar is None else calendar.is_open(at),
        closes_at=None if calendar is None else _instant(calendar.closes_at(at)),
        next_openings=[] if calendar is None else _openings(calendar, at),
        fault=fault,
    )


@lru_cache(maxsize=256)
def _calendar_of(terms: bytes) -> tuple[Calendar | None, str | None]:
    # What it has reckoned once it knows: a new one would begin anew with every request.
    try:
        return Calendar(msgspec.json.decode(terms, type=CalendarTerms)), None
    except BadCalendar as bad:
        return None, str(bad)


def _openings(calendar: Calendar, at: int) -> list[Hours]:
    found: list[Hours] = []
    while len(found) < OPENINGS and (opens := calendar.opens_at(at)) is not None:
        found.append(Hours(from_ms(opens), _instant(calendar.closes_at(opens))))
        at = opens
    return found


def _instant(at: int | None) -> datetime | None:
    return None if at is None else from_ms(at)
