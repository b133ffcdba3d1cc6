"""What a test sees of a wall."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser import scenes
from tests.browser.scripted_gateway import ScriptedGateway


def opening(hello: dict[str, Any] | None = None, **snapshot: Any) -> Callable[[], list[tuple[str, scenes.Said]]]:
    """What a new stream is told first."""
    return lambda: [("hello", scenes.hello(**(hello or {}))), ("snapshot", scenes.snapshot(**snapshot))]


def limits(lost: int, stale: int) -> dict[str, Any]:
    """A hello that makes silence matter sooner."""
    return {"limits": {"beat_ms": 200, "lost_after_ms": lost, "stale_after_ms": stale}}


def show(page: Page, gateway: ScriptedGateway, query: str = "") -> Page:
    """Open the wall and wait until tiles stand on it."""
    page.goto(f"{gateway.url}/{query}")
    page.locator(".tile:not(.empty)").first.wait_for()
    return page


def tile(page: Page, id_: str) -> Locator:
    return page.locator(f'.tile[data-id="{id_}"]')


def text(page: Page, id_: str, part: str) -> str:
    """What stands in a part of a tile."""
    return tile(page, id_).locator(f".{part}").text_content() or ""


def badge(page: Page) -> str:
    return page.locator("#badge").get_attribute("data-state") or ""


def until(true: Callable[[], object], what: str, within: float = 30.0) -> None:
    """Wait for it; fail with `what` it was."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"within {within:g} s: {what}")
        time.sleep(0.02)
