"""A customer who mails, chats, calls and posts under four identifiers: four profiles, one after the links, and after
the unlink the four again; through the real connectors, processes, command line and API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from agents.cli.demo.senders import Mailer, Poster
from schemas.ids import customer_id
from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from streams.simulator import Person, crm_lines, sample_plan
from streams.simulator.conversation import Author, Clerk, Conversation, Kind, Message, Told
from streams.simulator.wires import Payload, Wire
from streams.simulator.wires.chatwoot import Chatwoot
from streams.simulator.wires.mails import Mails
from streams.simulator.wires.whatsapp import WhatsApp
from tests.acceptance.pbx import Pbx
from tests.acceptance.program import CUSTOMER_NAMESPACE, floorwalker, in_service, wait_for
from tests.acceptance.reading import Reader, Said
from tests.conftest import unused_namespace
from tests.integration.gateway_kit import Gateway

pytestmark = pytest.mark.slow

ADDRESS, SECRET = "care@shop.example", "of these tests"
ANA = Person(0, "+4930901820", "ana@kunde.example", "+4930231251", "ana@privat.example")
TYPED = {"email": ANA.mail, "chat": ANA.private_mail, "phone": "030 901820", "social": f"tel:{ANA.mobile}"}
"""What somebody at a desk types to find her, by the channel on which she is known by it."""


def id_of(identifier: str) -> str:
    """The customer id of an identifier."""
    return customer_id(UUID(CUSTOMER_NAMESPACE), identifier)


IDS = {
    "email": id_of(f"mailto:{ANA.mail}"),
    "chat": id_of(f"mailto:{ANA.private_mail}"),
    "phone": id_of(f"tel:{ANA.number}"),
    "social": id_of(f"tel:{ANA.mobile}"),
}
ALONE = {"email": (1, 0), "chat": (1, 2), "phone": (1, 0), "social": (1, 0)}
"""Contacts and linked identifiers of each of them, before anybody but the chat's tool has linked any."""
IN_CHAT = sorted([IDS["chat"], id_of("chatwoot:1:10000")])
"""The address that she gives in the chat, and her id there: the chat's tool says itself that they are one."""
CRM = id_of(f"crm:{ANA.crm_id}")
CONFIG = """
[service]
region = "DE"
partitions = 2

[sla]
answer_within = "1h"

[[sources]]
name = "pbx"
format = "asterisk-queue-log"
path = "{folder}/queue_log"

[[feeds]]
kind = "smtp"
source = "mail"
address = "127.0.0.1:{mail_port}"
security = "none"
settings = {{ addresses = "{address}" }}

[[hooks]]
provider = "chatwoot"
source = "chat"
secrets = {{ secret = "{secret}" }}

[[hooks]]
provider = "whatsapp"
source = "social"
secrets = {{ app_secret = "{secret}", verify_token = "{secret}" }}
"""


class Talk:
    """A conversation of Ana's at a desk, of which the desk's tool tells."""

    def __init__(self, shop: Shop, desk: str, number: int) -> None:
        (self._desk,) = (each for each in sample_plan().desks if each.name == desk)
        self._shop = shop
        now = int(time.time() * 1_000)
        self._conversation = Conversation(number, ANA, now, now)

    def write(self, author: Author) -> None:
        """Somebody writes; the first message begins it."""
        messages = self._conversation.messages
        clerk = Clerk(1, "Ada Roth") if author == "agent" else None
        messages.append(Message(len(messages) + 1, int(time.time() * 1_000), author, "Hello", clerk=clerk))
        if len(messages) == 1:
            self._tell("began")
        self._tell("message")

    def resolve(self) -> None:
        """It is set solved."""
        self._conversation.resolved = True
        self._tell("resolved")

    def _tell(self, kind: Kind) -> None:
        conversation = self._conversation
        answered = any(each.author == "agent" for each in conversation.messages)
        at, last = int(time.time() * 1_000), conversation.messages[-1]
        told = Told(at, self._desk, kind, conversation, last, None, conversation.resolved, answered)
        self._shop.deliver(self._desk.name, told)


