"""Whether page, board, metrics and metrics.live say the same."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

from tests.acceptance.reading import Reader
from tests.browser import faces
from tests.browser.live_floor import LiveFloor, Place

KINDS = {"now": "all", "last 30 min": "rolling30min"}
SETTLED = 8.0
"""Seconds after which the page must show what the API has said unchanged: far more than it takes, since other work may
share the machine."""

Numbers = dict[Place, dict[str, Any]]


class Agreements:
    """Who agreed with the board of the API, tile by tile, and who did not though there was time."""

    def __init__(self) -> None:
        self.on: dict[str, set[object]] = defaultdict(set)
        self.failed: list[str] = []
        self._known: dict[str, tuple[object, float]] = {}

    def note(self, name: str, wanted: object, found: object) -> None:
        said, since = self._known.get(name, (None, 0.0))
        if said != wanted:
            since = time.monotonic()
        if wanted == found:
            self.on[name].add(wanted)
            since = time.monotonic()
        elif time.monotonic() - since > SETTLED:
            self.failed.append(f"{name}: {wanted} for {SETTLED} s, but {found}")
        self._known[name] = wanted, since


def number_of(tile: dict[str, Any]) -> tuple[object, ...]:
    """A tile's number as metrics have it: value, numerator and denominator."""
    return tile["value"], tile["n"], tile["m"]


def place_of(tile: dict[str, Any]) -> Place:
    """Queue, channel, kind of window and metric of a tile."""
    queue, channel, metric, _ = tile["id"].split("/")
    return (
        None if queue == "*" else queue,
        None if channel == "*" else channel,
        KINDS[tile["window"]],
        metric,
    )


def compare(floor: LiveFloor, page: Page, agreements: Agreements) -> None:
    """Read the board, the page and the metrics, and the board again: what stood still meanwhile can be compared."""
    before = floor.gateway.tiles()
    at, seen = faces.shown(page)
    metrics = floor.gateway.metrics()
    after = floor.gateway.tiles()
    assert seen
    for name, face in seen.items():
        wanted = faces.expected(before[name])
        if wanted != faces.expected(after[name]) or before[name]["since"] != after[name]["since"]:
            continue
        if faces.ticks(before[name]):
            waited = (at - before[name]["since"]) / 1000
            close = face.number != "–" and abs(faces.seconds(face.number) + 0.5 - waited) <= 1.5
            face = face._replace(number="" if close else f"{face.number} after {waited:.1f} s")
        elif number_of(before[name]) == number_of(after[name]):
            item = metrics.get(place_of(before[name]))
            found = None if item is None else (item["value"], item["n"], item["m"])
            agreements.note(f"metrics of {name}", number_of(before[name]) if item else None, found)
        agreements.note(name, wanted, face)


def different(
    floor: LiveFloor,
    page: Page,
    reader: Reader,
    published: Numbers,
) -> Iterator[str]:
    """What page, board, metrics and metrics.live do not all say alike, on all pages of the board."""
    for record in reader.to_the_end():
        if record.key not in (None, "pipeline", "trends"):
            window = record.json
            scope = window["scope"]
            for name, metric in window["metrics"].items():
                published[scope.get("queue"), scope.get("channel"), window["window"]["kind"], name] = metric
    metrics, tiles = floor.gateway.metrics(), floor.gateway.tiles()
    for number in range(page.locator("#pages button:visible").count()):
        page.keyboard.press(str(number + 1))
        for name, face in faces.shown(page)[1].items():
            place = place_of(tiles[name])
            if face != faces.expected(tiles[name]):
                yield f"{name}: {face} on the page, {faces.expected(tiles[name])} on the board"
            asked = metrics.get(place, {"value": None, "n": None, "m": None})
            if number_of(asked) != number_of(tiles[name]):
                yield f"{name}: {number_of(asked)} of metrics, {number_of(tiles[name])} on the board"
            said = published.get(place, {"value": None})
            if said["value"] != asked["value"]:
                yield f"{name}: {said['value']} on metrics.live, {asked['value']} of metrics"
    page.keyboard.press("1")
