"""Published policies that name a calendar which nobody has defined: told and counted, once a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents.registry.agent import tell_of_waiting
from agents.registry.promises import Promises
from schemas.policies import CalendarRecord, CalendarTerms, PolicyRecord, SlaPolicy, Target, encode_policy

Told = list[tuple[str, int, tuple[str, ...]]]


def gold(version: int, calendar: str | None = "night", **more: Any) -> SlaPolicy:
    target = Target(target=60.0 * version, calendar=calendar)
    return SlaPolicy(id="gold", version=version, targets={"first_reply": target}, **more)


def promises(*settings: str, told: Told) -> Promises:
    def waits(policy: SlaPolicy, calendars: Sequence[str]) -> None:
        told.append((policy.id, policy.version, tuple(calendars)))

    return Promises(settings, waits)


def take(desk: Promises, *versions: SlaPolicy) -> bytes | None:
    return desk.take(b"policy:gold", encode_policy(PolicyRecord(id="gold", versions=versions)))


def define(desk: Promises, name: str) -> None:
    desk.take(f"calendar:{name}".encode(), encode_policy(CalendarRecord(id=name, versions=(CalendarTerms(id=name),))))


def test_each_version_that_waits_is_told_once_and_passed_on_all_the_same() -> None:
    told: Told = []
    desk = promises("office", told=told)
    assert take(desk, gold(1)) is not None
    assert take(desk, gold(1)) is None
    assert told == [("gold", 1, ("night",))]
    take(desk, gold(1), gold(2), gold(3, "office"), gold(4, None), gold(5, retired=True))
    assert told == [("gold", 1, ("night",)), ("gold", 2, ("night",))]


def test_a_calendar_of_the_topic_is_not_waited_for_nor_after_a_restart() -> None:
    told: Told = []
    desk = promises(told=told)
    define(desk, "night")
    take(desk, gold(1))
    again = promises(told=told)
    for key, value in desk.changes():
        assert again.restore(key, value)
    take(again, gold(1), gold(2))
    assert told == []


def test_a_policy_does_not_pass_for_a_calendar_of_its_name() -> None:
    told: Told = []
    desk = promises(told=told)
    take(desk, gold(1, "gold"))
    assert told == [("gold", 1, ("gold",))]


def test_it_is_counted_and_logged_with_what_to_do() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("floorwalker_policies_waiting_total") or 0.0

    before = counted()
    with capture_logs() as logged:
        tell_of_waiting(gold(2), ("night",))
    assert counted() - before == 1
    (line,) = logged
    assert (line["event"], line["log_level"]) == ("policies.waiting", "warning")
    assert (line["policy"], line["version"], line["calendars"]) == ("gold", 2, ["night"])
    assert "publish them, or put them into the settings of all workers" in line["hint"]
