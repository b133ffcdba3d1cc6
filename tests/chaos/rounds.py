"""One round: a floor is fed to workers under fault, all is mended, and a judge says what came out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

from tests.chaos.broker_faults import FAULTS
from tests.chaos.cluster import Cluster
from tests.chaos.contract import FaultRecord, Faults, Verdict
from tests.chaos.faults import Fault, NoTarget, Site
from tests.chaos.feeder import Feeder
from tests.chaos.fleet import FLOORWALKER, Fleet
from tests.chaos.floor import SETTINGS, make_floor
from tests.chaos.proxy import Network
from tests.chaos.schedule import KINDS, Planned, schedule
from tests.chaos.times import DRAIN, GRACE, LOAD, PARTITIONS, SESSION, now_ms

FED = 90.0
"""Seconds after the mending within which all that was fed must be durable."""

TOLD = ("events", "hasty_breaches", "slack_ms", "findings")
"""What a verdict tells beside what was found."""

RETRY = 1.0
"""A fault that finds nothing to hit looks again so often ..."""

RETRIES = 6
"""... and so many times."""


@dataclass(frozen=True)
class Plan:
    """What makes a round: the same plan is the same floor and the same faults at the same instants."""

    seed: int
    number: int
    seconds: float = LOAD
    kinds: Collection[str] = tuple(KINDS)
    program: Sequence[str] = FLOORWALKER

    @property
    def name(self) -> str:
        """How a round is called when it is to be repeated."""
        return f"{self.seed}/{self.number}"

    @property
    def namespace(self) -> str:
        """Where its topics are."""
        return f"chaos-{self.seed}-{self.number}"


@dataclass
class Outcome:
    """How a round went. `complaints`: what the harness itself saw; `broken`: why it could not be judged."""

    plan: Plan
    faults: list[FaultRecord] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    complaints: list[str] = field(default_factory=list)
    broken: str | None = None
    seconds: float = 0.0
    drain_seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether nothing at all was found."""
        return (
            self.broken is None
            and not self.complaints
            and self.verdict is not None
            and not self.verdict["findings"]
            and not any(value for name, value in self.verdict.items() if name not in TOLD)
        )


