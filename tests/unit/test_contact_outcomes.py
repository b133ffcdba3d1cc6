"""One outcome for every source record; what fails leaves nothing behind and is put aside with its reason."""

import msgspec

from schemas import envelopes
from schemas.envelopes import Envelope, Origin
from schemas.partials import SplitOutcome
from schemas.policies import Policies, QueuePolicy
from tests.unit.contact_bench import Floor, agent_state, answered, ended, offered


class CursedPolicies(Policies, frozen=True):
    """A rule that raises for one queue."""

    def of(self, queue: str | None) -> QueuePolicy:
        if queue == "cursed":
            raise ZeroDivisionError("no policy can be worked out")
        return super().of(queue)


def test_what_intake_ignored_or_failed_is_counted_with_its_reason() -> None:
    floor = Floor()
    floor.hear(outcome="ignored", reason="phantom")
    floor.hear(outcome="ignored", reason="phantom")
    floor.hear(outcome="failed", reason="syntax")
    floor.hear(offered(0))
    floor.hear(offered(0))
    floor.flush()
    assert floor.outcomes == {"ignored:phantom": 2, "failed:syntax": 1, "accepted": 1, "duplicate": 1}
    assert floor.outcomes.total() == 5


def test_outcomes_are_sent_once() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.flush()
    floor.flush()
    assert floor.outcomes == {"accepted": 1}


def test_a_part_of_a_record_says_what_became_of_it_and_is_not_counted_here() -> None:
    floor = Floor()
    origin = Origin("channel.phone", 2, 77)
    floor.hear(offered(0), origin=origin, part=0, parts=3)
    floor.hear(offered(0), origin=origin, part=1, parts=3)
    floor.hear(origin=origin, part=2, parts=3, outcome="failed", reason="schema")
    floor.flush()
    assert floor.outcomes == {}
    assert floor.split == [
        SplitOutcome("channel.phone/2/77", 3, "accepted", None),
        SplitOutcome("channel.phone/2/77", 3, "duplicate", None),
        SplitOutcome("channel.phone/2/77", 3, "failed", "schema"),
    ]


def test_a_rule_that_raises_leaves_the_contact_as_it_was_and_puts_the_envelope_aside() -> None:
    floor = Floor(policies=CursedPolicies())
    floor.hear(offered(0))
    floor.flush()
    before = msgspec.msgpack.encode(floor.contacts.contact("c1"))
    floor.outcomes.clear()

    said = (answered(25), ended(30), offered(30, "cursed"))
    origin = Origin("channel.phone", 0, 9, "queue_log", 120)
    raw = envelopes.encode(Envelope(origin=origin, events=said))
    floor.take(raw, headers=(("ce_id", b"x"),))
    floor.flush()

    assert msgspec.msgpack.encode(floor.contacts.contact("c1")) == before
    assert floor.measured() == {("offered", 0): 1, ("waiting", 0): 1}
    assert floor.transitions == []
    assert floor.busy == {}
    assert floor.outcomes == {"failed:rule": 1}
    ((key, value, headers),) = floor.failed
    assert (key, value) == (str(origin).encode(), raw)
    assert headers["ce_id"] == b"x"
    assert headers["failed.stage"] == b"rule"
    assert headers["failed.reason"] == b"rule"
    assert headers["failed.message"] == b"ZeroDivisionError: no policy can be worked out"
    assert (headers["failed.topic"], headers["failed.offset"]) == (b"channel.phone", b"9")
    assert (headers["failed.file"], headers["failed.line"]) == (b"queue_log", b"120")


def test_after_a_rule_that_raised_the_batch_and_the_contact_go_on() -> None:
    floor = Floor(policies=CursedPolicies())
    floor.hear(offered(0))
    floor.hear(answered(25), offered(26, "cursed"))
    floor.hear(answered(25))
    floor.clock(60)
    assert [t.transition for t in floor.transitions] == ["at_risk", "breached", "fulfilled"]
    assert floor.measured() == {("offered", 0): 1, ("answered", 25_000): 1}


def test_a_contact_whose_first_envelope_fails_does_not_exist() -> None:
    floor = Floor(policies=CursedPolicies())
    floor.hear(offered(0), offered(1, "cursed"))
    floor.flush()
    assert len(floor.contacts) == 0
    assert floor.changelog == {}
    assert floor.customers == []
    assert floor.facts == {}


def test_an_envelope_of_two_contacts_is_refused() -> None:
    floor = Floor()
    floor.hear(offered(0), offered(0, contact="c2"))
    floor.hear(offered(0), agent_state(0, "available"))
    floor.hear(agent_state(0, "available"), agent_state(0, "available", agent="tom"))
    floor.flush()
    assert floor.outcomes == {"failed:rule": 3}
    assert len(floor.contacts) == 0


def test_bytes_that_are_no_envelope_are_put_aside_with_their_own_place() -> None:
    floor = Floor()
    floor.offset = 41
    for raw in (
        b"{",
        b"\xff\xfe",
        b'{"origin":{"topic":"\xff"',
        b'{"origin":{"topic":"t","partition":0,"offset":1},"events":[{"type":"?"}]}',
        b'{"later":' + b"[" * 100_000,
        b"",
        None,
    ):
        floor.take(raw)
    floor.flush()
    assert floor.outcomes == {"failed:schema": 7}
    key, value, headers = floor.failed[0]
    assert value == b"{"
    assert key == b"contacts.events/0/41"
    assert (headers["failed.reason"], headers["failed.stage"]) == (b"schema", b"rule")
