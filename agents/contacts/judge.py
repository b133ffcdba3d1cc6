"""What becomes of a clock: its run and what is promised of it, walked along together.

Attained up to and including the due instant; a pause or a cancellation at that instant is no breach. A breach bears
its due instant and stays. A target that shrank, so that it was used up before, was breached in the past and is known
by the change.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from agents.contacts.run import Did, End, Events, Run, Step, Term
from agents.contacts.stopwatch import Stopwatch
from schemas.alerts import Cause, Transition
from schemas.policies import CalendarTerms

KEPT_EVENTS = 16
"""How many events a step rests on, at most: the one that started the clock and the latest others."""


class Standing(NamedTuple):
    """What a clock is now. `due` of a paused one: when it was. `elapsed`, `remaining`: business time, ms; what is
    past its target has a negative rest. `is_over`: it ended, attained or breached."""

    state: Literal["open", "at_risk", "paused", "breached", "attained"]
    due: int
    elapsed: int
    remaining: int
    is_over: bool
    term: Term


def course_of(run: Run, terms: Sequence[Term], judged: int) -> "Course":
    """How a clock went. All that is known of the run counts; of time that passes, everything up to `judged` (ms) is
    known."""
    if len(terms) == len(run.spans) == 1 and terms[0].calendar is None and run.spans[0].until is None:
        return _Plain(run, terms[0], judged)
    return _Walk(run, terms, judged)


def is_promise(term: Term) -> bool:
    """Whether it promises something."""
    return term.policy is not None and term.target > 0


class _Plain:
    """A clock of one term, round the clock, without a pause."""

    __slots__ = ("_due", "_end", "_is_promise", "_judged", "_run", "_start", "_term", "_until")

    def __init__(self, run: Run, term: Term, judged: int) -> None:
        self._run, self._term, self._judged = run, term, judged
        self._is_promise = is_promise(term)
        self._start = run.start
        self._due = self._start + term.target
        self._end = run.ends[0] if run.ends else None
        self._until = judged + 1 if self._end is None else self._end.at

    @property
    def steps(self) -> Sequence[Step]:
        """The transitions, in the order in which they became known."""
        if not self._is_promise:
            return ()
        start, due, until, term, end = self._start, self._due, self._until, self._term, self._end
        events: Events = ((self._run.spans[0].by, start, "started"),)
        steps = [Step("activated", start, start, due, 0, term, None, None, None, events)]
        for at, share in self._shares():
            if at < min(until, due):
                steps.append(Step("at_risk", at, at, due, at - start, term, None, None, share, events))
        if due < until:
            steps.append(Step("breached", due, due, due, term.target, term, None, None, None, events))
        if end is not None:
            if end.event is not None:
                events = (*events, (end.event, end.at, "stopped"))
            transition, detail = _ended(end, breached=due < until)
            steps.append(Step(transition, end.at, end.at, due, end.at - start, term, detail, None, None, events))
        return steps

    def next_deadline(self) -> int | None:
        """The next instant (ms) at which a step follows if nothing happens; None: there is none."""
        if self._end is not None or not self._is_promise or self._due <= self._judged:
            return None
        return min([at for at, _ in self._shares() if at > self._judged], default=self._due)

    def standing(self) -> Standing | None:
        """What it is now; None where nothing is promised (any more)."""
        end, due = self._end, self._due
        if not self._is_promise or (end is not None and end.how != "fulfilled"):
            return None
        state: Literal["open", "at_risk", "breached", "attained"] = "open" if end is None else "attained"
        if due < self._until:
            state = "breached"
        elif end is None and any(at < min(self._until, due) for at, _ in self._shares()):
            state = "at_risk"
        elapsed = max(self._judged - self._start, 0) if end is None else end.at - self._start
        return Standing(state, due, elapsed, self._term.target - elapsed, end is not None, self._term)

    def _shares(self) -> list[tuple[int, float]]:
        return [(self._start + round(self._term.target * share), share) for share in self._term.at_risk]


def _ended(end: End, *, breached: bool) -> tuple[Transition, str | None]:
    if end.how == "fulfilled":
        return "fulfilled", "late" if breached else "attained"
    return "lapsed" if breached else "cancelled", end.reason


class _Moment(NamedTuple):
    """Something that happens to a run."""

    at: int
    what: Literal["run", "pause", "end"]
    event: str | None
    end: End | None = None


def _moments(run: Run) -> Iterator[_Moment]:
    """What happens to a run, in order."""
    ends = list(reversed(run.ends))
    is_over = True
    for span in run.spans:
        if not is_over and ends and ends[-1].at <= span.start:
            yield _over(ends.pop())
        yield _Moment(span.start, "run", span.by)
        is_over = False
        if span.end is not None and span.until is not None:
            yield _Moment(span.end, "pause", span.until)
        elif span.end is not None and ends:
            yield _over(ends.pop())
            is_over = True
    if not is_over and ends:
        yield _over(ends.pop())


def _over(end: End) -> _Moment:
    return _Moment(end.at, "end", end.event, end)


class _Walk:
    """A clock on its way through everything that is known of it.

    `now`: the last instant at which something happened to it. `active`: it was said to run and not that it was
    cancelled. `ran`: since when it runs, or last did.
    """

    __slots__ = (
        *("_active", "_breached", "_cause", "_due", "_events", "_judged", "_later", "_now", "_over", "_ran", "_shares"),
        *("_term", "_told", "_watch", "steps"),
    )

    def __init__(self, run: Run, terms: Sequence[Term], judged: int) -> None:
        self.steps: list[Step] = []
        first, *later = _in_force(terms, run.start)
        self._term, self._later, self._judged = first, later, judged
        self._watch = Stopwatch(first.calendar, first.mode)
        self._active = self._breached = False
        self._over = True
        self._now = self._ran = self._due = run.start
        self._cause: Cause | None = None
        self._shares: list[tuple[int, float]] = []
        self._told: set[tuple[float, int]] = set()
        self._events: Events = ()
        self._walk(list(_moments(run)))

    def next_deadline(self) -> int | None:
        """The next instant at which a step follows if nothing happens."""
        if self._over:
            return None
        found = [each.at for each in self._later if not _is_same(self._term, each)][:1]
        if self._active and not self._breached and self._watch.stopped() is None:
            found.append(self._due)
            found += [at for at, share in self._shares if self._now < self._due > at and not self._is_told(share)]
        return min(found, default=None)

    def standing(self) -> Standing | None:
        """What it is now."""
        if not self._active:
            return None
        elapsed = self._watch.used(max(self._judged, self._now))
        state: Literal["open", "at_risk", "paused", "breached", "attained"] = "open"
        if self._breached:
            state = "breached"
        elif self._over:
            state = "attained"
        elif self._watch.stopped() is not None:
            state = "paused"
        elif any(self._is_told(share) for share in self._term.at_risk):
            state = "at_risk"
        return Standing(state, self._due, elapsed, self._term.target - elapsed, self._over, self._term)

    def _walk(self, moments: list[_Moment]) -> None:
        """All of the run is known, and what a contact's event changed; what policies change, once its time has come."""
        known = max(self._judged, moments[-1].at, *(each.at for each in self._later if each.event is not None), 0)
        for moment in moments:
            self._change_before(moment.at + (moment.what == "run"))
            if moment.what == "end":
                self._measure_end(moment.at)
            self._happen(moment)
        self._change_before(known + 1)
        self._pass(max(self._judged + 1, self._now))

    def _change_before(self, at: int) -> None:
        """The terms that come into force before an instant do."""
        while self._later and self._later[0].at < at:
            self._change(self._later.pop(0))

    def _measure_end(self, at: int) -> None:
        """Where the calendar in force at the end measures the whole, that is the one that begins as it ends."""
        if self._later and self._later[0].at == at:
            term = self._later[0]
            if term.mode == "last_schedule" and _cause(self._term, term) == "calendar_changed":
                self._change(self._later.pop(0))

    def _happen(self, moment: _Moment) -> None:
        self._pass(moment.at)
        self._now, self._cause = moment.at, None
        if moment.what == "run":
            self._run(moment)
            return
        if self._watch.stopped() is None:
            self._watch.pause(moment.at)
        if moment.end is None:
            self._see(moment.event, "paused")
            if self._active:
                self._say("paused", moment.at)
            return
        self._see(moment.event, "stopped")
        self._over = True
        if self._active:
            transition, detail = _ended(moment.end, breached=self._breached)
            self._say(transition, moment.at, detail)
            self._active = transition == "fulfilled"

    def _run(self, moment: _Moment) -> None:
        """It is started, resumed, or runs again after an end."""
        self._see(moment.event, "resumed" if self._events else "started")
        self._watch.run(moment.at)
        self._ran = moment.at
        self._over = False
        self._reckon()
        if is_promise(self._term):
            self._say("resumed" if self._active else "activated", moment.at)
        self._active = is_promise(self._term)

    def _change(self, term: Term) -> None:
        """Another term comes into force."""
        self._pass(term.at)
        was = self._term
        if _is_same(was, term):
            self._term = term
            return
        if not self._over:
            self._now, self._cause = term.at, term.cause or _cause(was, term)
            self._see(term.event, "changed")
            if self._active and not is_promise(term):
                self._say("lapsed" if self._breached else "cancelled", term.at, "no_policy", self._cause)
                self._active = False
        self._term = term
        self._watch.measure(term.at, term.calendar, term.mode)
        if not self._over and is_promise(term):
            self._reckon()
            self._promise()

    def _promise(self) -> None:
        """The new term promises something of what is not over."""
        self._say("retargeted" if self._active else "activated", self._now, cause=self._cause)
        if not self._active and self._watch.stopped() is not None:
            self._say("paused", self._now)
        self._active = True

    def _reckon(self) -> None:
        """When it is due and at risk, as things are."""
        target = self._term.target
        self._due = self._watch.reach(target)
        if not self._breached:
            self._shares = [
                (max(self._watch.reach(round(target * each)), self._ran), each) for each in self._term.at_risk
            ]

    def _pass(self, until: int) -> None:
        """Time passes up to (and without) an instant: what was due until then is told."""
        if not self._active or self._over or self._breached:
            return
        stopped, due = self._watch.stopped(), self._due
        if stopped is not None:
            until = min(until, stopped)
        elif due > self._now:
            for at, share in self._shares:
                if at < min(until, due) and not self._is_told(share):
                    self._told.add((share, due))
                    self._say("at_risk", at, share=share)
        if due < until:
            self._say("breached", due, cause=self._cause if due < self._now else None)
            self._breached = True

    def _is_told(self, share: float) -> bool:
        return (share, self._due) in self._told

    def _see(self, event: str | None, did: Did) -> None:
        if event is not None:
            kept = self._events if len(self._events) < KEPT_EVENTS else (self._events[0], *self._events[2:])
            self._events = (*kept, (event, self._now, did))

    def _say(
        self,
        transition: Transition,
        at: int,
        detail: str | None = None,
        cause: Cause | None = None,
        share: float | None = None,
    ) -> None:
        known = max(at, self._now)
        elapsed = self._watch.used(known)
        step = Step(transition, at, known, self._due, elapsed, self._term, detail, cause, share, self._events)
        self.steps.append(step)


