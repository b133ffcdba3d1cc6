"""Who comes to a simulated centre, and what its CRM knows of them."""

from __future__ import annotations

from random import Random

import pytest

from agents.cli.identity_files import rows_of
from schemas.identifiers import nodes_of
from schemas.ids import EVENTS, customer_ids
from streams.simulator import crm_lines, visitors_of
from streams.simulator.people import REGULARS, Visitors


def test_of_one_seed_they_are_always_the_same() -> None:
    assert visitors_of("a", 500).regulars == visitors_of("a", 500).regulars
    assert visitors_of("a", 500).regulars != visitors_of("b", 500).regulars


def test_regulars_have_four_identifiers_of_their_own_and_the_others_a_number_and_an_address() -> None:
    visitors = Visitors(Random("people"), 3_000)
    regulars = visitors.regulars
    assert len(regulars) == REGULARS
    drawn = {person for _ in range(6_000) if (person := visitors.next()) not in regulars}
    numbers = [number for each in regulars for number in (each.number, each.mobile)]
    addresses = [address for each in regulars for address in (each.mail, each.private_mail)]
    assert len(set(numbers)) == len(set(addresses)) == 2 * REGULARS
    assert not {each.number for each in drawn} & set(numbers)
    assert all((each.mobile, each.private_mail) == (each.number, each.mail) for each in drawn)


def test_where_all_numbers_are_taken_nobody_gets_a_second_one() -> None:
    assert {each.mobile == each.number for each in Visitors(Random("all"), 5_000).regulars} == {True}


@pytest.mark.parametrize("people", [1, 3])
def test_the_crm_s_file_links_all_four_identifiers_of_a_person_by_its_own_id(people: int) -> None:
    regulars = visitors_of("crm", 3_000).regulars[:people]
    rows = list(rows_of(crm_lines(regulars), "DE"))
    assert [row.faults for row in rows] == [()] * 2 * people
    for person, first, second in zip(regulars, rows[::2], rows[1::2], strict=True):
        crm = f"crm:{person.crm_id}"
        assert first.identifiers == (crm, f"mailto:{person.mail}", f"tel:{person.number}")
        assert second.identifiers == (crm, f"mailto:{person.private_mail}", f"tel:{person.mobile}")
        # The others are linked with the CRM's id: without it, none of them with another.
        ids = customer_ids(EVENTS)
        assert {nodes_of(ids, row.identifiers)[0].customer for row in (first, second)} == {ids(crm)}
