"""What was said of one pair of identifiers or of a single one, and how it is kept."""

from typing import NamedTuple

import msgspec

from schemas.identities import Authority
from schemas.short_ids import ShortId, full, shortened

AUTHORITIES: tuple[Authority, ...] = ("person", "crm", "provider")
"""The strongest first."""

PERSON = AUTHORITIES.index("person")


class Said(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One thing said at `at` (ms). `holds`: linked or blocked, not unlinked or unblocked."""

    at: int
    id: str
    holds: bool
    by: str | None = None
    reason: str | None = None

    @property
    def order(self) -> tuple[int, str]:
        """By which the later of two counts."""
        return self.at, self.id


class Word(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of what one authority says of a pair: the latest, and the first time that it was linked, None where that is the
    latest or never was."""

    latest: Said
    first: Said | None = None

    @property
    def linked(self) -> Said | None:
        """The first time that it was linked."""
        return self.latest if self.first is None and self.latest.holds else self.first


Words = tuple[Word | None, ...]
"""What each authority says of a pair, in the order of AUTHORITIES."""

Single = list[Said | None]
"""The latest that each authority says of one identifier alone, in the order of AUTHORITIES."""


class Pair(NamedTuple):
    """What was said of two identifiers, the smaller first. `case_a`, `case_b`: whether it is a case."""

    words: Words
    case_a: bool
    case_b: bool

    @property
    def parted(self) -> bool:
        """Whether a person says that they are two."""
        word = self.words[PERSON]
        return word is not None and not word.latest.holds

    @property
    def taken_back(self) -> int | None:
        """When (ms) an automatic link of them was taken back, the earliest; None where none was."""
        automatic = (word for rank, word in enumerate(self.words) if rank != PERSON and word is not None)
        return min((word.latest.at for word in automatic if not word.latest.holds), default=None)

    @property
    def at(self) -> int:
        """When (ms) anything was last said of them."""
        return max((word.latest.at for word in self.words if word is not None), default=0)


CASE_A, CASE_B, PARTED, TAKEN_BACK = 1, 2, 4, 8
"""Flags of a stored pair (its first byte): what is told of it without decoding it."""


def with_said(word: Word | None, said: Said) -> Word:
    """What an authority says, once it has said one thing more, whenever it was."""
    if word is None:
        return Word(said)
    latest = max(word.latest, said, key=_order)
    first = min((each for each in (word.linked, said) if each is not None and each.holds), key=_order, default=None)
    return Word(latest, None if first == latest else first)


def _order(said: Said) -> tuple[int, str]:
    return said.order


_StoredSaid = tuple[int, ShortId, bool, str | None, str | None]
_StoredWord = tuple[_StoredSaid, _StoredSaid | None]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[_StoredWord | None, ...]).decode


def encode_pair(pair: Pair) -> bytes:
    """One byte of flags, and the words in msgpack."""
    flags = CASE_A * pair.case_a + CASE_B * pair.case_b + PARTED * pair.parted
    flags += TAKEN_BACK * (pair.taken_back is not None)
    words = [None if word is None else (_short(word.latest), word.first and _short(word.first)) for word in pair.words]
    return bytes([flags]) + _encode(words)


def decode_pair(stored: bytes) -> Pair:
    """What `encode_pair` wrote."""
    words = (
        None if word is None else Word(_long(word[0]), None if word[1] is None else _long(word[1]))
        for word in _decode(stored[1:])
    )
    return Pair(tuple(words), bool(stored[0] & CASE_A), bool(stored[0] & CASE_B))


def _short(said: Said) -> _StoredSaid:
    return said.at, shortened(said.id), said.holds, said.by, said.reason


def _long(said: _StoredSaid) -> Said:
    at, id_, holds, by, reason = said
    return Said(at, full(id_), holds, by, reason)
