"""The keyboard, dialogs and what is read aloud."""

from __future__ import annotations

import time

from playwright.sync_api import Page

from tests.browser import faces, scenes, wall
from tests.browser.scripted_gateway import ScriptedGateway


def focused(page: Page) -> str | None:
    found: str | None = page.evaluate("document.activeElement.dataset.id ?? null")
    return found


def paged(gateway: ScriptedGateway) -> None:
    tiles = scenes.floor()
    gateway.opening = wall.opening(pages=[tiles[:4], tiles[4:8], tiles[8:]])


def test_arrows_move_over_the_tiles_and_only_one_is_a_tab_stop(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    page.keyboard.press("ArrowRight")
    assert focused(page) == "oldest"

    trail = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        trail.append(focused(page))
    assert trail == ["waiting", "talking", "loans", "loans", "cards", "asa", "abandoned"]
    assert page.locator('.tile[tabindex="0"]').count() == 1
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"


def test_enter_opens_a_tiles_definition_and_escape_gives_the_focus_back(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)

    said = page.locator("#details").inner_text()
    for part in (
        "Service level",
        "service_level.connect@20",
        "80 %",
        "164 of 200",
        "last 30 min",
        "first ",
        "most 93 %",
    ):
        assert part in said
    assert page.evaluate("document.activeElement.closest('dialog')?.id") == "details"
    page.keyboard.press("Escape")
    assert not page.locator("#details").is_visible()
    assert focused(page) == "level"

    page.keyboard.press("d")
    assert page.locator("#details-title").inner_text() == "Service level"


def test_digits_turn_pages_and_the_footer_says_which(page: Page, gateway: ScriptedGateway) -> None:
    paged(gateway)
    wall.show(page, gateway)
    page.keyboard.press("2")
    assert wall.tile(page, "ready").is_visible()
    assert wall.tile(page, "oldest").count() == 0
    assert page.locator('#pages [aria-current="page"]').inner_text() == "2"

    page.keyboard.press("7")
    assert wall.tile(page, "ready").is_visible()
    page.locator("#pages button").nth(2).click()
    assert wall.tile(page, "cards").is_visible()


def test_help_lists_every_key(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway)
    page.keyboard.press("?")

    caps = set(page.locator("#help kbd").all_inner_texts())
    assert caps == {*"?ft123←↑→↓dapm", "Enter", "Esc"}
    assert "0.1.0-1a2b3c4d" in page.locator("#help-build").inner_text()


def test_keys_with_ctrl_and_keys_typed_into_a_field_are_not_ours(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening(**scenes.troubled())
    wall.show(page, gateway)
    page.keyboard.press("Control+p")
    assert wall.badge(page) == "live"

    page.keyboard.press("a")
    page.locator("#by").press_sequentially("pat?m2")
    assert page.locator("#by").input_value() == "pat?m2"
    assert not page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert wall.badge(page) == "live"


def test_a_paused_board_stands_still_and_shows_all_that_was_missed_when_it_goes_on(
    page: Page, gateway: ScriptedGateway
) -> None:
    wall.show(page, gateway)
    page.keyboard.press("p")
    assert wall.badge(page) == "paused"
    stood = wall.text(page, "cards", "value")
    gateway.say(
        "delta",
        scenes.delta(scenes.count("waiting", "In queue", 19), problems=[scenes.problem("x", "New")], more_problems=0),
    )
    time.sleep(1.5)
    assert wall.text(page, "waiting", "value") == "7"
    assert wall.text(page, "cards", "value") == stood
    wall.until(lambda: faces.seconds(page.locator("#badge-lag").inner_text()) >= 2, "the badge counts")
    assert page.locator("#worst .text").text_content() != "New"

    page.keyboard.press("p")
    assert wall.badge(page) == "live"
    wall.until(lambda: wall.text(page, "waiting", "value") == "19", "what was missed is shown")
    assert page.locator("#worst .text").text_content() == "New"


def test_f_fills_the_screen_and_t_turns_the_address_into_a_tvs(page: Page, gateway: ScriptedGateway) -> None:
    wall.show(page, gateway, "?theme=light")
    page.keyboard.press("f")
    wall.until(lambda: page.evaluate("document.fullscreenElement !== null"), "the page fills the screen")
    page.keyboard.press("f")
    wall.until(lambda: page.evaluate("document.fullscreenElement === null"), "it does no longer")

    page.keyboard.press("t")
    page.wait_for_url("**/?theme=light&tv=1")
    page.locator("#corner", has_text="floor").wait_for()


def test_a_sparkline_has_a_text_and_a_tile_is_read_in_full(page: Page, gateway: ScriptedGateway) -> None:
    series = [None, 3, 9, 5, 6, 5, 7, 6, None, 4]
    gateway.opening = wall.opening(
        tiles=[scenes.count("q", "In queue", 4, series=series, status="warn", word="CLOSE TO 5")]
    )
    wall.show(page, gateway)

    spark = wall.tile(page, "q").locator(".spark")
    assert spark.get_attribute("aria-label") == "Past hour: first 3, last 4, least 3, most 9"
    # A gap where there was no value: two lines, the last value alone.
    assert (spark.locator(".line").get_attribute("d") or "").count("M") == 2
    name = page.get_by_role("button", name="In queue").first.aria_snapshot()
    for part in ("In queue", "4", "CLOSE TO 5", "now"):
        assert part in name
