"""[[policies]] and [calendars.NAME]: what the rules get of them; what is wrong with them is said where it stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from schemas.policies import CLOCKS, CalendarMode, CalendarTerms, Filter, SlaPolicy, Target
from streams.check import check
from streams.settings import Settings, SettingsError, load_settings
from streams.sla_sections import Targets

HOWTO = Path(__file__).parents[2] / "docs" / "howto-sla.md"
OFFICE = '[calendars.office]\nhours = "Mo-Fr 09:00-17:00"\n'
POLICY = '[[policies]]\nid = "a"\n'
FEBRUARY = "effective_from = 2026-02-01T00:00:00Z\n"


def examples(page: Path) -> list[str]:
    """The settings that a page shows."""
    return re.findall(r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def loaded(tmp_path: Path) -> Settings:
    file = tmp_path / "floorwalker.toml"
    file.write_text(
        """
        [service]
        timezone = "Europe/Berlin"
        [calendars.office]
        hours = "Mo-Fr 09:00-12:00, Mo-Fr 13:00-17:00"
        holidays = "DE-BE"
        closed = [2026-05-15, "2026-05-16"]
        open = { "2026-12-24" = "09:00-12:00", "2026-12-27" = "" }
        version = 3
        effective_from = 2026-01-01T00:00:00+01:00
        [calendars.sydney]
        timezone = "Australia/Sydney"
        [[policies]]
        id = "gold"
        channels = ["email", "chat"]
        queues = "sales"
        priorities = ["urgent"]
        segments = ["gold"]
        tags = ["contract"]
        languages = ["de"]
        calendar = "office"
        calendar_mode = "last_schedule"
        at_risk = [0.8, 0.5]
        targets = { first_reply = "4h", next_reply = { within = "2h", calendar = "24x7", at_risk = 0.9 } }
        [[policies]]
        id = "gold"
        version = 2
        effective_from = "2026-10-01T00:00:00Z"
        retired = true
        [[policies]]
        id = "rest"
        rank = 5
        targets = { answer_within = "none", agent_work = { within = 90, calendar = "sydney" } }
        """
    )
    return load_settings(file)


def test_policies_are_ranked_by_their_place_and_targets_inherit_calendar_and_shares(loaded: Settings) -> None:
    gold, ended, rest = loaded.policy_settings().sla
    assert gold == SlaPolicy(
        id="gold",
        rank=10,
        applies=Filter(
            channels=("email", "chat"), queues=("sales",), priorities=("urgent",), segments=("gold",),
            tags=("contract",), languages=("de",),
        ),
        targets={
            "first_reply": Target(target=14_400, at_risk=(0.5, 0.8), calendar="office"),
            "next_reply": Target(target=7_200, at_risk=(0.9,), calendar=None),
        },
        calendar_mode="last_schedule",
    )  # fmt: skip
    assert ended == SlaPolicy(
        id="gold", version=2, rank=20, effective_from=datetime(2026, 10, 1, tzinfo=UTC), retired=True
    )
    assert rest == SlaPolicy(
        id="rest",
        rank=5,
        targets={"answer_within": Target(target=0), "agent_work": Target(target=90, calendar="sydney")},
    )


def test_calendars_are_in_the_service_zone_unless_they_have_their_own(loaded: Settings) -> None:
    office, sydney = loaded.policy_settings().calendars
    assert office == CalendarTerms(
        id="office",
        version=3,
        effective_from=datetime(2025, 12, 31, 23, tzinfo=UTC),
        timezone="Europe/Berlin",
        hours="Mo-Fr 09:00-12:00, Mo-Fr 13:00-17:00",
        holidays="DE-BE",
        closed=("2026-05-15", "2026-05-16"),
        open={"2026-12-24": "09:00-12:00", "2026-12-27": ""},
    )
    assert sydney == CalendarTerms(id="sydney", timezone="Australia/Sydney")


def test_sections_of_one_id_are_versions_of_one_calendar(tmp_path: Path) -> None:
    file = tmp_path / "floorwalker.toml"
    file.write_text(
        f"""
        [calendars.later]
        id = "office"
        version = 2
        effective_from = 2026-02-01T00:00:00Z
        hours = "Mo-Fr 09:00-19:00"
        {OFFICE}
        [[policies]]
        id = "a"
        calendar = "office"
        targets = {{ first_reply = "1h" }}
        """
    )
    promised = load_settings(file).policy_settings()
    assert promised.calendars == (
        CalendarTerms(
            id="office", version=2, effective_from=datetime(2026, 2, 1, tzinfo=UTC), hours="Mo-Fr 09:00-19:00"
        ),
        CalendarTerms(id="office", hours="Mo-Fr 09:00-17:00"),
    )
    assert promised.sla[0].targets == {"first_reply": Target(target=3_600, calendar="office")}


def test_they_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOORWALKER_CALENDARS__OFFICE__HOURS", "Mo 09:00-10:00")
    monkeypatch.setenv("FLOORWALKER_POLICIES", '[{"id": "a", "calendar": "office", "targets": {"first_reply": "1h"}}]')
    promised = load_settings().policy_settings()
    assert promised.calendars == (CalendarTerms(id="office", hours="Mo 09:00-10:00"),)
    assert promised.sla == (
        SlaPolicy(id="a", rank=10, targets={"first_reply": Target(target=3_600, calendar="office")}),
    )


@pytest.mark.parametrize(
    ("variable", "said", "words"),
    [
        ("POLICIES", '[{"id": "a", "targets": {"first_reply": "soon"}}]', ": policies[0].targets.first_reply: 'soon'"),
        ("CALENDARS__A__CLOSED", "2026-01-01, 2026-02-30", ": calendars.a.closed[1]: '2026-02-30': no such date"),
        ("CALENDARS__A__OPEN", '{"2026-02-30": ""}', ": calendars.a.open.2026-02-30: '2026-02-30': no such date"),
        ("CALENDARS__A__VERSION", "first", ": 'first': not a whole number"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, said: str, words: str
) -> None:
    file = tmp_path / "floorwalker.toml"
    file.write_text(f'[calendars.a]\nhours = "Mo 09:00-10:00"\n{POLICY}targets = {{ first_reply = "1h" }}\n')
    monkeypatch.setenv(f"FLOORWALKER_{variable}", said)
    with pytest.raises(SettingsError, match=re.escape(f"FLOORWALKER_{variable}{words}")):
        load_settings(file)


def test_every_clock_can_be_promised() -> None:
    assert tuple(Targets.model_fields) == CLOCKS


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ('[calendars.a]\nhours = ""\n', 2, "calendars.a.hours", "is not days and hours"),
        ('[calendars.a]\nhours = "Mo 09:00-09:00"\n', 2, "calendars.a.hours", "open for no time"),
        ('[calendars.a]\nholidays = "DE-XX"\n', 2, "calendars.a.holidays", "region 'DE-XX'"),
        ('[calendars.a]\nholidays = "DD"\n', 2, "calendars.a.holidays", "country 'DD'"),
        ('[calendars.a]\nclosed = ["2026-02-30"]\n', 2, "calendars.a.closed[0]", "no such date"),
        ('[calendars.a]\nopen = {"2026-13-01" = ""}\n', 2, "calendars.a.open.2026-13-01", "no such date"),
        ('[calendars.a]\n[calendars.a.open]\n2026-12-01 = "9-12"\n', 3, "calendars.a.open.2026-12-01", "no time of"),
        ('[calendars.a]\ntimezone = "Europe/Berln"\n', 2, "calendars.a.timezone", "did you mean 'Europe/Berlin'"),
        ("[calendars.a]\neffective_from = 2026-01-01\n", 2, "calendars.a.effective_from", "offset from UTC"),
        ('[calendars.a]\nholyday = "DE"\n', 2, "calendars.a.holyday", "did you mean 'holidays'"),
        ('[calendars."a b"]\nhours = "Mo 09:00-10:00"\n', 1, 'calendars."a b"', "may not be there"),
        ('[calendars.24x7]\nhours = "Mo 09:00-10:00"\n', 1, "calendars.24x7", "another name"),
        (f"{POLICY}at_risk = 0\n", 3, "policies[0].at_risk[0]", "too small"),
        (f"{POLICY}at_risk = [0.5, 1]\n", 3, "policies[0].at_risk[1]", "too large"),
        (f"{POLICY}at_risk = []\n", 3, "policies[0].at_risk", "too few"),
        (f'{POLICY}channels = ["fax"]\n', 3, "policies[0].channels[0]", "'email', 'chat'"),
        (f"{POLICY}queues = 5\n", 3, "policies[0].queues", "a list of queues"),
        (f'{POLICY}targets = {{frist_reply = "4h"}}\n', 3, "policies[0].targets.frist_reply", "mean 'first_reply'"),
        (f'{POLICY}targets = {{first_reply = "soon"}}\n', 3, "policies[0].targets.first_reply", "not a duration"),
        (f"{POLICY}[policies.targets]\nfirst_reply = {{}}\n", 4, "policies[0].targets.first_reply.within", "missing"),
        (f'{POLICY}calendar = "ofice"\n{OFFICE}', 3, "policies[0].calendar", "there is: 'office', '24x7'"),
        (
            f'{POLICY}[policies.targets]\nfirst_reply = {{ within = 1, calendar = "b" }}\n', 4,
            "policies[0].targets.first_reply.calendar", "there is no [calendars.b]",
        ),
        ('[calendars.a]\nid = "24x7"\n', 2, "calendars.a.id", "another name"),
        ('[calendars.a]\nid = "a b"\n', 2, "calendars.a.id", "letters, digits, . _ -"),
        (
            f'[calendars.a]\nid = "b"\n{POLICY}calendar = "a"\n', 5,
            "policies[0].calendar", "there is no [calendars.a]; there is: 'b', '24x7'",
        ),
        (f'{OFFICE}[calendars.b]\nid = "office"\n', 3, "calendars.b.version", "1 of calendar 'office' is there twice"),
        (
            f'{OFFICE}[calendars.b]\nid = "office"\nversion = 2\n', 3,
            "calendars.b.effective_from", "version 2 of calendar 'office' comes after version 1: say from when",
        ),
        (
            f'{OFFICE}{FEBRUARY}[calendars.b]\nid = "office"\nversion = 2\neffective_from = 2026-01-01T00:00:00Z\n',
            7, "calendars.b.effective_from", "later than 2026-02-01T00:00:00+00:00",
        ),
        (
            f"{POLICY}effective_from = 9999-12-31T23:59:59-14:00\n", 3,
            "policies[0].effective_from", "between the years 1970 and 2199",
        ),
        (f"{POLICY}targets = {{first_reply = 1e12}}\n", 3, "policies[0].targets.first_reply", "longer than 3650 days"),
        ("[sla]\nanswer_within = 1e12\n", 2, "sla.answer_within", "longer than 3650 days"),
        (f"{POLICY}version = 9999999999\n", 3, "policies[0].version", "from 1 to 1000000000"),
        (f"{POLICY}version = 0\n", 3, "policies[0].version", "too small"),
        (f"{POLICY}{POLICY}version = 1\n", 5, "policies[1].version", "version 1 of policy 'a' is there twice"),
        (f"{POLICY}{POLICY}version = 2\n", 3, "policies[1].effective_from", "say from when it holds"),
        (
            f"{POLICY}{FEBRUARY}{POLICY}version = 2\n{FEBRUARY}",
            7, "policies[1].effective_from", "later than 2026-02-01T00:00:00+00:00",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_key(
    tmp_path: Path, text: str, line: int, key: str, words: str
) -> None:
    file = tmp_path / "floorwalker.toml"
    file.write_text(text)
    [problem] = check(file)
    assert (problem.line, problem.key) == (line, key), problem
    assert words in problem.message


def test_the_example_of_the_how_to_is_right_and_promises_what_it_says(tmp_path: Path) -> None:
    example, later = examples(HOWTO)
    file = tmp_path / "floorwalker.toml"
    file.write_text(example)
    assert check(file) == []
    promised = load_settings(file).policy_settings()
    assert [(each.id, each.version, sorted(each.targets)) for each in promised.sla] == [
        ("gold", 1, ["first_reply", "next_reply", "total_resolution"]),
        ("gold", 2, ["first_reply", "next_reply", "total_resolution"]),
        ("campaigns", 1, ["answer_within"]),
        ("everybody", 1, ["first_reply", "requester_wait"]),
    ]
    assert [each.id for each in promised.calendars] == ["office"]
    file.write_text(example + later)
    assert [(each.id, each.version) for each in load_settings(file).policy_settings().calendars] == [
        ("office", 1), ("office", 2),
    ]  # fmt: skip


def test_the_examples_of_the_how_to_on_calendars_are_right(tmp_path: Path) -> None:
    file, found = tmp_path / "floorwalker.toml", []
    for example in examples(HOWTO.with_name("howto-calendars.md")):
        file.write_text(example)
        found.append([(each.id, each.version) for each in load_settings(file).policy_settings().calendars])
    assert found == [[("support", 1), ("night", 1)], [("office", 1), ("office", 2)]]


def test_the_how_to_tells_every_clock_and_mode() -> None:
    text = HOWTO.read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert told == [*CLOCKS, *get_args(CalendarMode)]
