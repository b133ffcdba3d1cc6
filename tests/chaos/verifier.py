"""The judge: reads what came out of a round and compares it with what must have come out.

It imports nothing of what it judges, reads with another client, and knows the records by their documentation alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from tests.chaos.contract import Verdict
from tests.chaos.verifier_findings import Finding, Kind, irreparable, verdict_of
from tests.chaos.verifier_hindrance import Hindrance
from tests.chaos.verifier_identities import Identities
from tests.chaos.verifier_outcomes import FeedBroken, Outcomes
from tests.chaos.verifier_promises import Transition, judge_promises
from tests.chaos.verifier_reading import Reading, Record
from tests.chaos.verifier_totals import Totals

TOPICS = (
    "channel.phone",
    "channel.chat",
    "channel.email",
    "contacts.events",
    "contacts.failed",
    "customers.events",
    "customers.identities",
    "customers.profiles",
    "metrics.live",
    "alerts.sla",
    "alerts.notifications",
)

MARK = "watermark:"
"""What the key of a watermark begins with, where the topic is compacted; elsewhere it has none."""

LOOK = 0.5
"""Seconds between looks at whether the end state is there."""

STILL = 2.0
"""So long more is read once the end state is there: what comes twice may come late."""

HOPELESS = 4.0
"""So long more is read once something is wrong that no waiting mends: that the rest of the verdict be whole."""


HIDDEN = 15.0
"""So long a transaction of the dead may hide records, past the limit: the service's own last 10 s."""


class Judge:
    """Gathers what is read and compares it with a truth. `hasty`, `slack`: see Verdict, as of the last look."""

    def __init__(self, truth: dict[str, Any], durable: list[int], faults: dict[str, Any]) -> None:
        self.hasty = 0
        self.slack: int | None = None
        self._truth = truth
        self._durable = durable
        self._grace = int(faults["grace_ms"])
        self._hindrance = Hindrance(faults["faults"], int(faults["session_ms"]))
        self._outcomes = Outcomes()
        self._totals = Totals()
        self._identities = Identities()
        self._said: list[Transition] = []
        self._sequences: dict[str, int] = {}
        self._alerts: list[Finding] = []

    def take(self, record: Record) -> None:
        """Take a record of any of TOPICS."""
        topic = record.topic
        if record.key is None or record.key.startswith(MARK):
            return
        if topic.startswith("channel."):
            self._outcomes.take_fed(record)
        elif topic == "contacts.events":
            self._outcomes.take_envelope(record)
        elif topic == "contacts.failed":
            self._outcomes.take_failed(record)
        elif topic == "customers.events":
            self._totals.take_contact(record)
        elif topic == "customers.identities":
            self._identities.take(record)
        elif topic == "customers.profiles":
            self._totals.take_profile(record)
        elif topic == "metrics.live":
            self._totals.take_live(record)
        elif topic == "alerts.sla":
            self._said.append(Transition(record))
        else:
            self._take_alert(record)

    def _take_alert(self, record: Record) -> None:
        """An alert's records are numbered from 1 on."""
        said = record.json
        if said.get("kind") != "alert":
            return
        expected = self._sequences.get(said["id"], 0) + 1
        if said["sequence"] != expected:
            kind = Kind.DOUBLED if said["sequence"] < expected else Kind.LOST
            what = f"sequence of alert {said['id']}"
            self._alerts.append(Finding(kind, what, record.where, expected, said["sequence"], final=True))
        self._sequences[said["id"]] = max(expected - 1, said["sequence"])

    @property
    def worth_a_look(self) -> bool:
        """Whether all could be there."""
        return self._totals.read >= int(self._truth["records"])

    def check_feed(self) -> None:
        """Raises FeedBroken."""
        self._outcomes.check_feed(self._truth["records"])

    def findings(self) -> list[Finding]:
        """All that is wrong as it stands."""
        promises, self.hasty, self.slack = judge_promises(
            self._truth["promises"], self._said, self._durable, self._grace, self._hindrance
        )
        truth = {**self._truth, "counts": self._outcomes.counts(self._truth)}
        return [
            *self._outcomes.judge(truth),
            *self._totals.judge(truth),
            *self._identities.judge(truth["identities"]),
            *promises,
            *self._alerts,
        ]


def judge(bootstrap: str, namespace: str, truth: dict[str, Any], durable: list[int], faults: dict[str, Any],
          timeout: float) -> Verdict:  # fmt: skip
    """Read and compare; waits `timeout` seconds at most for the end state. Raises FeedBroken and KafkaException."""
    judge = Judge(truth, durable, faults)
    reading = Reading(bootstrap, namespace, TOPICS)
    began = time.monotonic()
    deadline = began + timeout
    found: list[Finding] = []
    clean_since: float | None = None
    try:
        while True:
            for record in reading.news(LOOK):
                judge.take(record)
            now = time.monotonic()
            hopeful = judge.worth_a_look or now >= deadline
            if hopeful:
                found = judge.findings()
                if irreparable(found):
                    deadline = min(deadline, now + HOPELESS)
                clean_since = None if found else clean_since or now
            if clean_since is not None and now - clean_since >= STILL:
                break
            if now >= deadline:
                break
        # What was written by now is what is judged, whoever holds it back.
        ends = reading.ends()
        while (behind := reading.short_of(ends)) and time.monotonic() < deadline + HIDDEN:
            for record in reading.news(LOOK):
                judge.take(record)
        judge.check_feed()
        found = judge.findings()
        found += [Finding(Kind.LOST, "an open transaction hides records", each) for each in behind]
        return verdict_of(truth["records"], found, judge.hasty, judge.slack)
    finally:
        reading.close()


def main(arguments: list[str] | None = None) -> int:
    """Judge one round: 0 where nothing is wrong, 1 where something is, 2 where nothing could be judged."""
    options = _options(arguments)
    truth = json.loads(options.truth.read_bytes())
    fed = json.loads((options.fed or options.truth.with_name("fed.json")).read_bytes())
    faults = json.loads(options.faults.read_bytes())
    if None in fed["durable"]:
        print(f"{fed['durable'].count(None)} records were never durable: nothing can be judged", file=sys.stderr)
        return 2
    try:
        verdict = judge(options.bootstrap, options.namespace, truth, fed["durable"], faults, options.timeout)
    except (FeedBroken, KafkaException) as error:
        print(f"nothing can be judged: {error}", file=sys.stderr)
        return 2
    options.out.write_text(json.dumps(verdict, indent=1), encoding="utf-8")
    for line in verdict["findings"]:
        print(line)
    return 1 if verdict["findings"] else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.verifier", description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--truth", required=True, type=Path)
    parser.add_argument("--faults", required=True, type=Path)
    parser.add_argument("--fed", type=Path, help="default: fed.json beside the truth")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--timeout", type=float, default=60.0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
