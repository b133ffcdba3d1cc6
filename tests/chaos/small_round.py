"""A round without the harness: workers on one shared broker, a short floor, faults by hand, and the judge."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.acceptance.program import Program
from tests.chaos.contract import CUSTOMER_NAMESPACE, FaultRecord, Verdict
from tests.chaos.feeder import Feeder
from tests.chaos.floor import SETTINGS, Floor
from tests.chaos.times import now_ms

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
SESSION = 3
GRACE = 1
WORKER = (sys.executable, "-m", "agents", "worker")


class SmallRound:
    """One floor, fed to workers that run `program`. They end with the `with` block.

    `floor`: a moment that tests name is counted in seconds from its beginning.
    """

    def __init__(
        self, bootstrap: str, namespace: str, folder: Path, floor: Floor, workers: int, program: Sequence[str] = WORKER
    ) -> None:
        self.floor = floor
        self._bootstrap = bootstrap
        self._namespace = namespace
        self._folder = folder
        self._faults: list[FaultRecord] = []
        config = folder / "floorwalker.toml"
        config.write_text(SETTINGS, encoding="utf-8")
        settings = {
            "service__bootstrap": bootstrap,
            "service__namespace": namespace,
            "service__partitions": PARTITIONS,
            "service__data_folder": folder,
            "service__session_timeout": SESSION,
            "service__grace": GRACE,
            "service__customer_namespace": CUSTOMER_NAMESPACE,
        }
        command = (*program, "--config", config, "--clock", "wall", "--port", "0")
        self.workers = [
            Program(*command, folder=ROOT, log=folder / f"worker-{number}.log", settings=settings)
            for number in range(workers)
        ]
        self._feeder = Feeder(bootstrap, namespace, floor, folder)

    def __enter__(self) -> SmallRound:
        try:
            for worker in self.workers:
                worker.start()
            for worker in self.workers:
                worker.wait_ready()
            self._feeder.start(round(time.time() * 1_000) + 1_000)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()

    def wait(self, moment: float) -> None:
        """Wait until a moment of the floor."""
        time.sleep(max(0.0, self.floor.begins_ms / 1_000 + moment - time.time()))

    def strike(self, number: int) -> None:
        """SIGKILL a worker and start it again at once."""
        began = now_ms()
        self.workers[number].kill()
        self.workers[number].start()
        self.workers[number].wait_ready()
        self._note("kill", number, began)

    def stun(self, number: int, seconds: float) -> None:
        """Stop a worker's process for so long: whoever has its partitions by then, it goes on where it stood."""
        began = now_ms()
        process = self.workers[number].process
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)
        self.workers[number].wait_ready()
        self._note("stun", number, began)

    def verdict(self, timeout: float) -> Verdict:
        """What the judge says, who waits `timeout` seconds at most for the end state after all is fed."""
        self._feeder.wait(self.floor.seconds + 60)
        truth, faults, out = (self._folder / f"{name}.json" for name in ("truth", "faults", "verdict"))
        truth.write_text(json.dumps(self.floor.truth()), encoding="utf-8")
        faults.write_text(
            json.dumps(
                {
                    "session_ms": SESSION * 1_000,
                    "grace_ms": GRACE * 1_000,
                    "partitions": PARTITIONS,
                    "faults": self._faults,
                }
            ),
            encoding="utf-8",
        )
        judged = subprocess.run(
            [
                *(sys.executable, "-m", "tests.chaos.verifier", "--bootstrap", self._bootstrap),
                *("--namespace", self._namespace, "--truth", truth, "--faults", faults),
                *("--out", out, "--timeout", str(timeout)),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout + 60,
            check=False,
        )
        assert judged.returncode in (0, 1), judged.stderr[-3_000:]
        verdict: Verdict = json.loads(out.read_bytes())
        assert judged.returncode == bool(verdict["findings"])
        return verdict

    def _note(self, kind: str, number: int, began: int) -> None:
        ended = now_ms()
        self._faults.append(
            FaultRecord(
                kind=kind,
                target=f"worker-{number}",
                began_ms=began,
                ended_ms=ended,
                hindered_from_ms=began,
                hindered_to_ms=ended,
            )
        )
