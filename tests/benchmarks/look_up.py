"""Look-ups of customers over HTTP, as a screen pop makes them: the gateway beside a bare FastAPI handler.

The store holds a million profiles and 1,000 a second are said anew meanwhile. One client with one connection that stays
open asks both in turns; `bare` answers constant bytes of the same length.
"""

import asyncio
import http.client
import json
import random
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from schemas.topics import CUSTOMERS_IDENTITIES, CUSTOMERS_PROFILES
from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from streams.outlets.history.changes import Changes
from streams.outlets.history.database import open_database, url_of
from streams.outlets.history.store import Store
from streams.topics import ensure_topics
from tests.acceptance.program import Program, answers, wait_for
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.profiles_kept import id_of, identifier_of, record_of
from tests.benchmarks.report import grid
from tests.benchmarks.standings import OURS
from tests.browser.live_floor import Gateway

PROFILES = 1_000_000
UPDATES = 1_000
REQUESTS = 3_000
WARM_UP = 500
PARTITIONS = 4
NAMESPACE = "bench"
_BATCH = 20_000
_TOPIC = f"{NAMESPACE}.{CUSTOMERS_PROFILES.name}"
_PATH = "/api/v1/customers/look-up"

Say = Callable[[str], None]


class Times(msgspec.Struct, frozen=True):
    """Milliseconds from a request to the end of its answer."""

    n: int
    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        """Percentiles: the nearest measured value above."""
        ordered = sorted(seconds)

        def at(share: float) -> float:
            return round(1000 * ordered[max(0, ceil(share * len(ordered)) - 1)], 3)

        return cls(len(ordered), at(0.5), at(0.99), at(1))

    def __str__(self) -> str:
        return f"p50 {self.p50:.2f} ms, p99 {self.p99:.2f} ms, max {self.max:.1f} ms (n = {self.n:,})"


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Both, in turns."""
    return measure(told.repeats, say, told.profiles)


def table(section: dict[str, Any]) -> list[str]:
    """One row for each."""
    rows = []
    for name in (OURS, "bare"):
        times = section[name]
        more = section.get("times", {}) if name == OURS else {}
        said = [f"{times[each]:.2f}" for each in ("p50", "p99", "max")]
        rows.append([f"`{name}`", f"{times['n']:,}", *said, *(f"{more[each]:.2f}x" for each in ("p50", "p99") if more)])
    stored = f"{section['profiles']:,} profiles of {section['bytes']:,} bytes, {section['updates_per_s']:,} updates/s."
    return [stored, "", *grid(["", "look-ups", "p50 ms", "p99 ms", "max ms", "of bare, p50", "p99"], *rows)]


def measure(repeats: int, say: Say, profiles: int = PROFILES, requests: int = REQUESTS) -> dict[str, Any]:
    """So many look-ups of each in each repetition. Raises MeasurementFailed where one is wrong or updates are lost."""
    with (
        TemporaryDirectory(prefix="floorwalker-bench-") as name,
        EmbeddedKafka(Path(name), notify=say) as kafka,
        ExitStack() as stack,
    ):
        folder, port = Path(name), free_port()
        asyncio.run(ensure_topics(kafka.bootstrap, NAMESPACE, PARTITIONS))
        _fill(folder / "data", profiles, say)
        gateway = stack.enter_context(Gateway(_settings(kafka.bootstrap, folder), folder))
        gateway.wait_ready()
        size = len(_ask(_connected(gateway.number), _PATH, 0))
        module = (sys.executable, "-m", "tests.benchmarks.bare_look_up", port, size)
        stack.enter_context(Program(*module, folder=Path.cwd(), log=folder / "bare.log"))
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the bare handler answers")
        contestants = {OURS: (gateway.number, _PATH), "bare": (port, "/look-up")}
        times: dict[str, list[float]] = {each: [] for each in contestants}
        with _updates(kafka.bootstrap, profiles, gateway, say) as updates:
            for number, path in contestants.values():
                _run(number, path, profiles, WARM_UP)
            for _ in range(repeats):
                for each, (number, path) in contestants.items():
                    taken = _run(number, path, profiles, requests)
                    say(f"{each}: {Times.of(taken)}")
                    times[each] += taken
    found = {each: Times.of(taken) for each, taken in times.items()}
    ours, bare = found[OURS], found["bare"]
    return {
        "profiles": profiles,
        "bytes": size,
        "updates_per_s": round(updates["per_s"]),
        **{each: msgspec.to_builtins(taken) for each, taken in found.items()},
        "times": {"p50": round(ours.p50 / bare.p50, 2), "p99": round(ours.p99 / bare.p99, 2)},
    }


def _settings(bootstrap: str, folder: Path) -> dict[str, object]:
    return {
        "service__bootstrap": bootstrap,
        "service__namespace": NAMESPACE,
        "service__data_folder": folder / "data",
    }


def _fill(folder: Path, profiles: int, say: Say) -> None:
    """A history as a gateway leaves it that has read so many profiles."""
    began = time.monotonic()
    store = Store(open_database(url_of(folder, NAMESPACE, None), NAMESPACE))
    places = {(_TOPIC, number): 0 for number in range(PARTITIONS)}
    others = {(f"{NAMESPACE}.{CUSTOMERS_IDENTITIES.name}", number): 0 for number in range(PARTITIONS)}
    store.begin(places | others, round(time.time() * 1000))
    everybody = sorted(map(id_of, range(profiles)))
    for first in range(0, profiles, _BATCH):
        changes = Changes()
        for customer in everybody[first : first + _BATCH]:
            changes.take(CUSTOMERS_PROFILES.name, customer.encode(), record_of(customer))
        store.write(changes, {})
    store.close()
    say(f"{profiles:,} profiles are in the store after {time.monotonic() - began:.0f} s")


@contextmanager
def _updates(bootstrap: str, profiles: int, gateway: Gateway, say: Say) -> Iterator[dict[str, float]]:
    """Profiles said anew meanwhile; at the end, how many a second the store has taken (`per_s`). Raises
    MeasurementFailed where it has not taken all, or fewer were written than were to be."""
    told: dict[str, float] = {}
    module = [sys.executable, "-m", "tests.benchmarks.profiles_kept", bootstrap, _TOPIC, str(profiles), str(UPDATES)]
    with subprocess.Popen(module, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        began = time.monotonic()
        try:
            yield told
        finally:
            took = time.monotonic() - began
            words, _ = writer.communicate(timeout=60)
    sent = json.loads(words)["sent"]
    try:
        wait_for(lambda: _taken(gateway) == sent, f"all {sent} updates in the store", 30)
    except AssertionError as error:
        raise MeasurementFailed(f"{error}; it has taken {_taken(gateway)}") from None
    told["per_s"] = sent / took
    say(f"{sent:,} updates were written and taken, {told['per_s']:,.0f} a second")
    if told["per_s"] < 0.9 * UPDATES:
        raise MeasurementFailed(f"only {told['per_s']:.0f} updates a second were written, not {UPDATES}")


def _taken(gateway: Gateway) -> int:
    connection = _connected(gateway.number)
    connection.request("GET", "/metrics")
    words = connection.getresponse().read().decode()
    connection.close()
    named = f'floorwalker_history_records_total{{topic="{CUSTOMERS_PROFILES.name}"}} '
    return int(float(words.partition(named)[2].partition("\n")[0] or 0))


def _connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def _run(port: int, path: str, profiles: int, requests: int) -> list[float]:
    """Ask one after the other, over one connection; returns the seconds that each took."""
    choose, connection, taken = random.Random(requests), _connected(port), []
    for _ in range(requests):
        number = choose.randrange(profiles)
        began = time.perf_counter()
        body = _ask(connection, path, number)
        taken.append(time.perf_counter() - began)
        if path == _PATH and id_of(number).encode() not in body:
            raise MeasurementFailed(f"customer {number} was asked for, another was answered")
    connection.close()
    return taken


def _ask(connection: http.client.HTTPConnection, path: str, number: int) -> bytes:
    said = json.dumps({"identifier": identifier_of(number)})
    connection.request("POST", path, said, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise MeasurementFailed(f"{path} answered {answer.status}: {body[:500]!r}")
    return body
