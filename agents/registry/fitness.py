"""Which statements say something."""

import re

from schemas.identities import Node, Statement

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Unfit(ValueError):
    """A statement that says nothing: what is wrong with it."""


def check(statement: Statement, nodes: dict[str, Node]) -> None:
    """Raises Unfit for a statement that cannot be taken. `nodes`: those that it names, by their customer ids."""
    if not nodes:
        raise Unfit(f"a statement '{statement.kind}' names no identifier: give at least one in nodes")
    if len(nodes) < (2 if statement.kind == "linked" else min(2, len(statement.nodes))):
        raise Unfit(f"a statement '{statement.kind}' of one identifier and itself: give different ones in nodes")
    wrong = next((place for place, customer in enumerate(nodes) if not _ID.fullmatch(customer)), None)
    if wrong is not None:
        raise Unfit(f"`$.nodes[{wrong}].customer` is no customer id: give what schemas.ids.customer_id makes, a UUID")
