"""Records of customers.events, customers.members, customers.profiles and customers.context."""

from typing import Literal

import msgspec

from schemas.instants import Instant, Seconds
from schemas.policies import ClockName

ContactOutcome = Literal[
    "open", "answered", "abandoned", "callback", "timeout", "key_exit", "empty", "transfer_out", "withdrawn",
    "system", "left_ivr", "ended",
]  # fmt: skip


class SurveyAnswer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answer of a survey. `at`: ms since the epoch; `scale`: the highest possible score."""

    at: int
    kind: Literal["csat", "nps", "ces"]
    score: float
    scale: int


class OpenPromise(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A clock that runs or pauses (ms). `due`: when it is due, None while it pauses; `remaining`: of a paused one."""

    clock: ClockName
    policy: str
    version: int
    due: int | None
    remaining: int | None
    breached: bool


class CustomerContact(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, gc=False):
    """What is known of one of a customer's contacts, whole: a later record of the same contact replaces it.

    `customer` None in its place with `gone` true: the contact turned out to be another customer's. Times are ms
    since the epoch, durations ms (internal record, msgpack). `waited` is the wait of the last offer, `offered` its
    instant, `answered` when it was answered.

    `messages_in`, `messages_out`: instants of the public messages of the customer and of agents, ascending, the newest
    of them where there are very many. `agents`: how many different agents had it. `reopened`: instants at which it was
    opened again. `waits_for`: whose turn it is while it is open. `topic`: what it is about (tag `topic:X`, else the
    first queue). `resolved`: solved, or said to be (tag `resolved`). `complaint`: it has a tag that says so.
    `promises`: clocks that run; `breaches`: how many were broken.

    A contact that was over for long is settled. What is told of it later is a part of its own, beside what was told
    before: `after` is then the instant of the last event before it, 0 of the first part. `addition`: the part adds to
    what was before (the answer of a survey) and begins nothing, so that it is no contact of its own. `first`: it is
    told of for the first time since it began, or since it was forgotten.
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
    messages_in: tuple[int, ...] = ()
    messages_out: tuple[int, ...] = ()
    agents: int = 0
    reopened: tuple[int, ...] = ()
    waits_for: Literal["agent", "customer"] | None = None
    status: str | None = None
    topic: str | None = None
    segment: str | None = None
    priority: str | None = None
    language: str | None = None
    resolved: bool = False
    complaint: bool = False
    surveys: tuple[SurveyAnswer, ...] = ()
    promises: tuple[OpenPromise, ...] = ()
    breaches: int = 0
    after: int = 0
    addition: bool = False
    first: bool = False


class MemberState(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Record of customers.members (internal, msgpack), by `owner`: the state of one member of a link set, whole, for
    whoever makes the set's profile. `state`: as the customers agent keeps it. `members`: of the set as this member
    knows it. `begun`: contacts that have begun since its last record. `gone`: it belongs to another set now."""

    owner: str
    member: str
    members: tuple[str, ...] = ()
    state: bytes = b""
    begun: tuple[str, ...] = ()
    gone: bool = False


class ChannelWindow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Counts and times of one channel or queue over one rolling window. Durations are seconds, null where there are
    none.

    `outcomes`: how many contacts stand at each outcome; `answered` and `abandoned` are two of them. Waits are of
    the contacts that had one, handle times of those that were handled. A contact counts by its start; a message, a
    reopening by its own instant.
    """

    contacts: int = 0
    answered: int = 0
    abandoned: int = 0
    outcomes: dict[str, int] = {}
    total_wait: Seconds = 0.0
    longest_wait: Seconds | None = None
    average_wait: Seconds | None = None
    messages_in: int = 0
    messages_out: int = 0
    handled: int = 0
    total_handle: Seconds = 0.0
    average_handle: Seconds | None = None
    transfers: int = 0
    reopened: int = 0


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
    topic: str | None = None
    resolved: bool = False


class PromiseNow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A promise to this customer that is not kept yet. `due_at` null: its clock pauses, with `remaining` seconds."""

    clock: ClockName
    policy: str
    version: int
    due_at: Instant | None = None
    remaining: Seconds | None = None
    breached: bool = False


