"""From alerts.notifications to a web server and a mail server on loopback: who is told what, when, and how often."""

from __future__ import annotations

import resource
import time
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.ids import message_id
from schemas.notifications import Evidence
from streams.kafka import EmbeddedKafka
from tests.acceptance.program import PATIENCE, wait_for
from tests.integration.notifier_kit import (
    SECRET,
    SLACK,
    Floor,
    HookSink,
    MailSink,
    Request,
    ago,
    alert,
    hook,
    mailbox,
    notifier,
)


@pytest.fixture
def floor(kafka: EmbeddedKafka, namespace: str) -> Iterator[Floor]:
    made = Floor(kafka.bootstrap, namespace)
    yield made
    made.close()


@pytest.fixture
def web() -> Iterator[HookSink]:
    with HookSink() as sink:
        yield sink


@pytest.fixture
def post() -> Iterator[MailSink]:
    with MailSink() as sink:
        yield sink


def outcomes(deliveries: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return sorted((each["notify"], each["outcome"], each.get("detail")) for each in deliveries)


def test_an_alert_and_its_end_reach_web_and_mail_signed_threaded_and_reported(
    floor: Floor, web: HookSink, post: MailSink, tmp_path: Path
) -> None:
    with notifier(floor, tmp_path, hook(web), mailbox(post)) as program:
        program.wait_ready()
        floor.say(alert("cards"))
        floor.wait_deliveries(2)
        floor.say(alert("cards", 2, notify=None), alert("cards", 3, "resolve"))
        deliveries = floor.wait_deliveries(4)
        assert program.interrupt() == 0
    assert all(each["outcome"] == "sent" and each["attempts"] == 1 for each in deliveries)

    first, last = web.requests
    trigger = alert("cards")
    assert (first.id, last.id) == (message_id(trigger.id, 1, "hook"), message_id(trigger.id, 3, "hook"))
    assert all(each.is_genuine for each in (first, last))
    assert first.headers["content-type"] == "application/cloudevents+json"
    event = first.content
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "floorwalker.alert.trigger", trigger.id)
    assert event["id"] == event["data"]["message"] == first.id
    assert event["data"]["alert"]["evidence"]["subjects"][0]["contact"] == "contact-cards"
    assert event["data"]["text"].startswith("[CRITICAL] cards: 1 caller past the 20 s target\n")
    assert last.content["type"] == "floorwalker.alert.resolve"

    begin, end = (each.content for each in post.requests)
    assert begin["Subject"] == "[CRITICAL] cards: 1 caller past the 20 s target"
    assert end["Subject"].startswith("[RESOLVED] ")
    assert begin["References"] is None
    assert end["References"] == end["In-Reply-To"] == begin["Message-ID"]
    assert begin["Message-ID"] == f"<{message_id(trigger.id, 1, 'mail')}@example.org>"
    assert begin["Auto-Submitted"] == "auto-generated"
    assert "contact contact-cards, since" in begin.get_content()

    log = program.log.read_text()
    assert "not-for-logs" not in log
    assert SECRET not in log


def test_what_is_stale_or_of_a_replay_is_dropped_and_reported_and_its_end_tells_nobody(
    floor: Floor, web: HookSink, tmp_path: Path
) -> None:
    floor.say(
        alert("stale", due=ago(1_030), updated_at=ago(1_000)),
        alert("stale", 2, "resolve"),
        alert("replay", mode="replay"),
        alert("replay", 2, "resolve", mode="replay"),
        # A trend has no promise that was broken: what counts is when it was found.
        alert("trend", started_at=ago(5_000), evidence=Evidence(open=1, total=1)),
        # A breach that goes on is not stale, such as one that was muted until now.
        alert("fresh", due=ago(4_000)),
        alert("fresh", 2, "repeat", due=ago(4_000)),
    )
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        deliveries = floor.wait_deliveries(5)
        time.sleep(1)
    assert outcomes(deliveries) == [
        ("repeat", "sent", "HTTP 204"),
        ("trigger", "dropped", "replay"),
        ("trigger", "dropped", "stale"),
        ("trigger", "sent", "HTTP 204"),
        ("trigger", "sent", "HTTP 204"),
    ]
    assert len(web.requests) == 3
    assert len(floor.deliveries()) == 5


