"""Files of a CRM: what each line says, and what is wrong with it, by line and column."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli import app
from agents.cli.identity_files import BadFile, Row, lines_of, rows_of


def rows(*lines: str, region: str | None = None) -> list[Row]:
    return list(rows_of((f"{line}\r\n" for line in lines), region))


def test_each_line_says_the_identifiers_of_one_customer_and_empty_cells_say_nothing() -> None:
    found = rows(
        "crm_id,email,phone,zendesk:acme,slack:",
        "100042,Ana@Shop.example,+49 30 901820,77,T1:U1",
        "100043,bo@shop.example,,,",
        "",
        ",,,,",
    )

    assert found == [
        Row(2, ("crm:100042", "mailto:ana@shop.example", "tel:+4930901820", "zendesk:acme:77", "slack:T1:U1")),
        Row(3, ("crm:100043", "mailto:bo@shop.example")),
        Row(5, ()),
    ]


def test_a_wrong_cell_is_named_and_the_rest_of_its_line_and_the_lines_after_it_count() -> None:
    found = rows(
        "crm_id,email,phone", "1,ana at shop,030 901820", "2", "3,caf\ufffd@shop.example,", "4,bo@shop.example,"
    )

    assert found[0].identifiers == ("crm:1",)
    assert found[0].faults == (
        ("email", "no e-mail address"),
        ("phone", "no phone number that exists (numbers without + need --region)"),
    )
    assert found[1] == Row(3, (), (("", "has 1 cells, the header has 3"),))
    assert found[2].faults == (("email", "is not UTF-8: save the file as UTF-8"),)
    assert found[3] == Row(5, ("crm:4", "mailto:bo@shop.example"))


def test_a_region_dials_numbers_without_a_country_code_and_semicolons_part_cells_too() -> None:
    assert rows("crm_id;phone", "1;030 901820", region="DE") == [Row(2, ("crm:1", "tel:+4930901820"))]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "has to name two columns"),
        ("email", "has to name two columns"),
        ("crm_id,mail", "nobody knows what column 2 is called"),
        ("crm_id,tel:49", "nobody knows what column 2 is called"),
        ("crm_id,Any Tool:1", "nobody knows what column 2 is called"),
        ("crm_id,email,,", "nobody knows what column 3 is called"),
        ("email,phone,email", "columns 1 and 3 have one name"),
        ("crm_id,e\ufffd-mail", "is not UTF-8"),
        pytest.param(f"crm_id,{'x' * 200_000}", "has a header that is no CSV", id="a cell without end"),
    ],
)
def test_a_header_that_says_no_columns_is_refused(header: str, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        rows(header, "1,2")


def test_a_file_without_a_header_is_refused_in_words_that_do_not_quote_a_customer() -> None:
    with pytest.raises(BadFile) as caught:
        rows("100042,ana@shop.example,Ana Kunde", "100043,bo@shop.example,Bo Kunde")
    assert "column 1" in str(caught.value)
    assert not [each for each in ("100042", "ana@", "shop.example", "Kunde") if each in str(caught.value)]


def test_a_quote_that_is_left_open_is_told_with_every_line_that_it_swallows() -> None:
    found = rows("crm_id,email", '1,"ana@shop.example', "2,bo@shop.example", "3,cem@shop.example")
    assert found == [
        Row(2, (), (("", "is no CSV: unexpected end of data (it goes on to line 4: is a quote left open?)"),))
    ]


def test_a_cell_that_is_quoted_over_two_lines_is_named_by_its_first_and_the_lines_after_it_count() -> None:
    found = rows("crm_id,email", '1,"ana@', 'shop.example"', '"2","bo@shop.example"', '3,"x"y')
    assert found == [
        Row(2, ("crm:1",), (("email", "no e-mail address (it goes on to line 3: is a quote left open?)"),)),
        Row(4, ("crm:2", "mailto:bo@shop.example")),
        Row(5, (), (("", "is no CSV: ',' expected after '\"'"),)),
    ]


def test_a_region_that_is_no_country_is_refused_and_case_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    refused = CliRunner().invoke(app, ["identities", "import", str(file), "--region", "Germany"])
    assert refused.exit_code == 2
    assert "'Germany' is no country" in refused.stderr
    taken = CliRunner().invoke(app, ["identities", "import", str(file), "--region", "de"])
    assert isinstance(taken.exception, FileNotFoundError)


def test_a_byte_order_mark_is_no_part_of_the_header_and_a_line_of_latin_1_is_named() -> None:
    file = "\ufeffcrm_id,email\r\n1,ana@shop.example\r\n".encode() + "2,jos\xe9@shop.example\r\n".encode("latin-1")
    assert list(rows_of(lines_of(BytesIO(file)), None)) == [
        Row(2, ("crm:1", "mailto:ana@shop.example")),
        Row(3, ("crm:2",), (("email", "is not UTF-8: save the file as UTF-8"),)),
    ]
    with pytest.raises(BadFile, match="is not UTF-8"):
        list(rows_of(lines_of(BytesIO("crm_id,email\r\n".encode("utf-16"))), None))
