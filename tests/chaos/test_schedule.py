"""The schedule of faults: from the seed alone, all kinds, and such that a round can end well."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.broker_faults import FAULTS, KillCoordinator, KillLeader
from tests.chaos.cluster import java_hash
from tests.chaos.schedule import KINDS, Planned, schedule
from tests.chaos.times import LOAD, SESSION


def test_the_same_seed_and_round_are_the_same_faults_and_others_are_others() -> None:
    assert schedule(5, 3) == schedule(5, 3)
    assert schedule(5, 3) != schedule(6, 3)
    assert schedule(5, 3) != schedule(5, 4)


@pytest.mark.parametrize("seed", range(5))
def test_in_27_rounds_there_are_200_faults_and_each_kind_ten_times(seed: int) -> None:
    counted = Counter(each.kind for number in range(27) for each in schedule(seed, number))

    assert counted.total() >= 200
    assert min(counted[kind] for kind in KINDS) >= 10


@pytest.mark.parametrize("seed", range(20))
def test_faults_begin_while_the_floor_is_busy_and_a_long_one_is_longer_than_the_session(seed: int) -> None:
    for each in schedule(seed, seed):
        assert 0 < each.at < LOAD
        if each.kind in ("worker-zombie", "network-cut-long"):
            assert each.seconds > SESSION
        if each.kind in ("worker-pause", "network-cut"):
            assert each.seconds < SESSION


def test_only_the_kinds_that_are_asked_for_come() -> None:
    assert {each.kind for number in range(9) for each in schedule(1, number, kinds=["worker-kill", "disk-full"])} == {
        "worker-kill",
        "disk-full",
    }
    with pytest.raises(ValueError, match="no such fault: flood"):
        schedule(1, 0, kinds=["flood"])


def test_every_kind_has_its_class() -> None:
    assert FAULTS.keys() == KINDS.keys()


def test_texts_are_hashed_as_java_does() -> None:
    # Of Java's own documentation: s[0]*31^(n-1) + ... + s[n-1], in 32 bits with a sign.
    assert java_hash("") == 0
    assert java_hash("ab") == 97 * 31 + 98
    assert java_hash("polygenelubricants") == -(2**31)


def test_brokers_are_killed_for_every_stage_and_busy_topic_and_only_for_what_there_is() -> None:
    asked: list[tuple[str, ...]] = []

    def node_of(*named: object) -> int:
        asked.append(tuple(map(str, named)))
        return 0

    cluster = SimpleNamespace(coordinator_of=node_of, leader_of=node_of)
    site: Any = SimpleNamespace(namespace="n", cluster=cluster)
    for kind in (KillCoordinator, KillLeader):
        for way in range(20):
            kind(Planned(0.0, "any", 0.0, pick=0.99, way=way / 20)).choose(site)

    assert {name for name, *rest in asked if not rest} == {
        f"n.floorwalker-{task}" for task in ("intake-3", "contacts-3", "customers-3", "profiles-3", "registry-0")
    }
    assert set(asked) >= {
        ("n.customers.members", "3"),
        ("n.customers.links", "0"),
    }
