"""Which identifiers were named together: who may be linked with whom, and who was named with too many."""

from agents.registry.packed import ID, PackedMap, PackedPairs, ids_in

LARGE = 32
"""Who was named with more stands for itself; others lie packed."""

_IDENTIFIER, _CASE = b"\0", b"\1"


class _Large:
    """Whom one was named with who was named with many, the smallest first. `identifiers`: how many are no cases."""

    __slots__ = ("identifiers", "others")

    def __init__(self, rows: list[bytes]) -> None:
        self.identifiers = 0
        self.others = bytearray()
        for row in rows:
            self.add(row)

    def add(self, row: bytes) -> None:
        """One more."""
        other, others = row[:ID], self.others
        self.identifiers += row[ID:] == _IDENTIFIER
        if others and other < others[:ID]:
            others += others[:ID]
            others[:ID] = other
        else:
            others += other

    def remove(self, row: bytes) -> None:
        """One less: the last takes its place, so that a hub gives up its many in about as long as it took them."""
        other, others = row[:ID], self.others
        at = others.find(other)
        while at > 0 and at % ID:
            at = others.find(other, at + 1)
        if at < 0:
            return
        self.identifiers -= row[ID:] == _IDENTIFIER
        others[at : at + ID] = others[-ID:]
        del others[-ID:]
        if not at and others:
            every = list(ids_in(others))
            smallest = every.index(min(every)) * ID
            others[:ID], others[smallest : smallest + ID] = others[smallest : smallest + ID], others[:ID]


class Neighbours:
    """Pairs of identifiers that somebody spoke of, by their packed ids.

    A case that only one identifier was named with ties nobody, and is nobody's neighbour: it is alone with that one.
    `crowds`: who was named with more than `most` others, cases aside. All of it follows from the pairs, in any order.

    >>> near, ann, bob, case = Neighbours(100), b"a" * 16, b"b" * 16, b"c" * 16
    >>> near.meet(ann, case, {case}), near.of(ann), near.alone_with(case) == ann
    (True, [], True)
    >>> near.meet(bob, case, {case}), near.of(ann) == [case], near.of(case) == [ann, bob], near.alone_with(case)
    (False, True, True, None)
    """

    __slots__ = ("_alone", "_large", "_most", "_near", "_ties", "crowds")

    def __init__(self, most: int) -> None:
        self._most = most
        self._near = PackedPairs(ID + 1)
        self._large: dict[bytes, _Large] = {}
        # A case -> the only one; who was named with such cases -> how many they are.
        self._alone = PackedMap()
        self._ties = PackedMap()
        self.crowds: dict[bytes, None] = {}

    def of(self, customer: bytes) -> list[bytes]:
        """Who was named with this one, the smallest first."""
        large = self._large.get(customer)
        return sorted(row[:ID] for row in self._near.of(customer)) if large is None else list(ids_in(large.others))

    def smallest(self, customer: bytes) -> bytes:
        """The first of them, where there is any."""
        large = self._large.get(customer)
        return min(self.of(customer), default=b"") if large is None else bytes(large.others[:ID])

    def count(self, customer: bytes) -> int:
        """How many they are."""
        large = self._large.get(customer)
        return len(self._near.of(customer)) if large is None else len(large.others) // ID

    def alone_with(self, case: bytes) -> bytes | None:
        """The only one that a case was named with."""
        return self._alone.get(case)

    def has_ties(self, customer: bytes) -> bool:
        """Whether any case is alone with this one."""
        return self._ties.get(customer) is not None

    def is_named(self, customer: bytes) -> bool:
        """Whether there is any pair with this one."""
        return self.has_ties(customer) or self.alone_with(customer) is not None or self.count(customer) > 0

    def meet(self, a: bytes, b: bytes, cases: set[bytes]) -> bool:
        """Note a pair; call it once of each. `cases`: those of the two that are one. Returns whether one is alone."""
        if len(cases) == 1:
            (case,) = cases
            if self._alone.get(case) is None and not self.count(case):
                self._stand_alone(case, b if case == a else a)
                return True
        for case in cases:
            other = self._alone.pop(case)
            if other is not None:
                self._tie(other, -1)
                self._add(case, other, other_is_case=False)
                self._add(other, case, other_is_case=True)
        self._add(a, b, other_is_case=b in cases)
        self._add(b, a, other_is_case=a in cases)
        return False

    def part(self, a: bytes, b: bytes, cases: set[bytes]) -> list[bytes]:
        """Forget a pair; returns whom that concerns besides the two."""
        for case, other in ((a, b), (b, a)):
            if self._alone.get(case) == other:
                self._alone.pop(case)
                self._tie(other, -1)
                return []
        concerned = []
        for one, other in ((a, b), (b, a)):
            self._remove(one, other, other_is_case=other in cases)
            if one in self.crowds and self._identifiers(one) <= self._most:
                del self.crowds[one]
                concerned += self.of(one)
            if one in cases and self.count(one) == self._identifiers(one) == 1:
                (left,) = self.of(one)
                concerned.append(left)
                self._remove(one, left, other_is_case=False)
                self._remove(left, one, other_is_case=True)
                self._stand_alone(one, left)
        return concerned

    def _stand_alone(self, case: bytes, other: bytes) -> None:
        self._alone.put(case, other)
        self._tie(other, 1)

    def _tie(self, customer: bytes, more: int) -> None:
        many = int.from_bytes(self._ties.get(customer) or b"") + more
        if many:
            self._ties.put(customer, many.to_bytes(4))
        else:
            self._ties.pop(customer)

    def _add(self, one: bytes, other: bytes, *, other_is_case: bool) -> None:
        row, large = other + (_CASE if other_is_case else _IDENTIFIER), self._large.get(one)
        if large is not None:
            large.add(row)
        elif self._near.add(one, row) > min(self._most, LARGE):
            rows = self._near.of(one)
            if len(rows) > LARGE:
                self._near.remove(one)
                self._large[one] = _Large(rows)
        else:
            return
        if self._identifiers(one) > self._most:
            self.crowds[one] = None

    def _remove(self, one: bytes, other: bytes, *, other_is_case: bool) -> None:
        row, large = other + (_CASE if other_is_case else _IDENTIFIER), self._large.get(one)
        if large is None:
            self._near.remove(one, row)
            return
        large.remove(row)
        if not large.others:
            del self._large[one]

    def _identifiers(self, one: bytes) -> int:
        large = self._large.get(one)
        return sum(row[ID:] == _IDENTIFIER for row in self._near.of(one)) if large is None else large.identifiers
