"""The spool: what it says is kept is on disk, in order, whatever ends the process."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs

from streams.connectors import spool as spools
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


async def half(spool: Spool) -> None:
    """Two are kept, and Kafka has the first."""
    await spool.append(record(1))
    batch = await spool.head()
    await spool.append(record(2))
    await spool.done(batch.end)


def test_after_the_process_only_what_was_under_way_is_sent_again(tmp_path: Path) -> None:
    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(2)]
        assert spool.size == len(spools._frame(record(2)))

    run(tmp_path / "a.spool", half, look, look)


@pytest.mark.parametrize("mark", [b"", b"x", b"\xff" * 12, b"\x00" * 12])
def test_a_mark_that_is_of_no_such_file_is_about_nothing(tmp_path: Path, mark: bytes) -> None:
    run(tmp_path / "a.spool", half)
    (tmp_path / "a.drained").write_bytes(mark)

    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(1), record(2)]

    run(tmp_path / "a.spool", look)


def test_a_mark_does_not_hold_for_what_came_after_the_file_was_empty(tmp_path: Path) -> None:
    async def other(spool: Spool) -> None:
        await spool.done((await spool.head()).end)
        for number in (3, 4):
            await spool.append(record(number))

    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(3), record(4)]

    run(tmp_path / "a.spool", half, other, look)


def test_where_kafka_has_all_but_a_torn_end_the_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    run(path, half)
    path.write_bytes(path.read_bytes()[:-1])
    spool = opened(path)
    assert (spool.is_empty, spool.size, spool.filled.is_set(), path.read_bytes()) == (True, 0, False, b"")
    spool.close()


@pytest.fixture
def moves_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is given back when a few records of these tests are drained, which are read some at a time."""
    monkeypatch.setattr(spools, "MOVED", 300)
    monkeypatch.setattr(spools, "BATCH", 150)


