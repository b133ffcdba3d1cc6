"""What counts as a change that breaks a reader. Each test changes a type and says what must be found, by field."""

from datetime import datetime
from typing import Any, Literal

import msgspec
import pytest

from schemas.compatibility import incompatibilities
from schemas.instants import Instant, Seconds
from schemas.json_schemas import PUBLIC_RECORDS, JsonSchema, PublicRecord, json_schema

Fields = dict[str, tuple[Any, ...]]

CALL: Fields = {
    "id": (str,),
    "waits": (list[int],),
    "by": (Literal["customer", "agent"],),
    "waited": (Seconds | None, None),
    "time": (Instant | None, None),
    "kind": (Literal["call"], "call"),
    "slots": (tuple[tuple[int, bool], ...], ()),
    "counts": (dict[str, int], {}),
}
"""Field -> its type, and its default where it may be absent, of the record as it was published."""


def call(fields: Fields) -> type[msgspec.Struct]:
    return msgspec.defstruct("Call", [(name, *rest) for name, rest in fields.items()], kw_only=True)


def changed(name: str, *rest: Any) -> type[msgspec.Struct]:
    """The record with one field otherwise, or one more."""
    return call({**CALL, name: rest})


def without(name: str) -> type[msgspec.Struct]:
    """The record with a field less."""
    return call({field: rest for field, rest in CALL.items() if field != name})


Call = call(CALL)


def found(old: object, new: object) -> list[str]:
    return incompatibilities(document(old), document(new))


def document(type_: object) -> JsonSchema:
    return json_schema(PublicRecord(name="call", title="Call", description="", type=type_))


def test_nothing_is_wrong_with_the_same_schema() -> None:
    assert found(Call, Call) == []


def test_a_new_field_that_may_be_absent_is_allowed() -> None:
    assert found(Call, changed("queue", str | None, None)) == []


def test_a_new_value_of_an_enumeration_is_allowed() -> None:
    assert found(Call, changed("by", Literal["customer", "agent", "system"])) == []


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (without("waits"), "Call.waits: is gone (removed or renamed)"),
        (without("counts"), "Call.counts: is gone (removed or renamed)"),
        (changed("queue", str), "Call.queue: is required now; records that were written before lack it"),
        (changed("waited", Seconds | None), "Call.waited: is required now; records that were written before lack it"),
        (changed("id", str, ""), "Call.id: was always there, may be absent now"),
        (changed("by", Literal["agent"]), "Call.by: no longer knows 'customer'"),
        (changed("id", Literal["a", "b"]), "Call.id: takes only 'a', 'b' now"),
        (changed("waited", Seconds, 0.0), "Call.waited: can no longer be null"),
        (changed("id", str | None), "Call.id: may now be null, which its readers do not expect"),
        (changed("id", int), "Call.id: can no longer be of type string"),
        (changed("waits", list[float]), "Call.waits[]: can no longer be of type integer"),
        (changed("waits", list[int | None]), "Call.waits[]: may now be null, which its readers do not expect"),
        (changed("time", datetime | None, None), "Call.time: format was date-time, is not set"),
        (changed("kind", Literal["call", "chat"], "chat"), "Call.kind: absent meant 'call', means 'chat' now"),
        (changed("slots", tuple[tuple[int], ...], ()), "Call.slots[]: had 2 fixed elements, has 1"),
        (changed("slots", tuple[tuple[str, bool], ...], ()), "Call.slots[][0]: can no longer be of type integer"),
        (changed("counts", dict[str, str], {}), "Call.counts{}: can no longer be of type integer"),
    ],
)
def test_a_change_that_breaks_a_reader_is_named_by_its_field(new: type, what: str) -> None:
    assert what in found(Call, new)


def test_a_renamed_field_is_one_that_is_gone() -> None:
    renamed = call({"wait" if name == "waited" else name: rest for name, rest in CALL.items()})
    assert found(Call, renamed) == ["Call.waited: is gone (removed or renamed)"]


class Rang(msgspec.Struct, tag_field="type", tag="rang"):
    """One type of event."""

    seconds: float


class Spoke(msgspec.Struct, tag_field="type", tag="spoke"):
    """Another."""

    words: int


class Hummed(msgspec.Struct, tag_field="type", tag="hummed"):
    """A third."""


def test_a_new_type_of_event_is_allowed_and_one_that_is_gone_is_not() -> None:
    assert found(Rang | Spoke, Rang | Spoke | Hummed) == []
    assert found(Rang | Spoke | Hummed, Rang | Hummed) == ["Call: can no longer be spoke"]


def test_types_of_events_are_compared_by_their_tag_and_not_by_their_place() -> None:
    harder = msgspec.defstruct("Spoke", [("words", str)], tag_field="type", tag="spoke")
    assert found(Rang | Spoke, harder | Rang) == [
        "Spoke.words: can no longer be of type integer",
        "Spoke.words: may now be of type string, which its readers do not expect",
    ]


def test_a_type_that_holds_itself_is_compared_once() -> None:
    assert found(Tree, Tree) == []


class Tree(msgspec.Struct):
    """A type that holds itself."""

    children: list["Tree"] = []


@pytest.mark.parametrize("record", PUBLIC_RECORDS, ids=lambda record: record.name)
def test_every_field_of_a_public_record_is_looked_at(record: PublicRecord) -> None:
    published, new = json_schema(record), json_schema(record)
    for name, part in new["$defs"].items():
        fields, part["properties"] = part["properties"], {}
        gone = incompatibilities(published, new)
        assert [field for field in fields if f"{name}.{field}: is gone (removed or renamed)" not in gone] == []
        part["properties"] = fields
