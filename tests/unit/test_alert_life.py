"""An alert from its first subject to its end: when people hear of it, and when they don't."""

import pytest

from schemas.alerts import SlaTransition
from schemas.ids import alert_id
from schemas.notifications import Alert
from tests.unit.alert_desk import (
    START,
    TERMS,
    Desk,
    acknowledge,
    answered,
    breach,
    corrected,
    gone,
    instant,
    ms,
    mute,
    silence,
    trend,
)
from tests.unit.alert_desk import _replaced as replaced


def test_a_breach_is_shown_at_once_told_when_the_group_has_waited_and_resolved_when_it_was_quiet_long_enough() -> None:
    desk = Desk()
    story = desk.until(400, (1, breach("ann", 0)), (61, answered("ann", 0, 60)))
    assert story == [
        (1, "pending", None),
        (31, "firing", "trigger"),
        (61, "firing", None),
        (361, "resolved", "resolve"),
    ]
    alert = desk.alert()
    assert alert.id == alert_id("sla.answer_within", {"queue": "sales"}, START)
    assert (alert.rule, alert.labels, alert.severity) == ("sla.answer_within", {"queue": "sales"}, "critical")
    assert (alert.started_at, alert.ended_at, alert.told, alert.mode) == (instant(0), instant(61), True, "live")
    assert (alert.evidence.open, alert.evidence.total) == (0, 1)


def test_breaches_of_one_queue_are_one_alert_and_those_of_another_another() -> None:
    desk = Desk()
    desk.until(40, (0, breach("ann", 0)), (5, breach("ben", 5)), (6, breach("cem", 6, queue="loans")))
    firing = {each.labels["queue"]: each for each in desk.said if isinstance(each, Alert) and each.notify == "trigger"}
    assert {queue: each.evidence.open for queue, each in firing.items()} == {"sales": 2, "loans": 1}


def test_numbers_alone_are_published_at_most_once_a_second_and_never_lost() -> None:
    desk = Desk()
    desk.at(0, breach("c0", 0))
    published = [each.evidence.open for n in range(1, 21) for each in desk.at(n / 10, breach(f"c{n}", n / 10))]
    assert published == [11, 21]
    assert [each.evidence.open for each in desk.at(2.05, breach("last", 2.05)) + desk.flush(ended=True)] == [22]


def test_a_flush_is_asked_for_as_soon_as_time_has_something_to_tell() -> None:
    desk = Desk()
    desk.at(0, breach("ann", 0))
    desk.rules.advance(ms(29.9), desk)
    assert not desk.rules.has_news()
    desk.rules.advance(ms(30), desk)
    assert desk.rules.has_news()
    assert [each.notify for each in desk.flush()] == ["trigger"]
    assert not desk.rules.has_news()
    desk.take(breach("ben", 30))
    assert not desk.rules.has_news()
    desk.rules.advance(ms(31), desk)
    assert desk.rules.has_news()
    assert [each.evidence.open for each in desk.flush()] == [2]


def test_the_end_of_a_mute_asks_for_a_flush() -> None:
    desk = Desk()
    desk.at(0, mute(0, 60, queue="sales"))
    desk.rules.advance(ms(59), desk)
    assert not desk.rules.has_news()
    desk.rules.advance(ms(60), desk)
    assert desk.rules.has_news()


def test_sequences_grow_by_one_a_record() -> None:
    desk = Desk()
    desk.until(400, (1, breach("ann", 0)), (3, breach("ben", 3)), (61, gone("ann", 0, 60)), (62, gone("ben", 3, 61)))
    sequences = [each.sequence for each in desk.said if isinstance(each, Alert)]
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_group_that_cleared_within_its_wait_is_told_once_without_a_page() -> None:
    desk = Desk()
    story = desk.until(400, (0, breach("ann", 0)), (10, gone("ann", 0, 10)))
    assert story[-1] == (310, "resolved", "brief")
    assert desk.told() == [(310, "brief")]
    assert (desk.alert().severity, desk.alert().told) == ("info", False)


