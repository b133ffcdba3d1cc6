"""The history store: what it keeps, all or nothing with its positions, and which databases it refuses."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from sqlalchemy import Engine, event, inspect, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DatabaseError

from schemas import identities
from schemas.customers import CustomerProfile, encode_profile
from schemas.identities import LinkSet, Node, Review
from schemas.instants import DAY, HOUR, from_ms
from schemas.topics import CUSTOMERS_IDENTITIES, CUSTOMERS_PROFILES
from streams.outlets.gateway.history import is_stale
from streams.outlets.history import database
from streams.outlets.history.changes import Changes, changes_of
from streams.outlets.history.database import open_database, url_of
from streams.outlets.history.errors import HistoryUnusable, Overtaken
from streams.outlets.history.store import Known, Position, Store, _put
from tests.unit.gateway_floor import T0, Told

PLACE = ("customers.profiles", 0)
_PROFILES, _IDENTITIES = CUSTOMERS_PROFILES.name, CUSTOMERS_IDENTITIES.name


def profile(customer: str, contacts: int = 1, at_risk: list[str] | None = None) -> bytes:
    return encode_profile(
        CustomerProfile(
            customer=customer,
            as_of=from_ms(T0),
            known=True,
            contacts=contacts,
            windows={},
            last_contacts=[],
            open_contacts=[],
            at_risk=at_risk or [],
        )
    )


def link_set(customer: str, *members: str) -> bytes:
    return identities.encode(LinkSet(customer=customer, owner=min(members), members=members))


def review(name: str) -> bytes:
    a, b = Node("a", "tel", "*****4711"), Node("b", "mailto", "b***@shop.example")
    link = identities.Link(a="a", b="b", authority="crm", at=from_ms(T0))
    return identities.encode(Review(id=name, refusal="too_many", a=a, b=b, link=link))


def changes(*records: tuple[str, str, bytes | None]) -> Changes:
    made = Changes()
    for topic, key, value in records:
        made.take(topic, key.encode(), value)
    return made


def profiles(**known: bytes | None) -> Changes:
    return changes(*((_PROFILES, name, value) for name, value in known.items()))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(url_of(tmp_path, "", None), "")
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    made = Store(engine)
    made.begin({PLACE: 0}, T0)
    return made


def test_the_newest_profile_of_a_customer_stands_and_a_tombstone_takes_it_away(store: Store) -> None:
    store.write(profiles(a=profile("a"), b=profile("b")), {PLACE: (0, 2)})
    store.write(profiles(a=profile("a", 2)), {PLACE: (2, 3)})
    assert store.customer("a") == Known(profile("a", 2), None)
    store.write(profiles(a=None, b=profile("b", 7)), {PLACE: (3, 5)})
    assert store.customer("a") is None
    assert store.customer("b") == Known(profile("b", 7), None)
    assert store.positions() == {PLACE: Position(5, T0)}


def test_of_several_records_of_one_key_in_a_batch_the_last_counts(store: Store) -> None:
    batch = changes(
        (_PROFILES, "a", profile("a")), (_PROFILES, "a", None), (_PROFILES, "a", profile("a", 3)),
        (_PROFILES, "b", profile("b")), (_PROFILES, "b", None),
    )  # fmt: skip
    store.write(batch, {PLACE: (0, 5)})
    assert store.page("", 10) == [("a", profile("a", 3))]


def test_every_identifier_of_a_link_set_leads_to_the_profile_of_its_owner(store: Store) -> None:
    batch = changes(
        (_PROFILES, "a", profile("a", 5)),
        (_IDENTITIES, "a", link_set("a", "a", "c")),
        (_IDENTITIES, "c", link_set("c", "a", "c")),
    )
    store.write(batch, {PLACE: (0, 3)})
    assert store.customer("c") == Known(profile("a", 5), link_set("c", "a", "c"))
    assert store.owner("c") == "a"
    store.write(changes((_PROFILES, "c", profile("c", 2)), (_IDENTITIES, "c", link_set("c", "c"))), {PLACE: (3, 5)})
    assert store.customer("c") == Known(profile("c", 2), link_set("c", "c"))


def test_until_the_profile_of_a_new_set_has_come_an_identifiers_own_is_told(store: Store) -> None:
    store.write(
        changes((_PROFILES, "c", profile("c", 2)), (_IDENTITIES, "c", link_set("c", "a", "c"))), {PLACE: (0, 2)}
    )
    assert store.customer("c") == Known(profile("c", 2), link_set("c", "a", "c"))


def test_reviews_are_listed_by_id_until_they_are_settled(store: Store) -> None:
    told = [(_IDENTITIES, f"review:{name}", review(name)) for name in ("r2", "r1", "r3")]
    store.write(changes(*told), {PLACE: (0, 3)})
    assert store.reviews("", 2) == [("r1", review("r1")), ("r2", review("r2"))]
    assert store.reviews("r2", 2) == [("r3", review("r3"))]
    store.write(changes((_IDENTITIES, "review:r2", None)), {PLACE: (3, 4)})
    assert [name for name, _ in store.reviews("", 9)] == ["r1", "r3"]
    assert store.counts() == {"profiles": 0, "identities": 0, "reviews": 2}


def test_customers_come_in_pages_with_and_without_signs_of_being_lost(store: Store) -> None:
    known = {name: profile(name, at_risk=["complaint"] if name in "bd" else []) for name in "abcde"}
    store.write(profiles(**known), {PLACE: (0, 5)})
    assert [name for name, _ in store.page("", 3)] == ["a", "b", "c"]
    assert [name for name, _ in store.page("c", 3)] == ["d", "e"]
    assert [name for name, _ in store.page("", 9, at_risk=True)] == ["b", "d"]
    assert [name for name, _ in store.page("b", 9, at_risk=False)] == ["c", "e"]


@pytest.mark.parametrize("statement", ["UPDATE positions", "INSERT INTO profiles", "DELETE FROM profiles", "COMMIT"])
def test_a_crash_anywhere_in_a_write_leaves_neither_its_records_nor_its_positions(
    store: Store, engine: Engine, statement: str
) -> None:
    store.write(profiles(a=profile("a"), b=profile("b")), {PLACE: (0, 2)})

    def crash(*_: object) -> None:
        raise OSError("the process ends here")

    def at_statement(_connection: object, _cursor: object, said: str, *_: object) -> None:
        if said.startswith(statement):
            crash()

    name, hook = ("commit", crash) if statement == "COMMIT" else ("after_cursor_execute", at_statement)
    event.listen(engine, name, hook)
    with pytest.raises(OSError, match="the process ends here"):
        store.write(profiles(a=profile("a", 9), b=None, c=profile("c")), {PLACE: (2, 5)})
    event.remove(engine, name, hook)
    assert store.page("", 9) == [("a", profile("a")), ("b", profile("b"))]
    assert store.positions() == {PLACE: Position(2, T0)}
    # What was not written is read again from there, and counts once.
    store.write(profiles(a=profile("a", 9), b=None, c=profile("c")), {PLACE: (2, 5)})
    assert store.page("", 9) == [("a", profile("a", 9)), ("c", profile("c"))]


def test_who_was_overtaken_by_another_process_writes_nothing(store: Store, tmp_path: Path) -> None:
    other = Store(open_database(url_of(tmp_path, "", None), ""))
    other.write(profiles(a=profile("a", 2)), {PLACE: (0, 7)})
    with pytest.raises(Overtaken):
        store.write(profiles(a=profile("a", 1)), {PLACE: (0, 4)})
    assert store.customer("a") == Known(profile("a", 2), None)
    assert store.positions() == {PLACE: Position(7, T0)}
    other.close()


def test_a_partition_that_is_new_is_read_from_its_start_beside_those_that_are_known(store: Store) -> None:
    store.begin({("customers.profiles", 1): 3}, T0 + 1)
    store.write(Changes(), {PLACE: (0, 0)}, current_at=T0 + 5)
    assert store.positions() == {PLACE: Position(0, T0 + 5), ("customers.profiles", 1): Position(3, T0 + 1)}


def test_what_is_forgotten_is_gone_with_its_positions(store: Store) -> None:
    batch = changes((_PROFILES, "a", profile("a")), (_IDENTITIES, "a", link_set("a", "a", "b")))
    store.write(batch, {PLACE: (0, 2)})
    store.forget()
    assert store.counts() == {"profiles": 0, "identities": 0, "reviews": 0}
    assert store.positions() == {}


def test_records_that_nobody_understands_are_counted_and_the_one_before_stands(store: Store) -> None:
    store.write(profiles(a=profile("a")), {PLACE: (0, 1)})
    batch = changes(
        (_PROFILES, "a", b"{"), (_PROFILES, "b", b"{}"), (_IDENTITIES, "c", b'{"record":"other"}'),
    )  # fmt: skip
    batch.take(_PROFILES, b"\xff", profile("d"))
    batch.take(_PROFILES, None, b"a watermark")
    assert batch.unreadable == {_PROFILES: 3, _IDENTITIES: 1}
    store.write(batch, {PLACE: (1, 5)})
    assert store.page("", 9) == [("a", profile("a"))]


def test_topics_are_known_behind_their_namespace() -> None:
    told = [
        Told("floor.customers.profiles", b"a", profile("a"), T0),
        Told("floor.customers.identities", b"b", None, T0),
    ]
    made = changes_of(told, "floor.")
    assert made.profiles == {"a": {"customer": "a", "as_of": T0, "at_risk": False, "record": profile("a")}}
    assert made.identities == {"b": None}


@pytest.mark.parametrize(
    ("next_", "age", "stale"),
    [(5, 0, False), (9, 23 * HOUR, False), (5, 23 * HOUR + 1, True), (5, 2 * DAY, True), (4, 0, True), (10, 0, True)],
)
def test_a_database_is_read_anew_where_the_topic_is_another_or_its_tombstones_may_be_gone(
    next_: int, age: int, *, stale: bool
) -> None:
    assert is_stale(Position(next_, T0), start=5, end=9, now=T0 + age) is stale


def test_the_file_is_its_owners_alone_and_named_after_the_namespace(tmp_path: Path) -> None:
    open_database(url_of(tmp_path / "data", "floor", None), "floor").dispose()
    assert (tmp_path / "data" / "floor.history.db").stat().st_mode & 0o777 == 0o600


def test_a_database_of_another_format_is_refused_with_what_to_do(tmp_path: Path, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(database.about).where(database.about.c.name == "version").values(value="2"))
    with pytest.raises(HistoryUnusable, match="has format 2, this version knows 1: run the version that wrote it"):
        open_database(engine.url, "")


def test_a_database_that_is_refused_is_left_as_it_is(tmp_path: Path, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(database.about).where(database.about.c.name == "version").values(value="2"))
        connection.execute(text("DROP TABLE reviews"))
    with pytest.raises(HistoryUnusable, match="has format 2"):
        open_database(engine.url, "")
    assert "reviews" not in inspect(engine).get_table_names()


def test_several_that_open_a_new_database_at_once_all_have_it(tmp_path: Path) -> None:
    ready = Barrier(4)

    def opened(folder: Path) -> dict[str, int]:
        ready.wait()
        store = Store(open_database(url_of(folder, "", None), ""))
        try:
            return store.counts()
        finally:
            store.close()

    with ThreadPoolExecutor(4) as threads:
        # Often: of a hundred new files, eight were refused to one of the four where nobody asked again.
        for number in range(100):
            folders = [tmp_path / str(number)] * 4
            assert list(threads.map(opened, folders)) == [{"profiles": 0, "identities": 0, "reviews": 0}] * 4


def test_a_new_database_that_somebody_keeps_is_refused_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0)
    with contextlib.closing(sqlite3.connect(tmp_path / "history.db")) as keeper:
        keeper.execute("BEGIN EXCLUSIVE")
        with pytest.raises(HistoryUnusable, match="can't be used: database is locked; put it right"):
            open_database(url_of(tmp_path, "", None), "")
    open_database(url_of(tmp_path, "", None), "").dispose()


def test_a_database_of_another_namespace_is_refused(engine: Engine) -> None:
    with pytest.raises(HistoryUnusable, match="is of the namespace '', not of 'floor'"):
        open_database(engine.url, "floor")


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(b"something else entirely, of some length" * 50)
    with pytest.raises(HistoryUnusable, match=r"history\.db can't be used: file is not a database; put it right"):
        open_database(url_of(tmp_path, "", None), "")
    assert file.read_bytes().startswith(b"something else")


def test_a_driver_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HistoryUnusable, match="needs the Python package psycopg, which is not there: install it"):
        open_database(url_of(tmp_path, "", "postgresql://floor:secret@db.example/floor"), "")


def test_a_url_that_is_none_is_refused_without_being_repeated(tmp_path: Path) -> None:
    for given in ("secret", "postgresql://floor@db.example:secret/floor"):
        with pytest.raises(HistoryUnusable, match="is no URL of a database") as refused:
            url_of(tmp_path, "", given)
        assert "secret" not in str(refused.value)


def test_on_postgresql_a_row_that_is_there_is_updated() -> None:
    said = str(
        _put("postgresql", database.identities, database.identities.c.customer).compile(dialect=postgresql.dialect())
    )
    assert "ON CONFLICT (customer) DO UPDATE SET owner = excluded.owner, record = excluded.record" in said


def test_a_database_that_cannot_be_written_says_so_and_keeps_its_positions(store: Store, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE reviews"))
    with pytest.raises(DatabaseError):
        store.write(changes((_IDENTITIES, "review:r", review("r"))), {PLACE: (0, 1)})
    assert store.positions() == {PLACE: Position(0, T0)}


def test_what_the_store_knows_of_a_profile_is_what_the_profile_says() -> None:
    made = changes((_PROFILES, "a", profile("a", at_risk=["complaint"]))).profiles["a"]
    assert made is not None
    assert (made["as_of"], made["at_risk"]) == (T0, True)
    assert msgspec.json.decode(made["record"])["at_risk"] == ["complaint"]
