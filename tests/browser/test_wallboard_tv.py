"""A screen on a wall is set up by its address alone."""

from __future__ import annotations

import time

from playwright.sync_api import Page

from tests.browser import scenes, wall
from tests.browser.scripted_gateway import ScriptedGateway

AUDIO = """
    window.tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };
"""


def two_pages(gateway: ScriptedGateway, tiles: list[scenes.Said]) -> None:
    gateway.opening = wall.opening(pages=[tiles[:4], tiles[4:8]])


def test_a_tv_hides_cursor_and_keys_and_names_its_board(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway, "?tv=1")
    assert page.locator("#corner").inner_text() == "floor"

    wall.until(lambda: page.evaluate("getComputedStyle(document.body).cursor") == "none", "the cursor is gone")
    assert not page.locator("#keys").is_visible()
    page.mouse.move(300, 300)
    wall.until(lambda: page.locator("#keys").is_visible(), "it is back when the mouse moves")
    page.keyboard.press("p")
    assert wall.badge(page) == "live"


def test_a_tv_without_a_bad_tile_rotates_through_the_pages_of_its_address(page: Page, gateway: ScriptedGateway) -> None:
    tiles = scenes.quiet_floor()
    gateway.opening = wall.opening(pages=[tiles[:4], tiles[4:8], tiles[8:]])
    wall.show(page, gateway, "?tv=1&rotate=5&pages=1,3")
    assert page.locator("#pages button:visible").count() == 2

    wall.until(lambda: wall.tile(page, "cards").count() == 1, "it turned to the third page")
    wall.until(lambda: wall.tile(page, "oldest").count() == 1, "and back to the first")


def test_rotation_stops_at_the_page_that_has_a_bad_tile(page: Page, gateway: ScriptedGateway) -> None:
    two_pages(gateway, [*scenes.quiet_floor()[:4], scenes.count("ready", "Agents", 0, status="bad", word="BELOW 5")])
    wall.show(page, gateway, "?tv=1&rotate=5")

    wall.until(lambda: wall.tile(page, "ready").count() == 1, "it turned to the bad tile")
    time.sleep(6.5)
    assert wall.tile(page, "ready").count() == 1


def test_german_words_stand_where_the_address_asks_for_them(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening(**scenes.troubled())
    wall.show(page, gateway, "?lang=de")

    assert page.evaluate("document.documentElement.lang") == "de"
    assert wall.text(page, "cards", "word") == "ÜBER 20 s"
    assert wall.text(page, "cards", "note") == "3 warten"
    assert page.locator("#more").inner_text() == "+4 weitere"
    assert page.locator("#today").inner_text() == "heute ab 00:00 Europe/Berlin"


def test_a_tile_that_turns_bad_sounds_once_and_what_was_bad_before_does_not(
    page: Page, gateway: ScriptedGateway
) -> None:
    page.add_init_script(AUDIO)
    wall.show(page, gateway)
    page.keyboard.press("m")
    wall.until(lambda: page.locator("#sound-state").inner_text() == "sound on", "the sound is on")
    assert page.evaluate("window.tones") == 0

    gateway.say("delta", scenes.delta(scenes.count("waiting", "In queue", 90, status="bad", word="OVER 20")))
    wall.until(lambda: page.evaluate("window.tones") == 2, "two tones sounded")
    gateway.say("delta", scenes.delta(scenes.count("ready", "Agents", 0, status="bad", word="BELOW 5")))
    time.sleep(0.5)
    assert page.evaluate("window.tones") == 2


def test_sound_that_the_browser_blocks_says_what_to_press(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway, "?sound=1")
    assert page.locator("#sound-state").inner_text() == "sound blocked, press m"

    page.keyboard.press("m")
    wall.until(lambda: page.locator("#sound-state").inner_text() == "sound on", "the key lets it sound")
    page.keyboard.press("m")
    wall.until(lambda: page.locator("#sound-state").inner_text() == "", "the next one ends it")