def test_a_new_breach_after_the_wait_fires_at_once_and_belongs_to_the_same_episode() -> None:
    desk = Desk()
    desk.until(200, (0, breach("ann", 0)), (10, gone("ann", 0, 10)), (100, breach("ben", 100)))
    assert desk.told() == [(100, "trigger")]
    assert (desk.alert().started_at, desk.alert().evidence.total) == (instant(0), 2)


def test_a_breach_after_the_end_begins_another_alert() -> None:
    desk = Desk()
    desk.until(500, (0, breach("ann", 0)), (40, gone("ann", 0, 40)), (341, breach("ben", 341)))
    assert desk.told() == [(30, "trigger"), (340, "resolve"), (371, "trigger")]
    assert len({each.id for each in desk.said if isinstance(each, Alert)}) == 2


def test_subjects_that_join_are_told_once_an_interval() -> None:
    desk = Desk()
    desk.until(1000, (0, breach("ann", 0)), (40, breach("ben", 40)), (50, breach("cem", 50)), (900, breach("dea", 900)))
    assert desk.told() == [(30, "trigger"), (330, "update"), (901, "update")]


def test_what_goes_on_is_repeated_until_somebody_acknowledges_it() -> None:
    desk = Desk()
    name = alert_id("sla.answer_within", {"queue": "sales"}, START)
    desk.until(9_000, (0, breach("ann", 0)), (4_000, acknowledge(name, 4_000)), (4_500, breach("ben", 4_500)), step=10)
    assert desk.told() == [(30, "trigger"), (3_630, "repeat")]
    assert desk.alert().state == "acknowledged"
    said = desk.alert().acknowledged
    assert said is not None
    assert (said.by, said.at) == ("Dana", instant(4_000))
    assert desk.alert().evidence.open == 2
    desk.at(9_010, gone("ann", 0, 9_010), gone("ben", 4_500, 9_010))
    desk.at(9_400)
    assert desk.told()[-1] == (9_400, "resolve")


def test_an_alert_acknowledged_before_anybody_was_told_stays_quiet_to_its_end() -> None:
    desk = Desk()
    name = alert_id("sla.answer_within", {"queue": "sales"}, START)
    desk.until(400, (0, breach("ann", 0)), (5, acknowledge(name, 5)), (60, gone("ann", 0, 60)))
    assert (desk.told(), desk.alert().state) == ([], "resolved")


def test_commands_that_cannot_be_obeyed_are_counted() -> None:
    desk = Desk()
    name = alert_id("sla.answer_within", {"queue": "sales"}, START)
    desk.at(0, breach("ann", 0), acknowledge("nobody", 0, name="a"), acknowledge(name, 0, name="b"))
    desk.at(1, acknowledge(name, 1, by="Zoe", name="b"), gone("ann", 0, 1))
    desk.at(302)
    desk.at(303, acknowledge(name, 303, name="c"))
    assert desk.ignored == {"acknowledged_unknown": 1, "command_repeated": 1, "acknowledged_closed": 1}
    said = desk.alert().acknowledged
    assert said is not None
    assert said.by == "Dana"


def test_a_command_is_remembered_for_a_day() -> None:
    desk = Desk()
    desk.at(0, acknowledge("x", 0))
    desk.at(86_300, acknowledge("x", 0))
    assert desk.ignored == {"acknowledged_unknown": 1, "command_repeated": 1}
    desk.at(86_401, acknowledge("x", 0))
    assert desk.ignored == {"acknowledged_unknown": 2, "command_repeated": 1}


def test_an_alert_all_of_whose_breaches_were_corrected_is_taken_back_and_those_who_heard_are_told() -> None:
    desk = Desk()
    ann, ben = breach("ann", 0), breach("ben", 2)
    desk.until(100, (0, ann), (2, ben), (40, corrected(ann)))
    evidence = desk.alert().evidence
    assert (desk.alert().state, evidence.open, evidence.total, evidence.corrected) == ("firing", 1, 1, 1)
    desk.at(110, corrected(ben))
    alert = desk.alert()
    assert (alert.state, alert.notify, alert.evidence.total, alert.evidence.corrected) == ("retracted", "retract", 0, 2)
    assert alert.reason == "corrected: later records show that none of it was so"


