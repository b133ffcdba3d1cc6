"""Makes payloads as nobody sends them out of those that somebody does. The same chance gives the same payload."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote_from_bytes, urlencode

from tests.fuzz.oddities import FIELDS, JSON_VALUES, TEXTS, TOKENS

LONGEST = 100_000
"""Bytes that one change may add."""

MOST = 400_000
"""Bytes that a payload may have for another change."""

_LINE = re.compile(rb"(?m)^[A-Za-z-]{2,40}:[^\r\n]*\r?\n")
_HOLE = "\ue000"


class Sample(NamedTuple):
    """A payload and the headers of its record."""

    payload: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def content_type(self) -> str:
        """What the payload is said to be."""
        return dict(self.headers).get("content-type", b"").decode("latin-1").lower()


Change = Callable[[Random, bytes, Sequence[Sample]], bytes]


def mutated(chance: Random, samples: Sequence[Sample]) -> Sample:
    """One of the samples, changed once or a few times; of a few, the headers too."""
    sample = chance.choice(samples)
    payload = sample.payload
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
        change = chance.choice(_changes_of(payload, sample.content_type))
        payload = change(chance, payload, samples)
        if len(payload) > MOST:
            break
    headers = _headers(chance, sample.headers) if chance.random() < 0.05 else sample.headers
    return Sample(payload, headers)


def _changes_of(payload: bytes, content_type: str) -> Sequence[Change]:
    """What fits it; what fits every payload stands among it."""
    if "json" in content_type or payload.lstrip()[:1] in (b"{", b"["):
        return _OF_JSON
    if "urlencoded" in content_type:
        return _OF_FORMS
    if "multipart" in content_type or "rfc822" in content_type or _LINE.match(payload):
        return _OF_MAILS
    return _OF_LINES


def _headers(chance: Random, headers: tuple[tuple[str, bytes], ...]) -> tuple[tuple[str, bytes], ...]:
    """Another content type, or another header of the provider's; ce_type and ce_source are our own."""
    changed = dict(headers)
    name = chance.choice([name for name in changed if name not in ("ce_type", "ce_source")])
    if chance.random() < 0.3:
        del changed[name]
    else:
        changed[name] = chance.choice(TEXTS)
    return tuple(changed.items())


# Bytes


def _place(chance: Random, payload: bytes) -> int:
    return chance.randrange(len(payload) + 1)


def _slice(chance: Random, payload: bytes) -> tuple[int, int]:
    begin = _place(chance, payload)
    return begin, min(len(payload), begin + chance.choice((1, 1, 2, 4, 16, 64, 400)))


