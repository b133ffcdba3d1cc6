"""`python -m tools.screenshots`: docs/images/wallboard-*.png anew, from a demo under way.

Starts `floorwalker demo` with its incident soon, waits until a tile is red and the strip has a line, and takes the page
in both themes. Needs Chromium, as the browser tests do.
"""

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, find_chromium

IMAGES = Path(__file__).parents[1] / "docs" / "images"
THEMES = ("dark", "light")
SIZE = {"width": 1280, "height": 720}
LARGEST = 200_000
"""Bytes of an image."""

PATIENCE_MS = 300_000
INCIDENT_AFTER, INCIDENT_LASTS = 45, 400
_WHERE = re.compile(r"wallboard +(http://127\.0\.0\.1:\d+/)")
_TROUBLED = """() => document.querySelector('.tile[data-status="bad"]')
    && document.querySelector('#worst[data-severity="critical"] .text')?.textContent.includes('target')"""


class DemoEnded(Exception):
    """The demo ended by itself; the message has its last words."""


def main() -> int:
    """Take them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description="Take the wallboard's pictures.")
    parser.add_argument("--history", type=int, default=14, help="days of the past (%(default)s)")
    parser.add_argument("--settle", type=int, default=75, help="seconds after the alert (%(default)s)")
    told = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="floorwalker-screenshots-") as folder, demo(Path(folder), told.history) as address:
        return take(address, told.settle)


def take(address: str, settle: int) -> int:
    """Take the page at this address in both themes, so many seconds after something has gone wrong."""
    code = 0
    with sync_playwright() as playwright, ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        stack.callback(browser.close)
        pages: dict[str, Page] = {}
        for theme in THEMES:
            pages[theme] = browser.new_page(viewport={"width": SIZE["width"], "height": SIZE["height"]})
            pages[theme].goto(f"{address}?theme={theme}")
        pages["dark"].wait_for_function(_TROUBLED, timeout=PATIENCE_MS)
        pages["dark"].wait_for_timeout(1_000 * settle)
        pages["dark"].wait_for_function(_TROUBLED, timeout=PATIENCE_MS)
        for theme, page in pages.items():
            image = IMAGES / f"wallboard-{theme}.png"
            image.write_bytes(page.screenshot())
            size = image.stat().st_size
            sys.stderr.write(f"{image.name}: {size:,} bytes\n")
            code |= size > LARGEST
    return code


@contextmanager
def demo(folder: Path, history: int) -> Iterator[str]:
    """A demo in this folder; its wallboard's address. Raises DemoEnded."""
    command = [sys.executable, "-m", "agents", "demo", "--port", "0", "--messages-port", "0"]
    command += ["--history", str(history), "--folder", str(folder / "demo")]
    command += ["--incident-after", str(INCIDENT_AFTER), "--incident-lasts", str(INCIDENT_LASTS)]
    said: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            for line in running.stderr or ():
                sys.stderr.write(line)
                said.append(line)
                where = _WHERE.search(line)
                if where is not None:
                    break
            else:
                raise DemoEnded("".join(said[-20:]))
            yield where[1]
        finally:
            running.send_signal(signal.SIGINT)
            running.communicate()


if __name__ == "__main__":
    sys.exit(main())
