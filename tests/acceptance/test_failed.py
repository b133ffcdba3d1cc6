"""What can't be understood ends on contacts.failed, whole, with where it came from and why."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.acceptance import bank
from tests.acceptance.conftest import StartFloor
from tests.acceptance.reading import Reader, Said

MIB = 1 << 20


class Wrong(NamedTuple):
    """A line that fails: its number, its bytes, the reason and a word of the message."""

    line: int
    data: bytes
    reason: str
    word: str


def failures(records: list[Said], file: Path) -> list[Wrong]:
    """What contacts.failed says of a file."""
    return sorted(
        Wrong(int(each.headers["failed.line"]), each.value, each.headers["failed.reason"], "")
        for each in records
        if each.headers["failed.file"] == str(file)
    )


def test_every_line_that_fails_is_kept_as_it_was_with_file_line_and_reason(
    start_floor: StartFloor, tmp_path: Path
) -> None:
    good = [call.line for call in bank.by_end() if call.outcome == "AGENT"][:4]
    phantom = next(call.line for call in bank.calls() if call.outcome == "PHANTOM")
    cells = good[3].split(b",")
    wrong = [
        Wrong(3, b"this is no row", "syntax", "cells"),
        Wrong(5, b",".join([*cells[:3], b"25 past nine", *cells[4:]]), "syntax", "vru_entry"),
        Wrong(6, b",".join([*cells[:13], "Zoë".encode("latin-1"), *cells[14:]]), "syntax", "UTF-8"),
        Wrong(7, b",".join([*cells[:13], b"x" * (10 * MIB), *cells[14:]]), "syntax", "CSV"),
        Wrong(9, b",".join([*cells[:9], b"VANISHED", *cells[10:]]), "unknown_type", "outcome"),
    ]
    # In the file as in the list: good 2 and 4, phantom 8, good 10.
    lines = {2: good[0], 4: good[1], 8: phantom, 10: good[2], **{each.line: each.data for each in wrong}}
    mixed = tmp_path / "mixed.csv"
    mixed.write_bytes(b"\n".join([bank.header(), *(lines[number] for number in range(2, 11))]) + b"\n")

    strange = tmp_path / "strange columns.csv"
    strange.write_bytes(b"\n".join([bank.header() + b",mood", good[0] + b",fine", good[1] + b",bad"]) + b"\n")

    endless = tmp_path / "endless.csv"
    endless.write_bytes(bank.header() + b"\n" + b"y" * (33 * MIB) + b"\n")

    floor = start_floor()
    sent = floor.replay(mixed, strange, endless)
    assert (sent.read, sent.refused) == (12, 1)
    floor.wait_ended(12)

    counts = floor.outcome().counts
    assert counts == {"read": 12, "accepted": 3, "ignored": 1, "failed": 8, "duplicates": 0}
    assert floor.pipeline is not None
    assert floor.pipeline["failed_by"] == {"schema": 2, "syntax": 4, "too_large": 1, "unknown_type": 1}

    with Reader(floor.bootstrap, floor.namespace, "contacts.failed") as reader:
        failed = list(reader.to_the_end())
    assert len(failed) == 8
    assert failures(failed, mixed) == [each._replace(word="") for each in wrong]
    assert failures(failed, strange) == [
        Wrong(2, good[0] + b",fine", "schema", ""),
        Wrong(3, good[1] + b",bad", "schema", ""),
    ]
    messages = {(each.headers["failed.file"], each.headers["failed.line"]): each.headers for each in failed}
    for each in wrong:
        headers = messages[str(mixed), str(each.line)]
        assert each.word in headers["failed.message"]
        assert (headers["failed.stage"], headers["failed.topic"]) == ("intake", "channel.phone")
        # The provider's headers stay, so that the record can be put back.
        assert headers["ce_type"] == bank.FORMAT
        assert headers["columns"].encode() == bank.header()
    assert "mood" in messages[str(strange), "2"]["failed.message"]

    (refused,) = (each for each in failed if each.headers["failed.file"] == str(endless))
    assert refused.value == b"y" * len(refused.value)
    assert refused.headers["failed.reason"] == "too_large"
    assert refused.headers["failed.line"] == "2"
    assert f"{33 * MIB:,} bytes" in refused.headers["failed.message"]
