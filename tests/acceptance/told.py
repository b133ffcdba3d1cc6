"""Which alerts a queue_log must lead to, worked out from its lines in plain Python, and what was told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.integration.notifier_kit import Request


class Stay(NamedTuple):
    """A call in a queue: seconds since the epoch, `left` as it was measured; None: it still waits."""

    queue: str
    entered: int
    left: int | None


class Episode(NamedTuple):
    """One alert to be: the first promise that was broken (seconds since the epoch), and how many were."""

    queue: str
    due: int
    total: int


def stays(log: Path) -> list[Stay]:
    """Every call's stay, by when it entered."""
    entered: dict[str, Stay] = {}
    for line in log.read_text().splitlines():
        second, call, queue, _agent, event, *data = line.split("|")
        if event == "ENTERQUEUE":
            entered[call] = Stay(queue, int(second), None)
        elif event in ("CONNECT", "ABANDON"):
            waited = data[0] if event == "CONNECT" else data[2]
            entered[call] = entered[call]._replace(left=entered[call].entered + int(waited))
    return sorted(entered.values(), key=lambda stay: stay.entered)


def episodes(log: Path, *, promise: int, grace: int, keep: int, apart: int) -> list[Episode]:
    """The alerts of a log: broken promises of one queue that follow each other within `keep` seconds are one.

    AssertionError where the next one comes so close to the end that the programs' pace decides (`apart`: seconds).
    """
    found: list[Episode] = []
    last: dict[str, tuple[int, int]] = {}
    for stay in stays(log):
        due = stay.entered + promise
        if stay.left is not None and stay.left <= due:
            continue
        left = 1 << 62 if stay.left is None else stay.left
        at, ended = last.get(stay.queue, (-1, 0))
        silence = due + grace - ended
        if at < 0 or silence > keep:
            assert at < 0 or silence >= keep + apart, f"{stay} is too close to what was before"
            last[stay.queue] = (len(found), left)
            found.append(Episode(stay.queue, due, 1))
        else:
            assert silence <= -1, f"{stay} is too close to what was before"
            last[stay.queue] = (at, max(ended, left))
            found[at] = found[at]._replace(total=found[at].total + 1)
    return sorted(found)


def by_alert(records: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The records of every alert, in the order of the topic."""
    found = defaultdict(list)
    for each in records:
        if each["kind"] == "alert":
            found[each["id"]].append(each)
    return dict(found)


def outcomes(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The one outcome of every message; a report that came twice must say the same."""
    found: dict[str, dict[str, Any]] = {}
    for each in records:
        if each["kind"] == "delivery":
            assert found.setdefault(each["message"], each) == each, "two outcomes of one message"
    return found


def answered(requests: Iterable[Request]) -> dict[str, list[Request]]:
    """The requests that were told that all is well, by their dedup key."""
    found = defaultdict(list)
    for each in requests:
        if each.answered is not None:
            found[each.id].append(each)
    return dict(found)


def words_of(request: Request) -> object:
    """What a message says, without what is of the try: all of a webhook's body, a mail's subject and text."""
    if isinstance(request.content, dict):
        return request.content
    mail = request.content
    return mail["Subject"], mail["X-Floorwalker-Alert"], mail["X-Floorwalker-Type"], mail.get_content()
