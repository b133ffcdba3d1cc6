"""docs/reference/topics.md, of the one list of topics, their settings and the records on them."""

from typing import get_args

from schemas.failures import PREFIX, FailureReason, Stage
from schemas.json_schemas import PUBLIC_RECORDS, json_schema
from schemas.topics import LARGEST_RECORD, MIB, Topic
from streams.topics import all_topics, settings_of
from tools.reference.tables import code, fields, parts, table

_HEAD = """# Topics

Everything that Floorwalker has in Kafka, in the order in which a call goes through it. `service.namespace` stands in
front of every name, with a dot. N is `service.partitions`; it is fixed when the topics are made, because the state of a
partition stays where its keys were first sent. Missing topics are made by the first worker (or `floorwalker topics
--create`) with the settings below, as many replicas as there are brokers, three at most. `floorwalker topics` prints
this list for your installation.

Read with `isolation.level=read_committed`: what stands in a transaction that was given up is no result. *Personal*
records hold names, numbers or texts of customers and agents; *pseudonymous* ones hold ids that stand for one person.

"""

_FIELDS = {
    "reason": "why, in a word: see below",
    "stage": "who could not go on: {stages}",
    "message": "why, in a sentence, with what was expected",
    "topic": "where the source record stands: topic, without namespace",
    "partition": "... partition",
    "offset": "... offset",
    "file": "the file it was read from, if it was",
    "line": "... and the line, from 1",
}
_REASONS = {
    "syntax": "can't be read at all",
    "schema": "a field is missing, unknown or of another kind",
    "unknown_type": "nobody knows such an event or format",
    "time": "no instant, one in the future, or a correction that comes too late",
    "identity": "nobody can say whose it is",
    "rule": "a rule raised: a fault of ours",
    "too_large": "longer than a record may be: only its head is kept; or it says more than one event or payload may",
}


def page() -> str:
    """The page."""
    topics = all_topics()
    text = _HEAD + table(
        ("topic", "key", "partitions", "kept", "personal data", "holds"),
        ((code(topic.name), topic.key, _count(topic), _kept(topic), topic.personal, _holds(topic)) for topic in topics),
    )
    text += (
        f"A payload larger than {LARGEST_RECORD // MIB} MiB is refused and counted. Topics not marked *internal* "
        "change only in ways that their readers can bear.\n\n"
    )
    text += "## Settings\n\nMade with these; on three brokers or more also `min.insync.replicas=2`. Kafka's defaults "
    text += "hold for the rest.\n\n" + table(
        ("topics", "settings"),
        ((", ".join(map(code, names)), ", ".join(map(code, settings))) for settings, names in _by_settings(topics)),
    )
    return text + _failed() + _records().rstrip("\n") + "\n"


def _count(topic: Topic) -> str:
    return "N" if topic.partitioned else "1"


def _kept(topic: Topic) -> str:
    days = f"{topic.retention_days} d" if topic.retention_days is not None and "delete" in topic.cleanup else ""
    last = "the last of each key" if "compact" in topic.cleanup else ""
    return ", ".join(each for each in (last, days) if each)


def _holds(topic: Topic) -> str:
    return topic.holds if topic.public else f"{topic.holds} (*internal*)"


def _by_settings(topics: tuple[Topic, ...]) -> list[tuple[tuple[str, ...], list[str]]]:
    found: dict[tuple[str, ...], list[str]] = {}
    for topic in topics:
        settings = tuple(f"{name}={value}" for name, value in settings_of(topic, 1).items())
        found.setdefault(settings, []).append(topic.name)
    return list(found.items())


def _failed() -> str:
    stages = ", ".join(map(code, get_args(Stage)))
    return (
        "## contacts.failed\n\nThe value is the original payload, byte for byte, and its own headers stay. These come "
        "with it, each where it is known; a record that fails again gets new ones.\n\n"
        + table(
            ("header", "says"), ((code(PREFIX + name), words.format(stages=stages)) for name, words in _FIELDS.items())
        )
        + table(("reason", "means"), ((code(reason), _REASONS[reason]) for reason in get_args(FailureReason)))
    )


def _records() -> str:
    text = (
        "## Records\n\nEnvelopes and watermarks are in [events.md](events.md), what the metrics mean in "
        "[metrics.md](metrics.md). Instants are ISO 8601 UTC, durations seconds, ratios fractions from 0 to 1.\n\n"
    )
    for record in PUBLIC_RECORDS:
        if not record.topics or record.name in ("envelope", "mark"):
            continue
        schema = json_schema(record)
        # One type, whose parts follow, or several that a tag tells apart.
        root = schema.get("$ref", "").removeprefix("#/$defs/")
        link = f"[schemas/json/{record.file_name}](../../schemas/json/{record.file_name})"
        text += f"### {record.title}\n\n{record.description} Schema: {link}.\n\n"
        if root:
            text += f"{schema['$defs'][root]['description']}\n\n{fields(schema['$defs'][root])}"
        text += parts(schema, leave_out=[root], level=4)
    return text
