"""The benchmark's own arithmetic and workload: what it reports must be what it measured."""

import json
from collections import Counter
from itertools import islice, pairwise, takewhile
from pathlib import Path

import pytest

from schemas.envelopes import decode_envelope
from schemas.events import ContactCreated, ContactEnded, ContactEvent, ContactOffered
from schemas.ids import contact_id
from schemas.instants import SECOND
from tests.benchmarks import report
from tests.benchmarks.floor import BEGIN, QUEUES, SOURCE, Said, floor
from tests.benchmarks.job import Job
from tests.benchmarks.payloads import understood
from tests.benchmarks.runs import Result, Run
from tests.benchmarks.standings import standings, standings_table

EVENTS = 2_500


def result(*rates: float) -> Result:
    """Runs of one second at these rates, on half a core."""
    return Result(tuple(Run(events=round(rate), seconds=1.0, cpu_seconds=0.5) for rate in rates))


def test_a_rate_is_events_by_the_wall_and_by_cpu_time() -> None:
    run = Run(events=1_000, seconds=4.0, cpu_seconds=2.0)
    assert (run.per_second, run.per_cpu_second) == (250.0, 500.0)


def test_a_ratio_compares_the_runs_of_one_repetition() -> None:
    # The machine was half as fast in the second repetition and a quarter in the third.
    ours, peer = result(800, 400, 200), result(100, 50, 20)
    ratio = ours.times(peer)
    assert (ratio.median, ratio.least, ratio.most) == (8.0, 8.0, 10.0)


def test_ratios_of_unequal_numbers_of_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        result(800, 400).times(result(100))


def test_a_section_has_ours_and_each_peer_with_the_ratio_to_it() -> None:
    section = standings({"floorwalker": result(800, 1_000, 900), "faust": result(100, 100, 100)})
    ours, peer = section["floorwalker"], section["faust"]
    assert (ours["events_per_s"], ours["events_per_cpu_s"], ours["range"]) == (900, 1_800, [800, 1_000])
    assert peer["ratio"] == {"median": 9.0, "least": 8.0, "most": 10.0}
    assert peer["events_per_s"] == 100
    assert standings_table(section)[-1] == "| `faust` | 100 | 100-100 | 200 | 9.00x | 8.00-10.00x | 9.00x |"


def test_a_section_measured_alone_leaves_the_others_with_their_stamps(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    report.merge("intake", {"events_per_s": 1}, {"commit": "a"}, path)
    report.merge("backtest", {"seconds": 2.0}, {"commit": "b"}, path)
    report.merge("intake", {"events_per_s": 3}, {"commit": "c"}, path)
    assert report.read(path) == {
        "intake": {"events_per_s": 3},
        "backtest": {"seconds": 2.0},
        "measured": {"intake": {"commit": "c"}, "backtest": {"commit": "b"}},
    }


def test_a_short_row_is_filled_up_to_the_width_of_its_table() -> None:
    assert report.grid(["a", "b", "c"], ["1"]) == ["| a | b | c |", "| --- | --- | --- |", "| 1 | | |"]


def test_a_job_survives_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(bootstrap="127.0.0.1:9092", namespace="bench", end=12, events=10, seconds=2.5, result="run.json")
    monkeypatch.setattr("sys.argv", ["contestant", *job.arguments()])
    assert Job.told() == job


def test_the_floor_is_the_same_every_time_and_in_the_order_of_time() -> None:
    first, second = list(islice(floor(), EVENTS)), list(islice(floor(), EVENTS))
    assert first == second
    assert first == sorted(first, key=lambda said: said.time)
    assert first != list(islice(floor(seed=2), EVENTS))


def test_calls_are_about_five_events_long() -> None:
    # Ten minutes: the calls of the first are over.
    calls = Counter(_contact(said) for said in islice(floor(), 14_000))
    of_first_minute = {_contact(said) for said in takewhile(lambda said: said.time < (BEGIN + 60) * SECOND, floor())}
    assert 4.5 < sum(calls[call] for call in of_first_minute) / len(of_first_minute) < 5.0


def _contact(said: Said) -> str:
    if said.format == "asterisk-queue-log":
        return contact_id(SOURCE, said.payload.split(b"|")[1].decode())
    return str(json.loads(said.payload)["contact"])


def test_the_floor_is_ten_queues_with_their_contacts_interleaved() -> None:
    said = [decode_envelope(output.value or b"").events[-1] for _, output in islice(understood(floor()), 1_000)]
    assert {event.queue for event in said} == set(QUEUES)
    assert len(QUEUES) == 10
    contacts = [event.contact for event in said if isinstance(event, ContactEvent)]
    assert len(contacts) == len(said)
    assert sum(a != b for a, b in pairwise(contacts)) > 800


def test_every_record_of_the_topic_is_what_intake_made_of_one_payload() -> None:
    kinds: Counter[type] = Counter()
    for offset, (time, output) in enumerate(islice(understood(floor()), 500)):
        envelope = decode_envelope(output.value or b"")
        assert (envelope.origin.offset, envelope.outcome) == (offset, "accepted")
        assert time >= BEGIN * SECOND
        kinds.update(map(type, envelope.events))
    assert kinds[ContactCreated] == kinds[ContactOffered] >= 500 // 6
    assert kinds[ContactEnded]


def test_a_payload_that_intake_refuses_is_no_workload() -> None:
    with pytest.raises(ValueError, match="one with events is expected"):
        list(understood([Said(0, "asterisk-queue-log", b"what is this")]))
