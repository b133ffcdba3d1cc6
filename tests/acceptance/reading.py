"""What stands in the topics, read by a client that the service does not use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from tests.acceptance.program import PATIENCE
from tests.ends import ends_of, take_off

KINDS = ("15min", "30min", "60min", "day", "all")
TASKS = frozenset(
    {f"{stage}-{partition}" for stage in ("intake", "contacts", "customers", "profiles") for partition in range(4)}
    | {"registry-0", "metrics-0", "alerts-0"}
)
"""All tasks of an installation of four partitions."""

Row = tuple[object, ...]


class Said(NamedTuple):
    """One record."""

    topic: str
    key: str | None
    value: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The value, decoded."""
        return json.loads(self.value)


class Reader:
    """Reads topics of a namespace from their beginning: only what was committed, each record once."""

    def __init__(self, bootstrap: str, namespace: str, *topics: str) -> None:
        self._prefix = f"{namespace}."
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "none",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.message.max.bytes": 40 << 20,
                "receive.message.max.bytes": 200 << 20,
            }
        )
        self._assigned = [
            TopicPartition(self._prefix + topic, partition, 0)
            for topic in topics
            for partition in self._consumer.list_topics(self._prefix + topic, PATIENCE)
            .topics[self._prefix + topic]
            .partitions
        ]
        self._consumer.assign(self._assigned)

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def news(self, seconds: float) -> list[Said]:
        """What comes within so many seconds; returns as soon as there is something."""
        return [self._said(each) for each in self._consumer.consume(500, seconds) if self._is_record(each)]

    def to_the_end(self) -> Iterator[Said]:
        """All that stands there now and was not read yet."""
        ends = ends_of(self._consumer, self._assigned, PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while ends:
            assert time.monotonic() < deadline, f"these partitions were not read up to: {ends}"
            for message in self._consumer.consume(500, 1.0):
                take_off(ends, message)
                if self._is_record(message):
                    yield self._said(message)

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        assert error is None or error.code() == KafkaError._PARTITION_EOF, error
        return error is None

    def _said(self, message: Message) -> Said:
        key = message.key()
        headers = cast(list[tuple[str, bytes | None]], message.headers() or [])
        return Said(
            (message.topic() or "").removeprefix(self._prefix),
            None if key is None else key.decode("utf-8", "replace"),
            message.value() or b"",
            {name: (value or b"").decode("utf-8", "replace") for name, value in headers},
        )


class Outcome(NamedTuple):
    """What came of a run, in a form that two runs can be compared by.

    `numbers`: (metric, version, scope, window, value, numerator, denominator, n); `alerts`: (id, transition, due_at);
    `customers`: (id, known, contacts, the last ones). All sorted.
    """

    numbers: list[Row]
    alerts: list[Row]
    customers: list[Row]
    counts: dict[str, int]


def pipeline_of(records: Iterable[Said]) -> dict[str, Any] | None:
    """The last word about how far everything has got."""
    found = [each for each in records if each.topic == "metrics.live" and each.key == "pipeline"]
    return found[-1].json if found else None


def has_ended(pipeline: dict[str, Any] | None, read: int) -> bool:
    """Whether so many source records are counted and every task is at its end."""
    if pipeline is None or pipeline["read"] < read:
        return False
    return {name for name, mark in pipeline["tasks"].items() if mark["ended"]} == TASKS


def outcome_of(records: Iterable[Said]) -> Outcome:
    """Fold what metrics.live, alerts.sla and customers.profiles say."""
    windows: dict[str | None, dict[str, Any]] = {}
    profiles: dict[str | None, dict[str, Any]] = {}
    alerts: list[dict[str, Any]] = []
    for each in records:
        if each.topic == "metrics.live":
            windows[each.key] = each.json
        elif each.topic == "customers.profiles":
            profiles[each.key] = each.json
        elif each.key is not None:
            # Watermarks have no key.
            alerts.append(each.json)
    pipeline = windows.pop("pipeline")
    windows.pop("trends", None)
    rows = [
        {"metric": name, **metric, "scope": window["scope"], "window": window["window"]}
        for window in windows.values()
        if window["window"]["kind"] in KINDS
        for name, metric in window["metrics"].items()
    ]
    return _outcome(rows, alerts, list(profiles.values()), pipeline)


def outcome_of_json(out: dict[str, Any]) -> Outcome:
    """The same of what a backtest writes."""
    return _outcome(out["metrics"], out["alerts"], out["customers"], out["counts"])


def _outcome(
    metrics: list[dict[str, Any]], alerts: list[dict[str, Any]], customers: list[dict[str, Any]], counts: dict[str, Any]
) -> Outcome:
    return Outcome(
        sorted((_number(each) for each in metrics), key=repr),
        sorted(((each["id"], each["transition"], each["due_at"]) for each in alerts), key=repr),
        sorted((_customer(each) for each in customers), key=repr),
        {name: counts[name] for name in ("read", "accepted", "ignored", "failed", "duplicates")},
    )


def _number(row: dict[str, Any]) -> Row:
    window, scope = row["window"], row["scope"]
    return (
        row["metric"],
        row.get("version", 1),
        (scope.get("channel"), scope.get("queue"), *(scope[part] for part in ("policy", "segment") if part in scope)),
        (window["kind"], window.get("start"), window.get("end")),
        row["value"],
        row.get("numerator"),
        row.get("denominator"),
        row["n"],
    )


def _customer(profile: dict[str, Any]) -> Row:
    lasts = tuple(tuple(sorted(each.items())) for each in profile["last_contacts"])
    return (profile["customer"], profile["known"], profile["contacts"], lasts)
