"""Settings: where they come from, who wins, and what the rules get of them."""

import os
import stat
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import ValidationError

from agents.metrics.baseline import KEPT_DAYS
from schemas.policies import AnswerWithin, MetricSettings, Policies, QueuePolicy
from streams.sections import Sections, model_of
from streams.settings import Settings, SettingsError, load_settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "floorwalker.toml"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith("FLOORWALKER_"):
            monkeypatch.delenv(name)


def test_without_a_file_the_defaults_run() -> None:
    settings = load_settings()
    assert settings.policy_settings() == Policies()
    assert settings.metric_settings() == MetricSettings()
    assert (settings.service.bootstrap, settings.service.partitions, settings.service.port) == (None, 4, 6066)
    assert (settings.service.grace, settings.service.session_timeout, settings.service.flush_interval) == (1, 10, 0.05)


def test_what_is_told_wins_over_the_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("floorwalker.toml").write_text("[service]\nport = 1\npartitions = 1\nregion = 'DE'\n")
    monkeypatch.setenv("FLOORWALKER_SERVICE__PORT", "2")
    monkeypatch.setenv("FLOORWALKER_SERVICE__PARTITIONS", "2")
    for settings in (load_settings(service={"port": 3}), Settings(service={"port": 3})):  # type: ignore[arg-type]
        assert (settings.service.port, settings.service.partitions, settings.service.region) == (3, 2, "DE")


def test_a_file_that_is_named_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"other\.toml: there is no such file"):
        load_settings("other.toml")
    monkeypatch.setenv("FLOORWALKER_CONFIG", "third.toml")
    with pytest.raises(SettingsError, match=r"third\.toml: there is no such file"):
        load_settings()


def test_the_environment_can_name_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("other.toml").write_text("[service]\nport = 9\n")
    monkeypatch.setenv("FLOORWALKER_CONFIG", "other.toml")
    assert load_settings().service.port == 9
    assert Settings().service.port == 9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("FLOORWALKER_SERVICE__PROT", "'port'"),
        ("FLOORWALKER_SERVICE_PORT", "FLOORWALKER_SECTION__KEY"),
        ("FLOORWALKER_PORT", "FLOORWALKER_SECTION__KEY"),
        ("floorwalker_sla__at_rsik", "'at_risk'"),
        ("FLOORWALKER_QUEUES__SALES__ANSWERWITHIN", "'answer_within'"),
        ("FLOORWALKER_SERVICE__PORT__X", "no setting of that name"),
        ("FLOORWALKER_SOURCES__0__PATH", "FLOORWALKER_SOURCES"),
    ],
)
def test_a_misspelt_name_of_the_environment_is_refused(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"{name}: no setting of that name") as error:
        load_settings()
    assert words in str(error.value)
    with pytest.raises(SettingsError, match=name):
        Settings()


def test_lists_and_queues_and_sources_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORWALKER_METRICS__THRESHOLDS", "30, 20s")
    monkeypatch.setenv("FLOORWALKER_QUEUES__SALES__ANSWER_WITHIN", "1m")
    monkeypatch.setenv("FLOORWALKER_SOURCES", '[{"name": "pbx", "format": "asterisk-queue-log", "path": "q"}]')
    settings = load_settings()
    assert settings.metrics.thresholds == (20.0, 30.0)
    assert settings.queues["sales"].answer_within == 60.0
    assert settings.sources[0].path == Path("q")


def test_a_wrong_value_is_said_with_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("floorwalker.toml").write_text("[service]\n\nport = 'x'\n[metrics]\nshort_abandon = 'x'\n")
    monkeypatch.setenv("FLOORWALKER_SLA__AT_RISK", "2")
    monkeypatch.setenv("FLOORWALKER_METRICS__SHORT_ABANDON", "y")
    with pytest.raises(SettingsError) as error:
        load_settings(service={"partitions": 0})
    said = str(error.value)
    assert "floorwalker.toml:3: service.port: 'x': not a whole number" in said
    assert "FLOORWALKER_SLA__AT_RISK: '2': too large" in said
    assert "FLOORWALKER_METRICS__SHORT_ABANDON: 'y'" in said
    assert "service.partitions: 0: too small" in said
    assert len(error.value.problems) == 4


def test_json_of_the_environment_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORWALKER_SOURCES", "pbx")
    with pytest.raises(SettingsError, match=r"sources.*JSON"):
        load_settings()


def test_a_wait_that_makes_everything_stale_is_refused_and_the_longest_that_does_not_is_taken() -> None:
    told = {"group_wait": "56s", "stale_after": "1m"}
    assert load_settings(alerts=told).alerts.group_wait == 56
    for grace, wait in (("2s", "56s"), ("1s", "57s")):
        with pytest.raises(SettingsError, match=r"alerts\.group_wait: every broken promise would be stale") as error:
            load_settings(service={"grace": grace}, alerts={**told, "group_wait": wait})
        assert "alerts.stale_after at least 61s" in str(error.value)


