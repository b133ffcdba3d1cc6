"""From callers who wait too long to the mailbox and the web server of those on call, through SIGKILLs on the way.

Calls are written to a queue_log as they go; what must come of them is worked out from its lines afterwards. A worker
and a notifier that are killed may delay what is told. They may not lose it, tell it to nobody, or tell it twice, but
for the one message that was under way when the notifier was killed.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest

from schemas.ids import alert_id, message_id
from streams.kafka import EmbeddedKafka
from tests.acceptance import told
from tests.acceptance.floor import SESSION
from tests.acceptance.pbx import SOURCE, Pbx
from tests.acceptance.program import in_service, wait_for
from tests.integration.notifier_kit import Floor, HookSink, MailSink, duplicates, hook, kill, mailbox, notifier

PROMISE = 3
GRACE = 1
KEEP = 2
APART = 6
STALE = 12
QUEUES = ("sales", "support", "billing", "orders")
PATIENT = QUEUES[:2]
"""Queues whose callers stay until everybody is told, however long a killed program takes to be back."""
LONGEST = 240
"""Seconds after which even they give up."""
KILLS = 4
ENDS = ("resolve", "brief")

CONFIG = f"""
[sla]
answer_within = "{PROMISE}s"

[alerts]
group_wait = "1s"
keep_firing = "{KEEP}s"

