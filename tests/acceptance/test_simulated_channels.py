"""A simulated day of chat, mail and social messages through `floorwalker backtest --format http`: the numbers are those
of what really happened."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from streams.simulator import Delivery, House, Incident, Plan, sample_plan
from streams.simulator.people import Person
from streams.simulator.truth import DeskTruth
from streams.simulator.wires import Webhook
from streams.simulator.wires.chatwoot import Chatwoot
from streams.simulator.wires.mails import Mails
from streams.simulator.wires.postmark import Postmark
from streams.simulator.wires.whatsapp import WhatsApp
from tests.acceptance.program import floorwalker

pytestmark = pytest.mark.slow

HOUR = 3_600
BEGIN = datetime(2026, 10, 20, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
ADDRESS = "care@demo.example"
CHAT, MAIL, SOCIAL = Chatwoot("of this day"), Postmark("u", "of this day", Mails(ADDRESS)), WhatsApp("of this day")
WIRES: dict[str, Webhook] = {"chat": CHAT, "mail": MAIL, "social": SOCIAL}
QUEUES = {"chat": ("chat", CHAT.queue), "mail": ("email", MAIL.queue), "social": ("social", SOCIAL.queue)}
THRESHOLDS = (20, 60, 300)
CONFIG = f"""
[service]
region = "DE"
timezone = "Europe/Berlin"

[metrics]
thresholds = {list(THRESHOLDS)}

[queues."{CHAT.queue}"]
answer_within = "60s"

[[hooks]]
provider = "postmark"
source = "mail-1"
secrets = {{ user = "u", password = "of this day" }}
settings = {{ addresses = "{ADDRESS}" }}

[[hooks]]
provider = "chatwoot"
source = "chat-1"
secrets = {{ secret = "of this day" }}

