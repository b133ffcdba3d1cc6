"""Clocks of promises through `floorwalker backtest`: worked examples to the second, whatever else is on the floor."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.acceptance.program import floorwalker
from tests.acceptance.sla_changes import POLICIES
from tests.acceptance.sla_examples import CALENDARS, REPLIES, late_replies
from tests.acceptance.sla_statuses import STATUSES
from tests.acceptance.sla_stories import Story, events_of, expected, instant, lines_of, seconds_of

STORIES = (*late_replies(), *REPLIES, *STATUSES, *POLICIES)
IN_JUNE = tuple(story for story in STORIES if story.events[0].startswith("06-"))
BY_NAME = {story.name: story for story in STORIES}
LATE = {"skewed/03": instant("06-16T08:25")}
"""When an event comes whose source has a clock that is behind."""
TIMES = {
    "first_reply": "first_response_time", "next_reply": "next_response_time", "requester_wait": "requester_wait_time",
    "agent_work": "agent_work_time", "total_resolution": "total_resolution_time",
}  # fmt: skip
PASSERS_BY = 420
"""Contacts to whom nothing is promised, one every half an hour: so that time passes for everybody."""


Scope = tuple[tuple[str, str], ...]


class Decided(NamedTuple):
    """A clock that was attained or breached, and when."""

    clock: str
    attained: bool
    at: datetime
    scopes: tuple[Scope, ...]


def floor(stories: Iterable[Story]) -> list[dict[str, Any]]:
    """Everything that happens, in the order in which it comes."""
    events = [event for story in stories for event in events_of(story)]
    return sorted((*events, *passers_by()), key=lambda event: LATE.get(event["id"], event["time"]))


def passers_by() -> Iterator[dict[str, Any]]:
    """The others on the floor."""
    for number in range(PASSERS_BY):
        at = datetime.fromisoformat("2026-06-08T05:00:00+00:00") + timedelta(minutes=30 * number)
        yield {
            "type": "contact.created", "id": f"passer-{number}", "contact": f"passer-{number}", "channel": "social",
            "source": "square", "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        }  # fmt: skip


def backtest(folder: Path, events: Iterable[dict[str, Any]], *options: object, times: int = 1) -> dict[str, Any]:
    """OUT of a backtest of these events, in a file that is given so many times."""
    (folder / "sla.toml").write_text(CALENDARS + "".join(text for story in STORIES for text in story.policies))
    (folder / "desk.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    ended = floorwalker(
        *("backtest", *["desk.jsonl"] * times, "--format", "canonical", "--config", "sla.toml"),
        *("--json", "out.json", "--no-progress", "--partitions", 2, *options),
        folder=folder,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    out: dict[str, Any] = json.loads((folder / "out.json").read_bytes())
    return out


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one backtest of all stories says."""
    return backtest(tmp_path_factory.mktemp("clocks"), floor(STORIES))


@pytest.mark.parametrize("name", BY_NAME)
def test_a_worked_example_is_told_to_the_second(name: str, out: dict[str, Any]) -> None:
    told = lines_of(each for each in out["alerts"] if each["contact"] == name)
    assert told == expected([BY_NAME[name]])


def test_nothing_else_is_told(out: dict[str, Any]) -> None:
    assert {each["contact"] for each in out["alerts"]} == set(BY_NAME)
    assert len({each["id"] for each in out["alerts"]}) == len(out["alerts"])
    events = sum(len(story.events) for story in STORIES) + PASSERS_BY
    assert out["counts"] == {"read": events, "accepted": events, "ignored": 0, "failed": 0, "duplicates": 0}


def test_nothing_is_detected_before_it_occurred_and_a_tightened_promise_when_it_was_tightened(
    out: dict[str, Any],
) -> None:
    assert [each for each in out["alerts"] if _at(each["detected_at"]) < _at(each["occurred_at"])] == []
    (breach,) = (each for each in out["alerts"] if (each["contact"], each["transition"]) == ("tightened", "breached"))
    assert (breach["due_at"], breach["occurred_at"]) == ("2026-06-08T08:00:00Z",) * 2
    assert (breach["detected_at"], breach["elapsed"]) == ("2026-06-08T09:00:00Z", 7_200)
    assert [(each["id"], each["did"]) for each in breach["events"]] == [
        ("tightened/02", "started"), ("tightened/03", "changed"),
    ]  # fmt: skip


def test_a_transition_says_by_which_policy_and_calendar_it_was_judged_and_on_which_events_it_rests(
    out: dict[str, Any],
) -> None:
    (late,) = (
        each for each in out["alerts"] if (each["contact"], each["transition"]) == ("two-calendars", "fulfilled")
    )
    assert (late["policy"], late["calendar"]) == ({"id": "new-york", "version": 1}, {"id": "new-york", "version": 1})
    assert (late["queue"], late["channel"], late["target"], late["remaining"]) == ("new-york", "email", 28_800, -3_600)
    assert late["events"] == [
        {"id": "two-calendars/01", "time": "2026-06-08T13:00:00Z", "did": "started"},
        {"id": "two-calendars/02", "time": "2026-06-08T17:00:00Z", "did": "changed"},
        {"id": "two-calendars/03", "time": "2026-06-09T16:00:00Z", "did": "stopped"},
    ]


