"""The demo's CRM, and what it says to type about a customer."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from agents.cli.demo.customers import FILE, GUEST, how_to_ask, write_crm
from streams.simulator import crm_lines, visitors_of

EVA = visitors_of("floor", 3_000).regulars[GUEST]


def test_the_crm_s_file_stands_beside_the_settings(tmp_path: Path) -> None:
    path = write_crm(tmp_path, [EVA])
    assert path == tmp_path / FILE
    assert path.read_text().splitlines(keepends=True) == crm_lines([EVA])


def test_what_is_to_be_typed_names_the_endpoints_and_a_customer_of_the_crm() -> None:
    commands = [shlex.split(line) for line in how_to_ask(EVA, "http://127.0.0.1:8080").splitlines() if "curl" in line]
    assert [command[:3] for command in commands] == [
        ["curl", "-s", "http://127.0.0.1:8080/api/v1/customers/look-up"],
        ["curl", "-s", "http://127.0.0.1:8080/api/v1/identities/unlink"],
    ]
    assert [command[3:6] for command in commands] == [["-H", "Content-Type: application/json", "-d"]] * 2
    assert [json.loads(command[6]) for command in commands] == [
        {"identifier": "kunde.60@kunde.example"},
        {"identifiers": ["crm:100060"]},
    ]
