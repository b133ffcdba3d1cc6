"""The notifier's database: one SQLite file that one process at a time may use."""

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from sqlalchemy import (
    Column,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.exc import DatabaseError

from schemas.topics import prefix_of
from streams.outlets.notifier.errors import NotifierRuns, OutboxUnusable

VERSION = 1

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("message", String, nullable=False, unique=True),
    Column("alert", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("receiver", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("notify", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("queued_at", Integer, nullable=False),
    Column("due_at", Integer, nullable=False),
    Column("ended_at", Integer),
    Column("detail", String),
    Column("record", LargeBinary, nullable=False),
    Column("composed", LargeBinary),
    Index("messages_by_receiver", "receiver", "state", "due_at"),
    Index("messages_by_alert", "alert", "receiver"),
    Index("messages_by_end", "ended_at"),
    sqlite_autoincrement=True,
)
"""One row a message. Times are ms. `record`: the alert's record that asked for it; `composed`: what is sent, from the
first try on."""

reports = Table(
    "reports",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""Records that alerts.notifications has not taken yet, in order."""

positions = Table(
    "positions",
    metadata,
    Column("topic", String, primary_key=True),
    Column("offset", Integer, nullable=False),
)
"""The offset to read next."""

watch = Table("watch", metadata, Column("number", Integer, primary_key=True), Column("alert", LargeBinary))
"""One row: the open alert pipeline.blind, or null."""


def path_of(folder: Path, namespace: str) -> Path:
    """The file: `notifier.db`, behind the namespace where there is one."""
    return folder / f"{prefix_of(namespace)}notifier.db"


class Database:
    """Open from construction to `close`. Raises NotifierRuns and OutboxUnusable.

    Every commit is on the disk when it returns: what was answered is not sent again after a power cut either.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(path)
        # It holds what people are told: for its owner alone.
        path.touch(mode=0o600)
        self.engine: Engine = create_engine(f"sqlite:///{path}")
        event.listen(self.engine, "connect", _prepare)
        try:
            self._make()
        except DatabaseError as error:
            self.close()
            raise OutboxUnusable(
                f"{path} can't be used: {error.orig}; put it right, or move it away and start with an empty one "
                "(what was not sent yet is in it)"
            ) from None
        except OutboxUnusable:
            self.close()
            raise

    def probe(self) -> None:
        """Write something that changes nothing. Raises OperationalError where nothing can be written."""
        with self.engine.begin() as connection:
            connection.execute(text(f"PRAGMA user_version = {VERSION}"))

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()
        self._lock.close()

    def _make(self) -> None:
        with self.engine.begin() as connection:
            version = int(connection.execute(text("PRAGMA user_version")).scalar_one())
            if version not in (0, VERSION):
                raise OutboxUnusable(
                    f"{self.path} has format {version}, this version knows {VERSION}: run the version that wrote it"
                )
            metadata.create_all(connection)
            connection.execute(text(f"PRAGMA user_version = {VERSION}"))


def _locked(path: Path) -> IO[str]:
    lock = path.with_name(f"{path.name}.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise NotifierRuns(
            f"a notifier (process {holder}) uses {path} already: one is enough, two would tell everything twice; "
            "for another installation set service.namespace or service.data_folder"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _prepare(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()
