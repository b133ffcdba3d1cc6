"""Rolling windows over a customer's contacts, per channel.

A contact counts in a window of length W while its start is later than clock - W. A start later than the clock
counts: the contact has happened, only not everything before it is known yet.
"""

from agents.customers.memory import NEVER, Customer
from schemas.customers import ChannelWindow
from schemas.instants import DAY, HOUR

WINDOWS: tuple[tuple[str, int], ...] = (("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY))
"""Name and length (ms), shortest first."""

Windows = dict[str, dict[str, ChannelWindow]]


class _Tally:
    """Running sums of one channel, in ms."""

    __slots__ = ("contacts", "longest_wait", "outcomes", "total_wait", "waits")

    def __init__(self) -> None:
        self.contacts = 0
        self.outcomes: dict[str, int] = {}
        self.waits = 0
        self.total_wait = 0
        self.longest_wait = 0

    def window(self) -> ChannelWindow:
        outcomes, waits = self.outcomes, self.waits
        return ChannelWindow(
            contacts=self.contacts,
            answered=outcomes.get("answered", 0),
            abandoned=outcomes.get("abandoned", 0),
            outcomes=dict(sorted(outcomes.items())) if len(outcomes) > 1 else outcomes.copy(),
            total_wait=self.total_wait / 1000,
            longest_wait=self.longest_wait / 1000 if waits else None,
            average_wait=self.total_wait / waits / 1000 if waits else None,
        )


def roll(customer: Customer, clock: int) -> tuple[Windows, int]:
    """All windows at `clock`, and the next clock at which something leaves one (NEVER: nothing will).

    One pass from the newest contact to the oldest: each window is the shorter one and what is older.
    """
    contacts, sums = customer.contacts, customer.sums
    place, sum_place = len(contacts), len(sums)
    tallies: dict[str, _Tally] = {}
    windows: Windows = {}
    now: dict[str, ChannelWindow] = {}
    due = NEVER
    for name, length in WINDOWS:
        bound = clock - length
        before = place + sum_place
        while place and contacts[place - 1].started > bound:
            place -= 1
            contact = contacts[place]
            tally = tallies.get(contact.channel)
            if tally is None:
                tally = tallies[contact.channel] = _Tally()
            tally.contacts += 1
            outcome = contact.outcome
            tally.outcomes[outcome] = tally.outcomes.get(outcome, 0) + 1
            waited = contact.waited
            if waited is not None:
                tally.waits += 1
                tally.total_wait += waited
                if waited > tally.longest_wait:
                    tally.longest_wait = waited
        while sum_place and sums[sum_place - 1].latest > bound:
            sum_place -= 1
            each = sums[sum_place]
            tally = tallies.get(each.channel)
            if tally is None:
                tally = tallies[each.channel] = _Tally()
            tally.contacts += each.contacts
            for stood_at, count in each.outcomes.items():
                tally.outcomes[stood_at] = tally.outcomes.get(stood_at, 0) + count
            tally.waits += each.waits
            tally.total_wait += each.total_wait
            tally.longest_wait = max(tally.longest_wait, each.longest_wait)
        # What stands at `place` is the oldest in this window, so the next to leave it.
        if place < len(contacts):
            due = min(due, contacts[place].started + length)
        if sum_place < len(sums):
            due = min(due, sums[sum_place].latest + length)
        if place + sum_place != before:
            now = {channel: tallies[channel].window() for channel in sorted(tallies)}
        windows[name] = now
    return windows, due
