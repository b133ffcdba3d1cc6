"""What a contact's events say on who is who, and how identifiers are typed and shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from agents.contacts.identity import statement_of, statement_of_event
from schemas.events import IdentityLinked, IdentityUnlinked
from schemas.identifiers import hint_of, node_of, typed_identifier
from schemas.identities import Node
from schemas.ids import customer_ids
from schemas.instants import from_ms

IDS = customer_ids(UUID("6d0e7c7e-52f4-4bb5-9d8e-3f1a2b4c5d6e"))
AT = from_ms(1_772_445_600_000)
ANA, PHONE, CRM = "mailto:ana@shop.example", "tel:+4930901820", "crm:100042"


def test_one_identifier_links_nothing_and_with_a_case_it_does() -> None:
    assert statement_of(IDS, (ANA,), None, "desk", AT) is None
    assert statement_of(IDS, (ANA, ANA), None, "desk", AT) is None
    assert statement_of(IDS, (), "4711", "desk", AT) is None

    said = statement_of(IDS, (ANA,), "4711", "desk", AT)
    assert said is not None
    assert (said.kind, said.authority, said.by, said.at) == ("linked", "provider", "desk", AT)
    assert [(node.customer, node.kind) for node in said.nodes] == [(IDS(ANA), "mailto"), (IDS("case:4711"), "case")]


def test_what_people_share_least_links_the_others_whatever_their_order() -> None:
    said = statement_of(IDS, (PHONE, ANA, CRM), "4711", "desk", AT)
    assert said is not None
    assert [node.kind for node in said.nodes] == ["crm", "mailto", "tel", "case"]
    assert statement_of(IDS, (CRM, PHONE, ANA), "4711", "desk", AT) == said


def test_the_same_statement_has_the_same_id_and_another_source_or_instant_another() -> None:
    first = statement_of(IDS, (ANA, PHONE), None, "desk", AT)
    later = statement_of(IDS, (ANA, PHONE), None, "desk", from_ms(1_772_445_600_001))
    elsewhere = statement_of(IDS, (ANA, PHONE), None, "pbx", AT)
    assert first is not None
    assert later is not None
    assert elsewhere is not None
    assert len({first.id, later.id, elsewhere.id}) == 3
    assert statement_of(IDS, (PHONE, ANA), None, "desk", AT) == first


def event(kind: Any, *identifiers: str, by: str | None = None) -> Any:
    return kind(
        id="e1", time=AT, channel="chat", source="desk", contact="c1", identifiers=identifiers, by=by, reason="told us"
    )


@pytest.mark.parametrize(
    ("by", "authority", "said_by"),
    [("crm-sync", "crm", "crm-sync"), ("CRM", "crm", "CRM"), ("bot", "provider", "bot"), (None, "provider", "desk")],
)
def test_an_event_speaks_for_a_crm_where_it_says_so(by: str | None, authority: str, said_by: str) -> None:
    said = statement_of_event(IDS, event(IdentityLinked, ANA, PHONE, by=by))
    assert said is not None
    assert (said.kind, said.authority, said.by, said.reason) == ("linked", authority, said_by, "told us")


def test_an_event_parts_one_identifier_or_several_and_links_two_at_least() -> None:
    alone = statement_of_event(IDS, event(IdentityUnlinked, ANA))
    assert alone is not None
    assert (alone.kind, [node.customer for node in alone.nodes]) == ("unlinked", [IDS(ANA)])
    assert statement_of_event(IDS, event(IdentityLinked, ANA)) is None
    assert statement_of_event(IDS, event(IdentityUnlinked)) is None


@pytest.mark.parametrize(
    ("identifier", "hint"),
    [
        (ANA, "a***@shop.example"),
        (PHONE, "*****1820"),
        ("tel:+49301", "*****"),
        (CRM, "crm:***42"),
        ("crm:42", "crm:***"),
        ("slack:T1:U2", "slack:…"),
        ("mastodon:ana@social.example", "mastodon:…"),
        ("mailto:ana", "mailto:…"),
        ("tel:ask for ana", "*****"),
        ("ana@shop.example", "…"),
        ("Ana Kunde: by mail", "…"),
    ],
)
def test_a_hint_tells_an_identifier_and_not_who_it_is(identifier: str, hint: str) -> None:
    assert hint_of(identifier) == hint


@pytest.mark.parametrize("identifier", ["ana@shop.example", "Ana Kunde: by mail", ":4711", f"{'ana' * 11}:1", ""])
def test_what_a_source_calls_an_identifier_without_a_kind_leaves_no_word_of_it(identifier: str) -> None:
    assert node_of(IDS, identifier) == Node(IDS(identifier), "other", "…")


@pytest.mark.parametrize(
    ("typed", "region", "identifier"),
    [
        (" Ana@Shop.example ", None, ANA),
        ("mailto:ANA@shop.example", None, ANA),
        ("+49 30 901820", None, PHONE),
        ("tel:030/901820", "DE", PHONE),
        ("030 901820", "DE", PHONE),
        ("crm:100042", None, CRM),
        ("Slack:T1:U2", None, "slack:T1:U2"),
        ("mastodon:ana@social.example", None, "mastodon:ana@social.example"),
        ("case:4711", None, "case:4711"),
    ],
)
def test_what_people_type_becomes_the_identifier_that_intake_writes(
    typed: str, region: str | None, identifier: str
) -> None:
    assert typed_identifier(typed, region) == identifier


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("ana@", "no e-mail address"),
        ("030 901820", "or say the country"),
        ("201", "no phone number"),
        ("", "no phone number"),
        ("crm:", "no id behind crm:"),
        ("crm:a\nb", "no line breaks"),
        (":42", "no kind before the colon"),
        ("my crm:42", "no kind before the colon"),
    ],
)
def test_what_is_no_identifier_is_refused_in_words_that_do_not_quote_it(typed: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        typed_identifier(typed)
