"""The heap of deadlines: what is outdated takes no room for long."""

from agents.contacts.deadlines import SPARE, Deadlines


def test_deadlines_that_were_put_off_do_not_pile_up() -> None:
    deadlines = Deadlines()
    for turn in range(10 * SPARE):
        deadlines.arm(f"c{turn % 10}", 10**9 + turn)
    assert len(deadlines) <= SPARE + 2 * 10
    assert list(deadlines.due(10**9 + 10 * SPARE)) == [f"c{(10 * SPARE - 10 + each) % 10}" for each in range(10)]
