"""Who is who: link sets and reviews follow from what was said, whatever the order in which it came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.registry.graph import Rules
from schemas.identities import LinkSet, Statement
from schemas.policies import CalendarRecord, CalendarTerms, PolicyRecord, SlaPolicy, Target, encode_policy
from tests.unit.registry_kit import ANA, CASE, CHAT, CRM, IDS, OTHER_CRM, PHONE, Desk, ids, published, said


def test_a_link_puts_both_identifiers_in_one_set_owned_by_the_smaller_id() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, by="cli"))

    first, second = sorted(map(IDS, (ANA, PHONE)))
    for identifier in (ANA, PHONE):
        found = desk.set_of(identifier)
        assert found.customer == IDS(identifier)
        assert (found.owner, found.members) == (first, (first, second))
        assert [(link.a, link.b, link.authority, link.by) for link in found.links] == [(first, second, "person", "cli")]
    assert {node.hint for node in desk.set_of(ANA).nodes} == {"a***@shop.example", "*****1820"}


def test_a_chain_of_links_is_one_set_and_a_taken_back_link_makes_two_again() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE), said("linked", PHONE, CRM), said("linked", CRM, CHAT))
    assert desk.sets() == {ids(ANA, PHONE, CRM, CHAT)}

    desk.say(said("unlinked", PHONE, CRM, at=1))

    assert desk.sets() == {ids(ANA, PHONE), ids(CRM, CHAT)}


def test_who_is_alone_again_is_told_so_and_who_never_was_linked_is_never_told_of() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE), said("unlinked", CHAT, CRM))
    desk.say(said("unlinked", PHONE, ANA, at=1))

    assert desk.set_of(PHONE) == LinkSet(
        customer=IDS(PHONE), owner=IDS(PHONE), members=(IDS(PHONE),), nodes=(desk.set_of(PHONE).nodes[0],)
    )
    assert desk.standing.keys() == {IDS(PHONE).encode(), IDS(ANA).encode()}


def test_a_case_ties_two_who_speak_of_it_and_is_no_member_itself() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, CASE, authority="provider"))
    assert desk.standing == {}

    desk.say(said("linked", PHONE, CASE, authority="provider", at=1))

    assert desk.set_of(ANA).members == tuple(sorted(ids(ANA, PHONE)))
    assert {node.kind for node in desk.set_of(ANA).nodes} == {"mailto", "tel", "case"}
    assert IDS(CASE).encode() not in desk.standing


def test_what_was_published_is_not_published_again_when_it_is_said_again() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="provider"))

    assert published(desk.say(said("linked", ANA, PHONE, authority="provider", at=5_000))) == []
    assert desk.counts == {"taken": 1, "known": 1}
    assert published(desk.say(said("unlinked", ANA, PHONE, authority="provider", at=4_000))) == []
    desk.restart()
    desk.say(said("unlinked", ANA, PHONE, authority="provider", at=6_000))
    assert desk.sets() == set()


def test_a_person_parts_what_others_link_and_nobody_is_asked_to_look_at_it() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="crm"), said("linked", ANA, PHONE, authority="provider"))
    desk.say(said("unlinked", ANA, PHONE, at=1), said("linked", ANA, PHONE, authority="crm", at=2))

    assert desk.sets() == set()
    assert desk.reviews() == {}


def test_who_a_person_parted_is_joined_by_no_way_round() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, CRM, authority="crm"), said("unlinked", ANA, PHONE))
    desk.say(said("linked", CRM, PHONE, authority="crm", at=1))

    assert desk.sets() == {ids(ANA, CRM)}
    assert desk.reviews() == {ids(CRM, PHONE): "kept_apart"}

    desk.say(said("linked", ANA, PHONE, at=2))

    assert desk.sets() == {ids(ANA, CRM, PHONE)}
    assert desk.reviews() == {}


def test_unlinked_from_everybody_only_a_later_word_of_a_person_links_it_again() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="provider"), said("linked", PHONE, CHAT))
    desk.say(said("unlinked", PHONE, at=1))
    assert desk.sets() == set()

    desk.say(said("linked", ANA, PHONE, authority="crm", at=2))
    assert desk.sets() == set()

    desk.say(said("linked", PHONE, CHAT, at=3))
    assert desk.sets() == {ids(PHONE, CHAT)}


def test_a_crm_takes_back_its_own_link_only() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="crm"), said("linked", ANA, CHAT, authority="provider"))
    desk.say(said("unlinked", ANA, PHONE, authority="crm", at=1), said("unlinked", ANA, CHAT, authority="crm", at=1))

    assert desk.sets() == {ids(ANA, CHAT)}


def test_two_crm_ids_are_not_joined_by_a_shared_phone_but_by_a_person() -> None:
    desk = Desk()
    desk.say(said("linked", CRM, PHONE, authority="crm"), said("linked", OTHER_CRM, PHONE, authority="crm", at=1))

    assert desk.sets() == {ids(CRM, PHONE)}
    assert desk.reviews() == {ids(OTHER_CRM, PHONE): "two_crm_ids"}

    desk.say(said("linked", OTHER_CRM, CRM, at=2))

    assert desk.sets() == {ids(CRM, OTHER_CRM, PHONE)}
    assert desk.reviews() == {}


def test_a_shared_phone_is_whose_a_person_says_it_is() -> None:
    desk = Desk()
    desk.say(said("linked", CRM, PHONE, authority="crm"), said("linked", OTHER_CRM, PHONE, authority="crm", at=1))
    desk.say(said("linked", OTHER_CRM, PHONE, at=2))

    assert desk.sets() == {ids(OTHER_CRM, PHONE)}
    assert desk.reviews() == {ids(CRM, PHONE): "two_crm_ids"}

    desk.say(said("unlinked", CRM, PHONE, at=3))
    assert desk.reviews() == {}


def test_who_calls_again_from_a_shared_phone_changes_nothing() -> None:
    desk = Desk()
    desk.say(
        said("linked", CRM, PHONE, authority="provider"), said("linked", OTHER_CRM, PHONE, authority="provider", at=1)
    )

    assert published(desk.say(said("linked", CRM, PHONE, authority="provider", at=2))) == []
    assert desk.sets() == {ids(CRM, PHONE)}


def test_a_customer_has_no_more_identifiers_than_the_limit_and_a_case_is_none() -> None:
    desk = Desk(Rules(limit=3))
    desk.say(
        said("linked", ANA, CASE, authority="provider"),
        said("linked", ANA, PHONE, CHAT, authority="provider", at=1),
        said("linked", ANA, CRM, authority="provider", at=2),
    )

    assert desk.sets() == {ids(ANA, PHONE, CHAT)}
    assert desk.reviews() == {ids(ANA, CRM): "too_many"}

    desk.say(said("linked", ANA, CRM, at=3))
    assert desk.sets() == {ids(ANA, PHONE, CHAT, CRM)}


def test_a_blocked_identifier_is_alone_whoever_links_it() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE, authority="provider"), said("linked", PHONE, CHAT, authority="provider"))
    desk.say(said("blocked", PHONE, at=1))

    assert desk.sets() == set()
    assert (desk.set_of(PHONE).blocked, desk.set_of(ANA).blocked) == (True, False)
    assert desk.reviews() == {}

    desk.say(said("linked", PHONE, CRM, at=2))
    assert desk.reviews() == {ids(PHONE, CRM): "blocked"}

    desk.say(said("unblocked", PHONE, at=3))
    assert desk.sets() == {ids(ANA, PHONE, CHAT, CRM)}
    assert desk.reviews() == {}


def test_a_block_that_no_person_said_leaves_its_links_to_be_looked_at() -> None:
    desk = Desk()
    desk.say(said("blocked", PHONE, authority="crm"), said("linked", ANA, PHONE, authority="provider", at=1))

    assert desk.reviews() == {ids(ANA, PHONE): "blocked"}


def test_what_a_gateway_was_asked_to_say_twice_counts_as_of_the_first_time() -> None:
    desk = Desk()
    link = said("linked", ANA, PHONE)
    again = Statement(
        **{name: getattr(link, name) for name in link.__struct_fields__} | {"at": said("linked", ANA, PHONE, at=9).at}
    )
    desk.say(link, said("unlinked", ANA, PHONE, at=5), again)

    assert desk.sets() == set()
    assert desk.counts == {"taken": 2, "repeated": 1}


def test_after_a_restart_with_a_higher_limit_what_was_refused_holds() -> None:
    desk = Desk(Rules(limit=2))
    desk.say(said("linked", ANA, PHONE, authority="crm"), said("linked", PHONE, CHAT, authority="crm", at=1))
    assert desk.reviews() == {ids(PHONE, CHAT): "too_many"}

    desk.restart(Rules(limit=3))
    assert desk.registry.has_news()
    desk.flush()

    assert desk.sets() == {ids(ANA, PHONE, CHAT)}
    assert desk.reviews() == {}


def test_after_a_restart_nothing_is_published_anew() -> None:
    desk = Desk()
    desk.say(said("linked", ANA, PHONE), said("linked", CRM, PHONE), said("linked", OTHER_CRM, PHONE, authority="crm"))
    desk.restart()

    assert not desk.registry.has_news()
    assert desk.flush() == []


def test_what_is_no_statement_is_kept_with_the_reason_and_counted() -> None:
    desk = Desk()
    desk.put("customers.links", b'{"id": 1}')
    desk.hear(said("linked", ANA, ANA), said("unlinked", ANA, ANA))
    outputs = desk.flush()

    reasons = [dict(each.headers) for each in outputs]
    assert {each.topic for each in outputs} == {"contacts.failed"}
    assert [each["failed.reason"] for each in reasons] == [b"schema"] * 3
    assert (
        reasons[1]["failed.message"]
        == b"a statement 'linked' of one identifier and itself: give different ones in nodes"
    )
    assert reasons[0]["failed.offset"] == b"1"
    assert desk.counts == {"failed": 3}


# -- policies ----------------------------------------------------------------------------------------------


def policy(*versions: SlaPolicy, name: str = "gold") -> bytes:
    return encode_policy(PolicyRecord(id=name, versions=versions))


MAY = datetime(2026, 5, 1, tzinfo=UTC)


def gold(version: int) -> SlaPolicy:
    return SlaPolicy(id="gold", version=version, targets={"first_reply": Target(target=3_600.0 * version)})


def test_a_policy_goes_to_every_partition_of_the_contacts_once() -> None:
    desk = Desk(partitions=3)
    desk.put("policies", policy(gold(1)), b"policy:gold")
    desk.put("policies", policy(gold(1)), b"policy:gold")
    outputs = desk.flush()

    told = {(each.topic, each.key, each.value, each.partition) for each in outputs}
    assert told == {("contacts.events", b"policies", policy(gold(1)), partition) for partition in range(3)}
    assert len(outputs) == 3
    assert desk.counts == {"policy_taken": 1, "policy_known": 1}


def test_a_policy_known_before_a_restart_is_not_passed_on_again_and_a_new_version_is() -> None:
    desk = Desk(partitions=1)
    desk.put("policies", policy(gold(1)), b"policy:gold")
    desk.flush()
    desk.restart()

    desk.put("policies", policy(gold(1)), b"policy:gold")
    assert desk.flush() == []
    desk.put("policies", policy(gold(1), gold(2)), b"policy:gold")
    assert [each.value for each in desk.flush()] == [policy(gold(1), gold(2))]


def test_a_bad_policy_is_kept_with_what_is_wrong_and_no_task_is_told() -> None:
    desk = Desk()
    desk.put("policies", policy(gold(2), gold(1)), b"policy:gold")
    desk.put("policies", policy(gold(1), name="silver"), b"policy:silver")
    desk.put("policies", policy(), b"policy:gold")
    desk.put("policies", policy(gold(1)), b"policy:gold")
    desk.put("policies", None, b"policy:gold")
    desk.put("policies", None, b"policy:never-there")
    nowhere = CalendarTerms(id="office", timezone="Nowhere/Atall")
    desk.put("policies", encode_policy(CalendarRecord(id="office", versions=(nowhere,))), b"calendar:office")
    outputs = [each for each in desk.flush() if each.value != policy(gold(1))]

    assert {each.topic for each in outputs} == {"contacts.failed"}
    words = [dict(each.headers)["failed.message"].decode() for each in outputs]
    assert words[0] == "policy 'gold' has the versions [2, 1]: give each once, ascending"
    assert words[1] == "policy 'silver' has a version of 'gold': a record holds the versions of one id"
    assert words[2] == "policy 'gold' has no versions: give all of them, the one in force included"
    assert words[3].endswith("publish a version of it with retired = true")
    assert words[4].startswith("calendar 'office', version 1: ")
    assert desk.counts == {"policy_failed": 5, "policy_taken": 1, "policy_known": 1}


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        (
            (SlaPolicy(id="gold", effective_from=MAY), SlaPolicy(id="gold", version=2, effective_from=MAY)),
            "policy 'gold' has a version that holds from no later instant than the one before: give a later one",
        ),
        (
            (SlaPolicy(id="gold", targets={"first_reply": Target(target=1e12)}),),
            "policy 'gold', version 1: first_reply.target is 1e+12: give 0 (promises nothing) to 315360000 seconds",
        ),
        (
            (SlaPolicy(id="gold", targets={"first_reply": Target(target=-1)}),),
            "policy 'gold', version 1: first_reply.target is -1: give 0 (promises nothing) to 315360000 seconds",
        ),
    ],
)
def test_versions_that_cannot_be_kept_to_are_refused_with_the_reason(
    versions: tuple[SlaPolicy, ...], words: str
) -> None:
    desk = Desk()
    desk.put("policies", policy(*versions), b"policy:gold")
    [failed] = desk.flush()
    assert (failed.topic, dict(failed.headers)["failed.message"].decode()) == ("contacts.failed", words)
