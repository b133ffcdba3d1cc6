"""The book of policies: what holds from when, which policy is a contact's, and that the past stays as it was."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from schemas.policy_book import NO_PROMISE, BookEntry, PolicyBook, Properties
from schemas.versions import versions

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
    book = PolicyBook.of(Policies())
    assert book.hear(record, 4_000)
    assert not book.hear(record, 5_000)
    assert not book.hear_settings(Policies(), 6_000)
    assert len(book.entries) == 2


def test_what_the_topic_says_like_the_settings_changes_nothing_and_stays_when_they_no_longer_say_it() -> None:
    book = PolicyBook.of(Policies(sla=(of("p"),)))
    assert book.hear(PolicyRecord(id="p", versions=(of("p"),)), 5_000)
    assert list(book.changes(0, 1_000_000)) == []
    book.hear_settings(Policies(), 10_000)
    assert target(book, 10) == ("p", 1, 60)


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


def test_a_rank_that_settings_move_takes_nothing_back_that_the_topic_has_said_since() -> None:
    for second in (of("p", 2, 20), of("p", 2, retired=True)):
        book = PolicyBook.of(Policies(sla=(of("p", rank=10),)))
        book.hear(PolicyRecord(id="p", versions=(of("p", rank=10), second)), 5_000)
        since = target(book, 5)
        assert since == ((None, 0, 0) if second.retired else ("p", 2, 20))
        book.hear_settings(Policies(sla=(of("vip", rank=10, applies=Filter(tags=("vip",))), of("p", rank=20))), 10_000)
        assert target(book, 10) == since


def test_under_one_number_the_topic_holds_and_a_higher_one_of_the_settings_does() -> None:
    book = PolicyBook.of(Policies(sla=(of("p"),)))
    book.hear(PolicyRecord(id="p", versions=(of("p"), of("p", 2, 20))), 5_000)
    for at, told, expected in (
        (10, (of("p", seconds=9), of("p", 2, 9)), ("p", 2, 20)),
        (20, (of("p", 3, 30),), ("p", 3, 30)),
        (30, (of("p"),), ("p", 2, 20)),
        (40, (of("p", 3, 30),), ("p", 3, 30)),
        (50, (), ("p", 2, 20)),
    ):
        book.hear_settings(Policies(sla=told), at * 1_000)
        assert target(book, at) == expected


def test_a_lower_version_of_the_topic_does_not_take_the_place_of_one_that_only_the_settings_have() -> None:
    book = PolicyBook.of(Policies(sla=(of("p", 2, 20, effective_from=moment(1)),)))
    both = (of("p"), of("p", 2, 20, effective_from=moment(1)))
    book.hear(PolicyRecord(id="p", versions=both[:1]), 5_000)
    assert target(book, 5) == ("p", 2, 20)
    book.hear(PolicyRecord(id="p", versions=both), 6_000)
    assert target(book, 6) == ("p", 2, 20)
    calendars = (CalendarTerms(id="c"), CalendarTerms(id="c", version=2, hours="Mo 09:00-10:00"))
    policy = SlaPolicy(id="p", targets={"first_reply": Target(target=60, calendar="c")})
    book = PolicyBook.of(Policies(sla=(policy,), calendars=calendars[1:]))
    book.hear(CalendarRecord(id="c", versions=calendars), 5_000)
    calendar = book.promise("first_reply", MAIL, 5_000).calendar
    assert calendar is not None
    assert calendar.version == 2


def test_a_version_that_settings_announced_does_not_come_though_the_topic_spoke_of_the_policy_since() -> None:
    coming = of("p", 3, 5, effective_from=moment(90))
    book = PolicyBook.of(Policies(sla=(of("p"), coming)))
    book.hear(PolicyRecord(id="p", versions=(of("p"), of("p", 2, 20))), 5_000)
    assert target(book, 90) == ("p", 3, 5)
    book.hear_settings(Policies(sla=(of("p"),)), 10_000)
    assert target(book, 90) == ("p", 2, 20)


ON_THE_TOPIC = (of("p"), of("p", 2, 20, effective_from=moment(40)), of("p", 3, effective_from=moment(80), retired=True))
IN_SETTINGS = (
    (of("p"), of("p", rank=10), of("p", seconds=9)),
    tuple(
        of("p", number, 10 * number, effective_from=moment(begins)) for number, begins in ((2, 30), (3, 60), (4, 70))
    ),
)


@st.composite
def starts(draw: st.DrawFn) -> Policies:
    """Settings with a first version and some later ones, or without the policy."""
    first, later = IN_SETTINGS
    chosen = [one for one in later if draw(st.booleans())]
    return Policies(sla=(draw(st.sampled_from(first)), *chosen) if draw(st.booleans()) else ())


@given(starts(), st.lists(starts() | st.integers(1, len(ON_THE_TOPIC)), max_size=6))
def test_what_holds_follows_from_the_last_settings_and_the_topic_whatever_was_heard_when(
    first: Policies, heard: list[Policies | int]
) -> None:
    book, settings, published = PolicyBook.of(first), first, 0
    for at, each in enumerate(heard, start=1):
        if isinstance(each, int):
            published = max(published, each)
            book.hear(PolicyRecord(id="p", versions=ON_THE_TOPIC[:published]), at * 10_000)
        else:
            settings = each
            book.hear_settings(settings, at * 10_000)
    again = PolicyBook(book.entries)
    for second in range(10 * len(heard), 100, 10):
        states = versions(settings.sla, ON_THE_TOPIC[:published], moment(second))
        expected = [(one.terms.version, one.terms.rank) for one in states if one.state == "in_force"]
        holding = [(one.version, one.rank) for one in book._holding(second * 1_000).policies]
        assert holding == expected
        assert target(again, second) == target(book, second)


def test_entries_stored_without_numbers_say_the_same_of_their_past_and_are_set_right_by_the_next_start() -> None:
    moved = Policies(sla=(of("p", rank=20),))
    stored = [
        BookEntry(at=0, settings=Policies(sla=(of("p", rank=10),))),
        BookEntry(at=5_000, policies=(of("p", 2, 20), of("p", 3, 5, effective_from=moment(90)))),
        BookEntry(at=10_000, settings=moved),
    ]
    book = PolicyBook(stored)
    assert [target(book, second)[1] for second in (0, 5, 10, 89, 90)] == [1, 2, 1, 1, 3]
    assert book.hear_settings(moved, 20_000)
    assert [target(book, second)[1] for second in (0, 5, 10, 19, 20, 89, 90)] == [1, 2, 1, 1, 2, 2, 3]
    assert not book.hear_settings(moved, 30_000)


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
    calendars = [book.promise("first_reply", MAIL, at).calendar for at in (9_999, 10_000, 20_000)]
    assert [None if one is None else one.version for one in calendars] == [None, 1, 2]


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
