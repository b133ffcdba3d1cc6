"""A contact whose end was lost is given up a retention after its last event."""

import pytest

from schemas.events import ContactStatusChanged
from schemas.policies import Policies, SlaPolicy, Target
from tests.unit.contact_bench import Floor, created, other, second

DAY = 86_400
RETENTION = 30 * DAY
CARE = SlaPolicy(id="care", targets={"requester_wait": Target(target=200)})


@pytest.mark.parametrize("ticks", [(45 * DAY,), (150, 300, 2 * DAY, 29 * DAY, 31 * DAY, 45 * DAY)])
def test_the_end_of_its_broken_clock_says_the_same_however_the_clock_came_there(ticks: tuple[int, ...]) -> None:
    floor = Floor(policies=Policies(sla=(CARE,)))
    floor.hear(created(0, channel="email"))
    for tick in ticks:
        floor.clock(tick)
    lapsed = floor.said[-1]
    assert (lapsed.transition, lapsed.reason, second(lapsed.due_at)) == ("lapsed", "lost", 200)
    assert (second(lapsed.occurred_at), lapsed.elapsed) == (RETENTION, RETENTION)


@pytest.mark.parametrize("status", ["open", "pending"])
def test_what_its_status_holds_open_is_given_up_after_a_year_without_a_word(status: str) -> None:
    floor = Floor(policies=Policies(sla=(CARE,)))
    floor.hear(created(0, channel="email"), other(ContactStatusChanged, 300, status=status, channel="email"))
    floor.clock(364 * DAY)
    floor.flush()
    assert len(floor.contacts) == 1
    floor.crash()
    floor.clock(366 * DAY)
    floor.flush()
    assert len(floor.contacts) == 0
    assert floor.changelog == {}
    lapsed = floor.said[-1]
    assert (lapsed.transition, lapsed.reason, second(lapsed.occurred_at)) == ("lapsed", "lost", 300 + 365 * DAY)
    assert [n for key, n in floor.clocks.items() if key[5] in ("open", "at_risk", "paused") and n] == []
    assert not floor.customers[-1].open


def test_a_word_in_that_year_begins_it_again() -> None:
    floor = Floor()
    floor.hear(created(0, channel="email"), other(ContactStatusChanged, 1, status="on_hold", channel="email"))
    floor.clock(364 * DAY)
    floor.hear(other(ContactStatusChanged, 364 * DAY, status="open", channel="email"))
    floor.clock(2 * 364 * DAY)
    assert len(floor.contacts) == 1
    floor.clock(2 * 365 * DAY)
    assert len(floor.contacts) == 0
