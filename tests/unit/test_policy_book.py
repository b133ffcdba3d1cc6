"""The book of policies: what holds from when, which policy is a contact's, and that the past stays as it was."""

from datetime import datetime, timedelta

import pytest

from schemas.instants import EPOCH
from schemas.policies import (
    LONGEST_TARGET,
    AnswerWithin,
    CalendarRecord,
    CalendarTerms,
    Filter,
    Policies,
    PolicyRecord,
    QueuePolicy,
    SlaPolicy,
    Target,
)
from schemas.policy_book import NO_PROMISE, PolicyBook, Properties

MAIL = Properties("email", "support")


def moment(second: int) -> datetime:
    return EPOCH + timedelta(seconds=second)


def of(policy_id: str, version: int = 1, seconds: float = 60, **more: object) -> SlaPolicy:
    return SlaPolicy(id=policy_id, version=version, targets={"first_reply": Target(target=seconds)}, **more)  # type: ignore[arg-type]


def target(book: PolicyBook, second: float, properties: Properties = MAIL) -> tuple[str | None, int, float]:
    promise = book.promise("first_reply", properties, round(second * 1_000))
    return (promise.policy, promise.version, promise.target / 1_000)


def test_the_first_policy_that_fits_by_rank_then_id_holds() -> None:
    book = PolicyBook.of(
        Policies(sla=(of("b"), of("a", seconds=30), of("vip", rank=-1, applies=Filter(tags=("vip",)))))
    )
    assert target(book, 0) == ("a", 1, 30)
    assert target(book, 0, MAIL._replace(tags=("new", "vip"))) == ("vip", 1, 60)


@pytest.mark.parametrize(
    ("applies", "fits"),
    [
        (Filter(channels=("email", "chat")), True),
        (Filter(channels=("chat",)), False),
        (Filter(queues=("support",), priorities=("high",)), True),
        (Filter(priorities=("low",)), False),
        (Filter(segments=("vip",)), True),
        (Filter(languages=("fr",)), False),
        (Filter(tags=("x", "a")), True),
        (Filter(tags=("x",)), False),
    ],
)
def test_a_filter_asks_for_one_of_each_kind_that_it_names(applies: Filter, fits: bool) -> None:
    book = PolicyBook.of(Policies(sla=(of("p", applies=applies),)))
    contact = Properties("email", "support", "high", "vip", ("a", "b"), "de")
    assert (book.promise("first_reply", contact, 0).policy == "p") is fits


def test_a_version_holds_from_its_instant_and_one_heard_of_late_from_then() -> None:
    book = PolicyBook.of(Policies(sla=(of("p"),)))
    assert book.hear(PolicyRecord(id="p", versions=(of("p"), of("p", 2, 20, effective_from=moment(10)))), 50_000)
    assert book.hear(PolicyRecord(id="p", versions=(of("p", 3, 5, effective_from=moment(90)),)), 60_000)
    assert [target(book, second)[1] for second in (0, 49.999, 50, 89.999, 90)] == [1, 1, 2, 2, 3]
    assert list(book.changes(0, 1_000_000)) == [50_000, 90_000]
    assert (book.next_change(50_000), book.next_change(90_000)) == (90_000, None)


def test_what_was_heard_before_is_no_news() -> None:
    record = PolicyRecord(id="p", versions=(of("p"),))
    book = PolicyBook.of(Policies(sla=(of("p"),)))
    assert not book.hear(record, 5_000)
    assert not book.hear_settings(Policies(sla=(of("p"),)), 6_000)
    assert len(book.entries) == 1


def test_a_retired_policy_leaves_its_contacts_to_the_next() -> None:
    book = PolicyBook.of(Policies(sla=(of("a"), of("b", seconds=30))))
    book.hear(PolicyRecord(id="a", versions=(SlaPolicy(id="a", version=2, retired=True),)), 10_000)
    assert (target(book, 9.999), target(book, 10)) == (("a", 1, 60), ("b", 1, 30))


def test_settings_of_a_later_start_hold_from_then_and_take_away_what_only_settings_said() -> None:
    book = PolicyBook.of(Policies(sla=(of("a"), of("b", seconds=30)), default=QueuePolicy(max_wait_ms=1)))
    book.hear(PolicyRecord(id="b", versions=(of("b", 2, 15),)), 5_000)
    book.hear_settings(Policies(sla=(of("c", seconds=9),), default=QueuePolicy(max_wait_ms=2)), 10_000)
    assert [target(book, second) for second in (0, 5, 10)] == [("a", 1, 60), ("a", 1, 60), ("b", 2, 15)]
    assert (book.longest_wait("x", 9_999), book.longest_wait("x", 10_000)) == (1, 2)