@pytest.mark.usefixtures("moves_early")
def test_under_steady_load_neither_the_file_nor_what_is_counted_grows(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"

    async def steady(spool: Spool) -> None:
        await spool.append(record(0))
        for number in range(1, 100):
            batch = await spool.head()
            assert [each.value[0] for each in batch.records] == [number - 1]
            await spool.append(record(number))
            await spool.done(batch.end)
            assert spool.size == len(spools._frame(record(number)))
            assert path.stat().st_size < 600

    async def look(spool: Spool) -> None:
        assert await all_of(spool) == [record(99)]

    run(path, steady, look, largest=300)


@pytest.mark.usefixtures("moves_early")
def test_what_is_appended_while_the_rest_is_moved_waits_for_no_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(spool: Spool) -> None:
        loop, real = asyncio.get_running_loop(), spools._copy

        def copy(*of: int) -> None:
            monkeypatch.undo()
            asyncio.run_coroutine_threadsafe(spool.append(record(99)), loop).result(30)
            real(*of)

        for number in range(8):
            await spool.append(record(number))
        monkeypatch.setattr(spools, "_copy", copy)
        moved = 0
        for _ in range(2):
            batch = await spool.head()
            moved += len(batch.records)
            await spool.done(batch.end)
        assert spools._copy is real
        assert (tmp_path / "a.spool").stat().st_size == spool.size
        assert await all_of(spool) == [record(number) for number in (*range(moved, 8), 99)]

    async def look(spool: Spool) -> None:
        assert (await all_of(spool))[-1] == record(99)

    run(tmp_path / "a.spool", keep, look)


@pytest.mark.usefixtures("moves_early")
def test_a_file_that_cannot_be_moved_stays_and_keeps_nobody_from_draining(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.spool"

    async def keep(spool: Spool) -> None:
        def fails(*_: object) -> None:
            raise OSError(28, "No space left on device")

        for number in range(12):
            await spool.append(record(number))
        with capture_logs() as logs, monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", fails)
            for _ in range(3):
                await spool.done((await spool.head()).end)
        assert {each["event"] for each in logs} == {"spool.not_marked", "spool.not_moved"}
        assert not (tmp_path / "a.new").exists()
        before = path.stat().st_size
        await spool.append(record(12))
        await spool.done((await spool.head()).end)
        assert path.stat().st_size < before
        assert await all_of(spool) == [record(12)]

    run(path, keep)


class Instant(NamedTuple):
    """What a kill would leave there. `kept`, `drained`: how many the spool had said by then that it keeps, and had been
    told that Kafka has."""

    folder: Path
    kept: int
    drained: int


class Watched:
    """Copies a folder before whatever changes it, and in the middle of each write."""

    def __init__(self, folder: Path, copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept = self.drained = 0
        self.instants: list[Instant] = []
        self.calls: list[str] = []
        self._folder, self._copies = folder, copies
        for name in ("pwrite", "fsync", "ftruncate", "replace", "unlink", "open"):
            self._watch(name, monkeypatch)

    def _watch(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        real = getattr(os, name)

        def watched(*given: object, **named: object) -> object:
            self.calls.append(name)
            self._copied()
            if name == "pwrite" and len(given[1]) > spools._MARK.size:  # type: ignore[arg-type]
                file, content, at = given
                real(file, content[: len(content) // 2], at)  # type: ignore[index, arg-type]
                self._copied()
            return real(*given, **named)

        monkeypatch.setattr(os, name, watched)

    def _copied(self) -> None:
        copy = self._copies / str(len(self.instants))
        shutil.copytree(self._folder, copy)
        self.instants.append(Instant(copy, self.kept, self.drained))


@pytest.mark.usefixtures("moves_early")
def test_a_kill_at_any_instant_loses_nothing_and_sends_again_only_what_was_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "spool"
    largest_batch = 0

    async def live(spool: Spool) -> None:
        nonlocal largest_batch

        async def append(many: int) -> None:
            for _ in range(many):
                await spool.append(record(watched.kept))
                watched.kept += 1

        async def drain() -> None:
            nonlocal largest_batch
            batch = await spool.head()
            await append(1)
            await spool.done(batch.end)
            watched.drained += len(batch.records)
            largest_batch = max(largest_batch, len(batch.records))

        await append(10)
        for _ in range(16):
            await drain()
        while spool.size:
            batch = await spool.head()
            await spool.done(batch.end)
            watched.drained += len(batch.records)
        await append(3)

    spool = opened(folder / "a.spool")
    with monkeypatch.context() as patched:
        watched = Watched(folder, tmp_path / "copies", patched)
        asyncio.run(live(spool))
    spool.close()
    assert watched.calls.count("replace") >= 2

    async def left(spool: Spool) -> list[LineRecord]:
        found = []
        while spool.size:
            batch = await spool.head()
            found += batch.records
            await spool.done(batch.end)
        return found

    assert len(watched.instants) > 100
    for instant in watched.instants:
        spool = opened(instant.folder / "a.spool")
        numbers = [each.value[0] for each in asyncio.run(left(spool))]
        spool.close()
        first = numbers[0] if numbers else instant.kept
        # One may be on disk of which nobody was told, and a batch drained that was not marked.
        assert numbers == list(range(first, first + len(numbers))), instant
        assert first + len(numbers) in (instant.kept, instant.kept + 1), instant
        assert instant.drained <= first <= instant.drained + largest_batch, instant
        assert not list(instant.folder.glob("*.new"))


@pytest.mark.usefixtures("moves_early")
def test_what_is_moved_is_on_disk_before_it_takes_the_place_and_the_place_before_more_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(spool: Spool) -> None:
        for number in range(10):
            await spool.append(record(number))
        with monkeypatch.context() as patched:
            watched = Watched(tmp_path / "spool", tmp_path / "copies", patched)
            for _ in range(2):
                await spool.done((await spool.head()).end)
        at = watched.calls.index("replace")
        assert watched.calls[at - 1 : at + 3] == ["fsync", "replace", "open", "fsync"]

    run(tmp_path / "spool" / "a.spool", keep)


@pytest.mark.usefixtures("moves_early")
def test_a_spool_that_was_moved_is_still_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.spool"

    async def move(spool: Spool) -> None:
        before = path.stat().st_ino
        for number in range(10):
            await spool.append(record(number))
        for _ in range(2):
            await spool.done((await spool.head()).end)
        assert path.stat().st_ino != before
        with pytest.raises(SpoolInUse, match=r"a\.spool is in use"):
            opened(path)

    run(path, move)
    real = fcntl.flock

    def too_late(file: int, how: int) -> None:
        shutil.copy(path, tmp_path / "moved")
        (tmp_path / "moved").replace(path)
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", too_late)
    with pytest.raises(SpoolInUse, match=r"a\.spool is in use"):
        opened(path)


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
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_what_is_cut_off_is_on_disk_before_it_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spool" / "a.spool"
    path.parent.mkdir()
    path.write_bytes(b"torn")
    with monkeypatch.context() as patched:
        watched = Watched(path.parent, tmp_path / "copies", patched)
        opened(path).close()
    assert watched.calls[watched.calls.index("ftruncate") - 4 :] == [
        "pwrite", "fsync", "open", "fsync", "ftruncate", "fsync",
    ]  # fmt: skip


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
