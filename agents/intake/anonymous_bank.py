"""The "Anonymous Bank" call data (Mandelbaum, Sakov, Zeltyn 2000): CSV, one row a call, known when it has ended.

Times are local wall times H:MM:SS, durations seconds. The columns' names, the date (where there is no column for it)
and the time zone travel as record headers `columns`, `date` and `tz`.
"""

from agents.intake.bank_rows import Row, read_row
from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, created_id, shown
from schemas.events import (
    AnyEvent,
    Channel,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactLeftIvr,
    ContactLeftQueue,
    ContactOffered,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms

REVISION = 1


def ends_at(row: Row) -> int:
    """When the row is known: the last of its call's instants, ms. Raises Malformed."""
    return max(row.instant("vru_entry"), row.instant("vru_exit"), row.connected_or_left(), row.service_end() or 0)


class AnonymousBank:
    """The format `anonymous-bank`."""

    name = "anonymous-bank"
    channel: Channel = "phone"
    revision = REVISION
    content_type = b"text/csv; charset=utf-8; header=absent"
    has_header_line = True
    ordered_by_end = True
    repeats_lines = False

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """Line and call id: calls repeat an id, their order then stays."""
        try:
            row = read_row(payload, headers)
        except Malformed:
            return None
        return f"{row['vru+line']}/{row['call_id']}".encode()

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """When the call had ended, ms."""
        try:
            return ends_at(read_row(payload, headers))
        except Malformed:
            return None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Always phone."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """All events of one call. Raises Malformed."""
        row = read_row(payload, context.headers)
        outcome = row["outcome"]
        if outcome == "PHANTOM":
            return Ignored("phantom")
        if outcome not in ("AGENT", "HANG"):
            raise Malformed("unknown_type", f"outcome is {shown(outcome)}: AGENT, HANG and PHANTOM are known")
        return Events(_Call(row, context.source).events(answered=outcome == "AGENT"))


class _Call:
    """One call on its way to events."""

    def __init__(self, row: Row, source: str) -> None:
        self.row = row
        self.source = source
        date, entered = row.date(), row.clock_text("vru_entry")
        for column in ("vru+line", "call_id"):
            if not row[column]:
                raise Malformed("identity", f"column {column} is empty: a call is named by it")
        self.contact = contact_id(source, date.isoformat(), row["vru+line"], row["call_id"], entered)
        if not row["type"]:
            raise Malformed("schema", "column type is empty: it names the queue")
        self.queue = row["type"]

    def events(self, *, answered: bool) -> tuple[AnyEvent, ...]:
        """Everything that happened to the call, in order."""
        row = self.row
        waited = row.duration("q_time")
        if answered:
            return (self._created(), self._offered(), *self._served(waited))
        if waited:
            return (self._created(), self._offered(), self._abandoned(waited))
        return (self._created(), self._left_ivr())

    def _id(self, what: str) -> str:
        return event_id(self.source, self.contact, what)

    def _created(self) -> ContactCreated:
        customer, priority = self.row.get("customer_id"), self.row.get("priority")
        return ContactCreated(
            id=created_id(self.source, self.contact),
            time=from_ms(self.row.instant("vru_entry")),
            channel="phone",
            source=self.source,
            revision=REVISION,
            contact=self.contact,
            identifiers=(f"bank:{customer}",) if customer.strip("0") else (),
            priority=priority or None,
        )

    def _offered(self) -> ContactOffered:
        return ContactOffered(
            id=self._id("offered"),
            time=from_ms(self.row.queued()),
            channel="phone",
            source=self.source,
            revision=REVISION,
            queue=self.queue,
            contact=self.contact,
        )

    def _served(self, waited: int) -> tuple[AnyEvent, ...]:
        row = self.row
        served = float(row.duration("ser_time"))
        server = row["server"]
        agent = None if server in ("", "NO_SERVER") else server
        connected = row.connected_or_left()
        over = max(connected, row.service_end() or connected)
        answered, ended = from_ms(connected), from_ms(over)
        return (
            ContactAnswered(
                id=self._id("answered"),
                time=answered,
                channel="phone",
                source=self.source,
                revision=REVISION,
                queue=self.queue,
                agent=agent,
                contact=self.contact,
                waited=float(waited),
            ),
            ContactEnded(
                id=self._id("ended"),
                time=ended,
                channel="phone",
                source=self.source,
                revision=REVISION,
                queue=self.queue,
                agent=agent,
                contact=self.contact,
                talked=served,
                handled=served,
            ),
        )

    def _abandoned(self, waited: int) -> ContactLeftQueue:
        return ContactLeftQueue(
            id=self._id("left_queue"),
            time=from_ms(self.row.connected_or_left()),
            channel="phone",
            source=self.source,
            revision=REVISION,
            queue=self.queue,
            contact=self.contact,
            reason="abandoned",
            waited=float(waited),
        )

    def _left_ivr(self) -> ContactLeftIvr:
        left = from_ms(max(self.row.instant("vru_entry"), self.row.instant("vru_exit")))
        return ContactLeftIvr(
            id=self._id("left_ivr"),
            time=left,
            channel="phone",
            source=self.source,
            revision=REVISION,
            contact=self.contact,
        )
