"""A past that is replayed, on the wall of its own installation."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from streams.kafka import EmbeddedKafka
from tests.acceptance.program import BIN, Program, floorwalker
from tests.browser import faces, wall
from tests.browser.live_floor import Gateway
from tests.conftest import unused_namespace


@pytest.mark.slow
def test_a_replay_is_framed_on_all_pages_and_shows_the_time_of_its_data(
    kafka: EmbeddedKafka, page: Page, tmp_path: Path
) -> None:
    noon = 1_741_604_400  # 2025-03-10 12:00 in Berlin
    lines = []
    for call in range(20):
        at = noon + 7 * call
        lines += [
            f"{at}|r.{call}|sales|NONE|ENTERQUEUE||+49309018{call:02d}|1",
            f"{at + 3}|r.{call}|sales|PJSIP/1|CONNECT|3|r.{call}b|1",
            f"{at + 5}|r.{call}|sales|PJSIP/1|COMPLETECALLER|3|2|1",
        ]
    (tmp_path / "queue_log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "floorwalker.toml").write_text(
        '[service]\nclock = "event"\ntimezone = "Europe/Berlin"\n', encoding="utf-8"
    )
    settings: dict[str, object] = {
        "service__bootstrap": kafka.bootstrap,
        "service__namespace": unused_namespace("replayed-wall"),
    }
    worker_command = (BIN / "floorwalker", "worker", "--clock", "event", "--port", 0)
    with (
        Program(*worker_command, folder=tmp_path, log=tmp_path / "worker.log", settings=settings) as worker,
        Gateway(settings, tmp_path) as gateway,
    ):
        worker.wait_ready()
        sent = floorwalker("replay", "queue_log", "--format", "asterisk-queue-log", folder=tmp_path, settings=settings)
        assert sent.returncode == 0, sent.stderr
        gateway.wait_ready()
        page.goto(f"{gateway.url}/")
        answered = "*/*/contacts_answered/30min"
        wall.until(lambda: wall.tile(page, answered).count() == 1, "there are tiles", 60)
        wall.until(lambda: wall.text(page, answered, "value") == "20", "the replay has ended", 60)
        assert wall.badge(page) == "replay"
        assert page.locator("#time").inner_text().startswith("2025-03-10 12:0")
        for number in range(1, page.locator("#pages button:visible").count() + 1):
            page.keyboard.press(str(number))
            assert page.locator("#stripes").is_visible()
            frame = page.locator("#stripes").evaluate("(it) => getComputedStyle(it).backgroundImage")
            assert "repeating-linear-gradient" in frame
        said = gateway.tiles()
        page.keyboard.press("1")
        assert {name: face.number for name, face in faces.shown(page)[1].items()} == {
            name: faces.expected(said[name]).number for name in faces.shown(page)[1]
        }
        page.close()
