"""The judge on written records of customers.identities: A and B are one, C was linked once, D and E may not be."""

from __future__ import annotations

from typing import Any

from tests.chaos.verifier_identities import Identities
from tests.chaos.verifier_reading import Record
from tests.chaos.written import T, record

A, B, C, D, E = (f"{letter}0000000-0000-0000-0000-000000000000" for letter in "abcde")
TRUTH: dict[str, Any] = {"sets": {A: [A, B], B: [A, B], C: [C], D: [D], E: [E]}, "reviews": [[D, E]]}


def link_set(customer: str, *members: str, owner: str | None = None) -> Record:
    value = {"record": "set", "customer": customer, "owner": owner or members[0], "members": members}
    return record("customers.identities", value, key=customer)


def review(a: str = D, b: str = E, refusal: str = "too_many") -> Record:
    value = {"record": "review", "refusal": refusal, "a": {"customer": a}, "b": {"customer": b}}
    return record("customers.identities", value, key=f"review:{a}{b}")


def settled(a: str = D, b: str = E) -> Record:
    return Record("customers.identities", 0, 0, T, f"review:{a}{b}", None, {})


def found(*records: Record) -> list[str]:
    gathered = Identities()
    for each in records:
        gathered.take(each)
    return sorted(each.kind.value for each in gathered.judge(TRUTH))


GOOD = (link_set(A, A, B), link_set(B, A, B), review())


def test_sets_as_they_should_be_are_not_found_whether_or_not_the_single_ones_are_told() -> None:
    assert found(*GOOD) == []
    assert found(*GOOD, link_set(C, C)) == []


def test_the_last_that_is_said_of_an_identifier_counts() -> None:
    assert found(link_set(A, A, B, C), link_set(C, A, C), *GOOD, link_set(C, C)) == []
    assert found(*GOOD, link_set(A, A)) == ["lost"]


def test_a_set_that_is_not_told_to_one_of_its_members_is_lost() -> None:
    assert found(link_set(A, A, B), review()) == ["lost"]


def test_a_set_that_is_too_large_is_doubled_and_one_that_is_another_is_lost() -> None:
    assert found(*GOOD, link_set(A, A, B, C)) == ["doubled"]
    assert found(*GOOD, link_set(C, C, D)) == ["doubled"]
    assert found(*GOOD, link_set(A, A, C)) == ["lost"]


def test_a_set_under_another_owner_is_found() -> None:
    assert found(*GOOD, link_set(B, A, B, owner=B)) == ["lost"]


def test_a_set_of_an_identifier_that_nobody_spoke_of_is_found() -> None:
    stranger = "f0000000-0000-0000-0000-000000000000"
    assert found(*GOOD, link_set(stranger, A, stranger)) == ["doubled"]


def test_a_link_that_does_not_hold_is_left_for_people_and_no_other_is() -> None:
    sets = GOOD[:2]
    assert found(*sets) == ["lost"]
    assert found(*GOOD, settled()) == ["lost"]
    assert found(*sets, review(refusal="two_crm_ids")) == ["lost"]
    assert found(*GOOD, review(A, C)) == ["doubled"]
    assert found(*GOOD, review(A, C), settled(A, C)) == []
