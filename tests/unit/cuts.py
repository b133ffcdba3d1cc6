"""Payloads with bytes cut out and others put in."""

from __future__ import annotations

from hypothesis import strategies as st

BITS = [
    *(b"", b"\xff", b"{", b"null", b"[]", b"7", b'"', b"\\ud800", b"\\udc00", b"-1", b"9" * 30, b"1e300", b"1e999"),
    *(b"true", b"\n", b"<"),
]

Cut = tuple[int, int, bytes]
"""Where, how many bytes, and what is there instead."""


def cuts(within: int) -> st.SearchStrategy[list[Cut]]:
    """Some, in the first so many bytes."""
    return st.lists(
        st.tuples(st.integers(0, within), st.integers(0, 12), st.sampled_from(BITS)), min_size=1, max_size=3
    )


def cut(payload: bytes, made: list[Cut]) -> bytes:
    """The payload with these."""
    for start, length, instead in made:
        payload = payload[:start] + instead + payload[start + length :]
    return payload
