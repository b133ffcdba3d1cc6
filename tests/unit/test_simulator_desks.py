"""The simulated desks: what their tools send is genuine and understood, and adds up to what really happened."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import pytest

from agents.cli.demo.customers import GUEST
from agents.contacts.contact import Contact
from agents.contacts.learning import learn
from agents.intake.parsing import Context, Events, Ignored
from agents.intake.providers import webhooks
from schemas.events import ContactEvent, MessagePosted, SurveyAnswered
from schemas.policy_book import PolicyBook
from streams.connectors.hooks import Delivery as Posted
from streams.simulator import Delivery, House, Incident, sample_plan, visitors_of
from streams.simulator.centre import Said
from streams.simulator.wires import Webhook
from streams.simulator.wires.chatwoot import Chatwoot
from streams.simulator.wires.mails import Mails
from streams.simulator.wires.postmark import Postmark
from streams.simulator.wires.whatsapp import WhatsApp

HOUR = 3_600
BEGIN = datetime(2026, 10, 20, 8, tzinfo=UTC).timestamp()
ADDRESS = "care@demo.example"
SECRETS = {
    "chat": {"secret": ("chat-secret",)},
    "social": {"app_secret": ("meta-secret",), "verify_token": ("token",)},
    "mail": {"user": ("postmark",), "password": ("mail-secret",)},
}
SETTINGS = {"mail": {"addresses": ADDRESS}}
NOT_COUNTED = {
    "chat": {"not_counted", "message_updated", "not_yet_rated"},
    "social": {"message_status"},
    "mail": {"auto_reply", "bounce"},
}


def wires() -> dict[str, Webhook]:
    return {
        "chat": Chatwoot("chat-secret"),
        "mail": Postmark("postmark", "mail-secret", Mails(ADDRESS)),
        "social": WhatsApp("meta-secret"),
    }


def day(seed: str, hours: int = 2, incident: Incident | None = None) -> tuple[list[Said | Delivery], House]:
    """Some hours of business without phones, and as many as it takes until nobody waits any more."""
    plan = replace(sample_plan(), queues=(), agents=())
    house = House(plan, wires(), seed=seed, begins=BEGIN, incident=incident)
    said = list(house.run(BEGIN + hours * HOUR))
    house.last_orders()
    return [*said, *house.run(BEGIN + (hours + 2) * HOUR)], house


@lru_cache(maxsize=1)
def one_day() -> tuple[list[Said | Delivery], House]:
    return day("one")


@lru_cache(maxsize=1)
def calm_hour() -> tuple[list[Said | Delivery], House]:
    return day("calm", 1)


def deliveries(said: Iterable[Said | Delivery]) -> list[Delivery]:
    return [each for each in said if isinstance(each, Delivery)]


def understood(sent: Iterable[Delivery]) -> dict[str, list[ContactEvent]]:
    """The events of deliveries by desk; each is genuine."""
    speaking = wires()
    found: dict[str, list[ContactEvent]] = defaultdict(list)
    for each in sent:
        wire, at = speaking[each.desk], int(each.at * 1_000)
        hook = webhooks()[wire.provider]
        headers = {name.lower(): value for name, value in wire.headers(each.payload, int(each.at)).items()}
        posted = Posted("POST", f"https://h.example/hooks/{wire.provider}/s", (), headers, each.payload.body, at)
        hook.verify(posted, SECRETS[each.desk])
        parsed = hook.parse(each.payload.body, Context(each.desk, {}, at, None, SETTINGS.get(each.desk, {})))
        if isinstance(parsed, Ignored):
            assert parsed.reason in NOT_COUNTED[each.desk], (parsed, each)
            continue
        assert isinstance(parsed, Events)
        assert parsed.faults == ()
        found[each.desk] += [event for event in parsed.events if isinstance(event, ContactEvent)]
    return found


def contacts(events: Iterable[ContactEvent]) -> dict[str, Contact]:
    found: dict[str, Contact] = {}
    for event in events:
        contact = found.setdefault(event.contact, Contact(channel=event.channel))
        learn(contact, (event,), PolicyBook().longest_wait)
    return found


def test_the_same_seed_gives_the_same_deliveries_and_another_one_others() -> None:
    first, again, other = (
        list(House(sample_plan(), wires(), seed=seed, begins=BEGIN).run(BEGIN + 600)) for seed in ("a", "a", "b")
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("steps", [7, 500])
def test_the_pieces_in_which_time_passes_make_no_difference(steps: int) -> None:
    whole = list(House(sample_plan(), wires(), seed="x", begins=BEGIN).run(BEGIN + 900))
    house = House(sample_plan(), wires(), seed="x", begins=BEGIN)
    assert whole == [each for step in range(1, steps + 1) for each in house.run(BEGIN + 900 * step / steps)]


def test_everything_is_said_in_order_and_some_of_it_twice() -> None:
    said, _ = one_day()
    times = [each.at for each in said]
    assert times == sorted(times)
    names = Counter((each.desk, each.payload.name) for each in deliveries(said))
    assert {desk for (desk, _), count in names.items() if count > 1} == {"mail", "social"}
    assert max(names.values()) == 2


@pytest.mark.parametrize("order", ["as sent", "shuffled"])
def test_what_is_understood_adds_up_to_what_really_happened(order: str) -> None:
    said, house = one_day()
    truth, sent = house.written, deliveries(said)
    if order == "shuffled":
        random.Random(4).shuffle(sent)
    found = understood(sent)
    assert set(found) == set(wires())
    for desk, events in found.items():
        offers = [offer for contact in contacts(events).values() for offer in contact.offers]
        assert len(offers) == truth.offered[desk] > 100
        answered = [offer.wait for offer in offers if offer.outcome == "answered"]
        assert sorted(answered) == sorted(truth.waits[desk])
        # Of a chat that somebody has left, the tool says only that it is set solved without an answer.
        left = [offer.wait for offer in offers if offer.outcome == "withdrawn"]
        assert sorted(left) == sorted(truth.in_vain[desk])
        assert {offer.queue for offer in offers} == {wires()[desk].queue}  # type: ignore[attr-defined]


def test_messages_and_ratings_are_those_of_the_truth() -> None:
    said, house = one_day()
    truth = house.written
    found = understood(deliveries(said))
    assert set(found) == set(wires())
    for desk, events in found.items():
        messages = {event.id: event for event in events if isinstance(event, MessagePosted)}
        counted = Counter(event.author for event in messages.values())
        expected = {author: n for (name, author), n in truth.messages.items() if name == desk and author != "machine"}
        assert counted == expected
        ratings = {event.id: event.score for event in events if isinstance(event, SurveyAnswered)}
        assert sorted(ratings.values()) == sorted(truth.ratings[desk])
    assert truth.messages["mail", "machine"] > 50
    assert truth.left("chat") >= 1
    assert len(truth.ratings["chat"]) > 20
    assert any(not event.public for event in messages_of("chat", said))


def messages_of(desk: str, said: Iterable[Said | Delivery]) -> list[MessagePosted]:
    events = understood(each for each in deliveries(said) if each.desk == desk)[desk]
    return [event for event in events if isinstance(event, MessagePosted)]


def test_customers_are_known_by_the_same_number_or_address_on_every_channel() -> None:
    house = House(sample_plan(), wires(), seed="names", begins=BEGIN)
    said = list(house.run(BEGIN + 2 * HOUR))
    found = understood(deliveries(said))
    known = {desk: {name for event in events for name in event.identifiers} for desk, events in found.items()}
    callers = {f"tel:{each.data[1]}" for each in said if isinstance(each, Said) and each.event == "ENTERQUEUE"}
    assert callers & known["social"]
    assert callers & known["chat"]
    assert known["mail"] & known["chat"]
    assert all(name.startswith("mailto:") for name in known["mail"])


def test_somebody_is_welcome_on_all_channels_within_a_minute_under_as_many_identifiers() -> None:
    house = House(sample_plan(), wires(), seed="welcome", begins=BEGIN)
    person = visitors_of("welcome", sample_plan().callers).regulars[GUEST]
    house.welcome(person, BEGIN)
    said = list(house.run(BEGIN + 75))
    found = understood(deliveries(said))
    named = {desk: {name for event in events for name in event.identifiers} for desk, events in found.items()}
    assert f"mailto:{person.mail}" in named["mail"]
    assert f"mailto:{person.private_mail}" in named["chat"]
    assert f"tel:{person.mobile}" in named["social"]
    assert person.number in [each.data[1] for each in said if isinstance(each, Said) and each.event == "ENTERQUEUE"]


def test_somebody_writes_to_every_desk_within_the_first_half_minute() -> None:
    for seed in ("a", "b", "c"):
        house = House(sample_plan(), wires(), seed=seed, begins=BEGIN)
        list(house.run(BEGIN + 30))
        assert all(house.written.offered[desk] >= 1 for desk in wires())


def test_service_at_the_desks_is_that_of_a_good_centre() -> None:
    _, house = one_day()
    for desk, promise in (("chat", 60), ("social", 120), ("mail", 120)):
        assert house.written.in_time(desk, promise) / house.written.offered[desk] > 0.9


@pytest.mark.parametrize("desk", ["chat", "mail", "social"])
def test_an_incident_at_a_desk_leaves_people_waiting_past_its_promise_and_ends(desk: str) -> None:
    incident = Incident(desk, BEGIN + 600, lasts=240)
    _, calm = calm_hour()
    _, struck = day("calm", 1, incident)
    promise = {"chat": 60, "mail": 120, "social": 120}[desk]
    assert struck.written.offered[desk] > calm.written.offered[desk] + 10
    late = struck.written.offered[desk] - struck.written.in_time(desk, promise)
    assert late > calm.written.offered[desk] - calm.written.in_time(desk, promise) + 3
    assert struck.written.offered[desk] == struck.written.answered(desk) + struck.written.left(desk)


def test_who_gave_up_comes_back_on_another_channel() -> None:
    incident = Incident("support", BEGIN + 600, lasts=600)
    house = House(sample_plan(), wires(), seed="gone", begins=BEGIN, incident=incident)
    list(house.run(BEGIN + HOUR))
    assert house.written.came_back.total() >= 3