def test_no_more_days_can_be_asked_for_than_are_kept() -> None:
    assert load_settings(trends={"learn_days": KEPT_DAYS}).trends.learn_days == KEPT_DAYS
    with pytest.raises(SettingsError, match=r"trends\.learn_days: \d+: too large"):
        load_settings(trends={"learn_days": KEPT_DAYS + 1})


def test_nothing_can_be_changed_afterwards() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.service.port = 1
    with pytest.raises(ValidationError, match="frozen"):
        settings.sla = settings.sla


def test_policies_are_the_floors_with_what_a_queue_says_itself() -> None:
    Path("floorwalker.toml").write_text(
        """
        [sla]
        answer_within = "30s"
        at_risk = 0.5
        max_wait = "1h"
        version = 3
        [queues.sales]
        answer_within = 10
        version = 2
        [queues.slow]
        max_wait = "2h"
        [queues."Second line"]
        answer_within = "none"
        [queues.named]
        id = "gold"
        """
    )
    floor = AnswerWithin(id="answer-within-default", version=3, target_ms=30_000, at_risk_share=0.5)
    sales = AnswerWithin(id="answer-within-sales", version=2, target_ms=10_000, at_risk_share=0.5)
    gold = AnswerWithin(id="gold", version=1, target_ms=30_000, at_risk_share=0.5)
    hour = 3_600_000
    assert load_settings().policy_settings() == Policies(
        default=QueuePolicy(answer_within=floor, max_wait_ms=hour),
        queues={
            "sales": QueuePolicy(answer_within=sales, max_wait_ms=hour),
            "slow": QueuePolicy(answer_within=floor, max_wait_ms=2 * hour),
            "Second line": QueuePolicy(answer_within=None, max_wait_ms=hour),
            "named": QueuePolicy(answer_within=gold, max_wait_ms=hour),
        },
    )


@pytest.mark.parametrize("nothing", ["0", "'none'"])
def test_a_floor_that_promises_nothing_still_has_queues_that_do(nothing: str) -> None:
    Path("floorwalker.toml").write_text(f"[sla]\nanswer_within = {nothing}\n[queues.vip]\nanswer_within = 5\n")
    policies = load_settings().policy_settings()
    assert policies.default.answer_within is None
    assert policies.of("vip").answer_within == AnswerWithin(id="answer-within-vip", target_ms=5_000)


def test_the_metrics_day_is_the_services_unless_it_has_its_own() -> None:
    settings = load_settings(service={"timezone": "Asia/Jerusalem"}, metrics={"thresholds": [30, 20.5]})
    assert settings.metric_settings() == MetricSettings(thresholds_ms=(20_500, 30_000), timezone="Asia/Jerusalem")
    assert load_settings(metrics={"timezone": "Europe/Berlin"}).metric_settings().timezone == "Europe/Berlin"


def test_the_customer_namespace_is_made_once_for_its_owner_alone() -> None:
    settings = load_settings(service={"data_folder": "data"})
    made = settings.customer_namespace()
    [file] = Path("data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert UUID(file.read_text().strip()) == made == load_settings(service={"data_folder": "data"}).customer_namespace()
    assert load_settings(service={"data_folder": "other"}).customer_namespace() != made


def test_a_customer_namespace_that_is_set_is_used_and_not_shown() -> None:
    given = "0f2b6f0c-9f6e-4d58-8e40-0a6f2f1f7f7e"
    settings = load_settings(service={"customer_namespace": given})
    assert settings.customer_namespace() == UUID(given)
    assert given not in repr(settings)
    assert not Path(".floorwalker").exists()


def test_a_kept_namespace_that_was_damaged_is_not_replaced_in_silence() -> None:
    Path("data").mkdir()
    Path("data/customer-namespace").write_text("garbled")
    with pytest.raises(SettingsError, match=r"customer-namespace: holds no UUID"):
        load_settings(service={"data_folder": "data"}).customer_namespace()


def test_the_example_tells_every_key_and_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for section, field in Sections.model_fields.items():
        model = model_of(field.annotation)
        assert model is not None
        head = next(at for at in (f"\n[{section}]", f"\n[{section}.", f"\n[[{section}]]") if at in text)
        part = text.split(head, 1)[1]
        for key in model.model_fields:
            assert f"\n{key} = " in part or f"\n# {key} = " in part, f"{section}.{key} is not in the example"
    shown, default = load_settings(EXAMPLE), load_settings()
    assert (shown.service, shown.metrics, shown.sla) == (default.service, default.metrics, default.sla)