def test_what_is_taken_back_before_it_was_told_is_told_to_nobody() -> None:
    desk = Desk()
    ann = breach("ann", 0)
    desk.until(400, (0, ann), (10, corrected(ann)))
    assert (desk.told(), desk.alert().state) == ([], "retracted")


def test_a_trigger_that_was_taken_back_before_it_left_never_leaves() -> None:
    desk = Desk()
    ann = breach("ann", 0)
    desk.at(0, ann)
    desk.rules.advance(ms(30), desk)
    desk.take(corrected(ann))
    assert [(each.state, each.notify, each.told) for each in desk.flush()] == [("retracted", None, False)]


def test_a_trigger_whose_alert_ended_before_it_left_becomes_a_brief_note() -> None:
    desk = Desk()
    desk.at(0, breach("ann", 0))
    desk.rules.advance(ms(31), desk)
    desk.take(gone("ann", 0, 31))
    desk.rules.advance(ms(400), desk)
    assert [(each.state, each.notify, each.severity) for each in desk.flush()] == [("resolved", "brief", "info")]


def test_correcting_everything_within_a_day_of_the_end_takes_the_alert_back() -> None:
    desk = Desk()
    ann = breach("ann", 0)
    desk.until(400, (0, ann), (40, gone("ann", 0, 40)))
    assert desk.alert().state == "resolved"
    desk.at(500, corrected(ann))
    assert (desk.alert().state, desk.alert().notify) == ("retracted", "retract")


def test_who_got_a_note_of_what_was_over_at_once_is_told_that_it_was_corrected_away() -> None:
    desk = Desk()
    ann = breach("ann", 0)
    desk.until(400, (0, ann), (10, gone("ann", 0, 10)))
    desk.restarted().at(500, corrected(ann))
    assert desk.told() == [(310, "brief"), (500, "retract")]
    assert (desk.alert().state, desk.alert().told) == ("retracted", False)


def test_a_note_that_was_taken_back_before_it_left_never_leaves() -> None:
    desk = Desk()
    ann = breach("ann", 0)
    desk.at(0, ann, gone("ann", 0, 10))
    desk.rules.advance(ms(400), desk)
    desk.take(corrected(ann))
    assert [(each.state, each.notify) for each in desk.flush()] == [("retracted", None)]


def test_a_breach_stated_anew_after_its_correction_is_an_alert_of_its_own() -> None:
    desk = Desk()
    ann = breach("ann", 0)
    desk.at(0, ann)
    desk.at(1, corrected(ann), replaced(ann, id="again"))
    alerts = {each.id: each for each in desk.said if isinstance(each, Alert)}
    assert [each.state for each in alerts.values()] == ["retracted", "pending"]
    assert {each.started_at for each in alerts.values()} == {instant(0)}


def test_an_end_that_was_none_opens_the_subject_again() -> None:
    desk = Desk()
    end = answered("ann", 0, 60)
    desk.until(65, (0, breach("ann", 0)), (61, end))
    assert desk.alert().evidence.open == 0
    desk.at(70, corrected(end))
    assert desk.alert().evidence.open == 1
    desk.at(72, answered("ann", 0, 50, id="other"))
    assert desk.alert().evidence.subjects[0].ended_at == instant(50)


def _resolved(end: SlaTransition) -> Desk:
    """Ann waited past her promise at 0 s, which was told, and told as over at 360 s."""
    desk = Desk()
    desk.until(400, (0, breach("ann", 0)), (60, end))
    assert desk.told() == [(30, "trigger"), (360, "resolve")]
    return desk


def test_an_end_that_was_none_after_all_was_told_as_over_is_an_alert_again() -> None:
    end = answered("ann", 0, 60)
    desk = _resolved(end)
    over = desk.alert().id
    desk.at(2_000, corrected(end))
    desk = desk.restarted()
    desk.until(4_000)
    alert = desk.alert()
    assert desk.told()[2:] == [(2_060, "trigger")]
    assert (alert.id != over, alert.state, alert.started_at) == (True, "firing", instant(0))
    assert (alert.evidence.open, alert.evidence.newest_due_at) == (1, instant(2_030))
    assert alert.evidence.subjects[0].due_at == instant(0)
    desk.at(4_001, gone("ann", 0, 4_001))
    desk.at(4_302)
    assert desk.told()[3:] == [(4_302, "resolve")]