Course = _Plain | _Walk


def _in_force(terms: Sequence[Term], start: int) -> list[Term]:
    """The term in force at the start and those after it, one an instant. Time under no policy is measured as the next
    policy has it, since what it promises counts from the start."""
    if len(terms) == 1:
        return list(terms)
    first = max((at for at, term in enumerate(terms) if term.at <= start), default=0)
    found: list[Term] = []
    for term in reversed(terms[first:]):
        if found and term.at == found[-1].at:
            continue
        is_measured = is_promise(term) or not found
        found.append(term if is_measured else term._replace(calendar=found[-1].calendar, mode=found[-1].mode))
    found.reverse()
    return found


def _is_same(one: Term, other: Term) -> bool:
    """Whether they promise the same, by the same version, over the same hours."""
    return (one.policy, one.version, one.target) == (other.policy, other.version, other.target) and (
        one.calendar is other.calendar or _hours(one) == _hours(other)
    )


def _hours(term: Term) -> CalendarTerms | None:
    return None if term.calendar is None else term.calendar.terms


def _cause(was: Term, now: Term) -> Cause:
    """Why the terms changed: a new version of the calendar that they name, else the policy."""
    return "calendar_changed" if _is_same(was, now._replace(calendar=was.calendar)) else "policy_changed"
