"""Lines out of chunks, and the ordinals of equal ones."""

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import CONTACTS, EVENTS, contact_id, event_id
from streams.connectors.lines import Line, LineSplitter
from streams.connectors.ordinals import SECONDS_KEPT, Ordinals


def test_an_incomplete_line_is_kept_until_its_end_comes() -> None:
    splitter = LineSplitter()
    assert list(splitter.feed(b"one\ntw")) == [Line(b"one", 3, 1)]
    assert (splitter.offset, splitter.number) == (4, 1)
    assert list(splitter.feed(b"o\n")) == [Line(b"two", 3, 2)]
    assert splitter.rest() is None


def test_a_line_that_is_too_long_leaves_its_head_and_its_size() -> None:
    splitter = LineSplitter(limit=10, head=4)
    lines = [line for chunk in (b"a" * 8, b"b" * 8, b"c" * 8, b"\n1234567890\n") for line in splitter.feed(chunk)]
    assert lines == [Line(b"aaaa", 24, 1), Line(b"1234567890", 10, 2)]
    assert [line.too_long for line in lines] == [True, False]
    assert splitter.offset == 24 + 1 + 10 + 1


def test_a_line_that_is_too_long_takes_no_more_memory_than_the_limit() -> None:
    splitter = LineSplitter(limit=100, head=10)
    for _ in range(1_000):
        assert list(splitter.feed(b"x" * 99)) == []
        assert sum(map(len, splitter._pieces)) <= 199


@given(st.binary(max_size=200).map(lambda data: data.replace(b"\r", b"\n")), st.lists(st.integers(1, 20), max_size=30))
def test_however_a_file_is_cut_into_chunks_its_lines_are_the_same(data: bytes, cuts: list[int]) -> None:
    splitter, rest, lines = LineSplitter(), data, []
    for cut in cuts:
        lines += splitter.feed(rest[:cut])
        rest = rest[cut:]
    lines += splitter.feed(rest)
    assert splitter.offset == data.rfind(b"\n") + 1
    last = splitter.rest()
    lines += [last] if last else []
    expected = data.split(b"\n")
    assert [line.data for line in lines] == (expected if expected[-1] else expected[:-1])
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))


def test_equal_lines_of_one_second_are_counted_and_others_are_not() -> None:
    ordinals = Ordinals()
    assert [ordinals.next(line, 1_000) for line in "aabab"] == [0, 1, 0, 2, 1]
    assert ordinals.next("a", 2_000) == 0


def test_a_step_of_the_clock_back_does_not_forget_the_lines_before_it() -> None:
    ordinals = Ordinals()
    assert [ordinals.next("a", second) for second in (5_000, 6_000, 5_000)] == [0, 0, 1]


def test_only_the_last_seconds_are_remembered() -> None:
    ordinals = Ordinals()
    for second in range(1_000):
        ordinals.next("a", second)
    assert list(ordinals.seconds) == list(range(1_000 - SECONDS_KEPT, 1_000))


@given(st.text(), st.lists(st.text() | st.integers(), max_size=4))
def test_ids_are_those_of_rfc_9562(source: str, parts: list[str | int]) -> None:
    name = "\x1f".join(map(str, (source, *parts)))
    assert event_id(source, *parts) == str(uuid5(EVENTS, name))
    assert contact_id(source, *parts) == str(uuid5(CONTACTS, name))
