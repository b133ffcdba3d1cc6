"""A rule that fails on one contact as time passes stops no other contact's clocks, and is told."""

from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents.contacts import processor
from agents.contacts.agent import report_unjudged
from agents.contacts.change import contact_change
from agents.contacts.processor import Contacts
from schemas.events import MessagePosted
from schemas.policies import Policies, SlaPolicy, Target
from tests.unit.contact_bench import NAMESPACE, Floor, created, other, second

CARE = Policies(sla=(SlaPolicy(id="care", targets={"requester_wait": Target(target=200)}),))


class Watched(Floor):
    def _processor(self) -> Contacts:
        return Contacts("contacts-0", policies=self.policies, namespace=NAMESPACE, unjudged=report_unjudged)


def count() -> float:
    return REGISTRY.get_sample_value("floorwalker_contacts_unjudged_total") or 0.0


def breaches(floor: Floor) -> list[tuple[str, float]]:
    """(contact, due) of the broken promises told so far."""
    return [(one.contact, second(one.due_at)) for one in floor.said if one.transition == "breached"]


def test_other_promises_are_watched_and_the_failed_one_is_told_of_with_the_contacts_next_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    floor = Watched(policies=CARE)
    floor.hear(created(0, contact="bad", channel="email"))
    floor.hear(created(1, contact="good", channel="email"))
    before = count()

    def failing(contact_id: str, *rest: Any) -> Any:
        if contact_id == "bad":
            raise ZeroDivisionError("a rule")
        return contact_change(contact_id, *rest)

    monkeypatch.setattr(processor, "contact_change", failing)
    with capture_logs() as words:
        floor.clock(300)
    assert breaches(floor) == [("good", 201)]
    assert count() == before + 1
    assert [(one["event"], one["channel"], bool(one["customer"])) for one in words] == [
        ("contact.unjudged", "email", True)
    ]

    monkeypatch.setattr(processor, "contact_change", contact_change)
    floor.hear(other(MessagePosted, 310, contact="bad", channel="email", author="agent"))
    assert breaches(floor) == [("good", 201), ("bad", 200)]


def test_a_restart_looks_at_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    floor = Watched(policies=CARE)
    floor.hear(created(0, contact="bad", channel="email"))
    floor.flush()
    with monkeypatch.context() as failing, capture_logs():
        failing.setattr(processor, "contact_change", lambda *_: 1 // 0)
        floor.clock(300)
    floor.flush()
    assert floor.transitions == []

    floor.crash()
    floor.clock(301)

    assert breaches(floor) == [("bad", 200)]