def test_compliance_is_what_the_transitions_come_to_in_every_window_and_scope(out: dict[str, Any]) -> None:
    wanted = recomputed(decided(STORIES))
    found = {
        _key(row): (row["value"], row["numerator"], row["denominator"], row["n"])
        for row in out["metrics"]
        if row["metric"].startswith(("sla_compliance.", "sla_met.", "sla_breached.")) and row["n"]
    }
    assert found.keys() == wanted.keys()
    assert found == wanted
    whole = {row["metric"]: row for row in out["metrics"] if row["window"]["kind"] == "all" and not row["scope"]}
    met, breached = (whole[f"sla_{end}.first_reply"]["value"] for end in ("met", "breached"))
    assert (met, breached) == (12, 35)
    # Nobody has answered the last one, and it is not due.
    assert whole["sla_open.first_reply"]["value"] == 1
    assert whole["sla_compliance_live_low.first_reply"]["value"] == met / (met + breached + 1)
    assert whole["sla_compliance_live_high.first_reply"]["value"] == (met + 1) / (met + breached + 1)


def test_what_became_of_each_policy_is_counted_by_its_clocks(out: dict[str, Any]) -> None:
    found = {(row["policy"], row["clock"]): row for row in out["promises"]}
    counts = Counter((policy, clock, end) for policy, clock, end in ends(STORIES))
    assert {(name, clock) for name, clock, _ in counts} == found.keys()
    for (name, clock), row in found.items():
        for end in ("met", "breached", "cancelled", "open"):
            assert row[end] == counts[name, clock, end], (name, clock, end)


def test_a_ticket_is_resolved_first_and_in_full_by_the_calendar_and_round_the_clock(out: dict[str, Any]) -> None:
    values = {
        "first_resolution_time_business": 1_235, "full_resolution_time_business": 1_550,
        "first_resolution_time": 3_155, "full_resolution_time": 4_430,
    }  # fmt: skip
    claims = [row for row in out["metrics"] if row["scope"] == {"queue": "claims"}]
    minutes = {
        (row["metric"], kind, (row["window"].get("start") or "")[5:10]): (row["numerator"] / 60, row["n"])
        for row in claims
        if (kind := row["window"]["kind"]) in ("day", "all") and row["metric"] in values and row["n"]
    }
    days = {metric: "06-11" if metric.startswith("full") else "06-10" for metric in values}
    assert minutes == {
        **{(metric, "all", ""): (value, 1) for metric, value in values.items()},
        **{(metric, "day", days[metric]): (value, 1) for metric, value in values.items()},
    }
    (rate,) = (row for row in claims if (row["metric"], row["window"]["kind"]) == ("reopen_rate", "all"))
    assert (rate["value"], rate["numerator"], rate["denominator"]) == (0.5, 1, 2)


def test_how_long_each_clock_took_is_told_as_mean_median_and_90th_percentile(out: dict[str, Any]) -> None:
    whole = {row["metric"]: row for row in out["metrics"] if row["window"]["kind"] == "all" and not row["scope"]}
    for clock, metric in TIMES.items():
        values = sorted(took(STORIES, clock))
        assert (whole[metric]["numerator"], whole[metric]["denominator"]) == (sum(values), len(values)), metric
        for name, percent in (("median", 50), ("p90", 90)):
            told = whole[f"{metric}_{name}"]
            assert told["n"] == len(values), (metric, name)
            assert told["value"] == pytest.approx(at_share(values, percent), rel=0.008), (metric, name)
    # Example 22: what was used before the ticket was opened again counts on, and the first solve counts no more.
    own = {row["metric"]: row for row in out["metrics"] if row["scope"] == {"policy": "business-log"}}
    assert {metric: own[metric]["value"] / 60 for metric in TIMES.values() if metric in own} == {
        "requester_wait_time": 460, "agent_work_time": 180, "total_resolution_time": 1_285,
    }  # fmt: skip


@pytest.mark.slow
def test_two_workers_and_a_file_given_twice_come_to_the_same(out: dict[str, Any], tmp_path: Path) -> None:
    # What happened over a month ago is forgotten, and would be news the second time.
    events = floor(IN_JUNE)
    twice = backtest(tmp_path, events, "--workers", 2, times=2)
    assert twice["counts"] == {
        "read": 2 * len(events), "accepted": len(events), "ignored": 0, "failed": 0, "duplicates": len(events),
    }  # fmt: skip
    assert lines_of(twice["alerts"]) == expected(IN_JUNE)
    assert _stable(twice) == _stable(out)
    assert _closed(twice) == _closed(out)
    policies = {policy for policy, _, _ in ends(IN_JUNE)}
    assert twice["promises"] == [row for row in out["promises"] if row["policy"] in policies]


