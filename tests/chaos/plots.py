"""The kinds of contacts: each function tells one of them, from moment 0 on.

Deadlines are met with room to spare, met to the millisecond, missed with and without an event that says so; events
come late, out of order and twice, and say later that they were wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.chaos.story import QUEUES, SECOND, Queue, Stay, Story

Plot = Callable[[Story], None]

GRACE = 1_000
"""As long the service waits after a deadline for what is still under way."""


def answered_in_time(story: Story) -> None:
    """The rule; one in ten at the very last millisecond."""
    rng, queue = story.rng, _queue(story.rng)
    wait = queue.target if rng.random() < 0.1 else _part(rng, queue.target, 0.1, 0.95)
    _answer(story, queue, wait, _talk(rng))


def answered_late(story: Story) -> None:
    """Some milliseconds or seconds too late: broken, and then answered."""
    queue = _queue(story.rng)
    late = story.rng.choice((1, story.rng.randrange(200, 900), story.rng.randrange(900, 4_000)))
    _answer(story, queue, queue.target + late, _talk(story.rng))


def left_before_due(story: Story) -> None:
    """Gave up, or was let go, while the promise could still be kept; some at the due instant itself."""
    rng, queue = story.rng, _queue(story.rng)
    wait = queue.target if rng.random() < 0.1 else _part(rng, queue.target, 0.05, 0.95)
    _leave(story, queue, wait, _reason(rng))


def left_after_due(story: Story) -> None:
    """Gave up, or was let go, when the promise was broken."""
    queue = _queue(story.rng)
    _leave(story, queue, queue.target + story.rng.randrange(1, 4_000), _reason(story.rng))


def hung_up(story: Story) -> None:
    """No event says that the queue was left: only that the customer ended it."""
    queue = _queue(story.rng)
    offered = story.offered(queue, 0)
    over = story.ended(_part(story.rng, queue.target, 0.2, 1.8), by="customer")
    story.stays.append(Stay(offered, over))


def waits_for_ever(story: Story) -> None:
    """Nothing is heard of it until long after its promise was broken."""
    queue = _queue(story.rng)
    longest = max(story.room - queue.target - SECOND, 2 * SECOND)
    wait = queue.target + story.rng.randrange(min(8 * SECOND, longest - SECOND), longest)
    if story.rng.random() < 0.5:
        _answer(story, queue, wait, 300)
    else:
        _leave(story, queue, wait, "abandoned")


def moved_while_waiting(story: Story) -> None:
    """From one queue into another: two promises."""
    rng = story.rng
    first, second = rng.sample(QUEUES, 2)
    offered = story.offered(first, 0)
    moved = _part(rng, first.target, 0.2, 1.4)
    story.stays.append(Stay(offered, story.left(first, moved, "transfer_out")))
    again = moved + rng.randrange(5, 300)
    _answer(story, second, again + _part(rng, second.target, 0.2, 1.3), _talk(rng), start=again)


def passed_on(story: Story) -> None:
    """Answered, talked to and passed on to another queue, where it is answered or given up."""
    rng = story.rng
    first, second = rng.sample(QUEUES, 2)
    offered = story.offered(first, 0)
    answer = _part(rng, first.target, 0.2, 1.3)
    answered = story.answered(first, answer)
    moved = answer + _talk(rng)
    own: dict[str, Any] = {"queue": first.name, "agent": story.agent, "mode": "blind", "to": second.name}
    story.stays.append(Stay(offered, answered, story.tell("contact.transferred", moved, **own)))
    again = moved + rng.randrange(5, 300)
    wait = _part(rng, second.target, 0.2, 1.3)
    if rng.random() < 0.7:
        _answer(story, second, again + wait, _talk(rng), start=again)
    else:
        _leave(story, second, again + wait, "abandoned", start=again)


def answer_told_late(story: Story) -> None:
    """Answered in time, which is told while the service still waits for it: no breach may ever be declared."""
    rng, queue = story.rng, _queue(story.rng)
    wait = _part(rng, queue.target, 0.5, 1.0)
    _answer(story, queue, wait, _talk(rng), told=rng.randrange(wait, queue.target + GRACE // 2))


def answer_told_too_late(story: Story) -> None:
    """Answered in time, which is told after a breach was declared: it has to be taken back."""
    rng, queue = story.rng, _queue(story.rng)
    told = queue.target + GRACE + rng.randrange(500, 3_000)
    _answer(story, queue, _part(rng, queue.target, 0.3, 1.0), 4_000 + _talk(rng), told=told)


def offer_told_late(story: Story) -> None:
    """The answer is told first, the offer seconds later."""
    rng, queue = story.rng, _queue(story.rng)
    wait = _part(rng, queue.target, 0.2, 1.4)
    answered = story.answered(queue, wait)
    offered = story.offered(queue, 0, wait + rng.randrange(100, 3_000))
    story.stays.append(Stay(offered, answered, story.ended(wait + 3_500)))


def answer_was_sooner(story: Story) -> None:
    """Answered too late, as it is told; corrected later: it was in time."""
    _answer_corrected(story, lambda rng, queue: (queue.target + rng.randrange(300, 2_500), rng.randrange(queue.target)))


def answer_was_later(story: Story) -> None:
    """Answered in time, as it is told; corrected later: it was too late."""
    _answer_corrected(story, lambda rng, queue: (rng.randrange(queue.target), queue.target + rng.randrange(1, 2_500)))


def other_queue(story: Story) -> None:
    """It was offered to another queue than was told, which promises something else."""
    rng = story.rng
    first, second = rng.sample(QUEUES, 2)
    offered = story.offered(first, 0)
    wait = _part(rng, max(first.target, second.target), 0.3, 1.3)
    told = rng.randrange(200, wait + 2_000)
    if told < wait:
        story.offered(second, 0, told, corrects=offered, revision=1)
    # No queue: whoever answers knows only the contact.
    answered = story.tell("contact.answered", wait, agent=story.agent)
    if told >= wait:
        story.offered(second, 0, told, corrects=offered, revision=1)
    story.stays.append(Stay(offered, answered, story.ended(wait + 2_500)))


def other_time(story: Story) -> None:
    """It was offered at another time than was told, so that its promise ends at another time."""
    rng, queue = story.rng, _queue(story.rng)
    offered = story.offered(queue, 1_000)
    wait = 1_000 + _part(rng, queue.target, 0.4, 1.5)
    told = rng.randrange(1_200, wait + 2_000)
    true = rng.randrange(1_900) if told < wait else rng.randrange(min(1_900, wait))
    if told < wait:
        story.offered(queue, min(true, told - 1), told, corrects=offered, revision=7)
    answered = story.answered(queue, wait)
    if told >= wait:
        story.offered(queue, true, told, corrects=offered, revision=7)
    story.stays.append(Stay(offered, answered, story.ended(wait + 2_500)))


def nameless_at_first(story: Story) -> None:
    """Who the customer is, is told with the answer."""
    story.known = False
    queue = _queue(story.rng)
    _answer(story, queue, _part(story.rng, queue.target, 0.3, 1.3), _talk(story.rng))


def never_queued(story: Story) -> None:
    """It ended in the menu."""
    story.tell("contact.created", 0, identifiers=[story.identifier])
    story.tell("contact.left_ivr", story.rng.randrange(200, 3_000))


PLOTS: tuple[tuple[Plot, int], ...] = (
    (answered_in_time, 30),
    (answered_late, 10),
    (left_before_due, 8),
    (left_after_due, 6),
    (hung_up, 4),
    (waits_for_ever, 10),
    (moved_while_waiting, 6),
    (passed_on, 6),
    (answer_told_late, 5),
    (answer_told_too_late, 4),
    (offer_told_late, 3),
    (answer_was_sooner, 3),
    (answer_was_later, 3),
    (other_queue, 3),
    (other_time, 3),
    (nameless_at_first, 3),
    (never_queued, 3),
)
"""Every kind, and how many of a hundred contacts are of it."""


def _answer(story: Story, queue: Queue, at: int, talk: int, *, start: int = 0, told: int | None = None) -> None:
    """Offered at `start`, answered at `at`, over after `talk` ms; half of it as measured by the source."""
    measured = story.rng.random() < 0.5
    offered = story.offered(queue, start)
    waited = {"waited": (at - start) / SECOND} if measured else {}
    answered = story.answered(queue, at, told, **waited)
    held = story.rng.randrange(200) if measured else 0
    times: dict[str, Any] = {}
    if measured:
        times = {"talked": talk / SECOND, "held": held / SECOND, "handled": (talk + held) / SECOND}
    story.stays.append(Stay(offered, answered, story.ended(at + talk, **times)))


def _leave(story: Story, queue: Queue, at: int, reason: str, *, start: int = 0) -> None:
    offered = story.offered(queue, start)
    measured = {"waited": (at - start) / SECOND} if story.rng.random() < 0.5 else {}
    story.stays.append(Stay(offered, story.left(queue, at, reason, **measured)))
    story.ended(at + story.rng.randrange(1, 500), by="customer")


def _answer_corrected(story: Story, waits: Callable[[Random, Queue], tuple[int, int]]) -> None:
    rng, queue = story.rng, _queue(story.rng)
    said, true = waits(rng, queue)
    offered = story.offered(queue, 0)
    answered = story.answered(queue, said)
    story.answered(queue, true, max(said, true) + rng.randrange(100, 2_500), corrects=answered, revision=1)
    story.stays.append(Stay(offered, answered, story.ended(max(said, true) + 2_700)))


def _queue(rng: Random) -> Queue:
    return rng.choice(QUEUES)


def _reason(rng: Random) -> str:
    return rng.choice(("abandoned", "abandoned", "abandoned", "callback", "timeout", "key_exit"))


def _talk(rng: Random) -> int:
    return rng.randrange(300, 2_500)


def _part(rng: Random, whole: int, least: float, most: float) -> int:
    return rng.randrange(int(whole * least), int(whole * most))
