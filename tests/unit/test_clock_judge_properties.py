"""What holds of every clock, whatever happens to it."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from agents.contacts import judge
from agents.contacts.judge import course_of
from agents.contacts.run import End, Fact, Run, Span, Term
from agents.contacts.runs import runs_of
from schemas.calendars import Calendar
from schemas.instants import DAY, MINUTE
from schemas.policies import CalendarMode, CalendarTerms
from tests.unit.clock_by_minutes import Told, by_minutes
from tests.unit.clock_stories import steps_of

START = 20_000 * DAY
HORIZON = 120
HOURS = range(24)
TWENTIES = Calendar(
    CalendarTerms(
        id="c", version=1, hours=", ".join(f"Mo-Su {h:02}:{m}0-{h:02}:{m + 2}0" for h in HOURS for m in (0, 3))
    )
)
HALVES = Calendar(CalendarTerms(id="c", version=2, hours=", ".join(f"Mo-Su {h:02}:10-{h:02}:40" for h in HOURS)))
minutes = st.integers(0, HORIZON).map(lambda minute: START + minute * MINUTE)
modes = st.sampled_from(get_args(CalendarMode))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """A clock of a contact that flaps between statuses, is solved, reopened and maybe merged."""
    statuses = st.sampled_from(("open", "pending", "on_hold", "solved"))
    turns = draw(st.lists(st.tuples(minutes, statuses), max_size=8, unique_by=lambda turn: turn[0]))
    facts = [Fact(START, "created", "created")]
    facts += [Fact(at, f"e{at}", "status", status) for at, status in sorted(turns)]
    if draw(st.booleans()):
        facts.append(Fact(max(fact.at for fact in facts), "merge", "merged"))
    clock = draw(st.sampled_from(("agent_work", "requester_wait", "total_resolution")))
    (run,) = [run for run in runs_of(facts) if run.clock == clock]
    return run


@st.composite
def several_terms(draw: st.DrawFn, modes: st.SearchStrategy[CalendarMode] = modes) -> tuple[Term, ...]:
    """Terms that change policy, target and calendar, and may promise nothing for a while."""
    changes = sorted({START, *draw(st.lists(minutes, max_size=4))})
    mode, terms = draw(modes), []
    for at in changes:
        number = draw(st.integers(0, 3))
        calendar = draw(st.sampled_from((None, TWENTIES, HALVES)))
        policy = "p" if number else None
        terms.append(Term(at, policy, number, number * 15 * MINUTE, (0.5, 0.8), calendar, mode=mode))
    return tuple(terms)


def in_minutes(run: Run, terms: tuple[Term, ...], judged: int) -> list[Told]:
    steps = [step for step in steps_of(run, terms, judged) if step.transition != "at_risk"]
    return [
        (step.transition, step.at // MINUTE, step.known // MINUTE, step.due // MINUTE, step.elapsed // MINUTE)
        for step in steps
    ]


@given(runs(), several_terms(st.just("piecewise")), minutes)
def test_its_steps_are_those_of_a_count_of_every_minute(run: Run, terms: tuple[Term, ...], judged: int) -> None:
    promising = tuple(each._replace(calendar=each.calendar if each.policy else None) for each in terms)
    counted = by_minutes(run, _measured(promising), judged)
    assert in_minutes(run, promising, judged) == counted


def _measured(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Time under no policy counts as it does for the next one."""
    found: list[Term] = []
    for term in reversed(terms):
        found.insert(0, term if term.policy or not found else term._replace(calendar=found[0].calendar))
    return tuple(found)


@given(runs(), several_terms(), minutes, minutes)
def test_time_that_passes_only_adds_steps(run: Run, terms: tuple[Term, ...], one: int, other: int) -> None:
    sooner, later = steps_of(run, terms, min(one, other)), steps_of(run, terms, max(one, other))
    assert later[: len(sooner)] == sooner
    assert [step.known for step in later] == sorted(step.known for step in later)


@given(runs(), several_terms(), minutes)
def test_the_next_deadline_is_the_instant_at_which_the_next_step_follows(
    run: Run, terms: tuple[Term, ...], judged: int
) -> None:
    deadline, told = course_of(run, terms, judged).next_deadline(), len(steps_of(run, terms, judged))
    if deadline is None:
        assert len(steps_of(run, terms, START + 10 * DAY)) == told
    else:
        assert deadline > judged
        assert len(steps_of(run, terms, deadline - 1)) == told
        assert len(steps_of(run, terms, deadline)) > told


@given(runs(), several_terms(), minutes)
def test_it_is_breached_at_most_once_and_then_never_attained(run: Run, terms: tuple[Term, ...], judged: int) -> None:
    steps = steps_of(run, terms, judged)
    breaches = [at for at, step in enumerate(steps) if step.transition == "breached"]
    assert len(breaches) <= 1
    assert all(step.detail != "attained" for step in steps[breaches[0] if breaches else len(steps) :])


@given(runs(), several_terms(), minutes)
def test_how_it_stands_agrees_with_what_was_told(run: Run, terms: tuple[Term, ...], judged: int) -> None:
    steps, now = steps_of(run, terms, judged), course_of(run, terms, judged).standing()
    told = {step.transition for step in steps}
    if now is None:
        assert not steps or steps[-1].transition in ("cancelled", "lapsed", "fulfilled")
        return
    assert (now.state == "breached") == ("breached" in told)
    assert now.remaining == now.term.target - now.elapsed
    assert now.is_over == (steps[-1].transition == "fulfilled")


@given(
    st.integers(1, 10**6),
    st.lists(st.sampled_from((0.25, 0.5, 0.8, 1.0)), unique=True).map(sorted),
    st.none() | st.tuples(st.integers(0, 2 * 10**6), st.sampled_from(("fulfilled", "cancelled"))),
    st.integers(-10, 2 * 10**6),
)
def test_the_plain_case_is_judged_as_any_other(
    target: int, shares: list[float], stop: tuple[int, str] | None, after: int
) -> None:
    ends = () if stop is None else (End(START + stop[0], stop[1], "stop", "left"),)  # type: ignore[arg-type]
    run = Run("answer_within", "offer", (Span(START, ends[0].at if ends else None, "offer"),), ends)
    terms = (Term(START, "p", 1, target, tuple(shares)),)
    walk = judge._Walk(run, terms, START + after)
    assert isinstance(course_of(run, terms, START + after), judge._Plain)
    assert steps_of(run, terms, START + after) == tuple(walk.steps)
    assert course_of(run, terms, START + after).next_deadline() == walk.next_deadline()
    assert course_of(run, terms, START + after).standing() == walk.standing()
