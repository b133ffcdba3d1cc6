"""The arithmetic of the registry's benchmark, and the rows that it makes."""

from schemas.identities import decode_statement
from tests.benchmarks.registry import Held, in_numbers, records, table


def test_what_a_row_weighs_is_the_slope_between_two_sizes_and_its_time_is_told_in_units() -> None:
    small, large = Held(50, 30_000, 90.0, 20.0, 1.0), Held(200, 120_000, 100.0, 25.0, 0.5)
    numbers = in_numbers(small, large)
    assert numbers == {
        "rows": 200,
        "bytes_a_row": 600,
        "us": 100.0,
        "units": 200,
        "small_units": 90,
        "restore_us": 25.0,
        "restore_units": 50,
    }
    assert any("600" in line for line in table(numbers))


def test_a_row_links_an_id_of_the_crm_with_an_address_and_a_number_of_nobody_else() -> None:
    told = [decode_statement(record.value or b"") for record in records(5)]
    assert [[node.kind for node in each.nodes] for each in told] == [["crm", "mailto", "tel"]] * 5
    assert len({node.customer for each in told for node in each.nodes}) == 15
