"""The problem strip, alerts as they stand, and open contacts."""

from __future__ import annotations

from schemas.customers import CustomerContact
from schemas.instants import HOUR, MINUTE, SECOND, from_ms
from schemas.live import SourceSeen
from schemas.notifications import Delivery, Saying
from streams.outlets.gateway.alert_book import CLOSED_KEPT
from streams.outlets.gateway.board import snapshot_of
from streams.outlets.gateway.open_contacts import state_of
from tests.unit.gateway_floor import T0, Floor, alert


def test_the_strip_holds_the_three_worst_and_says_how_many_more_there_are() -> None:
    floor = Floor()
    floor.pipeline(T0)
    floor.say(alert("info", severity="info"))
    floor.say(alert("later", started_at=from_ms(T0 + 1)))
    floor.say(alert("acknowledged", acknowledged=Saying(by="Dana", at=from_ms(T0)), state="acknowledged"))
    floor.say(alert("first"))
    floor.say(alert("warning", severity="warning"))
    view = floor.look(T0)
    assert [problem.id for problem in view.problems] == ["first", "later", "acknowledged"]
    assert view.more_problems == 2
    said = view.problems[2].acknowledged
    assert said is not None
    assert (said.by, said.at) == ("Dana", T0)


def test_a_closed_alert_leaves_the_strip_and_stays_in_the_snapshot_for_an_hour() -> None:
    floor = Floor()
    floor.pipeline(T0)
    floor.say(alert())
    floor.say(alert(sequence=2, state="resolved", ended_at=from_ms(T0 + MINUTE), updated_at=from_ms(T0 + MINUTE)))
    assert floor.look(T0).problems == ()
    line = snapshot_of(floor.look(T0), floor.picture, 1, T0 + HOUR).alerts[0]
    assert (line.id, line.state, line.ended_at) == ("a1", "resolved", T0 + MINUTE)
    assert snapshot_of(floor.look(T0), floor.picture, 1, T0 + HOUR + 2 * MINUTE).alerts == ()


def test_a_record_with_a_lower_sequence_changes_nothing() -> None:
    floor = Floor()
    floor.say(alert(sequence=3, state="resolved"))
    floor.say(alert(sequence=2))
    assert floor.picture.book.alerts["a1"].state == "resolved"
    assert floor.picture.book.open() == []


def test_of_alerts_that_are_over_the_oldest_are_forgotten() -> None:
    floor = Floor()
    floor.say(alert("open"))
    for number in range(CLOSED_KEPT + 5):
        floor.say(alert(f"c{number}", state="resolved"))
    assert len(floor.picture.book.alerts) == CLOSED_KEPT + 1
    assert "c4" not in floor.picture.book.alerts
    assert {"open", "c5"} <= floor.picture.book.alerts.keys()


def test_a_silent_source_is_a_problem_unless_an_alert_says_so() -> None:
    floor = Floor()
    silent = SourceSeen(last_seen=from_ms(T0 - HOUR), records=1, silent_since=from_ms(T0 - HOUR))
    floor.pipeline(T0, pbx=silent, mail=SourceSeen(last_seen=from_ms(T0), records=1))
    assert [(each.id, each.since) for each in floor.look(T0).problems] == [("source:pbx", T0 - HOUR)]
    floor.say(alert("s", rule="source.silent", labels={"source": "pbx"}))
    assert [each.id for each in floor.look(T0).problems] == ["s"]


def test_numbers_that_stand_still_are_a_problem_in_words_that_do_not_change() -> None:
    floor = Floor()
    floor.pipeline(T0)
    assert floor.look(T0 + 60 * SECOND).problems == ()
    problem = floor.look(T0 + 61 * SECOND).problems
    assert [(each.id, each.severity, each.since) for each in problem] == [("pipeline", "critical", T0)]
    assert floor.look(T0 + 90 * SECOND).problems == problem


def test_the_last_outcome_of_every_message_is_known() -> None:
    floor = Floor()
    floor.say(alert())
    delivery = Delivery(
        message="m", alert="a1", sequence=1, notify="trigger", receiver="desk", outcome="failed", attempts=1,
        at=from_ms(T0), detail="timeout",
    )  # fmt: skip
    floor.say(delivery)
    floor.say(Delivery(**{name: getattr(delivery, name) for name in delivery.__struct_fields__} | {"outcome": "sent"}))
    assert [each.outcome for each in floor.picture.book.deliveries("a1")] == ["sent"]


def contact(name: str = "c", customer: str = "k", **changes: object) -> CustomerContact:
    known: dict[str, object] = {
        "customer": customer, "contact": name, "channel": "phone", "started": T0, "open": True, "outcome": "open",
    }  # fmt: skip
    return CustomerContact(**{**known, **changes})  # type: ignore[arg-type]


def test_a_contact_waits_from_its_offer_and_is_answered_from_its_answer() -> None:
    assert state_of(contact()) == ("open", T0)
    assert state_of(contact(offered=T0 + 1)) == ("waiting", T0 + 1)
    assert state_of(contact(offered=T0 + 1, outcome="answered", answered=T0 + 9)) == ("answered", T0 + 9)
    assert state_of(contact(offered=T0 + 1, outcome="transfer_out")) == ("open", T0)


def test_a_contact_that_turns_out_to_be_anothers_is_there_once_in_whatever_order_it_is_read() -> None:
    for order in ((0, 1, 2), (0, 2, 1), (2, 0, 1)):
        floor = Floor()
        records = [contact(), contact(gone=True), contact(customer="other")]
        for number in order:
            floor.contact(records[number])
        assert [each.customer for each in floor.picture.contacts.all()] == ["other"]


def test_a_contact_that_is_over_is_forgotten() -> None:
    floor = Floor()
    floor.contact(contact())
    floor.contact(contact(open=False, outcome="abandoned"))
    assert len(floor.picture.contacts) == 0
