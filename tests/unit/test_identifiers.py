"""Mail addresses as identifiers: one for each mailbox, however it is spelt, and none of what is no address."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import LONGEST, hint_of, mail_identifier, node_of, typed_identifier

MUELLER = "mailto:ana@xn--mller-kva.example"


@pytest.mark.parametrize(
    "address",
    [
        "ana@xn--mller-kva.example",
        "ANA@XN--MLLER-KVA.EXAMPLE",
        "ana@müller.example",
        "Ana@MÜLLER.example.",
        "ana@mu\u0308ller.example",
        "ana@ｍüller.ｅxample",
        "ana@müller．example",
        "ana@müller。example",
    ],
)
def test_a_domain_in_letters_beyond_ascii_is_the_one_that_the_domain_name_system_has(address: str) -> None:
    assert mail_identifier(address) == MUELLER
    assert typed_identifier(address) == MUELLER
    assert hint_of(MUELLER) == "a***@xn--mller-kva.example"


@pytest.mark.parametrize("mailbox", ["josé", "jose\u0301", "JOSÉ"])
def test_a_mailbox_is_the_same_however_its_accents_are_written(mailbox: str) -> None:
    assert mail_identifier(f"{mailbox}@kunde.example") == "mailto:josé@kunde.example"


def test_domains_that_are_two_in_the_domain_name_system_stay_two() -> None:
    assert mail_identifier("ana@straße.example") == "mailto:ana@xn--strae-oqa.example"
    assert mail_identifier("ana@strasse.example") == "mailto:ana@strasse.example"
    assert mail_identifier("ana@例え.example") == "mailto:ana@xn--r8jz45g.example"


@given(st.from_regex(r"[!-?A-~]{1,20}@[a-zA-Z0-9-]{1,20}\.example", fullmatch=True))
def test_an_address_in_ascii_is_itself_in_lower_case_or_none(address: str) -> None:
    assert mail_identifier(address) in (f"mailto:{address.lower()}", None)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), st.sampled_from(["NFC", "NFD"]))
def test_whatever_is_an_address_can_be_printed_and_names_the_same_when_it_is_read_again(text: str, form: str) -> None:
    identifier = mail_identifier(unicodedata.normalize(form, f"ana@{text}.example"))
    if identifier is not None:
        assert identifier.isprintable()
        assert typed_identifier(identifier) == identifier


@pytest.mark.parametrize("odd", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u200b", "\u202e", "\u2066", "\ud800"])
def test_an_address_with_what_cannot_be_printed_is_none(odd: str) -> None:
    for address in (f"ana@{odd}kunde.example", f"a{odd}na@kunde.example", f"ana@{odd}müller.example"):
        assert mail_identifier(address) is None
        with pytest.raises(ValueError, match="no e-mail address"):
            typed_identifier(f"mailto:{address}")


@pytest.mark.parametrize("domain", ["mü ller.example", "mü\u00a0ller.example", "mü＠ller.example", "mü；ller.example"])
def test_what_stands_in_no_address_stands_in_none_when_it_was_made_plain(domain: str) -> None:
    assert mail_identifier(f"ana@{domain}") is None


def test_an_address_is_as_long_as_one_that_can_be_delivered_to() -> None:
    fits = "a" * (LONGEST - len("@xn--mller-kva.example")) + "@müller.example"
    assert len(mail_identifier(fits) or "") == len("mailto:") + LONGEST
    assert mail_identifier("a" + fits) is None
    assert mail_identifier("ana@" + "ü" * 2_000_000) is None


@pytest.mark.parametrize(
    "identifier",
    [
        "mailto:ana@\x1b[2J\x1b[31mkunde.example",
        "mailto:\x1b[2J@kunde.example",
        "mailto:ana@kun\u202ede.example",
        "mailto:ana@" + "x" * 10_000,
    ],
)
def test_a_hint_of_what_a_source_calls_an_address_is_short_and_can_be_printed(identifier: str) -> None:
    assert hint_of(identifier) == "mailto:…"
    assert node_of(str, identifier).hint == "mailto:…"
