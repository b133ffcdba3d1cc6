"""The short path of the commonest clock tells what the long one tells."""

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contacts import change, clocks
from agents.contacts.clocks import offer_run
from agents.contacts.judge import course_of
from agents.contacts.offer import Offer
from agents.contacts.plain import plain_due, plain_events, plain_open, plain_promise, plain_statements
from agents.contacts.run import Term
from agents.contacts.stated import statement_of
from schemas.customers import OpenPromise
from schemas.events import AnyEvent, ContactUpdated, MessagePosted
from schemas.policies import CalendarTerms, Policies, PolicyRecord, SlaPolicy, Target
from schemas.policy_book import Promise
from tests.unit.contact_bench import Floor, offered, other
from tests.unit.test_contact_order import LAST, POLICIES, any_events

PROMISES = st.builds(
    Promise,
    st.sampled_from(("p", None)),
    st.integers(0, 3),
    st.integers(0, 50_000),
    st.lists(st.sampled_from((0.25, 0.5, 0.8, 1.0)), unique=True).map(sorted).map(tuple),
    st.none(),
    st.just("piecewise"),
)
LEFT = st.sampled_from(("answered", "abandoned", "system"))


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    """One that waits, or one that left its queue, by an event or by the clock."""
    offer = Offer("offer", "sales", draw(st.integers(0, 10_000)), 86_400_000)
    if draw(st.booleans()):
        offer.leave(draw(LEFT), draw(st.integers(0, 60_000)), draw(st.none() | st.just("stop")))
    return offer


@given(offers(), PROMISES, st.integers(0, 80_000))
def test_an_offer_is_judged_as_any_other_clock(offer: Offer, promise: Promise, judged: int) -> None:
    term = Term(offer.at, promise.policy, promise.version, promise.target, promise.at_risk)
    long = course_of(offer_run(offer), (term,), judged)
    said = plain_statements(offer, promise, judged)
    assert said == tuple(statement_of(step, 0) for step in long.steps)
    assert [plain_events(offer, one) for one in said] == [step.events for step in long.steps]
    assert [one.occurred for one in said] == [step.known for step in long.steps]
    assert plain_due(offer, promise, judged) == long.next_deadline()
    now = long.standing()
    if offer.outcome is None and now is not None:
        stands = OpenPromise("answer_within", "p", promise.version, now.due, None, now.state == "breached")
        assert plain_open(offer, promise, judged) == stands
    elif offer.outcome is None:
        assert plain_open(offer, promise, judged) is None


@settings(max_examples=150)
@given(any_events(), st.lists(st.integers(0, LAST), max_size=3).map(sorted), st.booleans())
def test_whatever_happens_to_a_contact_both_paths_send_the_same(
    happened: list[AnyEvent], ticks: list[int], is_promised_anew: bool
) -> None:
    def run() -> Floor:
        floor = Floor(policies=POLICIES)
        for number, event in enumerate(happened):
            floor.hear(event)
            if number < len(ticks):
                floor.clock(ticks[number])
                floor.flush()
            if is_promised_anew and number == 1:
                version = SlaPolicy(id="new", targets={"answer_within": Target(target=7)})
                floor.promise(PolicyRecord(id="new", versions=(version,)))
        floor.clock(LAST)
        floor.flush()
        return floor

    short = run()
    with (
        mock.patch.object(change, "plain_promise", return_value=None),
        mock.patch.object(clocks, "plain_promise", return_value=None),
    ):
        long = run()
    assert (short.said, short.customers, short.clocks) == (long.said, long.customers, long.clocks)
    assert short.changelog == long.changelog


def test_the_short_path_is_for_contacts_of_which_only_queues_tell_under_one_promise_round_the_clock() -> None:
    office = CalendarTerms(id="office", hours="Mo-Fr 09:00-17:00")
    inside = SlaPolicy(id="inside", targets={"answer_within": Target(target=60, calendar="office")})
    found = {}
    for name, policies, told in (
        ("plain", Policies(), ()),
        ("calendar", Policies(sla=(inside,), calendars=(office,)), ()),
        ("message", Policies(), (other(MessagePosted, 1, author="customer"),)),
        ("property", Policies(), (other(ContactUpdated, 1, priority="high"),)),
    ):
        floor = Floor(policies=policies)
        floor.hear(offered(0), *told)
        contact = floor.contacts.contact("c1")
        assert contact is not None
        found[name] = plain_promise(contact, contact.offers[0], floor.contacts._heard.book) is not None
    assert found == {"plain": True, "calendar": False, "message": False, "property": False}
