"""What a contact measures: offers, outcomes, waits and handle times, as signed facts that add up."""

from schemas.events import (
    ContactCreated,
    ContactHoldEnded,
    ContactHoldStarted,
    ContactMerged,
    ContactWrapupEnded,
    ContactWrapupStarted,
    MessagePosted,
)
from schemas.instants import MINUTE
from tests.unit.contact_bench import (
    START,
    Floor,
    answered,
    at,
    created,
    ended,
    left,
    left_ivr,
    offered,
    other,
    transferred,
)

DAY_MINUTES = START // MINUTE


def test_facts_carry_channel_queue_and_the_minute_of_the_offer() -> None:
    floor = Floor()
    floor.hear(offered(119), answered(125), ended(200))
    floor.flush()
    assert floor.facts == {
        ("phone", "sales", DAY_MINUTES + 1, "offered", 0): 1,
        ("phone", "sales", DAY_MINUTES + 1, "answered", 6_000): 1,
        ("phone", "sales", DAY_MINUTES + 1, "completed", 6_000): 1,
        ("phone", "sales", DAY_MINUTES + 1, "handled", 75_000): 1,
    }


def test_an_open_offer_waits_until_it_leaves() -> None:
    floor = Floor()
    floor.hear(offered(7))
    assert floor.measured() == {("offered", 0): 1, ("waiting", 7): 1}
    floor.hear(left(10))
    assert floor.measured() == {("offered", 0): 1, ("left:abandoned", 3_000): 1}


def test_a_callback_and_a_timeout_are_not_abandoned() -> None:
    floor = Floor()
    floor.hear(offered(0, contact="a"), left(15, "callback", contact="a"))
    floor.hear(offered(0, contact="b"), left(60, "timeout", contact="b"))
    assert floor.measured() == {("offered", 0): 2, ("left:callback", 15_000): 1, ("left:timeout", 60_000): 1}


def test_measured_waits_and_handle_times_win_over_differences() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10, waited=9.4), ended(100, talked=50.0, held=7.0, handled=80.25))
    assert floor.measured() == {
        ("offered", 0): 1,
        ("answered", 9_400): 1,
        ("completed", 9_400): 1,
        ("handled", 80_250): 1,
    }


def test_hold_lies_inside_the_conversation_and_wrap_up_adds_to_it() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10))
    floor.hear(other(ContactHoldStarted, 20), other(ContactHoldEnded, 50))
    floor.hear(ended(110))
    assert floor.measured()["handled", 100_000] == 1
    floor.hear(other(ContactWrapupStarted, 110), other(ContactWrapupEnded, 140))
    handled = {key: n for key, n in floor.measured().items() if key[0] == "handled"}
    assert handled == {("handled", 130_000): 1}


def test_measured_talk_takes_hold_from_the_events_where_it_was_not_measured() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10), other(ContactHoldStarted, 20), other(ContactHoldEnded, 50))
    floor.hear(ended(110, talked=70.0))
    assert floor.measured()["handled", 100_000] == 1


def test_a_hold_that_the_end_of_the_call_ended_counts_to_there() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10), other(ContactHoldStarted, 100), ended(110, talked=90.0))
    assert floor.measured()["handled", 100_000] == 1


def test_a_transfer_completes_one_offer_and_the_next_queue_is_a_new_one() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5))
    floor.hear(transferred(65, queue="sales", agent="mia"))
    floor.hear(offered(65, "service"), answered(75, "service", agent="tom"))
    floor.hear(ended(100))
    assert floor.measured() == {
        ("offered", 0): 2,
        ("answered", 5_000): 1,
        ("answered", 10_000): 1,
        ("completed", 5_000): 1,
        ("completed", 10_000): 1,
        ("handled", 60_000): 1,
        ("handled", 25_000): 1,
    }


def test_leaving_a_queue_and_entering_it_again_within_one_second_are_two_offers() -> None:
    floor = Floor()
    floor.hear(offered(0, id="first"))
    floor.hear(offered(30, id="again"), left(30, "timeout"))
    assert floor.measured() == {("offered", 0): 2, ("left:timeout", 30_000): 1, ("waiting", 30): 1}
    floor.hear(answered(30, id="at-once"))
    assert floor.measured() == {("offered", 0): 2, ("left:timeout", 30_000): 1, ("answered", 0): 1}


def test_a_second_offer_of_one_queue_says_that_the_end_of_the_first_was_lost() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(offered(100))
    floor.hear(answered(112, waited=12.0))
    assert floor.measured() == {("offered", 0): 2, ("left:system", 100_000): 1, ("answered", 12_000): 1}


