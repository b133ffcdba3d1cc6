"""Who is to be alone waits for those who are at it, keeps others out, and is not passed by."""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path

import pytest

from tests import turns
from tests.turns import turn


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "lock_files", lambda: (tmp_path / "gate", tmp_path / "floor"))


class Player(threading.Thread):
    """Takes a turn, says when it has it, and keeps it until it is told to go."""

    def __init__(self, name: str, said: list[str], *, alone: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self._said, self._alone = said, alone
        self.has_it, self.may_go = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with turn(alone=self._alone):
            self._said.append(self.name)
            self.has_it.set()
            self.may_go.wait(120)

    def go(self) -> None:
        self.may_go.set()
        self.join(30)


def wait_until_kept(gate: Path) -> None:
    """Wait until somebody keeps the gate."""
    with gate.open("ab") as own:
        for _ in range(30_000):
            try:
                fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(own, fcntl.LOCK_UN)
            time.sleep(0.001)
    raise AssertionError("nobody keeps the gate")


def test_one_that_is_to_be_alone_waits_for_others_and_holds_those_who_come_later(tmp_path: Path) -> None:
    said: list[str] = []
    first, second = Player("first", said), Player("second", said)
    assert first.has_it.wait(30)
    assert second.has_it.wait(30)

    alone = Player("alone", said, alone=True)
    wait_until_kept(tmp_path / "gate")
    assert not alone.has_it.is_set()
    later = Player("later", said)
    first.go()
    assert not later.has_it.wait(0.05)
    second.go()
    assert alone.has_it.wait(30)
    assert not later.has_it.wait(0.05)
    alone.go()
    assert later.has_it.wait(30)
    later.go()

    assert sorted(said[:2]) == ["first", "second"]
    assert said[2:] == ["alone", "later"]
