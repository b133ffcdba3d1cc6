"""Versions of a policy or a calendar: which of them holds when, and what a new one may say. Pure."""

from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

from schemas.policies import CalendarTerms, SlaPolicy
from schemas.policy_checks import awaited

T = TypeVar("T", SlaPolicy, CalendarTerms)

State = Literal["in_force", "coming", "past", "retired", "contradicted"]
"""in_force: holds now. coming: will. past: a later version has taken its place. retired: from this version on there is
no such policy. contradicted: the topic says something else under the same number, and one of them is to get another."""

Teller = Literal["settings", "topic"]


class Contradicted(ValueError):
    """A version that may not stand behind those that are published; the message says why, and what to do."""


class Version(NamedTuple, Generic[T]):
    """One version as it stands at an instant. `told_by`: where it is said."""

    terms: T
    told_by: tuple[Teller, ...]
    state: State


def waits_for(version: Version[SlaPolicy], calendars: Container[str]) -> tuple[str, ...]:
    """The ids of calendars that a policy of today or to come names and that nobody has defined. `calendars`: those that
    somebody has."""
    return awaited(version.terms, calendars) if version.state in ("in_force", "coming") else ()


def same(told: T, published: T) -> bool:
    """Whether both say the same. What is told without an instant holds from whenever it was published."""
    return not differences(told, published)


def differences(told: T, published: T) -> list[str]:
    """The fields in which what is told differs from what is published."""
    return [
        name
        for name in told.__struct_fields__
        if getattr(told, name) != getattr(published, name)
        and not (name == "effective_from" and told.effective_from is None)
    ]


def versions(told: Sequence[T], published: Sequence[T], at: datetime) -> list[Version[T]]:
    """All versions of one id, ascending, as they stand at an instant. `told`: by the settings."""
    known = {each.version: each for each in published}
    unpublished = (each for each in told if each.version not in known)
    newest = max((each.version for each in chain(unpublished, published) if _begun(each, at)), default=None)
    found = []
    for terms in published:
        agreed = any(each.version == terms.version and same(each, terms) for each in told)
        tellers: tuple[Teller, ...] = ("settings", "topic") if agreed else ("topic",)
        found.append(Version(terms, tellers, _state(terms, at, newest)))
    for terms in told:
        if terms.version not in known:
            found.append(Version(terms, ("settings",), _state(terms, at, newest)))
        elif not same(terms, known[terms.version]):
            found.append(Version(terms, ("settings",), "contradicted"))
    return sorted(found, key=lambda each: (each.terms.version, each.told_by))


def appended(name: str, published: Sequence[T], told: Iterable[T], at: datetime) -> tuple[T, ...]:
    """What is published, and behind it the versions told that are new; raises Contradicted.

    A second version that does not say from when it holds does so from `at`. `name`: what it is called in words.
    """
    kept = list(published)
    for terms in sorted(told, key=lambda each: each.version):
        known = next((each for each in kept if each.version == terms.version), None)
        if known is None:
            kept.append(_behind(name, kept[-1], terms, at) if kept else terms)
        elif changed := differences(terms, known):
            raise Contradicted(
                f"{name}, version {terms.version}, is published with another {', '.join(changed)}: give what is said "
                f"now the version {kept[-1].version + 1}"
            )
    return tuple(kept)


def retired(policy: SlaPolicy, at: datetime) -> SlaPolicy:
    """The version that ends a policy."""
    return msgspec.structs.replace(policy, version=policy.version + 1, effective_from=at, retired=True)


def _behind(name: str, last: T, terms: T, at: datetime) -> T:
    if terms.version < last.version:
        raise Contradicted(
            f"{name}, version {terms.version}, is older than version {last.version}, which is published: what is "
            f"published stays; give what is to hold the version {last.version + 1}"
        )
    begins = at if terms.effective_from is None else terms.effective_from
    if last.effective_from is not None and begins <= last.effective_from:
        raise Contradicted(
            f"{name}, version {terms.version}, would hold from {instant(begins)}, and version {last.version} from "
            f"{instant(last.effective_from)}: a later version holds from a later instant; give it one"
        )
    return msgspec.structs.replace(terms, effective_from=begins)


def instant(at: datetime) -> str:
    """An instant as people read it: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _begun(terms: SlaPolicy | CalendarTerms, at: datetime) -> bool:
    return terms.effective_from is None or terms.effective_from <= at


def _state(terms: SlaPolicy | CalendarTerms, at: datetime, newest: int | None) -> State:
    if not _begun(terms, at):
        return "coming"
    if terms.version != newest:
        return "past"
    return "retired" if isinstance(terms, SlaPolicy) and terms.retired else "in_force"