def test_an_answer_that_names_no_queue_belongs_to_the_offer_whose_wait_it_measured() -> None:
    floor = Floor()
    floor.hear(offered(0, "sales"), offered(50, "service"), answered(60, None, waited=10.0))
    floor.flush()
    left_over = {(queue, measure) for (_, queue, _, measure, _), n in floor.facts.items() if n}
    assert left_over == {("sales", "offered"), ("sales", "waiting"), ("service", "offered"), ("service", "answered")}


def test_who_hangs_up_while_waiting_abandons_even_if_only_the_end_was_told() -> None:
    floor = Floor()
    floor.hear(offered(0), ended(8, by="customer"))
    assert floor.measured() == {("offered", 0): 1, ("left:abandoned", 8_000): 1}


def test_what_the_queue_says_of_a_leaving_is_truer_than_an_end_told_a_little_before() -> None:
    floor = Floor()
    floor.hear(offered(0), ended(7.9))
    floor.hear(left(8, "key_exit"))
    assert floor.measured() == {("offered", 0): 1, ("left:key_exit", 8_000): 1}


def test_a_merged_contact_withdraws_from_its_queue_and_its_promise_is_cancelled() -> None:
    floor = Floor()
    floor.hear(offered(0), other(ContactMerged, 9, into="c2"))
    assert floor.measured() == {("offered", 0): 1, ("left:withdrawn", 9_000): 1}
    assert [t.transition for t in floor.transitions] == ["cancelled"]


def test_ending_before_any_queue_is_left_in_ivr_once() -> None:
    floor = Floor()
    floor.hear(left_ivr(61))
    floor.hear(left_ivr(62))
    floor.flush()
    assert floor.facts == {("phone", None, DAY_MINUTES + 1, "left_ivr", 0): 1}


def test_a_contact_that_was_offered_did_not_end_before_any_queue() -> None:
    floor = Floor()
    floor.hear(left_ivr(61))
    floor.flush()
    floor.hear(offered(30))
    assert floor.measured() == {("offered", 0): 1, ("waiting", 30): 1}


def test_an_answer_without_an_offer_is_an_anomaly_and_measures_nothing() -> None:
    floor = Floor()
    floor.hear(answered(5))
    assert floor.measured() == {}
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert contact.anomalies == ("answered without an open offer",)
    floor.hear(offered(1))
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert contact.anomalies == ()
    assert floor.measured() == {("offered", 0): 1, ("answered", 4_000): 1}


def test_open_conversations_are_counted_per_agent() -> None:
    floor = Floor()
    floor.hear(offered(0, contact="a"), answered(1, contact="a", agent="mia"))
    floor.hear(offered(0, contact="b"), answered(2, contact="b", agent="mia"))
    floor.flush()
    assert floor.busy == {"mia": 2}
    floor.hear(ended(50, contact="a"))
    floor.flush()
    assert floor.busy == {"mia": 1}


def test_a_call_is_told_when_it_is_answered_and_again_when_it_is_over() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10))
    floor.flush()
    assert floor.calls == {("mia", at(10), None): 1}
    floor.hear(ended(110))
    floor.flush()
    assert floor.calls == {("mia", at(10), None): 1, ("mia", at(10), at(110)): 1}


def test_a_call_lasts_through_its_wrap_up() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10), ended(110))
    floor.flush()
    floor.hear(other(ContactWrapupStarted, 110), other(ContactWrapupEnded, 140))
    floor.flush()
    assert +floor.calls == {("mia", at(10), None): 1, ("mia", at(10), at(140)): 1}


def test_wrap_up_that_was_told_before_the_end_of_its_call_counts_with_the_end() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10))
    floor.hear(other(ContactWrapupStarted, 110), other(ContactWrapupEnded, 140))
    floor.hear(ended(110))
    floor.flush()
    assert +floor.calls == {("mia", at(10), None): 1, ("mia", at(10), at(140)): 1}


def test_a_measured_handle_time_holds_the_wrap_up() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10), ended(110, handled=130.5))
    floor.hear(other(ContactWrapupStarted, 110), other(ContactWrapupEnded, 140))
    floor.flush()
    floor.hear(ended(110, handled=120.5, revision=1))
    floor.flush()
    assert +floor.calls == {("mia", at(10), None): 1, ("mia", at(10), at(130.5)): 1}


