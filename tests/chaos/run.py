"""Rounds one after the other on one cluster, which is made anew where a round broke it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.chaos import report
from tests.chaos.cluster import BROKERS, Cluster
from tests.chaos.fleet import set_up_environment
from tests.chaos.proxy import Network
from tests.chaos.rounds import Outcome, Plan, Round

PLACES = 4
"""For workers: so many may be up at once."""


def run(plans: Sequence[Plan], build: Path, tell: Callable[[str], None]) -> list[Outcome]:
    """All rounds; writes `chaos.json` and `chaos.jsonl` into `build`, and the folders of failed rounds under `chaos/`.

    `tell` is told what happens, and the summary at the end.
    """
    set_up_environment()
    tried = report.commit()
    outcomes: list[Outcome] = []
    kept: dict[str, Path] = {}
    disk = True
    with tempfile.TemporaryDirectory(prefix="floorwalker-chaos-", ignore_cleanup_errors=True) as temporary:
        for plan, cluster, networks, folder in _places(plans, Path(temporary), outcomes):
            tell(f"round {plan.name}")
            disk = cluster.has_small_disk
            outcome = Round(plan, cluster, networks, folder, tell).run()
            outcomes.append(outcome)
            report.append(build / "chaos.jsonl", report.line_of(outcome, tried))
            tell(report.told(outcome))
            if not outcome.passed:
                kept[plan.name] = _keep(folder, cluster, build / "chaos" / plan.name.replace("/", "-"))
            shutil.rmtree(folder, ignore_errors=True)
    total = report.total_of(outcomes, tried)
    (build / "chaos.json").write_text(json.dumps(total, indent=1) + "\n", encoding="utf-8")
    tell(report.summary(outcomes, total, disk, kept))
    return outcomes


def _places(
    plans: Sequence[Plan], temporary: Path, outcomes: Sequence[Outcome]
) -> Iterator[tuple[Plan, Cluster, list[Network], Path]]:
    """Each plan with a cluster that is whole, and a folder for it."""
    rest = list(plans)
    while rest:
        with ExitStack() as stack:
            networks = [Network(BROKERS) for _ in range(PLACES)]
            for network in networks:
                stack.callback(network.close)
            cluster = stack.enter_context(Cluster(temporary / f"cluster-{len(rest)}", networks))
            while rest:
                plan = rest.pop(0)
                yield plan, cluster, networks, temporary / f"round-{plan.number}"
                if outcomes[-1].broken is not None or not cluster.wait_in_sync(60.0):
                    break
                cluster.delete_topics(plan.namespace)


def _keep(folder: Path, cluster: Cluster, to: Path) -> Path:
    """Put a failed round's files where they stay, with the brokers' logs."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    for node in range(BROKERS):
        log = cluster.kafka.log_path(node)
        if log.exists():
            shutil.copy(log, to / log.name)
    return to
