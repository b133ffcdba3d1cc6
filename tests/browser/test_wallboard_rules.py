"""The rules of the page, tried in a browser without a board: states, clock, numbers, layout. Time is an argument."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.scripted_gateway import ScriptedGateway


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    """One page without anything for all rules: they keep nothing in it."""
    with ScriptedGateway() as gateway, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{gateway.url}/blank")
        yield page


@pytest.fixture
def module(blank: Page) -> Any:
    """Evaluate an expression over a module of the page: `module('state', 'm.backoff(0, 0)')`."""

    def evaluate(name: str, expression: str) -> Any:
        return blank.evaluate(f"async () => {{ const m = await import('/static/{name}.js'); return {expression}; }}")

    return evaluate


def badge_after(module: Any, happened: str, at: int, closed: bool = False) -> str:
    """The badge at `at`, after [at, happening] pairs."""
    run = f"""(() => {{
        let state = m.initial(0);
        for (const [at, happened] of {happened}) state = m.next(state, {{type: 'event', ...happened, at}});
        return m.view(state, {at}, {str(closed).lower()}).badge;
    }})()"""
    return str(module("state", run))


LIVE = "[0, {said: 'live', lag: 1}]"


@pytest.mark.parametrize(
    ("happened", "at", "badge"),
    [
        ("[]", 11_999, "connecting"),
        ("[]", 12_000, "disconnected"),
        (f"[{LIVE}]", 11_999, "live"),
        (f"[{LIVE}]", 12_000, "disconnected"),
        (f"[{LIVE}, [11000, {{}}]]", 22_999, "live"),
        (f"[{LIVE}, [5, {{type: 'cut'}}]]", 6, "disconnected"),
        (f"[{LIVE}, [5, {{type: 'cut'}}], [9, {{}}]]", 10, "live"),
        (f"[{LIVE}, [5, {{said: 'catching_up', lag: 12}}]]", 6, "catching_up"),
        (f"[{LIVE}, [5, {{said: 'stale', lag: null}}]]", 6, "stale"),
        (f"[{LIVE}, [5, {{type: 'refused'}}]]", 60_000, "signed_out"),
        (f"[{LIVE}, [5, {{type: 'refused'}}], [6, {{type: 'signed_in'}}]]", 7, "connecting"),
        ("[[0, {mode: 'replay', said: 'replay'}]]", 1, "replay"),
        ("[[0, {mode: 'replay', said: 'replay'}]]", 12_000, "disconnected"),
        (f"[{LIVE}, [5, {{type: 'pause'}}], [10000, {{}}]]", 10_001, "paused"),
        (f"[{LIVE}, [5, {{type: 'pause'}}]]", 12_000, "disconnected"),
        (f"[{LIVE}, [5, {{type: 'pause'}}], [300004, {{}}]]", 300_005, "live"),
        (f"[{LIVE}, [5, {{type: 'pause'}}], [6, {{type: 'resume'}}]]", 7, "live"),
    ],
)
def test_the_badge_says_one_state(module: Any, happened: str, at: int, badge: str) -> None:
    assert badge_after(module, happened, at) == badge


def test_a_floor_whose_queues_are_all_closed_is_closed_unless_its_data_is_late(module: Any) -> None:
    assert badge_after(module, f"[{LIVE}]", 1, closed=True) == "closed"
    assert badge_after(module, "[[0, {said: 'stale', lag: 99}]]", 1, closed=True) == "stale"


def test_tiles_are_believed_for_thirty_seconds_of_silence(module: Any) -> None:
    seen = module(
        "state",
        "[29999, 30000].map((at) => m.view(m.next(m.initial(0), {type: 'event', said: 'live', at: 0}), at).withheld)",
    )
    assert seen == [False, True]


def test_tries_to_reconnect_are_one_to_thirty_seconds_apart_and_spread(module: Any) -> None:
    waits = module("state", "[0, 1, 2, 3, 4, 5, 50].map((attempt) => [m.backoff(attempt, 0), m.backoff(attempt, 1)])")

    assert waits[0] == [1_000, 1_000]
    assert waits[3] == [4_000, 8_000]
    assert waits[-1] == [15_000, 30_000]
    assert all(1_000 <= low <= high <= 30_000 for low, high in waits)


def test_the_servers_time_is_that_of_the_fastest_message_and_follows_a_step_back(module: Any) -> None:
    run = """(() => {
        let local = 1000;
        const clock = new m.ServerClock(() => local);
        const seen = [clock.now()];
        clock.measure(900_000); seen.push(clock.now());          // travelled for a while
        local += 5_000; clock.measure(905_400); seen.push(clock.now());
        local += 5_000; clock.measure(910_100); seen.push(clock.now());
        for (let n = 0; n < 12; n += 1) { local += 5_000; clock.measure(local - 1_000); }
        seen.push(clock.now() - local);
        return seen;
    })()"""
    assert module("clock", run) == [None, 900_000, 905_400, 910_400, -1_000]


@pytest.mark.parametrize(
    ("value", "unit", "target", "shown"),
    [
        (0, "s", None, "0:00"),
        (59.99, "s", None, "0:59"),
        (161, "s", None, "2:41"),
        (3599, "s", None, "59:59"),
        (3661, "s", None, "1:01 h"),
        (172_800, "s", None, "2.0 d"),
        (0.82, "fraction", 0.8, "82 %"),
        (0.796, "fraction", 0.8, "79.6 %"),
        (0.8, "fraction", 0.8, "80 %"),
        (0.997, "fraction", None, "99.7 %"),
        (1, "fraction", None, "100 %"),
        (0.004, "fraction", None, "0.4 %"),
        (0, "fraction", None, "0 %"),
        (1284, "contacts", None, "1,284"),
        (12345, "contacts", None, "12,345"),
        (1_250_000, "contacts", None, "1.3 M"),
        (999_999, "contacts", None, "999,999"),
        (0, "agents", None, "0"),
    ],
)
def test_a_number_reads_as_it_was_said(module: Any, value: float, unit: str, target: float | None, shown: str) -> None:
    told = "null" if target is None else target
    figure = module("format", f"m.figure({value}, '{unit}', {told})")

    assert f"{figure['number']} {figure['unit']}".strip() == shown
    assert len(figure["number"].replace(",", "")) <= 6


def test_few_values_are_no_line(module: Any) -> None:
    lines = module("spark", "[7, 8].map((known) => m.paths([null, ...Array(known).keys()]).line)")
    assert lines[0] == ""
    assert lines[1].startswith("M52 ")


@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("Oldest waiting", "Längste Wartezeit"),
        ("Second line oldest wait", "Second line Wartezeit"),
        ("1 in queue", "1 wartet"),
        ("12 in queue", "12 warten"),
        ("1 contact, last 30 min", "1 Kontakt in 30 min"),
        ("1,284 contacts, today", "1.284 Kontakte heute"),
        ("BELOW 80 %?", "UNTER 80 %?"),
        ("no such form", "no such form"),
    ],
)
def test_what_the_server_says_is_said_in_german_where_its_form_is_known(module: Any, said: str, german: str) -> None:
    assert module("words", f"m.words('de').said({said!r})") == german


def test_every_text_of_the_page_is_there_in_german(module: Any) -> None:
    english = "const {EN} = await import('/static/english.js');"
    keys = module("german", f"await (async () => {{ {english} return [Object.keys(EN), Object.keys(m.DE)]; }})()")
    missing, unknown = sorted({*keys[0]} - {*keys[1]}), sorted({*keys[1]} - {*keys[0]})
    assert missing == ["behind"]  # '{0} s' is the same
    assert unknown == []


@pytest.mark.parametrize(
    ("tiles", "scale", "shape", "plan"),
    [
        (12, 1, "wide", (4, 3, 1)),
        (9, 1, "wide", (3, 3, 1)),
        (8, 1, "wide", (4, 2, 1)),
        (6, 1, "wide", (3, 2, 4 / 3)),
        (4, 1, "wide", (2, 2, 1.5)),
        (1, 1, "wide", (1, 1, 2.4)),
        (12, 1.5, "wide", (3, 2, 1.5)),
        (12, 1, "tall", (2, 6, 1)),
        (4, 1, "tall", (1, 4, 1.5)),
    ],
)
def test_fewer_tiles_are_larger_ones(
    module: Any, tiles: int, scale: float, shape: str, plan: tuple[float, ...]
) -> None:
    found = module("layout", f"m.layout({tiles}, {scale}, '{shape}')")

    assert (found["cols"], found["rows"], found["size"]) == pytest.approx(plan)


def test_what_an_address_may_say_is_kept_within_limits(module: Any) -> None:
    read = module("options", "m.options('?scale=9&rotate=1&theme=pink&lang=fr&pages=2,x,-1&tv=1&board=floor')")

    assert read["scale"] == 2
    assert read["rotate"] == 5
    assert (read["theme"], read["lang"], read["pages"], read["tv"]) == ("dark", "en", [2], True)


def test_the_nightly_reload_is_at_four_in_the_boards_zone_and_never_right_after_a_start(module: Any) -> None:
    four_in_berlin = 1_741_575_630_000  # 2025-03-10 03:00:30 UTC
    hour = 3_600_001
    times = (
        f"[[{four_in_berlin}, {hour}], [{four_in_berlin}, 60000], [{four_in_berlin + 60_000}, {hour}], [null, {hour}]]"
    )
    seen = module("tv", f"{times}.map(([now, up]) => m.nightlyReload(now, 'Europe/Berlin', up))")

    assert seen == [True, False, False, False]
