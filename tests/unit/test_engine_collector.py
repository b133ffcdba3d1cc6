"""What state is made of is looked at a few times by the garbage collector, and then no more."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from streams.engine.collector import arrange_collector, settle


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks[:] = callbacks


def test_after_a_look_at_everything_what_is_left_rests() -> None:
    arrange_collector()
    arrange_collector()
    assert len(gc.callbacks) == len(set(map(id, gc.callbacks)))
    state = [[each] for each in range(1_000)]
    frozen = gc.get_freeze_count()
    gc.collect()
    resting = gc.get_freeze_count()
    assert resting >= frozen + len(state)
    young = [[each] for each in range(1_000)]
    gc.collect(1)
    assert gc.get_freeze_count() <= resting, f"{len(young)} young ones rest already"


def test_objects_of_middle_age_are_few_when_they_are_looked_at() -> None:
    arrange_collector()
    looked: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 1:
            looked.append(len(gc.get_objects(0)) + len(gc.get_objects(1)))

    gc.callbacks.append(note)
    state = [[each] for each in range(1_000_000)]
    assert len(looked) >= 4
    assert max(looked[1:]) < 250_000, f"{max(looked):,} of {len(state):,} at once"


def test_what_was_restored_rests() -> None:
    restored = [[each] for each in range(1_000)]
    before = gc.get_freeze_count()
    settle()
    assert gc.get_freeze_count() >= before + len(restored)