def test_a_correction_takes_back_exactly_the_calls_that_were_told() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(10, waited=10.0), ended(110))
    floor.flush()
    floor.hear(answered(12, waited=10.0, id="c1/answered/10", revision=1))
    floor.flush()
    assert +floor.calls == {("mia", at(12), None): 1, ("mia", at(12), at(110)): 1}
    floor.hear(answered(12, waited=10.0, id="c1/answered/10", revision=2, agent="tom"))
    floor.flush()
    assert +floor.calls == {("tom", at(12), None): 1, ("tom", at(12), at(110)): 1}


def test_a_transfer_ends_the_call_of_one_agent_and_begins_none_of_the_next() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5), transferred(65, queue="sales", agent="mia"))
    floor.hear(offered(65, "service"), answered(75, "service", agent="tom"))
    floor.flush()
    assert floor.calls == {
        ("mia", at(5), None): 1,
        ("mia", at(5), at(65)): 1,
        ("tom", at(75), None): 1,
    }


def test_an_agent_whom_a_call_is_handed_on_to_has_a_call_of_their_own_that_is_no_offer() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5), transferred(65, queue="sales", agent="mia"))
    floor.hear(other(ContactWrapupStarted, 66, agent="mia"), other(ContactWrapupEnded, 76, agent="mia"))
    floor.hear(answered(70, agent="tom"))
    floor.flush()
    assert floor.busy == {"tom": 1}
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert contact.open
    floor.hear(other(ContactHoldStarted, 80), other(ContactHoldEnded, 90), ended(110, agent="tom"))
    floor.hear(other(ContactWrapupStarted, 110, agent="tom"), other(ContactWrapupEnded, 140, agent="tom"))
    assert floor.measured() == {
        ("offered", 0): 1,
        ("answered", 5_000): 1,
        ("completed", 5_000): 1,
        ("handled", 70_000): 2,
    }
    assert +floor.calls == {
        ("mia", at(5), None): 1,
        ("mia", at(5), at(75)): 1,
        ("tom", at(70), None): 1,
        ("tom", at(70), at(140)): 1,
    }
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert (contact.open, contact.anomalies) == (False, ())


def test_whoever_answers_what_another_still_has_or_what_was_handed_on_to_a_queue_has_no_second_call() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5), answered(20, agent="tom"), ended(60))
    floor.hear(offered(0, contact="c2"), answered(5, contact="c2"), transferred(65, contact="c2"))
    floor.hear(offered(66, "service", contact="c2"), answered(75, "service", agent="tom", contact="c2"))
    floor.hear(ended(90, contact="c2"), answered(95, agent="ida", contact="c2"))
    floor.flush()
    assert +floor.calls == {
        ("mia", at(5), None): 2,
        ("mia", at(5), at(60)): 1,
        ("mia", at(5), at(65)): 1,
        ("tom", at(75), None): 1,
        ("tom", at(75), at(90)): 1,
    }


def test_a_call_of_ours_takes_its_agents_time_and_is_neither_an_offer_nor_a_handled_contact() -> None:
    floor = Floor()
    floor.hear(created(0, direction="outbound"), answered(0, agent="mia"), ended(40, agent="mia", handled=40.0))
    assert floor.measured() == {}
    assert +floor.calls == {("mia", at(0), None): 1, ("mia", at(0), at(40)): 1}
    assert +floor.busy == {}


def test_that_a_call_was_ours_may_be_told_after_it() -> None:
    floor = Floor()
    for event in (ended(40, agent="mia"), answered(5, agent="mia"), created(0, direction="outbound")):
        floor.hear(event)
    floor.flush()
    assert +floor.calls == {("mia", at(5), None): 1, ("mia", at(5), at(40)): 1}
    floor.hear(created(0, revision=1))
    floor.flush()
    assert +floor.calls == {}


def test_of_a_contact_that_turns_out_to_be_ours_what_was_handed_on_is_no_handle_time_any_more() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5), transferred(65), answered(70, agent="tom"), ended(110))
    assert floor.measured()["handled", 40_000] == 1
    floor.hear(created(120, direction="outbound"))
    assert ("handled", 40_000) not in floor.measured()
    floor.hear(answered(70, agent="tom", id="c1/answered/70", revision=1))
    assert ("handled", 40_000) not in floor.measured()
    assert floor.calls[("tom", at(70), at(110))] == 1


