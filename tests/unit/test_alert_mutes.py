"""What is muted is shown and not told, and no mute is for ever."""

import pytest

from schemas.notifications import Alert, StartMute
from streams.outlets.notifier.admission import Plan, plan
from tests.unit.alert_desk import Desk, breach, gone, instant, mute, trend, unmute


def _muted(desk: Desk) -> list[str | None]:
    return [each.muted for each in desk.said if isinstance(each, Alert)]


def test_a_muted_alert_is_shown_and_told_when_the_mute_is_over_and_it_still_goes_on() -> None:
    desk = Desk()
    story = desk.until(700, (0, mute(0, 600, queue="sales")), (5, breach("ann", 5)))
    assert story == [(5, "pending", None), (35, "firing", None), (600, "firing", "trigger")]
    assert _muted(desk) == ["mute-1", "mute-1", None]
    begun, ended = desk.mutes()
    assert (begun.until, begun.ended, ended.ended) == (instant(600), False, True)


def test_what_is_told_after_a_long_mute_or_joins_what_is_old_is_not_stale_to_the_notifier() -> None:
    muted, joined = Desk(), Desk()
    muted.until(6_000, (0, mute(0, 1_800, queue="sales")), (5, breach("ann", 5)), step=10)
    assert muted.told() == [(1_800, "trigger"), (5_400, "repeat")]
    # Who joined is gone when it is told, and ann waits on.
    joined.until(2_000, (0, breach("ann", 0)), (1_500, breach("ben", 1_500)), (1_500, gone("ben", 1_500, 1_500)))
    assert joined.told() == [(30, "trigger"), (1_501, "update")]
    told = [each for each in (*muted.said, *joined.said) if isinstance(each, Alert) and each.notify]
    plans = [plan(each, ("critical",), (), each.updated_at, 900) for each in told]
    assert plans == [Plan(notify=each.notify) for each in told if each.notify]


def test_a_mute_that_is_lifted_before_its_time_ends_at_once() -> None:
    desk = Desk()
    desk.until(200, (0, mute(0, 600, queue="sales")), (5, breach("ann", 5)), (100, unmute(100)))
    assert desk.told() == [(100, "trigger")]
    assert [each.ended for each in desk.mutes()] == [False, True]
    desk.at(201, unmute(201, "mute-9"))
    assert desk.ignored == {"unmuted_unknown": 1}


def test_what_ended_under_a_mute_is_told_to_nobody_who_never_heard_of_it() -> None:
    desk = Desk()
    desk.until(700, (0, mute(0, 3_600, queue="sales")), (5, breach("ann", 5)), (100, gone("ann", 5, 100)))
    assert (desk.alert().state, desk.told()) == ("resolved", [])


def test_what_began_and_ended_within_the_wait_under_a_mute_gives_no_note() -> None:
    desk = Desk()
    desk.until(700, (0, mute(0, 3_600, queue="sales")), (5, breach("ann", 5)), (10, gone("ann", 5, 10)))
    assert (desk.alert().state, desk.told()) == ("resolved", [])


def test_the_end_of_what_was_told_before_the_mute_is_told_all_the_same() -> None:
    desk = Desk()
    desk.until(
        8_000, (0, breach("ann", 0)), (60, mute(60, 7_000, queue="sales")), (100, breach("ben", 100)),
        (4_000, gone("ann", 0, 4_000)), (4_000, gone("ben", 100, 4_000)), step=10,
    )  # fmt: skip
    assert desk.told() == [(30, "trigger"), (4_300, "resolve")]


def test_after_a_mute_what_joined_under_it_is_an_update() -> None:
    desk = Desk()
    desk.until(1_000, (0, breach("ann", 0)), (60, mute(60, 800, queue="sales")), (100, breach("ben", 100)), step=10)
    assert desk.told() == [(30, "trigger"), (800, "update")]


@pytest.mark.parametrize(
    ("matchers", "muted"),
    [
        ({"queue": "sales"}, True),
        ({"rule": "sla.answer_within"}, True),
        ({"rule": "sla.answer_within", "queue": "sales"}, True),
        ({"queue": "loans"}, False),
        ({"queue": "sales", "rule": "trend.arrivals.high"}, False),
        ({"queue": "sales", "site": "Berlin"}, False),
        ({"channel": "phone"}, False),
    ],
)
def test_a_mute_is_about_alerts_that_all_its_matchers_fit(matchers: dict[str, str], muted: bool) -> None:
    desk = Desk()
    desk.until(40, (0, mute(0, 600, **matchers)), (5, breach("ann", 5)))
    assert bool(desk.alert().muted) == muted
    assert bool(desk.told()) != muted


def test_a_mute_that_names_nothing_would_silence_everything_and_is_refused() -> None:
    desk = Desk()
    desk.at(0, mute(0, 600))
    assert (desk.mutes(), desk.ignored) == ([], {"mute_without_matchers": 1})


def test_a_mute_lasts_a_day_at_most() -> None:
    desk = Desk()
    desk.at(0, mute(0, 7 * 86_400, queue="sales"))
    assert [each.until for each in desk.mutes()] == [instant(86_400)]
    desk.at(86_400)
    assert [each.ended for each in desk.mutes()] == [False, True]


def test_a_mute_that_is_over_when_it_comes_is_published_as_over_and_mutes_nothing() -> None:
    desk = Desk()
    desk.at(1_000, mute(0, 600, queue="sales"), breach("ann", 1_000))
    assert [each.ended for each in desk.mutes()] == [True]
    assert desk.alert().muted is None


def test_of_two_mutes_the_one_that_ends_last_holds() -> None:
    desk = Desk()
    desk.at(0, mute(0, 600, queue="sales"), mute(0, 900, name="mute-2", rule="trend.arrivals.high"))
    desk.at(1, trend("opened", -900, 1))
    assert desk.alert().muted == "mute-2"
    desk.at(2, unmute(2, "mute-2"))
    assert desk.alert().muted == "mute-1"
    assert desk.told() == []


def test_the_same_mute_said_twice_counts_once() -> None:
    desk = Desk()
    said: StartMute = mute(0, 600, queue="sales")
    desk.at(0, said)
    desk.at(1, unmute(1))
    desk.at(2, said)
    assert [each.ended for each in desk.mutes()] == [False, True]
    assert desk.ignored == {"command_repeated": 1}
