"""Who is who: what holds no more is forgotten after the retention, and nothing that still counts."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from agents.registry.graph import Rules
from agents.registry.packed import packed
from agents.registry.words import Words
from schemas.identifiers import node_of, statement
from schemas.identities import Node, Statement
from schemas.instants import DAY, HOUR, from_ms, to_ms
from tests.unit.registry_kit import ANA, CASE, CHAT, CRM, IDS, OTHER_CRM, PHONE, START, Desk, ids, published, said

NAMES = (ANA, PHONE, CHAT)
RETENTION = 90 * DAY

ANYBODY = st.sampled_from(("crm", "crm", "crm", "provider", "person"))


def statements(names: tuple[str, ...], days: int) -> st.SearchStrategy[list[Statement]]:
    at = st.integers(0, days // 10).map(lambda tens: tens * 10 * DAY)
    pairs = st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True)
    links = st.builds(
        lambda kind, named, at, who: said(kind, *named, at=at, authority=who),
        st.sampled_from(("linked", "linked", "unlinked")),
        pairs,
        at,
        ANYBODY,
    )
    alone = st.builds(
        lambda kind, name, at, who: said(kind, name, at=at, authority=who),
        st.sampled_from(("unlinked", "unlinked", "blocked", "unblocked")),
        st.sampled_from(names),
        at,
        ANYBODY,
    )
    return st.lists(links | alone, max_size=30)


def what_holds(words: Words) -> list[object]:
    customers = sorted(map(packed, ids(*NAMES)))
    edges = [words.edge(a, b) for a, b in combinations(customers, 2)]
    return [
        [edge and edge.rank for edge in edges],
        [words.blocked_by(customer) for customer in customers],
        [set(words.apart(customer)) for customer in customers],
    ]


@given(statements(NAMES, 200), st.data())
def test_what_comes_late_within_the_retention_finds_what_it_needs(spoken: list[Statement], data: st.DataObject) -> None:
    late = [data.draw(st.sampled_from((0, RETENTION // 2, RETENTION - 1))) for _ in spoken]
    arriving = sorted(
        ((to_ms(each.at) + wait, place) for place, (each, wait) in enumerate(zip(spoken, late, strict=True)))
    )
    forgetting, keeping, log = Words(), Words(), dict[bytes, bytes]()
    for clock, place in arriving:
        forgetting.forget(clock - RETENTION)
        for words in (forgetting, keeping):
            words.hear(spoken[place])
        for key, value in forgetting.changes():
            log.pop(key, None)
            if value is not None:
                log[key] = value
        if data.draw(st.booleans()):
            forgetting = Words()
            for key, value in log.items():
                forgetting.restore(key, value)
            forgetting.restored()

        assert what_holds(forgetting) == what_holds(keeping)


@given(statements((ANA, PHONE, CRM, OTHER_CRM, CHAT), 20))
def test_forgetting_publishes_nothing_and_leaves_what_holds_and_what_people_said(spoken: list[Statement]) -> None:
    desk = Desk(Rules(limit=4))
    desk.say(*spoken)
    sets, reviews = desk.sets(), desk.reviews()
    for days in (120, 121, 122):
        desk.registry.advance(START + days * DAY, desk)
        assert desk.flush() == []
        desk.restart()
        assert desk.flush() == []

    people = [each for each in spoken if each.authority == "person" or each.kind in ("blocked", "unblocked")]
    named = {node.customer for each in people for node in each.nodes}.union(*sets, *reviews)
    held = {key[1:].hex() for key in desk.changelog if key[:1] == b"n"}
    assert held >= {packed(customer).hex() for customer in named}
    desk.say(said("unlinked", ANA, at=1_000 * DAY))
    assert all(IDS(ANA) not in each for each in desk.sets())


def pass_days(desk: Desk, days: int) -> None:
    desk.registry.advance(START + days * DAY + HOUR, desk)
    desk.flush()
    desk.restart()


def kept(desk: Desk) -> list[bytes]:
    """Kinds of what the registry keeps of identifiers."""
    return sorted(key[:1] for key in desk.changelog if key[:1] in (b"p", b"n", b"u", b"b"))


def test_a_link_taken_back_is_forgotten_after_the_retention_with_who_nobody_else_speaks_of() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="crm"), said("linked", ANA, CHAT, authority="crm"))
    desk.say(said("unlinked", ANA, PHONE, authority="crm", at=DAY))

    pass_days(desk, 90)
    assert kept(desk) == [b"n", b"n", b"n", b"p", b"p"]
    pass_days(desk, 91)
    assert kept(desk) == [b"n", b"n", b"p"]
    assert desk.sets() == {ids(ANA, CHAT)}


def test_a_link_said_anew_counts_from_the_first_time_until_that_is_forgotten() -> None:
    def since(days: int) -> object:
        desk = Desk()
        desk.say(said("linked", ANA, PHONE, authority="crm"), said("unlinked", ANA, PHONE, authority="crm", at=DAY))
        pass_days(desk, days)
        desk.say(said("linked", ANA, PHONE, authority="crm", at=days * DAY))
        [link] = desk.set_of(ANA).links
        return link.at

    assert since(90) == from_ms(START)
    assert since(92) == from_ms(START + 92 * DAY)


def test_a_link_said_again_within_the_retention_stays() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="crm"), said("unlinked", ANA, PHONE, authority="crm", at=DAY))
    pass_days(desk, 50)
    desk.say(said("linked", ANA, PHONE, authority="crm", at=50 * DAY))
    pass_days(desk, 500)

    assert desk.sets() == {ids(ANA, PHONE)}
    desk.say(said("unlinked", ANA, PHONE, authority="crm", at=500 * DAY))
    pass_days(desk, 600)
    assert kept(desk) == []


def test_what_a_person_parted_stays_parted() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="crm"), said("unlinked", ANA, PHONE), said("unlinked", CHAT))
    pass_days(desk, 1_000)
    desk.say(said("linked", PHONE, ANA, CHAT, authority="provider", at=1_000 * DAY))
    desk.say(said("linked", CHAT, CRM, authority="crm", at=1_000 * DAY))

    assert desk.sets() == set()


def test_a_crm_that_parted_one_from_all_is_forgotten_with_the_links_that_it_took_back() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="crm"), said("linked", ANA, CHAT, authority="crm", at=2 * DAY))
    desk.say(said("unlinked", ANA, authority="crm", at=DAY))
    assert desk.sets() == {ids(ANA, CHAT)}

    pass_days(desk, 92)

    assert desk.sets() == {ids(ANA, CHAT)}
    assert kept(desk) == [b"n", b"n", b"p"]
    desk.say(said("linked", ANA, PHONE, authority="crm", at=92 * DAY))
    assert desk.sets() == {ids(ANA, CHAT, PHONE)}


def test_a_link_that_a_crm_took_back_from_a_case_stays_taken_back_when_the_case_ties_another() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, CASE, authority="crm"), said("unlinked", CASE, authority="crm", at=DAY))
    desk.registry.advance(START + 92 * DAY, desk)
    for _ in range(3):
        desk.flush()
    desk.say(said("linked", PHONE, CASE, authority="crm", at=92 * DAY))

    assert desk.sets() == set()
    assert kept(desk) == [b"n", b"n", b"p"]


def test_a_link_that_was_taken_back_from_one_with_tickets_stays_taken_back() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, CASE, authority="crm"), said("unlinked", ANA, authority="crm", at=DAY))
    desk.say(said("linked", ANA, CASE, authority="provider", at=50 * DAY))
    desk.registry.advance(START + 92 * DAY, desk)
    for _ in range(3):
        desk.flush()
    desk.say(said("unlinked", ANA, CASE, authority="provider", at=92 * DAY))
    desk.say(said("linked", PHONE, CASE, authority="crm", at=92 * DAY))

    assert desk.sets() == set()


def test_a_case_that_was_taken_from_all_is_forgotten_with_the_ticket_that_was_said_after_it() -> None:
    desk = Desk()
    desk.say(said("unlinked", CASE, authority="crm"), said("linked", ANA, CASE, authority="crm", at=DAY))
    desk.registry.advance(START + 92 * DAY, desk)
    for _ in range(4):
        desk.flush()

    assert kept(desk) == []


def test_a_link_that_was_taken_back_from_a_blocked_case_is_forgotten_without_a_restart() -> None:
    desk = Desk()
    desk.say(said("blocked", CASE), said("linked", ANA, CASE, authority="crm"))
    desk.say(said("unlinked", ANA, CASE, authority="crm", at=DAY))
    desk.registry.advance(START + 92 * DAY, desk)
    desk.flush()

    assert kept(desk) == [b"b", b"n"]


def test_who_had_tickets_alone_is_forgotten_with_the_last_of_them() -> None:
    desk = Desk()
    desk.say(*(said("linked", ANA, f"case:{day}", authority="provider", at=day * DAY) for day in range(3)))

    pass_days(desk, 91)
    assert kept(desk) == [b"n", b"n", b"p"]
    pass_days(desk, 92)
    assert kept(desk) == []


def test_a_case_that_is_left_with_one_alone_is_forgotten_as_such() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, CASE, authority="provider"), said("linked", PHONE, CASE, authority="provider", at=DAY))
    assert desk.sets() == {ids(ANA, PHONE)}
    desk.say(said("unlinked", PHONE, CASE, authority="provider", at=2 * DAY))

    pass_days(desk, 93)
    assert desk.sets() == set()
    pass_days(desk, 94)
    assert kept(desk) == []


def test_a_crowd_of_links_taken_back_is_no_crowd_once_they_are_forgotten() -> None:
    desk = Desk(Rules(limit=3, crowd=4))
    people = [f"mailto:p{each}@shop.example" for each in range(5)]
    desk.say(*(said("linked", PHONE, each, authority="crm") for each in people))
    assert desk.set_of(PHONE).blocked
    desk.say(*(said("unlinked", PHONE, each, authority="crm", at=DAY) for each in people[1:]))
    assert desk.set_of(PHONE).blocked

    desk.registry.advance(START + 92 * DAY, desk)
    desk.flush()
    assert desk.sets() == {ids(PHONE, people[0])}


def test_who_is_called_a_case_once_and_an_identifier_then_is_forgotten_with_the_pair() -> None:
    desk = Desk()
    case, mail = (node_of(IDS, each) for each in (CASE, CHAT))
    called = Node(case.customer, mail.kind, mail.hint)
    for each in (ANA, PHONE):
        desk.say(said("linked", each, CASE, authority="crm"))
    for day, each in enumerate((ANA, PHONE), 1):
        desk.say(statement("unlinked", [node_of(IDS, each), called], "crm", from_ms(START + day * DAY), by="crm"))
    desk.registry.advance(START + 200 * DAY, desk)
    desk.flush()

    assert kept(desk) == []


def hub(many: int) -> tuple[Words, list[bytes]]:
    """One phone linked with many by a CRM, and all of these."""
    words = Words(10 * many)
    names = [f"mailto:p{each}@shop.example" for each in range(many)]
    for each in names:
        words.hear(said("linked", PHONE, each, authority="crm"))
    return words, [packed(IDS(each)) for each in names]


def test_a_hub_taken_from_all_gives_up_its_links_some_at_once_and_none_of_them_comes_back() -> None:
    words, others = hub(2_500)
    phone = packed(IDS(PHONE))
    words.hear(said("unlinked", PHONE, authority="crm", at=DAY))
    left = []
    for _ in range(4):
        words.forget(START + 2 * DAY)
        assert [words.edge(phone, each) for each in others] == [None] * len(others)
        left.append(len(words.neighbours(phone)))

    assert left == [1_500, 500, 0, 0]
    assert phone not in words.nodes


def test_a_hub_of_which_some_links_go_keeps_the_others_with_the_smallest_first() -> None:
    words, others = hub(60)
    phone = packed(IDS(PHONE))
    gone = sorted(others)[:40:2]
    for name in (f"mailto:p{each}@shop.example" for each in range(60)):
        if packed(IDS(name)) in gone:
            words.hear(said("unlinked", PHONE, name, authority="crm", at=DAY))
    words.forget(START + 2 * DAY)

    left = sorted(set(others) - set(gone))
    assert sorted(words.neighbours(phone)) == left
    assert words.smallest_neighbour(phone) == left[0]
    assert not words.forget(START + 2 * DAY)


def test_a_statement_older_than_the_retention_is_reckoned_with_before_it_is_forgotten() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="crm"))
    desk.registry.advance(START + 500 * DAY, desk)
    desk.say(said("unlinked", ANA, PHONE, authority="crm", at=DAY))

    assert desk.sets() == set()
    assert kept(desk) == []
    assert published(desk.flush()) == []