class Shop:
    """A worker, connectors and a gateway in service, the tools of its desks, and who answers there."""

    def __init__(self, folder: Path, kafka: EmbeddedKafka, stack: ExitStack) -> None:
        self.folder = folder
        namespace = unused_namespace("one customer")
        self._settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
        self._mail_port = free_port()
        terms = {"folder": folder, "mail_port": self._mail_port, "address": ADDRESS, "secret": SECRET}
        self._gateway = Gateway(folder, kafka.bootstrap, namespace, CONFIG.format(**terms))
        self._hooks: dict[str, Chatwoot | WhatsApp] = {"chat": Chatwoot(SECRET), "social": WhatsApp(SECRET)}
        self._mails = Mails(ADDRESS)
        self._pbx = Pbx(folder / "queue_log")
        stack.callback(self._pbx.close)
        worker, _ = in_service(stack, folder, self._settings)
        stack.enter_context(self._gateway)
        worker.wait_ready()
        self._gateway.wait_ready()
        self._reader = stack.enter_context(Reader(kafka.bootstrap, namespace, "customers.context", "contacts.failed"))
        self._told: list[Said] = []

    # -- what happens ---------------------------------------------------------------------------------------

    def deliver(self, desk: str, told: Told) -> None:
        """The tool of a desk sends what it has to say."""
        wire: Wire = self._hooks.get(desk, self._mails)
        for payload in wire.payloads(told):
            wait_for(lambda sent=payload: asyncio.run(self._send(desk, sent)), f"{desk} takes it")  # type: ignore[misc]

    async def _send(self, desk: str, payload: Payload) -> bool:
        hook = self._hooks.get(desk)
        if hook is None:
            return await Mailer(self._mail_port).send(payload)
        url = f"http://127.0.0.1:{self._gateway.port()}/hooks/{hook.provider}/{desk}"
        async with aiohttp.ClientSession() as session:
            return await Poster(session, hook, url).send(payload)

    def answered_call(self, call: str) -> None:
        """Ana calls, is answered, and hangs up."""
        self._pbx.say(call, "support", "NONE", "ENTERQUEUE", "", ANA.number, 1)
        self._pbx.say(call, "support", "Mia Berg", "CONNECT", 0, call, 0)
        self._pbx.say(call, "support", "Mia Berg", "COMPLETECALLER", 0, 0, 1)

    # -- what is known ----------------------------------------------------------------------------------------

    def identities(self, *arguments: object) -> str:
        """`floorwalker identities`; returns what it says of it."""
        done = floorwalker("identities", *arguments, folder=self.folder, settings=self._settings)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._gateway.ask(f"/api/v1/{path}", "POST", body)
        return answer.json if answer.status < 300 else None

    def customer(self, id_: str) -> dict[str, Any]:
        """The profile by a customer id, but for when it is as of; empty while there is none."""
        answer = self._gateway.ask(f"/api/v1/customers/{id_}")
        return _but_for_its_instant(answer.json["profile"]) if answer.status == 200 else {}

    def look_up(self, typed: str) -> dict[str, Any]:
        """The same by what somebody types."""
        found = self.post("customers/look-up", {"identifier": typed})
        return _but_for_its_instant(found["profile"]) if found else {}

    def profiles(self) -> dict[str, dict[str, Any]]:
        """By the channel on which each identifier is used."""
        return {channel: self.customer(id_) for channel, id_ in IDS.items()}

    def wait_for_profiles(self, what: str, expected: dict[str, tuple[int, int]]) -> None:
        """Wait until so many contacts and linked identifiers are told, by the channel of the identifier."""

        def told() -> bool:
            found = {channel: self.customer(IDS[channel]) for channel in expected}
            return {name: (of["contacts"], len(of["members"])) for name, of in found.items() if of} == expected

        wait_for(told, what)

    def told(self, topic: str) -> list[Any]:
        """What came on a topic until now."""
        self._told += self._reader.news(0.5)
        return [each.json for each in self._told if each.topic == topic]


def _but_for_its_instant(profile: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in profile.items() if name != "as_of"}


