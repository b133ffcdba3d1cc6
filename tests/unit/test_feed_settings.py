"""[[feeds]]: what is wrong is said where it stands, secrets are read and not shown, and how-tos name every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli import app
from agents.intake.formats import understood
from streams.check import check
from streams.connectors.feed import Faults, Feed, FeedBroken, Inlet, Kind, Said, Terms
from streams.connectors.feed_settings import faults, terms_of
from streams.connectors.feeds import kinds
from streams.problems import SettingsError
from streams.sections import FeedSource, Sections

DOCS = Path(__file__).parents[2] / "docs"
FEED = '[[feeds]]\nkind = "test"\nsource = "shop"\naddress = "imap.shop.example:993"\n'


class Silent(Feed):
    async def session(self) -> None:
        pass


def _wrong(said: Said) -> Faults:
    if said.settings.get("from") == "never" and said.security == "tls" and said.secrets == {"secret"}:
        yield ("settings", "from"), f"not at {said.host}"


KINDS = {
    "test": Kind(
        name="test",
        format="mail",
        make=Silent,
        secret_names=("secret",),
        more_secret_names=("token",),
        setting_names=("from",),
        securities=("tls", "none"),
        faults=_wrong,
    )
}


def feed(**changes: object) -> FeedSource:
    known = {"kind": "test", "source": "shop", "address": "imap.shop.example:993", "secrets": {"secret": "hunter2"}}
    return FeedSource.model_validate({**known, **changes})


def said(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "floorwalker.toml"
    file.write_text(text)
    return [f"{problem.line}: {problem.key}: {problem.message}" for problem in check(file)]


def test_a_feed_is_read_with_its_defaults() -> None:
    (source,) = Sections.model_validate({"feeds": [{"kind": "test", "source": "shop", "address": "[::1]:24"}]}).feeds
    assert (source.kind, source.source, source.host, source.port) == ("test", "shop", "::1", 24)
    assert (source.security, source.secrets, source.settings, source.region) == (None, {}, {}, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (FEED + 'secret = "hunter2"\n', "5: feeds[0].secret: unknown key, did you mean 'secrets'?"),
        (FEED + 'security = "ssl"\n', "5: feeds[0].security: 'ssl': "),
        (FEED.replace(":993", ""), "4: feeds[0].address: "),
        (FEED.replace("shop.example", "shop example"), "4: feeds[0].address: "),
        ('[[feeds]]\nkind = "test"\nsource = "shop"\n', "1: feeds[0].address: missing"),
        (FEED * 2, "7: feeds[1].source: another source is named 'shop'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    (problem,) = said(tmp_path, text)
    assert says in problem


@pytest.mark.parametrize("value", ['"hunter2"', "{ secret = [1] }", '{ secret = ["hunter2"] }', "{ secret = 77123 }"])
def test_a_secret_of_another_kind_is_refused_and_not_shown(tmp_path: Path, value: str) -> None:
    (problem,) = said(tmp_path, f"{FEED}secrets = {value}\n")
    assert problem.startswith("5: feeds[0].secrets")
    assert "hunter2" not in problem
    assert "77123" not in problem


def test_kinds_secrets_settings_and_securities_are_those_that_there_are() -> None:
    feeds = [
        feed(kind="tset"),
        feed(secrets={}),
        feed(security="starttls"),
        feed(secrets={"secret": "x", "token": "y", "sceret": "z"}, settings={"form": "now"}),
        feed(settings={"from": "never"}),
        feed(settings={"from": "never"}, security="none"),
    ]
    assert faults(feeds, KINDS) == [
        (("feeds", 0, "kind"), "'tset': no such kind; there are: test"),
        (("feeds", 1, "secrets"), "test also needs secret"),
        (("feeds", 2, "security"), "test knows none, tls, not 'starttls'"),
        (("feeds", 3, "secrets", "sceret"), "test has none of this name; it has: secret, token"),
        (("feeds", 3, "settings", "form"), "test has none of this name; it has: from"),
        (("feeds", 4, "settings", "from"), "not at imap.shop.example"),
    ]
    assert faults(feeds[:1], {}) == [(("feeds", 0, "kind"), "'tset': no such kind; there are: none")]
    with pytest.raises(SettingsError, match=r"feeds\[0\].kind: 'tset': no such kind"):
        terms_of(feeds, KINDS, Path("feeds"))


def test_terms_are_what_the_settings_say_and_no_secret_is_shown_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEED_SECRET", "of the environment")
    feeds = [
        feed(settings={"from": "now"}),
        feed(source="other", security="none", secrets={"secret": "env:FEED_SECRET"}),
    ]
    (kind, first), (_, second) = terms_of(feeds, KINDS, tmp_path)
    assert kind is KINDS["test"]
    assert (first.source, first.host, first.port, first.security) == ("shop", "imap.shop.example", 993, "tls")
    assert (first.secrets, first.settings, first.folder) == (
        {"secret": ("hunter2",)},
        {"from": "now"},
        tmp_path / "shop",
    )
    assert (second.security, second.secret("secret")) == ("none", "of the environment")
    assert "hunter2" not in f"{feeds}"


def test_a_secret_in_a_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    ((_, terms),) = terms_of([feed(secrets={"secret": f"file:{file}"})], KINDS, tmp_path)
    assert (terms.secrets, terms.secret("secret")) == ({"secret": ("first",)}, "first")
    file.write_text("second\n")
    assert terms.secret("secret") == "second"
    file.unlink()
    with pytest.raises(FeedBroken, match=r"secret secret: .* cannot be read: No such file"):
        terms.secret("secret")
    with pytest.raises(KeyError):
        terms.secret("token")


def test_secrets_that_cannot_be_had_end_the_start_with_all_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FEED_SECRET", raising=False)
    feeds = [
        feed(secrets={"secret": "env:FEED_SECRET", "token": ""}),
        feed(source="other", secrets={"secret": f"file:{tmp_path}/none"}),
    ]
    with pytest.raises(SettingsError) as failed:
        terms_of(feeds, KINDS, tmp_path)
    assert [str(problem) for problem in failed.value.problems] == [
        "feeds[0].secrets.secret: the environment has no FEED_SECRET, or it is empty",
        "feeds[0].secrets.token: empty: give the secret, 'env:NAME' or 'file:/PATH'",
        f"feeds[1].secrets.secret: {tmp_path}/none cannot be read: No such file or directory",
    ]


def of_kind(name: str, host: str = "mail.shop.example", **changes: object) -> list[tuple[object, ...]]:
    """What the kinds that there are say of a feed, without its number."""
    source = feed(kind=name, address=f"{host}:2500", **{"secrets": {}, **changes})
    return [(*place[2:], message) for place, message in faults([source], kinds())]


def test_a_mailbox_needs_a_user_with_a_password_or_a_token_and_no_open_line() -> None:
    whole = {"user": "support@shop.example", "password": "x"}
    assert of_kind("imap", secrets=whole) == []
    assert of_kind("imap", secrets={"user": "x", "token": "y"}, security="starttls") == []
    assert of_kind("imap", secrets={"user": "x"}) == [("secrets", "imap also needs password, or token for XOAUTH2")]
    assert of_kind("imap", secrets=whole, security="none") == [
        ("security", "the password would be readable on its way to another machine: 'tls' or 'starttls'")
    ]
    assert of_kind("imap", "127.0.0.1", secrets=whole, security="none") == []
    wrong = {"from": "yesterday", "mailboxes": ",", "poll": "1h"}
    assert of_kind("imap", secrets=whole, settings=wrong) == [
        ("settings", "mailboxes", "no mailbox is named; left out: INBOX"),
        ("settings", "from", "'yesterday': 'now' or 'beginning'"),
        ("settings", "poll", "from 100ms to 28m"),
    ]
    ((*place, message),) = of_kind("imap", secrets=whole, settings={"poll": "often"})
    assert (place, str(message).startswith("not a duration; allowed: ")) == (["settings", "poll"], True)


@pytest.mark.parametrize("name", ["smtp", "lmtp"])
def test_who_takes_mail_from_other_machines_says_for_whom(name: str) -> None:
    assert of_kind(name, "127.0.0.1", security="none") == []
    assert of_kind(name, "0.0.0.0", security="none", settings={"recipients": ["support@shop.example"]}) == []
    assert of_kind(name, "0.0.0.0", security="none") == [
        (
            "settings",
            "who can reach it from other machines needs `recipients`: addresses, or '@shop.example' for a domain",
        )
    ]
    files = {"certificate": "/etc/mail.pem", "key": "/etc/mail.key"}
    assert of_kind(name, "127.0.0.1", security="tls", settings=files) == []
    assert of_kind(name, "127.0.0.1", security="tls", settings={"key": "x"}) == [
        ("settings", "security 'tls' also needs certificate, the path of a file")
    ]
    ((*place, _),) = of_kind(name, "127.0.0.1", security="none", settings={"timeout": "0"})
    assert place == ["settings", "timeout"]


def test_check_names_the_line_of_a_kind_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "floorwalker.toml"
    file.write_text(FEED.replace('"test"', '"qqqq"'))
    result = CliRunner().invoke(app, ["check", str(file), "--json"])
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert (problem["line"], problem["key"]) == (2, "feeds[0].kind")
    assert all(name in problem["message"] for name in kinds())


def test_the_formats_of_all_kinds_are_understood() -> None:
    assert [kind.name for kind in kinds().values() if kind.format not in understood()] == []


def test_the_how_tos_name_every_kind_with_its_secrets_and_settings() -> None:
    told: dict[str, tuple[str, str]] = {}
    for file in sorted(DOCS.glob("howto-*.md")):
        columns: list[str] = []
        for line in file.read_text(encoding="utf-8").splitlines():
            row = [cell.strip() for cell in line.split("|")] if line.startswith("|") else []
            if row[1:2] == ["kind"] and {"secrets", "settings"} <= set(row):
                columns = row
            elif not row:
                columns = []
            elif columns and row[1].startswith("`"):
                told[row[1].strip("`")] = (row[columns.index("secrets")], row[columns.index("settings")])

    def listed(names: tuple[str, ...]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    assert told == {
        name: (listed((*kind.secret_names, *kind.more_secret_names)), listed(kind.setting_names))
        for name, kind in kinds().items()
    }


def test_a_feed_is_reached_when_all_of_its_parts_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from prometheus_client import REGISTRY

    def connected() -> float | None:
        return REGISTRY.get_sample_value("floorwalker_feed_connected", {"source": "parts"})

    inlet = Inlet("test", "parts", understood()["mail"], None, comes_again=True)  # type: ignore[arg-type]
    assert connected() == 0
    inlet.reached(yes=False, part="a")
    inlet.reached(yes=True)
    assert connected() == 0
    inlet.reached(yes=True, part="a")
    assert connected() == 1
    inlet.reached(yes=False, part="a")
    assert connected() == 0


def test_terms_without_origins_have_their_secrets_as_at_the_start(tmp_path: Path) -> None:
    assert Terms("shop", "h", 1, "tls", {"secret": ("x", "y")}, {}, tmp_path).secret("secret") == "x"
