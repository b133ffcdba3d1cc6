"""Who is who: what holds of any sets, and how little is looked at where very many speak of one identifier."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.registry.graph import Rules
from agents.registry.words import Edge, Words
from schemas.identities import LinkSet, Node, Review, Statement
from schemas.instants import DAY, from_ms
from tests.unit.registry_kit import ANA, CASE, CHAT, CRM, IDS, OTHER_CRM, PHONE, START, Desk, ids, published, said

NAMES = (ANA, PHONE, CRM, OTHER_CRM, CHAT, CASE, "mailto:bo@shop.example", "crm:100044")

STATEMENTS = st.lists(
    st.builds(
        lambda kind, names, at, authority: said(
            kind, *(names if kind in ("linked", "unlinked") else names[:1]), at=at, authority=authority
        ),
        st.sampled_from(("linked", "linked", "linked", "unlinked", "blocked", "unblocked")),
        st.lists(st.sampled_from(NAMES), min_size=2, max_size=3, unique=True),
        st.integers(0, 20),
        st.sampled_from(("person", "crm", "provider")),
    )
    | st.builds(
        lambda name, at, authority: said("unlinked", name, at=at, authority=authority),
        st.sampled_from(NAMES),
        st.integers(0, 20),
        st.sampled_from(("person", "crm", "provider")),
    ),
    max_size=25,
)


@given(STATEMENTS, st.sampled_from((3, 100)), st.data())
def test_any_order_of_arrival_duplicates_and_restarts_end_in_the_same_sets_and_reviews(
    statements: list[Statement], crowd: int, data: st.DataObject
) -> None:
    rules = Rules(limit=4, crowd=crowd)
    at_once = Desk(rules)
    at_once.say(*statements)

    repeated = data.draw(st.lists(st.sampled_from(statements), max_size=5)) if statements else []
    order = data.draw(st.permutations([*statements, *repeated]))
    cuts = sorted({0, len(order), *data.draw(st.lists(st.integers(0, len(order)), max_size=4))})
    piecemeal = Desk(rules)
    for start, end in pairwise(cuts):
        piecemeal.say(*order[start:end])
        if data.draw(st.booleans()):
            piecemeal.restart()

    assert piecemeal.sets() == at_once.sets()
    assert piecemeal.reviews() == at_once.reviews()
    linked = {key: each for key, each in at_once.standing.items() if isinstance(each, LinkSet)}
    assert linked.items() <= piecemeal.standing.items()
    for each in piecemeal.standing.keys() - at_once.standing.keys():
        alone = piecemeal.standing[each]
        assert isinstance(alone, LinkSet)
        assert len(alone.members) == 1


@given(STATEMENTS)
def test_no_set_joins_what_a_person_parted_or_blocked_nor_too_many_nor_two_ids_of_the_crm(
    statements: list[Statement],
) -> None:
    desk = Desk(Rules(limit=4))
    desk.say(*statements)

    def last(*kinds: str) -> dict[frozenset[str], Statement]:
        spoken = [
            (frozenset((each.nodes[0].customer, node.customer)), each)
            for each in sorted(statements, key=lambda each: (each.at, each.id))
            for node in each.nodes[1:] or each.nodes
            if each.authority == "person" and each.kind in kinds
        ]
        return dict(spoken)

    parted = {pair for pair, each in last("linked", "unlinked").items() if each.kind == "unlinked" and len(pair) == 2}
    blocked = {pair for pair, each in last("blocked", "unblocked").items() if each.kind == "blocked"}
    by_people = any(each.authority == "person" and each.kind == "linked" for each in statements)
    for joined in desk.sets():
        assert not [each for each in parted | blocked if each <= joined]
        if not by_people:
            assert len(joined) <= 4
            assert len(joined & ids(CRM, OTHER_CRM, "crm:100044")) <= 1


# -- crowds and cases --------------------------------------------------------------------------------------


def crowd_of(number: int, shared: str = PHONE) -> list[Statement]:
    """So many people, each once named with one identifier."""
    return [
        said("linked", shared, f"mailto:p{each}@shop.example", authority="provider", at=each) for each in range(number)
    ]


def test_a_phone_named_with_more_people_than_a_crowd_is_nobodys_and_one_review_stands_for_all() -> None:
    desk = Desk(Rules(limit=3, crowd=5))
    desk.say(*crowd_of(5))
    assert [len(each) for each in desk.sets()] == [3]
    assert list(desk.reviews().values()) == ["too_many"] * 3

    desk.say(*crowd_of(8))

    assert desk.sets() == set()
    assert desk.set_of(PHONE).blocked
    [review] = [each for each in desk.standing.values() if isinstance(each, Review)]
    least = min(IDS(f"mailto:p{each}@shop.example") for each in range(8))
    assert (review.refusal, {review.a.customer, review.b.customer}) == ("too_many", {IDS(PHONE), least})

    standing = dict(desk.standing)
    desk.restart()
    desk.say(said("linked", ANA, PHONE, authority="crm", at=9))
    assert desk.standing.keys() == standing.keys()


def test_what_a_person_says_of_a_crowd_counts() -> None:
    desk = Desk(Rules(limit=3, crowd=5))
    desk.say(*crowd_of(8), said("linked", CRM, PHONE, at=9))
    assert desk.reviews()[ids(CRM, PHONE)] == "blocked"

    desk.say(said("blocked", PHONE, at=10))
    assert desk.reviews() == {ids(CRM, PHONE): "blocked"}

    desk.say(said("unblocked", PHONE, at=11))
    assert desk.sets() == {ids(CRM, PHONE, "mailto:p0@shop.example", "mailto:p1@shop.example")}
    assert sorted(desk.reviews().values()) == ["too_many"] * 6


@pytest.mark.parametrize("blocked", [False, True])
def test_one_more_who_calls_from_a_front_desk_costs_the_same_however_many_there_were(
    blocked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(Rules(limit=3, crowd=5))
    desk.say(*crowd_of(300), *([said("blocked", PHONE)] if blocked else []))
    looked = count_looks(monkeypatch)

    desk.say(said("linked", PHONE, "mailto:one-more@shop.example", authority="provider", at=999))

    assert len(looked) < 15


def test_a_customer_of_many_tickets_is_told_once_and_of_the_tickets_that_tie_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE), said("linked", ANA, CASE, authority="provider"))
    desk.say(*(said("linked", ANA, f"case:{each}", authority="provider", at=each) for each in range(300)))
    assert {node.kind for node in desk.set_of(ANA).nodes} == {"mailto", "tel"}
    looked = count_looks(monkeypatch)

    assert published(desk.say(said("linked", ANA, "case:999", authority="provider", at=999))) == []
    assert len(looked) < 15

    desk.say(said("linked", CHAT, "case:7", authority="provider", at=1_000))
    assert desk.sets() == {ids(ANA, PHONE, CHAT)}
    found = desk.set_of(CHAT)
    assert [node.hint for node in found.nodes if node.kind == "case"] == ["case:***"]
    assert sorted({link.a, link.b} == {IDS(ANA), IDS(PHONE)} for link in found.links) == [False, False, True]


def test_a_case_named_with_one_alone_is_forgotten_after_ninety_days_unless_a_person_named_it() -> None:
    desk = Desk()
    desk.say(
        said("linked", ANA, "case:1"),
        said("linked", ANA, "case:2", authority="provider"),
        said("linked", ANA, "case:3", authority="provider", at=DAY),
    )

    def days(number: int) -> None:
        desk.registry.advance(START + number * DAY, desk)
        desk.flush()
        desk.restart()

    days(90)
    desk.say(said("linked", PHONE, "case:2", authority="provider", at=90 * DAY))
    assert desk.sets() == {ids(ANA, PHONE)}

    desk.say(said("unlinked", PHONE, "case:2", authority="provider", at=91 * DAY))
    days(92)
    desk.say(said("linked", CHAT, "case:3", authority="provider", at=92 * DAY))
    desk.say(said("linked", CRM, "case:1", authority="provider", at=92 * DAY))
    assert desk.sets() == {ids(ANA, CRM)}


def count_looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one with each link that is looked at."""
    looked: list[str] = []
    edge = Words.edge

    def counted(words: Words, one: str, other: str) -> Edge | None:
        looked.append(one)
        return edge(words, one, other)

    monkeypatch.setattr(Words, "edge", counted)
    return looked


def test_what_stands_where_a_customer_id_should_is_refused_and_not_quoted() -> None:
    desk = Desk()
    address = "ana.has.a.long.address@shop.example.".ljust(36, "x")
    nodes = (Node(address, "mailto", "a***@shop.example"), Node(IDS(PHONE), "tel", "*****1820"))
    desk.hear(Statement(id="s1", kind="linked", nodes=nodes, authority="crm", at=from_ms(START)))
    [failed] = desk.flush()
    assert dict(failed.headers)["failed.message"].startswith(b"`$.nodes[0].customer` is no customer id")
    assert b"ana" not in dict(failed.headers)["failed.message"]
