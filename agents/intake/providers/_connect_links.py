"""What Amazon Connect's three sources have in common: a link of a chain of Connect's contacts, ids, names, instants."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from agents.intake.parsing import Context, Malformed, shown
from agents.intake.providers._connect_bodies import Endpoint
from agents.intake.webhook import created
from schemas.events import (
    AnyEvent,
    Channel,
    ContactAnswered,
    ContactEnded,
    ContactLeftIvr,
    ContactLeftQueue,
    ContactOffered,
    ContactTransferred,
    ContactWrapupEnded,
    ContactWrapupStarted,
)
from schemas.identifiers import mail_identifier, phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import DAY, from_ms, to_ms

LIVE = 1
"""Revision of what an event says."""

LIVE_SURER = 2
"""Revision of what an event says that knows better: the next link of the link before it, the end of a wrap-up."""

RECORDED_BY_NEXT = 3
"""Revision of what the record of the next link says of the link before it, whose own record knows still better."""

_LATEST_MS = 1 << 43


class Link(msgspec.Struct, frozen=True, gc=False):
    """One of Connect's contacts: a link of the chain that is the contact here. Instants in ms, None where it did not
    come to that. `account`: of AWS. `waited`: seconds in the queue."""

    context: Context
    account: str
    name: str
    chain: str
    previous: str | None
    channel: Channel
    method: str
    outbound: bool
    initiated: int
    enqueued: int | None = None
    answered: int | None = None
    queue: str | None = None
    agent: str | None = None
    identifiers: tuple[str, ...] = ()
    revision: int = LIVE
    waited: float | None = None

    def common(self, word: str, time: int, *more: object, link: str | None = None) -> dict[str, Any]:
        """Fields of an event at `time` (ms) of this link, or of another one of the chain."""
        return {
            "id": event_id(scope_of(self.account), link or self.name, word, *more),
            "time": from_ms(time),
            "channel": self.channel,
            "source": self.context.source,
            "contact": contact_id(scope_of(self.account), self.chain),
            "revision": self.revision,
            "queue": self.queue,
            "identifiers": self.identifiers,
        }

    @property
    def calls_out(self) -> bool:
        """Whether it began with us. Who was called by a program may wait in a queue all the same."""
        return self.outbound or (self.method == "API" and self.channel == "phone")

    def begun(self) -> Iterator[AnyEvent]:
        """That the chain exists, and as far as it has come: that the link waits, and that it was answered."""
        there = created(
            scope_of(self.account),
            contact_id(scope_of(self.account), self.chain),
            self.channel,
            self.initiated,
            queue=None,
            identifiers=self.identifiers,
            direction="outbound" if self.calls_out else "inbound",
        )
        yield msgspec.structs.replace(there, source=self.context.source)
        if self.outbound:
            return
        if self.enqueued is not None:
            yield ContactOffered(**self.common("offered", self.enqueued))
        if self.answered is not None:
            yield ContactAnswered(**self.common("answered", self.answered), agent=self.agent, waited=self.waited)

    def before(self) -> Iterator[AnyEvent]:
        """How the link before it was over."""
        if not self.previous or self.previous == self.name:
            return
        # Who asks for a callback without having been queued must not take the callback out of its queue.
        time = self.initiated - 1 if self.method == "CALLBACK" else self.initiated
        revision = LIVE_SURER if self.revision == LIVE else RECORDED_BY_NEXT
        said = {**self.common("over", time, link=self.previous), "revision": revision, "queue": None}
        if self.method == "TRANSFER":
            yield ContactTransferred(**said)
        elif self.method == "QUEUE_TRANSFER":
            yield ContactLeftQueue(**said, reason="transfer_out")
        elif self.method == "CALLBACK":
            yield ContactLeftQueue(**said, reason="callback")

    def over(self, time: int) -> AnyEvent:
        """That it was over at `time` (ms), as far as it knows itself."""
        said = self.common("over", time)
        if self.answered is None and not self.outbound:
            if self.enqueued is not None:
                return ContactLeftQueue(**said, reason="abandoned", waited=self.waited)
            if self.name == self.chain and not self.calls_out:
                return ContactLeftIvr(**said)
        return ContactEnded(**said, agent=self.agent)

    def wrapup(self, began: int | None, ended: int | None, revision: int) -> Iterator[AnyEvent]:
        """The agent's work after it. Instants in ms."""
        if self.outbound:
            return
        if began is not None:
            said = {**self.common("wrapup_started", began), "revision": revision}
            yield ContactWrapupStarted(**said, agent=self.agent)
        if ended is not None:
            said = {**self.common("wrapup_ended", ended), "revision": revision}
            yield ContactWrapupEnded(**said, agent=self.agent)


def scope_of(account: str) -> str:
    """What stands in ids where other providers have the source's name."""
    return f"amazon-connect:{account}"


def identifiers_of(endpoint: Endpoint | None, customer: str | None, account: str, context: Context) -> tuple[str, ...]:
    address = "" if endpoint is None else endpoint.address or ""
    found = mail_identifier(address) or phone_identifier(address, context.region)
    own = f"connect:{account}:{customer}" if customer else None
    return tuple(each for each in (found, own) if each)


def named(arn: str | None, context: Context) -> str | None:
    """Name of a queue or an agent, else the id at the end of the ARN. Raises Malformed where the setting is no list of
    names."""
    if not arn:
        return None
    name = last_of(arn)
    return _names(context.settings.get("names", "")).get(name, name)


def last_of(arn: str) -> str:
    return arn.rpartition("/")[2]


@lru_cache(maxsize=64)
def _names(setting: str) -> Mapping[str, str]:
    names: dict[str, str] = {}
    for item in filter(None, map(str.strip, setting.split(","))):
        arn, equals, name = (part.strip() for part in item.partition("="))
        if not (arn and equals and name):
            raise Malformed("rule", f"setting names has {shown(item)}: ID=Name is expected")
        names[last_of(arn)] = name
    return names


def needed(value: str | None, where: str) -> str:
    if not value:
        raise Malformed("identity", f"`{where}` is missing or empty: an id is expected")
    return value


def first_of(instants: tuple[int | None, ...], where: str) -> int:
    """The first one that there is. Raises Malformed."""
    for instant in instants:
        if instant is not None:
            return instant
    raise Malformed("time", f"`{where}` has no time: nobody can say when it happened")


def instant(text: str | None, where: str) -> int | None:
    """An ISO 8601 instant in ms. None where it is missing, or in 1970, which means the same. Raises Malformed."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(
            "time", f"`{where}` is {shown(text)}: an instant as 2026-10-20T10:00:00.000Z is expected"
        ) from None
    ms = to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    if ms >= _LATEST_MS or ms < 0:
        raise Malformed("time", f"`{where}` is {shown(text)}: no instant of this time")
    return ms if ms >= 365 * DAY else None
