"""Open clocks over the life of a contact: what the metrics say is open is what its clocks say, and in the end none."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contacts.clocks import open_promises
from agents.metrics.processor import Metrics
from schemas.events import AnyEvent, ContactStatusChanged, ContactUpdated
from schemas.instants import DAY, SECOND
from schemas.policies import MetricSettings
from schemas.policy_book import PolicyBook
from tests.unit.contact_bench import Floor, at, created, other
from tests.unit.metric_kit import Board, feed, tick
from tests.unit.test_contact_clock_order import POLICIES, any_case

LAST = 500
BOOK = PolicyBook.of(POLICIES)


def promised(floor: Floor) -> Counter[tuple[str, str]]:
    """By clock: how many run and how many pause, of those that are not broken, by the contact's own clocks."""
    contact = floor.contacts.contact("c1")
    if contact is None or not contact.log:
        return Counter()
    kept = [one for one in open_promises(contact, BOOK) if not one.breached]
    return Counter((one.clock, "paused" if one.due is None else "open") for one in kept)


class Watched:
    """A floor whose partials go on to the metrics."""

    def __init__(self) -> None:
        self.floor = Floor(policies=POLICIES)
        self.metrics, self.board = Metrics(MetricSettings()), Board()
        self._passed: Counter[object] = Counter()

    def flush(self, second: float) -> None:
        self.floor.flush()
        news = [(key, n - self._passed[key]) for key, n in self.floor.clocks.items() if n != self._passed[key]]
        self._passed = Counter(self.floor.clocks)
        feed(self.metrics, self.board, [], clocks=news)
        tick(self.metrics, self.board, at(second) / SECOND, ended=True)

    def told(self) -> Counter[tuple[str, str]]:
        """By clock: how many run and how many pause, as the floor's window says."""
        found: Counter[tuple[str, str]] = Counter()
        metrics = {name: metric for window in self.board.of("all") for name, metric in window.metrics.items()}
        for name, metric in metrics.items():
            what, _, clock = name.partition(".")
            if what == "time_to_breach":
                found[clock, "open"] += metric.n
                found[clock, "paused"] -= metric.n
            elif what == "sla_open":
                found[clock, "paused"] += round(metric.value or 0)
        return +found


@settings(max_examples=15)
@given(any_case(), st.randoms(use_true_random=False))
def test_what_is_open_is_what_the_contact_promises_and_in_the_end_nothing_is(
    happened: list[AnyEvent], chance: random.Random
) -> None:
    watched = Watched()
    told = [*happened]
    chance.shuffle(told)
    clock = 0
    while told:
        size = chance.randint(1, 3)
        batch, told = told[:size], told[size:]
        watched.floor.hear(*batch)
        clock = min(clock + chance.choice((0, 0, 30, 90)), LAST)
        watched.floor.clock(clock)
        watched.flush(clock)
        if chance.random() < 0.3:
            watched.floor.crash()
        assert watched.told() == promised(watched.floor)
    watched.floor.clock(LAST)
    watched.floor.hear(other(ContactStatusChanged, LAST, status="closed", id="end", channel="email"))
    for days in (1, 3, 40, 80):
        watched.floor.clock(LAST + days * DAY // SECOND)
        watched.flush(LAST + days)
    assert promised(watched.floor) == Counter()
    assert watched.told() == Counter()
    open_ones = {key: n for key, n in watched.floor.clocks.items() if key[5] in ("open", "at_risk", "paused") and n}
    assert open_ones == {}


def test_a_paused_clock_that_is_retargeted_still_pauses() -> None:
    watched = Watched()
    watched.floor.hear(created(0, channel="email"))
    watched.floor.hear(other(ContactStatusChanged, 10, status="pending", id="pending", channel="email"))
    watched.floor.hear(other(ContactUpdated, 12, priority="urgent", id="urgent", channel="email"))
    watched.floor.clock(15)
    watched.flush(15)
    assert [one.transition for one in watched.floor.said if one.clock == "requester_wait"] == [
        *("activated", "paused", "retargeted"),
    ]
    assert watched.told() == {("requester_wait", "paused"): 1}
