"""Files of a CRM that say which identifiers are one customer's: CSV with a header, a customer a line."""

import csv
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import TextIOWrapper
from typing import BinaryIO, NamedTuple

from schemas.identifiers import MAIL, PHONE, kind_of, mail_identifier, other_identifier, phone_identifier

COLUMNS = "crm_id, email, phone, or KIND:PREFIX such as zendesk:acme"

Read = Callable[[str], str]
"""The identifier in a cell that is not empty. Raises ValueError."""


class BadFile(ValueError):
    """A file that cannot be read at all: what is wrong with its header."""


class Row(NamedTuple):
    """The identifiers of one line, and what is wrong with its other cells: (column, words)."""

    line: int
    identifiers: tuple[str, ...]
    faults: tuple[tuple[str, str], ...] = ()


def lines_of(raw: BinaryIO) -> Iterable[str]:
    """The lines of a file, without a byte order mark; what is not UTF-8 in them becomes U+FFFD."""
    return TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")


def rows_of(lines: Iterable[str], region: str | None) -> Iterator[Row]:
    """The lines below the header, one at a time. `region`: of phone numbers without a country code.

    Raises BadFile, which quotes nothing: the first line may be a customer.
    """
    steady = iter(lines)
    header = next(steady, "")
    delimiter = ";" if ";" in header and "," not in header else ","
    columns = _columns(header, delimiter, region)
    # A quote that is left open would swallow the lines below it without a word.
    cells = csv.reader(steady, delimiter=delimiter, strict=True)
    while True:
        line = cells.line_num + 2  # the header was read before
        try:
            row = next(cells)
        except StopIteration:
            return
        except csv.Error as error:
            found = Row(line, (), (("", f"is no CSV: {error}"),))
        else:
            if not row:
                continue
            found = _row(line, row, columns)
        yield _with_end(found, cells.line_num + 1)


def _with_end(row: Row, end: int) -> Row:
    """Where what is wrong goes on below its first line, say to where."""
    if end == row.line or not row.faults:
        return row
    more = f" (it goes on to line {end}: is a quote left open?)"
    return row._replace(faults=tuple((column, words + more) for column, words in row.faults))


def _row(line: int, row: list[str], columns: list[tuple[str, Read]]) -> Row:
    identifiers: list[str] = []
    faults: list[tuple[str, str]] = []
    if len(row) != len(columns):
        return Row(line, (), (("", f"has {len(row)} cells, the header has {len(columns)}"),))
    for text, (name, read) in zip(row, columns, strict=True):
        if not text.strip():
            continue
        try:
            if "\ufffd" in text:
                raise ValueError("is not UTF-8: save the file as UTF-8")
            identifiers.append(read(text))
        except ValueError as error:
            faults.append((name, str(error)))
    return Row(line, tuple(dict.fromkeys(identifiers)), tuple(faults))


def _columns(header: str, delimiter: str, region: str | None) -> list[tuple[str, Read]]:
    if "\ufffd" in header:
        raise BadFile("is not UTF-8: save the file as UTF-8")
    try:
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    except csv.Error as error:
        raise BadFile(f"has a header that is no CSV: {error}") from None
    if len(names) < 2:
        raise BadFile(f"has to name two columns or more: {COLUMNS}")
    readers = [_reader(name, region) for name in names]
    for place, (name, read) in enumerate(zip(names, readers, strict=True), 1):
        if read is None:
            raise BadFile(f"nobody knows what column {place} is called: name it {COLUMNS}, or take it out")
        if names.index(name) + 1 < place:
            raise BadFile(f"columns {names.index(name) + 1} and {place} have one name: take one of them out")
    return [(name, read) for name, read in zip(names, readers, strict=True) if read is not None]


def _reader(name: str, region: str | None) -> Read | None:
    """How a column is read, None for one that nobody knows."""
    if name == "crm_id":
        return partial(other_identifier, "crm")
    if name == "email":
        return _mail
    if name == "phone":
        return partial(_phone, region)
    kind, colon, prefix = name.partition(":")
    if not colon or kind in (MAIL, PHONE) or kind_of(name) != kind:
        return None
    return lambda text: other_identifier(kind, f"{prefix}:{text.strip()}" if prefix else text)


def _mail(text: str) -> str:
    found = mail_identifier(text)
    if found is None:
        raise ValueError("no e-mail address")
    return found


def _phone(region: str | None, text: str) -> str:
    found = phone_identifier(text.strip(), region)
    if found is None:
        raise ValueError("no phone number that exists" + ("" if region else " (numbers without + need --region)"))
    return found
