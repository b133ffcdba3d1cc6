"""Customers with several identifiers, and the contacts whose events say that identifiers are, or are not, one's.

Of the customers of a circle some are taken for each other: their identifiers stand in a ring, and whatever is said is
said of two that are next to each other. So sets grow, are parted and joined again, and some would become too large.
"""

from __future__ import annotations

from tests.chaos.plots import Plot
from tests.chaos.story import QUEUES, Stay, Story
from tests.chaos.tickets import Step, perform

LINKED = 12
"""So many customers, from the first on, are spoken of."""

CIRCLE = 3
"""Customers who are taken for each other."""

_CRM, _SOURCE = "crm-nightly", "form"


def identifiers_of(customer: int) -> dict[str, str]:
    """By channel, under what name a customer comes there."""
    return {
        "phone": f"tel:+49301{customer:06d}",
        "email": f"mailto:customer{customer}@floor.example",
        "chat": f"slack:floor:{customer}",
    }


def ring_of(customer: int) -> list[str]:
    """The identifiers of a customer's circle."""
    first = customer // CIRCLE * CIRCLE
    return [name for each in range(first, first + CIRCLE) for name in identifiers_of(each).values()]


def names_another(story: Story) -> None:
    """The caller says under what other name they are known."""
    ring = story.ring
    place = ring.index(story.identifier)
    other = ring[(place + story.rng.choice((-1, 1))) % len(ring)]
    _call(story, {"identifiers": [story.identifier, other]})


def names_a_case(story: Story) -> None:
    """The caller names a ticket, of which others speak as well."""
    _call(story, {"case": f"{story.ring[0][-6:]}-{story.rng.randrange(2)}"})


def linked(story: Story) -> None:
    """During a contact a CRM or a form says that two are one."""
    _state(story, "identity.linked", _pair(story))


def unlinked(story: Story) -> None:
    """... that two are not one after all."""
    _state(story, "identity.unlinked", _pair(story))


def stands_alone(story: Story) -> None:
    """... that one is nobody else."""
    _state(story, "identity.unlinked", [story.rng.choice(story.ring)])


LINKS: tuple[tuple[Plot, int], ...] = (
    (names_another, 2),
    (names_a_case, 2),
    (linked, 6),
    (unlinked, 4),
    (stands_alone, 2),
)
"""Every kind, and how many there are beside a hundred other contacts."""


def _pair(story: Story) -> list[str]:
    place = story.rng.randrange(len(story.ring))
    pair = [story.ring[place - 1], story.ring[place]]
    story.rng.shuffle(pair)
    return pair


def _state(story: Story, kind: str, identifiers: list[str]) -> None:
    rng = story.rng
    at = rng.randrange(100, 2_000)
    told = at + rng.choice((0, rng.randrange(100, 3_000)))
    by = rng.choice((_CRM, _SOURCE))
    _call(story, {}, Step(at, kind, {"identifiers": identifiers, "by": by}, told))


def _call(story: Story, more: dict[str, object], *others: Step) -> None:
    """A contact that is answered."""
    rng = story.rng
    queue = rng.choice(QUEUES)
    own = {"identifiers": [story.identifier]}
    wait = rng.randrange(300, round(queue.target * 1.2))
    offered, answered, ended, *_ = perform(
        story,
        (
            Step(0, "contact.offered", {"queue": queue.name, **own, **more}),
            Step(wait, "contact.answered", {"queue": queue.name, "agent": story.agent}),
            Step(wait + rng.randrange(300, 2_500), "contact.ended", {"by": "agent"}),
            *others,
        ),
    )
    story.stays.append(Stay(offered, answered, ended))
