"""SIGKILL of the notifier at seeded moments: every message comes, and none again but the one that was under way.

A send counts as answered for the sink when it said that all is well. The notifier may have been killed before it could
record that: then the message comes once more, under the same id. So for each receiver, which gets one message at a
time: every id is answered at least once; and of two answers to the same id the first was to the last request that the
sink had got before a kill, so that a kill costs one duplicate at most.
"""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from streams.kafka import EmbeddedKafka
from tests.acceptance.program import wait_for
from tests.integration.notifier_kit import Floor, HookSink, MailSink, alert, duplicates, hook, kill, mailbox, notifier

ALERTS = 60
KILLS = 6
SECONDS = 15.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_through_kills_every_message_comes_and_only_the_one_under_way_comes_twice(
    seed: int, kafka: EmbeddedKafka, namespace: str, tmp_path: Path
) -> None:
    chance = Random(seed)
    floor = Floor(kafka.bootstrap, namespace)
    kills: list[float] = []

    def say() -> None:
        for number in range(ALERTS):
            floor.say(alert(f"queue-{number}"))
            if number >= 5:
                floor.say(alert(f"queue-{number - 5}", 2, "resolve"))
            time.sleep(SECONDS / ALERTS)
        floor.say(*(alert(f"queue-{number}", 2, "resolve") for number in range(ALERTS - 5, ALERTS)))

    with HookSink() as web, MailSink() as post, notifier(floor, tmp_path, hook(web), mailbox(post)) as program:
        # It refuses some, and takes its time: kills find messages under way.
        web.behave = lambda request, nth: (503 if nth == 1 and hash_of(request.id) % 7 == 0 else 204, {}, 0.05)
        post.reply = lambda nth: "250 OK" if nth > 1 or chance.random() > 0.1 else "451 later"
        program.wait_ready()
        saying = Thread(target=say)
        saying.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 3.0))
            # While a message is under way, if one comes soon.
            before = len(web.requests)
            deadline = time.monotonic() + 1.0
            while len(web.requests) == before and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.uniform(0.0, 0.08))
            kills.append(kill(program))
            program.start()
        saying.join()

        def told() -> bool:
            over = [each for each in floor.deliveries().values() if each["notify"] in ("resolve", "brief")]
            return len(over) == 2 * ALERTS

        wait_for(told, "the ends of all alerts, told to both", 120)
        deliveries = floor.deliveries()
        # All may have been told before the last kill: what is still being loaded would end by the signal itself.
        program.wait_ready()
        assert program.interrupt() == 0

    by_alert = defaultdict(list)
    for each in deliveries.values():
        by_alert[each["alert"], each["receiver"]].append(each)
    assert len(by_alert) == 2 * ALERTS
    for said in by_alert.values():
        came_to = sorted((each["notify"], each["outcome"]) for each in said)
        assert came_to in (
            [("resolve", "sent"), ("trigger", "sent")],
            # It was over before anything could be sent.
            [("brief", "sent"), ("trigger", "dropped")],
        )
    for name, requests in (("hook", web.requests), ("mail", post.requests)):
        answered = {each.id for each in requests if each.answered is not None}
        sent = {
            each["message"] for each in deliveries.values() if each["receiver"] == name and each["outcome"] == "sent"
        }
        assert answered == sent
        assert duplicates(requests, kills) <= KILLS
    for request in web.requests:
        assert request.is_genuine
        if request.content["type"].endswith(".resolve"):
            begun = [other for other in web.of("trigger") if other.content["subject"] == request.content["subject"]]
            assert any(other.answered is not None and other.answered <= request.at for other in begun)
    floor.close()


def hash_of(text: str) -> int:
    return int(text[:8], 16)
