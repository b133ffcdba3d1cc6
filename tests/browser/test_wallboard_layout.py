"""The page fills every screen, and nothing on it is cut or too small."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import scenes, wall
from tests.browser.conftest import OpenPage
from tests.browser.scripted_gateway import ScriptedGateway

SCREENS = [(1280, 720), (1920, 1080), (3840, 2160), (1366, 768), (1024, 768), (1080, 1920), (1280, 1024)]

OVERFLOWS = """() => [...document.querySelectorAll(
    '.tile, .tile .label, .tile .number, .tile .word, .tile .trend, .tile .note, .tile .tag, ' +
    '#header, #footer, #title, #badge'
  )].filter((element) => element.checkVisibility({visibilityProperty: true}))
    .filter((element) => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
                      || element.scrollHeight > element.clientHeight + 1 && element.matches('.tile'))
    .map((element) => `${element.id || element.className}: ${element.textContent}`)"""

OUTSIDE = """() => [...document.querySelectorAll('.tile > span, .tile .number, .spark, .tag, .problem, #badge, #keys')]
    .filter((element) => element.checkVisibility({visibilityProperty: true}))
    .filter((element) => {
      const box = element.getBoundingClientRect();
      const inside = (element.closest('.tile') ?? document.documentElement).getBoundingClientRect();
      return box.left < inside.left - 1 || box.right > inside.right + 1
          || box.top < inside.top - 1 || box.bottom > inside.bottom + 1;
    })
    .map((element) => `${element.className.baseVal ?? element.className}: ${element.textContent}`)"""

SIZES = """() => Object.fromEntries(
    ['.number', '.label', '.word', '.note', '.tag', '#title', '#worst .text', '#today'].map(
        (name) => [name, parseFloat(getComputedStyle(document.querySelector(name)).fontSize)]))"""


def longest() -> list[scenes.Said]:
    """Twelve tiles, each as full as the contract lets it be: labels of 22 letters, notes of 30, numbers of 6 glyphs."""
    label, note = "Mortgage renewals west", "1641 of 2000, last 30 min, all"
    assert (len(label), len(note)) == (22, 30)
    trend = {"state": "open", "since": scenes.now(), "ratio": 1.6}
    kinds: list[tuple[str, str, float, dict[str, Any]]] = [
        ("count", "contacts", 12345, {"status": "warn", "word": "CLOSE TO 20 s"}),
        ("duration", "s", 36_000 + 59 * 60, {"status": "bad", "word": "OVER 20 s", "trend": trend}),
        ("ratio", "fraction", 0.996, {"status": "good", "word": "ON TARGET", "target": 0.8}),
        ("count", "agents", 1284, {"status": "low_n", "word": "LOW N"}),
    ]
    return [
        scenes.tile(
            str(place), label, kind, value, unit=unit, note=note, window="last 30 min", series=scenes.wave(1, 9), **more
        )
        for place, (kind, unit, value, more) in enumerate(kinds * 3)
    ]


@pytest.mark.parametrize(("width", "height"), SCREENS)
@pytest.mark.parametrize("tiles", [scenes.floor, longest], ids=["usual", "longest"])
def test_no_text_is_cut_and_nothing_leaves_its_place(
    open_page: OpenPage, gateway: ScriptedGateway, width: int, height: int, tiles: Any
) -> None:
    gateway.opening = wall.opening(tiles=tiles(), **scenes.troubled())
    page = wall.show(open_page(width, height), gateway)

    assert page.evaluate(OVERFLOWS) == []
    assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)])
def test_the_page_fills_the_screen_and_does_not_scroll(
    open_page: OpenPage, gateway: ScriptedGateway, width: int, height: int
) -> None:
    page = wall.show(open_page(width, height), gateway)

    filled = page.evaluate("document.querySelector('#footer').getBoundingClientRect().bottom")
    assert height * 0.985 <= filled <= height
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        width,
        height,
    ]
    columns = page.evaluate("getComputedStyle(document.querySelector('#tiles')).gridTemplateColumns.split(' ').length")
    assert columns == (4 if width > height else 2)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (3840, 2160)])
def test_letters_are_as_large_as_the_distance_asks_for(
    open_page: OpenPage, gateway: ScriptedGateway, width: int, height: int
) -> None:
    gateway.opening = wall.opening(problems=[scenes.problem("a-1", scenes.CARDS)])
    sizes = wall.show(open_page(width, height), gateway).evaluate(SIZES)

    least = {
        ".number": 9,
        ".label": 3.2,
        ".word": 3.5,
        ".note": 2.6,
        ".tag": 2.6,
        "#title": 3.5,
        "#worst .text": 5,
        "#today": 2.6,
    }
    assert {name: size for name, size in sizes.items() if size < least[name] * height / 100 - 0.05} == {}


@pytest.mark.parametrize(("scale", "cols", "shown"), [(1.5, 3, 6), (2, 2, 2)])
def test_scale_makes_letters_larger_and_spreads_tiles_over_more_pages(
    page: Page, gateway: ScriptedGateway, scale: float, cols: int, shown: int
) -> None:
    wall.show(page, gateway, f"?scale={scale}")

    assert page.evaluate(SIZES)[".number"] >= scale * 9 * 7.2 - 0.05
    assert (
        page.evaluate("getComputedStyle(document.querySelector('#tiles')).gridTemplateColumns.split(' ').length")
        == cols
    )
    assert page.locator(".tile:visible").count() == shown
    assert page.locator("#pages button:visible").count() == 12 // shown
    assert page.evaluate(OVERFLOWS) == []
    assert page.evaluate(OUTSIDE) == []


def test_a_phone_scrolls_through_readable_tiles(open_page: OpenPage, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening(tiles=longest(), **scenes.troubled())
    page = wall.show(open_page(390, 844, has_touch=True, is_mobile=True), gateway)

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.documentElement.scrollHeight") > 844
    assert min(page.evaluate(SIZES).values()) >= 14
    assert page.evaluate(OVERFLOWS) == []
    last = page.locator(".tile").nth(11)
    last.scroll_into_view_if_needed()
    last.tap()
    assert page.locator("#details").is_visible()


def test_a_problem_too_long_for_the_large_line_is_still_read_in_full(page: Page, gateway: ScriptedGateway) -> None:
    text = "Mortgage renewals west: 12 callers past the 20 s target, oldest 12 min 41 s"
    gateway.opening = wall.opening(
        **(scenes.troubled() | {"problems": [scenes.problem(str(n), text) for n in range(3)]})
    )
    wall.show(page, gateway)

    line = page.locator("#worst .text")
    assert line.text_content() == text
    assert line.evaluate("(it) => it.scrollWidth <= it.clientWidth && it.scrollHeight <= it.clientHeight + 1")
    assert page.locator("#more").text_content() == "+4 more"


def test_a_page_of_a_few_tiles_shows_them_larger(page: Page, gateway: ScriptedGateway) -> None:
    gateway.opening = wall.opening(tiles=scenes.floor()[:4])
    wall.show(page, gateway)

    assert page.evaluate(SIZES)[".number"] > 1.4 * 9 * 7.2
    assert page.evaluate(OVERFLOWS) == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_theme_is_that_of_the_address(page: Page, gateway: ScriptedGateway, theme: str) -> None:
    wall.show(page, gateway, f"?theme={theme}")

    ground = {"dark": "rgb(11, 15, 20)", "light": "rgb(255, 255, 255)"}[theme]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_the_automatic_theme_follows_the_machine(open_page: OpenPage, gateway: ScriptedGateway) -> None:
    page = wall.show(open_page(color_scheme="light"), gateway, "?theme=auto")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"

    page.emulate_media(color_scheme="dark")
    wall.until(lambda: page.evaluate("document.documentElement.dataset.theme") == "dark", "the page followed")
