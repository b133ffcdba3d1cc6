"""What is remembered for how long, and what a takeover finds."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.contacts import processor
from agents.contacts.deadlines import Deadlines, Upkeep
from agents.contacts.memory import WIDTH, digest, holds, latest
from schemas.events import MessagePosted
from schemas.instants import DAY, HOUR, MINUTE
from schemas.policies import Policies, SlaPolicy, Target
from tests.unit.contact_bench import Floor, answered, at, created, ended, left, offered, other

HOURS = HOUR // 1000
DAYS = DAY // 1000


def finished_call(floor: Floor) -> None:
    floor.hear(created(0), offered(1), answered(5), ended(60))


def test_a_call_that_is_over_takes_corrections_within_the_window() -> None:
    floor = Floor()
    finished_call(floor)
    floor.clock(23 * HOURS)
    floor.hear(answered(6, id="c1/answered/5", revision=1))
    assert floor.measured()["answered", 5_000] == 1


def test_after_the_window_only_eight_bytes_an_event_stay() -> None:
    floor = Floor()
    finished_call(floor)
    floor.flush()
    (full,) = floor.changelog.values()
    floor.clock(25 * HOURS)
    floor.flush()
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert (contact.log, contact.offers, len(contact.packed)) == (b"", [], 4 * WIDTH)
    (settled,) = floor.changelog.values()
    assert len(settled) < min(100, len(full))


def test_a_settled_contact_tells_duplicates_from_late_events() -> None:
    floor = Floor()
    finished_call(floor)
    floor.clock(25 * HOURS)
    floor.flush()
    floor.crash()
    finished_call(floor)
    floor.hear(left(3))
    floor.hear(answered(6, id="c1/answered/5", revision=1))
    floor.hear(ended(70, id="c1/ended/60", revision=1))
    assert floor.measured()["answered", 4_000] == 1
    assert floor.outcomes == {"accepted": 1, "duplicate": 1, "failed:late": 3}
    assert {headers["failed.reason"] for _, _, headers in floor.failed} == {b"time"}


def test_a_settled_contact_that_goes_on_is_taken_up_again() -> None:
    floor = Floor()
    finished_call(floor)
    floor.clock(25 * HOURS)
    floor.hear(offered(26 * HOURS), left(26 * HOURS + 3))
    floor.hear(offered(26 * HOURS))
    assert floor.outcomes == {}
    assert floor.measured()["offered", 0] == 2
    assert floor.outcomes == {"accepted": 2, "duplicate": 1}
    floor.clock(60 * DAYS)
    assert len(floor.contacts) == 0


def test_a_settled_contact_is_forgotten_after_the_retention() -> None:
    floor = Floor()
    finished_call(floor)
    floor.clock(25 * HOURS)
    floor.flush()
    floor.clock(29.9 * DAYS)
    floor.flush()
    assert len(floor.changelog) == 1
    floor.clock(30.1 * DAYS)
    floor.flush()
    assert floor.changelog == {}
    assert len(floor.contacts) == 0


def test_upkeep_goes_on_after_a_restart() -> None:
    floor = Floor()
    finished_call(floor)
    floor.flush()
    floor.crash()
    floor.clock(25 * HOURS)
    floor.flush()
    floor.crash()
    floor.clock(31 * DAYS)
    assert len(floor.contacts) == 0


def test_a_conversation_whose_end_was_lost_is_given_up_after_the_retention() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5))
    floor.clock(29 * DAYS)
    floor.flush()
    assert floor.busy == {"mia": 1}
    floor.clock(32 * DAYS)
    floor.flush()
    assert +floor.busy == {}
    assert len(floor.contacts) == 0
    assert floor.measured() == {("offered", 0): 1, ("answered", 5_000): 1}


def test_a_clock_that_passes_days_between_two_flushes_loses_no_word_to_the_customer() -> None:
    floor = Floor()
    finished_call(floor)
    floor.clock(3 * DAYS)
    floor.flush()
    assert [told.outcome for told in floor.customers] == ["answered"]


def test_a_takeover_before_the_clock_is_known_takes_nothing_back() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(offered(0, contact="c2"))
    floor.clock(2 * DAYS)
    floor.flush()
    floor.crash()
    floor.hear(created(0))
    floor.hear(answered(2 * DAYS + 5, contact="c2"))
    assert all(t.transition != "corrected" for t in floor.transitions)
    assert floor.measured() == {("offered", 0): 2, ("left:system", DAY): 2}


def test_a_changelog_record_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        Floor().contacts.restore(b"zc1", b"\x01")


def test_digests_are_found_only_where_they_stand() -> None:
    packed = digest("a") + digest("b")
    assert holds(packed, digest("a"))
    assert holds(packed, digest("b"))
    assert not holds(packed, packed[3 : 3 + WIDTH])
    assert not holds(packed, digest("c"))


@given(st.lists(st.text(), max_size=20), st.integers(1, 8))
def test_the_latest_digests_are_kept(names: list[str], limit: int) -> None:
    packed = b""
    for name in names:
        packed = latest(packed, digest(name), limit)
    assert packed == b"".join(map(digest, names[-limit:]))


def test_many_open_deadlines_wait_for_the_first_of_them() -> None:
    deadlines = Deadlines()
    for number in range(1000):
        deadlines.arm(f"c{number}", 20_000 + number)
    assert list(deadlines.due(19_999)) == []
    assert list(deadlines.due(20_001)) == ["c0", "c1"]
    assert len(deadlines) == 998


def test_a_deadline_that_was_moved_or_dropped_does_not_fire() -> None:
    deadlines = Deadlines()
    deadlines.arm("c1", 10)
    deadlines.arm("c1", 30)
    deadlines.arm("c2", 20)
    deadlines.arm("c2", None)
    assert list(deadlines.due(25)) == []
    assert list(deadlines.due(30)) == ["c1"]
    assert list(deadlines.due(10**15)) == []


def test_upkeep_comes_at_the_end_of_its_minute_however_far_the_clock_jumps() -> None:
    upkeep = Upkeep()
    upkeep.plan("c1", at(30))
    upkeep.plan("c2", at(30) + 50 * DAY)
    assert list(upkeep.due(at(30))) == []
    assert list(upkeep.due(at(30) + MINUTE)) == ["c1"]
    assert list(upkeep.due(at(0) + 400 * DAY)) == ["c2"]


def test_of_many_contacts_that_change_between_two_flushes_not_all_clocks_are_kept_and_customers_are_told_the_same() -> (
    None
):
    prompt = SlaPolicy(id="prompt", targets={"first_reply": Target(target=60)})

    def asked(held: int) -> tuple[Floor, list[bool]]:
        floor = Floor(policies=Policies(sla=(prompt,)))
        with mock.patch.object(processor, "HELD", held):
            for name in ("c1", "c2", "c3"):
                floor.hear(other(MessagePosted, 1, contact=name, channel="email", author="customer"))
        kept = [bool(change.judged) for change in floor.contacts._changed.values()]
        floor.flush()
        return floor, kept

    (few, of_few), (all_, of_all) = asked(held=2), asked(held=3)
    assert of_few == [True, True, False]
    assert of_all == [True, True, True]
    assert few.customers == all_.customers
    assert [[one.clock for one in told.promises] for told in few.customers] == [["first_reply"]] * 3
