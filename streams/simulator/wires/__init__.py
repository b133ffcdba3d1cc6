"""What the tools of a simulated centre say, in the formats and with the proofs of real ones."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from streams.simulator.conversation import Told


class Payload(NamedTuple):
    """What is sent at once. `name`: of this delivery, the same when it is sent again. `later`: seconds after the
    others. `sender`, `recipient`: of a mail's envelope, where an empty sender is that of a bounce."""

    body: bytes
    name: str
    later: float = 0.0
    sender: str = ""
    recipient: str = ""


class Wire(Protocol):
    """How a tool tells of conversations. `repeats`: whether it sends a delivery again that may have been lost."""

    repeats: bool

    def payloads(self, told: Told) -> Sequence[Payload]:
        """What is sent when that happens."""


class Webhook(Wire, Protocol):
    """A wire by HTTP. `provider`: `/hooks/PROVIDER/...` of the gateway."""

    provider: str

    def headers(self, payload: Payload, now: int) -> dict[str, str]:
        """The headers of one try to send it at `now` (seconds since the epoch), the proof among them."""
