"""Clocks of promises in service: policies published meanwhile, deadlines that nothing announces, a killed worker."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.intake.formats import FORMATS
from streams.connectors.line_records import LineRecords
from streams.connectors.lines import Line
from streams.connectors.ordinals import Ordinals
from streams.connectors.publisher import Publisher
from streams.kafka import EmbeddedKafka
from tests.acceptance.floor import SESSION
from tests.acceptance.program import BIN, PATIENCE, Program, floorwalker, wait_for
from tests.acceptance.reading import Reader
from tests.conftest import unused_namespace

GRACE = 1
SLACK = 10.0
"""Seconds that may pass beside those that have to: far more than it takes, since other work may share the machine."""
HOUR = timedelta(hours=1)

CONFIG = """
[sla]
answer_within = "none"

[calendars.desk]

[[policies]]
id = "longer"
tags = ["longer"]
targets = { first_reply = "1h" }

[[policies]]
id = "shorter"
tags = ["shorter"]
targets = { first_reply = "1h" }

[[policies]]
id = "by-desk"
tags = ["by-desk"]
calendar = "desk"
targets = { first_reply = "1h" }

[[policies]]
id = "behind"
tags = ["behind"]
targets = { first_reply = "3m" }

[[policies]]
id = "calm"
tags = ["calm"]
targets = { first_reply = "30m" }
"""

AWAY = """
[[policies]]
id = "calm"
version = 2
rank = 50
tags = ["calm"]
targets = { first_reply = "45m" }
"""

TARGETS = (2, 4, 6, 9)
"""Seconds: promises that are due before, while and after a worker is away."""

NEXT = """
[calendars.desk]
version = 2
closed = {closed}

[[policies]]
id = "longer"
version = 2
rank = 10
tags = ["longer"]
targets = {{ first_reply = "2h" }}

[[policies]]
id = "shorter"
version = 2
rank = 20
tags = ["shorter"]
targets = {{ first_reply = "1s" }}
"""


class Desk:
    """A worker in service, what is written onto its channels, and all transitions so far."""

    def __init__(self, kafka: EmbeddedKafka, namespace: str, folder: Path, worker: Program, reader: Reader) -> None:
        self.folder = folder
        self.settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
        self.worker = worker
        self.said: list[dict[str, Any]] = []
        self.compliance: dict[str, float | None] = {}
        self._kafka = (kafka.bootstrap, namespace)
        self._reader = reader

    def send(self, *events: dict[str, Any]) -> None:
        """Put events on the channels, as a connector does."""

        async def send() -> None:
            records = LineRecords(FORMATS["canonical"], "desk")
            async with Publisher(*self._kafka) as publisher:
                for number, event in enumerate(events, 1):
                    data = json.dumps(event).encode()
                    record = records.record(Line(data, len(data), number), "desk", Ordinals())
                    await (await publisher.send(record))

        asyncio.run(send())

    def ask(self, at: datetime, *contacts: str) -> None:
        """Customers write; what a contact is tagged with stands before the last hyphen of its name."""
        self.send(
            *(event(name, "created", at, type="contact.created", tags=[name.rpartition("-")[0]]) for name in contacts),
            *(event(name, "asked", at, type="message.posted", author="customer") for name in contacts),
        )

    def reply(self, at: datetime, *contacts: str, source: str = "desk") -> None:
        """An agent answers."""
        said = {"type": "message.posted", "author": "agent", "agent": "mia", "source": source}
        self.send(*(event(name, "replied", at, **said) for name in contacts))

    def publish(self, policies: str) -> None:
        """`floorwalker policies publish`."""
        (self.folder / "next.toml").write_text(policies, encoding="utf-8")
        done = floorwalker("policies", "publish", "--config", "next.toml", folder=self.folder, settings=self.settings)
        assert done.returncode == 0, done.stderr

    def told(self, contact: str) -> list[dict[str, Any]]:
        """What was said of a contact, in order."""
        return [each for each in self.said if each["contact"] == contact]

    def names(self, contact: str) -> list[str]:
        """The transitions of a contact, in order."""
        return [each["transition"] for each in self.told(contact)]

    def wait_for(self, claim: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
        """Read on until it holds; returns when it did (seconds since the epoch)."""

        def holds() -> bool:
            self._read()
            return claim()

        words = f"{what}; was said: {[(each['contact'], each['transition']) for each in self.said]}"
        wait_for(holds, f"{words}; the worker: {self.worker.words[-1_500:]}", seconds)
        return time.time()

    def _read(self) -> None:
        for each in self._reader.news(0.05):
            if each.key is None:
                continue
            if each.topic == "alerts.sla":
                self.said.append(each.json)
            elif each.key not in ("pipeline", "trends"):
                window = each.json
                if window["window"]["kind"] == "all" and window["scope"].keys() == {"policy"}:
                    metric = window["metrics"].get("sla_compliance.first_reply", {"value": None})
                    self.compliance[window["scope"]["policy"]] = metric["value"]


def event(contact: str, name: str, at: datetime, **more: Any) -> dict[str, Any]:
    """A canonical event."""
    said = {"id": f"{contact}/{name}", "time": at.isoformat(), "contact": contact, "channel": "email", "source": "desk"}
    return {**said, **more}


def now() -> datetime:
    """The present millisecond."""
    return datetime.fromtimestamp(int(time.time() * 1000) / 1000, UTC)


def at(text: str) -> datetime:
    """An instant of a record."""
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def desk(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One installation in service; each test has contacts of its own."""
    folder = tmp_path_factory.mktemp("sla")
    quick = "".join(
        f'[[policies]]\nid = "within-{target}"\ntags = ["within-{target}"]\ntargets = {{ first_reply = "{target}s" }}\n'
        for target in TARGETS
    )
    (folder / "floorwalker.toml").write_text(CONFIG + quick, encoding="utf-8")
    namespace = unused_namespace("sla")
    settings = {
        "service__bootstrap": kafka.bootstrap,
        "service__namespace": namespace,
        "service__session_timeout": SESSION,
    }
    command = (BIN / "floorwalker", "worker", "--clock", "wall", "--port", 0)
    with ExitStack() as stack:
        worker = stack.enter_context(Program(*command, folder=folder, log=folder / "worker.log", settings=settings))
        worker.wait_ready()
        reader = stack.enter_context(Reader(kafka.bootstrap, namespace, "alerts.sla", "metrics.live"))
        yield Desk(kafka, namespace, folder, worker, reader)