[[hooks]]
provider = "whatsapp"
source = "social-1"
secrets = {{ app_secret = "of this day", verify_token = "t" }}
"""


class Day(NamedTuple):
    """What happened, and what came out."""

    truth: DeskTruth
    deliveries: int
    out: dict[str, Any]

    def number(self, metric: str, **scope: str) -> tuple[float | None, float | None]:
        """A metric over all time: its value, or of a ratio its numerator; and the denominator."""
        (found,) = (
            each
            for each in self.out["metrics"]
            if each["metric"] == metric and each["window"]["kind"] == "all" and each["scope"] == scope
        )
        ratio = found["numerator"] is not None
        return (found["numerator"], found["denominator"]) if ratio else (found["value"], None)


def recorded(delivery: Delivery) -> str:
    """A line of the format `http`."""
    wire = WIRES[delivery.desk]
    line = {
        "method": "POST",
        "path": f"/hooks/{wire.provider}/{delivery.desk}-1",
        "headers": wire.headers(delivery.payload, int(delivery.at)),
        "body": base64.b64encode(delivery.payload.body).decode(),
        "time": int(delivery.at * 1_000),
    }
    return json.dumps(line) + "\n"


def quiet_plan() -> Plan:
    """No phones, and at the desks half as many people as usual."""
    plan = sample_plan()
    desks = tuple(replace(desk, per_hour=desk.per_hour / 2) for desk in plan.desks)
    return replace(plan, queues=(), agents=(), desks=desks)


def of_the_day(house: House) -> Iterator[Delivery]:
    """What is delivered in a day that ends when nobody waits any more."""
    for until in (BEGIN + 21 * HOUR, BEGIN + 24 * HOUR):
        yield from (each for each in house.run(until) if isinstance(each, Delivery))
        house.last_orders()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder: Path = tmp_path_factory.mktemp("day")
    (folder / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    incident = Incident("chat", BEGIN + 10 * HOUR, lasts=1_800)
    house = House(quiet_plan(), WIRES, seed="a day", begins=BEGIN, incident=incident)
    lines = [recorded(each) for each in of_the_day(house)]
    (folder / "day.jsonl").write_text("".join(lines), encoding="utf-8")
    ended = floorwalker(
        *("backtest", "day.jsonl", "--format", "http", "--json", "out.json", "--no-progress", "--partitions", 2),
        folder=folder,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    return Day(house.written, len(lines), json.loads((folder / "out.json").read_bytes()))


@pytest.mark.parametrize("desk", ["chat", "mail", "social"])
def test_every_queue_and_channel_has_the_numbers_of_what_really_happened(day: Day, desk: str) -> None:
    truth, (channel, queue) = day.truth, QUEUES[desk]
    offered, answered, left = truth.offered[desk], truth.answered(desk), truth.left(desk)
    assert offered > 500
    assert offered == answered + left
    for scope in ({"queue": queue}, {"channel": channel}, {"channel": channel, "queue": queue}):
        assert day.number("contacts_offered", **scope)[0] == offered
        assert day.number("contacts_answered", **scope)[0] == answered
        assert day.number("contacts_abandoned", **scope)[0] == 0
        # Nobody says that they left, only that it is set solved without an answer.
        assert day.number("contacts_flow_out", **scope)[0] == left
        assert day.number("contacts_in_queue", **scope)[0] == 0
        for seconds in THRESHOLDS:
            level = day.number(f"service_level.answered_over_offered@{seconds}", **scope)
            assert level == (truth.in_time(desk, seconds), offered)
        waited, of = day.number("average_speed_of_answer", **scope)
        assert waited == pytest.approx(sum(truth.waits[desk]) / 1_000, abs=1e-6)
        assert of == answered


def test_the_floor_is_the_sum_of_its_desks(day: Day) -> None:
    assert day.number("contacts_offered")[0] == day.truth.offered.total()
    assert day.number("contacts_answered")[0] == sum(day.truth.answered(desk) for desk in QUEUES)


def test_a_day_has_everything_that_happens_in_one(day: Day) -> None:
    truth = day.truth
    assert truth.left("chat") > 10
    assert truth.messages["mail", "machine"] > 250
    assert len(truth.ratings["chat"]) > 150
    assert truth.came_back.total() > 3


def test_every_delivery_is_counted_and_none_fails(day: Day) -> None:
    counts = day.out["counts"]
    assert counts["read"] == day.deliveries
    assert counts["failed"] == 0
    assert counts["accepted"] + counts["ignored"] + counts["duplicates"] == day.deliveries
    assert counts["duplicates"] > 0


def names_of(desk: str, person: Person) -> tuple[str, ...]:
    """What a person is known by at a desk. The chat's tool names all that it has of them, and so says who is one."""
    if desk == "chat":
        address, number = person.private_mail, person.number
        return (str(person.place), *((address,), (number,), (address, number))[person.place % 3])
    return (person.mobile if desk == "social" else person.mail,)


def test_each_person_is_one_customer_for_all_names_that_are_said_to_be_theirs(day: Day) -> None:
    seen = [(desk, person) for desk, people in day.truth.people.items() for person in people]
    customers: dict[str, set[str]] = {}
    for names in sorted((names_of(*each) for each in seen), key=len, reverse=True):
        one = set(names).union(*(customers[name] for name in names if name in customers))
        customers.update(dict.fromkeys(one, one))
    expected = {frozenset(one) for one in customers.values()}
    assert len(day.out["customers"]) == len(expected)
    several = [one for one in expected if len(one) > 1]
    assert Counter(len(each["members"]) for each in day.out["customers"] if each["members"]) == Counter(
        len(one) for one in several
    )


def test_exactly_those_who_waited_longer_than_promised_are_breached(day: Day) -> None:
    breached = [each for each in day.out["alerts"] if each["transition"] == "breached" and each["corrects"] is None]
    late = sum(wait > 60_000 for wait in (*day.truth.waits["chat"], *day.truth.in_vain["chat"]))
    assert len([each for each in breached if each["queue"] == CHAT.queue]) == late
