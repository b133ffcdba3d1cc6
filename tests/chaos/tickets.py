"""The kinds of tickets: messages, statuses and priorities, from moment 0 on, and what their source told late or wrong.

No two events of a ticket bear the same instant: which of two came first is not what is tried here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.chaos.clock_truth import POLICIES, TAG
from tests.chaos.plots import GRACE, Plot
from tests.chaos.story import SECOND, Story

CHANNELS = ("email", "chat")
PRIORITIES = (*POLICIES, "low")


@dataclass(frozen=True)
class Step:
    """One event to tell: it happened at `at`. `told` None: at once. `was`: at which instant it happened as it was told
    first; it is corrected at `told`."""

    at: int
    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    told: int | None = None
    was: int | None = None


def perform(story: Story, steps: Sequence[Step]) -> list[str]:
    """Tell the steps in the order in which they are told; returns the ids of their events."""
    rng = story.rng
    tellings: list[tuple[int, int, int, int]] = []
    for place, step in enumerate(steps):
        at_once = max(step.at, step.was or 0) + rng.randrange(1, 60)
        if step.was is not None:
            tellings.append((step.was + rng.randrange(1, 60), place, step.was, 0))
            at_once += 60
        tellings.append((max(step.told or 0, at_once), place, step.at, 0 if step.was is None else 1))
    ids: dict[int, str] = {}
    for told, place, at, revision in sorted(tellings):
        step = steps[place]
        ids[place] = story.tell(step.type, at, told, corrects=ids.get(place), revision=revision, **step.fields)
    return [ids[place] for place in range(len(steps))]


def answered(story: Story) -> None:
    """One question, one answer: in time, too late, or at the very last millisecond; then solved."""
    _tell(story, _answered(story, _priority(story.rng)))


def talked(story: Story) -> None:
    """Questions and answers in turn; in between it waits for the customer, or for somebody else."""
    _tell(story, _talked(story))


def flapped(story: Story) -> None:
    """Its status changes every moment while its promises are about to break."""
    rng = story.rng
    steps = [*_begun(story), _ask(story, 20)]
    at = rng.randrange(300, 1_500)
    for turn in range(rng.randrange(5, 12)):
        steps.append(_status(at, ("pending", "on_hold", "open")[turn % 3 if rng.random() < 0.7 else 0]))
        at += rng.choice((rng.randrange(20, 90), rng.randrange(90, 900)))
    _tell(story, _closed(story, steps, at))


def reopened(story: Story) -> None:
    """Solved, opened again by the customer, and solved again: with an answer or without."""
    rng = story.rng
    steps = _answered(story, _priority(rng))
    for _ in range(rng.randrange(1, 3)):
        at = steps[-1].at + rng.randrange(200, 1_500)
        steps += [_ask(story, at), _status(at + rng.randrange(20, 60), rng.choice(("open", "open", "pending")))]
        steps = _closed(story, steps, at + rng.randrange(200, 3_500), reply=rng.random() < 0.7)
    _tell(story, steps)


def ranked(story: Story) -> None:
    """Its priority changes, and with it what is promised, or that nothing is."""
    rng = story.rng
    steps = _talked(story)
    length = steps[-1].at
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(100, length)
        steps.append(Step(at, "contact.updated", {"priority": rng.choice(PRIORITIES)}))
    _tell(story, steps)


def ignored(story: Story) -> None:
    """Nobody answers it; at last it is set solved."""
    rng = story.rng
    steps = [*_begun(story), _ask(story, 20), _ask(story, rng.randrange(100, 1_500))]
    _tell(story, _closed(story, steps, rng.randrange(1_000, 12_000), reply=False))


def told_late(story: Story) -> None:
    """One of its events is told seconds later than it happened, some after a breach was declared for the want of it."""
    rng = story.rng
    steps = sorted(_talked(story), key=lambda step: step.at)
    place = rng.randrange(len(steps))
    late = rng.choice((rng.randrange(100, GRACE), rng.randrange(GRACE, 4 * SECOND)))
    steps[place] = replace(steps[place], told=steps[place].at + late)
    _tell(story, steps)


def answer_told_late(story: Story) -> None:
    """The answer was in time, and is told when the service has long declared that there was none."""
    rng, priority = story.rng, _priority(story.rng)
    target = POLICIES[priority]["first_reply"]
    steps = _answered(story, priority, reply=rng.randrange(target // 3, target))
    told = target + GRACE + rng.randrange(500, 2_500)
    _tell(story, [replace(step, told=told) if step.fields.get("author") == "agent" else step for step in steps])


def corrected(story: Story) -> None:
    """When one of its events happened is told wrong, and corrected."""
    rng = story.rng
    steps = sorted(_talked(story), key=lambda step: step.at)
    place = rng.randrange(1, len(steps))
    right = steps[place].at
    was = max(right + rng.randrange(-1_500, 1_500), 1)
    steps[place] = replace(steps[place], was=was, told=max(was, right) + rng.randrange(100, 2_500))
    _tell(story, steps)


TICKETS: tuple[tuple[Plot, int], ...] = (
    (answered, 6),
    (talked, 5),
    (flapped, 3),
    (reopened, 4),
    (ranked, 5),
    (ignored, 3),
    (told_late, 4),
    (answer_told_late, 2),
    (corrected, 4),
)
"""Every kind, and how many there are beside a hundred other contacts."""


def _tell(story: Story, steps: Sequence[Step]) -> None:
    perform(story, list(_apart(steps)))


def _apart(steps: Sequence[Step]) -> Iterator[Step]:
    """The same a little later where an instant is taken."""
    taken: set[int] = set()

    def free(at: int) -> int:
        while at in taken:
            at += 1
        taken.add(at)
        return at

    for step in steps:
        yield replace(step, at=free(step.at), was=None if step.was is None else free(step.was))


def _begun(story: Story, priority: str | None = None) -> list[Step]:
    priority = priority or story.rng.choice((*POLICIES, *POLICIES, "low"))
    own = {"priority": priority, "tags": [TAG], "identifiers": [story.identifier]}
    return [Step(0, "contact.created", own)]


def _answered(story: Story, priority: str, reply: int | None = None) -> list[Step]:
    rng, target = story.rng, POLICIES[priority]["first_reply"]
    asked = 20
    if reply is None:
        reply = target if rng.random() < 0.15 else rng.randrange(target // 4, round(target * 1.7))
    steps = [*_begun(story, priority), _ask(story, asked), _reply(story, asked + reply)]
    return [*steps, _status(asked + reply + rng.randrange(100, 2_500), "solved")]


def _talked(story: Story) -> list[Step]:
    rng = story.rng
    steps, at = _begun(story), 20
    for turn in range(rng.randrange(1, 4)):
        steps.append(_ask(story, at))
        if turn:
            steps.append(_status(at + rng.randrange(20, 60), "open"))
        if rng.random() < 0.3:
            steps.append(_ask(story, at + rng.randrange(70, 400)))
        if rng.random() < 0.3:
            steps.append(_note(story, at + rng.randrange(70, 400)))
        at += rng.randrange(500, 4_000)
        steps.append(_reply(story, at))
        at += rng.randrange(20, 300)
        steps.append(_status(at, rng.choice(("pending", "pending", "on_hold", "open"))))
        at += rng.randrange(200, 2_500)
    return _closed(story, steps, at, reply=rng.random() < 0.5)


def _closed(story: Story, steps: Sequence[Step], at: int, *, reply: bool = True) -> list[Step]:
    replies = [_reply(story, at)] if reply else []
    return [*steps, *replies, _status(at + story.rng.randrange(20, 900), "solved")]


def _ask(story: Story, at: int) -> Step:
    own = {"author": "customer", "public": True, "identifiers": [story.identifier]}
    return Step(at, "message.posted", own)


def _reply(story: Story, at: int) -> Step:
    return Step(at, "message.posted", {"author": "agent", "public": True, "agent": story.agent})


def _note(story: Story, at: int) -> Step:
    """What neither starts nor stops a clock: a note among agents, or words of a machine."""
    is_note = story.rng.random() < 0.5
    return Step(at, "message.posted", {"author": "agent" if is_note else "bot", "public": not is_note})


def _status(at: int, status: str) -> Step:
    return Step(at, "contact.status_changed", {"status": status})


def _priority(rng: Random) -> str:
    return rng.choice(tuple(POLICIES))
