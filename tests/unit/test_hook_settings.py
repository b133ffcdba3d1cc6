"""[[hooks]]: what is wrong is said where it stands, and no secret is."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.cli import app
from agents.intake.agent import register
from agents.intake.providers import webhooks
from streams.check import check
from streams.connectors.secrets import faults, sources_of
from streams.sections import HookSource, Sections
from streams.settings import SettingsError, load_settings
from tests.unit.test_receiver import Provider

PROVIDERS = {"test": Provider()}
HOOK = '[[hooks]]\nprovider = "test"\nsource = "shop"\n'


def said(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "floorwalker.toml"
    file.write_text(text)
    return [f"{problem.line}: {problem.key}: {problem.message}" for problem in check(file)]


def hook(**changes: object) -> HookSource:
    known = {"provider": "test", "source": "shop", "secrets": {"secret": "hunter2"}}
    return HookSource.model_validate({**known, **changes})


def test_a_source_of_webhooks_is_read_with_its_defaults() -> None:
    (source,) = Sections.model_validate({"hooks": [{"provider": "test", "source": "shop"}]}).hooks
    assert (source.provider, source.source, source.region, source.rate) == ("test", "shop", None, 200.0)
    assert (source.secrets, source.old_secrets, source.settings) == ({}, {}, {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HOOK + 'secret = "hunter2"\n', "4: hooks[0].secret: unknown key, did you mean 'secrets'?"),
        (HOOK + 'region = "UK"\n', "4: hooks[0].region: 'UK': no such country"),
        (HOOK + "rate = 0\n", "4: hooks[0].rate: 0: too small; allowed: a number over 0, up to 100000"),
        (HOOK.replace("shop", "a/b"), "3: hooks[0].source: 'a/b': has characters that may not be there"),
        ('[[hooks]]\nsource = "shop"\n', "1: hooks[0].provider: missing"),
        (HOOK + 'settings = { agents = ["Doe, Jane"] }\n', "4: hooks[0].settings.agents: a text of a list may not"),
        (HOOK * 2, "6: hooks[1].source: another source is named 'shop'"),
        (
            '[[sources]]\nname = "shop"\nformat = "asterisk-queue-log"\npath = "x"\n' + HOOK,
            "hooks[0].source: another source is named 'shop'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    (problem,) = said(tmp_path, text)
    assert says in problem


@pytest.mark.parametrize("value", ['"hunter2"', "{ secret = [1] }", '{ secret = ["hunter2"] }', "{ secret = 77123 }"])
@pytest.mark.parametrize("key", ["secrets", "old_secrets"])
def test_a_secret_of_another_kind_is_refused_and_not_shown(tmp_path: Path, key: str, value: str) -> None:
    (problem,) = said(tmp_path, f"{HOOK}{key} = {value}\n")
    assert problem.startswith(f"4: hooks[0].{key}")
    assert "hunter2" not in problem
    assert "77123" not in problem


def test_a_list_of_a_setting_is_one_text() -> None:
    assert hook(settings={"agents": ["7", "8"], "bots": "9"}).settings == {"agents": "7,8", "bots": "9"}


def test_secrets_are_as_said_or_where_it_is_said_and_the_old_ones_stay_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text("of a file\n")
    monkeypatch.setenv("HOOK_SECRET", "of the environment")
    hooks = [
        hook(source="a"),
        hook(source="b", secrets={"secret": "env:HOOK_SECRET"}, old_secrets={"secret": "old"}),
        hook(source="c", secrets={"secret": f"file:{file}"}, rate=7),
    ]
    sources = sources_of(hooks, PROVIDERS)
    assert [(source.name, source.secrets, source.rate) for source in sources] == [
        ("a", {"secret": ("hunter2",)}, 200.0),
        ("b", {"secret": ("of the environment", "old")}, 200.0),
        ("c", {"secret": ("of a file",)}, 7.0),
    ]
    assert "hunter2" not in f"{hooks}{sources}"


def test_a_secret_that_cannot_be_had_ends_the_start_with_all_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    given = ["env:HOOK_SECRET", f"file:{tmp_path}/none", f"file:{tmp_path}/empty", f"file:{tmp_path}/binary", ""]
    hooks = [hook(source=f"s{number}", secrets={"secret": each}) for number, each in enumerate(given)]
    with pytest.raises(SettingsError) as failed:
        sources_of(hooks, PROVIDERS)
    assert [str(problem) for problem in failed.value.problems] == [
        "hooks[0].secrets.secret: the environment has no HOOK_SECRET, or it is empty",
        f"hooks[1].secrets.secret: {tmp_path}/none cannot be read: No such file or directory",
        f"hooks[2].secrets.secret: {tmp_path}/empty is empty",
        f"hooks[3].secrets.secret: {tmp_path}/binary is not UTF-8",
        "hooks[4].secrets.secret: empty: give the secret, 'env:NAME' or 'file:/PATH'",
    ]


def test_providers_secrets_and_settings_are_those_that_there_are() -> None:
    hooks = [
        hook(provider="tset"),
        hook(secrets={}),
        hook(secrets={"secret": "x", "sceret": "y"}, old_secrets={"token": "z"}, settings={"bot": "1"}),
    ]
    assert faults(hooks, PROVIDERS) == [
        (("hooks", 0, "provider"), "'tset': no such provider; there are: test"),
        (("hooks", 1, "secrets"), "test also needs secret"),
        (("hooks", 2, "secrets", "sceret"), "test has none of this name; it has: secret"),
        (("hooks", 2, "old_secrets", "token"), "test has none of this name; it has: secret"),
        (("hooks", 2, "settings", "bot"), "test has none of this name; it has: bots"),
    ]
    assert faults(hooks[:1], {}) == [(("hooks", 0, "provider"), "'tset': no such provider; there are: none")]
    with pytest.raises(SettingsError, match=r"hooks\[0\].provider: 'tset': no such provider"):
        sources_of(hooks, PROVIDERS)


class Either(Provider):
    secret_names: tuple[str, ...] = ("user", "password", "public_key")
    alternatives: tuple[tuple[str, ...], ...] = (("user", "password"), ("public_key",))


EITHER = "test needs user and password, or public_key"


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("user password", None),
        ("public_key", None),
        ("user password public_key", None),
        ("", EITHER),
        ("user", EITHER),
        ("public_key user", f"{EITHER}; of no use alone: user"),
    ],
)
def test_of_alternative_secrets_one_set_is_whole_and_none_is_there_in_part(names: str, says: str | None) -> None:
    given = hook(secrets=dict.fromkeys(names.split(), "x"))
    assert faults([given], {"test": Either()}) == ([] if says is None else [(("hooks", 0, "secrets"), says)])


def test_an_old_secret_alone_is_no_alternative() -> None:
    given = hook(secrets={"public_key": "x"}, old_secrets={"public_key": "y", "user": "z"})
    message = "an old secret needs the new one: it is missing in `secrets`"
    assert faults([given], {"test": Either()}) == [(("hooks", 0, "old_secrets", "user"), message)]


def test_intake_gets_settings_and_region_by_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stages: list[Any] = []
    settings = load_settings(
        hooks=[
            {"provider": "test", "source": "shop", "settings": {"bots": ["7", "8"]}, "region": "FR"},
            {"provider": "test", "source": "other"},
        ]
    )
    engine = SimpleNamespace(add=stages.append)
    faust = SimpleNamespace(agent=lambda *_, **__: lambda function: function)
    register(faust, engine, settings)  # type: ignore[arg-type]
    intake = stages[0].processor(0)
    assert intake._settings == {"shop": {"bots": "7,8"}, "other": {}}
    assert intake._regions == {"shop": "FR"}


def test_check_names_the_line_of_a_provider_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "floorwalker.toml"
    file.write_text(HOOK.replace('"test"', '"qqqq"'))
    result = CliRunner().invoke(app, ["check", str(file), "--json"])
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert (problem["line"], problem["key"]) == (2, "hooks[0].provider")
    assert all(name in problem["message"] for name in webhooks())


def test_the_how_to_names_every_provider_with_its_secrets_and_settings() -> None:
    text = (Path(__file__).parents[2] / "docs" / "howto-webhooks.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("| `")]
    told = {row[1].strip("`"): (row[3], row[4]) for row in rows}

    def listed(names: tuple[str, ...]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    assert told == {
        name: (listed(provider.secret_names), listed(provider.setting_names)) for name, provider in webhooks().items()
    }
