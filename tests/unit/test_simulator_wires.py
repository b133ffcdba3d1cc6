"""The simulated tools: proofs as their providers make them, and a switchboard that says what its file says."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes

from agents.contacts.contact import Contact
from agents.contacts.learning import learn
from agents.intake.asterisk_ami import AsteriskAmi, blocks_of
from agents.intake.asterisk_queue_log import AsteriskQueueLog
from agents.intake.mail_format import MailFormat
from agents.intake.parsing import Context, Events, Ignored
from schemas.events import AgentStateChanged, AnyEvent, ContactEvent
from schemas.policy_book import PolicyBook
from streams.connectors.feeds.ami import login_key
from streams.simulator import Centre, Delivery, House, sample_plan
from streams.simulator.centre import Said
from streams.simulator.wires import Payload
from streams.simulator.wires.ami import Ami, Switchboard
from streams.simulator.wires.chatwoot import Chatwoot
from streams.simulator.wires.mails import Mails
from streams.simulator.wires.postmark import Postmark
from streams.simulator.wires.whatsapp import WhatsApp
from tests.unit.vectors import vector

BEGIN = datetime(2026, 10, 20, 8, tzinfo=UTC).timestamp()
ADDRESS = "care@demo.example"


def test_chatwoot_signs_timestamp_and_body() -> None:
    known = vector("chatwoot")
    headers = Chatwoot(known["key"]).headers(Payload(known["body"].encode(), "d-1"), int(known["timestamp"]))
    assert headers == {
        "Content-Type": "application/json",
        "X-Chatwoot-Delivery": "d-1",
        "X-Chatwoot-Timestamp": known["timestamp"],
        "X-Chatwoot-Signature": known["expected"],
    }


def test_meta_signs_the_body() -> None:
    known = vector("whatsapp")
    headers = WhatsApp(known["key"]).headers(Payload(known["body"].encode(), "x"), 0)
    assert headers == {"Content-Type": "application/json", "X-Hub-Signature-256": known["expected"]}


def test_postmark_comes_with_user_and_password() -> None:
    known = vector("postmark")
    headers = Postmark(known["user"], known["password"], Mails(ADDRESS)).headers(Payload(b"{}", "x"), 0)
    assert headers == {"Content-Type": "application/json", "Authorization": known["expected"]}


def mails(*addresses: str) -> list[Payload]:
    house = House(sample_plan(), {"mail": Mails(*addresses)}, seed="mails", begins=BEGIN)
    said = list(house.run(BEGIN + 3_600))
    house.last_orders()
    return [each.payload for each in (*said, *house.run(BEGIN + 7_200)) if isinstance(each, Delivery)]


def test_mails_are_whole_messages_with_threads_and_what_a_machine_wrote_says_so() -> None:
    sent = mails(ADDRESS)
    assert all(each.body.endswith(b"\r\n") and b"\n" not in each.body.replace(b"\r\n", b"") for each in sent)
    parsed = Counter[str]()
    for each in sent:
        headers = {"mail-sender": each.sender.encode(), "mail-recipients": each.recipient.encode()}
        context = Context("mail", headers, int(BEGIN * 1_000) + 7_200_000, None, {"addresses": ADDRESS})
        said = MailFormat().parse(each.body, context)
        parsed[said.reason if isinstance(said, Ignored) else "mail"] += 1
    assert set(parsed) == {"mail", "auto_reply", "bounce"}
    assert min(parsed.values()) >= 1
    replies = [mail for each in sent if (mail := message_from_bytes(each.body))["From"] == ADDRESS]
    ids = {message_from_bytes(each.body)["Message-ID"] for each in sent}
    assert replies
    assert all(mail["In-Reply-To"] in ids and mail["References"].split()[0] in ids for mail in replies)


def test_of_several_addresses_with_one_queue_each_conversation_goes_by_one() -> None:
    assert Mails(ADDRESS, "orders@demo.example").queue == ADDRESS
    recipients: dict[str, set[str]] = defaultdict(set)
    for each in mails(ADDRESS, "orders@demo.example"):
        mail = message_from_bytes(each.body)
        thread = (mail["References"] or mail["Message-ID"]).split()[0]
        recipients[thread].add(each.recipient)
        assert each.recipient in (mail["From"], mail["To"])
    shares = Counter(address for (address,) in recipients.values())
    assert set(shares) == {ADDRESS, "orders@demo.example"}
    assert min(shares.values()) > len(recipients) // 3


def told(said: Iterable[Said]) -> list[bytes]:
    board = Switchboard()
    return [each for one in said for each in board.blocks(one)]


def one_floor() -> tuple[list[Said], Centre]:
    centre = Centre(sample_plan(), seed="ami", begins=BEGIN)
    said: list[Said] = []
    centre_lines = centre._say

    def say(at: float, call: str, queue: str, agent: str, event: str, *data: object) -> None:
        centre_lines(at, call, queue, agent, event, *data)
        said.append(Said(at, call, queue, agent, event, tuple(map(str, data))))

    centre._say = centre._floor._say = say  # type: ignore[method-assign]
    list(centre.run(BEGIN + 2 * 3_600))
    list(centre.close(BEGIN + 2 * 3_600))
    return said, centre


def folded(events: Iterable[AnyEvent]) -> dict[str, list[tuple[str | None, str | None, int, str | None]]]:
    """Of each contact its offers: queue, outcome, wait, agent."""
    found: dict[str, Contact] = {}
    for event in events:
        if isinstance(event, ContactEvent):
            contact = found.setdefault(event.contact, Contact(channel="phone"))
            learn(contact, (event,), PolicyBook().longest_wait)
    return {
        name: [(offer.queue, offer.outcome, offer.wait, offer.agent) for offer in contact.offers]
        for name, contact in found.items()
    }


def events_of(format_: AsteriskAmi | AsteriskQueueLog, payloads: Iterable[bytes]) -> list[AnyEvent]:
    context = Context("pbx", {}, int(BEGIN * 1_000), "DE", {})
    parsed = [format_.parse(each, context) for each in payloads]
    assert all(isinstance(each, Events) or each.reason != "unlisted_event" for each in parsed)
    return [event for each in parsed if isinstance(each, Events) for event in each.events]


def test_the_switchboard_says_by_ami_what_it_says_in_its_queue_log() -> None:
    said, centre = one_floor()
    by_ami = events_of(AsteriskAmi(), told(said))
    by_file = events_of(AsteriskQueueLog(), (each.line.encode() for each in said))
    file, ami = folded(by_file), folded(by_ami)
    assert list(file) == list(ami)
    assert len(file) > 100
    # By AMI, whoever is sent out after the timeout has abandoned, too.
    alike = {
        name: [("abandoned" if each[1] == "timeout" else each[1]) for each in offers] for name, offers in file.items()
    }
    assert {name: [each[1] for each in offers] for name, offers in ami.items()} == alike
    for name, offers in file.items():
        assert [(o[0], o[2]) for o in offers] == [(o[0], o[2]) for o in ami[name]]
    offered = Counter(offer[0] for offers in ami.values() for offer in offers)
    assert offered == centre.truth.offered


def test_agents_are_in_the_same_states_by_ami_and_in_the_queue_log() -> None:
    said, _ = one_floor()

    def states(events: Iterable[AnyEvent]) -> dict[tuple[str | None, str | None], list[tuple[str, str | None]]]:
        found: dict[tuple[str | None, str | None], list[tuple[str, str | None]]] = defaultdict(list)
        for event in events:
            if isinstance(event, AgentStateChanged):
                found[event.agent, event.queue].append((event.state, event.reason if event.state == "away" else None))
        return found

    by_file = states(events_of(AsteriskQueueLog(), (each.line.encode() for each in said)))
    ami = states(events_of(AsteriskAmi(), told(said)))
    assert ami.keys() == by_file.keys()
    assert len(by_file) > 10
    assert {key: [each[0] for each in value if each[0] in ("available", "offline")] for key, value in ami.items()} == {
        key: [each[0] for each in value if each[0] in ("available", "offline")] for key, value in by_file.items()
    }


# -- the manager interface ---------------------------------------------------------------------------------


class Manager:
    """A client that speaks AMI."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, **fields: str) -> dict[str, str]:
        self._writer.write("".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n")
        return await self.block()

    async def block(self) -> dict[str, str]:
        async with asyncio.timeout(5):
            return next(blocks_of(await self._reader.readuntil(b"\r\n\r\n")))

    async def log_in(self, secret: str) -> str:
        challenge = (await self.ask(Action="Challenge", AuthType="MD5"))["Challenge"]
        key = login_key(challenge, secret)
        answer = await self.ask(Action="Login", AuthType="MD5", Username="floor", Key=key, Events="agent,call")
        return answer["Response"]


@asynccontextmanager
async def connected(ami: Ami) -> AsyncIterator[Manager]:
    await ami.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", ami.port)
    try:
        assert (await reader.readline()).startswith(b"Asterisk Call Manager/")
        yield Manager(reader, writer)
    finally:
        await ami.stop()
        writer.close()
        await writer.wait_closed()


def test_who_logs_in_by_challenge_hears_what_happens_and_can_ask_how_things_stand() -> None:
    async def story() -> None:
        ami = Ami(Switchboard(), "floor", "secret", clock=lambda: BEGIN + 10)
        ami.say(Said(BEGIN, "NONE", "support", "Mia Berg", "ADDMEMBER", ("",)))
        async with connected(ami) as manager:
            assert not ami.logged_in.is_set()
            assert await manager.log_in("secret") == "Success"
            assert ami.logged_in.is_set()
            assert (await manager.block())["Event"] == "FullyBooted"
            ami.say(Said(BEGIN + 3.25, f"{int(BEGIN)}.42", "support", "NONE", "ENTERQUEUE", ("", "+4930901820", "1")))
            assert await manager.block() == {
                "Event": "QueueCallerJoin",
                "Privilege": "agent,all",
                "Timestamp": f"{int(BEGIN) + 3}.250000",
                "Channel": "PJSIP/trunk-0000002a",
                "Uniqueid": f"{int(BEGIN)}.42",
                "Linkedid": f"{int(BEGIN)}.42",
                "CallerIDNum": "+4930901820",
                "Queue": "support",
                "Position": "1",
                "Count": "1",
            }
            assert (await manager.ask(Action="QueueStatus", ActionID="q"))["EventList"] == "start"
            items = [await manager.block() for _ in range(4)]
            names = [each["Event"] for each in items]
            assert names == ["QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete"]
            assert all(each["ActionID"] == "q" for each in items)
            assert items[1]["Name"] == "Mia Berg"
            assert items[2]["Wait"] == "7"
            assert (await manager.ask(Action="Ping"))["Ping"] == "Pong"

    asyncio.run(story())


def test_who_has_another_secret_hears_nothing() -> None:
    async def story() -> None:
        ami = Ami(Switchboard(), "floor", "secret", clock=lambda: BEGIN)
        async with connected(ami) as manager:
            assert await manager.log_in("another") == "Error"
            assert (await manager.ask(Action="QueueStatus"))["Message"] == "Permission denied"
            assert not ami.logged_in.is_set()

    asyncio.run(story())
