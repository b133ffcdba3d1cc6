"""The store: written with the positions of what was read, in one transaction, and asked by threads."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Column, Engine, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from streams.outlets.history.changes import Changes, Row
from streams.outlets.history.database import identities, positions, profiles, reviews
from streams.outlets.history.errors import Overtaken

Place = tuple[str, int]
"""A topic, as Kafka calls it, and a partition."""

_TABLES: tuple[tuple[str, Table, Column[Any]], ...] = (
    ("profiles", profiles, profiles.c.customer),
    ("identities", identities, identities.c.customer),
    ("reviews", reviews, reviews.c.id),
)

# Made once: it takes longer than SQLite needs to answer.
_LINKED = select(identities.c.owner, identities.c.record).where(identities.c.customer == bindparam("of"))
_PROFILE = select(profiles.c.record).where(profiles.c.customer == bindparam("of"))


class Position(NamedTuple):
    """How far a partition was read. `next`: offset; `current_at`: see database.positions."""

    next: int
    current_at: int


class Known(NamedTuple):
    """What is kept of a customer: the profile, and the link set of the identifier that was asked for (None: it was
    never linked), both as on their topics."""

    profile: bytes
    identities: bytes | None


class Store:
    """All reading and writing of one database. Everything here waits for the disk: call it from a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._puts = {name: _put(engine.dialect.name, table, key) for name, table, key in _TABLES}

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def positions(self) -> dict[Place, Position]:
        """How far every partition was read."""
        with self._engine.connect() as connection:
            found = connection.execute(select(positions)).all()
        return {(row.topic, row.partition): Position(row.next, row.current_at) for row in found}

    def begin(self, places: Mapping[Place, int], now: int) -> None:
        """Have partitions that are new read from these offsets on, which are their starts."""
        rows = [
            {"topic": topic, "partition": partition, "next": at, "current_at": now}
            for (topic, partition), at in places.items()
        ]
        if rows:
            with self._engine.begin() as connection:
                connection.execute(insert(positions), rows)

    def forget(self) -> None:
        """Empty it, positions as well."""
        with self._engine.begin() as connection:
            for table in (positions, profiles, identities, reviews):
                connection.execute(delete(table))

    def write(self, changes: Changes, moved: Mapping[Place, tuple[int, int]], current_at: int | None = None) -> None:
        """Write changes and the positions behind them (place -> from which offset, to which), all or nothing.

        `current_at`: given where nothing is left to read (ms). Raises Overtaken where a position is not where it was.
        """
        values = {"next": bindparam("to"), **({} if current_at is None else {"current_at": current_at})}
        move = (
            update(positions)
            .where(
                positions.c.topic == bindparam("of"),
                positions.c.partition == bindparam("number"),
                positions.c.next == bindparam("at"),
            )
            .values(values)
        )
        with self._engine.begin() as connection:
            for (topic, partition), (at, to) in sorted(moved.items()):
                found = connection.execute(move, {"of": topic, "number": partition, "at": at, "to": to})
                if found.rowcount != 1:
                    raise Overtaken
            for name, table, key in _TABLES:
                rows: dict[str, Row | None] = getattr(changes, name)
                kept = [row for row in rows.values() if row is not None]
                gone = [{"gone": name} for name, row in rows.items() if row is None]
                if kept:
                    connection.execute(self._puts[name], kept)
                if gone:
                    connection.execute(delete(table).where(key == bindparam("gone")), gone)

    def customer(self, customer: str) -> Known | None:
        """What is kept of whose identifier this is, by its customer id; None: nothing."""
        with self._engine.connect() as connection:
            linked = connection.execute(_LINKED, {"of": customer}).first()
            profile = connection.execute(_PROFILE, {"of": customer if linked is None else linked.owner}).scalar()
            if profile is None and linked is not None and linked.owner != customer:
                # Until the profile of a new set has come, the identifier's own says what is known.
                profile = connection.execute(_PROFILE, {"of": customer}).scalar()
        return None if profile is None else Known(profile, None if linked is None else linked.record)

    def page(self, after: str, limit: int, at_risk: bool | None = None) -> list[tuple[str, bytes]]:
        """Customer ids and profiles behind an id, ascending, so many at most. `at_risk`: with signs, or without."""
        wanted = select(profiles.c.customer, profiles.c.record).where(profiles.c.customer > after)
        if at_risk is not None:
            wanted = wanted.where(profiles.c.at_risk == at_risk)
        with self._engine.connect() as connection:
            found = connection.execute(wanted.order_by(profiles.c.customer).limit(limit)).all()
        return [(row.customer, row.record) for row in found]

    def reviews(self, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Ids and records of links for review behind an id, ascending, so many at most."""
        wanted = select(reviews).where(reviews.c.id > after).order_by(reviews.c.id).limit(limit)
        with self._engine.connect() as connection:
            return [(row.id, row.record) for row in connection.execute(wanted)]

    def owner(self, customer: str) -> str | None:
        """Whose an identifier is, by its customer id; None where it was never linked."""
        with self._engine.connect() as connection:
            found: str | None = connection.execute(_LINKED, {"of": customer}).scalar()
        return found

    def counts(self) -> dict[str, int]:
        """Rows by table. Reads an index from end to end."""
        with self._engine.connect() as connection:
            return {
                name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for name, table, _ in _TABLES
            }


def _put(dialect: str, table: Table, key: Column[Any]) -> Insert:
    """Insert, or update where the key is there."""
    new: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    others = {column.name: new.excluded[column.name] for column in table.columns if column is not key}
    made: Insert = new.on_conflict_do_update(index_elements=[key], set_=others)
    return made
