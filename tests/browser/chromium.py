"""The machine's Chromium, and pages that tolerate no error."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoChromium(Exception):
    """There is none; the message says what to do."""


def find_chromium() -> Path:
    """The one that CHROMIUM names, else the first of the usual names. Raises NoChromium."""
    named = os.environ.get("CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise NoChromium(f"CHROMIUM is {named!r}, and there is no such file")
        return Path(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise NoChromium("no Chromium found: install it (Debian: apt-get install chromium) or set CHROMIUM to its path")


class Complaints:
    """What a page said that a page must not say: errors, failed scripts, violations of its content security policy.

    `allowed`: parts of messages that a test provokes on purpose (a refused request is an error on the console).
    """

    WATCH = """
        document.addEventListener('securitypolicyviolation', (event) => {
            console.error('CSP', event.effectiveDirective, event.blockedURI, event.sourceFile, event.lineNumber);
        });
    """

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        self.allowed: list[str] = []
        page.add_init_script(self.WATCH)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.heard.append(f"page error: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.heard.append(f"console: {message.text}")

    def left(self) -> list[str]:
        return [heard for heard in self.heard if not any(part in heard for part in self.allowed)]