@pytest.fixture(scope="module")
def shop(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(tmp_path_factory.mktemp("shop"), kafka, stack)


def test_four_identifiers_are_one_customer_while_they_are_linked_and_four_again_after(shop: Shop) -> None:
    four = _ana_comes_on_four_channels(shop)
    _the_crm_says_that_she_is_one(shop, four)
    _whoever_answers_next_is_told_of_all_of_it(shop)
    _the_unlink_gives_back_what_was(shop, four)
    _a_link_by_the_api_joins_two_of_them(shop, four)
    assert len(shop.told("customers.context")) == 1
    assert shop.told("contacts.failed") == []


def _ana_comes_on_four_channels(shop: Shop) -> dict[str, dict[str, Any]]:
    """Returns her four profiles."""
    Talk(shop, "mail", 1).write("customer")
    Talk(shop, "social", 1).write("customer")
    chat = Talk(shop, "chat", 1)
    chat.write("customer")
    chat.write("agent")
    chat.resolve()
    # The file has whole seconds: in the next one she calls after all of that.
    begun = int(time.time())
    wait_for(lambda: int(time.time()) > begun, "the next second")
    shop.answered_call(f"{begun}.1")
    shop.wait_for_profiles("four customers", ALONE)
    wait_for(lambda: not shop.customer(IDS["phone"])["open_contacts"], "the call is over")
    wait_for(lambda: not shop.customer(IDS["chat"])["open_contacts"], "the chat is over")
    four = shop.profiles()
    assert {name: of["customer"] for name, of in four.items()} == {**IDS, "chat": IN_CHAT[0]}
    assert {name: of["members"] for name, of in four.items()} == {**{name: [] for name in IDS}, "chat": IN_CHAT}
    assert {name: [each["channel"] for each in of["last_contacts"]] for name, of in four.items()} == {
        name: [name] for name in IDS
    }
    for channel, typed in TYPED.items():
        assert shop.look_up(typed) == four[channel]
    assert four["chat"]["last_contacts"][0]["outcome"] == "answered"
    return four


def _the_crm_says_that_she_is_one(shop: Shop, four: dict[str, dict[str, Any]]) -> None:
    (shop.folder / "crm.csv").write_text("".join(crm_lines([ANA])), encoding="utf-8")
    said = shop.identities("import", "crm.csv")
    assert "2 lines: 2 link identifiers, 0 have one at most, 0 cells are wrong" in said
    shop.wait_for_profiles("one customer", dict.fromkeys(IDS, (4, 6)))
    one = shop.customer(IDS["email"])
    assert one["members"] == sorted({*IDS.values(), *IN_CHAT, CRM})
    assert one["customer"] == min(one["members"])
    assert one["last_contacts"][0] == four["phone"]["last_contacts"][0]
    by_id = {each["contact"]: each for each in one["last_contacts"]}
    assert by_id == {each["contact"]: each for of in four.values() for each in of["last_contacts"]}
    assert {each["channel"] for each in one["open_contacts"]} == {"email", "social"}
    assert list(shop.profiles().values()) == [one] * 4
    assert [shop.look_up(typed) for typed in (*TYPED.values(), f"crm:{ANA.crm_id}")] == [one] * 5
    assert shop.told("customers.context") == []


def _whoever_answers_next_is_told_of_all_of_it(shop: Shop) -> None:
    """She mails once more: a fifth contact, a second channel of the two that are still open."""
    known = shop.customer(CRM)
    Talk(shop, "mail", 2).write("customer")
    shop.wait_for_profiles("a fifth contact", dict.fromkeys(IDS, (5, 6)))
    wait_for(lambda: bool(shop.told("customers.context")), "a word to whoever answers")
    (context,) = shop.told("customers.context")
    assert (context["customer"], context["channel"], context["contacts"]) == (known["customer"], "email", 5)
    assert context["contact"] == shop.customer(CRM)["last_contacts"][0]["contact"]
    preferred = context["preferred_channel"]
    assert (preferred["channel"], preferred["share"], preferred["n"], preferred["sure"]) == ("email", 0.4, 5, False)
    last = context["last"]
    assert (last["contact"], last["channel"]) == (known["last_contacts"][0]["contact"], "phone")
    assert (last["outcome"], last["queue"]) == ("answered", "support")
    assert sorted(each["contact"] for each in context["open"]) == sorted(
        each["contact"] for each in known["open_contacts"]
    )
    assert {each["waits_for"] for each in context["open"]} == {"agent"}


def _the_unlink_gives_back_what_was(shop: Shop, four: dict[str, dict[str, Any]]) -> None:
    """The same four profiles, but for the mail that came meanwhile."""
    second = shop.customer(CRM)["last_contacts"][0]
    shop.identities("unlink", f"crm:{ANA.crm_id}", "--reason", "another Ana")
    shop.wait_for_profiles("four customers again", {**ALONE, "email": (2, 0)})
    again = shop.profiles()
    mails = again.pop("email")
    assert again == {name: of for name, of in four.items() if name != "email"}
    assert mails["last_contacts"] == [second, *four["email"]["last_contacts"]]
    assert [each["contact"] for each in mails["open_contacts"]] == [each["contact"] for each in mails["last_contacts"]]
    assert mails["windows"]["lifetime"].keys() == {"email"}
    assert mails["members"] == []
    assert shop.customer(CRM) == {}


def _a_link_by_the_api_joins_two_of_them(shop: Shop, four: dict[str, dict[str, Any]]) -> None:
    said = shop.post(
        "identities/link", {"identifiers": [TYPED["phone"], TYPED["social"]], "reason": "told on the phone"}
    )
    assert said is not None
    shop.wait_for_profiles("two of them are one", {"phone": (2, 2), "social": (2, 2)})
    assert shop.customer(IDS["phone"])["members"] == sorted([IDS["phone"], IDS["social"]])
    assert shop.customer(IDS["phone"]) == shop.customer(IDS["social"])
    assert shop.customer(IDS["chat"]) == four["chat"]
    found = shop.post("customers/look-up", {"identifier": TYPED["social"]})
    assert [each["reason"] for each in found["identities"]["links"]] == ["told on the phone"]
