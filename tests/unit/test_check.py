"""`floorwalker check`: the line, the key, and what to do."""

from pathlib import Path

import pytest

from streams.check import check

EXAMPLE = Path(__file__).parents[2] / "examples" / "floorwalker.toml"


def _checked(folder: Path, text: str | bytes) -> list[tuple[int | None, str, str]]:
    file = folder / "floorwalker.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(problem.line, problem.key, problem.message) for problem in check(file)]


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        # unknown keys
        ('[service]\ntimzone = "UTC"\n', 2, "service.timzone", ["unknown key", "'timezone'"]),
        ("[servce]\n", 1, "servce", ["unknown key", "'service'"]),
        ("\n[service]\nanswer_within = 5\n", 3, "service.answer_within", ["unknown key", "[sla]"]),
        ('timezone = "UTC"\n', 1, "timezone", ["unknown key", "[service] or [metrics]"]),
        ("[metrics]\nqqq = 1\n", 2, "metrics.qqq", ["unknown key", "short_abandon, thresholds, timezone"]),
        ('[queues."2nd line"]\natrisk = 1\n', 2, 'queues."2nd line".atrisk', ["unknown key", "'at_risk'"]),
        ("queues.a.max_wiat = 1\n", 1, "queues.a.max_wiat", ["'max_wait'"]),
        # wrong types
        ('[service]\npartitions = "four"\n', 2, "service.partitions", ["'four'", "whole number from 1 to 1000"]),
        ("[service]\npartitions = true\n", 2, "service.partitions", ["true", "no numbers"]),
        ("[service]\nport = 1.5\n", 2, "service.port", ["1.5", "not a whole number"]),
        ("[service]\nclock = 5\n", 2, "service.clock", ["'wall' or 'event'"]),
        ("[service]\ntimezone = 1\n", 2, "service.timezone", ["not text", "IANA"]),
        ("service = 5\n", 1, "service", ["not a table", "[service]"]),
        ("[queues]\na = 5\n", 2, "queues.a", ["not a table", "[queues.NAME]"]),
        ('[sources]\nname = "a"\n', 1, "sources", ["not a list", "[[sources]]"]),
        ("[sla]\nmax_wait = [1]\n", 2, "sla.max_wait", ["not a duration", "24h"]),
        # wrong values
        ("[service]\nport = 70000\n", 2, "service.port", ["too large", "65535"]),
        ('[service]\nnamespace = "a/b"\n', 2, "service.namespace", ["'a/b'", "letters, digits"]),
        ('[service]\nbootstrap = "kafka"\n', 2, "service.bootstrap", ["'kafka'", "host:port"]),
        ('[service]\nbootstrap = "a:1,b:x"\n', 2, "service.bootstrap", ["'b:x' is no address"]),
        ('[service]\ntimezone = "Europe/Berln"\n', 2, "service.timezone", ["did you mean 'Europe/Berlin'"]),
        ('[service]\ntimezone = "Europe"\n', 2, "service.timezone", ["no such time zone"]),
        ('[service]\nregion = "UK"\n', 2, "service.region", ["'UK'", "no such country"]),
        ('[service]\nclock = "vall"\n', 2, "service.clock", ["'vall'", "'wall' or 'event'"]),
        ("[service]\nflush_interval = 0\n", 2, "service.flush_interval", ["too small", "10ms"]),
        ("[sla]\nat_risk = 80\n", 2, "sla.at_risk", ["80", "share"]),
        ("[sla]\nmax_wait = 0\n", 2, "sla.max_wait", ["too small"]),
        ("[metrics]\nthresholds = [\n  20,\n  '1x',\n]\n", 4, "metrics.thresholds[1]", ["'1x'", "not a duration"]),
        ("[alerts]\ngroup_wait = '20m'\n", 2, "alerts.group_wait", ["before anybody is told", "stale_after", "1204s"]),
        ("[trends]\nlearn_days = 57\n", 2, "trends.learn_days", ["too large", "from 1 to 56"]),
        ("[metrics]\nthresholds = []\n", 2, "metrics.thresholds", ["too few"]),
        ("[[sources]]\nname = 'a'\npath = 'x'\nformat = 'csv'\n", 4, "sources[0].format", ["asterisk-queue-log"]),
        ("[[sources]]\nformat = 'asterisk-queue-log'\nname = 'a'\n", 1, "sources[0].path", ["missing; give the path"]),
        # no TOML
        ("[service]\nport = \n", 2, "", ["not TOML"]),
        ("a = 1\n\na = 2\n", 3, "", ["not TOML", "column"]),
        ("[service]\nnamespace = 'x\n", 2, "", ["not TOML"]),
        ("[service", 1, "", ["not TOML"]),
        (b"[service]\n# K\xf6ln\n", 2, "", ["0xf6", "UTF-8"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_key_and_what_to_do(
    tmp_path: Path, text: str | bytes, line: int, key: str, words: list[str]
) -> None:
    [(at, what, message)] = _checked(tmp_path, text)
    assert (at, what) == (line, key), message
    assert [word for word in words if word not in message] == [], message


def test_everything_wrong_is_said_in_the_order_of_the_lines(tmp_path: Path) -> None:
    found = _checked(tmp_path, "[sla]\nat_risk = 2\n[service]\nport = -1\nclok = 1\n[metrics]\nshort_abandon = '?'\n")
    assert [(line, key) for line, key, _ in found] == [
        (2, "sla.at_risk"), (4, "service.port"), (5, "service.clok"), (7, "metrics.short_abandon"),
    ]  # fmt: skip


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    source = "[[sources]]\nname = 'a'\nformat = 'asterisk-queue-log'\npath = 'x'\n"
    [(line, key, message)] = _checked(tmp_path, source * 2)
    assert (line, key) == (6, "sources[1].name")
    assert "another source is named 'a'" in message


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    [(line, key, message)] = _checked(tmp_path, "[service]\ncustomer_namespace = 'hunter2'\n")
    assert (line, key) == (2, "service.customer_namespace")
    assert "not a UUID" in message
    assert "hunter2" not in message


def test_the_environment_does_not_matter_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORWALKER_SERVICE__PORT", "nonsense")
    assert _checked(tmp_path, "[service]\nport = 1\n") == []


def test_a_file_that_is_not_there_or_no_file_is_said_so(tmp_path: Path) -> None:
    [problem] = check(tmp_path / "other.toml")
    assert problem.message.startswith("there is no such file")
    [problem] = check(tmp_path)
    assert problem.message.startswith("cannot be read")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    assert _checked(tmp_path, b"\xef\xbb\xbf[service]\r\nport = 1\r\n") == []
    [(line, key, _)] = _checked(tmp_path, b"[service]\r\n\r\nprt = 1\r\n")
    assert (line, key) == (3, "service.prt")


def test_the_example_is_right() -> None:
    assert check(EXAMPLE) == []