class Round:
    """Runs one plan on a cluster; leaves logs and results in `folder`. `tell` is told each fault as it ends."""

    def __init__(
        self, plan: Plan, cluster: Cluster, networks: Sequence[Network], folder: Path, tell: Callable[[str], None]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._plan = plan
        self._cluster = cluster
        self._folder = folder
        self._tell = tell
        self._chance = Random(f"{plan.name}/round")
        fleet = Fleet(folder, networks, plan.namespace, SETTINGS, plan.program)
        self._site = Site(cluster, fleet, plan.namespace)
        self._outcome = Outcome(plan, complaints=self._site.complaints)

    def run(self) -> Outcome:
        """All of it. Whatever keeps it from its verdict is told in the outcome."""
        began = time.monotonic()
        fleet = self._site.fleet
        try:
            fleet.start(self._chance.choice((2, 3)))
            floor = make_floor(self._chance.getrandbits(31), self._plan.seconds)
            feeder = Feeder(self._cluster.bootstrap, self._site.namespace, floor, self._folder)
            begins_ms = now_ms() + 500
            feeder.start(begins_ms)
            self._under_fault(begins_ms)
            mended = time.monotonic()
            feeder.wait(FED)
            self._write("truth.json", floor.truth())
            self._outcome.verdict = self._judge()
            self._outcome.drain_seconds = time.monotonic() - mended
            self._leave()
        except Exception as error:  # noqa: BLE001 - a round that could not be judged is told, and the next one runs
            self._outcome.broken = f"{type(error).__name__}: {error}"
        finally:
            fleet.end()
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    def _under_fault(self, begins_ms: int) -> None:
        """All faults, beginning to end, while the floor is busy; workers that fall by themselves are started again."""
        plan = self._plan
        planned = schedule(plan.seed, plan.number, plan.seconds, plan.kinds)
        ends_ms = begins_ms + round(plan.seconds * 1000)
        on_brokers = [each for each in planned if KINDS[each.kind].lane == "brokers"]
        with ThreadPoolExecutor(len(planned) + 1) as threads:
            running = [threads.submit(self._brokers_lane, on_brokers, begins_ms)]
            running += [threads.submit(self._one, each, begins_ms) for each in planned if each not in on_brokers]
            while now_ms() < ends_ms or not all(each.done() for each in running):
                time.sleep(0.2)
                self._site.complaints += self._site.fleet.fallen()
            for each in running:
                each.result()
        self._outcome.faults.sort(key=lambda each: each["began_ms"])
        if not any(worker.running for worker in self._site.fleet.workers):
            raise RuntimeError("no worker is up after the faults: the schedule must not leave it so")

    def _brokers_lane(self, planned: Sequence[Planned], begins_ms: int) -> None:
        for each in planned:
            self._one(each, begins_ms)
            self._cluster.wait_in_sync(20.0)

    def _one(self, planned: Planned, begins_ms: int) -> None:
        """One fault at its instant, or soon after it where it finds nothing to hit."""
        time.sleep(max(0.0, begins_ms / 1000 + planned.at - time.time()))
        for _ in range(RETRIES):
            fault: Fault = FAULTS[planned.kind](planned)
            try:
                record = fault.run(self._site)
            except NoTarget:
                time.sleep(RETRY)
                continue
            self._outcome.faults.append(record)
            since, until = ((record[key] - begins_ms) / 1000 for key in ("began_ms", "ended_ms"))
            self._tell(f"{since:6.2f} - {until:6.2f} s  {record['kind']:24} {record['target']}")
            return
        self._outcome.skipped.append(planned.kind)
        self._tell(f"{planned.at:6.2f} s           {planned.kind:24} found nothing to hit")

    def _judge(self) -> Verdict:
        faults: Faults = {
            "session_ms": round(SESSION * 1000),
            "grace_ms": round(GRACE * 1000),
            "partitions": PARTITIONS,
            "faults": self._outcome.faults,
        }
        self._write("faults.json", faults)
        out = self._folder / "verdict.json"
        command = [
            *(sys.executable, "-m", "tests.chaos.verifier", "--bootstrap", self._cluster.bootstrap),
            *("--namespace", self._site.namespace, "--truth", str(self._folder / "truth.json")),
            *("--faults", str(self._folder / "faults.json"), "--out", str(out), "--timeout", str(DRAIN)),
        ]
        with (self._folder / "verifier.log").open("wb") as words:
            done = subprocess.run(command, stdout=words, stderr=words, timeout=DRAIN + 120, check=False)
        if done.returncode not in (0, 1) or not out.exists():
            told = (self._folder / "verifier.log").read_text("utf-8", "replace")[-2_000:]
            raise RuntimeError(f"the verifier could not judge (exit code {done.returncode}): {told}")
        verdict = cast(Verdict, json.loads(out.read_text(encoding="utf-8")))
        if done.returncode == 1 and not verdict["findings"]:
            raise RuntimeError("the verifier ended with 1 and told no finding")
        return verdict

    def _leave(self) -> None:
        """All workers leave in order, as at the end of a day."""
        workers = [each for each in self._site.fleet.workers if each.running]
        with ThreadPoolExecutor(len(workers) or 1) as threads:
            for worker, code in zip(workers, threads.map(lambda each: each.leave(), workers), strict=True):
                if code != 0:
                    tail = " | ".join(worker.words().splitlines()[-3:])[-600:]
                    self._site.complaints.append(f"{worker.name} did not leave in order, exit code {code}: {tail}")

    def _write(self, name: str, content: Any) -> None:
        (self._folder / name).write_text(json.dumps(content), encoding="utf-8")