def test_severities_choose_receivers_and_the_end_goes_to_those_that_were_told(
    floor: Floor, web: HookSink, post: MailSink, tmp_path: Path
) -> None:
    with notifier(
        floor, tmp_path, hook(web, severities=["warning"]), mailbox(post, severities=["critical"])
    ) as program:
        program.wait_ready()
        floor.say(alert("one", severity="warning"), alert("two", severity="critical"))
        floor.wait_deliveries(2)
        # Its severity at its end is another than it was.
        floor.say(alert("one", 2, "resolve", severity="critical"), alert("two", 2, "retract", severity="critical"))
        floor.wait_deliveries(4)
        time.sleep(1)
    assert [each.content["data"]["alert"]["labels"]["queue"] for each in web.requests] == ["one", "one"]
    assert [str(each.content["Subject"]).split("]")[0] for each in post.requests] == ["[CRITICAL", "[RETRACTED"]
    assert len(floor.deliveries()) == 4


def test_a_message_is_tried_again_until_it_is_taken_and_the_next_of_its_alert_waits(
    floor: Floor, web: HookSink, tmp_path: Path
) -> None:
    def queue_of(request: Request) -> str:
        return str(request.content["data"]["alert"]["labels"]["queue"])

    def busy(request: Request, nth: int) -> tuple[int, dict[str, str], float]:
        # Its messages are taken when the other one was: a busy machine may be late to say that.
        if queue_of(request) == "other" or (nth >= 3 and "other" in map(queue_of, web.requests)):
            return 204, {}, 0.0
        return 503, {}, 0.0

    web.behave = busy
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        floor.say(alert("cards"))
        wait_for(lambda: len(web.requests) == 1, "the first try")
        floor.say(
            alert("cards", 2, "update"), alert("cards", 3, "update"), alert("cards", 4, "resolve"), alert("other")
        )
        deliveries = floor.wait_deliveries(5)
    tries = [each for each in web.requests if queue_of(each) == "cards"]
    begun = len(web.of("trigger")) - 1
    assert begun >= 3
    assert [each.content["type"].rpartition(".")[2] for each in tries] == ["trigger"] * begun + ["resolve"] * 3
    assert len({str(each.content) for each in tries}) == 2, "every try of a message says the same"
    gaps = [later.at - earlier.at for earlier, later in pairwise(tries)]
    assert 0.8 <= gaps[0] <= 2.5 + SLACK
    assert 1.6 <= gaps[1] <= 4.0 + SLACK
    assert outcomes([each for each in deliveries if each["notify"] == "update"]) == [
        ("update", "dropped", "superseded"),
        ("update", "dropped", "superseded"),
    ]
    assert sorted(each["attempts"] for each in deliveries if each["outcome"] == "sent") == [1, 3, begun]


def test_an_episode_that_was_over_before_the_first_try_is_one_brief_note(
    floor: Floor, web: HookSink, tmp_path: Path
) -> None:
    # All that stands on the topic is read before anything is sent.
    floor.say(alert("open"))
    floor.say(alert("cards"), alert("cards", 2, "resolve"), alert("loans"), alert("loans", 2, "retract"))
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        deliveries = floor.wait_deliveries(5)
        time.sleep(1)
    assert outcomes(deliveries) == [
        ("brief", "sent", "HTTP 204"),
        ("retract", "dropped", "superseded"),
        ("trigger", "dropped", "superseded"),
        ("trigger", "dropped", "superseded"),
        ("trigger", "sent", "HTTP 204"),
    ]
    (brief,) = web.of("brief")
    assert brief.content["data"]["text"].startswith("[FIRED AND CLEARED] cards")
    assert len(web.requests) == 2


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [(400, {}, "HTTP 400"), (404, {}, "HTTP 404"), (302, {"Location": "/elsewhere"}, "redirects are not followed")],
)
def test_what_a_web_server_refuses_for_good_fails_at_once(
    status: int, headers: dict[str, str], words: str, floor: Floor, web: HookSink, tmp_path: Path
) -> None:
    web.behave = lambda _request, _nth: (status, headers, 0.0)
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        floor.say(alert("cards"))
        (delivery,) = floor.wait_deliveries(1)
        time.sleep(1.5)
    assert (delivery["outcome"], delivery["attempts"]) == ("failed", 1)
    assert words in delivery["detail"]
    assert len(web.requests) == 1


def test_a_receiver_that_asks_for_time_gets_it(floor: Floor, web: HookSink, tmp_path: Path) -> None:
    web.behave = lambda _request, nth: (429, {"Retry-After": "4"}, 0.0) if nth == 1 else (204, {}, 0.0)
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        floor.say(alert("cards"))
        (delivery,) = floor.wait_deliveries(1)
    assert (delivery["outcome"], delivery["attempts"]) == ("sent", 2)
    assert 4.0 <= web.requests[1].at - web.requests[0].at < 6.0 + SLACK


