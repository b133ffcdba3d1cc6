"""Whether a receiver is told of an alert's record, as what, and what that makes superfluous. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from schemas.notifications import Alert, Notify

State = Literal["queued", "sending", "sent", "failed", "dropped"]
UNFINISHED: tuple[State, ...] = ("queued", "sending")


class Earlier(msgspec.Struct, frozen=True):
    """A message of the same alert to the same receiver that is there already."""

    message: str
    notify: Notify
    state: State
    attempts: int


class Plan(msgspec.Struct, kw_only=True, frozen=True):
    """What to do. `notify`: told as that; `dropped`: why it is not told at all; `superseded`: earlier messages that
    are dropped because of this one, all of them untried."""

    notify: Notify
    dropped: str | None = None
    superseded: tuple[str, ...] = ()


def plan(
    alert: Alert, severities: Sequence[str], earlier: Sequence[Earlier], now: datetime, stale_after: float
) -> Plan | None:
    """What one receiver is told because of this record; None: it does not concern it.

    A receiver that was told of an episode, or will be, hears all of it, whatever its severity becomes. A resolve or
    retract goes to those alone. If nothing of the episode was ever tried, the resolve and all before it become one
    `brief`, and with a retract there is nothing left to say.
    """
    if alert.notify is None:
        return None
    told = [each for each in earlier if each.state != "dropped"]
    untried = tuple(each.message for each in told if each.state == "queued" and each.attempts == 0)
    if alert.notify in ("resolve", "retract"):
        if not told:
            return None
        if len(untried) < len(told):
            return Plan(notify=alert.notify, superseded=untried)
        if alert.notify == "retract":
            return Plan(notify="retract", dropped="superseded", superseded=untried)
        return Plan(notify="brief", superseded=untried)
    if not told and alert.severity not in severities:
        return None
    if alert.mode == "replay":
        return Plan(notify=alert.notify, dropped="replay")
    if now - _as_of(alert) > timedelta(seconds=stale_after):
        return Plan(notify=alert.notify, dropped="stale")
    news = ("update", "repeat")
    superseded = tuple(
        each.message for each in told if each.message in untried and each.notify in news and alert.notify in news
    )
    return Plan(notify=alert.notify, superseded=superseded)


def _as_of(alert: Alert) -> datetime:
    """The instant that decides whether a record is stale.

    Of what goes on: the clock when the record was made, which stands still in a backlog, so that it is old after an
    outage. When the last promise was broken does not matter then: whoever is told after a mute, or of more that has
    joined, is told of what is so now. Of broken promises that are all over: when the newest one was broken.
    """
    due = alert.evidence.newest_due_at
    return alert.updated_at if due is None or alert.evidence.open else due
