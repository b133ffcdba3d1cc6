"""One run of a task, on a drawn timeline: positions, flushes, clock and marks."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.envelopes import decode_mark
from streams.engine.setbacks import Setbacks
from streams.engine.work import LARGEST_FLUSH, Work
from streams.engine.writer import POSITIONS_KEY, Flush, decode_positions
from tests.unit.engine_floor import IN, Counting, Kept, batch, mark, records, stage, surroundings, work


def counts(flush: Flush) -> dict[str, bytes]:
    return {(output.key or b"").decode(): output.value or b"" for output in flush.outputs if output.key is not None}


def marked(flush: Flush) -> set[tuple[int | None, int, bool]]:
    read = ((output.partition, decode_mark(output.value or b"")) for output in flush.outputs if output.key is None)
    return {(partition, each.time, each.ended) for partition, each in read}


def test_records_fed_again_are_dropped_by_position() -> None:
    run = work()

    assert run.apply(IN, records(0, 10)) == (10, 0)
    assert run.apply(IN, records(5, 15)) == (5, 5)
    assert run.apply(IN, records(0, 15)) == (0, 15)

    assert run.positions == {IN: 15}
    assert counts(run.gather(1.0)) == {"k": b"15"}


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=20))
def test_however_batches_overlap_each_record_counts_once(cuts: list[tuple[int, int]]) -> None:
    run = work()
    reached = 0
    for start, length in cuts:
        fed = batch(start, start + length)
        if run.gap(IN, fed):
            assert start > reached
            continue
        run.apply(IN, fed.records)
        reached = max(reached, start + length)

    assert run.positions.get(IN, 0) == reached
    assert counts(run.gather(1.0)) == ({"k": str(reached).encode()} if reached else {})


def test_a_batch_beyond_the_position_is_a_gap_and_control_records_are_none() -> None:
    run = work()
    run.apply(IN, records(0, 10))

    assert run.gap(IN, batch(20, 30, after=20))
    assert not run.gap(IN, batch(12, 30, after=10))  # 10 and 11 were read: a transaction's end
    assert not run.gap(IN, batch(5, 30, after=5))


def test_what_changes_while_a_flush_is_under_way_is_not_in_it() -> None:
    run = work()
    run.apply(IN, records(0, 10))

    flush = run.gather(1.0)
    run.apply(IN, records(10, 20))

    restored = work()
    for key, value in flush.changes:
        restored.restore(key, value)
    assert isinstance(restored.processor, Counting)
    assert restored.processor.counts.data["k"].n == 10
    assert restored.positions == {IN: 10}
    assert counts(flush) == {"k": b"10"}
    assert flush.offsets == {IN: 10}
    assert all(isinstance(value, bytes) for _, value in flush.changes)


def test_the_interval_lies_between_the_end_of_one_flush_and_the_beginning_of_the_next() -> None:
    run = work()
    run.apply(IN, records(0, 10))
    assert not run.due(0.04)
    assert run.due(0.06)

    run.gather(1.0)
    run.apply(IN, records(10, 20))
    run.flushed(1.2)

    assert not run.due(1.24)
    assert run.due(1.26)


def test_a_run_restored_from_its_flushes_goes_on_where_the_last_one_stood() -> None:
    feeds: dict[str, Any] = {"feeds": {"in": "up"}}
    first = work(**feeds)
    changelog: list[tuple[bytes, bytes | None]] = []
    for at in range(3):
        first.apply(IN, [mark(3 * at, "up-0", 100 + at), mark(3 * at + 1, "up-1", 200 + at), Kept(3 * at + 2)])
        first.tick(10**9)
        changelog += first.gather(float(at)).changes

    second = work(**feeds)
    for key, value in changelog:
        second.restore(key, value)

    assert second.positions == first.positions == {IN: 9}
    assert second.clock.dump() == first.clock.dump()
    assert second.advanced == first.advanced == 1_102  # a second beyond the least mark, at most


def test_a_processor_that_asks_for_it_is_told_where_the_clock_stood_once_its_state_is_complete() -> None:
    class Resuming(Counting):
        def resume(self, clock: int) -> None:
            self.clocks.append(clock + self.counts.data["k"].n)

    first = work()
    first.apply(IN, records(0, 5, timestamp=40_000))
    first.tick(90_000)
    changelog = first.gather(1.0).changes

    second = work(processor=Resuming)
    for key, value in changelog:
        second.restore(key, value)
    second.restored()

    assert isinstance(second.processor, Resuming)
    assert second.processor.clocks == [40_005]


def test_a_task_behind_its_input_tells_the_time_of_the_record_it_has_reached() -> None:
    run = work()

    run.apply(IN, records(0, 5, timestamp=40_000))
    run.tick(90_000)

    assert marked(run.gather(1.0)) == {(0, 40_000, False), (1, 40_000, False), (2, 40_000, False)}


def test_a_task_that_has_read_all_tells_the_time_at_which_it_asked() -> None:
    run = work()
    run.apply(IN, records(0, 5, timestamp=40_000))
    run.read_up_to(IN, 90_000)
    run.tick(90_300)

    assert {time for _, time, _ in marked(run.gather(1.0))} == {90_000}


def test_of_two_inputs_from_outside_the_one_that_lags_says_the_time() -> None:
    run = work(inputs=("in", "also"))
    run.read_up_to(IN, 90_000)
    run.tick(90_000)
    assert run.advanced == 0

    run.apply(IN._replace(topic="also"), records(0, 1, timestamp=50_000))
    run.tick(90_000)

    assert run.advanced == 50_000


def test_marks_leave_at_most_once_a_second_and_the_end_at_once() -> None:
    run = work(wall=False)
    run.apply(IN, [mark(0, "replay", 5_000)])
    run.tick(0)
    assert run.due(10.0)
    assert {time for _, time, _ in marked(run.gather(10.0))} == {5_000}

    run.apply(IN, [mark(1, "replay", 6_000)])
    run.tick(0)
    assert not run.due(10.01)
    assert run.due(10.06)  # in event time: with every flush

    run.gather(10.06)
    run.apply(IN, [mark(2, "replay", 6_000, ended=True)])
    run.tick(0)
    assert run.due(10.061)
    assert {(time, ended) for _, time, ended in marked(run.gather(10.061))} == {(6_000, True)}


def test_the_end_of_an_input_in_which_nothing_ever_stood_is_passed_on() -> None:
    run = work(wall=False)
    run.apply(IN, [mark(0, "replay", 0, ended=True)])
    run.tick(0)

    assert run.due(0.0)
    assert {(time, ended) for _, time, ended in marked(run.gather(0.0))} == {(0, True)}


def test_in_service_marks_wait_for_half_a_second_to_pass() -> None:
    run = work()
    run.read_up_to(IN, 50_000)
    run.tick(50_000)
    assert run.due(10.0)
    run.gather(10.0)

    run.read_up_to(IN, 50_400)
    run.tick(50_400)

    assert not run.due(10.4)
    assert run.due(10.5)


class Announcing(Counting):
    """Has something to say once time has come to 51 s, and says it at the flush."""

    def has_news(self) -> bool:
        return self.clocks[-1] >= 51_000


def test_what_time_brings_about_leaves_with_a_flush_of_its_own() -> None:
    run = work(processor=Announcing)
    run.read_up_to(IN, 50_000)
    run.tick(50_000)
    run.gather(10.0)

    run.read_up_to(IN, 50_400)
    run.tick(50_400)
    assert not run.due(10.4)

    run.read_up_to(IN, 51_000)
    run.tick(51_000)
    assert run.due(10.4)


def test_a_flush_is_due_by_age_or_by_size() -> None:
    run = work()
    assert not run.due(1_000.0)

    run.apply(IN, records(0, 1))
    assert not run.due(0.04)
    assert run.due(0.05)
    run.gather(0.05)
    assert not run.due(100.0)
    assert not run.unsent

    run.apply(IN, records(1, LARGEST_FLUSH + 1))
    assert run.due(0.05)


def test_an_unreadable_mark_is_passed_over() -> None:
    run = work(wall=False)

    run.apply(IN, [Kept(0, None, b"no mark"), mark(1, "replay", 7_000)])
    run.tick(0)

    assert run.advanced == 7_000
    assert run.positions == {IN: 2}


def test_positions_of_inputs_that_are_no_longer_read_are_forgotten() -> None:
    before = work(inputs=("in", "also"))
    before.apply(IN, records(0, 3))
    before.apply(IN._replace(topic="also"), records(0, 7))
    saved = dict(before.gather(1.0).changes)[POSITIONS_KEY]
    assert saved is not None
    assert decode_positions(saved).offsets == {"in|0": 3, "also|0": 7}

    now = work()
    now.restore(POSITIONS_KEY, saved)

    assert now.positions == {IN: 3}


def test_strikes_at_a_record_count_until_a_flush_has_got_past_it() -> None:
    # offsets  0 .. 9 fine, 10 poison
    setbacks = Setbacks()
    poisoned = [*records(0, 10), Kept(10, value=b"poison"), *records(11, 20)]
    for strike in (1, 2, 3):
        run = work()
        run.apply(IN, poisoned[:5])
        setbacks.overcome(run.gather(1.0))  # what comes before it flushes well every time
        try:
            run.apply(IN, poisoned[5:])
        except LookupError:
            assert setbacks.strike(run.reached()) == (strike == 3)
    assert setbacks.strikes == 3

    mended = work()
    mended.apply(IN, [*poisoned[:10], Kept(10)])
    setbacks.overcome(mended.gather(1.0))

    assert setbacks.strikes == 0


def test_strikes_at_a_time_count_until_the_clock_has_got_past_it() -> None:
    setbacks = Setbacks()
    run = work()
    assert isinstance(run.processor, Counting)
    run.processor.fault = LookupError("due and not to be done")
    run.read_up_to(IN, 50_000)
    try:
        run.tick(50_000)
    except LookupError:
        setbacks.strike(run.reached())

    again = work()
    again.read_up_to(IN, 50_000)
    again.tick(50_000)
    setbacks.overcome(again.gather(1.0))
    assert setbacks.strikes == 1

    again.read_up_to(IN, 50_001)
    again.tick(50_001)
    setbacks.overcome(again.gather(2.0))
    assert setbacks.strikes == 0


def test_the_group_is_told_of_positions_twice_a_second_at_once_after_a_pause_and_at_the_end() -> None:
    run = work()
    shown = []
    for tenth in range(11):
        run.apply(IN, records(tenth, tenth + 1))
        shown.append(run.gather(10 + tenth / 10).shows)
    assert shown == [True, *[False] * 4, True, *[False] * 4, True]

    run.apply(IN, records(11, 12))
    assert not run.gather(11.05).shows
    assert not run.due(11.4)
    assert run.due(11.5)
    assert run.unsent
    assert run.gather(11.5).shows
    assert not run.unsent
    assert not run.due(12.5)

    run.apply(IN, records(12, 13))
    assert run.gather(12.6).shows
    run.apply(IN, records(13, 14))
    assert not run.gather(12.7).shows
    run.apply(IN, records(14, 15))
    assert run.gather(12.8, last=True).shows
    assert not run.unsent


def test_a_mark_on_a_compacted_topic_has_a_key_of_its_task_and_is_still_a_mark() -> None:
    around = surroundings(partitions={"in": 1, "customers.identities": 1, "up-changelog": 1})
    teller = Work(stage(marks_to=("customers.identities",)), 0, around, 0.0)
    teller.read_up_to(IN, 5_000)
    teller.tick(5_000)
    (sent,) = teller.gather(1.0).outputs
    assert sent.key == b"watermark:count-0"

    hearer = work(feeds={"in": "up"})
    assert hearer.apply(IN, [Kept(0, sent.key, mark(0, "up-0", 7_000).value)]) == (0, 0)
    assert hearer.clock.dump()[1] == {"in|up-0": (7_000, False)}
