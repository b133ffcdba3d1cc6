"""Records of alerts.notifications (what people are told and what came of it) and of alerts.commands (what they say).

The key of a record of alerts.notifications is the id of its alert, of a mute the mute's.
"""

from typing import Literal

import msgspec

from schemas.instants import Instant, Seconds
from schemas.trends import TrendEvidence

AlertState = Literal["pending", "firing", "acknowledged", "resolved", "retracted"]
"""pending: within its group's wait, nobody has been told; retracted: everything it was about was corrected away."""

Severity = Literal["critical", "warning", "info"]
"""critical: customers are past a promise now; warning: something needs a look soon; info: for the record."""

Notify = Literal["trigger", "update", "repeat", "resolve", "retract", "brief"]
"""What receivers are told. update: more subjects joined; repeat: still going on and nobody has acknowledged;
brief: it began and ended before anybody was told, so one note without a page."""

Mode = Literal["live", "replay"]

CLOSED: frozenset[AlertState] = frozenset({"resolved", "retracted"})

BLIND = "pipeline.blind"
"""The rule of the one alert that the notifier raises by its own means: nothing moves in the pipeline. Agents that would
take commands may be what stands still, so nobody acknowledges or mutes it."""


class Saying(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Who said something, when, and why."""

    by: str
    at: Instant
    note: str | None = None


class Subject(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One thing that an alert is about: a broken promise (`contact`), a trend, a source, the pipeline.

    `id`: of the record that raised it. `due_at`: when the promise was broken. `ended_at`: when it was over,
    `outcome`: how (late, abandoned, closed, corrected ...).
    """

    id: str
    since: Instant
    contact: str | None = None
    due_at: Instant | None = None
    target: Seconds | None = None
    ended_at: Instant | None = None
    outcome: str | None = None


class Evidence(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The state of the matter, frozen when the record was made.

    `open`: subjects that are not over; `total`: all of this episode, those corrected away left out. `oldest_since`:
    since when the oldest open subject waits. `newest_due_at`: when the last promise was broken, by its due instant
    or, later, by a change of its terms or the correction of its end. `subjects`: the three oldest open ones, else the
    last three. `policy`, `target`: of the promise, business time where `business`. `trend`: of a trend.
    """

    open: int
    total: int
    corrected: int = 0
    oldest_since: Instant | None = None
    newest_due_at: Instant | None = None
    target: Seconds | None = None
    business: bool = False
    policy: str | None = None
    subjects: tuple[Subject, ...] = ()
    trend: TrendEvidence | None = None


class Alert(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag="alert", tag_field="kind"):
    """One alert as it stands: one episode of one group. A record with a higher `sequence` replaces it.

    `id`: UUIDv5 of rule, labels and episode start, the same after a replay; it is every receiver's dedup key.
    `labels`: what the group is of (`queue`, `channel`, `source` ...), after the configured grouping. `notify`: what
    receivers are to be told because of this record; None: nothing. `told`: whether a trigger was asked for before or
    with this record. `mode` replay: nobody is ever told. `summary`: first line of every message.
    """

    id: str
    sequence: int
    rule: str
    labels: dict[str, str]
    state: AlertState
    severity: Severity
    mode: Mode
    started_at: Instant
    updated_at: Instant
    summary: str
    evidence: Evidence
    version: int = 1
    notify: Notify | None = None
    told: bool = False
    ended_at: Instant | None = None
    reason: str | None = None
    acknowledged: Saying | None = None
    muted: str | None = None


class Mute(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag="mute", tag_field="kind"):
    """Alerts whose rule and labels match are not told until then. `matchers`: label (or `rule`) -> value.

    `ended`: it was lifted, or its time is over.
    """

    id: str
    matchers: dict[str, str]
    by: str
    why: str
    since: Instant
    until: Instant
    ended: bool = False


class Delivery(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag="delivery", tag_field="kind"):
    """What became of one message: `message` is its dedup key, the same in every try.

    `sequence` and `notify`: of the alert's record that asked for it. `detail`: the receiver's answer, or why nothing
    was sent (`stale`, `replay`, `superseded`).
    """

    message: str
    alert: str
    sequence: int
    notify: Notify
    receiver: str
    outcome: Literal["sent", "failed", "dropped"]
    attempts: int
    at: Instant
    detail: str | None = None


AnyNotification = Alert | Mute | Delivery


class Acknowledge(
    msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag="acknowledge", tag_field="command"
):
    """Somebody looks after an alert. `id`: of the command; the same one twice counts once."""

    id: str
    alert: str
    by: str
    at: Instant
    note: str | None = None


class StartMute(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag="mute", tag_field="command"):
    """Mute what matches, for 24 h at most. `id`: of the command, and of the mute that comes of it."""

    id: str
    matchers: dict[str, str]
    by: str
    why: str
    at: Instant
    until: Instant


class EndMute(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag="unmute", tag_field="command"):
    """Lift a mute before its time."""

    id: str
    mute: str
    by: str
    at: Instant


AnyCommand = Acknowledge | StartMute | EndMute

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AnyNotification).decode
decode_command = msgspec.json.Decoder(AnyCommand).decode
