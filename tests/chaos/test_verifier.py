"""The judge: what became of each record that was fed, and its verdict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.verifier import Judge
from tests.chaos.verifier_findings import Finding, Kind, verdict_of
from tests.chaos.verifier_outcomes import FeedBroken, Outcomes
from tests.chaos.verifier_reading import Record
from tests.chaos.written import CONTACT, T, record


def fed(offset: int, index: int) -> Record:
    return record("channel.phone", {}, offset=offset, fed=str(index))


def envelope(offset: int, outcome: str = "accepted", *, at: int = 0) -> Record:
    value = {
        "origin": {"topic": "channel.phone", "partition": 0, "offset": offset},
        "outcome": outcome,
        "events": [{"contact": CONTACT}] if outcome == "accepted" else [],
    }
    return record("contacts.events", value, offset=at)


def failure(offset: int, reason: str = "syntax") -> Record:
    headers = {"failed.topic": "channel.phone", "failed.partition": "0", "failed.offset": str(offset)}
    return Record("contacts.failed", 0, 0, T, "k", b"", {**headers, "failed.reason": reason})


FAULTS = {"grace_ms": 1_000, "session_ms": 3_000}
TRUTH = {"outcomes": [CONTACT, None], "failed": {"1": "syntax"}}


def outcomes(*said: Record, failed: tuple[Record, ...] = ()) -> list[str]:
    gathered = Outcomes()
    gathered.take_fed(fed(7, 0))
    gathered.take_fed(fed(8, 1))
    for each in said:
        gathered.take_envelope(each)
    for each in failed:
        gathered.take_failed(each)
    return sorted(each.kind.value for each in gathered.judge(TRUTH))


def test_every_record_has_one_outcome() -> None:
    refused = failure(8)
    assert outcomes(envelope(7), envelope(8, "failed"), failed=(refused,)) == []
    assert outcomes(envelope(8, "failed"), failed=(refused,)) == ["lost"]
    assert outcomes(envelope(7), envelope(7, at=1), envelope(8, "failed"), failed=(refused,)) == ["doubled"]
    assert outcomes(envelope(7), envelope(8, "failed"), envelope(9), failed=(refused,)) == ["doubled"]


def test_what_nobody_can_read_is_put_aside_once_with_its_reason() -> None:
    good = (envelope(7), envelope(8, "failed"))
    assert outcomes(*good) == ["lost"]
    assert outcomes(*good, failed=(failure(8), failure(8))) == ["doubled"]
    assert outcomes(*good, failed=(failure(8, "rule"),)) == ["lost"]
    assert outcomes(*good, failed=(failure(8), failure(7))) == ["lost"]


def test_a_feed_with_a_gap_can_not_be_judged() -> None:
    gathered = Outcomes()
    gathered.take_fed(fed(7, 0))
    with pytest.raises(FeedBroken, match=r"1 of 2 records stand nowhere: \[1\]"):
        gathered.check_feed(2)
    gathered.take_fed(fed(8, 1))
    gathered.check_feed(2)


def test_a_record_that_stands_twice_must_be_counted_as_one_more_delivery() -> None:
    truth = {**TRUTH, "counts": {"read": 2, "accepted": 1, "failed": 1, "duplicates": 0}}
    gathered = Outcomes()
    for offset, index in ((7, 0), (8, 1)):
        gathered.take_fed(fed(offset, index))
    assert gathered.counts(truth) == truth["counts"]

    for offset, index in ((9, 0), (10, 1)):
        gathered.take_fed(fed(offset, index))
    gathered.check_feed(2)

    assert gathered.counts(truth) == {"read": 4, "accepted": 1, "failed": 2, "duplicates": 1}


def test_a_verdict_counts_every_finding_and_tells_what_and_where() -> None:
    findings = [Finding(Kind.LATE, "breach 9 s late", "alerts.sla/0/4", "<= 8 s")] * 50
    verdict = verdict_of(12, [*findings, Finding(Kind.LOST, "contact 1", "customers.events")])
    assert (verdict["events"], verdict["lost"], verdict["late_breaches"]) == (12, 1, 50)
    assert verdict["findings"][0] == "lost: contact 1 (customers.events)"
    assert verdict["findings"][1].startswith("late_breaches: breach 9 s late (alerts.sla/0/4): expected <= 8 s")
    assert verdict["findings"][-1] == "late_breaches: and 10 more"


def test_sets_of_identifiers_are_judged_and_watermarks_are_not() -> None:
    identities = {"sets": {"a": ["a", "b"], "b": ["a", "b"]}, "reviews": []}
    nothing = {"records": 0, "counts": {}, "outcomes": [], "failed": {}, "contacts": {}, "customers": {}, "windows": []}
    judge = Judge({**nothing, "promises": [], "identities": identities}, [], {**FAULTS, "faults": []})
    for key in ("a", "watermark:registry-0"):
        judge.take(record("customers.identities", {"owner": "a", "members": ["a", "b"]}, key=key))
    judge.take(record("metrics.live", {"agents_by_state": {}}, key="pipeline"))

    assert [each.what for each in judge.findings()] == ["nothing is said of identifier b"]


def test_the_judge_and_the_floor_share_no_code_with_what_they_judge() -> None:
    code = (
        "import sys, tests.chaos.verifier, tests.chaos.feeder, tests.chaos.floor\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(loaded & {'schemas', 'streams', 'agents', 'aiokafka', 'faust'}))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
