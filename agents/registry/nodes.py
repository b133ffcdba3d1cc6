"""How identifiers are written, and what was published of each."""

from typing import NamedTuple

import msgspec

from agents.registry.packed import PackedStore, spelled
from schemas.identities import Node


class Written(NamedTuple):
    """`told`: a digest of what was published last, empty where nothing was."""

    kind: str
    hint: str
    told: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Written)


def _decode(stored: bytes) -> Written:
    return _decoder.decode(stored)


class Nodes:
    """Identifiers by their packed ids. What asks for one that is not known raises KeyError, but for `__contains__`."""

    __slots__ = ("store",)

    def __init__(self, version: int) -> None:
        self.store: PackedStore[Written] = PackedStore(b"n", encode=_encode, decode=_decode, version=version)

    def __contains__(self, customer: bytes) -> bool:
        return self.store.get(customer) is not None

    def meet(self, nodes: dict[bytes, Node]) -> list[bytes]:
        """Keep how identifiers are written; returns those that are told otherwise than before."""
        touched = []
        for customer, node in nodes.items():
            known = self.store.get(customer)
            if known is None or (node.kind, node.hint) < known[:2]:
                self.store.put(customer, Written(node.kind, node.hint, b"" if known is None else known.told))
                touched.append(customer)
        return touched

    def node(self, customer: bytes) -> Node:
        """The identifier."""
        written = self._written(customer)
        return Node(spelled(customer), written.kind, written.hint)

    def kind(self, customer: bytes) -> str:
        """Its kind."""
        return self._written(customer).kind

    def told(self, customer: bytes) -> bytes | None:
        """A digest of what was published of it last, None where nothing was."""
        return self._written(customer).told or None

    def tell(self, customer: bytes, digest: bytes) -> None:
        """Something else was published."""
        self.store.put(customer, self._written(customer)._replace(told=digest))

    def _written(self, customer: bytes) -> Written:
        written = self.store.get(customer)
        if written is None:
            raise KeyError(spelled(customer))
        return written
