"""A task's clock: the least of its sources' watermarks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.clock import Clock
from streams.engine.writer import Positions, decode_positions, encode_positions

A, B = ("in", "up-0"), ("in", "up-1")


def test_in_event_time_the_clock_is_the_least_mark_and_nothing_before_all_have_spoken() -> None:
    clock = Clock([A, B], wall=False)
    #          A      B     -> clock
    timeline = [
        (5_000, None, 0),
        (None, 4_000, 4_000),
        (9_000, None, 4_000),
        (None, 8_000, 8_000),
        (None, 9_500, 9_000),
    ]
    for a, b, expected in timeline:
        if a is not None:
            clock.mark(A, a)
        if b is not None:
            clock.mark(B, b)
        assert clock.now(wall=99_000) == expected


def test_in_service_the_clock_follows_the_wall_as_far_as_its_lead_over_the_least_mark() -> None:
    clock = Clock([A, B], wall=True, lead=1_000)
    clock.mark(A, 100_000)
    clock.mark(B, 100_000)

    assert clock.now(100_000) == 100_000
    assert clock.now(100_900) == 100_900
    assert clock.now(101_001) == 101_000  # what they have not passed on may still change the picture
    assert clock.now(160_000) == 101_000

    clock.mark(A, 160_000)
    assert clock.now(160_000) == 101_000  # B still hasn't spoken
    clock.mark(B, 130_000)
    assert clock.now(160_000) == 131_000  # a backlog: as far as it has got
    clock.mark(B, 160_000)
    assert clock.now(160_001) == 160_001


def test_without_a_lead_the_clock_says_what_has_been_passed_on_for_certain() -> None:
    clock = Clock([A], wall=True)
    clock.mark(A, 100_000)

    assert clock.now(100_500) == 100_000
    assert clock.now(99_000) == 100_000  # a wall behind the marks holds nothing back


def test_a_stranger_s_mark_moves_no_clock() -> None:
    clock = Clock([A], wall=False)
    clock.mark(("in", "old-7"), 1)
    clock.mark(A, 5)

    assert clock.now(0) == 5


def test_it_has_ended_when_every_source_has_and_not_if_one_goes_on() -> None:
    clock = Clock([A, B], wall=False)
    clock.mark(A, 5, ended=True)
    assert not clock.ended
    clock.mark(B, 7, ended=True)
    assert clock.ended
    clock.mark(B, 8)
    assert not clock.ended


def test_without_sources_it_never_moves_nor_ends() -> None:
    clock = Clock([], wall=True)

    assert clock.now(10**12) == 0
    assert not clock.ended


MARKS = st.lists(
    st.tuples(st.sampled_from([A, B]), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans()), max_size=30
)


@given(MARKS, st.booleans())
def test_it_never_goes_back_and_never_beyond_the_wall_or_what_was_said(
    marks: list[tuple[tuple[str, str], int, int, bool]], wall: bool
) -> None:
    clock = Clock([A, B], wall=wall, lead=1_000)
    last, walls, said = 0, 0, [0]
    for source, time, at, ended in marks:
        clock.mark(source, time, ended)
        said.append(time)
        walls = max(walls, at)
        now = clock.now(at)
        assert now >= last
        assert now <= max(walls, *said)
        if not wall:
            assert now <= max(said)
        last = now


@given(MARKS)
def test_a_clock_read_back_says_what_the_first_one_said(marks: list[tuple[tuple[str, str], int, int, bool]]) -> None:
    clock = Clock([A, B], wall=True, lead=1_000)
    for source, time, at, ended in marks:
        clock.mark(source, time, ended)
        clock.now(at)

    saved = decode_positions(encode_positions(Positions({"in|0": 7}, *clock.dump())))
    again = Clock([A, B], wall=True, lead=1_000)
    again.load(saved.clock, saved.marks)

    assert again.dump() == clock.dump()
    assert again.ended == clock.ended
    assert again.now(0) == clock.now(0)
