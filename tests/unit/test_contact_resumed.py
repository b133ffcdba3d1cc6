"""A contacts task that goes on elsewhere knows where its clock stood."""

from schemas.policies import Policies, PolicyRecord, SlaPolicy, Target
from tests.unit.contact_bench import Floor, created, second

FIRST = SlaPolicy(id="care", targets={"requester_wait": Target(target=200)})
SECOND = SlaPolicy(id="care", version=2, targets={"requester_wait": Target(target=300)})


def test_a_policy_that_is_heard_of_right_after_a_restart_holds_from_where_the_clock_stood() -> None:
    floor = Floor(policies=Policies(sla=(FIRST,)))
    floor.hear(created(0, channel="email"))
    floor.clock(100)
    floor.flush()
    floor.crash()
    floor.promise(PolicyRecord(id="care", versions=(FIRST, SECOND)))
    floor.clock(101)
    assert [(one.transition, second(one.occurred_at), second(one.due_at)) for one in floor.said] == [
        ("activated", 0, 200),
        ("retargeted", 100, 300),
    ]


def test_what_comes_right_after_a_restart_is_detected_when_the_clock_stood_there_and_not_before() -> None:
    floor = Floor(policies=Policies(sla=(FIRST,)))
    floor.clock(150)
    floor.flush()
    floor.crash()
    floor.hear(created(0, channel="email"))
    (activated,) = floor.said
    assert (second(activated.occurred_at), second(activated.detected_at)) == (0, 150)
