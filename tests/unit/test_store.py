"""Keyed state: what changed leaves once, and comes back as it was."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.store import Store, UnknownStateFormat


class Thing(msgspec.Struct):
    n: int = 0
    name: str | None = None


def test_a_value_leaves_once_however_often_it_changed_and_then_not_again() -> None:
    store = Store(b"t", Thing)
    thing = Thing()
    store.put("a", thing)
    for n in range(5):
        thing.n = n
        store.touch("a")

    assert dict(store.changes()) == {b"ta": b"\x01" + msgspec.msgpack.encode(Thing(4))}
    assert list(store.changes()) == []


def test_a_value_changed_without_a_word_does_not_leave() -> None:
    store = Store(b"t", Thing)
    store.put("a", Thing())
    list(store.changes())
    thing = store.get("a")
    assert thing is not None
    thing.n = 7

    assert list(store.changes()) == []


def test_what_is_deleted_leaves_as_nothing_and_what_never_was_does_not_leave() -> None:
    store = Store(b"t", Thing)
    store.put("a", Thing())
    list(store.changes())
    store.delete("a")
    store.delete("b")

    assert list(store.changes()) == [(b"ta", None)]
    assert len(store) == 0


def test_it_knows_its_own_records() -> None:
    assert Store(b"t", Thing).owns(b"ta")
    assert not Store(b"t", Thing).owns(b"ua")
    with pytest.raises(ValueError, match="one byte"):
        Store(b"two", Thing)


def test_another_format_is_refused_and_says_what_to_do() -> None:
    old = Store(b"t", Thing, version=1)
    old.put("a", Thing())
    ((key, value),) = old.changes()

    with pytest.raises(UnknownStateFormat, match=r"'a' has format 1, this version knows 2.*fresh namespace"):
        Store(b"t", Thing, version=2).restore(key, value)


STEPS = st.lists(st.tuples(st.text(max_size=3), st.none() | st.integers(-(2**63), 2**63)), max_size=40)


@given(st.lists(STEPS, max_size=5))
def test_a_store_read_back_from_its_changes_is_the_same(flushes: list[list[tuple[str, int | None]]]) -> None:
    store, again = Store(b"t", Thing), Store(b"t", Thing)
    for steps in flushes:
        for key, n in steps:
            if n is None:
                store.delete(key)
            else:
                store.put(key, Thing(n, key))
        for changed, value in store.changes():
            again.restore(changed, value)

    assert again.data == store.data
