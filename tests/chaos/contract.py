"""What the parts of a round say to each other: a floor is fed, faults are kept, and a judge of its own compares.

The harness (cluster, fleet, faults, rounds) knows of the floor and of the judge only what stands here. Files are in
the round's folder: `truth.json`, `fed.json`, `faults.json`, `verdict.json`. Times are integer milliseconds UTC.

The judge is a process of its own that shares no code with what it checks:

    python -m tests.chaos.verifier --bootstrap B --namespace N --truth truth.json --faults faults.json
        --out verdict.json --timeout SECONDS

It waits `timeout` seconds at most for the expected end state, writes the verdict in any case, and ends with 0 where
`findings` is empty, 1 where it is not, another code where it could not judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, TypedDict

CUSTOMER_NAMESPACE = "0d1b9a52-52a1-4c7e-9a1d-6c1d0f6c8d11"
"""`service.customer_namespace` of every worker: customers' ids are told beforehand."""


class Floor(Protocol):
    """A seeded floor whose outcome is known: `tests.chaos.floor.make_floor(seed, seconds)` makes one.

    `tests.chaos.floor.SETTINGS` is the TOML of the sections it needs ([sla], [metrics], [queues]). The harness adds
    `[service]`, so SETTINGS says nothing of it.
    """

    def truth(self) -> dict[str, Any]:
        """What must come out, as JSON takes it; complete once the feeder has begun (it places the floor in time)."""
        ...


class Feeder(Protocol):
    """`tests.chaos.feeder.Feeder(bootstrap, namespace, floor, folder)`: publishes the floor in real time.

    Durably and in order through any death of brokers, on addresses that no fault cuts. Topics exist by then. Writes
    `fed.json` into the folder: when each record became durable.
    """

    def start(self, begins_ms: int) -> None:
        """Begin, in a thread of its own: the floor's first moment is `begins_ms`."""
        ...

    def wait(self, timeout: float) -> None:
        """Until all is durable. Raises TimeoutError after `timeout` seconds, and whatever else kept it from that."""
        ...


class FaultRecord(TypedDict):
    """One fault as it happened, from its beginning until all was mended.

    For late breaches the service counts as hindered in the span named here: until the mending, until the session of
    a member that died is over, which its partitions wait for, and for a session more where a worker was started, whom
    the group lets in when it has loaded. All from the schedule, nothing from the service.
    """

    kind: str
    target: str
    began_ms: int
    ended_ms: int
    hindered_from_ms: int
    hindered_to_ms: int


class Faults(TypedDict):
    """`faults.json`."""

    session_ms: int
    grace_ms: int
    partitions: int
    faults: list[FaultRecord]


class Verdict(TypedDict):
    """`verdict.json`: how many of what was found, and each in a readable line.

    `hasty_breaches` are no findings: declared at due + grace while what refutes them, durable only since the due
    instant, was on its way, and taken back when it came. `slack_ms`: by how much the latest breach came before it would
    have counted as late; None where nothing was broken.
    """

    events: int
    lost: int
    doubled: int
    missed_breaches: int
    duplicate_breaches: int
    false_breaches: int
    late_breaches: int
    hasty_breaches: int
    slack_ms: int | None
    findings: list[str]


class MakeFloor(Protocol):
    """`tests.chaos.floor.make_floor`."""

    def __call__(self, seed: int, seconds: float) -> Floor: ...


class MakeFeeder(Protocol):
    """`tests.chaos.feeder.Feeder`."""

    def __call__(self, bootstrap: str, namespace: str, floor: Floor, folder: Path) -> Feeder: ...
