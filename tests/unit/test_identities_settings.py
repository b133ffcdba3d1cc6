"""What links may join, and whose secret names customers, as the settings say it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from agents.cli.identities import _ids, table_of
from schemas.identities import Link, Node, Review
from schemas.ids import customer_id
from schemas.instants import from_ms
from streams.settings import SettingsError, load_settings


def test_ten_identifiers_and_one_crm_id_a_customer_unless_the_settings_say_otherwise() -> None:
    told = load_settings().identities
    assert (told.max_identifiers, told.single) == (10, ("crm",))

    other = load_settings(identities={"max_identifiers": 4, "single": "crm, loyalty"}).identities
    assert (other.max_identifiers, other.single) == (4, ("crm", "loyalty"))


@pytest.mark.parametrize("wrong", [{"max_identifiers": 1}, {"max_identifiers": True}, {"single": ["CRM"]}])
def test_what_cannot_be_kept_to_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="identities"):
        load_settings(identities=wrong)


def test_without_the_secret_of_the_service_the_command_line_says_where_it_would_be_and_makes_none(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    with pytest.raises(SettingsError, match=r"customer-namespace: is not there, .*: run this where the service runs"):
        _ids(load_settings(service={"data_folder": str(folder), "customer_namespace": None}))
    assert not folder.exists()

    settings = load_settings(service={"data_folder": str(folder), "customer_namespace": None})
    namespace = settings.customer_namespace()
    assert _ids(settings)("crm:1") == customer_id(namespace, "crm:1")


def test_what_a_source_calls_itself_is_shown_as_it_is_in_the_list_of_links_to_look_at() -> None:
    a, b = (Node(f"{each}0000000-0000-4000-8000-000000000000", "crm", f"crm:***{each}2") for each in "ab")
    link = Link(a=a.customer, b=b.customer, authority="provider", at=from_ms(0), by="[/bold] bot")
    shown = StringIO()
    Console(file=shown, width=120).print(table_of([Review(id="r1", refusal="too_many", a=a, b=b, link=link)]))
    assert "crm:***a2 │ crm:***b2 │ [/bold] bot │ 1970-01-01" in shown.getvalue()
