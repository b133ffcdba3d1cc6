"""Every state of the board, and the way back from it."""

from __future__ import annotations

import operator
import time
from itertools import pairwise
from statistics import median

from playwright.sync_api import Page

from tests.browser import faces, scenes, wall
from tests.browser.chromium import Complaints
from tests.browser.scripted_gateway import ScriptedGateway

FACES = """
    window.faces = [];
    setInterval(() => {
        const cards = document.querySelector('.tile[data-id="cards"]');
        if (!cards) return;
        const lost = document.querySelector('#lost');
        const face = {
            badge: document.querySelector('#badge').dataset.state, lost: lost.checkVisibility(),
            silence: document.querySelector('#lost-for').textContent,
            status: cards.dataset.status, value: cards.querySelector('.value').textContent,
        };
        if (JSON.stringify(face) !== JSON.stringify(window.faces.at(-1))) window.faces.push(face);
    }, 20);
"""
"""Keeps each face of a board, from its first tile on."""


def test_a_live_board_says_how_far_behind_its_data_is(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening(lag=3.2)
    wall.show(page, gateway)

    assert page.locator("#badge").inner_text().split() == ["LIVE", "3", "s"]
    assert page.locator("#title").inner_text() == "Customer service floor"
    assert page.locator("#zone").inner_text() == "Berlin"


def test_a_waiting_clock_ticks_each_second_with_no_message_from_the_server(
    page: Page, gateway: ScriptedGateway
) -> None:
    tile = scenes.clock("c", "Cards", 161)
    gateway.opening = wall.opening(tiles=[tile])
    wall.show(page, gateway)
    page.evaluate(
        """() => {
            const value = document.querySelector('.tile[data-id="c"] .value');
            window.ticks = [];
            new MutationObserver(() => window.ticks.push([Date.now(), value.textContent])).observe(
                value, {characterData: true, childList: true, subtree: true});
        }"""
    )
    wall.until(lambda: page.evaluate("window.ticks.length") >= 5, "it ticks")

    ticks = page.evaluate("window.ticks")
    shown = [faces.seconds(text) for _, text in ticks]
    waited = [(at - tile["since"]) / 1_000 for at, _ in ticks]
    assert [late for late in map(operator.sub, waited, shown) if not -0.5 < late < 1.5] == []
    steps = [later - earlier for earlier, later in pairwise(shown)]
    assert min(steps) >= 1
    # The machine may be busy elsewhere once.
    assert median(steps) == 1


def test_a_screen_whose_clock_is_wrong_by_an_hour_shows_the_servers_time(page: Page, gateway: ScriptedGateway) -> None:
    page.add_init_script("const now = Date.now; Date.now = () => now() + 3_600_000;")
    began = time.time()
    gateway.opening = wall.opening(
        tiles=[scenes.clock("c", "Cards", 10)], hello={"board": {"id": "floor", "title": "F", "timezone": "UTC"}}
    )
    wall.show(page, gateway)

    shown, minute = faces.seconds(wall.text(page, "c", "value")), page.locator("#time").inner_text()
    ended = time.time()
    assert 10 <= shown <= 11 + ended - began
    assert minute in {time.strftime("%H:%M", time.gmtime(at)) for at in (began, ended)}


def test_a_board_that_catches_up_keeps_its_statuses_and_stops_its_clocks(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening(state="catching_up", lag=34.0)
    wall.show(page, gateway)

    assert page.locator("#badge").inner_text().split() == ["CATCHING", "UP", "34", "s"]
    assert wall.tile(page, "cards").get_attribute("data-status") == "bad"
    before = wall.text(page, "cards", "value")
    time.sleep(1.5)
    assert wall.text(page, "cards", "value") == before == "2:41"
    assert wall.text(page, "cards", "tag").startswith("as of ")


def test_a_stale_board_greys_its_values_and_withholds_every_status(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening()
    wall.show(page, gateway)
    assert wall.tile(page, "cards").get_attribute("data-status") == "bad"

    gateway.say("beat", scenes.beat(state="stale", lag=94.0))
    wall.until(lambda: wall.badge(page) == "stale", "the board is stale")

    assert {one.get_attribute("data-status") for one in page.locator(".tile").all()} == {"stale"}
    assert wall.text(page, "cards", "word").startswith("as of ")
    style = wall.tile(page, "cards").evaluate("(it) => getComputedStyle(it).borderTopStyle")
    assert style == "dashed"
    assert "Problems not known since" in page.locator("#quiet").inner_text()

    gateway.say("beat", scenes.beat())
    wall.until(lambda: wall.badge(page) == "live", "it is live again")
    assert wall.tile(page, "cards").get_attribute("data-status") == "bad"


def test_a_number_that_was_not_sent_again_is_as_of_how_far_all_data_had_got(
    page: Page, gateway: ScriptedGateway
) -> None:
    made = scenes.now() - 600_000
    gateway.opening = wall.opening(
        {"board": {"id": "floor", "title": "F", "timezone": "UTC"}},
        tiles=[scenes.count("q", "In queue", 3, as_of=made)],
    )
    wall.show(page, gateway)
    reached = made + 300_000
    gateway.say("beat", scenes.beat(state="stale", lag=300.0, watermark=reached))

    wall.until(lambda: wall.badge(page) == "stale", "the board is stale")
    assert wall.text(page, "q", "word") == f"as of {time.strftime('%H:%M', time.gmtime(reached / 1_000))}"


def test_one_stale_tile_leaves_the_others_alone(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    was = scenes.clock("loans", "Loans", 16, status="stale", as_of=scenes.now() - 300_000, since=scenes.now() - 316_000)

    gateway.say("delta", scenes.delta(was))
    wall.until(lambda: wall.tile(page, "loans").get_attribute("data-status") == "stale", "the tile is stale")

    assert wall.text(page, "loans", "value") == "0:16"
    assert wall.tile(page, "cards").get_attribute("data-status") == "bad"


def test_silence_is_shown_by_a_counting_bar_and_later_no_tile_is_believed(page: Page, gateway: ScriptedGateway) -> None:
    openings = iter([wall.opening(wall.limits(lost=1_000, stale=4_000))()])
    gateway.opening = lambda: next(openings, [])  # it is reached again, and says nothing
    page.add_init_script(FACES)
    wall.show(page, gateway)
    wall.until(lambda: wall.tile(page, "cards").get_attribute("data-status") == "stale", "the tiles are stale")
    assert "no news since" in page.locator("#lost").inner_text()
    width = page.locator("#header").bounding_box()
    assert width is not None
    assert width["width"] == 1280

    seen = page.evaluate("window.faces")
    live, lost = ([face for face in seen if face["badge"] == badge] for badge in ("live", "disconnected"))
    assert {(face["lost"], face["status"]) for face in live} == {(False, "bad")}
    assert all(face["lost"] for face in lost)
    believed = [face for face in lost if face["status"] == "bad"]
    assert len({face["value"] for face in believed}) == 1, "its clocks stand"
    assert len({face["silence"] for face in believed}) > 1, "the bar counts"
    assert [face["badge"] for face in seen] == ["connecting"] * (len(seen) - len(live) - len(lost)) + [
        *("live" for _ in live), *("disconnected" for _ in lost),
    ]  # fmt: skip
    assert {face["status"] for face in lost[len(believed) :]} == {"stale"}


def test_after_a_dropped_connection_the_board_is_live_again_by_itself(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    gateway.hang_up()

    wall.until(lambda: gateway.opened == 2, "the stream was opened again")
    wall.until(lambda: wall.badge(page) == "live", "the board is live")
    assert gateway.last_ids[1] == "1-2"


def test_a_503_does_not_end_the_stream_for_good(
    page: Page, gateway: ScriptedGateway, complaints: list[Complaints]
) -> None:
    complaints[0].allowed.append("503")
    wall.show(page, gateway)
    gateway.refuse = gateway.let_in = 503
    gateway.hang_up()
    wall.until(lambda: wall.badge(page) == "disconnected", "the refusal was noticed")
    assert page.locator(".tile:not(.empty)").count() == 12

    gateway.refuse, gateway.let_in = None, 200
    wall.until(lambda: wall.badge(page) == "live", "the board came back by itself")


def test_a_401_takes_the_data_off_the_glass_and_a_key_brings_it_back(
    page: Page, gateway: ScriptedGateway, complaints: list[Complaints]
) -> None:
    complaints[0].allowed.append("401")
    gateway.opening = wall.opening(**scenes.troubled())
    wall.show(page, gateway)
    gateway.refuse = gateway.let_in = 401
    gateway.hang_up()

    page.locator("#sign-in").wait_for(state="visible")
    left = page.evaluate("document.body.textContent")
    assert not any(word in left for word in ("Cards", "2:41", "Dana", "Customer service floor"))

    page.locator("#key").fill("wrong")
    page.locator("#sign-in button").click()
    wall.until(lambda: "not accepted" in page.locator("#sign-in-error").inner_text(), "the wrong key was refused")
    page.locator("#key").fill(gateway.key)
    page.keyboard.press("Enter")
    wall.until(lambda: wall.badge(page) == "live", "the board is back")
    assert not page.locator("#sign-in").is_visible()
    assert wall.text(page, "cards", "label") == "Cards voice"
    assert gateway.posts[-1] == ("/session", {"key": gateway.key})
    assert page.locator("#key").input_value() == ""


def test_a_replay_is_framed_and_shows_the_time_of_its_data(page: Page, gateway: ScriptedGateway) -> None:
    noon = 1_741_604_400_000  # 2025-03-10 12:00 in Berlin
    old = [scenes.clock("c", "Cards", 30.0, since=noon - 30_000, as_of=noon)]
    gateway.opening = wall.opening({"mode": "replay"}, tiles=old, state="replay", watermark=noon, lag=None)
    wall.show(page, gateway)

    assert wall.badge(page) == "replay"
    assert page.locator("#time").inner_text() == "2025-03-10 12:00"
    assert wall.text(page, "c", "value") == "0:30"
    gateway.say("beat", scenes.beat(state="replay", watermark=noon + 65_000, lag=None))
    wall.until(lambda: wall.text(page, "c", "value") == "1:35", "the clock goes with the data")
    assert page.locator("#time").inner_text() == "2025-03-10 12:01"
    assert page.locator("#stripes").is_visible()
    assert "repeating-linear-gradient" in page.locator("#stripes").evaluate(
        "(it) => getComputedStyle(it).backgroundImage"
    )


def test_a_closed_queue_says_when_it_opens_and_a_closed_floor_says_so(page: Page, gateway: ScriptedGateway) -> None:
    opens = scenes.now() + 86_400_000
    closed = scenes.clock("c", "Cards", None, status="closed", word="CLOSED", reason="closed", opens=opens)
    gateway.opening = wall.opening(tiles=[closed, scenes.count("q", "In queue", 3)])
    wall.show(page, gateway)
    assert wall.text(page, "c", "note").startswith("closed, opens 20")
    assert wall.text(page, "c", "value") == "–"
    assert wall.badge(page) == "live"

    gateway.say("snapshot", scenes.snapshot([closed]))
    wall.until(lambda: wall.badge(page) == "closed", "the floor is closed")


def test_a_number_that_is_not_there_says_why(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening(
        tiles=[
            scenes.ratio("none", "Service level", 0, 0, note="", reason="no_cases"),
            scenes.ratio("few", "Service level", 3, 7, status="low_n", word="LOW N", reason="low_n"),
            scenes.count("unknown", "In queue", None, reason="no_data"),
            scenes.count("zero", "In queue", 0),
            scenes.clock("nobody", "Oldest", None),
        ]
    )
    wall.show(page, gateway)

    shown = {id_: wall.text(page, id_, "number") for id_ in ("none", "few", "unknown", "zero", "nobody")}
    assert shown == {"none": "N/A", "few": "3of 7", "unknown": "–", "zero": "0", "nobody": "–"}
    assert wall.text(page, "none", "note") == "no cases yet"
    assert wall.tile(page, "few").get_attribute("data-status") == "low_n"


def test_a_new_build_reloads_the_page_once(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    page.evaluate("window.before = true")

    gateway.opening = wall.opening({"build": "0.2.0-ffff"})
    gateway.hang_up()

    wall.until(lambda: gateway.opened == 3, "the reloaded page opened a stream")
    page.locator(".tile:not(.empty)").first.wait_for()
    assert page.evaluate("window.before") is None
    time.sleep(0.5)
    assert gateway.opened == 3


def test_a_snapshot_heals_what_was_missed(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    gateway.say("delta", scenes.delta(scenes.count("nowhere", "Not placed", 1)))
    gateway.say(
        "snapshot", scenes.snapshot([scenes.count("new", "New queue", 5), scenes.count("waiting", "In queue", 9)])
    )

    wall.until(lambda: wall.tile(page, "new").count() == 1, "the new tile stands")
    wall.until(lambda: wall.text(page, "waiting", "value") == "9", "its value is that of the snapshot")
    assert wall.tile(page, "cards").count() == 0
    assert wall.tile(page, "nowhere").count() == 0


def test_a_message_that_is_no_json_is_counted_and_the_board_lives_on(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    gateway.say("snapshot", {"server_time": scenes.now(), "tiles": "nonsense"})
    gateway.say("delta", scenes.delta(scenes.count("waiting", "In queue", 11)))

    wall.until(lambda: wall.text(page, "waiting", "value") == "11", "the next message is shown")
    page.keyboard.press("?")
    assert "Messages not understood: 1" in page.locator("#help-build").inner_text()
