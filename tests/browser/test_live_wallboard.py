"""The wall of a real floor: what a PBX writes, through Kafka, worker and gateway, to what stands on the glass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Page

from streams.kafka import EmbeddedKafka
from streams.outlets.gateway.keys import hash_of
from tests.acceptance.program import PATIENCE
from tests.acceptance.reading import Reader
from tests.browser import faces, wall
from tests.browser.agreements import Agreements, Numbers, compare, different
from tests.browser.chromium import Complaints
from tests.browser.conftest import OpenPage
from tests.browser.live_floor import Gateway, LiveFloor
from tests.browser.proxy import Proxy
from tests.browser.test_wallboard_layout import OUTSIDE, OVERFLOWS
from tests.browser.traffic import Meanwhile, Traffic
from tests.conftest import unused_namespace

QUEUES = ("sales", "support", "billing")
HOT, PROMISE = "hot", 2
CONFIG = f"""
[board]
title = "Live floor"
agents_minimum = 2

[alerts]
group_wait = "1s"
keep_firing = "2s"

[queues.sales]
[queues.support]
[queues.billing]
[queues.{HOT}]
display_name = "Hot line"
answer_within = "{PROMISE}s"
"""
KEY = "fw_dana_correct-horse-battery-staple"
KEYS = f"""
[[keys]]
name = "dana"
role = "lead"
sha256 = "{hash_of(KEY)}"
"""
SLACK = 15.0
"""Seconds that may pass beside those that have to: far more than it takes, since other work may share the machine."""
BAD = "rgb(242, 75, 100)"
CROSS = "M4.3 1.2L10 6.9"

Note = Callable[[str, object], None]


@pytest.fixture(scope="module")
def floor(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFloor]:
    """One floor for all tests here: a first caller has come and gone, and all that was said has arrived."""
    with LiveFloor(kafka.bootstrap, unused_namespace("wall"), tmp_path_factory.mktemp("wall"), CONFIG) as running:
        traffic = Traffic(running.pbx, QUEUES, seed="first")
        traffic.sign_in()
        traffic.step()
        traffic.finish()

        def answered() -> bool:
            tiles = running.gateway.tiles()
            return "*/*/contacts_answered/30min" in tiles and tiles["*/*/contacts_answered/30min"]["value"] == 1

        wall.until(answered, f"the first call is counted; the worker: {running.worker.words[-1_500:]}", PATIENCE)
        yield running


@pytest.fixture
def watching(floor: LiveFloor, page: Page) -> Page:
    """A page that shows the floor, live."""
    return watch(page, floor.url)


def watch(page: Page, url: str) -> Page:
    page.goto(f"{url}/")
    wall.until(lambda: wall.badge(page) == "live", "the board is live", PATIENCE)
    page.locator(".tile:not(.empty)").first.wait_for()
    return page


def _seen_moving(agreements: Agreements) -> set[str]:
    """Tiles that agreed on more than two values."""
    return {name for name, said in agreements.on.items() if len(said) > 2}


def test_every_tile_says_what_the_api_says_while_calls_go_on_and_what_metrics_live_says_when_they_are_over(
    floor: LiveFloor, watching: Page
) -> None:
    traffic = Traffic(floor.pbx, QUEUES, seed="equal", longest=6)
    agreements = Agreements()
    moving = {"*/*/contacts_in_queue/now", "*/*/contacts_answered/30min"}
    try:
        with Meanwhile(traffic, every=0.5):
            began = time.monotonic()
            while (spent := time.monotonic() - began) < 12 or (spent < 60 and not moving <= _seen_moving(agreements)):
                compare(floor, watching, agreements)
                time.sleep(0.05)
    finally:
        traffic.finish()
    assert agreements.failed == []
    names = set(faces.shown(watching)[1])
    assert len(names) == 12
    assert names <= set(agreements.on), "each tile was compared"
    assert moving <= _seen_moving(agreements)
    with Reader(floor.bootstrap, floor.namespace, "metrics.live") as reader:
        published: Numbers = {}
        told: list[str] = []

        def agree() -> bool:
            told[:] = [*different(floor, watching, reader, published)]
            return not told

        wall.until(agree, f"page, board, metrics and metrics.live say the same: {told}", 60)
    assert floor.gateway.tiles()["*/*/contacts_in_queue/now"]["value"] == 0


def test_a_waiting_clock_shows_each_second_how_long_ago_the_caller_came(floor: LiveFloor, watching: Page) -> None:
    entered = floor.pbx.enter("clock.1", "support")
    name = "support/*/oldest_waiting/now"
    wall.until(lambda: wall.text(watching, name, "value") != "–", "somebody waits")
    samples = watching.evaluate(
        """async (name) => {
            const value = document.querySelector(`.tile[data-id="${name}"] .value`);
            const samples = [], shown = new Set(), until = performance.now() + 30_000;
            for (let before = performance.now(); shown.size < 6 && before < until;) {
              await new Promise((done) => setTimeout(done, 50));
              // The page has had its turn, too: the machine was not busy elsewhere.
              if (performance.now() - before < 300) samples.push([Date.now(), value.textContent]);
              shown.add(value.textContent);
              before = performance.now();
            }
            return samples;
        }""",
        name,
    )
    floor.pbx.say("clock.1", "support", "PJSIP/first-0", "CONNECT", 6, "clock.1b", 1)
    floor.pbx.say("clock.1", "support", "PJSIP/first-0", "COMPLETECALLER", 6, 1, 1)
    shown = [faces.seconds(text) for _, text in samples]
    assert [at for at, text in samples if abs(faces.seconds(text) + 0.5 - (at / 1000 - entered)) > 1.5] == []
    steps = [later - earlier for earlier, later in pairwise(shown)]
    assert len(set(shown)) >= 5
    assert min(steps) >= 0
    # A machine that is busy elsewhere may leave a second out.
    assert median(step for step in steps if step) == 1
    wall.until(lambda: wall.text(watching, name, "value") == "–", "nobody waits any more")


def test_a_caller_past_the_promise_is_a_red_tile_and_a_line_in_the_strip_until_it_is_over(
    floor: LiveFloor, watching: Page, record_property: Note
) -> None:
    page, name = watching, f"{HOT}/*/oldest_waiting/now"
    wall.until(lambda: page.locator("#quiet").is_visible(), "the strip is empty")
    due = floor.pbx.enter("hot.1", HOT) + PROMISE
    wall.until(lambda: wall.tile(page, name).get_attribute("data-status") == "bad", "the tile is bad")
    reddened = time.time() - due
    wall.until(lambda: page.locator("#worst").is_visible(), "there is a line in the strip")
    told = f"red {reddened:.2f} s after the promise was broken, in the strip after {time.time() - due:.2f} s"
    print(f"\nthe tile was {told}")
    record_property("from the due instant to the page", told)

    assert wall.text(page, name, "word") == f"OVER {PROMISE} s"
    assert wall.tile(page, name).evaluate("(it) => getComputedStyle(it).backgroundColor") == BAD
    shape = wall.tile(page, name).locator(".status .shape path").get_attribute("d")
    assert shape is not None
    assert shape.startswith(CROSS)
    assert page.locator("#worst .text").inner_text().startswith("Hot line: 1 caller past the 2 s target")

    page.locator("#worst").click()
    page.locator("#by").fill("Dana")
    page.locator("#acknowledge").click()
    wall.until(lambda: outcome(page).startswith("Acknowledged by Dana"), "the acknowledgement came back")
    page.keyboard.press("Escape")
    assert page.locator("#worst .ack").inner_text().startswith("Dana acked ")
    (alert,) = [each for each in floor.gateway.get("/api/v1/alerts")["items"] if each["labels"].get("queue") == HOT]
    assert (alert["state"], alert["acknowledged"]["by"]) == ("acknowledged", "Dana")

    floor.pbx.say("hot.1", HOT, "PJSIP/first-0", "CONNECT", 9, "hot.1b", 1)
    floor.pbx.say("hot.1", HOT, "PJSIP/first-0", "COMPLETECALLER", 9, 1, 1)
    wall.until(lambda: wall.tile(page, name).get_attribute("data-status") == "good", "the tile is good again")
    wall.until(lambda: page.locator("#quiet").is_visible(), "the line has left the strip")


def outcome(page: Page) -> str:
    return page.locator("#alert .outcome").inner_text()


@pytest.mark.parametrize(
    ("width", "height", "options"),
    [
        (1280, 720, {}),
        (1920, 1080, {}),
        (3840, 2160, {}),
        (390, 844, {"has_touch": True, "is_mobile": True}),
    ],
    ids=["720p", "1080p", "4K", "phone"],
)
def test_the_live_page_fits_every_screen(
    floor: LiveFloor, open_page: OpenPage, width: int, height: int, options: dict[str, Any]
) -> None:
    page = watch(open_page(width, height, **options), floor.url)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    pages = page.locator("#pages button:visible").count()
    assert pages == 3
    for number in range(1, pages + 1):
        page.keyboard.press(str(number))
        assert page.evaluate(OVERFLOWS) == []
        # A phone scrolls down.
        assert options or page.evaluate(OUTSIDE) == []


@pytest.fixture(scope="module")
def guarded(floor: LiveFloor) -> Iterator[Proxy]:
    """A gateway that asks for a key, behind a proxy."""
    config = floor.folder / "guarded.toml"
    config.write_text(f"{(floor.folder / 'floorwalker.toml').read_text()}{KEYS}", encoding="utf-8")
    with (
        Gateway(floor.settings, floor.folder, "guarded", "--config", config) as gateway,
        Proxy(gateway.url) as proxy,
    ):
        gateway.wait_ready()
        yield proxy


def sign_in(page: Page) -> None:
    page.locator("#sign-in").wait_for(state="visible")
    page.locator("#key").fill(KEY)
    page.keyboard.press("Enter")
    wall.until(lambda: wall.badge(page) == "live", "the board is live", PATIENCE)


def test_a_503_of_a_proxy_is_shown_and_got_over_with_no_hand_on_the_page(
    guarded: Proxy, page: Page, complaints: list[Complaints]
) -> None:
    complaints[0].allowed += ["401", "503", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    page.goto(f"{guarded.url}/")
    sign_in(page)
    refused, opened = guarded.refused, guarded.opened
    guarded.refuse(503)
    wall.until(lambda: wall.badge(page) == "disconnected", "the refusal was noticed")
    wall.until(lambda: guarded.refused >= refused + 2, "the page asked again")
    assert page.locator(".tile:not(.empty)").count() == 12
    guarded.refuse(None)
    wall.until(lambda: wall.badge(page) == "live", "the board came back by itself", 60)
    assert guarded.opened > opened


def test_a_401_clears_the_glass_and_a_key_brings_the_board_back(
    guarded: Proxy, page: Page, complaints: list[Complaints]
) -> None:
    complaints[0].allowed += ["401", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    page.goto(f"{guarded.url}/")
    page.locator("#sign-in").wait_for(state="visible")
    assert page.locator(".tile:not(.empty)").count() == 0, "the gateway itself asks for a key"
    sign_in(page)
    assert wall.text(page, f"{HOT}/*/oldest_waiting/now", "label").startswith("Hot line")

    guarded.refuse(401)
    page.locator("#sign-in").wait_for(state="visible")
    left = page.evaluate("document.body.textContent")
    assert not any(word in left for word in ("Live floor", "Hot line", "Oldest waiting", "in queue"))
    guarded.refuse(None)
    sign_in(page)
    assert wall.text(page, f"{HOT}/*/oldest_waiting/now", "label").startswith("Hot line")


@pytest.mark.slow
def test_a_killed_gateway_leaves_a_disconnected_board_that_comes_back_by_itself(
    floor: LiveFloor, watching: Page, complaints: list[Complaints], record_property: Note
) -> None:
    complaints[0].allowed += ["ERR_CONNECTION", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE"]
    page = watching
    killed = time.monotonic()
    floor.gateway.kill()
    wall.until(lambda: wall.badge(page) == "disconnected", "the silence was noticed")
    noticed = time.monotonic() - killed
    assert noticed < 12 + SLACK
    assert page.locator("#lost").is_visible()
    floor.gateway.start()
    floor.gateway.wait_ready()
    ready = time.monotonic()
    wall.until(lambda: wall.badge(page) == "live", "the board came back by itself", 60)
    told = f"noticed after {noticed:.1f} s, live again {time.monotonic() - ready:.1f} s after the gateway was ready"
    print(f"\ngateway killed: {told}")
    record_property("gateway killed", told)
    assert page.locator(".tile:not(.empty)").count() == 12


@pytest.mark.slow
def test_a_killed_worker_is_a_board_that_catches_up_then_is_stale_and_recovers_by_itself(
    floor: LiveFloor, watching: Page, record_property: Note
) -> None:
    page = watching
    before = int(wall.text(page, "*/*/contacts_answered/30min", "value"))
    floor.worker.kill()

    def behind() -> float:
        """Seconds since what the worker knew last."""
        return time.time() - floor.gateway.get("/api/v1/board")["watermark"] / 1_000

    wall.until(lambda: wall.badge(page) == "catching_up", "the lag was noticed")
    lagging = behind()
    assert 10 <= lagging < 15 + SLACK
    # Calls go on: they wait in Kafka.
    floor.pbx.enter("outage.1", "sales")
    floor.pbx.say("outage.1", "sales", "PJSIP/first-0", "CONNECT", 1, "outage.1b", 1)
    floor.pbx.say("outage.1", "sales", "PJSIP/first-0", "COMPLETECALLER", 1, 1, 1)
    wall.until(lambda: wall.badge(page) == "stale", "the numbers are not believed any more", 90)
    stale = behind()
    assert 60 <= stale < 65 + SLACK
    assert {face.status for face in faces.shown(page)[1].values()} == {"stale"}
    floor.worker.start()
    started = time.monotonic()
    wall.until(lambda: wall.badge(page) == "live", f"live again; the worker: {floor.worker.words[-1_500:]}", PATIENCE)
    told = f"catching up after {lagging:.1f} s, stale after {stale:.1f} s, live {time.monotonic() - started:.1f} s "
    print(f"\nworker killed: {told}after it was started again")
    record_property("worker killed", f"{told}after it was started again")

    def answered() -> bool:
        return wall.text(page, "*/*/contacts_answered/30min", "value") == str(before + 1)

    wall.until(answered, "the call that came meanwhile is counted once")
    wall.until(lambda: "stale" not in {face.status for face in faces.shown(page)[1].values()}, "all is believed again")
