"""What floorwalker.toml says of alerts is what the rules go by."""

from pathlib import Path

import pytest

from agents.alerts.agent import count_ignored, terms_of
from agents.alerts.terms import Terms
from streams.outlets.notifier.place import place_of
from streams.settings import load_settings
from streams.telemetry import ALERT_INPUTS_IGNORED


def test_settings_left_out_are_the_defaults_of_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert terms_of(load_settings()) == Terms()


def test_every_setting_reaches_the_rules(tmp_path: Path) -> None:
    file = tmp_path / "floorwalker.toml"
    file.write_text(
        """
        [service]
        clock = "event"
        timezone = "Europe/Berlin"
        [alerts]
        group_by = ["channel", "policy"]
        group_wait = "1s"
        group_interval = "2s"
        repeat_interval = "3s"
        keep_firing = "4s"
        stale_after = "5s"
        [queues.sales]
        display_name = "Sales"
        [queues.loans]
        answer_within = "30s"
        """,
        encoding="utf-8",
    )
    assert terms_of(load_settings(file)) == Terms(
        group_by=("channel", "policy"),
        group_wait=1_000,
        group_interval=2_000,
        repeat_interval=3_000,
        keep_firing=4_000,
        stale_after=5_000,
        mode="replay",
        timezone="Europe/Berlin",
        names={"sales": "Sales"},
    )


@pytest.mark.parametrize("metrics", [{}, {"timezone": "America/New_York"}])
def test_the_summary_and_the_rest_of_a_message_speak_one_time_zone(metrics: dict[str, str]) -> None:
    settings = load_settings(service={"timezone": "Europe/Berlin"}, metrics=metrics)
    assert terms_of(settings).timezone == place_of(settings).zone.key == metrics.get("timezone", "Europe/Berlin")


def test_what_was_not_acted_on_is_an_operational_metric() -> None:
    def counted() -> float:
        return sum(
            each.value
            for family in ALERT_INPUTS_IGNORED.labels("acknowledged_closed").collect()
            for each in family.samples
        )

    before = counted()
    count_ignored({"acknowledged_closed": 3})
    assert counted() == before + 3
