"""The promise 'answer within X' (20 s, at risk after 16 s): what is said of it, when, and what is taken back."""

from schemas.events import ContactUpdated
from schemas.ids import breach_id, transition_id
from schemas.policies import AnswerWithin, Filter, Policies, QueuePolicy, SlaPolicy, Target
from tests.unit.contact_bench import (
    Floor,
    answered,
    at,
    created,
    ended,
    left,
    names,
    offered,
    other,
    second,
    transferred,
)


def test_answered_exactly_at_its_due_instant_is_attained() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(answered(20))
    assert floor.story() == [("at_risk", 16, 16), ("fulfilled", 20, 20)]
    assert floor.transitions[-1].outcome == "attained"


def test_answered_a_millisecond_after_its_due_instant_is_breached_at_the_due_instant_and_late() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(answered(20.001))
    assert floor.story() == [("at_risk", 16, 16), ("breached", 20, 20), ("fulfilled", 20.001, 20.001)]
    assert floor.transitions[-1].outcome == "late"


def test_left_exactly_at_its_due_instant_is_cancelled_and_not_breached() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(left(20))
    assert floor.story() == [("at_risk", 16, 16), ("cancelled", 20, 20)]
    assert floor.transitions[-1].reason == "abandoned"


def test_left_after_its_due_instant_is_breached_and_its_clock_stops() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(left(20.5))
    assert floor.story() == [("at_risk", 16, 16), ("breached", 20, 20), ("lapsed", 20.5, 20.5)]
    lapsed = floor.transitions[-1]
    assert (lapsed.reason, lapsed.outcome, lapsed.elapsed, lapsed.remaining) == ("abandoned", None, 20.5, -0.5)


def test_stopped_exactly_at_the_at_risk_instant_was_never_at_risk() -> None:
    floor = Floor()
    floor.hear(offered(0), left(16))
    assert floor.story() == [("cancelled", 16, 16)]


def test_a_breach_fires_at_its_deadline_plus_grace_with_no_further_event_and_bears_its_due_instant() -> None:
    floor = Floor(grace=1000)
    floor.hear(offered(0))
    floor.clock(16.999)
    assert floor.story() == []
    floor.clock(17)
    floor.clock(20.999)
    assert floor.story() == [("at_risk", 16, 17)]
    floor.clock(21.5)
    assert floor.story() == [("at_risk", 16, 17), ("breached", 20, 21.5)]
    breach = floor.transitions[-1]
    assert second(breach.due_at) == 20
    assert (breach.target, breach.elapsed, breach.remaining) == (20.0, 20.0, 0.0)
    assert breach.evidence == ("c1/offered/0",)
    assert (breach.channel, breach.queue, breach.policy.id) == ("phone", "sales", "answer-within-default")


def test_time_within_the_grace_still_attains() -> None:
    floor = Floor(grace=1000)
    floor.hear(offered(0))
    floor.clock(20.9)
    floor.hear(answered(20))
    floor.clock(60)
    assert floor.story() == [("at_risk", 16, 20.9), ("fulfilled", 20, 20.9)]


def test_an_offer_that_comes_within_the_grace_is_not_yet_breached() -> None:
    floor = Floor(grace=1000)
    floor.clock(20.5)
    floor.hear(offered(0))
    assert floor.story() == [("at_risk", 16, 20.5)]
    floor.clock(21)
    assert floor.story()[1:] == [("breached", 20, 21)]


def test_a_breach_is_said_once_however_often_the_clock_ticks() -> None:
    floor = Floor()
    floor.hear(offered(0))
    for tick in range(15, 90):
        floor.clock(tick)
    floor.hear(answered(95))
    for tick in range(95, 120):
        floor.clock(tick)
    assert [t.transition for t in floor.transitions] == ["at_risk", "breached", "fulfilled"]


def test_a_breach_found_long_after_keeps_its_true_instant() -> None:
    floor = Floor()
    floor.clock(3000)
    floor.hear(created(0), offered(1), answered(100), ended(200))
    assert floor.story() == [("at_risk", 17, 3000), ("breached", 21, 3000), ("fulfilled", 100, 3000)]


def test_the_events_of_one_payload_are_applied_together_before_any_deadline() -> None:
    floor = Floor()
    floor.clock(3000)
    floor.hear(offered(0), answered(5), ended(10))
    assert [t.transition for t in floor.transitions] == ["fulfilled"]


