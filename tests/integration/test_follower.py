"""A log file on disk through everything that rotation does to it. No Kafka: what is read is compared."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.connectors.cursor import Cursor, CursorFile, CursorUnreadable, Place
from streams.connectors.follower import Follower
from streams.connectors.ordinals import Ordinals
from streams.connectors.rotation import fingerprint


class Log:
    """A log that is written as Asterisk would, and what a follower has read of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "queue_log"
        self.follower = Follower(self.path, None)
        self.read: list[str] = []

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    def catch_up(self) -> list[str]:
        """Read until nothing comes any more; the lines that came."""
        came: list[str] = []
        for _ in range(20):
            came += [line.data.decode() for line in self.follower.lines()]
        self.read += came
        return came

    def restart(self) -> None:
        """As a new process would go on: from the place alone."""
        place = self.follower.place()
        self.follower.close()
        self.follower = Follower(self.path, place)

    def rename(self, to: str = "queue_log.1") -> Path:
        return self.path.rename(self.path.with_name(to))

    def copy_and_truncate(self, to: str = "queue_log.1") -> None:
        shutil.copy(self.path, self.path.with_name(to))
        os.truncate(self.path, 0)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path)
    yield log
    log.follower.close()


def test_a_file_that_is_not_there_yet_is_read_when_it_comes(log: Log) -> None:
    assert log.catch_up() == []
    log.write("one\n")
    assert log.catch_up() == ["one"]


def test_the_last_piece_of_a_line_waits_for_its_end(log: Log) -> None:
    log.write("one\ntw")
    assert log.catch_up() == ["one"]
    log.restart()
    log.write("o\n")
    assert log.catch_up() == ["two"]


def test_what_is_written_after_the_renaming_is_read_before_the_new_file(log: Log) -> None:
    log.write("one\n")
    log.catch_up()
    old = log.rename()
    # The writer has the old file open still; rotation has made the new one already, empty.
    log.path.touch()
    with old.open("a") as file:
        file.write("two\n")
    assert log.catch_up() == ["two"]
    with old.open("a") as file:
        file.write("three\n")
    log.write("four\n")
    assert log.catch_up() == ["three", "four"]


def test_several_rotations_while_nobody_read_are_caught_up_with_in_order(log: Log) -> None:
    log.write("one\n")
    log.catch_up()
    log.follower.close()
    log.write("two\n")
    log.rename("queue_log.3")
    log.write("three\n")
    log.rename("queue_log.2")
    log.write("four\n")
    log.rename("queue_log.1")
    log.write("five\n")
    os.utime(log.path.with_name("queue_log.3"), (1_000, 1_000))
    os.utime(log.path.with_name("queue_log.2"), (2_000, 2_000))
    os.utime(log.path.with_name("queue_log.1"), (3_000, 3_000))
    log.follower = Follower(log.path, place_of(log.path.with_name("queue_log.3"), offset=4, number=1))
    assert log.catch_up() == ["two", "three", "four", "five"]


def place_of(path: Path, *, offset: int, number: int) -> Place:
    """The place of a follower that has read the first bytes of a file."""
    reader = Follower(path, None)
    reader.lines()
    full = reader.place()
    reader.close()
    assert full is not None
    return Place(
        inode=full.inode,
        device=full.device,
        offset=offset,
        number=number,
        written=full.written,
        fingerprint=fingerprint(path.read_bytes()[:offset]),
    )


def test_a_truncated_file_is_read_from_its_beginning(log: Log) -> None:
    log.write("one\ntwo\n")
    log.catch_up()
    os.truncate(log.path, 0)
    log.write("3\n")
    assert log.catch_up() == ["3"]


def test_a_file_that_was_truncated_and_has_grown_past_the_old_end_is_told_by_its_beginning(log: Log) -> None:
    log.write("one\n")
    log.catch_up()
    os.truncate(log.path, 0)
    log.write("another beginning\nand more\n")
    assert log.catch_up() == ["another beginning", "and more"]


def test_what_came_between_the_last_look_and_a_copytruncate_is_read_from_the_copy(log: Log) -> None:
    log.write("one\ntw")
    log.catch_up()
    log.write("o\nthree\n")
    log.copy_and_truncate()
    log.write("four\n")
    assert log.catch_up() == ["two", "three", "four"]


def test_a_copytruncate_while_nobody_read_loses_nothing(log: Log) -> None:
    log.write("one\n")
    log.catch_up()
    log.write("two\n")
    log.copy_and_truncate()
    log.write("three, longer than what was before\n")
    log.restart()
    assert log.catch_up() == ["two", "three, longer than what was before"]


def test_a_copy_of_the_file_on_another_disk_is_gone_on_with_where_it_was(log: Log) -> None:
    log.write("one\ntwo\n")
    log.catch_up()
    shutil.copy(log.path, log.path.with_name("moved"))
    log.path.with_name("moved").replace(log.path)
    log.write("three\n")
    log.restart()
    assert log.catch_up() == ["three"]


def test_the_last_line_of_a_file_that_was_rotated_away_counts_without_its_end(log: Log) -> None:
    log.write("one\ntwo")
    log.catch_up()
    log.rename()
    log.write("three\n")
    assert log.catch_up() == ["two", "three"]


def test_a_rotated_file_that_is_gone_does_not_stop_the_new_one(log: Log) -> None:
    log.write("one\n")
    log.catch_up()
    log.path.unlink()
    log.write("a new beginning\n")
    log.restart()
    assert log.catch_up() == ["a new beginning"]


def test_packed_files_and_files_of_other_names_are_not_read(log: Log) -> None:
    log.write("one\n")
    log.catch_up()
    log.rename()
    log.path.with_name("queue_log.2.gz").write_text("packed\n")
    log.path.with_name("queue_logger").write_text("other\n")
    log.write("two\n")
    assert log.catch_up() == ["two"]


def test_through_a_hundred_rotations_every_line_comes_once_and_in_order(log: Log) -> None:
    written = []
    for number in range(300):
        log.write(f"line {number}\n")
        written.append(f"line {number}")
        if number % 2 == 0:
            log.catch_up()
        if number % 11 == 0:
            log.restart()
        if number % 3 == 2:
            log.rename()
    log.write("the end\n")
    log.catch_up()
    assert log.read == [*written, "the end"]


def test_line_numbers_go_on_after_a_restart_and_begin_anew_with_a_new_file(log: Log) -> None:
    log.write("one\ntwo\n")
    log.catch_up()
    log.restart()
    log.write("three\n")
    assert [line.number for line in log.follower.lines()] == [3]
    log.rename()
    log.write("four\n")
    numbers = [line.number for _ in range(5) for line in log.follower.lines()]
    assert numbers == [1]


def test_a_cursor_is_kept_whole_and_one_that_is_broken_says_what_to_do(tmp_path: Path) -> None:
    saved = CursorFile(tmp_path / "state" / "queue_log.cursor")
    assert saved.load() == Cursor()
    cursor = Cursor(ordinals=Ordinals({1_000: {"ab": 2}}))
    saved.save(cursor)
    assert saved.load() == cursor
    saved.path.write_text("{")
    with pytest.raises(CursorUnreadable, match="Remove it to read the file from its beginning"):
        saved.load()
