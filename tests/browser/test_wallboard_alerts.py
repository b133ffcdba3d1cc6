"""Problems on the wall: seen, opened, acknowledged, muted, over."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import scenes, wall
from tests.browser.chromium import Complaints
from tests.browser.scripted_gateway import ScriptedGateway

ACKNOWLEDGEMENT = "/api/v1/alerts/a-1/acknowledgement"


def troubled(page: Page, gateway: ScriptedGateway, query: str = "", **hello: Any) -> None:
    gateway.opening = wall.opening(hello, **scenes.troubled())
    wall.show(page, gateway, query)


def delivery(receiver: str, became: str, at: int, **more: Any) -> dict[str, Any]:
    """What became of the first message to a receiver."""
    return {
        "receiver": receiver,
        "notify": "trigger",
        "outcome": became,
        "attempts": 1,
        "at": scenes.instant(at),
    } | more


def outcome(page: Page) -> str:
    return page.locator("#alert .outcome").inner_text()


def test_the_strip_shows_the_three_worst_and_counts_the_rest(page: Page, gateway: ScriptedGateway) -> None:
    troubled(page, gateway)

    assert page.locator(".problem:visible .text").all_inner_texts() == [
        "Cards voice: 3 past 20 s, oldest 2:41",
        "Loans: 60 % more calls than usual",
        "Source pbx-south is silent",
    ]
    assert page.locator("#more").inner_text() == "+4 more"
    assert page.locator("#worst .since").inner_text().startswith("since ")
    assert page.locator("#others .ack").first.inner_text().startswith("Dana acked ")


def test_a_problem_that_a_delta_brings_appears_and_leaves(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    gateway.opening = wall.opening()
    gateway.say("delta", scenes.delta(problems=[scenes.problem("a-9", "Loans: 1 past 20 s")], more_problems=0))
    wall.until(lambda: page.locator("#worst .text").inner_text() == "Loans: 1 past 20 s", "the problem appeared")

    gateway.say("delta", scenes.delta(problems=[], more_problems=0))
    wall.until(lambda: page.locator("#quiet").is_visible(), "it left")
    assert page.locator("#quiet").inner_text() == "No open problems"


def test_an_alert_is_acknowledged_and_shown_so_only_when_the_stream_says_so(
    page: Page, gateway: ScriptedGateway
) -> None:
    troubled(page, gateway)
    page.locator("#worst").click()
    assert page.locator("#alert-title").inner_text() == scenes.CARDS
    assert "3 open of 5" in page.locator("#alert dl").inner_text()

    page.locator("#acknowledge").click()
    assert "Enter your name" in outcome(page)
    assert gateway.posts == []
    page.locator("#by").fill("Dana")
    page.locator("#acknowledge").click()

    wall.until(lambda: outcome(page).startswith("Sent"), "it was sent")
    assert gateway.posts == [(ACKNOWLEDGEMENT, {"by": "Dana"})]
    assert "Acknowledged" not in page.locator("#alert dl").inner_text()

    said = {"by": "Dana", "at": scenes.now()}
    gateway.say("alert", scenes.alert("a-1", scenes.CARDS, state="acknowledged", acknowledged=said))
    wall.until(lambda: outcome(page).startswith("Acknowledged by Dana"), "the stream confirmed it")
    assert not page.locator("#acknowledge").is_visible()
    assert page.locator("#news").text_content() == f"Dana acknowledged: {scenes.CARDS}"


def test_the_name_is_asked_once(page: Page, gateway: ScriptedGateway) -> None:
    troubled(page, gateway)
    page.locator("#worst").click()
    page.locator("#by").fill("Dana")
    page.locator("#acknowledge").click()
    wall.until(lambda: len(gateway.posts) == 1, "it was sent")

    page.reload()
    page.locator(".tile:not(.empty)").first.wait_for()
    page.keyboard.press("a")
    assert not page.locator("#by-field").is_visible()
    page.locator("#acknowledge").click()
    wall.until(lambda: len(gateway.posts) == 2, "it was sent again")
    assert gateway.posts[1] == (ACKNOWLEDGEMENT, {"by": "Dana"})


def test_a_name_that_the_server_knows_is_not_asked(page: Page, gateway: ScriptedGateway) -> None:
    gateway.name = "desk-3"
    troubled(page, gateway)
    page.locator("#worst").click()
    wall.until(lambda: not page.locator("#by-field").is_visible(), "the name is known")

    page.locator("#acknowledge").click()
    wall.until(lambda: gateway.posts == [(ACKNOWLEDGEMENT, {"by": "desk-3"})], "it was sent")


def test_an_alert_is_muted_for_an_hour_with_a_reason(page: Page, gateway: ScriptedGateway) -> None:
    troubled(page, gateway)
    page.locator("#worst").click()
    page.locator("#by").fill("Dana")
    assert not page.locator("#why").is_visible()
    page.locator("#mute").click()
    page.locator("#mute").click()
    assert "Say why" in outcome(page)
    page.locator("#why").fill("fire drill")
    page.keyboard.press("Enter")

    wall.until(lambda: len(gateway.posts) == 1, "it was sent")
    path, said = gateway.posts[0]
    until = datetime.fromisoformat(said.pop("until"))
    assert (path, said) == ("/api/v1/mutes", {"matchers": {"queue": "cards"}, "why": "fire drill", "by": "Dana"})
    ahead = until - datetime.fromtimestamp(time.time(), until.tzinfo)
    assert timedelta(minutes=59) < ahead < timedelta(minutes=61)

    gateway.say("alert", scenes.alert("a-1", scenes.CARDS, muted=True))
    wall.until(lambda: outcome(page) == "Muted", "the stream confirmed it")


def test_a_refusal_is_said_in_the_servers_words(
    page: Page, gateway: ScriptedGateway, complaints: list[Complaints]
) -> None:
    complaints[0].allowed.append("409")
    gateway.answers[ACKNOWLEDGEMENT] = (409, "the alert was resolved at 14:32")
    troubled(page, gateway)
    page.locator("#worst").click()
    page.locator("#by").fill("Dana")
    page.locator("#acknowledge").click()

    wall.until(lambda: outcome(page) == "Not done: the alert was resolved at 14:32", "the refusal is shown")
    assert page.locator("#acknowledge").is_enabled()


def test_who_may_only_read_is_offered_nothing_to_say(page: Page, gateway: ScriptedGateway) -> None:
    troubled(page, gateway, role="viewer")
    page.locator("#worst").click()

    assert page.locator("#alert").is_visible()
    assert not page.locator("#acknowledge").is_visible()
    assert not page.locator("#mute").is_visible()


def test_a_problem_that_is_no_alert_can_be_read_and_not_acknowledged(page: Page, gateway: ScriptedGateway) -> None:
    troubled(page, gateway)
    page.locator(".problem", has_text="pbx-south").click()

    assert page.locator("#alert-title").inner_text() == "Source pbx-south is silent"
    assert "does floorwalker connect run?" in page.locator("#alert .lead").inner_text()
    assert not page.locator("#acknowledge").is_visible()


def test_the_dialog_shows_what_an_alert_rests_on_and_who_was_told(page: Page, gateway: ScriptedGateway) -> None:
    noon = 1_795_348_800_000  # 13:00 in Berlin
    gateway.details["a-1"] = scenes.details(
        scenes.alert("a-1", scenes.CARDS, started_at=noon),
        (
            delivery("team-leads", "failed", noon + 90_000, detail="given up after 3 tries; the last: HTTP 500"),
            delivery("on-call", "sent", noon + 30_000, detail="HTTP 204"),
        ),
        target=20.0,
        corrected=1,
        subjects=[
            {"id": "s-1", "since": scenes.instant(noon), "due_at": scenes.instant(noon + 20_000)},
            {
                "id": "s-2",
                "since": scenes.instant(noon + 5_000),
                "due_at": scenes.instant(noon + 25_000),
                "ended_at": scenes.instant(noon + 65_000),
                "outcome": "late",
            },
        ],
    )
    troubled(page, gateway)
    page.locator("#worst").click()
    wall.until(lambda: "Told" in page.locator("#alert dl").inner_text(), "the API was asked")

    said = page.locator("#alert dl").inner_text().splitlines()
    assert said[said.index("Evidence") + 1 : said.index("Told")] == [
        "waits since 13:00:00, due 13:00:20",
        "13:00:05 to 13:01:05, waited 1:00, answered late",
        "+3 more",
        "1 taken back by later records",
    ]
    assert said[said.index("Told") + 1 : said.index("As of")] == [
        "on-call: beginning sent 13:00",
        "team-leads: beginning failed 13:01: given up after 3 tries; the last: HTTP 500",
    ]
    assert said[said.index("Target") + 1] == "0:20"


@pytest.mark.parametrize(
    ("trend", "said"),
    [
        (
            {"observed": 41.0, "expected": 18.3, "days": 14},
            ["41 came, usual in that time: 18", "as 14 days of the past say"],
        ),
        (
            {"observed": 0, "expected": 7.25, "last_seen": "2026-11-22T12:00:00Z"},
            ["last heard at 13:00:00", "usual since then: 7.3 records"],
        ),
        (
            {"observed": 0, "expected": 0, "last_seen": "2026-11-22T12:00:00Z", "limit": 600.0},
            ["last heard at 13:00:00", "counts as silent after 10:00"],
        ),
    ],
)
def test_the_dialog_of_a_trend_shows_its_numbers(
    page: Page, gateway: ScriptedGateway, trend: dict[str, Any], said: list[str]
) -> None:
    gateway.details["a-1"] = scenes.details(scenes.alert("a-1", scenes.CARDS), trend=trend)
    troubled(page, gateway)
    page.locator("#worst").click()

    wall.until(lambda: "nobody yet" in page.locator("#alert dl").inner_text(), "the API was asked")
    lines = page.locator("#alert dl").inner_text().splitlines()
    assert lines[lines.index("Evidence") + 1 : lines.index("Told")] == said


def test_the_dialog_asks_again_while_it_is_open(page: Page, gateway: ScriptedGateway) -> None:
    troubled(page, gateway)
    page.locator("#worst").click()
    wall.until(lambda: "nobody yet" in page.locator("#alert dl").inner_text(), "nobody was told")

    sent = delivery("on-call", "sent", scenes.now())
    gateway.details["a-1"] = scenes.details(scenes.alert("a-1", scenes.CARDS), (sent,))
    gateway.say("beat", scenes.beat())
    wall.until(lambda: "on-call: beginning sent" in page.locator("#alert dl").inner_text(), "the message shows")


def test_an_alert_that_left_the_board_is_shown_as_the_api_has_it(page: Page, gateway: ScriptedGateway) -> None:
    ended = scenes.alert("a-old", "Loans: over, 7 callers waited", state="resolved", ended_at=scenes.now(), open=0)
    gateway.details["a-old"] = scenes.details(ended)
    troubled(page, gateway, "?alert=a-old")

    wall.until(lambda: page.locator("#alert-title").inner_text() == "Loans: over, 7 callers waited", "it is shown")
    said = page.locator("#alert dl").inner_text().splitlines()
    assert said[said.index("State") + 1] == "over"
    assert not page.locator("#acknowledge").is_visible()


def test_a_screen_on_the_wall_asks_for_no_details(page: Page, gateway: ScriptedGateway) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    troubled(page, gateway, role="wall")
    page.locator("#worst").click()
    gateway.say("beat", scenes.beat())
    time.sleep(0.3)

    assert page.locator("#alert-title").inner_text() == scenes.CARDS
    assert not [url for url in asked if "/api/v1/alerts" in url]


def test_the_address_in_a_message_opens_its_alert(page: Page, gateway: ScriptedGateway) -> None:
    troubled(page, gateway, "?alert=a-2")
    page.locator("#alert").wait_for(state="visible")

    assert page.locator("#alert-title").inner_text() == "Loans: 60 % more calls than usual"
    page.keyboard.press("Escape")
    gateway.say("snapshot", scenes.snapshot(**scenes.troubled()))
    time.sleep(0.3)
    assert not page.locator("#alert").is_visible()


def test_an_address_of_an_alert_that_is_gone_says_so(
    page: Page, gateway: ScriptedGateway, complaints: list[Complaints]
) -> None:
    complaints[0].allowed.append("404")
    troubled(page, gateway, "?alert=long-gone")
    page.locator("#alert").wait_for(state="visible")

    gone = "This is over and no longer listed."
    wall.until(lambda: page.locator("#alert-title").inner_text() == gone, "it says so")


def test_only_changes_of_alerts_are_told_to_a_screen_reader(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening()
    wall.show(page, gateway)
    live = page.locator("[aria-live], [role=status], [role=alert]")
    assert {one.get_attribute("id") or one.get_attribute("class") for one in live.all()} == {
        "news",
        "sign-in-error",
        "outcome",
    }

    gateway.say("alert", scenes.alert("a-7", "Loans: 2 past 20 s"))
    wall.until(lambda: page.locator("#news").text_content() == "New problem: Loans: 2 past 20 s", "it was told")
    gateway.say("alert", scenes.alert("a-7", "Loans: 4 past 20 s"))
    gateway.say("delta", scenes.delta(scenes.count("waiting", "In queue", 8)))
    wall.until(lambda: wall.text(page, "waiting", "value") == "8", "later messages arrived")
    assert page.locator("#news").text_content() == "New problem: Loans: 2 past 20 s"
    gateway.say("alert", scenes.alert("a-7", "Loans: 4 past 20 s", state="resolved", ended_at=scenes.now()))
    wall.until(lambda: page.locator("#news").text_content() == "Over: Loans: 4 past 20 s", "its end was told")


def test_markup_in_a_text_stays_text(page: Page, gateway: ScriptedGateway) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    gateway.opening = wall.opening(
        tiles=[scenes.count("n", nasty, 1, note=nasty, status="warn", word=nasty)],
        problems=[scenes.problem("a-1", nasty)],
        alerts=[scenes.alert("a-1", nasty, labels={"queue": nasty})],
    )
    wall.show(page, gateway)
    page.locator("#worst").click()

    assert page.locator("#alert-title").inner_text() == nasty
    assert wall.text(page, "n", "label") == nasty
    assert page.locator("img").count() == 0
