"""A desk: people write, wait, are answered by hand and write again, while machines answer what counts for nothing."""

from collections.abc import Callable
from functools import partial
from random import Random

from streams.simulator import texts
from streams.simulator.agenda import Agenda
from streams.simulator.arrivals import Arrivals
from streams.simulator.conversation import Author, Clerk, Conversation, Kind, Message, Sort, Told
from streams.simulator.people import Person, Visitors
from streams.simulator.plan import DeskPlan, Incident, Plan
from streams.simulator.truth import DeskTruth

_FIRST_ONE = 20.0
"""Seconds within which somebody writes after the simulation has begun: no desk is found empty."""

_NOTED = 0.08
_ABSENT = 0.06
_BOUNCED = 0.03
_ANSWERS_SURVEY = 0.7
_SCORES = (5, 5, 5, 4, 4, 3, 2, 1)
_GREETERS: dict[str, tuple[Author, Sort, str]] = {
    "chat": ("bot", "", texts.GREETING),
    "email": ("system", "acknowledgement", texts.ACKNOWLEDGEMENT),
    "social": ("system", "", texts.GREETING),
}


class Desk:
    """One desk from `begins` (seconds since the epoch) on. `tell`: hears what its tool says. `gone`: told who leaves
    without an answer. On a social network a person has one conversation for good."""

    def __init__(
        self,
        plan: Plan,
        desk: DeskPlan,
        *,
        seed: str,
        begins: float,
        incident: Incident | None,
        agenda: Agenda,
        visitors: Visitors,
        truth: DeskTruth,
        tell: Callable[[Told], None],
        gone: Callable[[Person, float], None],
    ) -> None:
        self.plan = desk
        self._agenda = agenda
        self._visitors = visitors
        self._truth = truth
        self._tell = tell
        self._gone = gone
        self._random = Random(f"{seed}/desk/{desk.name}")  # noqa: S311 - a simulation is to be repeatable
        self._clerks = [Clerk(number, name) for number, name in enumerate(desk.agents, 1)]
        self._queue: list[Conversation] = []
        self._threads: dict[Person, Conversation] = {}
        self._begun = 0
        self._open = True
        arrivals = Arrivals(plan, desk, seed, incident)
        agenda.plan(begins + self._random.uniform(0, _FIRST_ONE), self._somebody)
        agenda.plan(begins, partial(self._await_arrival, arrivals))
        if incident is not None and incident.queue == desk.name:
            agenda.plan(incident.begins, partial(self._fail, incident.left))
            agenda.plan(incident.ends, self._recover)

    def last_orders(self) -> None:
        """Nobody new writes from now on, and nobody comes back to what is over."""
        self._open = False

    @property
    def waiting(self) -> int:
        """How many requests nobody works on."""
        return len(self._queue)

    # -- customers -----------------------------------------------------------------------------------------

    def _await_arrival(self, arrivals: Arrivals, at: float) -> None:
        self._agenda.plan(arrivals.next(at), partial(self._arrive, arrivals))

    def _arrive(self, arrivals: Arrivals, at: float) -> None:
        self._await_arrival(arrivals, at)
        self._somebody(at)

    def _somebody(self, at: float) -> None:
        self.come(self._visitors.next(), at)

    def come(self, person: Person, at: float) -> None:
        """Somebody writes."""
        if not self._open:
            return
        known = self._threads.get(person)
        if known is not None:
            self._ask(known, at, texts.ASKED)
            return
        self._begun += 1
        self._truth.people[self.plan.name].add(person)
        began = int(at) * 1_000
        conversation = Conversation(self._begun, person, began, began - self.plan.precision)
        if self.plan.channel == "social":
            self._threads[person] = conversation
        self._post(conversation, at, "customer", self._random.choice(texts.ASKED))
        self._offer(conversation, began, at)
        self._agenda.plan(at + self._random.uniform(0.8, 1.8), partial(self._greet, conversation))
        self._await_agent(conversation, at)

    def _offer(self, conversation: Conversation, since: int, at: float) -> None:
        self._truth.offered[self.plan.name] += 1
        conversation.waits_since = since
        if self.plan.patience is not None:
            patience = 20 + self._random.expovariate(1 / self.plan.patience)
            self._agenda.plan(at + patience, partial(self._give_up, conversation, since))

    def _greet(self, conversation: Conversation, at: float) -> None:
        author, sort, text = _GREETERS[self.plan.channel]
        self._post(conversation, at, author, text, sort)

    def _ask(self, conversation: Conversation, at: float, words: tuple[str, ...] = texts.MORE) -> None:
        """The customer writes again."""
        self._post(conversation, at, "customer", self._random.choice(words))
        self._await_agent(conversation, at)

    def _ask_again(self, conversation: Conversation, turn: int, at: float) -> None:
        if conversation.turn == turn:
            self._ask(conversation, at)

    def _give_up(self, conversation: Conversation, since: int, at: float) -> None:
        if conversation.waits_since != since:
            return
        conversation.waits_since = None
        if conversation in self._queue:
            self._queue.remove(conversation)
        self._close(conversation, at)
        self._truth.in_vain[self.plan.name].append(conversation.last - since)
        self._release(conversation, at)
        self._gone(conversation.person, at)

    # -- agents --------------------------------------------------------------------------------------------

    def _await_agent(self, conversation: Conversation, at: float) -> None:
        if conversation.clerk is not None:
            self._begin_reply(conversation, at)
        elif conversation not in self._queue:
            self._queue.append(conversation)
            self._match(at)

    def _match(self, at: float) -> None:
        """Who waits longest gets the agent with the least to do."""
        while self._queue:
            free = [each for each in self._clerks if not each.away and each.load < self.plan.at_once]
            if not free:
                return
            conversation = self._queue.pop(0)
            clerk = conversation.clerk = min(free, key=lambda each: each.load)
            clerk.load += 1
            if self.plan.keeps:
                self._say(conversation, "assigned", conversation.messages[-1], self._moment(conversation, at))
            self._begin_reply(conversation, at)

    def _begin_reply(self, conversation: Conversation, at: float) -> None:
        if conversation.replying:
            return
        conversation.replying = True
        takes = 3 + self._random.gammavariate(3.0, self.plan.writing / 3)
        if self.plan.keeps and self._random.random() < _NOTED:
            self._agenda.plan(at + takes / 2, partial(self._note, conversation, conversation.turn))
        self._agenda.plan(at + takes, partial(self._reply, conversation, conversation.turn))

    def _note(self, conversation: Conversation, turn: int, at: float) -> None:
        if conversation.turn == turn:
            self._post(conversation, at, "agent", texts.NOTE, "note", conversation.clerk)

    def _reply(self, conversation: Conversation, turn: int, at: float) -> None:
        if conversation.turn != turn:
            return
        conversation.replying = False
        message = self._post(conversation, at, "agent", self._random.choice(texts.REPLIED), "", conversation.clerk)
        if conversation.waits_since is not None:
            self._truth.waits[self.plan.name].append(message.at - conversation.waits_since)
            conversation.waits_since = None
        if not self.plan.keeps:
            self._release(conversation, at)
        if self._random.random() < self.plan.more:
            pause = 2 + self._random.expovariate(1 / self.plan.pause)
            self._agenda.plan(at + pause, partial(self._ask_again, conversation, turn))
        elif self.plan.keeps:
            self._agenda.plan(at + self._random.uniform(5, 20), partial(self._resolve, conversation, turn))
        if self.plan.channel == "email":
            self._answer_by_machine(conversation, at)

    def _answer_by_machine(self, conversation: Conversation, at: float) -> None:
        chance = self._random.random()
        if chance < _ABSENT:
            self._agenda.plan(at + 3, partial(self._be_absent, conversation))
        elif chance < _ABSENT + _BOUNCED:
            self._agenda.plan(at + 3, partial(self._bounce, conversation))

    def _be_absent(self, conversation: Conversation, at: float) -> None:
        self._post(conversation, at, "customer", texts.ABSENCE, "absence")

    def _bounce(self, conversation: Conversation, at: float) -> None:
        self._post(conversation, at, "system", texts.BOUNCE, "bounce")

    def _release(self, conversation: Conversation, at: float) -> None:
        """Its agent is free again after a breath."""
        clerk, conversation.clerk = conversation.clerk, None
        if clerk is not None:
            self._agenda.plan(at + self._random.uniform(2, 8), partial(self._breathed, clerk))

    def _breathed(self, clerk: Clerk, at: float) -> None:
        clerk.load -= 1
        self._match(at)

    # -- afterwards ----------------------------------------------------------------------------------------

    def _close(self, conversation: Conversation, at: float) -> None:
        conversation.turn += 1
        conversation.replying = False
        conversation.resolved = True
        self._say(conversation, "resolved", conversation.messages[-1], self._moment(conversation, at))

    def _resolve(self, conversation: Conversation, turn: int, at: float) -> None:
        if conversation.turn != turn:
            return
        self._close(conversation, at)
        self._release(conversation, at)
        if self._random.random() < self.plan.rated:
            survey = self._post(conversation, at + 0.5, "system", texts.SURVEY, "survey")
            if self._random.random() < _ANSWERS_SURVEY:
                self._agenda.plan(at + self._random.uniform(10, 90), partial(self._rate, conversation, survey))
        if self._random.random() < self.plan.reopened:
            self._agenda.plan(at + self._random.uniform(60, 400), partial(self._reopen, conversation))

    def _rate(self, conversation: Conversation, survey: Message, at: float) -> None:
        score = self._random.choice(_SCORES)
        self._truth.ratings[self.plan.name].append(score)
        self._say(conversation, "rated", survey, self._moment(conversation, at), score)

    def _reopen(self, conversation: Conversation, at: float) -> None:
        if not self._open:
            return
        conversation.resolved = False
        since = self._moment(conversation, at)
        self._say(conversation, "reopened", conversation.messages[-1], since)
        self._offer(conversation, since, at)
        self._ask(conversation, at)

    # -- the incident --------------------------------------------------------------------------------------

    def _fail(self, left: int, at: float) -> None:
        for clerk in self._clerks[left:]:
            clerk.away = True

    def _recover(self, at: float) -> None:
        for clerk in self._clerks:
            clerk.away = False
        self._match(at)

    # -- what is told --------------------------------------------------------------------------------------

    def _moment(self, conversation: Conversation, at: float) -> int:
        """An instant (ms) of this conversation, later than all before it."""
        precision = self.plan.precision
        conversation.last = max(int(at * 1_000) // precision * precision, conversation.last + precision)
        return conversation.last

    def _post(
        self,
        conversation: Conversation,
        at: float,
        author: Author,
        text: str,
        sort: Sort = "",
        clerk: Clerk | None = None,
    ) -> Message:
        """Somebody writes; the first message begins the conversation."""
        number = len(conversation.messages) + 1
        message = Message(number, self._moment(conversation, at), author, text, sort, clerk)
        conversation.messages.append(message)
        machine = sort in ("acknowledgement", "absence", "bounce")
        self._truth.messages[self.plan.name, "machine" if machine else author] += 1
        if number == 1:
            self._say(conversation, "began", message, conversation.began)
        self._say(conversation, "message", message)
        return message

    def _say(
        self, conversation: Conversation, kind: Kind, message: Message, at: int | None = None, score: int = 0
    ) -> None:
        answered = any(each.author == "agent" and not each.sort for each in conversation.messages)
        moment = message.at if at is None else at
        told = Told(
            moment, self.plan, kind, conversation, message, conversation.clerk, conversation.resolved, answered, score
        )
        self._tell(told)
