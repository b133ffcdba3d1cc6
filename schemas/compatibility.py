"""What may change in a published schema: readers of one version must be able to read what the other wrote.

Records stay in Kafka for weeks and are read by programs of others, so both directions hold: today's reader takes
yesterday's record, and yesterday's reader takes today's. New fields that may be absent, new values of an enumeration
and new types of event are allowed: readers skip what they do not know.
"""

from collections.abc import Iterator, Mapping
from typing import Any

JsonSchema = Mapping[str, Any]

_LIMITS = (
    "format",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_NOTHING: JsonSchema = {}


def incompatibilities(old: JsonSchema, new: JsonSchema) -> list[str]:
    """Every change from `old` to `new` that breaks a reader, each as 'Type.field: what is wrong'; empty where none.

    Understands the part of JSON Schema that msgspec writes: $ref into $defs, anyOf (tagged by a discriminator),
    type, enum, properties, items, prefixItems, additionalProperties, default and the limits of numbers and texts.
    """
    return list(dict.fromkeys(_Comparison(old, new).values(str(old.get("title", "record")), old, new)))


class _Comparison:
    """One comparison of two documents."""

    def __init__(self, old: JsonSchema, new: JsonSchema) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[int, int]] = set()

    def values(self, place: str, old: JsonSchema, new: JsonSchema) -> Iterator[str]:
        """What is wrong where a value of `old` stood at `place` and one of `new` stands now."""
        olds, news = dict(_alternatives(self._old, old)), dict(_alternatives(self._new, new))
        for kind, alternative in olds.items():
            if kind in news:
                yield from self._alternative(place, alternative, news[kind])
            else:
                yield f"{place}: can no longer be {_words(kind)}"
        for kind in sorted(news.keys() - olds.keys()):
            # A new tag is a new type of event; anything else surprises who took the field for what it was.
            if not kind.startswith("object "):
                yield f"{place}: may now be {_words(kind)}, which its readers do not expect"

    def _alternative(self, place: str, old: JsonSchema, new: JsonSchema) -> Iterator[str]:
        if (id(old), id(new)) in self._seen:
            return
        self._seen.add((id(old), id(new)))
        if "enum" in new and "enum" not in old:
            yield f"{place}: takes only {_listed(new['enum'])} now"
        elif "enum" in new:
            gone = [value for value in old["enum"] if value not in new["enum"]]
            if gone:
                yield f"{place}: no longer knows {_listed(gone)}"
        for limit in _LIMITS:
            if old.get(limit) != new.get(limit):
                yield f"{place}: {limit} was {old.get(limit, 'not set')}, is {new.get(limit, 'not set')}"
        yield from self._elements(place, old, new)
        if "properties" in old or "properties" in new:
            yield from self._fields(str(old.get("title", place)), old, new)
        yield from self._others(place, old, new)

    def _elements(self, place: str, old: JsonSchema, new: JsonSchema) -> Iterator[str]:
        before, after = old.get("prefixItems", ()), new.get("prefixItems", ())
        if len(before) != len(after):
            yield f"{place}: had {len(before)} fixed elements, has {len(after)}"
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from self.values(f"{place}[{index}]", one, other)
        if isinstance(old.get("items"), Mapping) or isinstance(new.get("items"), Mapping):
            yield from self.values(f"{place}[]", old.get("items") or _NOTHING, new.get("items") or _NOTHING)

    def _fields(self, place: str, old: JsonSchema, new: JsonSchema) -> Iterator[str]:
        before, after = old.get("properties", _NOTHING), new.get("properties", _NOTHING)
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name, field in before.items():
            if name not in after:
                yield f"{place}.{name}: is gone (removed or renamed)"
                continue
            yield from self.values(f"{place}.{name}", field, after[name])
            if name in needed_before and name not in needed_after:
                yield f"{place}.{name}: was always there, may be absent now"
            elif name not in needed_before and "default" in field and field["default"] != after[name].get("default"):
                yield f"{place}.{name}: absent meant {field['default']!r}, means {after[name].get('default')!r} now"
        for name in sorted(needed_after - needed_before):
            yield f"{place}.{name}: is required now; records that were written before lack it"

    def _others(self, place: str, old: JsonSchema, new: JsonSchema) -> Iterator[str]:
        """Values of a mapping, or fields that are not named."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self.values(f"{place}{{}}", before, after)
        elif before != after:
            yield f"{place}: its other fields were {_freedom(before)}, are {_freedom(after)}"


def _alternatives(document: JsonSchema, schema: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """What a value may be: JSON type, or 'object TAG' where a tag tells objects apart -> its schema."""
    if "$ref" in schema:
        yield from _alternatives(document, _resolved(document, schema["$ref"]))
    elif "anyOf" in schema:
        tags = {ref: tag for tag, ref in schema.get("discriminator", _NOTHING).get("mapping", _NOTHING).items()}
        for each in schema["anyOf"]:
            tag = tags.get(each.get("$ref", ""))
            if tag is None:
                yield from _alternatives(document, each)
            else:
                yield f"object {tag}", _resolved(document, each["$ref"])
    elif "enum" in schema:
        for kind in dict.fromkeys(_JSON_TYPES[type(value)] for value in schema["enum"]):
            yield kind, schema
    else:
        yield schema.get("type", "anything"), schema


def _resolved(document: JsonSchema, ref: str) -> JsonSchema:
    found: JsonSchema = document["$defs"][ref.removeprefix("#/$defs/")]
    return found


def _words(kind: str) -> str:
    if kind.startswith("object "):
        return kind.removeprefix("object ")
    return kind if kind == "null" else f"of type {kind}"


def _listed(values: list[Any]) -> str:
    return ", ".join(repr(value) for value in values)


def _freedom(allowed: Any) -> str:
    if isinstance(allowed, Mapping):
        return "of one kind"
    return "free" if allowed else "forbidden"
