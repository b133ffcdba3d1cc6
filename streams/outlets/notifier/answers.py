"""What a receiver's side said to one try, and what is sent."""

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from schemas.notifications import Alert
from streams.outlets.notifier.message import Message


class Outgoing(msgspec.Struct, kw_only=True, frozen=True):
    """One message to send. `id`: its dedup key; `type`: of the event; `thread`: id of the episode's first message."""

    id: str
    type: str
    alert: Alert
    message: Message
    thread: str | None = None


class Answer(msgspec.Struct, kw_only=True, frozen=True):
    """retry: it may pass later. `reason`: in a word or two, for metrics; `detail`: for people, with no secret in it;
    `retry_after`: seconds that the receiver wants to be left alone."""

    outcome: Literal["sent", "retry", "failed"]
    reason: str
    detail: str
    retry_after: float | None = None


class Sender(Protocol):
    """Sends to one receiver."""

    async def send(self, outgoing: Outgoing, now: datetime) -> Answer:
        """One try; every failure of the other side is an answer, not an exception."""

    async def close(self) -> None:
        """Let go of connections."""
