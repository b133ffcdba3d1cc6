"""Who is who, said by command line, file and API to a worker and a gateway on a real Kafka."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from schemas.ids import customer_id
from schemas.policies import POLICY_KEY, PolicyRecord, SlaPolicy, Target, encode_policy
from schemas.topics import CONTACTS_EVENTS, CONTACTS_FAILED, POLICIES
from streams.kafka import EmbeddedKafka
from streams.processor import Record
from streams.reader import committed_reader, from_the_start, read_to_the_end
from tests.acceptance.program import BIN, CUSTOMER_NAMESPACE, Program, floorwalker, wait_for
from tests.conftest import unused_namespace
from tests.integration.gateway_kit import Floor, Gateway

ANA, PHONE = (customer_id(UUID(CUSTOMER_NAMESPACE), each) for each in ("mailto:ana@shop.example", "tel:+4930901820"))
CUSTOMERS = """\
crm_id,email,phone
100042,cleo@shop.example,+49 30 901820
100043,bo@shop.example,+49 30 901820
100044,cem at shop,
"""


class House:
    """A worker and a gateway, and the command line beside them."""

    def __init__(self, folder: Path, bootstrap: str, namespace: str) -> None:
        self.folder = folder
        self.bootstrap, self.namespace = bootstrap, namespace
        self._settings = {
            "service__bootstrap": bootstrap,
            "service__namespace": namespace,
            "service__partitions": 2,
            "service__data_folder": folder / "data",
        }
        log = folder / "worker.log"
        worker = (BIN / "floorwalker", "worker", "--port", 0)
        self.worker = Program(*worker, folder=folder, log=log, settings=self._settings)
        self.gateway = Gateway(folder, bootstrap, namespace)

    def run(self, *arguments: str) -> Any:
        """What `floorwalker identities` prints as JSON; None where it ends with another code than 0."""
        done = floorwalker("identities", *arguments, folder=self.folder, settings=self._settings)
        if done.returncode:
            return None
        return json.loads(done.stdout) if done.stdout.strip() else done.stderr

    def members(self, identifier: str) -> list[str] | None:
        """Customer ids of the set that an identifier is in."""
        shown = self.run("show", identifier, "--json")
        return None if shown is None else shown["members"]

    def reviews(self) -> list[str]:
        """Why links do not hold, as the gateway says it."""
        return [each["refusal"] for each in self.gateway.ask("/api/v1/identities/review").json["items"]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, kafka: EmbeddedKafka) -> Iterator[House]:
    found = House(tmp_path_factory.mktemp("house"), kafka.bootstrap, unused_namespace("identities"))
    with found.worker, found.gateway:
        found.worker.wait_ready()
        found.gateway.wait_ready()
        yield found


def test_what_is_said_by_command_line_file_and_api_becomes_sets_and_reviews(house: House) -> None:
    assert house.run("link", "Ana@Shop.example", "+49 30 901820", "--reason", "told on the phone")
    wait_for(lambda: house.members("ana@shop.example") == sorted([ANA, PHONE]), "one customer")

    body = {"identifiers": ["ana@shop.example", "tel:+4930901820"], "reason": "a mistake"}
    said = house.gateway.ask("/api/v1/identities/unlink", "POST", body, Idempotency_Key="k1")
    assert said.status == 202
    assert (
        house.gateway.ask("/api/v1/identities/unlink", "POST", body, Idempotency_Key="k1").json["id"]
        == (said.json["id"])
    )
    wait_for(lambda: house.members("tel:+4930901820") == [PHONE], "two customers again")

    (house.folder / "customers.csv").write_text(CUSTOMERS)
    imported = floorwalker("identities", "import", "customers.csv", folder=house.folder, settings=house._settings)
    assert imported.returncode == 1
    assert "line 4, column email: no e-mail address" in imported.stderr
    assert "3 lines: 2 link identifiers, 1 have one at most, 1 cells are wrong" in imported.stderr
    # Each of them has an id in the CRM: whose the phone is, somebody has to say.
    wait_for(lambda: house.reviews() == ["two_crm_ids"], "a link to look at")
    assert [each["link"]["by"] for each in house.run("review", "--json")] == ["import"]

    blocked = house.gateway.ask("/api/v1/identities/block", "POST", {"identifiers": ["+49 30 901820"]})
    assert blocked.status == 202
    wait_for(lambda: house.reviews() == [], "nothing to look at")

    wrong = house.gateway.ask("/api/v1/identities/link", "POST", {"identifiers": ["cem@", "crm:1"]})
    assert wrong.status == 422
    assert wrong.json["errors"][0]["pointer"] == "#/identifiers/0"
    assert "cem@" not in wrong.body.decode()
    assert "901820" not in house.gateway.words


def test_a_policy_reaches_every_partition_of_the_contacts_and_a_bad_one_none(house: House) -> None:
    floor = Floor(house.bootstrap, house.namespace)
    gold = SlaPolicy(id="gold", targets={"first_reply": Target(target=3_600.0)})
    floor.send(POLICIES.name, "policy:silver", encode_policy(PolicyRecord(id="silver", versions=(gold,))))
    record = encode_policy(PolicyRecord(id="gold", versions=(gold,)))
    floor.send(POLICIES.name, "policy:gold", record)
    floor.send(POLICIES.name, "policy:gold", record)

    wait_for(lambda: len(told(house, CONTACTS_EVENTS.name)) >= 2, "the policy at both partitions")
    assert told(house, CONTACTS_EVENTS.name) == [(0, POLICY_KEY, record), (1, POLICY_KEY, record)]
    # One transaction, whose end each topic hears for itself.
    wait_for(
        lambda: any(b"silver" in value for *_, value in told(house, CONTACTS_FAILED.name)),
        "the bad one on contacts.failed",
    )
    (failed,) = [each for each in told(house, CONTACTS_FAILED.name) if b"silver" in each[2]]
    assert failed[1].decode() == f"{house.namespace}.policies/0/0"


def told(house: House, topic: str) -> list[tuple[int, bytes, bytes]]:
    """Partition, key and value of the records that stand on a topic, watermarks left out."""
    found: list[tuple[int, bytes, bytes]] = []

    def take(record: Record) -> None:
        if record.key is not None:
            found.append((record.partition, record.key, record.value or b""))

    async def read() -> None:
        async with committed_reader(house.bootstrap) as reader:
            await from_the_start(reader, [f"{house.namespace}.{topic}"])
            await read_to_the_end(reader, take)

    asyncio.run(read())
    return sorted(found)
