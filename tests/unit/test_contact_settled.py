"""When a contact is settled, given up and forgotten: at instants that its events say, wherever its task restarted."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import AnyEvent, ContactStatusChanged, MessagePosted
from schemas.instants import DAY, to_ms
from schemas.policies import Policies, QueuePolicy, SlaPolicy, Target
from tests.unit.contact_bench import Floor, at, created, ended, offered, other
from tests.unit.test_contact_clock_order import drop_zeros
from tests.unit.test_contact_restarts import any_day, lived

DAYS = DAY // 1000
CARE = SlaPolicy(id="care", targets={"first_reply": Target(target=600), "next_reply": Target(target=600)})


def wrote(second: float, author: str) -> AnyEvent:
    return other(MessagePosted, second, channel="chat", author=author, id=f"{author} {second:g}")


def status(second: float, name: str) -> AnyEvent:
    return other(ContactStatusChanged, second, status=name, channel="chat", id=f"{name} {second:g}")


STORIES: dict[str, list[AnyEvent]] = {
    "solved": [wrote(1, "customer"), wrote(60, "agent"), status(120, "solved")],
    "lost": [wrote(1, "customer"), wrote(60, "agent")],
    "ended": [wrote(1, "customer"), wrote(60, "agent"), ended(120, channel="chat")],
    "closed later": [wrote(1, "customer"), status(120, "solved"), status(3.4 * DAYS, "closed")],
    "closed, told late": [wrote(1, "customer"), status(5 * DAYS, "open"), status(5.3 * DAYS, "closed")],
}


def kept(name: str, restarts: list[float]) -> list[tuple[float, int, bool]]:
    """What is kept of a story: at every hour of a month whether it is there, and settled, where that changes."""
    floor = Floor(policies=Policies(default=QueuePolicy(answer_within=None), sla=(CARE,)))
    told = [created(0, channel="chat"), *STORIES[name]]
    late = {"closed, told late": 0.5}.get(name, 0.0)
    found: list[tuple[float, int, bool]] = []
    for hour in range(24 * 64):
        day = hour / 24
        while told and (to_ms(told[0].time) - at(0)) / DAY + late <= day:
            floor.hear(told.pop(0))
        floor.clock(day * DAYS)
        if day in restarts:
            floor.flush()
            floor.crash()
        contact = floor.contacts.contact("c1")
        now = (len(floor.contacts), contact is not None and not contact.log)
        if not found or found[-1][1:] != now:
            found.append((day, *now))
    return found


@pytest.mark.parametrize("name", STORIES)
def test_when_a_contact_is_settled_and_forgotten_does_not_hang_on_restarts(name: str) -> None:
    plain = kept(name, [])
    assert plain[-1][1:] == (0, False)
    for restarts in ([0.5], [3.0, 10.5], [1.25, 5.5, 6.0, 29.75]):
        assert kept(name, restarts) == plain


def test_what_is_solved_may_be_opened_again_for_the_retention_and_not_longer() -> None:
    assert [(round(day - 30, 1), n) for day, n, _ in kept("solved", [])][1:] == [(0.0, 0)]


def test_what_is_closed_after_it_was_solved_is_settled_a_window_later() -> None:
    assert [(round(day, 1), n, settled) for day, n, settled in kept("closed later", [])][1:] == [
        (4.4, 1, True),
        (33.4, 0, False),
    ]


def test_an_end_that_is_told_late_settles_at_once_what_is_over_for_long() -> None:
    floor = Floor()
    floor.hear(offered(0, channel="chat"))
    floor.clock(2.6 * DAYS)
    floor.hear(ended(1.2 * DAYS, channel="chat"))
    floor.clock(2.61 * DAYS)
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert not contact.log


def test_a_contact_that_went_on_after_it_was_settled_is_settled_again_a_window_later() -> None:
    floor = Floor()
    floor.hear(offered(0, channel="chat"), ended(10, channel="chat"))
    floor.clock(2 * DAYS)
    floor.hear(offered(2 * DAYS, channel="chat"), ended(2 * DAYS + 10, channel="chat"))
    floor.clock(3.1 * DAYS)
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert (contact.log, contact.settled) == (b"", at(2 * DAYS + 10))


@settings(max_examples=60)
@given(any_day(), st.sampled_from((0, 4_000)), st.randoms(use_true_random=False))
def test_a_task_that_restarts_settles_in_the_midst_of_a_day_what_one_does_that_does_not(
    day: list[tuple[str, Any]], grace: int, chance: random.Random
) -> None:
    def floor() -> Floor:
        return Floor(policies=Policies(sla=(CARE,)), grace=grace, window=40_000, retention=120_000)

    plain, restarted = lived(floor(), day, None), lived(floor(), day, chance)
    assert {one.id for one in restarted.said} == {one.id for one in plain.said}
    assert {one.contact: one for one in restarted.customers} == {one.contact: one for one in plain.customers}
    assert restarted.failed == plain.failed
    assert drop_zeros(restarted.clocks) == drop_zeros(plain.clocks)
    assert drop_zeros(restarted.facts) == drop_zeros(plain.facts)