def test_evidence_names_the_events_that_started_and_stopped_the_clock() -> None:
    floor = Floor()
    floor.hear(offered(0, id="start"), answered(30, id="stop"))
    assert [t.evidence for t in floor.said] == [("start",), ("start",), ("start",), ("start", "stop")]
    assert [(said.id, second(said.time), said.did) for said in floor.said[-1].events] == [
        ("start", 0, "started"),
        ("stop", 30, "stopped"),
    ]


def test_ids_are_the_same_whoever_computes_them() -> None:
    floor = Floor()
    floor.hear(offered(0, id="start"), answered(30))
    due = at(20)
    assert [t.id for t in floor.transitions] == [
        transition_id("c1", "answer_within", "start", 1, "at_risk", due),
        breach_id("c1", "answer_within", "start", 1),
        transition_id("c1", "answer_within", "start", 1, "fulfilled", due),
    ]


def test_each_offer_has_its_own_promise() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5))
    floor.hear(transferred(30, queue="sales"))
    floor.hear(offered(30, "service"), answered(60, "service"))
    by_instance = [(t.instance, t.transition) for t in floor.transitions]
    assert by_instance == [
        ("c1/offered/0", "fulfilled"),
        ("c1/offered/30", "at_risk"),
        ("c1/offered/30", "breached"),
        ("c1/offered/30", "fulfilled"),
    ]


def test_an_answer_that_comes_late_but_was_in_time_takes_the_breach_back() -> None:
    floor = Floor()
    floor.hear(offered(0, id="start"))
    floor.clock(25)
    floor.hear(answered(12))
    assert floor.story() == [
        ("at_risk", 16, 25),
        ("breached", 20, 25),
        ("corrected", 16, 25),
        ("corrected", 20, 25),
        ("fulfilled", 12, 25),
    ]
    risk, breach, first, then, _ = floor.transitions
    assert (first.corrects, then.corrects) == (risk.id, breach.id)
    assert len({t.id for t in floor.transitions}) == 5


def test_a_corrected_answer_restates_the_breach_under_a_new_id() -> None:
    floor = Floor()
    floor.hear(offered(0, id="start"), answered(30, id="answer", revision=1))
    floor.hear(answered(10, id="answer", revision=2))
    floor.hear(answered(40, id="answer", revision=3))
    breaches = [t for t in floor.transitions if t.transition == "breached"]
    assert [t.id for t in breaches] == [
        breach_id("c1", "answer_within", "start", 1),
        breach_id("c1", "answer_within", "start", 1, again=4),
    ]
    assert {entry[2] for entry in floor.standing()} == {"at_risk", "breached", "fulfilled"}


def test_a_corrected_offer_moves_its_due_instant() -> None:
    floor = Floor()
    floor.hear(offered(0, id="start"))
    floor.clock(22)
    floor.hear(offered(5, id="start", revision=1))
    floor.clock(24)
    assert {entry[2] for entry in floor.standing()} == {"at_risk"}
    floor.clock(25)
    assert {(entry[2], second(entry[3])) for entry in floor.standing()} == {("at_risk", 25), ("breached", 25)}


def test_a_measured_wait_decides_and_not_the_difference_of_times() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(21, waited=20.0))
    assert floor.transitions[-1].outcome == "attained"


def test_a_queue_without_a_promise_has_no_transitions() -> None:
    floor = Floor(policies=Policies(queues={"sales": QueuePolicy(answer_within=None)}))
    floor.hear(offered(0))
    floor.clock(1000)
    floor.hear(answered(1001))
    assert floor.transitions == []


def test_each_queue_keeps_its_own_target() -> None:
    service = QueuePolicy(answer_within=AnswerWithin(id="service", version=3, target_ms=60_000))
    floor = Floor(policies=Policies(queues={"service": service}))
    floor.hear(offered(0, "service"))
    floor.clock(59)
    floor.clock(60)
    assert floor.story() == [("at_risk", 48, 59), ("breached", 60, 60)]
    assert (floor.transitions[-1].policy.id, floor.transitions[-1].policy.version) == ("service", 3)


def test_no_second_breach_after_a_restart() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.clock(21)
    floor.flush()
    floor.crash()
    floor.hear(created(3))
    floor.clock(30)
    floor.hear(answered(31))
    assert [t.transition for t in floor.transitions] == ["at_risk", "breached", "fulfilled"]


def test_deadlines_are_rebuilt_after_a_restart() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.flush()
    floor.crash()
    floor.clock(30)
    assert [t.transition for t in floor.transitions] == ["at_risk", "breached"]


