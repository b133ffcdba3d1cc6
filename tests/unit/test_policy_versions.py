"""Versions of policies: which holds when, what may be published behind what, and how they are said in words."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from schemas import policy_words
from schemas.instants import from_ms
from schemas.policies import (
    CalendarRecord,
    CalendarTerms,
    ClockName,
    Filter,
    PolicyRecord,
    SlaPolicy,
    Target,
    decode_policy,
    encode_policy,
)
from schemas.policy_checks import awaited
from schemas.unreadable import UNREADABLE
from schemas.versions import Contradicted, appended, retired, versions, waits_for
from streams.policy_topic import Published, key_of

NOW = from_ms(1_790_000_000_000)
HOUR = timedelta(hours=1)


def policy(version: int, begins: datetime | None = None, hours: int = 4, *, over: bool = False) -> SlaPolicy:
    targets = {} if over else {"first_reply": Target(target=hours * 3_600.0, calendar="office")}
    return SlaPolicy(id="gold", version=version, effective_from=begins, retired=over, targets=targets)  # type: ignore[arg-type]


def states(*known: SlaPolicy, told: tuple[SlaPolicy, ...] = ()) -> list[tuple[int, tuple[str, ...], str]]:
    return [(each.terms.version, each.told_by, each.state) for each in versions(told, known, NOW)]


def test_the_latest_version_that_has_begun_holds() -> None:
    assert states(policy(1), policy(2, NOW), policy(3, NOW + HOUR)) == [
        (1, ("topic",), "past"), (2, ("topic",), "in_force"), (3, ("topic",), "coming"),
    ]  # fmt: skip


def test_a_policy_is_retired_from_that_version_on() -> None:
    assert [state for _, _, state in states(policy(1), policy(2, NOW - HOUR, over=True))] == ["past", "retired"]
    assert [state for _, _, state in states(policy(1), policy(2, NOW + HOUR, over=True))] == ["in_force", "coming"]


def test_what_settings_and_topic_say_alike_is_one_version() -> None:
    assert states(policy(1, NOW - HOUR), told=(policy(1),)) == [(1, ("settings", "topic"), "in_force")]


def test_of_two_that_say_different_things_under_one_number_the_published_holds() -> None:
    assert states(policy(1), told=(policy(1, hours=5),)) == [
        (1, ("settings",), "contradicted"), (1, ("topic",), "in_force"),
    ]  # fmt: skip


def test_a_version_to_come_leaves_the_one_before_in_force_whatever_the_settings_say_under_its_number() -> None:
    known = policy(1), policy(2, NOW + HOUR)
    assert states(*known, told=(policy(2),)) == [(1, ("topic",), "in_force"), (2, ("settings", "topic"), "coming")]
    assert states(*known, told=(policy(2, NOW),)) == [
        (1, ("topic",), "in_force"), (2, ("settings",), "contradicted"), (2, ("topic",), "coming"),
    ]  # fmt: skip


def test_settings_alone_hold_where_nothing_is_published() -> None:
    assert states(told=(policy(2, NOW + HOUR), policy(1))) == [
        (1, ("settings",), "in_force"), (2, ("settings",), "coming"),
    ]  # fmt: skip


def test_publishing_appends_what_is_new_and_nothing_twice() -> None:
    first = appended("policy 'gold'", (), [policy(1)], NOW)
    assert first == (policy(1),)
    both = appended("policy 'gold'", first, [policy(1), policy(2, NOW + HOUR)], NOW)
    assert both == (policy(1), policy(2, NOW + HOUR))
    assert appended("policy 'gold'", both, [policy(1), policy(2, NOW + HOUR)], NOW + HOUR) == both


def test_a_second_version_without_an_instant_holds_from_when_it_was_published() -> None:
    both = appended("policy 'gold'", (policy(1),), [policy(2)], NOW)
    assert both[-1].effective_from == NOW
    assert appended("policy 'gold'", both, [policy(2)], NOW + HOUR) == both


def test_a_version_of_today_or_to_come_waits_for_the_calendars_that_nobody_has() -> None:
    told = versions((policy(1), policy(2, NOW), policy(3, NOW + HOUR), policy(4, NOW + 2 * HOUR, over=True)), (), NOW)
    waiting = [waits_for(each, {"night"}) for each in told]
    assert waiting == [(), ("office",), ("office",), ()]
    assert [waits_for(each, {"office"}) for each in told] == [(), (), (), ()]


def test_a_target_that_promises_nothing_waits_for_no_calendar_and_one_named_twice_is_waited_for_once() -> None:
    nothing, some = Target(target=0, calendar="never"), Target(target=60, calendar="office")
    targets: dict[ClockName, Target] = {"answer_within": nothing, "first_reply": some, "next_reply": some}
    assert awaited(SlaPolicy(id="gold", targets=targets), ()) == ("office",)
    assert awaited(SlaPolicy(id="gold", targets=targets, retired=True), ()) == ()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (policy(2, hours=5), "version 2, is published with another targets: give what is said now the version 3"),
        (policy(1), "version 1, is older than version 2"),
        (policy(3, NOW - HOUR), "a later version holds from a later instant"),
    ],
)
def test_a_version_that_would_change_what_is_published_is_refused(told: SlaPolicy, words: str) -> None:
    with pytest.raises(Contradicted, match=words):
        appended("policy 'gold'", (policy(2, NOW),), [told], NOW)


def test_a_retired_policy_keeps_its_terms_under_the_next_number() -> None:
    assert retired(policy(4), NOW) == msgspec.structs.replace(policy(4), version=5, effective_from=NOW, retired=True)


def test_calendars_have_versions_too() -> None:
    [old, new] = versions((), (CalendarTerms(id="c"), CalendarTerms(id="c", version=2, effective_from=NOW)), NOW)
    assert (old.state, new.state) == ("past", "in_force")


def test_the_topic_is_read_by_kind_and_id_and_a_tombstone_takes_away() -> None:
    published = Published()
    for record in (
        PolicyRecord(id="gold", versions=(policy(2, NOW), policy(1))),
        CalendarRecord(id="office", versions=(CalendarTerms(id="office"),)),
    ):
        assert decode_policy(encode_policy(record)) == record
        published.take(key_of(record), encode_policy(record))
    assert published.policies == {"gold": (policy(1), policy(2, NOW))}
    assert published.calendars == {"office": (CalendarTerms(id="office"),)}
    published.take(b"calendar:office", None)
    assert published.calendars == {}


def test_a_record_that_cannot_be_read_is_remembered_until_a_better_one_comes() -> None:
    published = Published()
    with pytest.raises(UNREADABLE):
        published.take(b"policy:gold", b"{}")
    assert published.unreadable == {"policy:gold"}
    published.take(b"policy:gold", encode_policy(PolicyRecord(id="gold", versions=(policy(1),))))
    assert (published.unreadable, published.policies) == (set(), {"gold": (policy(1),)})


def test_policies_and_calendars_are_said_in_words() -> None:
    assert policy_words.whom(Filter()) == "every contact"
    assert policy_words.whom(Filter(channels=("email", "chat"), tags=("vip",))) == "channel email or chat, tag vip"
    assert policy_words.what(policy(1)) == "first_reply 4h of office"
    assert policy_words.what(policy(1, over=True)) == "nothing any more"
    assert policy_words.what(SlaPolicy(id="a", targets={"answer_within": Target(target=0)})) == "answer_within none"
    terms = CalendarTerms(
        id="c", hours="Mo-Fr 09:00-17:00", timezone="Europe/Berlin", holidays="DE", closed=("2026-05-15",),
        open={"2026-12-24": "09:00-12:00", "2026-12-27": ""},
    )  # fmt: skip
    assert policy_words.when(terms) == (
        "Mo-Fr 09:00-17:00 (Europe/Berlin); closed on public holidays of DE; closed on 2026-05-15; "
        "on 2026-12-24 09:00-12:00; on 2026-12-27 closed"
    )
    assert [policy_words.duration(each) for each in (0.5, 90, 5_400, 90_000, 0)] == [
        "0.5s",
        "1m30s",
        "1h30m",
        "25h",
        "0s",
    ]
