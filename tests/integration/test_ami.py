"""A switchboard's manager interface over real connections: what it says is kept verbatim, in order."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streams.connectors import feed
from streams.connectors.feed import Terms
from streams.connectors.feeds import _switchboard
from streams.connectors.feeds.ami import KIND
from streams.connectors.line_records import LineRecord
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.acceptance.program import BIN, Program, wait_for
from tests.acceptance.reading import Reader, Said
from tests.integration.mail_kit import Shelf, certificate, running, until
from tests.integration.peer import Peer
from tests.unit.vectors import vector

VECTOR = vector("ami-md5")
SECRET = VECTOR["secret"]


def block(event: str, **fields: object) -> bytes:
    lines = [f"Event: {event}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def join(number: int) -> bytes:
    return block(
        "QueueCallerJoin", Uniqueid=f"1792490399.{number}", Queue="support", CallerIDName="Anä: M.", Position=1
    )


class Switchboard(Peer):
    """A manager interface of the test's own. `actions`: what was asked, by connection; `waiting`: who waits in it;
    `meanwhile`, `late`: what happens while it answers how the queues stand, and comes before the answer or behind."""

    def __init__(self) -> None:
        super().__init__()
        self.actions: list[list[dict[str, str]]] = []
        self.waiting = [block("QueueEntry", Queue="support", Uniqueid="1.1", Wait=3)]
        self.meanwhile, self.late = join(0), b""
        self.greeting = b"Asterisk Call Manager/9.0.0\r\n"

    def asked(self, name: str) -> int:
        return sum(action["Action"] == name for actions in self.actions for action in actions)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        actions: list[dict[str, str]] = []
        self.actions.append(actions)
        writer.write(self.greeting)
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
                action = dict(line.split(": ", 1) for line in lines)
                actions.append(action)
                self._answer(action, writer)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
        finally:
            if writer in self.writers:
                self.writers.remove(writer)

    def _answer(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        name, tag = action["Action"], f"ActionID: {action.get('ActionID')}\r\n".encode()
        if name == "Challenge":
            writer.write(f"Response: Success\r\nChallenge: {VECTOR['challenge']}\r\n\r\n".encode())
        elif name == "Login":
            if action.get("Key", action.get("Secret")) not in (VECTOR["expected Key"], SECRET):
                writer.write(b"Response: Error\r\nMessage: Authentication failed\r\n\r\n")
                return
            writer.write(b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n")
            writer.write(block("FullyBooted", Privilege="system,all"))
            self.writers.append(writer)
        elif name == "QueueStatus":
            writer.write(b"Response: Success\r\n" + tag + b"EventList: start\r\n\r\n")
            writer.write(self.meanwhile)
            writer.write(b"".join(tagged(each, tag) for each in self.snapshot()))
        elif name == "Ping":
            if "ActionID" in action:
                # What happened while the queues were told comes behind the answer.
                writer.write(self.late)
            writer.write(b"Response: Success\r\n" + tag + b"Ping: Pong\r\n\r\n")

    def snapshot(self) -> list[bytes]:
        return [
            block("QueueParams", Queue="support"),
            *self.waiting,
            block("QueueStatusComplete", EventList="Complete"),
        ]


def tagged(frame: bytes, tag: bytes) -> bytes:
    return frame[:-2] + tag + b"\r\n"


class Mute(Shelf):
    """Takes records and does not say that it has them, while `is_mute`."""

    is_mute = False

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        if self.is_mute:
            return asyncio.get_running_loop().create_future()
        return await super().send(record)


@asynccontextmanager
async def switchboard() -> AsyncIterator[Switchboard]:
    board = Switchboard()
    await board.start()
    try:
        yield board
    finally:
        await board.stop()


def terms(folder: Path, port: int, secret: str = SECRET, **settings: str) -> Terms:
    secrets = {"user": ("floorwalker",), "secret": (secret,)}
    return Terms("pbx", "127.0.0.1", port, "none", secrets, settings, folder / "pbx")


def is_snapshot(value: bytes) -> bool:
    return value.startswith(b"Event: QueueParams\r\n") and b"Event: QueueStatusComplete\r\n" in value


@pytest.mark.asyncio
async def test_events_of_queues_are_kept_verbatim_in_order_and_the_answer_as_one(tmp_path: Path) -> None:
    shelf = Shelf()
    async with switchboard() as board, running(KIND, terms(tmp_path, board.port), shelf):
        await shelf.has(2)
        flood = block("VarSet", Variable="A", Value="QueueCallerJoin")
        await board.say(*(frame for number in range(1, 51) for frame in (flood, join(number), flood)))
        await shelf.has(52)
    assert [each["Action"] for each in board.actions[0]] == ["Challenge", "Login", "QueueStatus", "Ping"]
    assert board.actions[0][1] == {
        "Action": "Login",
        "AuthType": "MD5",
        "Username": "floorwalker",
        "Key": VECTOR["expected Key"],
        "Events": "agent,call",
    }
    live, answer, *rest = shelf.records
    tag = f"ActionID: {board.actions[0][2]['ActionID']}\r\n".encode()
    assert answer.value == b"".join(tagged(each, tag) for each in board.snapshot())
    assert [live.value, *(each.value for each in rest)] == [join(number) for number in range(51)]
    assert (live.topic, live.key, answer.key) == ("channel.phone", b"1792490399.0", b"pbx")
    headers = [dict(each.headers) for each in shelf.records]
    assert [int(each["ami-sequence"]) for each in headers] == list(range(1, 53))
    assert len({each["ce_id"] for each in headers}) == 52
    assert {each["ce_type"] for each in headers} == {b"asterisk-ami"}
    assert all(
        abs(int(each["ami-received"]) - (record.time or 0)) < 5_000
        for each, record in zip(headers, shelf.records, strict=True)
    )
    assert "ami-heard" not in headers[1]
    assert 0 <= int(headers[1]["ami-received"]) - int(headers[1]["ami-asked"]) < 5_000
    assert [number for number, each in enumerate(headers) if "ami-asked" in each] == [1]


@pytest.mark.asyncio
async def test_the_answer_says_who_was_heard_joining_before_it_came_and_just_before_a_loss(tmp_path: Path) -> None:
    shelf = Shelf()
    async with switchboard() as board:
        board.late = join(1)
        async with running(KIND, terms(tmp_path, board.port), shelf):
            await shelf.has(3)
            await board.say(join(2))
            await shelf.has(4)
            board.late = b""
            board.hang_up()
            await shelf.has(6)
    assert [each.value for each in shelf.records if not is_snapshot(each.value)] == [join(n) for n in (0, 1, 2, 0)]
    answers = [dict(each.headers) for each in shelf.records if is_snapshot(each.value)]
    calls = [[f"1792490399.{number}" for number in numbers] for numbers in ((0, 1), (0, 1, 2, 0))]
    assert [each["ami-joined"].decode().split() for each in answers] == calls


@pytest.mark.asyncio
async def test_the_secret_is_sent_only_where_the_setting_says_so(tmp_path: Path) -> None:
    shelf = Shelf()
    async with switchboard() as board, running(KIND, terms(tmp_path, board.port, login="plain"), shelf):
        await shelf.has(2)
    assert board.actions[0][0]["Secret"] == SECRET


@pytest.mark.asyncio
async def test_the_certificate_is_verified(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    encrypted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    encrypted.load_cert_chain(file, key)
    board, shelf = Switchboard(), Shelf()
    await board.start(encrypted)
    try:
        given = terms(tmp_path, board.port, ca=str(file))._replace(security="tls")
        async with running(KIND, given, shelf):
            await shelf.has(2)
        with capture_logs() as logs:
            async with running(KIND, given._replace(settings={}), shelf):
                await until(lambda: bool(logs), "told")
    finally:
        await board.stop()
    assert "certificate verify failed" in logs[0]["error"]
    assert len(board.actions) == 1


@pytest.mark.asyncio
async def test_what_is_no_manager_interface_is_told(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with switchboard() as board:
            board.greeting = b"220 mail.example ESMTP\r\n"
            async with running(KIND, terms(tmp_path, board.port), Shelf()):
                await until(lambda: bool(logs), "told")
    assert logs[0]["error"] == "no greeting of an Asterisk manager interface: this is not the right port"


@pytest.mark.asyncio
async def test_after_a_loss_the_queues_are_asked_for_again_and_half_a_block_is_not_kept(tmp_path: Path) -> None:
    shelf = Shelf()
    async with switchboard() as board, running(KIND, terms(tmp_path, board.port), shelf):
        await shelf.has(2)
        await board.say(join(1), join(2)[:30])
        await shelf.has(3)
        board.hang_up()
        await shelf.has(5)
        await board.stop()
        await asyncio.sleep(0.2)
        await board.start()
        await shelf.has(7)
    values = [each.value for each in shelf.records]
    assert [value for value in values if not is_snapshot(value)] == [join(0), join(1), join(0), join(0)]
    third = dict(shelf.records[2].headers)
    answers = [dict(each.headers) for each in shelf.records if is_snapshot(each.value)]
    assert [answers[0].get("ami-heard"), answers[1]["ami-heard"]] == [None, third["ami-received"]]
    assert len({dict(each.headers)["ce_id"] for each in shelf.records}) == 7


@pytest.mark.asyncio
async def test_the_next_process_knows_until_when_everything_was_kept(tmp_path: Path) -> None:
    shelf = Shelf()
    async with switchboard() as board:
        for start in (1, 2):
            async with running(KIND, terms(tmp_path, board.port), shelf):
                await shelf.has(2 * start)
        first, second = (dict(each.headers) for each in shelf.records if is_snapshot(each.value))
    assert "ami-heard" not in first
    # Until the ping behind the answer was answered.
    assert 0 <= int(second["ami-heard"]) - int(first["ami-received"]) < 5_000


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (b"Event: QueueCallerJoin\r\nCallerIDName: " + b"x" * 70_000, "a frame is longer than 65,536 bytes"),
        (b"Event: QueueCallerJoin\r\n", "no whole frame came within"),
    ],
)
async def test_a_block_without_end_breaks_the_connection_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frame: bytes, error: str
) -> None:
    shelf = Shelf()
    with capture_logs() as logs:
        async with switchboard() as board, running(KIND, terms(tmp_path, board.port), shelf):
            await shelf.has(2)
            monkeypatch.setattr(_switchboard, "SILENCE", 0.5)
            # What is waited for already has the patience from before.
            await board.say(join(0), frame)
            await shelf.has(5)
    assert next(each["error"] for each in logs if each["event"] == "feeds.broken").startswith(error)
    assert all(is_snapshot(each.value) or each.value == join(0) for each in shelf.records)


@pytest.mark.asyncio
async def test_a_quiet_switchboard_is_asked_whether_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_switchboard, "SILENCE", 2.0)
    monkeypatch.setattr(_switchboard, "PING", 0.1)
    async with switchboard() as board, running(KIND, terms(tmp_path, board.port), Shelf()):
        await until(lambda: board.asked("Ping") > 25, "asked")
    assert len(board.actions) == 1


class Slow(Shelf):
    """Takes records, and says so a while later."""

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        self.records.append(record)
        taken: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.1, taken.set_result, None)
        return taken


@pytest.mark.asyncio
async def test_where_kafka_is_slow_what_was_read_is_soon_on_disk_when_the_process_ends(tmp_path: Path) -> None:
    shelf = Slow()
    told = [join(number) for number in range(1, 301)]
    async with switchboard() as board:
        given = terms(tmp_path, board.port)
        async with running(KIND, given, shelf):
            await shelf.has(2)
            await board.say(*told)
            await until(lambda: join(20) in shelf.mails, "some of them on their way")
        assert join(300) in (given.folder / "pbx.spool").read_bytes()
        async with running(KIND, given, shelf):
            await until(lambda: join(300) in shelf.mails, "all of them")
    found = [each.value for each in shelf.records if each.value in told]
    assert list(dict.fromkeys(found)) == told


@pytest.mark.asyncio
async def test_what_was_read_is_kept_even_if_the_process_ends_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Kafka's silence is waited for, so that the rest is read ahead.
    monkeypatch.setattr(feed, "HASTE", 60.0)
    read: list[bytes] = []
    until_end = _switchboard.Streams.until

    async def counted(streams: _switchboard.Streams, delimiter: bytes) -> bytes:
        read.append(await until_end(streams, delimiter))
        return read[-1]

    monkeypatch.setattr(_switchboard.Streams, "until", counted)
    shelf = Mute()
    async with switchboard() as board:
        given = terms(tmp_path, board.port)
        async with running(KIND, given, shelf):
            await shelf.has(2)
            shelf.is_mute = True
            await board.say(*(join(number) for number in range(1, 51)))
            await until(lambda: join(50) in read, "all of them read")
            assert len(shelf.records) == 2
        shelf.is_mute = False
        async with running(KIND, given, shelf):
            await until(lambda: join(50) in shelf.mails, "all of them")
    found = [each for each in shelf.records if each.value != join(0) and not is_snapshot(each.value)]
    # What is on its way to Kafka at the end may be kept twice, under one id.
    assert list(dict.fromkeys(each.value for each in found)) == [join(number) for number in range(1, 51)]
    assert len({dict(each.headers)["ce_id"] for each in found}) == 50


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_loss_of_kafka_and_of_the_process_loses_nothing_that_was_said_to_it(
    tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMI_SECRET", SECRET)
    async with switchboard() as board:
        (tmp_path / "floorwalker.toml").write_text(
            f'[[feeds]]\nkind = "ami"\nsource = "pbx"\naddress = "127.0.0.1:{board.port}"\nsecurity = "none"\n'
            'secrets = { user = "floorwalker", secret = "env:AMI_SECRET" }\n'
        )
        with EmbeddedKafka(tmp_path / "kafka") as kafka:
            await ensure_topics(kafka.bootstrap, namespace, 2)
            settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
            log = tmp_path / "connect.log"
            with Program(BIN / "floorwalker", "connect", folder=tmp_path, log=log, settings=settings) as connect:
                await _soon(lambda: board.asked("QueueStatus") == 1, "asked")
                await board.say(*(join(number) for number in range(1, 21)))
                await _soon(lambda: len(_calls(kafka, namespace)) == 21, "taken")
                await asyncio.to_thread(kafka.kill, 0)
                await board.say(*(join(number) for number in range(21, 41)))
                spool = tmp_path / ".floorwalker" / "spool" / "pbx.spool"
                await _soon(lambda: join(40) in spool.read_bytes(), "spooled")
                connect.kill()
                connect.start()
                await _soon(lambda: board.asked("QueueStatus") == 2, "asked again")
                await board.say(*(join(number) for number in range(41, 51)))
                await asyncio.to_thread(kafka.restart, 0)
                await _soon(lambda: len(_calls(kafka, namespace)) == 51, "all of them")
                assert await asyncio.to_thread(connect.interrupt) == 0
            found = _calls(kafka, namespace)
    assert found == {f"1792490399.{number}": join(number) for number in range(51)}
    assert SECRET not in log.read_text()


def _calls(kafka: EmbeddedKafka, namespace: str) -> dict[str | None, bytes]:
    def read() -> list[Said]:
        with Reader(kafka.bootstrap, namespace, "channel.phone") as reader:
            return list(reader.to_the_end())

    return {each.key: each.value for each in read() if not is_snapshot(each.value)}


async def _soon(claim: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_for, claim, what)