def test_an_end_that_was_none_after_all_was_told_as_over_joins_what_goes_on() -> None:
    end = answered("ann", 0, 60)
    desk = _resolved(end)
    desk.until(1_000, (500, breach("ben", 500)), (600, corrected(end)))
    assert desk.told()[2:] == [(530, "trigger"), (830, "update")]
    assert desk.alert().evidence.open == 2
    desk.at(1_001, corrected(breach("ann", 0)))
    assert (desk.alert().evidence.open, desk.alert().evidence.corrected) == (1, 1)


def test_another_end_in_place_of_the_one_that_was_none_tells_nobody_anything() -> None:
    end = answered("ann", 0, 60)
    desk = _resolved(end)
    desk.until(2_000, (600, corrected(end)), (601, gone("ann", 0, 55, id="other")))
    assert desk.told()[2:] == []
    assert (desk.alert().state, desk.alert().evidence.subjects[0].ended_at) == ("resolved", instant(55))


def test_ends_that_were_none_do_not_wait_for_one_another() -> None:
    names = ["ann", "ben", "cem", "dea", "eve"]
    ends = [answered(name, 0, 60) for name in names]
    desk = Desk()
    desk.until(400, *((0, breach(name, 0)) for name in names), *((60, end) for end in ends))
    desk.until(600, *((450 + 25 * number, corrected(end)) for number, end in enumerate(ends)))
    assert desk.told() == [(30, "trigger"), (360, "resolve"), (510, "trigger")]
    assert (desk.alert().evidence.open, desk.alert().evidence.total) == (5, 5)


def test_an_end_that_was_none_is_told_though_the_pipeline_was_away_when_its_wait_was_over() -> None:
    end = answered("ann", 0, 60)
    desk = _resolved(end)
    desk.at(401, corrected(end))
    desk.at(2_000)
    desk.until(2_100)
    assert desk.told()[2:] == [(2_030, "trigger")]
    assert (desk.alert().evidence.newest_due_at, desk.alert().reason) == (instant(2_000), None)


def test_an_alert_that_is_over_is_published_as_over_while_an_end_is_in_doubt() -> None:
    end = answered("ann", 0, 60)
    desk = Desk()
    desk.until(359, (0, breach("ann", 0)), (60, end))
    desk.rules.advance(ms(360), desk)
    desk.take(corrected(end))
    (over,) = desk.flush()
    assert (over.state, over.evidence.open, over.evidence.subjects[0].ended_at) == ("resolved", 0, instant(60))
    assert desk.until(390) == [(390, "pending", None)]
    assert (desk.alert().id != over.id, desk.alert().evidence.open) == (True, 1)


def test_what_goes_on_in_another_alert_keeps_the_one_that_is_over_until_it_is_corrected_away_itself() -> None:
    ann, ben = breach("ann", 0), breach("ben", 1)
    end = answered("ann", 0, 60)
    desk = Desk()
    desk.until(600, (0, ann), (1, ben), (60, end), (61, gone("ben", 1, 61)), (500, corrected(end)))
    desk.at(601, corrected(ben))
    assert (desk.alert().state, desk.alert().evidence.total, desk.alert().evidence.corrected) == ("resolved", 1, 1)
    desk = desk.restarted()
    taken_back = desk.at(602, corrected(ann))
    assert {(each.state, each.notify, each.evidence.total) for each in taken_back} == {("retracted", "retract", 0)}
    assert len(taken_back) == 2


def test_what_goes_on_begins_the_same_alert_in_whatever_order_it_was_restored() -> None:
    ends = [answered("ann", 0, 60), answered("ben", 5, 60)]
    desk = Desk()
    desk.until(400, (0, breach("ann", 0)), (5, breach("ben", 5)), *((60, end) for end in ends))
    desk.at(401, *map(corrected, ends))
    desk.changelog = dict(reversed(desk.changelog.items()))
    desk.restarted().at(431)
    assert (desk.alert().started_at, desk.alert().evidence.open) == (instant(0), 2)


