"""What a simulated centre is like: its queues, its staff and what is to go wrong. Durations are seconds."""

from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

# fmt: off
HOURS = (
    0.80, 0.80, 0.80, 0.80, 0.80, 0.80, 0.85, 0.95, 1.10, 1.20, 1.20, 1.15,
    1.10, 1.10, 1.15, 1.20, 1.20, 1.15, 1.10, 1.05, 1.00, 0.95, 0.90, 0.85,
)
# fmt: on
"""Arrivals by local hour of the day, as a factor of the mean: open day and night, with a mild dip."""

WEEKDAYS = (1.08, 1.04, 1.03, 1.02, 1.00, 0.92, 0.91)
"""Arrivals by day of the week, from Monday on."""


@dataclass(frozen=True)
class QueuePlan:
    """One queue. `per_hour`: calls of a mean hour. `talk`, `patience`: means; patience is exponential, talk lognormal.

    `timeout`: after so long a caller is sent out of the queue.
    """

    name: str
    per_hour: float
    talk: float
    patience: float
    timeout: float = 600.0


@dataclass(frozen=True)
class AgentPlan:
    """One member of the staff. `queues`: what they serve. `starts`: local hour at which their shift begins, of
    `hours` length. `rotation`: shifts which days they have off."""

    name: str
    queues: tuple[str, ...]
    starts: int
    rotation: int
    hours: float = 8.25


@dataclass(frozen=True)
class DeskPlan:
    """Where people write to. `per_hour`: requests of a mean hour. `agents`: who answers, `at_once` so many requests.

    `keeps`: an agent stays with a conversation until it is over; else whoever is free writes the next message.
    `writing`, `pause`: mean seconds that an agent needs for a message, and until the customer writes again.
    `more`: the chance that another message of the customer follows. `patience`: mean seconds until who was not
    answered leaves; None: they all wait. `reopened`, `rated`: shares of the conversations that are over. `precision`:
    ms to which its tool tells the time of a message.
    """

    name: str
    channel: Literal["chat", "email", "social"]
    per_hour: float
    agents: tuple[str, ...]
    at_once: int
    keeps: bool
    writing: float
    pause: float
    more: float
    patience: float | None = None
    reopened: float = 0.0
    rated: float = 0.0
    precision: int = 1_000


@dataclass(frozen=True)
class Incident:
    """For `lasts` seconds from `begins` (since the epoch) on, all but `left` agents pause in one queue or desk, and
    `factor` times as many people call it or write to it."""

    queue: str
    begins: float
    lasts: float = 240.0
    factor: float = 6.0
    left: int = 1
    reason: str = "system down"

    @property
    def ends(self) -> float:
        """When it is over."""
        return self.begins + self.lasts

    def covers(self, queue: str, at: float) -> bool:
        """Whether it befalls this queue at this time."""
        return queue == self.queue and self.begins <= at < self.ends


@dataclass(frozen=True)
class Plan:
    """A whole centre. `callers`: so many people may call it, or write. `redial`: share of those who gave up that try
    again; `elsewhere`: share of the others that come back on another channel."""

    queues: tuple[QueuePlan, ...]
    agents: tuple[AgentPlan, ...]
    zone: ZoneInfo
    callers: int = 3_000
    redial: float = 0.3
    missed: float = 0.03
    transferred: float = 0.04
    wrap_up: float = 0.1
    elsewhere: float = 0.4
    desks: tuple[DeskPlan, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All queues and desks."""
        return (*(queue.name for queue in self.queues), *(desk.name for desk in self.desks))


# fmt: off
_NAMES = (
    "Mia Berg", "Tom Ode", "Lena Voss", "Jonas Kern", "Aylin Demir", "Paul Brandt", "Sofia Rossi",
    "Emil Haas", "Nora Lind", "Felix Otto", "Ida Franke", "Karim Aziz", "Clara Weiss", "Leo Sommer",
    "Hanna Busch", "Milan Novak", "Elif Kaya", "Max Winter", "Greta Falk", "Oskar Thiel", "Zoe Martin",
    "Anton Graf", "Ines Duarte", "Ben Keller", "Yara Haddad", "Till Jansen", "Rosa Engel", "David Stark",
    "Maja Horn", "Erik Blum", "Lotte Sander", "Samir Nasser", "Carla Vogt", "Finn Albers", "Olga Petrov",
    "Hugo Reich", "Tara Quinn", "Nils Boden", "Vera Lang", "Adam Pohl", "Lea Sturm", "Ivo Marek",
    "Jana Ebert", "Omar Saleh", "Pia Lorenz", "Veit Adler", "Mona Fuchs", "Arne Kuhn", "Selin Acar",
    "Kai Lorentz", "Edda Moser", "Rafael Cruz", "Birte Hahn", "Timo Beck", "Anja Frey", "Luis Prado",
    "Wanda Ritter", "Joris Maas", "Nele Pape", "Cem Yildiz",
)
# fmt: on
_SKILLS = (("sales",), ("support",), ("billing", "support"), ("support", "sales"), ("billing",))
_SHIFTS = (6, 14, 22, 8, 6, 14, 22, 10, 15, 22, 6, 14)


DESKS = (
    DeskPlan(
        *("chat", "chat", 90, ("Ada Roth", "Ilja Brenner", "Mara Stein"), 3, True),
        writing=14,
        pause=18,
        more=0.6,
        patience=300,
        reopened=0.06,
        rated=0.5,
        precision=1,
    ),
    DeskPlan(
        *("mail", "email", 60, ("Vito Lange", "Sanne Dahl", "Rike Moll", "Jon Bauer"), 1, False),
        writing=30,
        pause=240,
        more=0.3,
    ),
    DeskPlan(
        *("social", "social", 75, ("Tilda Frey", "Onur Polat", "Joana Reis", "Lis Amend"), 1, False),
        writing=30,
        pause=60,
        more=0.4,
    ),
)
"""A chat, a mail address and a number for short messages, staffed day and night."""


def sample_plan(zone: str = "Europe/Berlin") -> Plan:
    """A centre of three queues and three desks; a shift has some ten agents on the phone by day and half as many at
    night."""
    agents = tuple(
        AgentPlan(
            name=name,
            queues=_SKILLS[number % len(_SKILLS)],
            starts=_SHIFTS[(number // len(_SKILLS)) % len(_SHIFTS)],
            rotation=number,
        )
        for number, name in enumerate(_NAMES)
    )
    queues = (
        QueuePlan("sales", per_hour=31, talk=165, patience=110),
        QueuePlan("support", per_hour=40, talk=190, patience=140),
        QueuePlan("billing", per_hour=20, talk=150, patience=120),
    )
    return Plan(queues, agents, ZoneInfo(zone), desks=DESKS)
