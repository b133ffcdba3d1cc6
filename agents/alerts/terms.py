"""What the rules of alerts are set to."""

from collections.abc import Mapping

import msgspec

from schemas.instants import HOUR, MINUTE
from schemas.notifications import Mode


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of [alerts] and what wording needs. All times in ms.

    `group_by`: labels that make a group. `group_wait`: how long a group gathers before anybody is told of it;
    `group_interval` and `repeat_interval`: how long after it was told it is told again, with more subjects or with
    none; `keep_firing`: how long it goes on with no open subject. `stale_after`: nobody is told of a promise broken
    longer ago. `mode`: of alerts that begin now. `timezone`: of instants in words. `names`: queue -> what people call
    it.
    """

    group_by: tuple[str, ...] = ("queue",)
    group_wait: int = 30_000
    group_interval: int = 5 * MINUTE
    repeat_interval: int = HOUR
    keep_firing: int = 5 * MINUTE
    stale_after: int = 15 * MINUTE
    mode: Mode = "live"
    timezone: str = "UTC"
    names: Mapping[str, str] = {}

    def name_of(self, queue: str) -> str:
        """What people call a queue."""
        return self.names.get(queue, queue)
