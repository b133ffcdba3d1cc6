"""Records of alerts.trends: a number that left its own past, or a source that fell silent, and later its end."""

from typing import Literal

import msgspec

from schemas.instants import Instant, Seconds

TrendRule = Literal["arrivals.high", "arrivals.low", "source.silent"]
"""More arrivals in a queue than its own past explains, fewer, or a source of which nothing is heard."""


class TrendEvidence(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What the finding rests on. `observed`: arrivals since `since`; `expected`: what the past says of that time.

    `statistic` passed `threshold` (a CUSUM of log likelihood ratios; of silence: the expected records of the gap).
    `dispersion`: variance over mean of the past counts. `days`: how many days the past has.
    """

    observed: float
    expected: float
    statistic: float
    threshold: float
    dispersion: float = 1.0
    days: int = 0
    last_seen: Instant | None = None
    limit: Seconds | None = None


class TrendTransition(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A trend was opened or closed. `trend`: id of the episode, the same in both; `id`: of this record.

    `since`: when it began, as estimated; `detected_at`: the clock when it was found (or found over).
    """

    id: str
    trend: str
    transition: Literal["opened", "closed"]
    rule: TrendRule
    since: Instant
    detected_at: Instant
    evidence: TrendEvidence
    version: int = 1
    kind: Literal["trend"] = "trend"
    channel: str | None = None
    queue: str | None = None
    source: str | None = None


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(TrendTransition).decode