class OpenContact(LastContact, kw_only=True, omit_defaults=True):
    """A contact that is not over. `waits_for`: whose turn it is."""

    waits_for: Literal["agent", "customer"] | None = None
    status: str | None = None
    priority: str | None = None
    promises: list[PromiseNow] = []


class PreferredChannel(msgspec.Struct, kw_only=True):
    """The channel that the customer uses most, of `n` contacts of the last 90 days. `interval`: of its `share`, 95 %
    (Wilson); `sure`: the interval lies above every other channel's share."""

    channel: str
    share: float
    n: int
    interval: tuple[float, float]
    sure: bool


class RepeatContacts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Contacts that came again within a window W ('24h', '96h', '7d', '30d'), of the contacts of the last 90 days.

    `repeats` of `contacts` had an earlier one on the same topic within W. First contact resolution by its variants:
    `resolved` of `first` (no_repeat_topic; no_repeat_any; strict), of those whose W has passed, and agent_flag, which
    waits for nothing. Definitions: docs/reference/metrics.md.
    """

    contacts: int = 0
    repeats: int = 0
    resolved: dict[str, int] = {}
    first: dict[str, int] = {}


class SurveyScores(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Answers of one kind of survey: how many, the last, their mean, each on its `scale`."""

    n: int
    scale: int
    last: float
    last_at: Instant
    mean: float


class Effort(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How hard it was, over the last 30 days. `channel_hops`: times that the customer came back on another channel on
    the same topic within 24 h; `retold`: times that another agent had to be told the story (transfers, and further
    agents in one matter); `reopened`: contacts that had to be opened again."""

    channel_hops: int = 0
    retold: int = 0
    reopened: int = 0


class CustomerProfile(msgspec.Struct, kw_only=True):
    """Public rolling state of one customer as of `as_of`.

    `windows`: window ('1h', '24h', '7d', '30d', '90d', 'lifetime') -> channel -> counts; `queues`: the same by
    queue, of each window the 100 with most contacts; a contact counts in a window by its start. `known`: named by
    an identifier, not only by a contact of its own. `members`: the customer ids of its identifiers, where it has
    several; `customer` is the smallest. `at_risk`: reasons why the customer may be lost, none where there is no
    sign of it.
    """

    customer: str
    as_of: Instant
    known: bool
    contacts: int
    windows: dict[str, dict[str, ChannelWindow]]
    last_contacts: list[LastContact]
    open_contacts: list[OpenContact]
    queues: dict[str, dict[str, ChannelWindow]] = {}
    members: list[str] = []
    preferred_channel: PreferredChannel | None = None
    repeat: dict[str, RepeatContacts] = {}
    surveys: dict[str, SurveyScores] = {}
    complaints: int = 0
    effort: Effort | None = None
    at_risk: list[str] = []
    segment: str | None = None
    language: str | None = None


class CustomerContext(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Record of customers.context: a customer who is known from before has begun `contact`. `id`: the same for the same
    contact. `last`: the contact before; `open`: other contacts that are not over. The rest as in CustomerProfile."""

    id: str
    customer: str
    contact: str
    channel: str
    started_at: Instant
    detected_at: Instant
    contacts: int
    queue: str | None = None
    preferred_channel: PreferredChannel | None = None
    last: LastContact | None = None
    open: list[OpenContact] = []
    at_risk: list[str] = []
    segment: str | None = None
    language: str | None = None


encode_contact = msgspec.msgpack.Encoder().encode
decode_contact = msgspec.msgpack.Decoder(CustomerContact).decode
encode_member = msgspec.msgpack.Encoder().encode
decode_member = msgspec.msgpack.Decoder(MemberState).decode
encode_profile = msgspec.json.Encoder().encode
decode_profile = msgspec.json.Decoder(CustomerProfile).decode
encode_context = msgspec.json.Encoder().encode
decode_context = msgspec.json.Decoder(CustomerContext).decode
