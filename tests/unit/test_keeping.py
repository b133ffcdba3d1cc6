"""What keeps records: beside what the tests of the receiver and of feeds show, what Kafka refuses for good."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from structlog.testing import capture_logs

from schemas.failures import REFUSED
from streams.connectors.keeping import Keeper, say_who_is_gone
from streams.connectors.line_records import LineRecord
from streams.connectors.lines import HEAD

LARGE = HEAD + 1


class Broker:
    """Takes records whose values are as large as a head at most; `away`: none."""

    def __init__(self) -> None:
        self.away = False
        self.sent: list[LineRecord] = []

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        if self.away:
            raise OSError("nobody is there")
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if len(record.value) > HEAD:
            future.set_exception(MessageSizeTooLargeError())
        else:
            self.sent.append(record)
            future.set_result(None)
        return future

    async def close(self) -> None:
        pass


def record(number: int, size: int = 10) -> LineRecord:
    return LineRecord("channel.chat", b"k", bytes([number]) * size, [("ce_id", str(number).encode())], None)


@pytest.fixture
def broker() -> Broker:
    return Broker()


async def keeper_of(broker: Broker, folder: Path) -> Keeper:
    keeper = Keeper(broker, folder, ["shop"])
    await keeper.open()
    return keeper


@pytest.mark.asyncio
@pytest.mark.parametrize("comes_again", [True, False])
async def test_of_what_is_too_large_for_its_topic_the_head_is_kept(
    tmp_path: Path, broker: Broker, comes_again: bool
) -> None:
    keeper = await keeper_of(broker, tmp_path)
    assert await keeper.keep("shop", record(1, LARGE), seconds=1, comes_again=comes_again) == "taken"
    await keeper.close()

    (head,) = broker.sent
    assert (head.topic, head.key, head.value, head.refused) == ("channel.chat", b"k", b"\x01" * HEAD, True)
    assert head.headers[0] == ("ce_id", b"1")
    assert head.headers[1][0] == REFUSED
    assert b"it has 65,537 bytes" in head.headers[1][1]


@pytest.mark.asyncio
async def test_what_is_too_large_for_its_topic_holds_up_nothing_behind_it(tmp_path: Path, broker: Broker) -> None:
    keeper = await keeper_of(broker, tmp_path)
    broker.away = True
    for number, size in ((1, 10), (2, LARGE), (3, 10)):
        assert await keeper.keep("shop", record(number, size), seconds=1, comes_again=False) == "spooled"
    broker.away = False
    draining = asyncio.create_task(keeper.run())
    async with asyncio.timeout(30):
        while (tmp_path / "shop.spool").stat().st_size:  # noqa: ASYNC110 - a file says no when
            await asyncio.sleep(0.01)
    draining.cancel()
    with suppress(asyncio.CancelledError):
        await draining
    await keeper.close()

    assert sorted((each.value[0], len(each.value)) for each in broker.sent) == [(1, 10), (2, HEAD), (3, 10)]


def test_what_is_left_of_a_source_that_is_gone_is_told(tmp_path: Path) -> None:
    for name, size in (("shop", 1), ("gone", 2), ("empty", 0)):
        (tmp_path / f"{name}.spool").write_bytes(b"x" * size)
    with capture_logs() as logs:
        say_who_is_gone(tmp_path, ["shop"])
        say_who_is_gone(tmp_path / "nowhere", [])
    assert [(each["event"], Path(each["file"]).name, each["bytes"]) for each in logs] == [
        ("keeping.left_behind", "gone.spool", 2)
    ]