def test_an_end_that_was_none_of_what_was_never_told_is_as_old_as_it_is() -> None:
    end = gone("ann", 0, 1_100)
    desk = Desk()
    desk.until(3_000, (1_000, breach("ann", 0)), (1_100, end), (2_000, corrected(end)), step=10)
    assert (desk.alert().state, desk.told()) == ("firing", [])
    assert desk.alert().reason == "stale: found over 15 min after it happened, so nobody was told"


def test_repeated_records_and_ends_of_what_nobody_knows_change_nothing() -> None:
    desk = Desk()
    ann, end = breach("ann", 0), gone("ann", 0, 40)
    desk.until(50, (0, ann), (1, ann), (2, gone("zoe", 0, 2)), (3, corrected(breach("yan", 1))), (40, end), (41, end))
    evidence = desk.alert().evidence
    assert (evidence.open, evidence.total, evidence.corrected) == (0, 1, 0)
    assert [each.outcome for each in evidence.subjects] == ["abandoned"]


def test_what_was_found_too_late_is_shown_and_not_told_until_something_fresh_joins() -> None:
    desk = Desk()
    desk.until(1_040, (1_000, breach("ann", 0)), step=10)
    alert = desk.alert()
    assert (alert.state, alert.notify, alert.told) == ("firing", None, False)
    assert alert.reason == "stale: found over 15 min after it happened, so nobody was told"
    assert alert.evidence.newest_due_at == instant(0)
    desk.at(1_100, breach("ben", 1_100))
    assert (desk.alert().notify, desk.alert().told, desk.alert().reason) == ("trigger", True, None)


def test_the_end_of_what_was_never_told_is_not_told() -> None:
    desk = Desk()
    desk.until(1_500, (1_000, breach("ann", 0)), (1_100, gone("ann", 0, 1_100)), step=10)
    assert (desk.alert().state, desk.told()) == ("resolved", [])


def test_after_the_clock_has_leapt_nobody_is_told_of_what_is_long_past() -> None:
    desk = Desk()
    desk.at(0, breach("ann", 0))
    desk.at(2_000)
    assert (desk.alert().state, desk.told()) == ("firing", [])


def test_nobody_is_told_of_a_replay_even_when_the_service_takes_over() -> None:
    worked_through = Desk(TERMS.__class__(mode="replay", group_wait=30_000, keep_firing=300_000))
    worked_through.until(100, (0, breach("ann", 0)))
    assert (worked_through.alert().state, worked_through.alert().mode) == ("firing", "replay")
    service = worked_through.restarted()
    service.rules._terms = TERMS
    service.until(600, (110, breach("ben", 110)), (120, gone("ann", 0, 120)), (121, gone("ben", 110, 121)))
    assert (service.alert().state, service.alert().mode, service.told()) == ("resolved", "replay", [])


def test_a_trend_is_an_alert_from_when_it_was_found_to_when_it_was_over() -> None:
    desk = Desk()
    story = desk.until(2_000, (0, trend("opened", -900, 0)), (1_200, trend("closed", -900, 1_200)))
    assert story == [
        (0, "pending", None),
        (30, "firing", "trigger"),
        (1_200, "firing", None),
        (1_201, "resolved", "resolve"),
    ]
    alert = desk.alert()
    assert (alert.rule, alert.severity, alert.started_at) == ("trend.arrivals.high", "warning", instant(-900))
    assert alert.evidence.trend is not None
    assert alert.evidence.newest_due_at is None


@pytest.mark.parametrize("group_by", [(), ("channel",), ("queue",)])
def test_trends_and_silences_are_grouped_by_queue_and_source_whatever_the_settings(group_by: tuple[str, ...]) -> None:
    desk = Desk(TERMS.__class__(group_by=group_by))
    (high,) = desk.at(0, trend("opened", -900, 0))
    (silent,) = desk.at(1, silence("opened", -60, 1))
    assert high.labels == {"queue": "sales"} | ({"channel": "phone"} if "channel" in group_by else {})
    assert (silent.rule, silent.labels, silent.severity) == ("source.silent", {"source": "pbx"}, "critical")


