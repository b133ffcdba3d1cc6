"""Customers on the API, by the gateway as a process on a real Kafka: what it answers is what the topics say last."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from schemas.customers import CustomerProfile, LastContact, OpenContact, PromiseNow
from schemas.identities import Link, LinkSet, Node
from schemas.ids import customer_id
from schemas.topics import CUSTOMERS_IDENTITIES, CUSTOMERS_PROFILES
from streams.kafka import EmbeddedKafka
from streams.outlets.gateway.api_customers import CustomerNow, Customers
from streams.outlets.gateway.server import _listen
from streams.topics import ensure_topics
from tests.acceptance.program import CUSTOMER_NAMESPACE, floorwalker, wait_for
from tests.conftest import unused_namespace
from tests.integration.gateway_kit import Answer, Floor, Gateway

PHONE, MAIL, CRM = (
    customer_id(UUID(CUSTOMER_NAMESPACE), each) for each in ("tel:+4930901820", "mailto:ana@shop.example", "crm:100042")
)
AT = datetime(2026, 6, 8, 8, tzinfo=UTC)
Start = Callable[..., Gateway]


def profile(customer: str, contacts: int = 1, **said: Any) -> CustomerProfile:
    last = LastContact(contact="c1", channel="chat", started_at=AT, outcome="answered", queue="sales")
    promise = PromiseNow(clock="first_reply", policy="gold", version=3, due_at=AT)
    opened = OpenContact(contact="c2", channel="email", started_at=AT, outcome="open", promises=[promise])
    known: dict[str, Any] = {
        "customer": customer,
        "as_of": AT,
        "known": True,
        "contacts": contacts,
        "windows": {},
        "last_contacts": [last],
        "open_contacts": [opened],
    }
    return CustomerProfile(**{**known, **said})


@pytest.fixture
def start(tmp_path: Path, kafka: EmbeddedKafka, namespace: str) -> Iterator[Start]:
    """Starts a gateway in a folder of this name; it ends with the test."""
    begun: list[Gateway] = []
    asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))

    def begin(settings: str = "", folder: str = "one") -> Gateway:
        (tmp_path / folder).mkdir(exist_ok=True)
        gateway = Gateway(tmp_path / folder, kafka.bootstrap, namespace, settings)
        begun.append(gateway)
        gateway.start()
        gateway.wait_ready()
        return gateway

    yield begin
    for gateway in begun:
        gateway.kill()


@pytest.fixture
def floor(kafka: EmbeddedKafka, namespace: str) -> Floor:
    return Floor(kafka.bootstrap, namespace)


def look_up(gateway: Gateway, identifier: str) -> Answer:
    return gateway.ask("/api/v1/customers/look-up", "POST", {"identifier": identifier})


def known(answer: Answer) -> CustomerNow:
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=CustomerNow)


def contacts_of(gateway: Gateway, customer: str) -> int | None:
    answer = gateway.ask(f"/api/v1/customers/{customer}")
    return None if answer.status == 404 else known(answer).profile.contacts


def test_a_customer_is_found_by_id_and_by_what_people_type_with_promises_and_timeline(
    start: Start, floor: Floor
) -> None:
    floor.profile(profile(PHONE, 4, at_risk=["complaint"]))
    gateway = start('[service]\nregion = "DE"\n')
    answer = gateway.ask(f"/api/v1/customers/{PHONE}")
    assert answer.headers["cache-control"] == "no-store"
    found = known(answer)
    assert found.profile == profile(PHONE, 4, at_risk=["complaint"])
    assert found.identities is None
    assert found.server_time > found.profile.as_of
    for typed in ("+49 30 901820", "030 901820", "tel:+4930901820", " TEL:030/901820 "):
        assert known(look_up(gateway, typed)).profile == found.profile, typed

    floor.profile(profile(MAIL, 2))
    wait_for(lambda: contacts_of(gateway, MAIL) == 2, "the second customer")
    for typed in ("ana@shop.example", "mailto:Ana@Shop.example"):
        assert known(look_up(gateway, typed)).profile.customer == MAIL
    assert "ana@shop" not in gateway.words.lower()
    assert "901820" not in gateway.words

    listed = msgspec.json.decode(gateway.ask("/api/v1/customers").body, type=Customers)
    assert [each.customer for each in listed.items] == sorted([PHONE, MAIL])
    first = gateway.ask("/api/v1/customers?limit=1").json
    rest = gateway.ask(f"/api/v1/customers?limit=1&cursor={first['next']}").json
    assert [each["customer"] for each in (*first["items"], *rest["items"])] == sorted([PHONE, MAIL])
    assert rest["next"] is None
    at_risk = gateway.ask("/api/v1/customers?at_risk=true").json["items"]
    assert [each["customer"] for each in at_risk] == [PHONE]
    assert gateway.ask(f"/api/v1/customers?at_risk=false&cursor={first['next']}").status == 400


def test_each_identifier_of_a_link_set_leads_to_the_set_and_after_the_unlink_to_its_own(
    start: Start, floor: Floor
) -> None:
    owner = min(PHONE, MAIL)
    member = max(PHONE, MAIL)
    members = (owner, member)
    nodes = (Node(PHONE, "tel", "*****1820"), Node(MAIL, "mailto", "a***@shop.example"))
    links = (Link(a=owner, b=member, authority="person", at=AT, by="dana", reason="told on the phone"),)
    for each in members:
        floor.identity(LinkSet(customer=each, owner=owner, members=members, nodes=nodes, links=links))
    floor.profile(profile(owner, 7, members=list(members)))
    gateway = start()
    for found in (known(gateway.ask(f"/api/v1/customers/{member}")), known(look_up(gateway, "ana@shop.example"))):
        assert (found.profile.customer, found.profile.contacts) == (owner, 7)
        assert found.identities is not None
        assert (found.identities.nodes, found.identities.links) == (nodes, links)

    for each in members:
        floor.identity(LinkSet(customer=each, owner=each, members=(each,)))
    floor.profile(profile(member, 3))
    floor.profile(profile(owner, 4))
    wait_for(lambda: (contacts_of(gateway, owner), contacts_of(gateway, member)) == (4, 3), "two customers again")


def test_a_gateway_that_was_killed_goes_on_where_it_was_with_nothing_missing(start: Start, floor: Floor) -> None:
    everybody = [f"00000000-0000-5000-8000-{number:012d}" for number in range(300)]
    for customer in everybody[:200]:
        floor.profile(profile(customer))
    gateway = start()
    for customer in everybody[200:250]:
        floor.profile(profile(customer))
    gateway.kill()
    for customer in everybody[250:]:
        floor.profile(profile(customer, 2))
    floor.send(CUSTOMERS_PROFILES.name, everybody[0], None)
    floor.profile(profile(everybody[1], 9))
    gateway.start()
    gateway.wait_ready()
    found: dict[str, int] = {}
    cursor = ""
    while True:
        page = gateway.ask(f"/api/v1/customers?limit=100{cursor}").json
        found |= {each["customer"]: each["contacts"] for each in page["items"]}
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == {
        everybody[1]: 9,
        **dict.fromkeys(everybody[2:250], 1),
        **dict.fromkeys(everybody[250:], 2),
    }
    # It had read most of it before: only what came since was read again.
    taken = gateway.ask("/metrics").body.decode()
    counted = f'floorwalker_history_records_total{{topic="{CUSTOMERS_PROFILES.name}"}} '
    records = float(taken.partition(counted)[2].split("\n")[0])
    assert 52 <= records <= 102


def test_two_gateways_keep_one_history_together(start: Start, floor: Floor, tmp_path: Path) -> None:
    shared = f'[history]\nurl = "sqlite:///{tmp_path}/shared.db"\n'
    gateways = [start(shared, folder) for folder in ("one", "two")]
    for number in range(50):
        floor.profile(profile(PHONE, number))
        floor.profile(profile(MAIL, number))
    floor.send(CUSTOMERS_IDENTITIES.name, CRM, None)
    for gateway in gateways:
        wait_for(lambda of=gateway: contacts_of(of, PHONE) == contacts_of(of, MAIL) == 49, "the last")  # type: ignore[misc]
        assert gateway.ask("/readyz").status == 200
    gateways[0].kill()
    floor.profile(profile(PHONE, 50))
    wait_for(lambda: contacts_of(gateways[1], PHONE) == 50, "the other goes on")


def test_what_is_no_identifier_is_refused_with_the_forms_that_are(start: Start) -> None:
    gateway = start()
    for typed, said in (
        ("0900", "begin with + and the country"),
        ("Ana Schmidt", "begin with + and the country"),
        ("mailto:ana", "such as ana@shop.example"),
        ("crm: ", "no id behind"),
    ):
        answer = look_up(gateway, typed)
        assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
        [fault] = answer.json["errors"]
        assert fault["pointer"] == "#/identifier"
        assert said in fault["detail"]
        assert "mailto:ADDRESS, tel:NUMBER, or KIND:ID" in fault["detail"]
    assert b"Schmidt" not in look_up(gateway, "Ana Schmidt").body


def test_nobody_is_a_problem_and_so_is_a_body_that_names_nobody(start: Start) -> None:
    gateway = start()
    assert look_up(gateway, "nobody@shop.example").status == 404
    assert b"nobody@shop" not in look_up(gateway, "nobody@shop.example").body
    for path in (f"/api/v1/customers/{CRM}", "/api/v1/customers/none"):
        answer = gateway.ask(path)
        assert (answer.status, answer.json["detail"]) == (404, "nothing is known of this customer (any more)")
    for body in ({}, {"identifier": ""}, {"identifier": 4}, {"identifier": "a@b.example", "more": 1}):
        assert gateway.ask("/api/v1/customers/look-up", "POST", body).status == 422
    assert gateway.ask("/api/v1/customers?limit=0").status == 422


def test_until_the_past_is_read_a_look_up_is_answered_with_a_problem(tmp_path: Path, kafka: EmbeddedKafka) -> None:
    namespace = unused_namespace("late history")
    with Gateway(tmp_path, kafka.bootstrap, namespace) as gateway:
        gateway.wait_listening()
        for answer in (look_up(gateway, "ana@shop.example"), gateway.ask("/api/v1/customers")):
            assert (answer.status, answer.json["title"]) == (503, "Not ready")
            assert answer.headers["retry-after"] == "2"
        asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))
        Floor(kafka.bootstrap, namespace).profile(profile(MAIL))
        gateway.wait_ready()
        assert known(look_up(gateway, "ana@shop.example")).profile == profile(MAIL)


def test_a_history_that_cannot_be_used_ends_the_gateway_with_what_to_do(tmp_path: Path, kafka: EmbeddedKafka) -> None:
    (tmp_path / "history.db").write_bytes(b"something else" * 100)
    (tmp_path / "floorwalker.toml").write_text('[history]\nurl = "sqlite:///history.db"\n')
    ended = floorwalker("gateway", "--bootstrap", kafka.bootstrap, "--port", 0, folder=tmp_path)
    assert ended.returncode == 1
    assert "the history in history.db can't be used: file is not a database; put it right" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_answers_leave_at_once_whatever_their_size() -> None:
    async def answered() -> int:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def served(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            done.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = _listen("127.0.0.1", 0)
        async with await asyncio.start_server(served, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            no_delay = await done
            writer.close()
            return no_delay

    assert asyncio.run(answered()) == 1
