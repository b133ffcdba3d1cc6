"""Values packed into buckets, and who was named with whom: the same as dictionaries of them, whatever the order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.registry.neighbours import LARGE, Neighbours
from agents.registry.packed import ID, PackedMap, PackedPairs, PackedStore
from streams.store import UnknownStateFormat

KEYS = st.integers(0, 60).map(lambda number: bytes([number]) * ID)


@given(st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=40)), max_size=400))
def test_a_packed_map_holds_what_a_dictionary_would(steps: list[tuple[bytes, bytes | None]]) -> None:
    found, expected = PackedMap(), dict[bytes, bytes]()
    for key, value in steps:
        if value is None:
            assert found.pop(key) == expected.pop(key, None)
        else:
            found.put(key, value)
            expected[key] = value
        assert found.get(key) == expected.get(key)

    assert dict(found.items()) == expected
    assert all(found.get(key) == value for key, value in expected.items())


@given(st.lists(st.tuples(KEYS, KEYS, st.sampled_from(("add", "add", "add", "remove", "all"))), max_size=200))
def test_packed_pairs_hold_the_values_of_each_id_in_their_order(steps: list[tuple[bytes, bytes, str]]) -> None:
    found, expected = PackedPairs(ID), dict[bytes, list[bytes]]()
    for key, value, step in steps:
        values = expected.setdefault(key, [])
        if step == "add":
            found.add(key, value)
            values.append(value)
        else:
            found.remove(key, value if step == "remove" else None)
            expected[key] = [each for each in values if step == "remove" and each != value]

    assert {key: found.of(key) for key in expected} == expected


def test_a_packed_map_of_very_many_values_has_few_to_a_bucket() -> None:
    found = PackedMap()
    for number in range(3_000):
        found.put(number.to_bytes(ID), b"value")

    sizes = Counter(len(bucket) for bucket in found._buckets)
    assert sum(sizes.values()) == 750
    assert max(sizes) < 20 * (ID + 10)
    assert found.get((2_999).to_bytes(ID)) == b"value"


def test_state_of_another_format_is_refused_by_name() -> None:
    store = PackedStore(b"n", encode=bytes, decode=bytes, version=2)
    with pytest.raises(UnknownStateFormat, match="has format 1, this version knows 2"):
        store.restore(b"n" + bytes(ID), b"\x01value")


# -- neighbours --------------------------------------------------------------------------------------------

PEOPLE = [bytes([number]) * ID for number in range(8)]
CASES = set(PEOPLE[:3])
PAIRS = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(lambda pair: pair[0] < pair[1])


def looked_at(near: Neighbours) -> list[object]:
    return [
        (sorted(near.of(each)), near.smallest(each), near.count(each), near.alone_with(each), near.is_named(each))
        for each in PEOPLE
    ] + [near.crowds.keys()]


@given(st.lists(PAIRS, max_size=40), st.integers(1, 4))
def test_neighbours_follow_from_the_pairs_that_are_left_in_any_order(
    steps: list[tuple[bytes, bytes]], most: int
) -> None:
    near, left = Neighbours(most), dict[tuple[bytes, bytes], None]()
    for pair in steps:
        if pair in left:
            del left[pair]
            near.part(*pair, CASES & set(pair))
        else:
            left[pair] = None
            near.meet(*pair, CASES & set(pair))

    anew = Neighbours(most)
    for pair in sorted(left):
        anew.meet(*pair, CASES & set(pair))
    assert looked_at(near) == looked_at(anew)


def test_who_was_named_with_very_many_has_them_all_the_smallest_first() -> None:
    near, shared = Neighbours(3 * LARGE), b"s" * ID
    others = [number.to_bytes(ID) for number in range(4 * LARGE, 0, -1)]
    for other in others:
        near.meet(other, shared, set())
    assert (near.smallest(shared), near.count(shared), shared in near.crowds) == (others[-1], 4 * LARGE, True)

    for other in others[: LARGE + 1] + others[-1:]:
        near.part(other, shared, set())
    assert (near.smallest(shared), near.count(shared), near.crowds) == (others[-2], 3 * LARGE - 2, {})
    for other in near.of(shared):
        near.part(other, shared, set())
    assert (near.of(shared), near.is_named(shared)) == ([], False)
