"""Records of customers.events and customers.profiles."""

from typing import Literal

import msgspec

from schemas.instants import Instant, Seconds

ContactOutcome = Literal[
    "open", "answered", "abandoned", "callback", "timeout", "key_exit", "empty", "transfer_out", "withdrawn",
    "system", "left_ivr", "ended",
]  # fmt: skip


class CustomerContact(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, gc=False):
    """What is known of one of a customer's contacts, whole: a later record of the same contact replaces it.

    `customer` None in its place with `gone` true: the contact turned out to be another customer's. Times are ms
    since the epoch, durations ms (internal record, msgpack). `waited` is the wait of the last offer, `offered` its
    instant, `answered` when it was answered.
    """

    customer: str
    contact: str
    channel: str
    started: int
    open: bool
    outcome: ContactOutcome
    queue: str | None = None
    agent: str | None = None
    waited: int | None = None
    offered: int | None = None
    answered: int | None = None
    handled: int | None = None
    ended: int | None = None
    offers: int = 0
    transfers: int = 0
    known: bool = False
    gone: bool = False


class ChannelWindow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Counts and times of one channel over one rolling window. Durations are seconds, null where there are none.

    `outcomes`: how many contacts stand at each outcome; `answered` and `abandoned` are two of them. Waits are of
    the contacts that had one.
    """

    contacts: int = 0
    answered: int = 0
    abandoned: int = 0
    outcomes: dict[str, int] = {}
    total_wait: Seconds = 0.0
    longest_wait: Seconds | None = None
    average_wait: Seconds | None = None


class LastContact(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of the customer's timeline. Durations are seconds."""

    contact: str
    channel: str
    started_at: Instant
    outcome: str
    queue: str | None = None
    waited: Seconds | None = None
    handled: Seconds | None = None
    ended_at: Instant | None = None


class CustomerProfile(msgspec.Struct, kw_only=True):
    """Public rolling state of one customer as of `as_of`.

    `windows`: window ('1h', '24h', '7d', '30d') -> channel -> counts; a contact counts in a window by its start.
    `known`: named by an identifier, not only by a contact of its own.
    """

    customer: str
    as_of: Instant
    known: bool
    contacts: int
    windows: dict[str, dict[str, ChannelWindow]]
    last_contacts: list[LastContact]
    open_contacts: list[LastContact]


encode_contact = msgspec.msgpack.Encoder().encode
decode_contact = msgspec.msgpack.Decoder(CustomerContact).decode
encode_profile = msgspec.json.Encoder().encode
decode_profile = msgspec.json.Decoder(CustomerProfile).decode
