"""From a line of queue_log to the glass: a real floor, a real browser, and many viewers of one gateway."""

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import msgspec
from playwright.sync_api import Page, sync_playwright

from streams.kafka import EmbeddedKafka
from tests.acceptance.reading import Reader
from tests.benchmarks.delays import Delays
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.report import grid
from tests.benchmarks.wall_log import FLOOR, MeasuredLog, Seen, first_seen
from tests.benchmarks.wall_viewers import Viewed
from tests.browser.chromium import ARGUMENTS, find_chromium
from tests.browser.live_floor import Gateway, LiveFloor
from tests.browser.traffic import Meanwhile, Traffic

SAMPLES = 200
VIEWERS = 200
PROBE = "probe"
QUEUES = ("sales", "support", "billing")
EVERY = 0.05
"""Seconds between lines of the background."""

SESSION = 10
"""Seconds, as in service."""

PATIENCE = 60.0
_SHORTEST, _LONGEST = 0.35, 1.05
_TILE = {FLOOR: "*/*/contacts_offered/30min", PROBE: f"{PROBE}/*/contacts_offered/30min"}
_METRIC = "contacts_offered"
_TICKS = os.sysconf("SC_CLK_TCK")
CONFIG = "".join(
    f'[[tiles]]\nmetric = "{metric}"\nwindow = "{window}"\n' + (f'queue = "{queue}"\n' if queue else "")
    for metric, window, queue in (
        ("oldest_waiting", "now", None),
        ("contacts_in_queue", "now", None),
        (_METRIC, "30min", None),
        ("abandonment_rate", "30min", None),
        ("contacts_answered", "30min", None),
        ("average_speed_of_answer", "30min", None),
        (_METRIC, "30min", PROBE),
        ("oldest_waiting", "now", PROBE),
        *(("oldest_waiting", "now", queue) for queue in QUEUES),
        ("contacts_in_queue", "now", "sales"),
    )
)
_WATCH = r"""(names) => {
  window.seen = [];
  for (const [scope, name] of Object.entries(names)) {
    const value = document.querySelector(`.tile[data-id="${name}"] .value`);
    const count = () => Number(value.textContent.replace(/\D/g, ''));
    new MutationObserver(() => window.seen.push([scope, Date.now() / 1000, count()]))
      .observe(value, {characterData: true, childList: true, subtree: true});
  }
}"""

Say = Callable[[str], None]


class Way(msgspec.Struct, frozen=True):
    """One scope: from the line until its record can be read on metrics.live, and until the tile's text is another."""

    published: Delays
    shown: Delays


class Load(msgspec.Struct, frozen=True):
    """Many viewers: from the readable record until each has the event. `cpu`: cores that the gateway used, `rss_mb`:
    its memory. `missing`: events that some viewer did not get."""

    viewers: int
    events: int
    deltas: int
    missing: int
    ended: int
    bytes_per_second: int
    delay: Delays
    cpu: float
    rss_mb: int


class Walls(msgspec.Struct, frozen=True):
    """All that was measured. `busy`: with `lines_per_second` in the background."""

    quiet: Way
    busy: Way
    busy_floor: Way
    lines_per_second: float
    load: Load


def measure(say: Say, samples: int = SAMPLES, viewers: int = VIEWERS) -> Walls:
    """Run all of it on a floor of its own."""
    with TemporaryDirectory(prefix="floorwalker-bench-") as name, EmbeddedKafka(Path(name), notify=say) as kafka:
        folder = Path(name) / "floor"
        folder.mkdir()
        with (
            LiveFloor(kafka.bootstrap, "wall", folder, CONFIG, log=MeasuredLog, session=SESSION) as floor,
            _page(floor) as page,
            _Published(floor) as published,
        ):
            bench = _Bench(floor, page, published)
            bench.warm_up()
            quiet = bench.ways(samples, None)[PROBE]
            say(f"wallboard, quiet: {quiet.shown}")
            traffic = Traffic(floor.pbx, QUEUES, agents=20, seed="busy", longest=5)
            traffic.sign_in()
            before, began = floor.pbx.lines, time.monotonic()
            busy = bench.ways(samples, traffic)
            rate = (floor.pbx.lines - before) / (time.monotonic() - began)
            say(f"wallboard, {rate:.0f} lines/s: {busy[PROBE].shown}")
            load = bench.load(viewers, traffic, folder)
            say(f"wallboard, {viewers} viewers: {load.delay}")
            return Walls(
                quiet=quiet, busy=busy[PROBE], busy_floor=busy[FLOOR], lines_per_second=round(rate, 1), load=load
            )


class _Published:
    """Reads metrics.live as it grows, on a thread of its own: when which count could be read."""

    def __init__(self, floor: LiveFloor) -> None:
        self.seen: list[Seen] = []
        self._reader = Reader(floor.bootstrap, floor.namespace, "metrics.live")
        self._over = Event()
        self._thread = Thread(target=self._run, name="metrics.live", daemon=True)

    def __enter__(self) -> "_Published":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        self._reader.close()

    def _run(self) -> None:
        while not self._over.is_set():
            records = self._reader.news(0.05)
            now = time.time()
            for record in records:
                if record.key is None or '"rolling30min"' not in record.key or '"channel"' in record.key:
                    continue
                if '"policy"' in record.key or '"segment"' in record.key:
                    continue
                window = record.json
                scope = window["scope"].get("queue", FLOOR)
                self.seen.append((scope, now, int(window["metrics"][_METRIC]["value"] or 0)))