def test_what_is_open_is_retargeted_within_seconds_when_policies_are_published(
    desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    asked = now()
    names = ("longer-1", "longer-2", "shorter-1", "by-desk-1")
    desk.ask(asked, *names)
    desk.wait_for(lambda: all(desk.names(name) == ["activated"] for name in names), "all clocks run")
    days = [asked.date() + timedelta(days=day) for day in (-1, 0, 1, 2)]
    began = now()
    desk.publish(NEXT.format(closed=json.dumps([str(day) for day in days])))
    written = time.time()
    seen = desk.wait_for(
        lambda: all("retargeted" in desk.names(name) for name in names) and "breached" in desk.names("shorter-1"),
        "all are retargeted",
    )
    told = f"{seen - written:.2f} s"
    print(f"\nfrom the published policy to the last open contact retargeted {told}")
    record_property("policy published to contacts retargeted", told)
    assert seen - written < SLACK

    for name in ("longer-1", "longer-2"):
        (activated, moved) = desk.told(name)
        assert (activated["policy"], at(activated["due_at"])) == ({"id": "longer", "version": 1}, asked + HOUR)
        assert (moved["policy"], moved["cause"]) == ({"id": "longer", "version": 2}, "policy_changed")
        assert at(moved["due_at"]) == asked + 2 * HOUR
        assert began <= at(moved["occurred_at"]) <= at(moved["detected_at"])
        assert moved["elapsed"] == (at(moved["occurred_at"]) - asked).total_seconds()

    _, moved, breached = desk.told("shorter-1")
    assert (moved["transition"], breached["transition"]) == ("retargeted", "breached")
    assert (breached["policy"], breached["cause"]) == ({"id": "shorter", "version": 2}, "policy_changed")
    assert at(breached["occurred_at"]) == at(breached["due_at"]) == asked + timedelta(seconds=1)
    assert at(breached["detected_at"]) >= at(moved["occurred_at"]) >= began

    _, moved = desk.told("by-desk-1")
    assert (moved["policy"], moved["calendar"]) == ({"id": "by-desk", "version": 1}, {"id": "desk", "version": 2})
    assert moved["cause"] == "calendar_changed"
    opens = datetime.combine(days[-1] + timedelta(days=1), datetime.min.time(), UTC)
    assert at(moved["due_at"]) == opens + HOUR - (at(moved["occurred_at"]) - asked)


def test_nothing_has_to_happen_for_a_breach_and_a_reply_that_was_in_time_takes_it_back(
    desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    # The mail was three minutes on its way, and so is the reply.
    asked = now() - timedelta(seconds=178)
    due = asked + timedelta(minutes=3)
    desk.ask(asked, "behind-1")
    desk.wait_for(lambda: "breached" in desk.names("behind-1"), "a breach")
    activated, at_risk, breached = desk.told("behind-1")
    assert (activated["transition"], at(activated["due_at"])) == ("activated", due)
    assert (at_risk["transition"], at(at_risk["occurred_at"])) == ("at_risk", asked + timedelta(seconds=144))
    assert at(breached["occurred_at"]) == at(breached["due_at"]) == due
    late = (at(breached["detected_at"]) - due).total_seconds()
    told = f"{late:.2f} s"
    print(f"\na breach was detected {told} after it was due (grace {GRACE} s)")
    record_property("due to breach detected", told)
    assert GRACE <= late < GRACE + SLACK
    desk.wait_for(lambda: desk.compliance.get("behind") == 0.0, "the metrics know of it")

    replied = asked + timedelta(seconds=60)
    desk.reply(replied, "behind-1", source="mail")
    desk.wait_for(lambda: "fulfilled" in desk.names("behind-1"), "the reply")
    *corrected, fulfilled = desk.told("behind-1")[3:]
    assert {each["transition"] for each in corrected} == {"corrected"}
    assert sorted(each["corrects"] for each in corrected) == sorted((at_risk["id"], breached["id"]))
    assert (fulfilled["outcome"], at(fulfilled["occurred_at"]), fulfilled["elapsed"]) == ("attained", replied, 60)
    desk.wait_for(lambda: desk.compliance["behind"] == 1.0, "so do the metrics")


def test_clocks_run_on_through_a_killed_worker_none_twice_none_missing_none_later_than_the_outage(
    desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    asked = now()
    due = {f"within-{target}-{n}": asked + timedelta(seconds=target) for target in TARGETS for n in (1, 2)}
    answered = ("calm-1", "calm-2")
    desk.ask(asked, *due, *answered, "calm-3")
    desk.wait_for(lambda: all(desk.told(name) for name in (*due, *answered, "calm-3")), "all clocks run")
    desk.wait_for(lambda: len(breaches(desk, due)) >= 2, "the first are breached")
    desk.worker.kill()
    killed = time.time()
    replied = asked + timedelta(seconds=1)
    desk.reply(replied, *answered)
    desk.publish(AWAY)
    desk.worker.start()
    meanwhile = now()
    due["within-4-3"] = meanwhile + timedelta(seconds=4)
    desk.ask(meanwhile, "within-4-3")
    desk.worker.wait_ready()
    back = time.time()
    desk.wait_for(lambda: len(breaches(desk, due)) == len(due), "all are breached")
    desk.wait_for(lambda: all("fulfilled" in desk.names(name) for name in answered), "all replies are known")
    desk.wait_for(lambda: "retargeted" in desk.names("calm-3"), "the policy published meanwhile is known")

    for name, instant in due.items():
        began = instant - timedelta(seconds=int(name.split("-")[1]))
        at_risk = began + 0.8 * (instant - began)
        assert moments(desk.told(name)) == [
            ("activated", began, instant), ("at_risk", at_risk, instant), ("breached", instant, instant),
        ]  # fmt: skip
    for name in answered:
        later = asked + timedelta(minutes=30)
        assert moments(desk.told(name)) == [("activated", asked, later), ("fulfilled", replied, later)]
        assert desk.told(name)[-1]["outcome"] == "attained"
    retargeted = next(each for each in desk.told("calm-3") if each["transition"] == "retargeted")
    assert (retargeted["policy"], retargeted["cause"]) == ({"id": "calm", "version": 2}, "policy_changed")
    assert at(retargeted["due_at"]) == asked + timedelta(minutes=45)
    assert killed - SLACK < at(retargeted["occurred_at"]).timestamp() < time.time()
    assert len({each["id"] for each in desk.said}) == len(desk.said)

    late = [
        at(breach["detected_at"]).timestamp() - max(at(breach["due_at"]).timestamp() + GRACE, back)
        for breach in breaches(desk, due)
    ]
    told = f"{back - killed:.2f} s, latest breach {max(late):.2f} s after it"
    print(f"\na worker was away for {told}")
    record_property("outage and latest breach", told)
    assert max(late) < SLACK
    desk.ask(now(), "calm-4")
    desk.wait_for(lambda: bool(desk.told("calm-4")), "a clock of the second version")
    assert desk.told("calm-4")[0]["policy"] == {"id": "calm", "version": 2}


def breaches(desk: Desk, contacts: Iterable[str]) -> list[dict[str, Any]]:
    """The breaches of contacts."""
    return [each for name in contacts for each in desk.told(name) if each["transition"] == "breached"]


def moments(told: Iterable[dict[str, Any]]) -> list[tuple[str, datetime, datetime]]:
    """Of each transition, when it occurred and when its clock was due."""
    return [(each["transition"], at(each["occurred_at"]), at(each["due_at"])) for each in told]