def test_a_mail_that_the_server_refuses_fails_at_once_and_one_put_off_is_tried_again(
    floor: Floor, post: MailSink, tmp_path: Path
) -> None:
    post.reply = lambda nth: "451 later" if nth == 1 else "250 OK"
    with notifier(floor, tmp_path, mailbox(post)) as program:
        program.wait_ready()
        floor.say(alert("cards"))
        (delivery,) = floor.wait_deliveries(1)
        assert (delivery["outcome"], delivery["attempts"]) == ("sent", 2)
        post.reply = lambda _nth: "554 no"
        floor.say(alert("loans"))
        floor.wait_deliveries(2)
    refused = floor.deliveries()[message_id(alert("loans").id, 1, "mail")]
    assert (refused["outcome"], refused["attempts"], refused["detail"]) == ("failed", 1, "SMTP 554 no")


def test_a_receiver_that_hangs_delays_no_other(floor: Floor, web: HookSink, tmp_path: Path) -> None:
    with HookSink() as hanging:
        hanging.behave = lambda _request, _nth: (204, {}, 60.0)
        with notifier(floor, tmp_path, hook(hanging, "hangs"), hook(web)) as program:
            program.wait_ready()
            began = time.monotonic()
            floor.say(*(alert(f"queue-{number}") for number in range(5)))
            floor.wait_deliveries(5)
            # Given up after 5 s, and the next one is tried.
            wait_for(lambda: len(hanging.requests) >= 2, "a second try")
            assert hanging.requests[1].at - began >= 4.8
            assert len(web.requests) == 5
            assert max(each.at for each in web.requests) < hanging.requests[1].at, "they waited for nobody"


def test_bad_records_are_skipped_and_counted_and_the_next_is_told(floor: Floor, web: HookSink, tmp_path: Path) -> None:
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        floor.put("alerts.notifications", b"x", b"\xff no JSON")
        naive = alert("naive")
        floor.put("alerts.notifications", b"y", encoded_without_zone(naive))
        floor.put("alerts.notifications", b"z", b" " + msgspec.json.encode(naive).replace(b"naive", b"\xff"))
        floor.put("alerts.notifications", b"z", b' {"kind":"alert","x":' + b"[" * 100_000)
        floor.say(alert("cards"))
        floor.wait_deliveries(1)
        assert metric(program.port(), "floorwalker_notifier_skipped_total") == 4
        assert metric(program.port(), 'floorwalker_notifications_total{kind="webhook",outcome="sent"') == 1
    assert len(web.requests) == 1


def encoded_without_zone(made: Any) -> bytes:
    fields = msgspec.to_builtins(made)
    fields["started_at"] = "2026-11-22T04:00:00"
    return msgspec.json.encode(fields)


def metric(port: int | None, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_a_full_disk_is_waited_for_and_what_was_to_be_told_is_told_once(
    floor: Floor, web: HookSink, tmp_path: Path
) -> None:
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        pid = program.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        # No file of this process may grow: what SQLite meets on a full disk, and root is not let through.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        floor.say(alert("cards"))
        wait_for(lambda: not program.is_ready(), "it says that it is not at work")
        time.sleep(3)
        assert web.requests == []
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        (delivery,) = floor.wait_deliveries(1)
        wait_for(program.is_ready, "it is at work again")
        assert program.interrupt() == 0
    assert delivery["outcome"] == "sent"
    assert len(web.requests) == 1


def test_a_second_notifier_on_the_same_database_is_refused(floor: Floor, web: HookSink, tmp_path: Path) -> None:
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        with notifier(floor, tmp_path, hook(web)) as second:
            assert second.process.wait(PATIENCE) == 4
            assert "uses" in second.words
            assert "one is enough" in second.words


def test_messages_to_a_receiver_that_was_removed_have_failed(floor: Floor, web: HookSink, tmp_path: Path) -> None:
    web.behave = lambda _request, _nth: (503, {}, 0.0)
    with notifier(floor, tmp_path, hook(web)) as program:
        program.wait_ready()
        floor.say(alert("cards"))
        wait_for(lambda: len(web.requests) >= 1, "a try")
    with notifier(floor, tmp_path, hook(web, "another")) as program:
        program.wait_ready()
        (delivery,) = floor.wait_deliveries(1)
    assert (delivery["receiver"], delivery["outcome"]) == ("hook", "failed")
    assert "in the settings no more" in delivery["detail"]
