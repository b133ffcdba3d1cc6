"""What to do about an alert, by its rule: short sentences, the first thing first."""

from schemas.notifications import BLIND
from schemas.policies import CLOCKS

_CONTACTS = (
    "open the oldest of these contacts, and answer it or hand it to somebody who can now",
    "move agents to the queue, and see that nobody who is away holds contacts in it",
    "tell the customers how long it takes, and set what waits for them to pending",
)
_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    *((f"sla.{clock}", _CONTACTS) for clock in CLOCKS if clock != "answer_within"),
    (
        "sla",
        (
            "open the board and see who is ready and who is paused",
            "move agents from a queue that is on target",
            "switch on call-back, or tell callers how long it takes",
        ),
    ),
    (
        "trend.arrivals.high",
        (
            "ask what happened: outage, mailing, invoice run",
            "put an announcement in front of the queue",
            "bring in agents from pauses and other queues",
        ),
    ),
    (
        "trend.arrivals.low",
        (
            "call the queue's own number and see whether it gets through",
            "ask the carrier or the web team about faults and changes",
        ),
    ),
    (
        "source.silent",
        (
            "see whether the source still runs and still writes",
            "see the log of its connector (floorwalker connect)",
            "take its numbers on the board for old until it is back",
        ),
    ),
    (
        BLIND,
        (
            "take no number on the board for current, and watch the queues on the telephone system itself",
            "see which task stands still: floorwalker status",
            "see whether workers and Kafka run, and start what does not",
        ),
    ),
)


def steps(rule: str) -> tuple[str, ...]:
    """The steps for a rule, or for the family that it belongs to (`sla` for `sla.answer`); none for an unknown one."""
    for family, said in _STEPS:
        if rule == family or rule.startswith(f"{family}."):
            return said
    return ()
