"""What became of source records is counted for the process's own metrics too, once with each flush."""

from collections import Counter

from prometheus_client import REGISTRY

from agents.contacts.agent import count_source_records
from agents.contacts.processor import Contacts
from schemas import envelopes
from schemas.envelopes import Envelope, Origin
from schemas.policies import Policies
from tests.unit.contact_bench import NAMESPACE, Floor, Taken, offered

NAMES = (("accepted", ""), ("duplicate", ""), ("ignored", "phantom"), ("failed", "schema"))


def source_records() -> Counter[tuple[str, str]]:
    """The counter's samples, by outcome and reason."""
    return Counter(
        {
            (outcome, reason): int(
                REGISTRY.get_sample_value("floorwalker_source_records_total", {"outcome": outcome, "reason": reason})
                or 0
            )
            for outcome, reason in NAMES
        }
    )


def fed(contacts: Contacts, floor: Floor, *said: Envelope) -> None:
    for envelope in said:
        contacts.take(Taken(envelopes.encode(envelope)), floor)


def counting() -> Contacts:
    return Contacts("contacts-0", policies=Policies(), namespace=NAMESPACE, counted=count_source_records)


def origin(offset: int) -> Origin:
    return Origin("channel.phone", 0, offset)


def test_the_counter_grows_by_what_became_of_the_source_records_once_a_flush() -> None:
    before = source_records()
    floor, contacts = Floor(), counting()
    fed(
        contacts,
        floor,
        Envelope(origin=origin(1), events=(offered(0),)),
        Envelope(origin=origin(2), events=(offered(0),)),
        Envelope(origin=origin(3), outcome="ignored", reason="phantom"),
        Envelope(origin=origin(4), outcome="ignored", reason="phantom"),
    )
    contacts.take(Taken(b"{"), floor)
    assert source_records() == before

    contacts.before_flush(floor, ended=False)
    contacts.before_flush(floor, ended=False)
    assert source_records() - before == {
        ("accepted", ""): 1,
        ("duplicate", ""): 1,
        ("ignored", "phantom"): 2,
        ("failed", "schema"): 1,
    }


def test_a_record_of_several_parts_is_counted_once_where_its_first_part_is() -> None:
    before = source_records()
    floor, contacts = Floor(), counting()
    fed(
        contacts,
        floor,
        Envelope(origin=origin(1), part=0, parts=2, events=(offered(0),)),
        Envelope(origin=origin(1), part=1, parts=2, events=(offered(0, contact="c2"),)),
        Envelope(origin=origin(2), part=1, parts=2, outcome="ignored", reason="phantom"),
    )
    contacts.before_flush(floor, ended=False)
    assert source_records() - before == {("accepted", ""): 1}
    assert floor.outcomes == {}
    assert len(floor.split) == 3
