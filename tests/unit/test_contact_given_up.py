"""A contact whose end was lost is given up a retention after its last event."""

import pytest

from schemas.policies import Policies, SlaPolicy, Target
from tests.unit.contact_bench import Floor, created, second

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
