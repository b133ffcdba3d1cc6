"""What the other tests here rest on: a page that breaks its policy is heard, and no browser means no success."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser import wall
from tests.browser.chromium import Complaints, NoChromium, find_chromium
from tests.browser.scripted_gateway import ScriptedGateway

BREAKS = {
    "markup from a string": "try { document.body.innerHTML = '<p>x</p>'; } catch {}",
    "a style attribute": "document.body.setAttribute('style', 'color: red')",
    "another origin": "fetch('http://127.0.0.2:1/').catch(() => {})",
    "code from a string": "try { setTimeout('1 + 1', 0); } catch {}",
}


@pytest.mark.parametrize("breaking", BREAKS.values(), ids=BREAKS.keys())
def test_what_the_policy_forbids_is_heard(
    page: Page, gateway: ScriptedGateway, complaints: list[Complaints], breaking: str
) -> None:
    wall.show(page, gateway)
    assert complaints[0].left() == []

    page.evaluate(breaking)

    wall.until(lambda: page.evaluate("1") == 1 and complaints[0].left() != [], "the page complained")
    complaints[0].allowed.append("")


def test_without_a_chromium_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "nowhere/chromium")
    with pytest.raises(NoChromium, match="no such file"):
        find_chromium()

    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", "nowhere")
    with pytest.raises(NoChromium, match="set CHROMIUM to its path"):
        find_chromium()