def test_a_longer_target_of_a_later_start_does_not_erase_a_breach_nor_rewrite_what_passed_before_it() -> None:
    floor = Floor()
    floor.hear(offered(1))
    floor.hear(offered(10, contact="c2"))
    floor.clock(21)
    floor.flush()
    relaxed = QueuePolicy(answer_within=AnswerWithin(version=2, target_ms=600_000))
    floor.policies = Policies(default=relaxed)
    floor.crash()
    floor.hear(created(0))
    floor.hear(offered(15, contact="c3"))
    floor.clock(40)
    floor.hear(offered(41, contact="c4"))
    floor.clock(70)
    assert [(t.contact, t.transition, second(t.due_at)) for t in floor.transitions if t.policy.version == 1] == [
        ("c1", "at_risk", 21),
        ("c1", "breached", 21),
        ("c2", "at_risk", 30),
        ("c2", "breached", 30),
        ("c3", "at_risk", 35),
        ("c3", "breached", 35),
    ]
    assert sorted((t.contact, t.transition, second(t.due_at)) for t in floor.transitions if t.policy.version == 2) == [
        ("c1", "retargeted", 601),
        ("c2", "retargeted", 610),
        ("c3", "retargeted", 615),
    ]


def test_at_once_afterwards_and_live_say_the_same() -> None:
    live, afterwards = Floor(), Floor()
    timeline = [created(0), offered(2), answered(40), ended(90)]
    for event in timeline:
        live.clock(second(event.time) - 0.001)
        live.hear(event)
    live.clock(100)
    afterwards.hear(*timeline)
    afterwards.clock(100)
    assert names(live.transitions) == names(afterwards.transitions)
    assert live.measured() == afterwards.measured()


def test_the_longest_wait_ends_an_offer_by_reason_system_at_its_exact_instant() -> None:
    policies = Policies(default=QueuePolicy(max_wait_ms=60_000))
    live, afterwards = Floor(policies=policies), Floor(policies=policies)
    live.hear(offered(0))
    live.clock(59.9)
    assert live.measured() == {("offered", 0): 1, ("waiting", 0): 1}
    live.clock(75)
    live.hear(ended(80))
    afterwards.hear(offered(0), ended(80))
    for floor in (live, afterwards):
        assert floor.measured() == {("offered", 0): 1, ("left:system", 60_000): 1}
    assert names(live.transitions) == names(afterwards.transitions)


def test_an_answer_at_the_last_instant_of_the_longest_wait_counts_even_when_it_comes_late() -> None:
    floor = Floor(policies=Policies(default=QueuePolicy(max_wait_ms=60_000)))
    floor.hear(offered(0))
    floor.clock(75)
    floor.hear(answered(60))
    assert floor.measured() == {("offered", 0): 1, ("answered", 60_000): 1}
    floor.hear(left(61))
    assert floor.measured() == {("offered", 0): 1, ("answered", 60_000): 1}


def test_a_longest_wait_below_the_target_cancels_the_promise() -> None:
    floor = Floor(policies=Policies(default=QueuePolicy(max_wait_ms=10_000)))
    floor.hear(offered(0))
    floor.clock(60)
    assert floor.story() == [("cancelled", 10, 60)]
    assert floor.transitions[0].reason == "system"


def test_a_property_that_a_correction_takes_back_takes_the_promise_back_that_it_made() -> None:
    urgent = SlaPolicy(id="urgent", applies=Filter(priorities=("urgent",)), targets={"answer_within": Target(target=5)})
    floor = Floor(policies=Policies(sla=(urgent,)))
    floor.hear(other(ContactUpdated, 0, priority="urgent", id="e"))
    floor.hear(offered(1))
    floor.hear(answered(10))
    assert [(t.transition, t.policy.id) for t in floor.transitions] == [
        ("at_risk", "urgent"),
        ("breached", "urgent"),
        ("fulfilled", "urgent"),
    ]
    said = len(floor.said)
    floor.hear(created(0, id="e", revision=1))
    assert [(t.transition, t.policy.id) for t in floor.said[said:]] == [
        *[("corrected", "urgent")] * 4,
        ("activated", "answer-within-default"),
        ("fulfilled", "answer-within-default"),
    ]
    floor.flush()
    assert {(key[0], key[5]): n for key, n in floor.clocks.items() if n} == {("answer-within-default", "attained"): 1}
