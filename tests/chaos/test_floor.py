"""The floor and its truth: what is fed follows from a seed, and what must come out from what is fed."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random
from typing import Any

from tests.chaos.clock_truth import POLICIES
from tests.chaos.compliance_truth import compliance_of
from tests.chaos.floor import Floor, Telling, make_floor
from tests.chaos.link_truth import LIMIT, said_by
from tests.chaos.links import LINKS
from tests.chaos.numbers import Leg, windows_of
from tests.chaos.plots import PLOTS
from tests.chaos.promise_truth import ANSWER_WITHIN
from tests.chaos.story import BY_NAME, Stay, Story
from tests.chaos.tickets import TICKETS
from tests.chaos.truth import truth_of

BEGINS = 1_800_000_000_000


def story() -> Story:
    return Story(Random(1), "one", "phone", "tel:+4930100", "Tom", 60_000)


@cache
def busy_floor() -> tuple[Floor, dict[str, Any]]:
    floor = make_floor(1, 40)
    return floor, floor.truth()


def truth_of_story(told: Story) -> dict[str, Any]:
    return truth_of([Telling(e.told, "phone", told.contact, told, e) for e in told.events], BEGINS)


def test_the_same_seed_makes_the_same_floor_and_another_seed_another() -> None:
    values = [[each.value(BEGINS) for each in make_floor(seed, 12).tellings] for seed in (7, 7, 8)]
    assert values[0] == values[1]
    assert values[0] != values[2]


def test_every_record_of_a_floor_has_one_outcome() -> None:
    floor, truth = busy_floor()
    counts = truth["counts"]
    assert counts["read"] == len(floor.tellings)
    assert counts["read"] == counts["accepted"] + counts["failed"] + counts["duplicates"]
    assert min(counts["accepted"], counts["failed"], counts["duplicates"]) > 0


def test_a_floor_of_forty_seconds_has_every_kind_of_contact_and_hundreds_of_breaches() -> None:
    floor, truth = busy_floor()
    assert set(floor.plots) == {plot.__name__ for plot, _ in (*PLOTS, *TICKETS, *LINKS)}
    stated = Counter((p["clock"] == ANSWER_WITHIN, name) for p in truth["promises"] for name, *_ in p["stated"])
    for is_offer in (True, False):
        assert stated[is_offer, "breached"] > 400
        assert stated[is_offer, "cancelled"] > 100
        assert stated[is_offer, "lapsed"] > 50
    assert min(stated[False, "paused"], stated[False, "resumed"]) > 200
    assert stated[False, "retargeted"] > 30


def test_every_clock_of_a_ticket_is_kept_and_broken_on_some_tickets() -> None:
    ends = Counter(
        (promise["clock"], name, detail)
        for promise in busy_floor()[1]["promises"]
        for name, _, detail, *_ in promise["stated"]
    )
    for clock in {clock for targets in POLICIES.values() for clock in targets}:
        assert min(ends[clock, "fulfilled", "attained"], ends[clock, "breached", None]) > 20, clock
    assert any(not promise["stated"] for promise in busy_floor()[1]["promises"])


def test_kept_and_broken_promises_are_counted_by_clock_of_all_and_by_policy() -> None:
    def promise(clock: str, *stated: tuple[str, str]) -> dict[str, Any]:
        return {"clock": clock, "stated": [[name, 0, None, 0, policy] for name, policy in stated]}

    counts = compliance_of(
        (
            promise("first_reply", ("activated", "normal"), ("fulfilled", "normal")),
            promise("first_reply", ("breached", "urgent"), ("retargeted", "normal"), ("fulfilled", "normal")),
            promise("first_reply", ("activated", "urgent"), ("cancelled", "urgent")),
            promise("agent_work", ("fulfilled", "urgent"), ("resumed", "urgent"), ("fulfilled", "urgent")),
            promise("next_reply"),
        )
    )
    assert counts[None]["sla_compliance.first_reply"] == [0.5, 1, 2]
    assert counts["normal"]["sla_met.first_reply"][0] == counts["urgent"]["sla_breached.first_reply"][0] == 1
    assert counts["urgent"]["sla_compliance.agent_work"] == [1.0, 1, 1]
    assert "sla_met.next_reply" not in counts[None]
    windows = busy_floor()[1]["windows"]
    assert {each["policy"] for each in windows if "policy" in each} > {"urgent", "normal", "answer-within-sales"}


def test_customers_are_linked_parted_and_some_links_refused_on_a_floor() -> None:
    floor, truth = busy_floor()
    sizes = Counter(map(len, truth["identities"]["sets"].values()))
    assert max(sizes) == LIMIT
    assert min(sizes[1], sizes[2], sizes[3]) > 0
    assert truth["identities"]["reviews"]
    assert any(len(each["members"]) > 1 and each["contacts"] > 10 for each in truth["customers"].values())
    assert sum(each["contacts"] for each in truth["customers"].values()) == len(truth["contacts"])
    said = [word for each in floor.tellings if each.event for word in (said_by(each.event),) if word is not None]
    assert {(each.rank, each.holds) for each in said} == {(0, True), (0, False), (1, True), (1, False)}


def test_everything_is_told_in_order_per_contact_within_the_floor_and_never_before_it_happened() -> None:
    floor, _ = busy_floor()
    last: dict[str, int] = {}
    for each in floor.tellings:
        assert 0 <= each.told < 40_000
        if each.event is not None:
            assert each.event.at <= each.told
            assert each.told >= last.get(each.key, 0)
            last[each.key] = each.told


def test_deadlines_are_met_to_the_millisecond_on_some_contacts() -> None:
    promises = busy_floor()[1]["promises"]
    for is_offer in (True, False):
        ends = [each["stated"][-1][:4] for each in promises if each["stated"] and (each["queue"] is None) != is_offer]
        assert any(name == "fulfilled" and at == due and how == "attained" for name, at, how, due in ends)
    assert any(name == "cancelled" and at == due for each in promises for name, at, _, due, _ in each["stated"])


def test_an_answer_corrected_to_be_in_time_leaves_no_breach_but_one_was_right_to_say_before() -> None:
    told = story()
    sales = BY_NAME["sales"]
    offered = told.offered(sales, 0)
    answered = told.answered(sales, 2_700)
    told.answered(sales, 1_500, 4_000, corrects=answered, revision=1)
    told.stays.append(Stay(offered, answered, told.ended(5_000)))
    (promise,) = truth_of_story(told)["promises"]
    due = BEGINS + 2_000
    assert promise["stated"] == [
        ["activated", BEGINS, None, due, "answer-within-sales"],
        ["fulfilled", BEGINS + 1_500, "attained", due, "answer-within-sales"],
    ]
    assert [(each["record"], each["breach"]) for each in promise["known"]] == [(0, due), (1, due), (2, None)]


def test_a_contact_that_waited_too_long_and_left_is_breached_and_lapsed() -> None:
    told = story()
    orders = BY_NAME["orders"]
    offered = told.offered(orders, 0)
    told.stays.append(Stay(offered, told.left(orders, 3_100)))
    told.ended(3_200, by="customer")
    truth = truth_of_story(told)
    (promise,) = truth["promises"]
    assert [each[:3] for each in promise["stated"]] == [
        ["activated", BEGINS, None],
        ["at_risk", BEGINS + 2_000, None],
        ["breached", BEGINS + 2_500, None],
        ["lapsed", BEGINS + 3_100, "abandoned"],
    ]
    assert {each[3] for each in promise["stated"]} == {BEGINS + 2_500}
    (customer,) = truth["customers"].values()
    assert customer["channels"]["phone"] == {
        "contacts": 1,
        "outcomes": {"abandoned": 1},
        "waits": 1,
        "total_wait": 3_100,
        "longest_wait": 3_100,
    }


def test_a_duplicate_and_an_older_revision_say_nothing_new() -> None:
    told = story()
    vip = BY_NAME["vip"]
    offered = told.offered(vip, 0)
    answered = told.answered(vip, 1_000)
    told.answered(vip, 1_200, 2_000, corrects=answered, revision=1)
    told.stays.append(Stay(offered, answered, told.ended(3_000)))
    again = [*told.events[:3], told.events[1], told.events[0], *told.events[3:]]
    truth = truth_of([Telling(e.told, "phone", told.contact, told, e) for e in again], BEGINS)
    assert truth["counts"] == {"read": 6, "accepted": 4, "ignored": 0, "failed": 0, "duplicates": 2}


def test_numbers_of_a_window_by_hand() -> None:
    # Waits: answered 1 s, 3 s; abandoned after 0.5 s, 5 s; called back after 2 s. Handled: 10 s, the other talks.
    legs = [
        Leg("phone", "sales", BEGINS, "answered", 1_000, 10_000),
        Leg("phone", "sales", BEGINS, "answered", 3_000, None),
        Leg("phone", "sales", BEGINS, "abandoned", 500, None),
        Leg("phone", "sales", BEGINS, "abandoned", 5_000, None),
        Leg("phone", "sales", BEGINS, "callback", 2_000, None),
    ]
    found = {(w["channel"], w["queue"], w["kind"]): w["metrics"] for w in windows_of(legs, [("phone", BEGINS)])}
    assert len(found) == 4 * 5
    numbers = found[None, "sales", "all"]
    assert numbers["contacts_offered"][0] == 5
    assert numbers["contacts_flow_out"][0] == 1
    assert numbers["abandonment_rate_excl_short"] == [1 / 4, 1, 4]
    assert numbers["average_speed_of_answer"] == [2.0, 4.0, 2]
    assert numbers["average_handle_time"] == [10.0, 10.0, 1]
    assert numbers["longest_wait"][0] == 5.0
    assert numbers["mean_patience"] == [11.5 / 2, 11.5, 2]
    assert numbers["service_level.answered_over_offered@2"] == [1 / 5, 1, 5]
    assert numbers["service_level.connect@2"] == [3 / 5, 3, 5]
    assert numbers["service_level.genesys_no_short@4"] == [2 / 3, 2, 3]
    assert numbers["service_level.asterisk_perf2@4"] == [2 / 3, 2, 3]
    assert "contacts_left_in_ivr" not in numbers
    assert found[None, None, "day"]["contacts_left_in_ivr"][0] == 1
    assert "mean_patience" not in found[None, None, "day"]


def test_a_floor_is_placed_in_time() -> None:
    floor = Floor(1, 12)
    before = floor.truth()["promises"][0]["stated"][0][1]
    floor.place(BEGINS)
    assert floor.truth()["promises"][0]["stated"][0][1] == before + BEGINS
