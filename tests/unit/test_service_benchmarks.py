"""The arithmetic of what is measured on the whole service: pairing, ranks, takeovers, calls."""

from itertools import islice, pairwise
from random import Random

import pytest

from schemas.envelopes import decode_envelope
from streams.partitioner import partition_of
from tests.benchmarks import memory, pipeline, takeover
from tests.benchmarks.calls import EVENTS, Manner, evenly, in_order, steps_of, understood, whole
from tests.benchmarks.crew import PARTITIONS
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.growth import cases
from tests.benchmarks.latency import WARM, count_delays, latency_of, rate_of
from tests.benchmarks.observer import Count, Seen, Transition
from tests.benchmarks.pacer import QUEUES, Offered, Paced, calls_of
from tests.benchmarks.progress import Sample, first_reached
from tests.benchmarks.runs import Run


def ms(second: float) -> int:
    return round(second * 1000)


def iso(second: float) -> str:
    return f"1970-01-01T00:{int(second // 60):02d}:{second % 60:06.3f}Z"


def test_an_offer_is_counted_when_its_rank_in_its_queue_is_reached() -> None:
    calls = [Offered("a", "q", ms(1)), Offered("b", "q", ms(2)), Offered("c", "r", ms(2)), Offered("d", "q", ms(3))]
    counts = [Count("q", 1, 1.1), Count("r", 1, 2.4), Count("q", 1, 2.2), Count("q", 3, 3.5)]
    assert count_delays(calls, counts, since=0) == pytest.approx([0.1, 1.5, 0.5, 0.4])


def test_offers_of_the_warm_up_have_a_rank_and_no_delay() -> None:
    calls = [Offered("a", "q", ms(1)), Offered("b", "q", ms(2))]
    assert count_delays(calls, [Count("q", 2, 2.25)], since=1.5) == pytest.approx([0.25])


def test_an_offer_that_is_never_counted_is_no_delay_of_zero() -> None:
    with pytest.raises(MeasurementFailed, match="offer 2 of q"):
        count_delays([Offered("a", "q", ms(1)), Offered("b", "q", ms(2))], [Count("q", 1, 1.5)], since=0)


def test_a_breach_counts_as_one_without_event_only_where_no_answer_was_there() -> None:
    begin = WARM + 1
    calls = [
        Offered("first", "q", ms(1), ms(2)),
        Offered("late", "q", ms(begin), ms(begin + 9)),
        Offered("soon", "q", ms(begin), ms(begin + 5.5)),
    ]
    due = begin + 5
    seen = Seen(
        [
            Transition("late", "breached", iso(due), iso(due + 1.02), due + 1.3),
            Transition("soon", "breached", iso(due), iso(due + 0.6), due + 0.7),
            Transition("soon", "fulfilled", iso(due), iso(due + 0.6), begin + 5.6),
            Transition("late", "fulfilled", iso(due), iso(due + 4.1), begin + 9.25),
        ],
        [Count("q", 3, begin + 0.2)],
    )
    latency = latency_of(1_000, Paced(calls, 3, 1.0, 0.0), seen, 1.5)
    assert (latency.detected.n, latency.detected.max, latency.breach.max) == (1, 20, 300)
    assert (latency.sla.n, latency.sla.p50, latency.sla.max, latency.missing) == (2, 100, 250, 0)


def test_an_answer_of_which_nothing_was_readable_is_missing() -> None:
    begin = WARM + 1
    calls = [Offered("a", "q", ms(1), ms(begin)), Offered("b", "q", ms(begin), ms(begin + 2))]
    due = begin + 5
    seen = Seen(
        [
            Transition("a", "fulfilled", iso(6), iso(begin), begin + 0.1),
            Transition("b", "breached", iso(due), iso(due + 1), due + 1.1),
        ],
        [Count("q", 2, begin + 1)],
    )
    # It was answered before it was due, so that this breach is none that time alone brought: nothing is measured of it.
    with pytest.raises(ValueError, match="nothing was measured"):
        latency_of(1_000, Paced(calls, 2, 1.0, 0.0), seen, 1.5)
    calls[1].answered = ms(begin + 7)
    assert latency_of(1_000, Paced(calls, 2, 1.0, 0.0), seen, 1.5).missing == 1


