"""The first line of a message says what, where, how bad and since when, and fits on a watch."""

import pytest

from agents.alerts.words import LONGEST, duration
from schemas.trends import TrendEvidence
from tests.unit.alert_desk import TERMS, Desk, Said, answered, breach, corrected, gone, silence, trend

ANN, BEN, CEM = breach("ann", 0), breach("ben", 5), breach("cem", 6)
LOW = TrendEvidence(observed=6, expected=15.4, statistic=9, threshold=6)


@pytest.mark.parametrize(
    ("said", "end", "summary"),
    [
        ([ANN], 10, "Sales: 1 caller past the 20 s target, oldest waiting since 14:27"),
        ([ANN, BEN, CEM], 10, "Sales: 3 callers past the 20 s target, oldest waiting since 14:27"),
        ([breach("ann", 0, channel="chat")], 1, "Sales: 1 customer past the 20 s target, oldest waiting since 14:27"),
        ([ANN, breach("ben", 1, channel="chat")], 2,
         "Sales: 2 customers past the 20 s target, oldest waiting since 14:27"),
        ([ANN, breach("ben", 60, target=80)], 70, "Sales: 2 callers past their targets, oldest waiting since 14:27"),
        ([breach("ann", 0, target=120)], 1, "Sales: 1 caller past the 2 min target, oldest waiting since 14:26"),
        ([breach("ann", 0, queue="loans")], 1, "loans: 1 caller past the 20 s target, oldest waiting since 14:27"),
        ([breach("ann", 0, queue=None)], 1, "no queue: 1 caller past the 20 s target, oldest waiting since 14:27"),
        ([ANN, BEN, gone("ann", 0, 31)], 35, "Sales: 1 caller past the 20 s target, oldest waiting since 14:27"),
        ([ANN, gone("ann", 0, 70)], 75, "Sales: nobody waits past the 20 s target any more, 1 caller did since 14:28"),
        ([ANN, BEN, answered("ann", 0, 70), gone("ben", 5, 130)], 500,
         "Sales: over, 2 callers waited past the 20 s target, 14:28 to 14:30"),
        ([ANN, gone("ann", 0, 10)], 500,
         "Sales: fired and cleared, 1 caller waited past the 20 s target, 14:28 to 14:28"),
        ([ANN, corrected(ANN)], 100,
         "Sales: taken back, nobody waited past the 20 s target since 14:28 after all"),
        ([ANN], 86_400, "Sales: 1 caller past the 20 s target, oldest waiting since 2 Mar 14:27"),
        ([trend("opened", -1_080, 0)], 1, "Sales: 1.9 x the usual calls since 14:10 (31 against 16)"),
        ([trend("opened", -1_080, 0, rule="arrivals.low", evidence=LOW)], 1,
         "Sales: 0.4 x the usual calls since 14:10 (6 against 15)"),
        ([trend("opened", -1_080, 0, channel=None)], 1, "Sales: 1.9 x the usual contacts since 14:10 (31 against 16)"),
        ([trend("opened", -1_080, 0), trend("closed", -1_080, 600)], 700,
         "Sales: calls as usual again at 14:38, since 14:10 1.9 x the usual (31 against 16)"),
        ([silence("opened", 0, 60)], 61, "source pbx: nothing heard since 14:28, usually 12 records by now"),
        ([silence("opened", 0, 60, limit=300.0)], 61, "source pbx: nothing heard since 14:28, allowed are 5 min"),
        ([silence("opened", 0, 60), silence("closed", 0, 600)], 700,
         "source pbx: heard again at 14:38, it was silent since 14:28"),
        ([silence("opened", 0, 60), silence("closed", 0, 604_801, observed=0)], 604_900,
         "source pbx: no longer watched since 14:28, nothing heard since 2 Mar 14:28"),
    ],
)  # fmt: skip
def test_it_says(said: list[Said], end: int, summary: str) -> None:
    desk = Desk()
    desk.take(*said)
    for clock in (0, min(end, 40), end, end + 1):
        desk.at(clock)
    desk.flush(ended=True)
    assert desk.alert().summary == summary


def test_more_labels_stand_behind_the_queue() -> None:
    desk = Desk(TERMS.__class__(group_by=("channel", "queue"), timezone="Europe/Berlin"))
    desk.at(0, ANN)
    assert desk.alert().summary == "sales, phone: 1 caller past the 20 s target, oldest waiting since 14:27"


def test_a_group_of_all_queues_is_called_so() -> None:
    desk = Desk(TERMS.__class__(group_by=("channel",), timezone="Europe/Berlin"))
    desk.at(0, ANN)
    assert desk.alert().summary == "all queues, phone: 1 caller past the 20 s target, oldest waiting since 14:27"


def test_it_is_cut_where_it_is_too_long() -> None:
    desk = Desk()
    desk.at(0, breach("ann", 0, queue="q" * 300))
    assert len(desk.alert().summary) == LONGEST
    assert desk.alert().summary.endswith("…")


@pytest.mark.parametrize(
    ("ms", "words"),
    [(20_000, "20 s"), (500, "0.5 s"), (90_000, "90 s"), (120_000, "2 min"), (7_200_000, "2 h"), (0, "0 s")],
)
def test_spans_are_said_in_their_largest_whole_unit(ms: int, words: str) -> None:
    assert duration(ms) == words
