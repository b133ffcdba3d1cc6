"""Who comes: people who belong to nobody, each with a telephone, a mail address and a name in the chat, some of whom
come again and again; and what a CRM knows of those."""

from collections import deque
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

RANGES = ("+493023125", "+496990009", "+494066969", "+492214710", "+498999998")
"""Numbers with three more digits, set aside in Germany for films and books."""

DOMAIN = "kunde.example"
PRIVATE_DOMAIN = "privat.example"
REGULARS = 120
"""How many of those who come most often have a second address and a second number, and stand in the CRM."""

RECENT = 0.2
"""Share of those who come that were there not long ago, on whatever channel."""

_SKEW = 2.0
_FIRST_CRM_ID = 100_000
_FIRST = ("ana", "bo", "carla", "deniz", "eva", "finn", "gül", "hugo", "ida", "jan", "kim", "léa", "milo", "noor")
_LAST = ("kunde", "adler", "böhm", "castro", "duman", "ernst", "funk", "grau", "horn", "ito", "jung")


class Person(NamedTuple):
    """One of them. `place`: which one, from 0 on. `number`, `mail`: that they call and mail from (E.164, an address).
    `mobile`, `private_mail`: that they send short messages from and give in the chat, the same ones of most people."""

    place: int
    number: str
    mail: str
    mobile: str
    private_mail: str

    @property
    def crm_id(self) -> str:
        """Their id in the CRM."""
        return str(_FIRST_CRM_ID + self.place)

    @property
    def name(self) -> str:
        """What they are called."""
        return f"{_FIRST[self.place % len(_FIRST)]} {_LAST[self.place % len(_LAST)]}".title()


class Visitors:
    """Draws who comes next. Few people come often, and one in five was there not long ago."""

    def __init__(self, random: Random, people: int) -> None:
        numbers = [f"{start}{end:03}" for start in RANGES for end in range(1_000)]
        chosen = random.sample(numbers, min(people, len(numbers)))
        spare = iter(sorted(set(numbers) - set(chosen)))
        self._random = random
        self._people = [_person(place, number, next(spare, None)) for place, number in enumerate(chosen)]
        self._recent: deque[Person] = deque(maxlen=60)

    @property
    def regulars(self) -> list[Person]:
        """Those who come most often, the first one most of all: each has several identifiers."""
        return self._people[:REGULARS]

    def next(self) -> Person:
        """Somebody."""
        random = self._random
        if self._recent and random.random() < RECENT:
            return random.choice(self._recent)
        person = self._people[int(len(self._people) * random.random() ** _SKEW)]
        self._recent.append(person)
        return person


def visitors_of(seed: str, people: int) -> Visitors:
    """The people of a simulation: of one seed always the same."""
    return Visitors(Random(f"{seed}/callers"), people)  # noqa: S311 - a simulation is to be repeatable


def crm_lines(people: Iterable[Person]) -> list[str]:
    """A CRM's file on them, as CSV: a line for each address and number that it has of somebody."""
    lines = ["crm_id,email,phone\n"]
    for each in people:
        lines += [f"{each.crm_id},{each.mail},{each.number}\n", f"{each.crm_id},{each.private_mail},{each.mobile}\n"]
    return lines


def _person(place: int, number: str, mobile: str | None) -> Person:
    mail = f"kunde.{place}@{DOMAIN}"
    if place >= REGULARS or mobile is None:
        return Person(place, number, mail, number, mail)
    return Person(place, number, mail, mobile, f"k{place}@{PRIVATE_DOMAIN}")
