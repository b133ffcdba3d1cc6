"""A live queue_log onto the phone topic of a real Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord

from agents.intake.formats import format_named
from streams.connectors.cursor import CursorFile
from streams.connectors.tail import Tail
from streams.kafka import EmbeddedKafka
from tests.integration.connector_topics import everything, make_topics

RING = "1792490403|1792490399.42|support|Mia Berg|RINGNOANSWER|0\n"


def connect(second: int) -> str:
    return f"{1792490400 + second}|1792490399.42|support|Tom Ode|CONNECT|12|1|3\n"


class Site:
    """A log, its cursor and the topics that it goes to."""

    def __init__(self, bootstrap: str, namespace: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.namespace = namespace
        self.log = folder / "queue_log"
        self.cursor = folder / "queue_log.cursor"

    def write(self, text: str) -> None:
        with self.log.open("a") as file:
            file.write(text)

    @asynccontextmanager
    async def tail(self, limit: int = 1 << 25) -> AsyncIterator[Tail]:
        """A tail at work; it ends in good order."""
        tail = Tail(
            bootstrap=self.bootstrap,
            namespace=self.namespace,
            path=self.log,
            format=format_named("asterisk-queue-log"),
            source="pbx",
            cursor=self.cursor,
            poll=0.02,
            limit=limit,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(tail.run())
            try:
                yield tail
            finally:
                tail.stop()

    async def sent(self) -> list[ConsumerRecord]:
        """All records of the phone topic, of each call in order."""
        return await self._all_of("channel.phone")

    async def _all_of(self, topic: str) -> list[ConsumerRecord]:
        found = await everything(self.bootstrap, f"{self.namespace}.{topic}")
        return [record for partition in found for record in partition]


@pytest_asyncio.fixture
async def site(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> Site:
    """A site whose topics are there and empty."""
    await make_topics(kafka.bootstrap, namespace)
    return Site(kafka.bootstrap, namespace, tmp_path)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for is another process's doing or a file's
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_line_is_in_kafka_moments_after_it_was_written_with_all_that_is_known_of_it(site: Site) -> None:
    async with site.tail() as tail:
        await until(lambda: tail.counts.error is None)
        site.write(connect(0))
        await until(lambda: tail.counts.lines == 1)
        took: list[float] = []
        for number in range(1, 6):
            began = time.monotonic()
            site.write(connect(number))
            await until(lambda written=number: tail.counts.lines == written + 1)  # type: ignore[misc]
            took.append(time.monotonic() - began)
        # The machine may be busy elsewhere once or twice.
        assert median(took) < 1.0
    first, second, *_ = await site.sent()
    assert (first.key, first.value + b"\n") == (b"1792490399.42", connect(0).encode())
    headers = dict(second.headers)
    assert headers.pop("ce_id") != dict(first.headers)["ce_id"]
    assert headers == {
        "ce_type": b"asterisk-queue-log",
        "ce_source": b"pbx",
        "content-type": b"text/plain; charset=utf-8",
        "file": str(site.log).encode(),
        "line": b"2",
        "ordinal": b"0",
    }


@pytest.mark.asyncio
async def test_rotation_truncation_and_restarts_lose_no_line_and_send_none_twice(site: Site) -> None:
    async with site.tail() as tail:
        site.write(connect(0))
        await until(lambda: tail.counts.lines == 1)
        old = site.log.rename(site.log.with_name("queue_log.1"))
        with old.open("a") as file:
            file.write(connect(1))
        site.write(connect(2))
        await until(lambda: tail.counts.lines == 3)
    site.write(connect(3) + connect(4)[:20])
    async with site.tail() as tail:
        await until(lambda: tail.counts.lines == 1)
        site.write(connect(4)[20:])
        await until(lambda: tail.counts.lines == 2)
        site.log.write_text(connect(5))
        await until(lambda: tail.counts.lines == 3)
    values = [record.value + b"\n" for record in await site.sent()]
    assert values == [connect(second).encode() for second in range(6)]


@pytest.mark.asyncio
async def test_equal_lines_of_one_second_that_are_read_again_get_the_ordinals_that_they_had(site: Site) -> None:
    site.write(RING + RING)
    async with site.tail() as tail:
        await until(lambda: tail.counts.lines == 2)
    before = site.cursor.read_bytes()
    site.write(RING + RING)
    async with site.tail() as tail:
        await until(lambda: tail.counts.lines == 2)
    # As after a power cut between Kafka's acknowledgement and the cursor's way to the disk.
    site.cursor.write_bytes(before)
    async with site.tail() as tail:
        await until(lambda: tail.counts.lines == 2)
    ordinals = [dict(record.headers)["ordinal"] for record in await site.sent()]
    assert ordinals == [b"0", b"1", b"2", b"3", b"2", b"3"]


@pytest.mark.asyncio
async def test_the_cursor_never_runs_ahead_of_what_kafka_has(site: Site) -> None:
    # 20,000 lines are several chunks: the tail is cut off among them.
    site.write("".join(connect(number) for number in range(20_000)))
    tail = Tail(
        bootstrap=site.bootstrap,
        namespace=site.namespace,
        path=site.log,
        format=format_named("asterisk-queue-log"),
        source="pbx",
        cursor=site.cursor,
    )
    task = asyncio.create_task(tail.run())
    await until(lambda: tail.counts.lines > 0)
    task.cancel()
    await asyncio.wait([task])
    place = CursorFile(site.cursor).load().place
    sent = {record.value for record in await site.sent()}
    assert place is None or sent.issuperset(site.log.read_bytes()[: place.offset].splitlines())
    async with site.tail() as again:
        await until(lambda: (CursorFile(site.cursor).load().place or place).offset == site.log.stat().st_size)  # type: ignore[union-attr]
        assert again.counts.error is None
    assert {record.value for record in await site.sent()} == set(site.log.read_bytes().splitlines())


@pytest.mark.asyncio
async def test_a_line_that_is_too_long_is_refused_and_told_and_the_next_one_goes_on(site: Site) -> None:
    site.write("x" * 200_000 + "\n" + connect(1))
    async with site.tail(limit=100_000) as tail:
        await until(lambda: tail.counts.lines == 2)
        assert tail.counts.refused == 1
    refused, whole = sorted(await site.sent(), key=lambda record: dict(record.headers)["line"])
    assert whole.value + b"\n" == connect(1).encode()
    headers = dict(refused.headers)
    assert (len(refused.value), headers["line"]) == (64 * 1024, b"1")
    assert b"200,000 bytes" in headers["refused"]


@pytest.mark.asyncio
async def test_while_kafka_is_away_the_tail_waits_and_says_so(site: Site) -> None:
    site.write(connect(0))
    away = Site("127.0.0.1:1", site.namespace, site.log.parent)
    async with away.tail() as tail:
        await until(lambda: tail.counts.error is not None)
        assert "KafkaConnectionError" in str(tail.counts.error)
    assert not site.cursor.exists()


@pytest.mark.asyncio
async def test_a_disk_that_is_full_keeps_no_line_from_kafka_and_the_cursor_is_saved_when_there_is_room(
    site: Site,
) -> None:
    draft = site.cursor.with_name(site.cursor.name + ".new")
    async with site.tail() as tail:
        site.write(connect(0))
        await until(lambda: site.cursor.exists() and tail.counts.lines == 1)
        saved = site.cursor.read_bytes()
        draft.symlink_to("/dev/full")
        site.write(connect(1))
        await until(lambda: tail.counts.lines == 2 and tail.counts.error is not None)
        assert "No space left on device" in str(tail.counts.error)
        assert site.cursor.read_bytes() == saved
        draft.unlink()
        await until(lambda: tail.counts.error is None)
        assert site.cursor.read_bytes() != saved
    assert [record.value + b"\n" for record in await site.sent()] == [connect(0).encode(), connect(1).encode()]


def test_a_format_whose_first_line_names_columns_can_not_be_followed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="such files are replayed"):
        Tail(
            bootstrap="",
            namespace="",
            path=tmp_path / "bank.csv",
            format=format_named("anonymous-bank"),
            source="bank",
            cursor=tmp_path / "cursor",
        )
