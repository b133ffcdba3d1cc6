"""The spool: what it says is kept is on disk, in order, whatever ends the process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from streams.connectors.line_records import LineRecord
from streams.connectors.spool import Batch, Spool, SpoolFull, SpoolInUse


def record(number: int, size: int = 10) -> LineRecord:
    headers = [("ce_id", str(number).encode()), ("ce_type", b"test")]
    return LineRecord("channel.chat", b"k%d" % number, bytes([number % 256]) * size, headers, None)


def opened(path: Path, largest: int = 1 << 20) -> Spool:
    spool = Spool(path, largest)
    spool.open()
    return spool


def run(path: Path, *steps: Callable[[Spool], Awaitable[None]], largest: int = 1 << 20) -> None:
    """Each step on a spool that is opened anew, as by a process of its own."""
    for step in steps:
        spool = opened(path, largest)
        try:
            asyncio.run(step(spool))  # type: ignore[arg-type]
        finally:
            spool.close()


async def all_of(spool: Spool) -> list[LineRecord]:
    return (await spool.head()).records


def test_what_was_kept_is_there_after_the_process_in_order(tmp_path: Path) -> None:
    async def keep(spool: Spool) -> None:
        for number in range(3):
            await spool.append(record(number))
        assert not spool.is_empty

    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(0), record(1), record(2)]

    run(tmp_path / "spool" / "a.spool", keep, look)


def test_what_kafka_has_is_gone_and_the_file_empty(tmp_path: Path) -> None:
    async def keep_and_drain(spool: Spool) -> None:
        await spool.append(record(1))
        batch = await spool.head()
        await spool.append(record(2))
        await spool.done(batch.end)
        assert not spool.is_empty
        assert await all_of(spool) == [record(2)]
        await spool.done((await spool.head()).end)
        assert (spool.is_empty, spool.size, spool.filled.is_set()) == (True, 0, False)
        await spool.append(record(3))

    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(3)]

    run(tmp_path / "a.spool", keep_and_drain, look)


def test_what_was_not_yet_truncated_is_sent_again(tmp_path: Path) -> None:
    async def half(spool: Spool) -> None:
        await spool.append(record(1))
        batch = await spool.head()
        await spool.append(record(2))
        await spool.done(batch.end)

    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(1), record(2)]

    run(tmp_path / "a.spool", half, look)


@pytest.mark.parametrize("left", [1, 7, 8, 9, 30])
def test_a_torn_end_is_cut_off_and_what_stood_before_it_stays(tmp_path: Path, left: int) -> None:
    path = tmp_path / "a.spool"

    async def keep(spool: Spool) -> None:
        await spool.append(record(1))

    run(path, keep)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:left])

    async def look(spool: Spool) -> None:
        assert path.read_bytes() == whole
        await spool.append(record(2))
        assert await all_of(spool) == [record(1), record(2)]

    run(path, look)
    (kept,) = tmp_path.glob("a.torn-*")
    assert kept.read_bytes() == whole[:left]


def test_a_frame_with_another_byte_in_it_is_cut_off_with_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"

    async def keep(spool: Spool) -> None:
        await spool.append(record(1))
        await spool.append(record(2))

    run(path, keep)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(1)]

    run(path, look)


def test_many_at_once_share_an_fsync_and_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(os, "fsync", syncs.append)

    async def keep(spool: Spool) -> None:
        syncs.clear()
        await asyncio.gather(*(spool.append(record(number)) for number in range(100)))
        assert len(syncs) <= 2
        assert await all_of(spool) == [record(number) for number in range(100)]

    run(tmp_path / "a.spool", keep)


def test_a_full_spool_takes_no_more_and_keeps_what_it_has(tmp_path: Path) -> None:
    async def fill(spool: Spool) -> None:
        results = await asyncio.gather(
            *(spool.append(record(number, 400)) for number in range(3)), return_exceptions=True
        )
        assert [type(each) for each in results] == [type(None), type(None), SpoolFull]
        assert await all_of(spool) == [record(0, 400), record(1, 400)]

    run(tmp_path / "a.spool", fill, largest=1_000)


def test_what_could_not_be_written_is_refused_and_not_found_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.spool"

    async def keep(spool: Spool) -> None:
        await spool.append(record(1))
        before = path.read_bytes()

        def fails(*_: object) -> None:
            monkeypatch.undo()
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="No space left"):
            await spool.append(record(2))
        assert path.read_bytes() == before
        await spool.append(record(3))
        assert await all_of(spool) == [record(1), record(3)]

    run(path, keep)


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = opened(tmp_path / "a.spool")
    with pytest.raises(SpoolInUse, match=r"a\.spool is in use"):
        opened(tmp_path / "a.spool")
    first.close()
    opened(tmp_path / "a.spool").close()


def test_an_asker_that_goes_away_leaves_the_record_kept(tmp_path: Path) -> None:
    async def keep(spool: Spool) -> None:
        asking = asyncio.create_task(spool.append(record(1)))
        await asyncio.sleep(0)
        asking.cancel()
        await spool.settled()
        batch: Batch = await spool.head()
        assert batch.records == [record(1)]

    run(tmp_path / "a.spool", keep)
