"""How often one customer's profile is told: the first change at once, then at most once an interval."""

from schemas.instants import SECOND


class Pace:
    """Who has changed, and who of them may be told now. Times are ms of the task's clock, which never goes back.

    >>> pace = Pace()
    >>> pace.changed("ann"), pace.ready()
    (True, ['ann'])
    >>> pace.told("ann", 5_000), pace.changed("ann"), pace.ready()
    (None, False, [])
    >>> pace.advance(6_000)
    ['ann']
    """

    __slots__ = ("_due", "_held", "_interval", "_told")

    def __init__(self, interval: int = SECOND) -> None:
        self._interval = interval
        # Dictionaries and not sets: in the order of the changes, so that a replay sends in the same order.
        self._due: dict[str, None] = {}
        self._held: dict[str, None] = {}
        # Those told less than an interval ago, the earliest first.
        self._told: dict[str, int] = {}

    def changed(self, customer: str) -> bool:
        """There is something new to tell of this customer; returns whether it may be told now."""
        if customer in self._told:
            self._held[customer] = None
            return False
        self._due[customer] = None
        return True

    def advance(self, clock: int) -> list[str]:
        """The clock has moved on: those who were held back long enough. The caller tells them now."""
        told, held = self._told, self._held
        bound = clock - self._interval
        over = []
        for customer, at in told.items():
            if at > bound:
                break
            over.append(customer)
        released = []
        for customer in over:
            del told[customer]
            if customer in held:
                del held[customer]
                released.append(customer)
        return released

    def ready(self, *, all_: bool = False) -> list[str]:
        """Those to be told now (`all_`: those held back as well), each of them once."""
        ready = list(self._due)
        self._due.clear()
        if all_:
            ready.extend(self._held)
            self._held.clear()
        return ready

    def told(self, customer: str, clock: int) -> None:
        """The customer's profile was sent at `clock`."""
        self._due.pop(customer, None)
        self._told.pop(customer, None)
        self._told[customer] = clock
