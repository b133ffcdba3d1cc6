"""The history's database: SQLite in a file, or PostgreSQL by its URL."""

import sqlite3
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from schemas.topics import prefix_of
from streams.outlets.history.errors import HistoryUnusable

VERSION = "1"
_ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(hashtext('floorwalker.history'))",
}
"""What keeps others waiting until a transaction is over: two that open it for the first time would both make tables."""
_BUSY_S = 5
"""How long one waits for others that have the file."""
_BUSY_AGAIN_S = 0.01
_ANEW = "(it holds nothing that is not on Kafka: with an empty one all is read anew)"

metadata = MetaData()

profiles = Table(
    "profiles",
    metadata,
    Column("customer", String, primary_key=True),
    Column("as_of", BigInteger, nullable=False),
    Column("at_risk", Boolean, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Index("profiles_by_risk", "at_risk", "customer"),
)
"""One row a customer. `as_of`: ms. `record`: as it stands on customers.profiles."""

identities = Table(
    "identities",
    metadata,
    Column("customer", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("record", LargeBinary, nullable=False),
)
"""One row an identifier that was linked once. `record`: its link set, as on customers.identities."""

reviews = Table(
    "reviews",
    metadata,
    Column("id", String, primary_key=True),
    Column("record", LargeBinary, nullable=False),
)
"""One row a link that was said and does not hold."""

positions = Table(
    "positions",
    metadata,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
    Column("current_at", BigInteger, nullable=False),
)
"""`next`: the offset to read next. `current_at`: when nothing was left to read, or reading began at the start (ms)."""

about = Table("about", metadata, Column("name", String, primary_key=True), Column("value", String, nullable=False))
"""What the database is: its `version`, and the `namespace` of the topics."""


def url_of(folder: Path, namespace: str, given: str | None) -> URL:
    """Where the database is: as `given`, else `history.db` in `folder`, behind the namespace where there is one.

    Raises HistoryUnusable.
    """
    if given is None:
        return URL.create("sqlite", database=str(folder / f"{prefix_of(namespace)}history.db"))
    try:
        return make_url(given)
    except (ArgumentError, ValueError):
        # Without their words: they would say what was given, and a password may be in it.
        raise HistoryUnusable(
            "history.url is no URL of a database: give postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @, "
            "%3A for : and %2F for / in a name or password"
        ) from None


def open_database(url: URL, namespace: str) -> Engine:
    """The database, with its tables. Raises HistoryUnusable."""
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(_ALONE[url.get_backend_name()])
            metadata.create_all(connection)
            _check(connection, _named(url), namespace)
    except (SQLAlchemyError, OSError) as error:
        engine.dispose()
        reason = getattr(error, "orig", None) or error
        raise HistoryUnusable(
            f"the history in {_named(url)} can't be used: {reason}; put it right, or set another history.url {_ANEW}"
        ) from None
    except HistoryUnusable:
        engine.dispose()
        raise
    return engine


def _engine(url: URL) -> Engine:
    try:
        # Errors reach the log, customers do not.
        engine = create_engine(url, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise HistoryUnusable(
            f"history.url needs the Python package {error.name}, which is not there: install it beside floorwalker "
            "(for postgresql://, pip install 'psycopg[binary]'), or leave history.url out to have a file"
        ) from None
    except SQLAlchemyError as error:
        raise HistoryUnusable(f"history.url can't be used: {error}") from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare)
        path = Path(url.database or "")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # It holds what customers did: for its owner alone.
            path.touch(mode=0o600)
        except OSError as error:
            raise HistoryUnusable(f"the history in {path} can't be used: {error.strerror}") from None
    return engine


def _check(connection: Connection, place: str, namespace: str) -> None:
    known = {row.name: row.value for row in connection.execute(select(about))}
    if not known:
        for name, value in (("version", VERSION), ("namespace", namespace)):
            connection.execute(insert(about).values(name=name, value=value))
    elif known.get("version") != VERSION:
        raise HistoryUnusable(
            f"the history in {place} has format {known.get('version')}, this version knows {VERSION}: run the version "
            f"that wrote it, or move it away {_ANEW}"
        )
    elif known.get("namespace") != namespace:
        raise HistoryUnusable(
            f"the history in {place} is of the namespace {known.get('namespace')!r}, not of {namespace!r}: give each "
            "namespace a database of its own (history.url)"
        )


def _named(url: URL) -> str:
    """The database without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_S * 1_000}")
    _write_ahead(cursor)
    # What a power cut takes away is read again: its position goes with it.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    # Two that turn a new file over at once each read it and want to write it. SQLite sees that neither's waiting would
    # end and refuses one at once, whatever its busy_timeout.
    deadline = monotonic() + _BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
        sleep(_BUSY_AGAIN_S)
