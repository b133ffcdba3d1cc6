"""What was said of pairs of identifiers and of single ones, whatever the order in which it came."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal, NamedTuple

from agents.registry.fitness import check
from agents.registry.neighbours import Neighbours
from agents.registry.nodes import Nodes
from agents.registry.packed import ID, PackedStore, packed
from agents.registry.said import (
    AUTHORITIES,
    CASE_A,
    CASE_B,
    PARTED,
    PERSON,
    TAKEN_BACK,
    Pair,
    Said,
    Single,
    Word,
    decode_pair,
    encode_pair,
    with_said,
)
from agents.registry.waning import Waning
from schemas.identifiers import CASE
from schemas.identities import Authority, Statement
from schemas.instants import to_ms
from streams.store import Store

CROWD = 100
"""Who was named with more identifiers is nobody's own (a front desk's phone), unless the rules say otherwise."""

FORGOTTEN = 1_000
"""Pairs that are looked at at once whether they may be forgotten, at most."""

_VERSION = 2

Blocker = Authority | Literal["crowd"]
"""Who says that an identifier is blocked; crowd: nobody said anything of it, it was named with too many others."""


class Edge(NamedTuple):
    """A link that is said. Edges are taken in their order: rank of the authority, instant (ms), id of the statement."""

    rank: int
    at: int
    id: str
    a: bytes
    b: bytes
    said: Said


class Words:
    """Everything said, by pair and by identifier, whose packed ids they go by (agents.registry.packed).

    An automatic link counts from the first time it was said, so that who calls often is not asked about anew; what a
    person says counts from the last time. `crowd`: who was named with more identifiers than that counts as blocked,
    unless somebody said whether it is. `nodes`: how identifiers are written.
    """

    __slots__ = ("_apart", "_blocks", "_crowd", "_near", "_pairs", "_partings", "_waning", "_waning_partings", "nodes")

    def __init__(self, crowd: int = CROWD) -> None:
        self._crowd = crowd
        self._pairs = PackedStore(b"p", encode=encode_pair, decode=decode_pair, version=_VERSION)
        self.nodes = Nodes(_VERSION)
        # By the hexadecimal form of the id.
        self._partings: Store[Single] = Store(b"u", Single, version=_VERSION)
        self._blocks: Store[Single] = Store(b"b", Single, version=_VERSION)
        self._derive()

    def _derive(self) -> None:
        self._near = Neighbours(self._crowd)
        self._apart: dict[bytes, set[bytes]] = {}
        self._waning, self._waning_partings = Waning(2 * ID), Waning(ID)

    # -- what is said --------------------------------------------------------------------------------------

    def hear(self, statement: Statement) -> Iterable[bytes]:
        """Take one statement; returns the identifiers whose links it may change. Raises Unfit, and takes nothing."""
        named = {node.customer: node for node in statement.nodes}
        check(statement, named)
        nodes = {packed(customer): node for customer, node in named.items()}
        rank = AUTHORITIES.index(statement.authority)
        linking = statement.kind in ("linked", "unlinked")
        said = Said(
            to_ms(statement.at), statement.id, statement.kind in ("linked", "blocked"), statement.by, statement.reason
        )
        touched = self.nodes.meet(nodes)
        first, *others = nodes
        if linking and others:
            crowds = self._near.crowds
            before_this = len(crowds)
            cases = {customer for customer, node in nodes.items() if node.kind == CASE}
            changed = [other for other in others if self._hear_pair(first, other, rank, said, cases)]
            for crowd in list(crowds)[before_this:] if len(crowds) > before_this else ():
                changed += (crowd, *self.neighbours(crowd))
            return [*touched, first, *changed] if changed else touched
        for customer in nodes:
            touched += self._hear_single(customer, rank, said, linking=linking)
        return touched

    def _hear_pair(self, one: bytes, other: bytes, rank: int, said: Said, cases: set[bytes]) -> bool:
        """Keep what is said of a pair; returns whether anything else follows from it than before."""
        a, b = (one, other) if one < other else (other, one)
        known = self._pairs.get(a + b)
        words = (None,) * len(AUTHORITIES) if known is None else known.words
        after = with_said(words[rank], said)
        if after == words[rank]:
            return False
        waned = known is not None and known.taken_back is not None
        if known is None:
            waned = self._near.meet(a, b, cases & {a, b})
            if waned:
                self._waning.note(said.at, a + b)
        case_a, case_b = (a in cases, b in cases) if known is None else (known.case_a, known.case_b)
        pair = Pair((*words[:rank], after, *words[rank + 1 :]), case_a, case_b)
        if pair.taken_back is not None and not waned:
            self._waning.note(pair.taken_back, a + b)
        was_parted = known is not None and known.parted
        if pair.parted != was_parted:
            self._note_apart(a, b, parted=pair.parted)
        self._pairs.put(a + b, pair)
        return pair.parted != was_parted or self._edge(a, b, known) != self._edge(a, b, pair)

    def _hear_single(self, customer: bytes, rank: int, said: Said, *, linking: bool) -> list[bytes]:
        """Keep what is said of one alone; returns whose links it may change."""
        before = self.blocked_by(customer)
        store = self._partings if linking else self._blocks
        words = store.get(customer.hex()) or [None] * len(AUTHORITIES)
        known = words[rank]
        if known is not None and known.order >= said.order:
            return []
        store.put(customer.hex(), [said if place == rank else word for place, word in enumerate(words)])
        if linking and known is None and rank != PERSON:
            self._waning_partings.note(said.at, customer)
        if not linking and self.blocked_by(customer) == before:
            return []
        told = {before, self.blocked_by(customer)} == {"crowd", "person"}
        return [customer] if told else [customer, *self.neighbours(customer)]

    def _note_apart(self, a: bytes, b: bytes, *, parted: bool) -> None:
        for one, other in ((a, b), (b, a)):
            if parted:
                self._apart.setdefault(one, set()).add(other)
            elif one in self._apart:
                self._apart[one].discard(other)

    # -- what is forgotten ---------------------------------------------------------------------------------

    def forget(self, bound: int) -> list[bytes]:
        """Forget what was said before `bound` (ms) and holds no more, and cases that one identifier alone was named
        with before it; what a person said stays. Returns the identifiers whose links are to be looked through.

        Of a pair that is forgotten nothing followed. FORGOTTEN at once at most; up to an hour later.
        """
        touched: list[bytes] = []
        pairs = self._waning.due(bound, FORGOTTEN)
        for key in pairs:
            touched += self._wane(key, bound)
        for customer in () if pairs else self._waning_partings.due(bound, FORGOTTEN):
            touched += self._wane_parting(customer, bound)
        return [customer for customer in touched if customer in self.nodes]

    def _wane(self, key: bytes, bound: int) -> list[bytes]:
        pair = self._pairs.get(key)
        if pair is None:
            return []
        a, b = key[:ID], key[ID:]
        case = next((one for one, other in ((a, b), (b, a)) if self._near.alone_with(one) == other), None)
        if case is not None and pair.at >= bound:
            self._waning.note(pair.at, key)
            return []
        if case is None or pair.words[PERSON] or self._partings.get(case.hex()) or self._blocks.get(case.hex()):
            return self._keep(
                key, pair, (None if _is_over(*each, bound) else each[1] for each in enumerate(pair.words))
            )
        return self._keep(key, pair, ())

    def _wane_parting(self, customer: bytes, bound: int) -> list[bytes]:
        """Forget what an authority said of one alone, but first the links that it took back by that."""
        partings = self._partings.get(customer.hex()) or []
        over = {rank: said for rank, said in enumerate(partings) if rank != PERSON and said and said.at < bound}
        since = min((said.at for said in over.values()), default=bound)
        if over and self._near.has_ties(customer):
            # Which cases it was alone with is not at hand.
            self._waning_partings.note(bound, customer)
            return []
        touched: list[bytes] = []
        undone = self._undone(customer, over)
        for key, pair, words in islice(undone, FORGOTTEN):
            touched += self._keep(key, pair, words)
        if next(undone, None) is not None:
            self._waning_partings.note(since, customer)
            return touched
        left = [None if rank in over else said for rank, said in enumerate(partings)]
        again = min((said.at for rank, said in enumerate(left) if rank != PERSON and said is not None), default=None)
        if again is not None:
            self._waning_partings.note(again, customer)
        if over and any(left):
            self._partings.put(customer.hex(), left)
        elif over:
            self._partings.delete(customer.hex())
            self._forget_unspoken(customer)
            self._note_alone(customer, since)
        return touched

    def _undone(self, customer: bytes, over: dict[int, Said]) -> Iterator[tuple[bytes, Pair, list[Word | None]]]:
        """The pairs of one of which an authority, by rank, took a link back, and the words that are left of each."""
        alone = self._near.alone_with(customer)
        others = (*self.neighbours(customer), *(() if alone is None else (alone,))) if over else ()
        for other in others:
            key = min(customer, other) + max(customer, other)
            pair = self._pairs.get(key)
            if pair is not None:
                words = [
                    None if word is not None and rank in over and word.latest.order < over[rank].order else word
                    for rank, word in enumerate(pair.words)
                ]
                if tuple(words) != pair.words:
                    yield key, pair, words

    def _keep(self, key: bytes, pair: Pair, words: Iterable[Word | None]) -> list[bytes]:
        """Keep of a pair no more than these words; returns whom it concerns."""
        kept = pair._replace(words=tuple(words))
        if any(kept.words):
            if kept != pair:
                self._pairs.put(key, kept)
            if kept.taken_back is not None:
                self._waning.note(kept.taken_back, key)
            return []
        a, b = key[:ID], key[ID:]
        self._pairs.delete(key)
        self._note_apart(a, b, parted=False)
        concerned = self._near.part(a, b, _cases(a, b, pair.case_a, pair.case_b))
        for one in (a, b):
            self._forget_unspoken(one)
            self._note_alone(one, pair.at)
        return [a, b, *concerned]

    def _note_alone(self, case: bytes, at: int) -> None:
        """Look at a case from `at` (ms) on, if one alone was named with it."""
        other = self._near.alone_with(case)
        if other is not None:
            self._waning.note(at, min(case, other) + max(case, other))

    def _forget_unspoken(self, customer: bytes) -> None:
        name = customer.hex()
        if not (self._near.is_named(customer) or self._partings.get(name) or self._blocks.get(name)):
            self.nodes.store.delete(customer)

    # -- what follows --------------------------------------------------------------------------------------

    def neighbours(self, customer: bytes) -> list[bytes]:
        """Of whom anybody ever said that it is linked with this one, or is not; see Neighbours."""
        return self._near.of(customer)

    def smallest_neighbour(self, customer: bytes) -> bytes:
        """The first of them, where there is any: of a crowd it stands for all."""
        return self._near.smallest(customer)

    def blocked_neighbours(self, customer: bytes) -> Iterable[bytes]:
        """Those neighbours that may be blocked; may name others as well. Of a crowd it looks at few of its many."""
        crowds = self._near.crowds
        if self._near.count(customer) <= len(self._blocks) + len(crowds):
            return self._near.of(customer)
        return dict.fromkeys((*map(bytes.fromhex, self._blocks.data), *crowds))

    def apart(self, customer: bytes) -> Iterable[bytes]:
        """Whom a person has parted from this one."""
        return self._apart.get(customer, ())

    def blocked_by(self, customer: bytes) -> Blocker | None:
        """The strongest authority that said anything of it being blocked, where that says it is; else a crowd."""
        said = self._blocks.get(customer.hex()) if self._blocks.data else None
        if said is not None:
            for authority, word in zip(AUTHORITIES, said, strict=True):
                if word is not None:
                    return authority if word.holds else None
        return "crowd" if customer in self._near.crowds else None

    def edge(self, one: bytes, other: bytes) -> Edge | None:
        """The strongest link said between two, None where none is, or a person took it away."""
        a, b = (one, other) if one < other else (other, one)
        return self._edge(a, b, self._pairs.get(a + b))

    def _edge(self, a: bytes, b: bytes, pair: Pair | None) -> Edge | None:
        if pair is None:
            return None
        known = (self._partings.get(each.hex()) for each in (a, b)) if self._partings.data else ()
        partings = [each for each in known if each is not None]
        parted = any(each[PERSON] is not None for each in partings)
        for rank, word in enumerate(pair.words):
            if word is None:
                continue
            if not word.latest.holds:
                if rank == PERSON:
                    return None
                continue
            undone = any((said := each[rank]) is not None and said.order > word.latest.order for each in partings)
            if undone or (parted and rank != PERSON):
                continue
            said = word.latest if rank == PERSON else word.linked or word.latest
            return Edge(rank, said.at, said.id, a, b, said)
        return None

    def customers(self) -> Iterator[bytes]:
        """Every identifier that anything was said of, as of the last flush."""
        return (customer for customer, _ in self.nodes.store.stored())

    # -- state ---------------------------------------------------------------------------------------------

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded."""
        for store in (self._pairs, self.nodes.store, self._partings, self._blocks):
            yield from store.changes()

    def restore(self, key: bytes, value: bytes | None) -> bool:
        """Take one changelog record; False where it is of another store. Raises UnknownStateFormat."""
        for store in (self._pairs, self.nodes.store, self._partings, self._blocks):
            if store.owns(key):
                store.restore(key, value)
                return True
        return False

    def restored(self) -> None:
        """Rebuild who is spoken of with whom, and when that may be forgotten."""
        self._derive()
        for key, stored in self._pairs.stored():
            a, b, flags = key[:ID], key[ID:], stored[0]
            alone = self._near.meet(a, b, _cases(a, b, bool(flags & CASE_A), bool(flags & CASE_B)))
            if flags & PARTED:
                self._note_apart(a, b, parted=True)
            if alone or flags & TAKEN_BACK:
                pair = decode_pair(stored)
                self._waning.note(pair.at if pair.taken_back is None else pair.taken_back, key)
        for name, single in self._partings.data.items():
            at = min((said.at for rank, said in enumerate(single) if rank != PERSON and said is not None), default=None)
            if at is not None:
                self._waning_partings.note(at, bytes.fromhex(name))


def _cases(a: bytes, b: bytes, case_a: bool, case_b: bool) -> set[bytes]:
    return {one for one, is_case in ((a, case_a), (b, case_b)) if is_case} if case_a or case_b else set()


def _is_over(rank: int, word: Word | None, bound: int) -> bool:
    return rank != PERSON and word is not None and not word.latest.holds and word.latest.at < bound
