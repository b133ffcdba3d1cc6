"""Neither a restart nor the order of arrival leaves a trace in what people are told."""

from __future__ import annotations

from itertools import groupby

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.alerts.terms import Terms
from schemas.notifications import Alert, AnyNotification
from tests.unit.alert_desk import (
    START,
    Desk,
    Said,
    acknowledge,
    answered,
    breach,
    corrected,
    gone,
    mute,
    silence,
    trend,
    unmute,
)

TERMS = Terms(
    group_wait=3_000, group_interval=8_000, repeat_interval=20_000, keep_firing=5_000, stale_after=40_000,
    timezone="Europe/Berlin",
)  # fmt: skip
END = 120
ENDS = ("waits", "answered", "gone", "restated")
FATES = (*ENDS, "moved", "wrong")
_SECONDS = st.integers(0, 40)


@st.composite
def _calls(draw: st.DrawFn, number: int, fates: tuple[str, ...]) -> list[tuple[int, Said]]:
    """One caller: a breach, perhaps its end, perhaps the end corrected and said anew, perhaps the breach corrected."""
    name, due = f"c{number}", draw(_SECONDS)
    told = breach(name, due, queue=draw(st.sampled_from(["sales", "loans"])))
    said: list[tuple[int, Said]] = [(due, told)]
    at = due + draw(st.integers(1, 30))
    fate = draw(st.sampled_from(fates))
    if fate == "wrong":
        said.append((at, corrected(told)))
    elif fate == "moved":
        earlier = breach(name, due - 3, id=f"anew-{name}", queue=told.queue)
        said += [(at, corrected(told)), (at, earlier), (at, gone(name, due - 3, at))]
    elif fate != "waits":
        end = gone(name, due, at) if fate == "gone" else answered(name, due, at)
        said.append((at, end))
        if fate == "restated":
            # Once its alert is over, perhaps, and for a while without another end.
            anew, waits = at + draw(st.sampled_from([1, 1, 8])), draw(st.sampled_from([0, 0, 5]))
            ended = max(due + 1, at - 3) if not waits else anew + waits
            said += [(anew, corrected(end)), (anew + waits, gone(name, due, ended, id=f"anew-{name}"))]
    return said


@st.composite
def _stories(draw: st.DrawFn, fates: tuple[str, ...] = FATES) -> list[list[tuple[int, Said]]]:
    return [draw(_calls(number, fates)) for number in range(draw(st.integers(1, 6)))]


@st.composite
def _sayings(draw: st.DrawFn) -> list[tuple[int, Said]]:
    """Trends, silences, mutes and what people say of alerts that there may be."""
    said: list[tuple[int, Said]] = []
    if draw(st.booleans()):
        since = draw(_SECONDS)
        said += [(since + 1, trend("opened", since, since + 1)), (since + 20, trend("closed", since, since + 20))]
    if draw(st.booleans()):
        said.append((10, silence("opened", 4, 10)))
    if draw(st.booleans()):
        at = draw(_SECONDS)
        said.append((at, mute(at, at + draw(st.integers(1, 50)), queue="sales")))
        said.append((at + 10, unmute(at + 10)))
    return said


def _lived(lives: list[tuple[int, Said]], restarts: frozenset[int]) -> list[AnyNotification]:
    """Everything published, with a flush after each record and each second, and new tasks at these records."""
    desk, number = Desk(TERMS), 0
    for second in range(END):
        desk.at(second)
        for _, said in (each for each in lives if each[0] == second):
            desk.take(said)
            desk.flush()
            number += 1
            if number in restarts:
                desk = desk.restarted()
    return desk.said


@settings(max_examples=80)
@given(calls=_stories(), sayings=_sayings(), data=st.data())
def test_a_task_that_is_killed_and_restored_between_any_two_records_publishes_the_same(
    calls: list[list[tuple[int, Said]]], sayings: list[tuple[int, Said]], data: st.DataObject
) -> None:
    lives = sorted([each for call in calls for each in call] + sayings, key=lambda each: each[0])
    undisturbed = _lived(lives, frozenset())
    alerts = sorted({each.id for each in undisturbed if isinstance(each, Alert)})
    if data.draw(st.booleans()):
        lives.append((30, acknowledge(data.draw(st.sampled_from(alerts)), 30)))
        undisturbed = _lived(lives, frozenset())
    restarts = data.draw(st.frozensets(st.integers(1, len(lives)), max_size=4))
    assert _lived(lives, restarts) == undisturbed


