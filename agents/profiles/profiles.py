"""Rules of the profiles agent: states of members in, profiles of link sets out."""

from functools import partial

import msgspec

from agents.customers.failures import FAILING, Counted, Failures, NoValue
from agents.customers.memory import (
    NEVER,
    RETENTION,
    STATE_VERSION,
    UNSENT,
    Customer,
    decode_customer,
    forget,
    united,
)
from agents.customers.outlet import tell_profile, withdraw
from agents.customers.telling import Teller, Telling
from schemas.customers import MemberState, decode_member
from schemas.short_ids import ShortId, shortened
from schemas.topics import CUSTOMERS_MEMBERS
from streams.processor import Outbox, Record


class Group(msgspec.Struct, array_like=True, gc=False):
    """The state of one link set, by its owner. `due`: as in Customer. `states`: by member, as the customers agent
    encodes them and in its format, empty of one without any contact. `begun`: contacts that have begun since the last
    profile. `told`: whether a profile of it may stand."""

    due: int = UNSENT
    states: dict[str, bytes] = {}
    begun: tuple[ShortId, ...] = ()
    told: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Group).decode


class Profiles(Teller[Group]):
    """Tells the profiles of link sets (a processor, see streams.processor).

    Input is customers.members: the state of one member of a set, whole, a later record of the same member replacing
    the earlier, or that it belongs to another set now. The profile is that of the members' states united, made by the
    code that makes the profile of one and told at the same pace; it is withdrawn when no member has anything left.

    `retention`: ms, as for single identifiers. `counted`: see agents.customers.failures.
    """

    __slots__ = ()

    def __init__(self, *, retention: int = RETENTION, counted: Counted | None = None) -> None:
        super().__init__(
            Telling(
                b"g",
                encode=_encode,
                decode=lambda _key, stored: _decode(stored),
                version=STATE_VERSION,
                tell=partial(_tell, retention),
            ),
            Failures(counted),
        )

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one record of customers.members; one that cannot be read changes nothing."""
        try:
            said = _member_of(record)
        except FAILING as error:
            self._failures.refuse(record, CUSTOMERS_MEMBERS.name, error, out)
            return
        group = self._telling.store.get(said.owner) or Group()
        if said.gone:
            if said.member not in group.states:
                return
            if group.begun and self._telling.clock:
                # Who has begun is told of here, or nowhere: the next owner hears of the member, not of that.
                self._telling.tell_now(said.owner, group, out)
            group.states.pop(said.member)
        else:
            group.told = group.told or bool(said.state)
            group.states[said.member] = said.state
            group.begun += tuple(map(shortened, said.begun))
        self._telling.changed(said.owner, group)


def _tell(retention: int, owner: str, group: Group, clock: int, out: Outbox) -> bool:
    members = []
    expires = NEVER
    for member, stored in sorted(group.states.items()):
        customer = decode_customer(member, stored) if stored else Customer()
        expires = min(expires, forget(customer, clock, retention))
        members.append(customer)
    whole = united(members)
    if whole.empty:
        if group.told:
            withdraw(owner, out)
        group.begun, group.due, group.told = (), NEVER, False
        return bool(group.states)
    whole.begun = group.begun
    due = tell_profile(owner, whole, clock, out, sorted(group.states))
    group.begun, group.due, group.told = (), min(due, expires), True
    return True


def _member_of(record: Record) -> MemberState:
    if record.value is None:
        raise NoValue("a member without a value: one that belongs to another set now is said with gone = true")
    said = decode_member(record.value)
    if said.state:
        decode_customer(said.member, said.state)
    return said
