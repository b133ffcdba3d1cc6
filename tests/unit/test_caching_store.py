"""State kept as bytes: what leaves and what comes back is what a plain store would say."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.caching_store import CachingStore
from streams.store import Store, UnknownStateFormat


class Thing(msgspec.Struct):
    n: int = 0


def _decoded(_key: str, value: bytes) -> Thing:
    return msgspec.msgpack.decode(value, type=Thing)


def caching(*, ready: int = 2, version: int = 1) -> CachingStore[Thing]:
    return CachingStore(b"t", encode=msgspec.msgpack.encode, decode=_decoded, version=version, ready=ready)


@given(
    st.lists(st.tuples(st.sampled_from("pdcr"), st.sampled_from("abcdefg"), st.integers(0, 3)), max_size=40),
    st.integers(1, 4),
)
def test_it_says_what_a_plain_store_says_however_few_values_are_kept_ready(
    steps: list[tuple[str, str, int]], ready: int
) -> None:
    plain, cached = Store(b"t", Thing), caching(ready=ready)
    for what, key, n in steps:
        if what == "p":
            plain.put(key, Thing(n))
            cached.put(key, Thing(n))
        elif what == "d":
            plain.delete(key)
            cached.delete(key)
        else:
            assert dict(cached.changes()) == dict(plain.changes())
            if what == "r":
                again = caching(ready=ready)
                for name, value in cached.stored():
                    again.restore(b"t" + name.encode(), b"\x01" + value)
                cached = again
        assert cached.peek(key) == plain.get(key)
        assert cached.get(key) == plain.get(key)
        assert len(cached) == len(plain)


def test_what_was_got_and_changed_leaves_once_it_is_put_back() -> None:
    store = caching()
    store.put("a", Thing(1))
    list(store.changes())
    thing = store.get("a")
    assert thing is not None
    thing.n = 2
    assert list(store.changes()) == []
    store.put("a", thing)
    assert list(store.changes()) == [(b"ta", b"\x01" + msgspec.msgpack.encode(Thing(2)))]


def test_what_rests_is_kept_as_bytes_alone() -> None:
    store = caching(ready=1)
    for name in "abc":
        store.put(name, Thing())
        list(store.changes())
    first = store.get("a")
    assert first == Thing()
    list(store.changes())
    store.put("b", Thing())
    list(store.changes())
    assert store.get("a") is not first


def test_another_format_is_refused_and_a_tombstone_taken() -> None:
    store = caching(version=2)
    with pytest.raises(UnknownStateFormat, match=r"'a' has format 1, this version knows 2.*fresh namespace"):
        store.restore(b"ta", b"\x01" + msgspec.msgpack.encode(Thing()))
    store.restore(b"ta", b"\x02" + msgspec.msgpack.encode(Thing()))
    store.restore(b"ta", None)
    store.restore(b"tb", None)
    assert len(store) == 0
    with pytest.raises(ValueError, match="one byte"):
        CachingStore(b"two", encode=msgspec.msgpack.encode, decode=_decoded)