class _Bench:
    """The floor, what is read of it, and the caller who is measured: one enters, the one before leaves."""

    def __init__(self, floor: LiveFloor, page: Page, published: _Published) -> None:
        self._floor = floor
        self._page = page
        self._published = published
        self._number = 0
        self._random = Random("moments")
        log = floor.pbx
        assert isinstance(log, MeasuredLog)
        self._log = log

    def warm_up(self) -> None:
        """The first callers: the page has all of its tiles then."""
        for _ in range(3):
            self._call()
            time.sleep(0.5)
        self._wait_shown(self._log.counts())
        self._page.evaluate(_WATCH, _TILE)

    def ways(self, samples: int, traffic: Traffic | None) -> dict[str, Way]:
        """Measure so many callers one after another, with other traffic meanwhile or without."""
        since = self._log.counts()
        with nullcontext() if traffic is None else Meanwhile(traffic, EVERY):
            for _ in range(samples):
                self._page.wait_for_timeout(1000 * self._random.uniform(_SHORTEST, _LONGEST))
                self._call()
        self._wait_shown(self._log.counts())
        seen: list[Seen] = [(scope, at, count) for scope, at, count in self._page.evaluate("window.seen")]
        return {
            scope: Way(
                published=Delays.of(self._log.delays(scope, self._published.seen, since[scope])),
                shown=Delays.of(self._log.delays(scope, seen, since[scope])),
            )
            for scope in _TILE
        }

    def load(self, viewers: int, traffic: Traffic, folder: Path, seconds: float = 30.0) -> Load:
        """Have so many viewers for a while, on the busy floor. The browser looks on as well."""
        result = folder / "viewed.json"
        gateway = self._floor.gateway
        command = [sys.executable, "-m", "tests.benchmarks.wall_viewers"]
        command += [str(gateway.number), str(viewers), _TILE[FLOOR], str(result)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            if client.stdout.readline().strip() != "open":
                raise MeasurementFailed(f"not all of {viewers} streams were opened: {gateway.words[-1_000:]}")
            with Meanwhile(traffic, EVERY):
                time.sleep(2)
                cpu, began = cpu_of(gateway), time.monotonic()
                time.sleep(seconds)
                used, took = cpu_of(gateway) - cpu, time.monotonic() - began
                rss = rss_of(gateway)
            time.sleep(2)
            client.stdin.close()
            client.wait(PATIENCE)
        viewed = msgspec.json.decode(result.read_bytes(), type=Viewed)
        readable = first_seen(FLOOR, self._published.seen)
        delays = [
            at - readable[count]
            for seq, count in viewed.values.items()
            if count in readable
            for at in viewed.received[seq]
            # The tile comes again when something else of it changed.
            if _is_first(viewed, seq)
        ]
        return Load(
            viewers=viewed.viewers,
            events=viewed.events,
            deltas=viewed.deltas,
            missing=viewed.missing,
            ended=viewed.ended,
            bytes_per_second=round(viewed.bytes / took / viewers),
            delay=Delays.of(delays),
            cpu=round(used / took, 3),
            rss_mb=rss,
        )

    def _call(self) -> None:
        if self._number:
            self._log.say(f"probe.{self._number}", PROBE, "NONE", "ABANDON", 1, 1, 1)
        self._number += 1
        self._log.enter(f"probe.{self._number}", PROBE)

    def _on_the_page(self, scope: str) -> int | None:
        tile = self._page.locator(f'.tile[data-id="{_TILE[scope]}"] .value')
        text = tile.text_content() if tile.count() else ""
        # Thousands stand apart.
        digits = "".join(letter for letter in text or "" if letter.isdecimal())
        return int(digits) if digits else None

    def _wait_shown(self, counts: dict[str, int]) -> None:
        deadline = time.monotonic() + PATIENCE
        while (shown := {scope: self._on_the_page(scope) for scope in _TILE}) != {s: counts[s] for s in _TILE}:
            if time.monotonic() > deadline:
                published = {scope: max(first_seen(scope, self._published.seen), default=0) for scope in _TILE}
                raise MeasurementFailed(
                    f"callers: {counts}; on the page {PATIENCE:.0f} s later: {shown}; on metrics.live: {published}"
                )
            self._page.wait_for_timeout(50)


@contextmanager
def _page(floor: LiveFloor) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{floor.url}/")
            yield page
        finally:
            browser.close()


def _is_first(viewed: Viewed, seq: int) -> bool:
    count = viewed.values[seq]
    return all(other >= seq for other, value in viewed.values.items() if value == count)


def cpu_of(gateway: Gateway) -> float:
    """Seconds of processor time that it has used."""
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_of(gateway: Gateway) -> int:
    """Its memory, MB."""
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    return round(int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1000)


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """What build/bench.json says."""
    return dict(msgspec.to_builtins(measure(say, told.samples, told.viewers)))


def table(section: dict[str, Any]) -> list[str]:
    """Delays by scope, and what many viewers cost."""
    walls = msgspec.convert(section, Walls)
    busy = f"{walls.lines_per_second:.0f} lines/s"
    ways = {
        "quiet": walls.quiet,
        f"{busy}, tile of a queue": walls.busy,
        f"{busy}, tile of the whole floor": walls.busy_floor,
    }
    rows = [
        [name if what == "on metrics.live" else "", what, *(f"{each:,}" for each in (d.p50, d.p99, d.max, d.n))]
        for name, way in ways.items()
        for what, d in (("on metrics.live", way.published), ("on the page", way.shown))
    ]
    load = walls.load
    return [
        *grid(["", "", "p50 ms", "p99 ms", "max ms", "n"], *rows),
        "",
        (
            f"{load.viewers} viewers of one gateway: {load.deltas:,} deltas, {load.missing} events missing, "
            f"{load.ended} streams ended; from metrics.live to all of them {load.delay}; the gateway used "
            f"{load.cpu:.2f} cores, {load.rss_mb} MB; {load.bytes_per_second:,} bytes/s a viewer"
        ),
    ]