def test_a_takeover_is_over_when_what_stood_still_after_the_kill_moves_again() -> None:
    alive, dead, other = ("t", 0), ("t", 1), ("t", 2)
    moves = [
        (0.0, {alive: 10, dead: 5, other: 7}),
        (0.6, {alive: 11, dead: 6, other: 8}),
        (7.0, {alive: 20, dead: 6, other: 8}),
        (11.0, {alive: 21, dead: 6, other: 8}),
        (11.5, {alive: 21, dead: 6, other: 9}),
        (12.0, {alive: 21, dead: 7, other: 9}),
    ]
    assert takeover.taken_over(moves) == (11.5, 12.0)


def test_a_kill_that_nobody_noticed_is_no_takeover() -> None:
    with pytest.raises(MeasurementFailed):
        takeover.taken_over([(0.6, {("t", 0): 1}), (7.0, {("t", 0): 2})])


def test_the_end_is_the_first_look_at_which_every_partition_has_been_taken() -> None:
    looks = [Sample(at, at, {("t", 0): at_0, ("t", 1): 4}, {}) for at, at_0 in ((1.0, 1), (2.0, 3), (3.0, 5))]
    assert first_reached(looks, {("t", 0): 3, ("t", 1): 4}) == looks[1]
    assert first_reached(looks, {("t", 0): 3, ("u", 0): 1}) is None


def test_the_pipeline_is_compared_with_its_slowest_stage_and_with_one_worker() -> None:
    alone = {"intake": Run(100, 1.0, 1.0), "contacts": Run(100, 2.0, 1.0)}
    numbers = pipeline.in_numbers(Run(100, 2.5, 4.0), Run(100, 5.0, 4.0), alone)
    assert (numbers["slowest"], numbers["against_slowest"], numbers["two_against_one"]) == ("contacts", 0.8, 2.0)
    assert any("0.80" in line for line in pipeline.table(numbers))


def test_memory_is_summed_over_processes_and_divided_by_all_customers() -> None:
    parts = [
        memory.Held(3, {"contacts": 600, "customers": 100}),
        memory.Held(3, {"contacts": 400, "customers": 100}),
        memory.Held(0, {"metrics": 50}),
    ]
    numbers = memory.in_numbers(2, parts)
    assert numbers["contacts"] == 6
    assert numbers["bytes_per_customer"] == {"contacts": 500, "customers": 100, "metrics": 25, "all": 625}


def test_everybody_has_three_contacts_on_two_channels_and_in_two_queues() -> None:
    calls = list(memory.calls(50, first=100))
    assert [a.begin <= b.begin for a, b in pairwise(calls)] == [True] * 149
    for caller in range(100, 150):
        own = [call for call in calls if call.caller == caller]
        assert [call.channel for call in own] == ["phone", "phone", "chat"]
        assert len({call.queue for call in own}) == 2
    assert len({call.contact for call in calls}) == 150


def test_a_call_has_five_events_told_at_once_or_one_by_one_in_the_order_of_time() -> None:
    calls = list(evenly(1_000_000, 10.0, 200, ["a", "b"], lambda number: number % 7))
    manner = Manner(wait=1.0, talk=1.0)
    steps = list(in_order(calls, manner, Random(1)))
    assert sum(len(step.events) for step in steps) == EVENTS * 200
    assert all(a.time <= b.time for a, b in pairwise(steps))
    assert whole(calls[0], manner, Random(2)).events == tuple(
        event for step in steps_of(calls[0], manner, Random(2)) for event in step.events
    )
    envelope = decode_envelope(understood(steps[0], 7).value or b"")
    assert envelope.events == steps[0].events


def test_a_queue_of_the_pacer_stays_on_one_partition() -> None:
    calls = list(islice(calls_of(0, 1.0, 0), 10 * QUEUES))
    homes = {(call.queue, partition_of(call.contact.encode(), PARTITIONS)) for call in calls}
    assert len(homes) == QUEUES
    assert {home for _, home in homes} == set(range(PARTITIONS))


def test_growth_changes_one_thing_at_a_time() -> None:
    smallest, *others = cases(1_000_000)
    for case in others:
        changed = [name for name in ("customers", "queues", "open") if getattr(case, name) != getattr(smallest, name)]
        assert len(changed) == 1
    assert max(case.customers for case in others) == 1_000_000


def test_the_rate_is_that_of_all_events_of_the_calls_offered() -> None:
    assert rate_of([10.0, 10.5, 11.0]) == 2 * EVENTS
    assert rate_of([10.0]) == 0