def test_a_call_of_ours_whose_end_never_came_is_taken_back_when_it_is_given_up() -> None:
    floor = Floor(retention=2 * 86_400_000)
    floor.hear(created(0, direction="outbound"), answered(5))
    floor.flush()
    assert floor.busy == {"mia": 1}
    floor.clock(5 * 86_400)
    floor.flush()
    assert +floor.busy == {}
    assert +floor.calls == {}


def test_conversations_in_writing_are_no_calls() -> None:
    floor = Floor()
    floor.hear(offered(0, channel="chat"), answered(5, channel="chat"), ended(65, channel="chat"))
    floor.flush()
    assert floor.calls == {}


def test_a_call_whose_end_never_came_is_taken_back_when_it_is_given_up() -> None:
    floor = Floor(retention=2 * 86_400_000)
    floor.hear(offered(0, contact="a"), answered(5, contact="a"))
    floor.hear(offered(0, contact="b", channel="chat"), answered(5, contact="b", channel="chat"))
    floor.flush()
    floor.clock(5 * 86_400)
    floor.clock(9 * 86_400)
    floor.flush()
    assert +floor.calls == {}
    assert +floor.busy == {}
    assert min(floor.busy.values()) == 0


def test_events_that_measure_nothing_are_accepted_and_remembered() -> None:
    floor = Floor()
    floor.hear(other(ContactCreated, 0), other(MessagePosted, 1, author="customer"))
    floor.hear(other(MessagePosted, 1, author="customer"))
    assert floor.measured() == {}
    assert floor.outcomes == {"accepted": 1, "duplicate": 1}


def test_what_cancels_out_between_two_flushes_is_not_sent() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(4), ended(10))
    floor.flush()
    assert all(measure != "waiting" for _, _, _, measure, _ in floor.facts)
    assert floor.busy == {}
    sent = floor.sent_partials
    floor.flush()
    assert floor.sent_partials == sent


FIFTEEN = """
c01 0 answered 4 180 0 30
c02 30 answered 12 240 60 45
c03 60 answered 20 95 0 20
c04 100 answered 21 300 30 60
c05 200 answered 47 150 0 0
c06 260 answered 95 420 120 90
c07 300 abandoned 3
c08 330 abandoned 5
c09 400 abandoned 18
c10 450 abandoned 64
c11 520 callback 15
c12 600 timeout 60
c13 1661 answered 9
c14 1758 waiting
c15 1793 waiting
"""


def test_the_fifteen_contacts_measure_what_was_worked_out_by_hand() -> None:
    floor = Floor()
    timeline = []
    for row in FIFTEEN.split("\n")[1:-1]:
        contact, enter, outcome, *times = row.split()
        wait, *parts = [*map(int, times), 0][: max(len(times), 1)]
        start = int(enter)
        timeline.append((start, offered(start, contact=contact)))
        if outcome == "answered":
            timeline.append((start + wait, answered(start + wait, contact=contact)))
        elif outcome != "waiting":
            timeline.append((start + wait, left(start + wait, outcome, contact=contact)))
        if len(parts) == 3:
            talk, hold, wrapup = parts
            on = start + wait + talk
            off = on + hold
            end = {"contact": contact, "agent": "mia"}
            timeline.append((on, other(ContactHoldStarted, on, **end)))
            timeline.append((off, other(ContactHoldEnded, off, **end)))
            finish = transferred(off, queue="sales", **end) if contact == "c06" else ended(off, **end)
            timeline.append((off, finish))
            timeline.append((off, other(ContactWrapupStarted, off, **end)))
            timeline.append((off + wrapup, other(ContactWrapupEnded, off + wrapup, **end)))
    for moment, event in sorted(timeline, key=lambda told: told[0]):
        floor.clock(moment - 1)
        floor.hear(event)
    floor.clock(1800)
    facts = floor.measured()

    def of(measure: str) -> list[int]:
        return sorted(value // 1000 for (name, value), n in facts.items() if name == measure for _ in range(n))

    assert facts["offered", 0] == 15
    assert of("answered") == [4, 9, 12, 20, 21, 47, 95]
    assert of("left:abandoned") == [3, 5, 18, 64]
    assert of("left:callback") == [15]
    assert of("left:timeout") == [60]
    assert {value for measure, value in facts if measure == "waiting"} == {1758, 1793}
    assert of("completed") == [4, 12, 20, 21, 47, 95]
    assert sum(of("handled")) == 1840
    breached = {t.contact for t in floor.transitions if t.transition == "breached"}
    assert breached == {"c04", "c05", "c06", "c10", "c12", "c14"}