# -- the same once more, from what is expected to be told ----------------------------------------------------


def ends(stories: Iterable[Story]) -> Iterator[tuple[str, str, str]]:
    """Policy, clock and end of every instance."""
    for story in stories:
        for clock, told in _instances(story):
            breach = next((line for line in told if line[1] == "breached"), None)
            last = breach or max(told, key=lambda line: line[0])
            end = {"breached": "breached", "fulfilled": "met", "cancelled": "cancelled"}.get(last[1], "open")
            yield _policy(story, last), clock, end


def decided(stories: Iterable[Story]) -> Iterator[Decided]:
    """Every instance that was attained or breached: by its due instant, or else by its last end."""
    for story in stories:
        for clock, told in _instances(story):
            breach = next((line for line in told if line[1] == "breached"), None)
            last = breach or max(told, key=lambda line: line[0])
            if last[1] in ("breached", "fulfilled"):
                yield Decided(clock, not breach, _at(instant(last[0])), tuple(_scopes(story, _policy(story, last))))


def took(stories: Iterable[Story], clock: str) -> Iterator[float]:
    """Seconds that every instance of a clock took that is over and was not cancelled."""
    for story in stories:
        for name, told in _instances(story):
            last = max(told, key=lambda line: line[0])
            if name == clock and last[1] == "fulfilled":
                yield seconds_of(last[last.index("used") + 1])


def at_share(values: list[float], percent: int) -> float:
    """A quantile of ordered values: between two of them the mean of both."""
    whole, rest = divmod(len(values) * percent, 100)
    return values[whole] if rest else (values[whole - 1] + values[whole]) / 2


def recomputed(instances: Iterable[Decided]) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Of every clock, scope and window in which any was decided, the three metrics of it."""
    counts: Counter[tuple[str, Scope, str, str | None, bool]] = Counter()
    for each in instances:
        for scope in each.scopes:
            for kind, start in _windows(each.at):
                counts[each.clock, scope, kind, start, each.attained] += 1
    found: dict[tuple[object, ...], tuple[object, ...]] = {}
    for clock, scope, kind, start, _ in counts:
        met, breached = (counts[clock, scope, kind, start, attained] for attained in (True, False))
        whole, place = met + breached, (frozenset(scope), kind, start)
        found[f"sla_compliance.{clock}", *place] = (met / whole, met, whole, whole)
        for name, n in (("met", met), ("breached", breached)):
            if n:
                found[f"sla_{name}.{clock}", *place] = (n, None, None, n)
    return found


def _instances(story: Story) -> Iterator[tuple[str, list[list[str]]]]:
    for clock, told in story.told.items():
        words = [line.split() for line in told]
        firsts = {line[line.index("by") + 1].partition(",")[0] for line in words}
        for first in firsts:
            yield clock, [line for line in words if line[line.index("by") + 1].partition(",")[0] == first]


def _scopes(story: Story, policy: str) -> Iterator[Scope]:
    channel = ("channel", story.channel)
    yield from ((), (channel,), (("policy", policy),))
    if story.queue is not None:
        queue = ("queue", story.queue)
        yield from ((queue,), (channel, queue), (queue, ("policy", policy)))
    if story.segment is not None:
        yield (("segment", story.segment),)


def _policy(story: Story, line: list[str]) -> str:
    return line[-1].partition(":")[0] if ":" in line[-1] else story.name


def _windows(at: datetime) -> Iterator[tuple[str, str | None]]:
    midnight = at.replace(hour=0, minute=0, second=0)
    for minutes in (15, 30, 60):
        start = midnight + (at - midnight) // timedelta(minutes=minutes) * timedelta(minutes=minutes)
        yield f"{minutes}min", f"{start:%Y-%m-%dT%H:%M:%SZ}"
    yield "day", f"{midnight:%Y-%m-%dT%H:%M:%SZ}"
    yield "all", None


def _key(row: dict[str, Any]) -> tuple[object, ...]:
    scope = frozenset((name, value) for name, value in row["scope"].items() if value is not None)
    return (row["metric"], scope, row["window"]["kind"], row["window"].get("start"))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _stable(out: dict[str, Any]) -> list[dict[str, Any]]:
    """The transitions of June, without when they were found. One whose event comes late may be told otherwise first."""
    names = {story.name for story in IN_JUNE} - {"skewed"}
    return [
        {name: value for name, value in each.items() if name != "detected_at"}
        for each in out["alerts"]
        if each["contact"] in names
    ]


_OF_CLOCKS = ("sla_", "first_resolution_", "full_resolution_", "reopen_rate", *TIMES.values())


def _closed(out: dict[str, Any]) -> dict[tuple[object, ...], Any]:
    """Compliance and resolutions in the windows of June."""
    return {
        _key(row): (row["value"], row["numerator"], row["denominator"], row["n"])
        for row in out["metrics"]
        if row["metric"].startswith(_OF_CLOCKS) and (row["window"].get("start") or "").startswith("2026-06")
    }
