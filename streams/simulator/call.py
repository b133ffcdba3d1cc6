"""One call on its way through the queues."""

from dataclasses import dataclass

from streams.simulator.people import Person
from streams.simulator.plan import QueuePlan
from streams.simulator.staff import Agent


@dataclass(eq=False)
class Call:
    """`number`: as the trunk sends it. `turn` grows with whatever happens to the call: what was planned for an earlier
    turn is void."""

    id: str
    person: Person
    number: str
    queue: QueuePlan
    entered: float
    position: int = 1
    agent: Agent | None = None
    ring_began: float = 0.0
    connected: float | None = None
    turn: int = 0

    @property
    def waiting(self) -> bool:
        """In the queue, and no telephone rings for it."""
        return self.agent is None and self.connected is None

    def waited(self, at: float) -> int:
        """Seconds since it entered, as a clock of whole seconds has them."""
        return int(at) - int(self.entered)

    def talked(self, at: float) -> int:
        """Seconds since it was connected."""
        return int(at) - int(self.connected if self.connected is not None else at)
