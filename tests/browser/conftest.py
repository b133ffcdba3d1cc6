"""One Chromium for this folder, a strict page and a scripted gateway per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, Complaints, NoChromium, find_chromium
from tests.browser.scripted_gateway import ScriptedGateway

OpenPage = Callable[..., Page]


# Not for the whole run: while Playwright is there, its event loop runs in this thread, and asyncio's tests can't.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's Chromium; without one the tests fail, for what nobody looked at is not known to work."""
    try:
        path = find_chromium()
    except NoChromium as none:
        pytest.fail(str(none), pytrace=False)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def complaints() -> list[Complaints]:
    """Of every page of the test."""
    return []


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Browser, complaints: list[Complaints]) -> Iterator[OpenPage]:
    """Opens pages that tolerate no error on the console, no exception and no violation of their policy."""
    if "gateway" in request.fixturenames:
        request.getfixturevalue("gateway")  # starts before the pages, so it ends after them
    contexts: list[BrowserContext] = []

    def make(width: int = 1280, height: int = 720, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        complaints.append(Complaints(page))
        return page

    yield make
    for context in contexts:
        context.close()
    left = [heard for one in complaints for heard in one.left()]
    assert not left, f"the page complained: {left}"


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """One strict page of 1280 x 720."""
    return open_page()


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    """A scripted gateway on a free port."""
    with ScriptedGateway() as running:
        yield running