def _flipped(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    changed = bytearray(payload or b"\x00")
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _any_byte(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    changed = bytearray(payload or b"\x00")
    changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _truncated(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    return payload[: _place(chance, payload)]


def _beheaded(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    return payload[_place(chance, payload) :]


def _removed(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    begin, end = _slice(chance, payload)
    return payload[:begin] + payload[end:]


def _inserted(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    place = _place(chance, payload)
    added = chance.choice(TOKENS) if chance.random() < 0.7 else chance.randbytes(chance.randrange(1, 9))
    return payload[:place] + added + payload[place:]


def _repeated(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    begin, end = _slice(chance, payload)
    piece = payload[begin:end]
    times = chance.choice((2, 2, 3, 10)) if chance.random() < 0.95 else chance.choice((100, 1_000, 20_000))
    return payload[:begin] + piece * min(times, LONGEST // max(len(piece), 1)) + payload[end:]


def _spliced(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    other = chance.choice(others).payload
    return payload[: _place(chance, payload)] + other[_place(chance, other) :]


def _moved(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    begin, end = _slice(chance, payload)
    piece, rest = payload[begin:end], payload[:begin] + payload[end:]
    place = _place(chance, rest)
    return rest[:place] + piece + rest[place:]


# JSON


def _odd_value(chance: Random) -> str:
    kind = chance.random()
    if kind < 0.90:
        return chance.choice(JSON_VALUES)
    if kind < 0.94:
        depth = chance.choice((5, 50, 500, 5_000, 50_000))
        return "[" * depth + "]" * depth if chance.random() < 0.5 else '{"a":' * depth + "1" + "}" * depth
    if kind < 0.98:
        return json.dumps(
            chance.choice(("a", "é", "<", "a@b,", "=?utf-8?q?a?= ", "[", "1", "&lt;", "&#9")) * chance.randrange(3_000)
        )
    return json.dumps(chance.choice(("x", "<a", "😀", "a b ", "@", "&", "(")) * (LONGEST // 4))


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict | list):
            keys = list(each) if isinstance(each, dict) else range(len(each))
            found += [(each, key) for key in keys]
            waiting += [each[key] for key in keys]
    return found


def _json(change: Callable[[Random, Any, Any, list[tuple[Any, Any]]], str | None]) -> Change:
    """A change of a document at a place: what it returns stands in the place of the hole, as it is."""

    def changed(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
        try:
            document = json.loads(payload)
            nodes = _nodes(document)
            if not nodes:
                return _odd_value(chance).encode("utf-8", "replace")
            container, key = chance.choice(nodes)
            odd = change(chance, container, key, nodes)
            text = json.dumps(document, ensure_ascii=chance.random() < 0.5)
        except (ValueError, RecursionError):
            return _flipped(chance, payload, others)
        if odd is not None:
            text = text.replace(json.dumps(_HOLE), odd).replace(f'"{_HOLE}"', odd)
        return text.encode("utf-8", "surrogatepass")

    return changed


def _another_value(chance: Random, container: Any, key: Any, nodes: list[tuple[Any, Any]]) -> str:
    container[key] = _HOLE
    return _odd_value(chance)


def _dropped(chance: Random, container: Any, key: Any, nodes: list[tuple[Any, Any]]) -> None:
    del container[key]


def _twice(chance: Random, container: Any, key: Any, nodes: list[tuple[Any, Any]]) -> str:
    """An object with one key twice, else a list with a value twice."""
    value = json.dumps(container[key])
    if isinstance(container, list):
        container.append(container[key])
        return "null"
    container[key] = _HOLE
    return f"{_odd_value(chance)},{json.dumps(key)}:{value}"


def _swapped(chance: Random, container: Any, key: Any, nodes: list[tuple[Any, Any]]) -> None:
    other, its_key = chance.choice(nodes)
    value, its_value = container[key], other[its_key]
    if not isinstance(value, dict | list) and not isinstance(its_value, dict | list):
        container[key], other[its_key] = its_value, value


def _retyped(chance: Random, container: Any, key: Any, nodes: list[tuple[Any, Any]]) -> None:
    """The same value as another type."""
    value = container[key]
    if isinstance(value, str) and value.isdigit() and value.isascii():
        container[key] = int(value)
    elif isinstance(value, int | float):
        container[key] = str(value)
    else:
        container[key] = [value] if chance.random() < 0.5 else {"id": value}


def _other_name(chance: Random, container: Any, key: Any, nodes: list[tuple[Any, Any]]) -> None:
    if isinstance(container, dict):
        container[chance.choice((str(key).upper(), f"{key}x", "", "id", "type", str(key).swapcase()))] = container.pop(
            key
        )


def _inner(chance: Random, container: Any, key: Any, nodes: list[tuple[Any, Any]]) -> None:
    """A JSON text in a text, changed itself, or a text changed as bytes are."""
    texts = [(each, name) for each, name in nodes if isinstance(each[name], str)]
    inner = [(each, name) for each, name in texts if each[name][:1] in ("{", "[")]
    where, name = chance.choice(inner or texts or [(container, key)])
    if isinstance(where[name], str):
        change = chance.choice(
            (*_OF_JSON[:20], _flipped, _inserted) if inner else (_flipped, _inserted, _truncated, _odd_line)
        )
        where[name] = change(chance, where[name].encode("utf-8", "replace"), ()).decode("utf-8", "replace")


# Forms


def _form(change: Callable[[Random, list[tuple[bytes, bytes]]], None]) -> Change:
    def changed(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
        text = payload.decode("latin-1")
        try:
            pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in
                     parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=2_000)]  # fmt: skip
        except ValueError:
            return _flipped(chance, payload, others)
        if not pairs:
            return _inserted(chance, payload, others)
        change(chance, pairs)
        return urlencode(pairs, quote_via=lambda raw, *_: quote_from_bytes(raw)).encode()

    return changed


def _field_value(chance: Random, pairs: list[tuple[bytes, bytes]]) -> None:
    place = chance.randrange(len(pairs))
    pairs[place] = (pairs[place][0], chance.choice(TEXTS))


def _field_dropped(chance: Random, pairs: list[tuple[bytes, bytes]]) -> None:
    pairs.pop(chance.randrange(len(pairs)))


def _field_twice(chance: Random, pairs: list[tuple[bytes, bytes]]) -> None:
    name, value = chance.choice(pairs)
    pairs.insert(chance.randrange(len(pairs) + 1), (name, chance.choice((value, *TEXTS))))


def _fields_swapped(chance: Random, pairs: list[tuple[bytes, bytes]]) -> None:
    one, other = chance.randrange(len(pairs)), chance.randrange(len(pairs))
    (name, value), (its_name, its_value) = pairs[one], pairs[other]
    pairs[one], pairs[other] = (name, its_value), (its_name, value)


def _field_inside(chance: Random, pairs: list[tuple[bytes, bytes]]) -> None:
    place = chance.randrange(len(pairs))
    name, value = pairs[place]
    whole = value[:1] in (b"{", b"[")
    change = chance.choice(_OF_JSON if whole else (*_OF_MAILS, *_OF_LINES))
    pairs[place] = (name, change(chance, value, (Sample(value, ()),)))


def _field_long(chance: Random, pairs: list[tuple[bytes, bytes]]) -> None:
    name, _ = chance.choice(pairs)
    pairs.append(
        (
            name,
            chance.choice((b"a", b"<", b"\xff", b"a@b,", b"1", b"{"))
            * (chance.choice((100, 1_000)) if chance.random() < 0.9 else LONGEST // 4),
        )
    )


# Mails, and lines of other things


def _odd_line(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    """A header field with another value, twice, gone, or a new one."""
    lines = list(_LINE.finditer(payload))
    if not lines:
        return _inserted(chance, payload, others)
    line = chance.choice(lines)
    name = line[0].partition(b":")[0]
    kind = chance.random()
    if kind < 0.45:
        new = b"%b: %b\r\n" % (name, chance.choice(TEXTS))
    elif kind < 0.6:
        new = b""
    elif kind < 0.7:
        new = line[0] * chance.choice((2, 3, 200))
    elif kind < 0.95:
        new = line[0] + b"%b: %b\r\n" % (chance.choice(FIELDS), chance.choice(TEXTS))
    else:
        new = b"%b: %b\r\n" % (
            name,
            chance.choice((b"<a@b> ", b"a@b, ", b"(", b'"', b"=?utf-8?q?a?= ", b"a" * 60)) * chance.randrange(1_500),
        )
    return payload[: line.start()] + new + payload[line.end() :]


def _nested_parts(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
    """A mail as a part of parts."""
    depth = chance.choice((1, 2, 5, 30, 200))
    head = b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n"
    ends = b"".join(b"\r\n--n%d--\r\n" % number for number in reversed(range(depth)))
    inside = b"Content-Type: text/plain; charset=%b\r\n\r\nhello\r\n" % chance.choice(
        (b"utf-8", b"x", b"utf-16", b"idna")
    )
    lines = list(_LINE.finditer(payload))
    place = lines[-1].start() if lines else 0
    return (
        payload[:place] + b"".join(head % (number, number) for number in range(depth)) + inside + ends + payload[place:]
    )


def _cell(separator: bytes) -> Change:
    def changed(chance: Random, payload: bytes, others: Sequence[Sample]) -> bytes:
        cells = payload.split(separator)
        place, kind = chance.randrange(len(cells)), chance.random()
        if kind < 0.6:
            cells[place] = chance.choice(TEXTS)
        elif kind < 0.75:
            cells.pop(place)
        elif kind < 0.9:
            cells.insert(place, chance.choice(cells))
        else:
            times = chance.choice((2, 10, 1_000))
            cells[place] = cells[place] * min(times, LONGEST // max(len(cells[place]), 1))
        return separator.join(cells)

    return changed


_OF_BYTES: tuple[Change, ...] = (
    _flipped, _any_byte, _truncated, _beheaded, _removed, _inserted, _repeated, _spliced, _moved,
)  # fmt: skip
_OF_JSON: tuple[Change, ...] = (
    *(_json(_another_value),) * 12, *(_json(_dropped),) * 4, *(_json(_twice),) * 2, *(_json(_swapped),) * 2,
    *(_json(_retyped),) * 4, *(_json(_other_name),) * 2, *(_json(_inner),) * 4, *_OF_BYTES,
)  # fmt: skip
_OF_FORMS: tuple[Change, ...] = (
    *(_form(_field_value),) * 5, _form(_field_dropped), _form(_field_twice), _form(_fields_swapped),
    *(_form(_field_inside),) * 3, _form(_field_long), *_OF_BYTES,
)  # fmt: skip
_OF_MAILS: tuple[Change, ...] = (*(_odd_line,) * 8, _nested_parts, _cell(b"\r\n"), _cell(b"--fw"), *_OF_BYTES)
_OF_LINES: tuple[Change, ...] = (*(_cell(b"|"),) * 4, *(_cell(b","),) * 4, *_OF_BYTES)