@settings(max_examples=40)
@given(calls=_stories(), restart=st.integers(0, 20))
def test_what_waits_for_the_clock_survives_a_restart(calls: list[list[tuple[int, Said]]], restart: int) -> None:
    def ended(at: int | None) -> list[AnyNotification]:
        desk = Desk(TERMS)
        for number, (_, said) in enumerate(each for call in calls for each in call):
            desk.take(said)
            desk.flush()
            if number == at:
                desk = desk.restarted()
        desk.at(END)
        return desk.said

    assert ended(restart) == ended(None)


def _mixed(data: st.DataObject, calls: list[list[tuple[int, Said]]]) -> list[Said]:
    """Any order that keeps what is said of one contact in order: its records are on one partition."""
    queues = [[said for _, said in call] for call in calls]
    mixed: list[Said] = []
    while queues:
        queue = data.draw(st.sampled_from(queues))
        mixed.append(queue.pop(0))
        queues = [each for each in queues if each]
    return mixed


def _final(said: list[AnyNotification]) -> dict[str, Alert]:
    """The last word on each alert; when and how often it was said depends on when what was heard."""
    return {
        each.id: msgspec.structs.replace(each, sequence=0, updated_at=each.started_at, notify=None, told=False)
        for each in said
        if isinstance(each, Alert)
    }


@settings(max_examples=80)
@given(calls=_stories(), data=st.data())
def test_however_records_of_different_contacts_are_interleaved_before_the_clock_comes_the_alerts_are_the_same(
    calls: list[list[tuple[int, Said]]], data: st.DataObject
) -> None:
    def published(said: list[Said], clocks: list[int]) -> list[AnyNotification]:
        desk = Desk(msgspec.structs.replace(TERMS, mode="replay"))
        desk.take(*said)
        for clock in clocks:
            desk.at(clock)
        desk.at(END)
        desk.flush(ended=True)
        return desk.said

    one, other = _mixed(data, calls), _mixed(data, calls)
    assert published(one, []) == published(other, [])
    final = _final(published(one, [])).values()
    assert sum(each.evidence.open for each in final) == sum(len(call) == 1 for call in calls)
    wrong = [
        said for call in calls for _, said in call if (getattr(said, "corrects", None) or "").startswith("breached")
    ]
    assert sum(each.evidence.corrected for each in final) == len(wrong)
    # Nor does it matter how the clock gets there: each thing happens at its time.
    steps = data.draw(st.lists(st.integers(1, END - 1), unique=True).map(sorted))
    assert _final(published(one, [])) == _final(published(other, steps))


@settings(max_examples=60)
@given(calls=_stories(ENDS), data=st.data())
def test_however_ends_of_one_instant_are_interleaved_in_service_the_final_state_is_the_same(
    calls: list[list[tuple[int, Said]]], data: st.DataObject
) -> None:
    lives = sorted((each for call in calls for each in call), key=lambda each: each[0])

    def final(mix: bool) -> dict[str, Alert]:
        desk = Desk(TERMS)
        for second, group in groupby(lives, key=lambda each: each[0]):
            said = [each for _, each in group]
            desk.at(second)
            desk.take(*(_shuffled(data, said) if mix else said))
            desk.flush()
        desk.at(END)
        desk.flush(ended=True)
        return _final(desk.said)

    assert final(mix=True) == final(mix=False)


def _shuffled(data: st.DataObject, said: list[Said]) -> list[Said]:
    by_contact: dict[str, list[tuple[int, Said]]] = {}
    for each in said:
        by_contact.setdefault(getattr(each, "contact", ""), []).append((0, each))
    return _mixed(data, list(by_contact.values()))


def test_alerts_of_a_replay_at_full_speed_are_those_of_the_same_hour_lived_through() -> None:
    said: list[tuple[float, Said]] = [
        (0, breach("ann", 0)), (4, gone("ann", 0, 4)), (6, breach("ben", 6)), (7, answered("ben", 6, 7)),
        (60, breach("cem", 60)),
    ]  # fmt: skip
    lived, replayed = Desk(TERMS), Desk(TERMS)
    lived.until(END - 1, *said)
    replayed.take(*(each for _, each in said))
    replayed.at(END - 1)

    def numbers(desk: Desk) -> dict[str, tuple[str, int, int, float]]:
        return {
            each.id: (each.state, each.evidence.open, each.evidence.total, each.started_at.timestamp() - START / 1000)
            for each in desk.said
            if isinstance(each, Alert)
        }

    assert numbers(lived) == numbers(replayed)
    assert [each[:3] for each in numbers(replayed).values()] == [("resolved", 0, 2), ("firing", 1, 1)]
