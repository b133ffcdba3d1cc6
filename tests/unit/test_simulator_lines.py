"""Whatever the simulated centre writes, Asterisk could have written: order, calls, agents, and the same seed again."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.asterisk_fields import DATA_FIELDS
from agents.intake.asterisk_queue_log import AsteriskQueueLog
from agents.intake.parsing import Context, Events, Ignored
from streams.simulator import Centre, Incident, sample_plan, write_history

HOUR = 3_600
BEGIN = datetime(2026, 3, 28, 20, tzinfo=UTC).timestamp()
"""The night in which Berlin's clocks go forward."""

ENDS = {"COMPLETECALLER", "COMPLETEAGENT", "ABANDON", "EXITWITHTIMEOUT"}
LINES = settings(max_examples=15, deadline=None)

seeds = st.text(min_size=1, max_size=8)
begins = st.integers(0, 14 * 24).map(lambda hours: BEGIN + hours * HOUR)


def day(seed: str, begin: float, hours: int = 6) -> tuple[list[str], Centre]:
    """Some hours with an incident in them, and the end of the day."""
    incident = Incident("support", begin + HOUR, lasts=600)
    centre = Centre(sample_plan(), seed=seed, begins=begin, incident=incident)
    lines = [*centre.run(begin + hours * HOUR), *centre.close(begin + hours * HOUR)]
    return lines, centre


def fields(lines: list[str]) -> list[list[str]]:
    return [line.rstrip("\n").split("|") for line in lines]


@LINES
@given(seeds, begins)
def test_every_line_is_understood_with_the_fields_that_asterisk_writes(seed: str, begin: float) -> None:
    lines, _ = day(seed, begin)
    assert len(lines) > 500
    parser = AsteriskQueueLog()
    for line in lines:
        context = Context(source="pbx", headers={}, read_at=int(begin * 1_000), region="DE", settings={})
        parsed = parser.parse(line.encode(), context)
        event, data = (parts := line.rstrip("\n").split("|"))[4], parts[5:]
        fewest, most = DATA_FIELDS[event]
        assert fewest <= len(data) <= max(most, 1), line
        assert isinstance(parsed, Ignored if event == "RINGCANCELED" else Events), line


@LINES
@given(seeds, begins)
def test_lines_are_in_order_of_time(seed: str, begin: float) -> None:
    times = [int(each[0]) for each in fields(day(seed, begin)[0])]
    assert times == sorted(times)


@LINES
@given(seeds, begins)
def test_every_call_ends_and_nothing_is_said_of_it_afterwards(seed: str, begin: float) -> None:
    by_call = defaultdict(list)
    for _, call, queue, _, event, *data in fields(day(seed, begin)[0]):
        if call != "NONE":
            by_call[call].append((event, queue, data))
    for call, story in by_call.items():
        assert story[0][0] == "ENTERQUEUE", call
        left = [event in ENDS or (event == "BLINDTRANSFER" and data[1] == "internal") for event, _, data in story]
        assert left == [False] * (len(story) - 1) + [True], (call, story)


@LINES
@given(seeds, begins)
def test_an_agent_serves_one_call_at_a_time_while_on_duty_in_its_queue_and_not_paused(seed: str, begin: float) -> None:
    talking: dict[str, str] = {}
    states: dict[tuple[str, str], str] = {}
    for at, call, queue, agent, event, *_ in fields(day(seed, begin)[0]):
        match event:
            case "CONNECT":
                assert agent not in talking, (at, call)
                # Who has been rung already may take the call though they pause in this moment.
                assert states[agent, queue] in ("ADDMEMBER", "UNPAUSE", "PAUSE"), (at, call)
                talking[agent] = call
            case "COMPLETECALLER" | "COMPLETEAGENT" | "BLINDTRANSFER":
                assert talking.pop(agent) == call
            case "ADDMEMBER" | "REMOVEMEMBER" | "PAUSE" | "UNPAUSE":
                assert (event == "ADDMEMBER") == (states.get((agent, queue), "REMOVEMEMBER") == "REMOVEMEMBER")
                states[agent, queue] = event
    assert talking == {}
    assert set(states.values()) == {"REMOVEMEMBER"}


@LINES
@given(seeds, begins)
def test_hold_and_talk_times_are_the_differences_of_the_lines(seed: str, begin: float) -> None:
    entered: dict[str, int] = {}
    connected: dict[str, int] = {}
    for at, call, _, _, event, *data in fields(day(seed, begin)[0]):
        now = int(at)
        match event:
            case "ENTERQUEUE":
                entered[call] = now
            case "CONNECT":
                assert int(data[0]) == now - entered[call]
                connected[call] = now
            case "COMPLETECALLER" | "COMPLETEAGENT":
                assert [int(each) for each in data[:2]] == [connected[call] - entered[call], now - connected[call]]
            case "ABANDON" | "EXITWITHTIMEOUT":
                assert int(data[2]) == now - entered[call]


@LINES
@given(seeds, begins)
def test_the_truth_is_what_the_lines_say(seed: str, begin: float) -> None:
    lines, centre = day(seed, begin)
    rows = fields(lines)
    truth = centre.truth
    assert truth.lines == len(lines)
    for queue in ("sales", "support", "billing"):
        of_queue = [each for each in rows if each[2] == queue]
        assert truth.offered[queue] == sum(each[4] == "ENTERQUEUE" for each in of_queue)
        assert truth.answered[queue] == sum(each[4] == "CONNECT" for each in of_queue)
        assert truth.in_time[queue] == sum(each[4] == "CONNECT" and int(each[5]) <= 20 for each in of_queue)
        assert truth.abandoned[queue] == sum(each[4] == "ABANDON" for each in of_queue)
        assert truth.timed_out[queue] == sum(each[4] == "EXITWITHTIMEOUT" for each in of_queue)
        left = truth.answered[queue] + truth.abandoned[queue] + truth.timed_out[queue]
        assert truth.offered[queue] == left


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    files = {}
    for name, seed in (("one", "a"), ("same", "a"), ("other", "b")):
        path = tmp_path / name
        write_history(path, sample_plan(), seed=seed, begins=BEGIN, ends=BEGIN + 24 * HOUR)
        files[name] = path.read_bytes()
    assert files["one"] == files["same"] != files["other"]


@pytest.mark.parametrize("steps", [1, 7, 3_000])
def test_the_pieces_in_which_time_passes_make_no_difference(steps: int) -> None:
    whole = list(Centre(sample_plan(), seed="x", begins=BEGIN).run(BEGIN + 2 * HOUR))
    centre = Centre(sample_plan(), seed="x", begins=BEGIN)
    pieces = [line for step in range(1, steps + 1) for line in centre.run(BEGIN + 2 * HOUR * step / steps)]
    assert pieces == whole
