"""What becomes of a customer's profile when identifiers are linked, and who is told that a contact has begun."""

from collections.abc import Mapping

import pytest

from agents.customers.customers import Customers
from agents.profiles.profiles import Profiles
from schemas.customers import MemberState, decode_context, encode_member
from schemas.identities import Link as Linked
from schemas.identities import Review, encode
from schemas.ids import context_id
from schemas.instants import DAY, HOUR, MINUTE, from_ms
from tests.unit.customer_floor import NOON, Floor, Line, contact
from tests.unit.customer_town import ANN, BEN, CID, DOT, PEOPLE, Bench, Town, node, statement


def test_linked_identifiers_are_one_profile_under_the_smallest_id_and_two_again_after_the_unlink() -> None:
    town = Town()
    town.said(contact("call", NOON - HOUR, customer=BEN, queue="sales"))
    town.said(contact("mail", NOON - DAY, customer=ANN, channel="email", outcome="ended", waited=None))
    apart = dict(town.settle(NOON))
    assert sorted(apart) == [ANN, BEN]

    town.stated(statement(1, "linked", BEN, ANN))
    [(owner, one)] = town.settle(NOON + MINUTE).items()
    assert (owner, one.customer, one.members) == (ANN, ANN, [ANN, BEN])
    assert [line.contact for line in one.last_contacts] == ["call", "mail"]
    assert {channel: each.contacts for channel, each in one.windows["lifetime"].items()} == {"email": 1, "phone": 1}

    town.stated(statement(2, "unlinked", BEN, ANN))
    assert town.settle(NOON + 2 * MINUTE) == apart


def test_who_mails_chats_calls_and_posts_under_four_identifiers_is_one_profile_after_the_links() -> None:
    town = Town()
    for hours, (person, channel) in enumerate(zip(PEOPLE, ("email", "chat", "phone", "social"), strict=True)):
        town.said(contact(channel, NOON - hours * HOUR, customer=person, channel=channel, queue="returns"))
    apart = dict(town.settle(NOON))
    assert sorted(apart) == list(PEOPLE)

    for number, (one, other) in enumerate(((DOT, CID), (BEN, ANN), (CID, BEN))):
        town.stated(statement(number, "linked", one, other))
    [one_profile] = town.settle(NOON + MINUTE).values()
    assert one_profile.members == list(PEOPLE)
    assert [line.contact for line in one_profile.last_contacts] == ["email", "chat", "phone", "social"]
    assert one_profile.at_risk == ["repeated"]
    assert one_profile.effort is not None
    assert one_profile.effort.channel_hops == 3

    town.stated(statement(9, "unlinked", CID, BEN))
    assert {name: each.members for name, each in town.settle(NOON + 2 * MINUTE).items()} == {
        ANN: [ANN, BEN], CID: [CID, DOT],
    }  # fmt: skip


def test_a_member_without_any_contact_is_listed_in_the_profile() -> None:
    town = Town()
    town.said(contact("call", NOON, customer=ANN))
    town.stated(statement(1, "linked", ANN, DOT))
    assert {name: each.members for name, each in town.settle(NOON).items()} == {ANN: [ANN, DOT]}


def test_a_set_without_any_contact_has_no_profile() -> None:
    town = Town()
    town.stated(statement(1, "linked", ANN, DOT))
    assert town.settle(NOON) == {}


def test_contacts_of_a_set_leave_their_windows_and_the_set_is_forgotten_with_nothing_else_happening() -> None:
    town = Town()
    town.said(contact("a", NOON - MINUTE, customer=ANN))
    town.said(contact("b", NOON - 2 * MINUTE, customer=BEN))
    town.stated(statement(1, "linked", BEN, ANN))
    assert town.settle(NOON)[ANN].windows["1h"]["phone"].contacts == 2
    assert town.settle(NOON + 59 * MINUTE)[ANN].windows["1h"] == {}
    assert town.settle(NOON + 91 * DAY) == {}


def test_a_linked_identifier_sends_its_state_whole_to_the_owner_and_no_profile() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON, customer="ben"))
    floor.link("ben", "ann")
    # Its own profile goes at once.
    assert floor.at(NOON + 1) == [None]
    [sent] = floor.members
    assert (sent.owner, sent.member, sent.members, sent.gone) == ("ann", "ben", ("ann", "ben"), False)
    assert sent.state
    assert floor.at(NOON + MINUTE, contact("d", NOON + MINUTE, customer="ben")) == []
    assert [each.owner for each in floor.members] == ["ann", "ann"]


def test_who_changes_the_set_is_gone_from_the_former_owner_and_sent_to_the_new_one() -> None:
    floor = Floor()
    floor.at(NOON, contact("c", NOON, customer="cid"))
    floor.link("cid", "ben")
    floor.at(NOON + 1)
    floor.members.clear()
    floor.link("cid", "ann")
    assert floor.members[0] == MemberState(owner="ben", member="cid", gone=True)
    assert [(each.owner, each.gone) for each in floor.members[1:]] == [("ann", False)]
    floor.members.clear()
    floor.link("cid")
    assert [(each.owner, each.gone) for each in floor.members] == [("ann", True), ("cid", False)]


def test_a_restarted_task_still_knows_to_which_set_an_identifier_belongs() -> None:
    floor = Floor()
    floor.link("ben", "ann")
    floor.flush()
    floor = floor.restarted()
    assert floor.at(NOON, contact("c", NOON, customer="ben")) == []
    assert [each.owner for each in floor.members] == ["ann"]