def test_groups_are_as_the_settings_have_them() -> None:
    desk = Desk(TERMS.__class__(group_by=("channel", "policy")))
    published = desk.at(0, breach("ann", 0), breach("ben", 0, queue="loans"), breach("cem", 0, channel="chat"))
    assert [(each.labels["channel"], each.labels["policy"], each.evidence.open) for each in published] in (
        [("phone", "answer-within-default", 2), ("chat", "answer-within-default", 1)],
        [("chat", "answer-within-default", 1), ("phone", "answer-within-default", 2)],
    )


def test_the_three_oldest_open_subjects_are_shown_else_the_last_three() -> None:
    desk = Desk()
    contacts = [(name, at) for at, name in enumerate("abcdef")]
    desk.at(10, *(breach(name, at) for name, at in contacts))
    assert [each.contact for each in desk.alert().evidence.subjects] == ["a", "b", "c"]
    desk.at(20, *(gone(name, at, 11 + at) for name, at in contacts))
    desk.at(400)
    assert [each.contact for each in desk.alert().evidence.subjects] == ["d", "e", "f"]


def test_an_alert_that_is_over_is_forgotten_after_a_day_with_all_that_it_was_about() -> None:
    desk = Desk()
    desk.until(400, (0, breach("ann", 0)), (40, gone("ann", 0, 40)))
    desk.at(86_400 + 339)
    assert len(desk.rules) == 1
    desk.at(86_400 + 341)
    assert len(desk.rules) == 0
    assert {key[:1] for key, value in desk.changelog.items() if value is not None} == {b"p"}


def test_an_alert_that_ends_and_is_forgotten_in_one_leap_of_the_clock_is_published_all_the_same() -> None:
    desk = Desk()
    desk.take(breach("ann", 0), gone("ann", 0, 40))
    desk.at(3 * 86_400)
    assert [(each.state, each.sequence) for each in desk.said if isinstance(each, Alert)] == [("resolved", 1)]
    assert len(desk.rules) == 0


def test_of_many_subjects_only_a_thousand_that_are_over_are_remembered_and_the_counts_stay_right() -> None:
    desk = Desk()
    names = [f"c{n}" for n in range(1_500)]
    desk.at(0, *(breach(name, 0) for name in names))
    desk.at(5, *(gone(name, 0, 5) for name in names[:1_400]))
    evidence = desk.alert().evidence
    assert (evidence.open, evidence.total) == (100, 1_500)
    kept = [key for key, value in desk.changelog.items() if key[:1] == b"s" and value is not None]
    assert len(kept) == 1_100
    desk.at(10, *(gone(name, 0, 10) for name in names[1_400:]))
    assert desk.alert().evidence.open == 0
    desk.at(311)
    assert desk.alert().notify == "brief"


@pytest.mark.parametrize(
    ("topic", "value", "why"),
    [
        ("alerts.sla", b"{", "sla_unreadable"),
        ("alerts.sla", b"\xff\xfe", "sla_unreadable"),
        ("alerts.trends", b"{}", "trend_unreadable"),
        ("alerts.commands", b'{"command":"dance"}', "command_unreadable"),
        ("alerts.commands", b"[" * 100_000, "command_unreadable"),
        ("alerts.commands", b'{"command":"acknowledge","id":"1","alert":"a","by":"x","at":"2026-03-02T12:00:00"}',
         "command_unreadable"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_counted_and_the_next_record_is_taken(topic: str, value: bytes, why: str) -> None:
    desk = Desk()
    desk.take(value, topic=topic)
    assert len(desk.at(0, breach("ann", 0))) == 1
    assert desk.ignored == {why: 1}


def test_a_promise_longer_than_time_itself_is_counted_and_not_believed() -> None:
    desk = Desk()
    desk.at(0, breach("ann", 0, target=1e300), breach("ben", 0, target=1e14))
    assert (desk.ignored, desk.said) == ({"sla_unreadable": 2}, [])
