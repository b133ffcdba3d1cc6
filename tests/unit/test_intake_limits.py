"""Of what events may say at most, a customer's records are no larger than their topics take."""

from typing import Any

import msgspec

from agents.contacts.processor import Contacts
from agents.customers.customers import Customers
from agents.intake.limits import LONGEST_ID, LONGEST_NAME
from agents.intake.processor import Intake
from schemas.instants import SECOND, from_ms
from schemas.policies import Policies
from tests.unit.contact_bench import NAMESPACE, Taken
from tests.unit.customer_floor import NOON, Line
from tests.unit.test_intake import Sent

LARGEST = 1_048_588
"""Bytes that a topic takes unless it is told otherwise (max.message.bytes)."""

OPEN = 250
"""So many chats of one customer; a profile tells fewer."""


def long(number: int, longest: int) -> str:
    """A text that takes as many bytes in JSON, each another one."""
    return "\x01" * ((longest - 4) // 6) + f"{number:04}"


def offered(number: int) -> bytes:
    """A chat with all that may be long in it."""
    common: dict[str, Any] = {
        "time": from_ms(NOON - number * SECOND),
        "channel": "chat",
        "source": "desk",
        "contact": long(number, LONGEST_ID),
        "identifiers": ["mailto:ana@kunde.example"],
        "queue": long(number, LONGEST_NAME),
    }
    topic = "topic:" + "\x01" * ((LONGEST_NAME - len("topic:")) // 6)
    said = {"tags": [topic], "priority": long(number, LONGEST_NAME), "language": long(number, LONGEST_NAME)}
    return msgspec.json.encode(
        [
            common | said | {"type": "contact.created", "id": f"{number}"},
            common | {"type": "contact.offered", "id": f"{number}-offered"},
        ]
    )


def test_a_customer_of_whom_everything_is_as_long_as_it_may_be_has_records_that_topics_take() -> None:
    heard, told, said = Sent(), Sent(), Sent()
    intake = Intake(wall_clock=True)
    for number in range(OPEN):
        headers = (("ce_type", b"events"), ("ce_source", b"desk"))
        intake.take(Line(offered(number), b"k", "channel.chat", 0, number, NOON, headers), heard)
    assert {each.topic for each in heard} == {"contacts.events"}
    contacts = Contacts("contacts-0", policies=Policies(), namespace=NAMESPACE)
    for number, each in enumerate(heard):
        contacts.take(Taken(each.value, number, key=each.key), told)
    contacts.before_flush(told, ended=False)
    customers = Customers()
    customers.advance(NOON, said)
    for number, each in enumerate(told):
        if each.topic == "customers.events":
            customers.take(Line(each.value, each.key or b"", each.topic, 0, number), said)
    customers.advance(NOON + 2 * SECOND, said)
    customers.before_flush(said, ended=False)
    records = [(each.topic, len(each.value or b"")) for each in (*told, *said) if each.topic != "customers.members"]
    assert {topic for topic, _ in records} >= {"customers.events", "customers.profiles", "customers.context"}
    assert {topic for topic, size in records if size > LARGEST} == set()
    assert max(size for topic, size in records if topic == "customers.profiles") > 110 * LONGEST_ID
