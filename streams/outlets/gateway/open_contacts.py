"""Which contacts are open, from customers.events."""

from typing import Literal

from schemas.customers import CustomerContact

ContactState = Literal["waiting", "answered", "open"]


class OpenContacts:
    """Every contact that is not over, as its customer was last told of it."""

    def __init__(self) -> None:
        # A contact that turned out to be another customer's is taken back from the one and told to the other, on
        # partitions that are read in any order.
        self._open: dict[tuple[str, str], CustomerContact] = {}

    def __len__(self) -> int:
        return len(self._open)

    def take(self, contact: CustomerContact) -> None:
        """Take one record."""
        name = (contact.contact, contact.customer)
        if contact.open and not contact.gone:
            self._open[name] = contact
        else:
            self._open.pop(name, None)

    def all(self) -> list[CustomerContact]:
        """All of them, in no order."""
        return list(self._open.values())


def state_of(contact: CustomerContact) -> tuple[ContactState, int]:
    """In which state a contact is, and since when (ms). `open`: neither in a queue nor with an agent."""
    if contact.outcome == "answered" and contact.answered is not None:
        return "answered", contact.answered
    if contact.outcome == "open" and contact.offered is not None:
        return "waiting", contact.offered
    return "open", contact.started