def test_what_settings_announced_and_say_no_more_does_not_come() -> None:
    coming = of("p", 2, 20, effective_from=moment(90))
    both, first = Policies(sla=(of("p"), coming)), Policies(sla=(of("p"),))
    for later, expected in ((both, ("p", 2, 20)), (first, ("p", 1, 60)), (Policies(), (None, 0, 0))):
        book = PolicyBook.of(both)
        book.hear_settings(later, 10_000)
        assert (target(book, 9.999), target(book, 100)) == (("p", 1, 60), expected)
    book.hear(PolicyRecord(id="p", versions=(coming,)), 20_000)
    assert target(book, 100) == ("p", 2, 20)


def test_settings_that_go_back_to_an_older_version_are_taken_at_their_word() -> None:
    book = PolicyBook.of(Policies(sla=(of("p"), of("p", 2, 20))))
    book.hear_settings(Policies(sla=(of("p"),)), 10_000)
    assert (target(book, 9.999), target(book, 10)) == (("p", 2, 20), ("p", 1, 60))


def test_what_the_topic_said_last_stays_where_settings_change_something_else() -> None:
    book = PolicyBook.of(Policies(sla=(of("p"),)))
    book.hear(PolicyRecord(id="p", versions=(of("p", 2, 20), of("p", 3, 5, effective_from=moment(90)))), 5_000)
    book.hear_settings(Policies(sla=(of("p"), of("q"))), 10_000)
    assert (target(book, 50), target(book, 100)) == (("p", 2, 20), ("p", 3, 5))


def test_the_queue_promises_an_answer_where_no_policy_speaks_of_it_and_a_target_of_0_promises_none() -> None:
    none = SlaPolicy(id="n", applies=Filter(queues=("slow",)), targets={"answer_within": Target(target=0)})
    book = PolicyBook.of(
        Policies(sla=(none, of("p")), queues={"vip": QueuePolicy(answer_within=AnswerWithin(id="v", target_ms=5_000))})
    )
    assert book.promise("answer_within", Properties("chat", "vip"), 0)[:3] == ("v", 1, 5_000)
    assert book.promise("answer_within", Properties("chat", "slow"), 0) == NO_PROMISE
    assert book.promise("next_reply", Properties("chat", "vip"), 0) == NO_PROMISE


def test_a_calendar_is_that_of_its_time_and_without_it_nothing_is_promised() -> None:
    policy = SlaPolicy(id="p", targets={"first_reply": Target(target=60, calendar="c")})
    book = PolicyBook.of(Policies(sla=(policy,)))
    assert book.promise("first_reply", MAIL, 0) == NO_PROMISE
    for version, heard in ((1, 10_000), (2, 20_000)):
        book.hear(CalendarRecord(id="c", versions=(CalendarTerms(id="c", version=version),)), heard)
    versions = [book.promise("first_reply", MAIL, at).calendar for at in (9_999, 10_000, 20_000)]
    assert [None if one is None else one.version for one in versions] == [None, 1, 2]


def test_a_book_as_of_some_entries_knows_nothing_of_the_later_ones() -> None:
    book = PolicyBook.of(Policies(sla=(of("p"),)))
    book.hear(PolicyRecord(id="p", versions=(of("p", 2, 20),)), 10_000)
    assert (target(book, 30)[1], target(book.as_of(1, 30_000), 30)[1]) == (2, 1)
    assert book.as_of(2, 30_000) is book.as_of(1, 9_999) is book
    again = PolicyBook(book.entries)
    assert (again.epochs, target(again, 30)) == (book.epochs, target(book, 30))


@pytest.mark.parametrize(
    "bad",
    [
        Target(target=-1),
        Target(target=LONGEST_TARGET + 1),
        Target(target=9, at_risk=(0.5, 1.5)),
        Target(target=9, at_risk=(0,)),
    ],
)
def test_a_bad_target_is_refused_by_name_and_changes_nothing(bad: Target) -> None:
    book = PolicyBook()
    with pytest.raises(ValueError, match="policy 'p' version 1, clock first_reply"):
        book.hear(PolicyRecord(id="p", versions=(SlaPolicy(id="p", targets={"first_reply": bad}),)), 1)
    with pytest.raises(ValueError, match="one id a record"):
        book.hear(PolicyRecord(id="p", versions=(of("q"),)), 1)
    assert (book.epochs, len(book.entries)) == ([0], 1)


def test_only_channels_that_a_policy_names_have_clocks_to_reckon() -> None:
    book = PolicyBook.of(Policies(sla=(of("p", applies=Filter(channels=("email",))),)))
    assert (book.reckons("email"), book.reckons("phone"), PolicyBook().reckons("email")) == (True, False, False)