def test_a_set_of_one_that_was_never_linked_and_reviews_change_nothing() -> None:
    floor = Floor()
    floor.link("ann")
    review = Review(
        id="r", refusal="blocked", a=node("ann"), b=node("ben"),
        link=Linked(a="ann", b="ben", authority="person", at=from_ms(NOON)),
    )  # fmt: skip
    floor.rules.take(Line(encode(review), b"review:r", "customers.identities"), floor)
    floor.rules.take(Line(None, b"review:r", "customers.identities"), floor)
    assert floor.members == []
    assert len(floor.at(NOON, contact("c", NOON))) == 1


def test_a_known_customer_who_begins_a_contact_is_told_once_with_what_was_before() -> None:
    floor = Floor()
    floor.at(NOON - DAY, contact("before", NOON - DAY, queue="sales", segment="gold", complaint=True))
    waiting = contact("now", NOON, open=True, outcome="open", waited=None, queue="tech")
    floor.at(NOON, waiting)
    [told] = floor.contexts
    assert (told.id, told.customer, told.contact, told.contacts) == (context_id("now"), "ann", "now", 2)
    assert (told.channel, told.queue, told.segment, told.at_risk) == ("phone", "tech", "gold", ["complaint"])
    assert told.last is not None
    assert (told.last.contact, told.last.outcome) == ("before", "answered")
    assert told.detected_at == from_ms(NOON)
    # Neither a duplicate, nor a correction, nor its end begins it again.
    floor.at(NOON + MINUTE, waiting)
    floor.at(NOON + 2 * MINUTE, contact("now", NOON - 1, open=True, outcome="answered"))
    floor.at(NOON + 3 * MINUTE, contact("now", NOON - 1))
    assert len(floor.restarted().contexts) + len(floor.contexts) == 1


@pytest.mark.parametrize("earlier", [(), (contact("later", NOON + MINUTE),)])
def test_a_customer_without_an_earlier_contact_is_not_told_of(earlier: tuple[object, ...]) -> None:
    floor = Floor()
    floor.at(NOON, *earlier, contact("now", NOON, open=True, outcome="open"))  # type: ignore[arg-type]
    assert floor.contexts == []


def test_a_contact_that_is_over_when_it_is_first_told_is_no_beginning() -> None:
    floor = Floor()
    floor.at(NOON, contact("before", NOON - DAY), contact("now", NOON))
    assert floor.contexts == []


def test_what_has_begun_while_the_profile_was_held_back_is_told_after_a_restart() -> None:
    floor = Floor()
    floor.at(NOON, contact("before", NOON))
    floor.at(NOON + 100, contact("now", NOON + 100, open=True, outcome="open"))
    assert floor.contexts == []
    floor = floor.restarted()
    floor.at(NOON + 200)
    assert [each.contact for each in floor.contexts] == ["now"]


def test_of_a_set_the_contact_that_begins_is_told_with_the_contacts_of_all_and_the_link_itself_is_none() -> None:
    town = Town()
    town.said(contact("mail", NOON - DAY, customer=ANN, channel="email"))
    town.said(contact("chat", NOON - HOUR, customer=BEN, channel="chat", open=True, outcome="open"))
    town.settle(NOON)
    town.stated(statement(1, "linked", ANN, BEN))
    town.settle(NOON + MINUTE)
    assert town.contexts == []
    town.said(contact("call", NOON + 2 * MINUTE, customer=BEN, open=True, outcome="open"))
    town.settle(NOON + 2 * MINUTE)
    [told] = town.contexts
    assert (told.customer, told.contact, told.contacts) == (ANN, "call", 3)
    assert [each.contact for each in told.open] == ["chat"]


@pytest.mark.parametrize("value", [None, b"", encode_member(MemberState(owner="ann", member="ben", state=b"\x93\x01"))])
def test_a_member_that_cannot_be_read_is_kept_and_counted_and_leaves_the_state_as_it_was(value: bytes | None) -> None:
    counted: list[Mapping[str, int]] = []
    bench = Bench(lambda: Profiles(counted=counted.append), ("customers.members",))
    bench.rules.take(Line(value, b"ann", "floor.customers.members"), bench)
    assert bench.flush(NOON) == [("contacts.failed", b"floor.customers.members/0/7", value or b"")]
    assert counted == [{"customers.members": 1}]
    assert bench.changelog == {}


def test_a_shorter_retention_forgets_a_customer_and_a_longer_one_keeps_the_lifetime() -> None:
    short, long = Floor(Customers(retention=30 * DAY)), Floor(Customers(retention=200 * DAY))
    for floor in (short, long):
        floor.at(NOON, contact("c", NOON, complaint=True))
    assert short.at(NOON + 30 * DAY) == [None]
    [told] = long.at(NOON + 100 * DAY)
    assert told is not None
    assert (told.contacts, told.complaints, told.windows["90d"], told.last_contacts) == (1, 1, {}, [])
    assert told.windows["lifetime"]["phone"].total_wait == 10.0
    assert long.restarted().at(NOON + 200 * DAY) == [None]


def test_a_contact_that_begins_just_before_its_member_leaves_the_set_is_told_of_all_the_same() -> None:
    bench, floor = Bench(Profiles, ("customers.members",)), Floor()

    def take(*said: MemberState) -> None:
        for each in said:
            bench.rules.take(Line(encode_member(each), b"ada", "customers.members"), bench)

    floor.take(contact("old", NOON - HOUR))
    floor.link("ann", "ada", "bea")
    floor.at(NOON)
    take(floor.members[-1])
    bench.flush(NOON)
    floor.at(NOON + MINUTE, contact("new", NOON + MINUTE, open=True, outcome="open"))
    assert floor.members[-1].begun == ("new",)
    take(floor.members[-1], MemberState(owner="ada", member="ann", gone=True))
    contexts = [decode_context(value or b"") for topic, _, value in bench.flush(NOON + 400) if "context" in topic]
    assert [each.contact for each in contexts] == ["new"]
