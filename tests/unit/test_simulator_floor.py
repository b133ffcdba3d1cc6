"""The simulated centre is believable: arrivals by the hour, service as in a good centre, people who call again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, variance
from zoneinfo import ZoneInfo

import pytest

from streams.simulator import Centre, Incident, Truth, sample_plan, write_history
from streams.simulator.arrivals import Arrivals
from streams.simulator.plan import HOURS

HOUR = 3_600
DAY = 24 * HOUR
MONDAY = datetime(2026, 9, 7, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[str]], Truth]:
    path: Path = tmp_path_factory.mktemp("centre") / "queue_log"
    truth = write_history(path, sample_plan(), seed="fortnight", begins=MONDAY, ends=MONDAY + 14 * DAY)
    return [line.rstrip("\n").split("|") for line in path.read_text().splitlines()], truth


def test_service_is_that_of_a_good_centre(fortnight: tuple[list[list[str]], Truth]) -> None:
    rows, truth = fortnight
    assert 0.80 <= truth.service_level() <= 0.93
    assert all(0.75 <= truth.service_level(queue) <= 0.95 for queue in truth.offered)
    assert 0.02 <= truth.abandoned.total() / truth.offered.total() <= 0.12
    hours = Counter[int]()
    in_time = Counter[int]()
    for at, _, _, _, event, *data in rows:
        hour = datetime.fromtimestamp(int(at), ZoneInfo("Europe/Berlin")).hour
        hours[hour] += event == "ENTERQUEUE"
        in_time[hour] += event == "CONNECT" and int(data[0]) <= 20
    # At most hours of the day, all two weeks together.
    assert sum(0.8 <= in_time[hour] / hours[hour] <= 0.96 for hour in range(24)) >= 16


def test_calls_follow_the_hours_of_the_day_and_vary_a_little_more_than_chance() -> None:
    plan = sample_plan()
    queue = plan.queues[0]
    arrivals = Arrivals(plan, queue, "hours", None)
    by_hour: dict[int, list[int]] = {hour: [0] * 28 for hour in range(24)}
    at = MONDAY
    while (at := arrivals.next(at, MONDAY + 28 * DAY)) < MONDAY + 28 * DAY:
        local = datetime.fromtimestamp(at, plan.zone)
        by_hour[local.hour][int((at - MONDAY) // DAY)] += 1
    for hour, counts in by_hour.items():
        assert mean(counts) == pytest.approx(queue.per_hour * HOURS[hour], rel=0.2)
    days = [sum(counts[day] for counts in by_hour.values()) for day in range(28)]
    assert 1.5 * mean(days) < variance(days) < 40 * mean(days)


def test_some_people_call_often_and_some_give_no_number(fortnight: tuple[list[list[str]], Truth]) -> None:
    callers = Counter(row[6] for row in fortnight[0] if row[4] == "ENTERQUEUE")
    anonymous = callers.pop("anonymous")
    assert 0.02 < anonymous / callers.total() < 0.06
    again = sum(count for count in callers.values() if count > 1)
    assert again / callers.total() > 0.5
    assert callers.most_common(1)[0][1] < callers.total() / 50


def test_a_past_ends_with_an_empty_floor(fortnight: tuple[list[list[str]], Truth]) -> None:
    rows, truth = fortnight
    assert truth.offered.total() == truth.answered.total() + truth.abandoned.total() + truth.timed_out.total()
    members = Counter(row[4] for row in rows)
    assert members["ADDMEMBER"] == members["REMOVEMEMBER"] > 0
    last_call = max(int(row[0]) for row in rows if row[4] == "ENTERQUEUE")
    assert last_call <= MONDAY + 14 * DAY < int(rows[-1][0]) + 2


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_an_incident_fills_its_queue_at_any_hour_and_the_floor_recovers(hour: int) -> None:
    begins = datetime(2026, 9, 9, hour, tzinfo=UTC).timestamp()
    incident = Incident("support", begins + 60, lasts=240)
    calm = Centre(sample_plan(), seed="calm", begins=begins)
    struck = Centre(sample_plan(), seed="calm", begins=begins, incident=incident)
    list(calm.run(incident.ends))
    during = [line.split("|") for line in struck.run(incident.ends)]
    paused = [row for row in during if row[4] == "PAUSE" and row[5].strip() == "system down"]
    assert len(paused) >= 2
    assert {row[2] for row in paused} == {"support"}
    assert struck.truth.offered["support"] > max(4, calm.truth.offered["support"])
    # Somebody waits past the 45 s that a demo promises, though nobody did before.
    entered = {row[1]: int(row[0]) for row in during if row[2] == "support" and row[4] == "ENTERQUEUE"}
    left = {row[1]: int(row[0]) for row in during if row[2] == "support" and row[4] in ("CONNECT", "ABANDON")}
    assert max(left.get(call, incident.ends) - at for call, at in entered.items()) > 45
    assert struck.in_queue >= 1
    back = [line.split("|") for line in struck.run(incident.ends + 1_200)]
    assert sum(row[4] == "UNPAUSE" and row[5].strip() == "system down" for row in back) >= 2
    assert struck.in_queue <= 2