[[sources]]
name = "{SOURCE}"
format = "asterisk-queue-log"
path = "queue_log"
"""


class Centre:
    """An installation in service with two receivers: `web` and `post`."""

    def __init__(
        self, kafka: EmbeddedKafka, namespace: str, folder: Path, stack: ExitStack, **settings: object
    ) -> None:
        (folder / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
        common = {
            "service__bootstrap": kafka.bootstrap,
            "service__namespace": namespace,
            "service__session_timeout": SESSION,
            **settings,
        }
        self.worker, _connector = in_service(stack, folder, common)
        self.web, self.post = stack.enter_context(HookSink()), stack.enter_context(MailSink())
        self.log = folder / "queue_log"
        self.pbx = Pbx(self.log)
        stack.callback(self.pbx.close)
        self.worker.wait_ready()
        self.floor = Floor(kafka.bootstrap, namespace)
        stack.callback(self.floor.close)
        self.notifier = stack.enter_context(
            notifier(self.floor, folder, hook(self.web), mailbox(self.post), **settings)
        )
        self.notifier.wait_ready()
        self._calls = count(1)
        self._entered: dict[str, tuple[str, int]] = {}

    @property
    def sinks(self) -> dict[str, HookSink | MailSink]:
        """By the receiver's name."""
        return {"hook": self.web, "mail": self.post}

    def enter(self, queue: str) -> str:
        """A call enters; its name."""
        call = f"7.{next(self._calls)}"
        self._entered[call] = queue, self.pbx.enter(call, queue)
        return call

    def leave(self, call: str, *, is_answered: bool = False) -> None:
        """It is answered or gives up, now."""
        queue, entered = self._entered[call]
        waited = int(time.time()) - entered
        if is_answered:
            self.pbx.say(call, queue, "Tom Ode", "CONNECT", waited, f"{call}9", 1)
        else:
            self.pbx.say(call, queue, "NONE", "ABANDON", 1, 1, waited)

    def is_told(self, call: str) -> bool:
        """Whether both receivers know of the alert that a call's broken promise began."""
        queue, entered = self._entered[call]
        alert = alert_id("sla.answer_within", {"queue": queue}, (entered + PROMISE) * 1_000)
        triggers = [
            each for each in self.floor.deliveries().values() if (each["alert"], each["notify"]) == (alert, "trigger")
        ]
        return [each["outcome"] for each in triggers] == ["sent"] * len(self.sinks)

    def alerts(self, queue: str) -> list[dict[str, Any]]:
        """The records about a queue so far."""
        return [each for each in self.floor.records() if each["kind"] == "alert" and each["labels"] == {"queue": queue}]

    def wait_alert(self, queue: str, claim: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until it holds of a record about the queue; that one."""
        wait_for(
            lambda: any(claim(each) for each in self.alerts(queue)),
            f"{queue}: {what}; said was {self.alerts(queue)}; the worker: {self.worker.words[-1_500:]}",
        )
        return next(each for each in self.alerts(queue) if claim(each))


StartCentre = Callable[..., Centre]


@pytest.fixture
def start(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> Iterator[StartCentre]:
    """Starts the installation, with a first alert and its end behind it: the connector follows the log."""
    with ExitStack() as stack:

        def started(**settings: object) -> Centre:
            centre = Centre(kafka, namespace, tmp_path, stack, **settings)
            first = centre.enter("first")
            centre.wait_alert("first", lambda each: each.get("notify") == "trigger", "told")
            centre.leave(first)
            wait_for(
                lambda: sum(each["notify"] in ENDS for each in centre.floor.deliveries().values()) == 2,
                f"the first alert's end is told: {centre.floor.records()}",
            )
            return centre

        yield started


def talk(centre: Centre, chance: Random) -> None:
    """Two episodes in each queue: callers who wait far past their promise, and one at each who is answered at once."""
    acts: list[tuple[float, int, Callable[[], None]]] = []
    order = count()

    def do(at: float, act: Callable[[], None]) -> None:
        heapq.heappush(acts, (at, next(order), act))

    def call(
        queue: str, at: float, seconds: float, *, first: bool = False, then: Callable[[], None] | None = None
    ) -> None:
        def begin() -> None:
            name, is_answered = centre.enter(queue), chance.random() < 0.5

            def end() -> None:
                if first and queue in PATIENT and not centre.is_told(name):
                    assert time.monotonic() - began < LONGEST, f"nobody is told of {name}"
                    do(time.monotonic() + 0.5, end)
                else:
                    centre.leave(name, is_answered=is_answered)
                    if then is not None:
                        then()

            # From when it did begin: a busy machine may be late.
            do(time.monotonic() + seconds, end)

        do(at, begin)

    def episode(queue: str, at: float, episodes: int) -> None:
        def then() -> None:
            if episodes > 1:
                episode(queue, time.monotonic() + KEEP + APART + 1, episodes - 1)

        long = PROMISE + chance.uniform(8, 11)
        call(queue, at, long, first=True, then=then)
        call(queue, at + 0.5, 0.3)
        for _ in range(chance.randrange(3)):
            # It joins while the first still waits, and is gone before that one.
            later = chance.uniform(1, 3)
            call(queue, at + later, long - later)

    began = time.monotonic()
    for queue in QUEUES:
        episode(queue, began + chance.uniform(0, 6), 2)
    while acts:
        due, _, act = heapq.heappop(acts)
        time.sleep(max(0.0, due - time.monotonic()))
        act()


def kill_at_times(centre: Centre, chance: Random, kills: list[float]) -> None:
    """Kill worker and notifier, so often each, in an order of chance; the notifier soon after a message came."""
    victims = [centre.worker, centre.notifier] * KILLS
    chance.shuffle(victims)
    for victim in victims:
        time.sleep(chance.uniform(1.0, 3.5))
        if victim is centre.notifier:
            before, deadline = len(centre.web.requests), time.monotonic() + 6.0
            while len(centre.web.requests) == before and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.uniform(0.0, 0.25))
            kills.append(kill(victim))
        else:
            victim.kill()
        victim.start()


@pytest.mark.slow
def test_through_kills_everybody_is_told_of_every_alert_and_its_end(
    start: StartCentre, record_property: Callable[[str, object], None]
) -> None:
    centre, chance = start(), Random(7)
    kills: list[float] = []
    web, post, floor = centre.web, centre.post, centre.floor
    # It takes its time, so that kills find messages under way.
    web.behave = lambda _request, _nth: (204, {}, 0.2)
    post.seconds = 0.2
    talking = Thread(target=talk, args=(centre, Random(8)))
    talking.start()
    kill_at_times(centre, chance, kills)
    talking.join()

    expected = told.episodes(centre.log, promise=PROMISE, grace=GRACE, keep=KEEP, apart=APART)
    assert len(expected) == 1 + 2 * len(QUEUES)
    wait_for(
        lambda: sum(each["notify"] in ENDS for each in floor.deliveries().values()) >= 2 * len(expected),
        f"the ends of {expected} told to both",
    )
    # Time for what should not come.
    time.sleep(2)
    alerts, outcomes = told.by_alert(floor.records()), told.outcomes(floor.records())

    # The alerts are those that the log's lines lead to, each record once.
    assert set(alerts) == {alert_id("sla.answer_within", {"queue": each.queue}, each.due * 1_000) for each in expected}
    found = [(said[-1]["labels"]["queue"], said[-1]["evidence"]["total"]) for said in alerts.values()]
    assert sorted(found) == sorted((each.queue, each.total) for each in expected)
    full = 0
    for name, said in alerts.items():
        assert [each["sequence"] for each in said] == list(range(1, len(said) + 1)), "none twice, none left out"
        assert said[-1]["state"] == "resolved"
        assert said[-1]["evidence"]["open"] == 0
        asked = [(each["notify"], each["sequence"]) for each in said if each.get("notify")]
        # What was over before a killed worker could say that it began is one note.
        assert [notify for notify, _ in asked] in (["trigger", "resolve"], ["brief"])
        for receiver, sink in centre.sinks.items():
            came_of = {sequence: outcomes.pop(message_id(name, sequence, receiver)) for _, sequence in asked}
            result = [(each["notify"], each["outcome"]) for each in came_of.values()]
            assert result in (
                [("trigger", "sent"), ("resolve", "sent")],
                # Nor could a killed notifier.
                [("trigger", "dropped"), ("brief", "sent")],
                [("brief", "sent")],
            ), came_of
            assert all(each["receiver"] == receiver and each["alert"] == name for each in came_of.values())
            came = told.answered(sink.requests)
            sent = [came[each["message"]] for each in came_of.values() if each["outcome"] == "sent"]
            if len(sent) == 2:
                full += 1
                trigger, resolve = sent
                assert trigger[0].answered is not None
                assert all(trigger[0].answered <= each.at for each in resolve), "first that it began"
            assert all(named(each) == name for tries in sent for each in tries)
    assert not outcomes, "what became of messages that nobody asked for"
    assert full >= len(expected), "most were told in full, not in one note"

    # Nothing else came, nothing twice but what was under way, and every time the same.
    twice = {}
    for receiver, sink in centre.sinks.items():
        came = told.answered(sink.requests)
        reported = {each["message"] for each in floor.deliveries().values() if each["outcome"] == "sent"}
        assert set(came) == {each for each in reported if floor.deliveries()[each]["receiver"] == receiver}
        twice[receiver] = duplicates(sink.requests, kills)
        assert twice[receiver] <= KILLS
        for tries in came.values():
            assert all(told.words_of(each) == told.words_of(tries[0]) for each in tries)
    assert all(each.is_genuine for each in web.requests)
    figures = f"{len(alerts)} alerts, {full} of {2 * len(alerts)} told in full; twice, being under way: {twice}"
    print(f"\n{KILLS} kills of worker and notifier each: {figures}")
    record_property("killed on the way", figures)


def named(request: Any) -> str:
    """The alert that a message names."""
    content = request.content
    return str(content["subject"] if isinstance(content, dict) else content["X-Floorwalker-Alert"])


@pytest.mark.slow
def test_what_is_old_when_a_dead_worker_or_notifier_is_back_is_told_to_nobody_and_the_next_one_is(
    start: StartCentre,
) -> None:
    centre = start(alerts__stale_after=f"{STALE}s")
    began = {name: len(sink.requests) for name, sink in centre.sinks.items()}
    centre.notifier.kill()
    unheard = centre.enter("unheard")
    asked = centre.wait_alert("unheard", lambda each: each.get("notify") == "trigger", "to be told")
    centre.worker.kill()
    unseen = centre.enter("unseen")
    time.sleep(PROMISE + STALE + 2)
    centre.worker.start()
    centre.notifier.start()

    shown = centre.wait_alert("unseen", lambda each: each["state"] == "firing", "shown")
    assert shown["reason"].startswith("stale: ")
    assert not any(each.get("notify") for each in centre.alerts("unseen"))
    wait_for(
        lambda: sum(each["alert"] == asked["id"] for each in centre.floor.deliveries().values()) == 2,
        f"what became of the one not told; the notifier: {centre.notifier.words[-1_500:]}",
    )
    centre.leave(unheard, is_answered=True)
    centre.leave(unseen)
    for queue in ("unheard", "unseen"):
        centre.wait_alert(queue, lambda each: each["state"] == "resolved", "over")

    centre.enter("unheard")
    fresh = centre.wait_alert(
        "unheard", lambda each: each["id"] != asked["id"] and each.get("notify") == "trigger", "to be told again"
    )
    wait_for(
        lambda: sum(each["alert"] == fresh["id"] for each in centre.floor.deliveries().values()) == 2,
        "what became of the next one",
    )
    deliveries = centre.floor.deliveries().values()
    dropped = [each for each in deliveries if each["alert"] == asked["id"]]
    assert {(each["notify"], each["outcome"], each["detail"]) for each in dropped} == {("trigger", "dropped", "stale")}
    assert {each["outcome"] for each in deliveries if each["alert"] == fresh["id"]} == {"sent"}
    assert not [each for each in deliveries if each["alert"] == shown["id"]]
    for name, sink in centre.sinks.items():
        assert [named(each) for each in sink.requests[began[name] :]] == [fresh["id"]]
