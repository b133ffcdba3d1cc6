"""The truth of links, by hand: who is who by what was said, in whatever order."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.chaos.link_truth import Said, customer_of, linked, said_by, who_is_who
from tests.chaos.story import Event

A, B, C, D = "tel:+49301000001", "mailto:b@floor.example", "slack:floor:3", "tel:+49301000004"
CRM, SOURCE = 0, 1


def sets(*said: Said, limit: int = 9) -> list[str]:
    """The sets of two and more, by the places of their members in the alphabet."""
    names = {A: "a", B: "b", C: "c", D: "d"}
    found = {tuple(sorted(names[each] for each in own)) for own in linked(said, limit).sets.values()}
    return sorted("".join(each) for each in found if len(each) > 1)


def test_links_join_and_the_latest_that_is_said_of_a_pair_holds() -> None:
    ab, bc = Said(1, SOURCE, True, (A, B)), Said(2, SOURCE, True, (C, B))
    assert sets(ab, bc) == ["abc"]
    parted = Said(3, SOURCE, False, (B, A))
    for order in permutations((ab, bc, parted)):
        assert sets(*order) == ["bc"]
    assert sets(ab, bc, parted, Said(4, SOURCE, True, (A, B))) == ["abc"]


def test_what_one_authority_says_does_not_undo_what_the_other_says() -> None:
    assert sets(Said(1, CRM, True, (A, B)), Said(2, SOURCE, False, (A, B))) == ["ab"]
    assert sets(Said(1, SOURCE, True, (A, B)), Said(2, CRM, False, (A, B))) == ["ab"]


def test_who_is_nobody_else_loses_the_earlier_links_of_that_authority() -> None:
    links = (Said(1, SOURCE, True, (A, B)), Said(2, CRM, True, (A, C)), Said(5, SOURCE, True, (A, D)))
    assert sets(*links, Said(3, SOURCE, False, (A,))) == ["acd"]


def test_a_case_ties_others_together_and_is_no_identifier_itself() -> None:
    said = (Said(1, SOURCE, True, (A, "case:1")), Said(2, SOURCE, True, (B, "case:1")))
    found = linked(said, 2)
    assert found.sets == {A: sorted((A, B)), B: sorted((A, B))}
    assert found.refused == []


def test_a_link_that_would_make_a_set_too_large_is_refused_the_later_of_them_and_the_weaker() -> None:
    ab, bc, cd = (Said(at, SOURCE, True, pair) for at, pair in enumerate(((A, B), (B, C), (C, D))))
    assert sets(ab, bc, cd, limit=3) == ["abc"]
    assert linked((ab, bc, cd), 3).refused == [tuple(sorted((C, D)))]
    assert sets(ab, bc, cd._replace(rank=CRM), limit=3) == ["ab", "cd"]
    again = Said(9, SOURCE, True, (A, B))
    assert sets(ab, bc, cd, again, limit=3) == ["abc"]


def test_sets_are_told_in_customer_ids_ascending() -> None:
    found = who_is_who((Said(1, SOURCE, True, (A, B)),))
    members = sorted((customer_of(A), customer_of(B)))
    assert found == {"sets": dict.fromkeys((customer_of(A), customer_of(B)), members), "reviews": []}


def test_events_say_who_is_who() -> None:
    def event(kind: str, **fields: object) -> Event:
        return Event("e", kind, 5, 9, 0, fields)

    assert said_by(event("contact.offered", identifiers=[A])) is None
    assert said_by(event("contact.offered", identifiers=[A, B])) == Said(5, SOURCE, True, (A, B))
    assert said_by(event("contact.offered", identifiers=[A], case="7")) == Said(5, SOURCE, True, (A, "case:7"))
    assert said_by(event("identity.linked", identifiers=[A, B], by="crm-nightly")) == Said(5, CRM, True, (A, B))
    assert said_by(event("identity.unlinked", identifiers=[A], by="form")) == Said(5, SOURCE, False, (A,))
    with pytest.raises(ValueError, match="more than two"):
        said_by(event("contact.offered", identifiers=[A, B, C]))
