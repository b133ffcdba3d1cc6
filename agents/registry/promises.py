"""Records of the topic policies: which are right, and which say something new."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise

from schemas.calendars import Calendar
from schemas.policies import (
    LONGEST_TARGET,
    AnyPolicyRecord,
    CalendarRecord,
    PolicyRecord,
    SlaPolicy,
    decode_policy,
    encode_policy,
)
from schemas.policy_checks import awaited
from streams.store import Store


class BadPolicy(ValueError):
    """A record that says no policy or calendar: of which one, what is wrong, and what to do."""


class Promises:
    """The policies and calendars that the contacts tasks were told of, as they stand on the topic.

    `calendars`: ids of those that the settings define. `waits` is told of every version of a policy that names others
    when it comes, and of which: it promises nothing by them until somebody defines them.
    """

    __slots__ = ("_calendars", "_store", "_waits")

    def __init__(
        self, calendars: Collection[str] = (), waits: Callable[[SlaPolicy, Sequence[str]], None] | None = None
    ) -> None:
        self._store: Store[bytes] = Store(b"y", bytes)
        self._calendars = frozenset(calendars)
        self._waits = waits

    def take(self, key: bytes | None, value: bytes | None) -> bytes | None:
        """The record to pass on, None where it says nothing new. Raises BadPolicy, and those of UNREADABLE."""
        if value is None:
            if (key or b"").decode(errors="replace") not in self._store.data:
                return None
            raise BadPolicy("a policy is not taken away by a tombstone: publish a version of it with retired = true")
        record = decode_policy(value)
        check(record)
        kind = "calendar" if isinstance(record, CalendarRecord) else "policy"
        name, told = f"{kind}:{record.id}", encode_policy(record)
        before = self._store.get(name)
        if before == told:
            return None
        self._store.put(name, told)
        if isinstance(record, PolicyRecord) and self._waits is not None:
            known = () if before is None else decode_policy(before).versions
            self._tell_of_waiting([version for version in record.versions if version not in known], self._waits)
        return told

    def _tell_of_waiting(
        self, versions: Sequence[SlaPolicy], waits: Callable[[SlaPolicy, Sequence[str]], None]
    ) -> None:
        published = {name.partition(":")[2] for name in self._store.data if name.startswith("calendar:")}
        for version in versions:
            missing = awaited(version, self._calendars | published)
            if missing:
                waits(version, missing)

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """See streams.store.Store."""
        return self._store.changes()

    def restore(self, key: bytes, value: bytes | None) -> bool:
        """Take one changelog record; False where it is of another store."""
        if not self._store.owns(key):
            return False
        self._store.restore(key, value)
        return True


def check(record: AnyPolicyRecord) -> None:
    """Raises BadPolicy where the versions do not belong together, or one of them cannot be kept to."""
    versions = [version.version for version in record.versions]
    what = f"{record.__struct_config__.tag} {record.id!r}"
    if not versions:
        raise BadPolicy(f"{what} has no versions: give all of them, the one in force included")
    stranger = next((each.id for each in record.versions if each.id != record.id), None)
    if stranger is not None:
        raise BadPolicy(f"{what} has a version of {stranger!r}: a record holds the versions of one id")
    twice = [version for version, times in Counter(versions).items() if times > 1]
    if twice or versions != sorted(versions):
        raise BadPolicy(f"{what} has the versions {versions}: give each once, ascending")
    begins = [version.effective_from for version in record.versions if version.effective_from is not None]
    if any(later <= earlier for earlier, later in pairwise(begins)):
        raise BadPolicy(f"{what} has a version that holds from no later instant than the one before: give a later one")
    if isinstance(record, CalendarRecord):
        for terms in record.versions:
            try:
                Calendar(terms)
            except ValueError as error:
                raise BadPolicy(f"{what}, version {terms.version}: {error}") from None
        return
    for policy in record.versions:
        for clock, target in policy.targets.items():
            shares = list(target.at_risk)
            if not 0 <= target.target <= LONGEST_TARGET:
                wrong = f"{clock}.target is {target.target:g}: give 0 (promises nothing) to {LONGEST_TARGET} seconds"
                raise BadPolicy(f"{what}, version {policy.version}: {wrong}")
            if shares != sorted(set(shares)) or not all(0 < share < 1 for share in shares):
                wrong = f"{clock}.at_risk is {shares}: give shares between 0 and 1, ascending"
                raise BadPolicy(f"{what}, version {policy.version}: {wrong}")
