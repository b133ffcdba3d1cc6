"""How the settings of a source say what a JSON body of any tool means: where each thing stands, and which of our events
the tool's own words are."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, get_args

from agents.intake.parsing import Malformed, shown
from schemas.events import CHANNELS, AgentState, ContactStatus, LeftQueueReason
from schemas.instants import to_ms

AUTHORS = ("customer", "agent", "bot", "system")

WORDS: Mapping[str, tuple[str, ...]] = {
    "contact.created": ("",),
    "contact.offered": ("", "again"),
    "contact.answered": ("",),
    "contact.left_queue": get_args(LeftQueueReason),
    "contact.ended": ("",),
    "message.posted": ("", *AUTHORS),
    "contact.status_changed": get_args(ContactStatus),
    "survey.answered": ("csat", "nps", "ces"),
    "agent.state_changed": get_args(AgentState),
}
"""Types of events that a word of a tool can stand for, each with what may follow it behind a colon."""

_NAME = r"[^\s.,:=+'\"\[\]]+"
_PATH = re.compile(rf"(?:\$\.)?(?:{_NAME}|\[\d{{1,6}}\])(?:\.{_NAME}|\[\d{{1,6}}\])*")
_STEP = re.compile(rf"\[(\d+)\]|({_NAME})")
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_SCORE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?")
_LONGEST_NAME = 1_000
_FIRST_MS = 100_000_000_000
_LATEST_MS = 253_402_300_799_999


class Selector(NamedTuple):
    """Where a value stands in a body, or the value itself. `setting`: the setting that says so."""

    setting: str
    said: str
    steps: tuple[str | int, ...] = ()
    literal: str | None = None

    def value(self, body: Any) -> Any:
        """What stands there; None for nothing."""
        if self.literal is not None:
            return self.literal
        for step in self.steps:
            if isinstance(step, str):
                body = body.get(step) if isinstance(body, dict) else None
            else:
                body = body[step] if isinstance(body, list) and step < len(body) else None
        return body

    def text(self, body: Any) -> str | None:
        """It as text, None where there is none: a fraction, a table, a list or a long text is no name of anything."""
        value = self.value(body)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        text = value.strip() if isinstance(value, str) else ""
        return text if 0 < len(text) <= _LONGEST_NAME else None

    def needed(self, body: Any) -> str:
        """It as text. Raises Malformed: identity, where there is none."""
        text = self.text(body)
        if text is None:
            expected = f"no text of up to {_LONGEST_NAME:,} characters and no whole number"
            raise Malformed("identity", f"{self}: there is {expected}")
        return text

    def one_of(self, body: Any, allowed: tuple[str, ...]) -> str:
        """It as text, in lower case. Raises Malformed: schema, where it is none of these."""
        text = (self.text(body) or "").lower()
        if text not in allowed:
            raise Malformed("schema", f"{self}: {shown(text)}: expected {', '.join(allowed)}")
        return text

    def ms(self, body: Any) -> int:
        """It as an instant in ms: ISO 8601 with a zone, or since the epoch in seconds or ms, which its size tells
        apart. Raises Malformed: time."""
        text = self._plain(body)
        try:
            if _NUMBER.fullmatch(text):
                number = Decimal(text)
                ms = int(number if number >= _FIRST_MS else number * 1000)
            else:
                ms = to_ms(datetime.fromisoformat(text))
        except (ValueError, TypeError):
            ms = 0
        if not 0 < ms <= _LATEST_MS:
            kinds = "ISO 8601 with a zone, or seconds or ms since the epoch"
            raise Malformed("time", f"{self}: {shown(text)}: expected {kinds}")
        return ms

    def number(self, body: Any) -> float:
        """It as a number that is not negative. Raises Malformed: schema."""
        text = self._plain(body)
        if not _SCORE.fullmatch(text):
            raise Malformed("schema", f"{self}: {shown(text)}: expected a number")
        return float(text)

    def _plain(self, body: Any) -> str:
        """A text or a number as it reads; nothing of anything else."""
        value = self.value(body)
        return str(value).strip() if isinstance(value, str | int | float) else ""

    def __str__(self) -> str:
        return f"setting {self.setting} = {self.said}"


class Word(NamedTuple):
    """A type of ours, and what follows it behind a colon."""

    kind: str
    detail: str


class Plan(NamedTuple):
    """The settings of a source, understood. `types` None: the tool's words are ours."""

    type: Selector
    types: Mapping[str, tuple[Word, ...]] | None
    contact: tuple[Selector, ...]
    channel: Selector
    identifiers: tuple[tuple[str, Selector], ...]
    authors: Mapping[str, str]
    one: Mapping[str, Selector]

    def words(self, said: str) -> tuple[Word, ...]:
        """What a word of the tool stands for; nothing where nobody said."""
        if self.types is not None:
            return self.types.get(said, ())
        try:
            return words_of(said)
        except ValueError:
            return ()

    @property
    def tells_offers(self) -> bool:
        """Whether the tool says itself that somebody waits."""
        return any(Word("contact.offered", "") in words for words in (self.types or {}).values())

    def text(self, setting: str, body: Any) -> str | None:
        """What an optional setting finds."""
        selector = self.one.get(setting)
        return None if selector is None else selector.text(body)


def selector(setting: str, said: str) -> Selector:
    """A path like `a.b[0].c`, or a text in single quotes. Raises ValueError."""
    said = said.strip()
    if len(said) > 2 and said[0] == said[-1] == "'":
        return Selector(setting, said, literal=said[1:-1])
    if not _PATH.fullmatch(said):
        raise ValueError(f"{said!r} is no path: expected one like ticket.messages[0].id, or a text like 'this'")
    steps = tuple(int(index) if index else name for index, name in _STEP.findall(said.removeprefix("$.")))
    return Selector(setting, said, steps)


def words_of(said: str) -> tuple[Word, ...]:
    """Types of ours, with + between. Raises ValueError."""
    words: list[Word] = []
    for each in said.split("+"):
        kind, _, detail = each.strip().partition(":")
        if kind not in WORDS:
            raise ValueError(f"{kind!r} is none of our types; there are: {', '.join(WORDS)}")
        if detail not in WORDS[kind]:
            allowed = ", ".join(f"{kind}:{value}" if value else kind for value in WORDS[kind])
            raise ValueError(f"{each.strip()!r}: expected {allowed}")
        if kind in (word.kind for word in words):
            raise ValueError(f"{kind!r} is there twice for one word")
        words.append(Word(kind, detail))
    return tuple(words)


def _entries(said: str) -> dict[str, str]:
    """`theirs=ours, theirs=ours` as a table. Raises ValueError."""
    table: dict[str, str] = {}
    for entry in said.split(","):
        theirs, equals, ours = (part.strip() for part in entry.rpartition("="))
        if not (theirs and equals and ours):
            raise ValueError(f"{entry.strip()!r}: expected WORD=TYPE, with commas between several")
        if theirs in table:
            raise ValueError(f"{theirs!r} is there twice")
        table[theirs] = ours
    return table


def _types(said: str) -> dict[str, tuple[Word, ...]]:
    return {theirs: words_of(ours) for theirs, ours in _entries(said).items()}


def _authors(said: str) -> dict[str, str]:
    table = _entries(said)
    for author in table.values():
        if author not in AUTHORS:
            raise ValueError(f"{author!r}: expected {', '.join(AUTHORS)}")
    return table


def _contact(said: str) -> tuple[Selector, ...]:
    return tuple(selector("contact", each) for each in said.split(","))


def _identifiers(said: str) -> tuple[tuple[str, Selector], ...]:
    """`path` or `kind:path`, with commas between. Raises ValueError."""
    found = []
    for each in said.split(","):
        kind, _, path = each.rpartition(":")
        found.append((kind.strip().lower(), selector("identifiers", path)))
    return tuple(found)


def _channel(said: str) -> Selector:
    found = selector("channel", said)
    if found.literal is not None and found.literal not in CHANNELS:
        raise ValueError(f"{said}: expected {', '.join(CHANNELS)}")
    return found


ONE = ("id", "time", "queue", "agent", "author", "text", "language", "priority", "score", "scale")
"""Settings that are one path each and may be left out."""

_READERS: Mapping[str, Callable[[str], Any]] = {
    "type": lambda said: selector("type", said),
    "types": _types,
    "contact": _contact,
    "channel": _channel,
    "identifiers": _identifiers,
    "authors": _authors,
} | {name: (lambda said, name=name: selector(name, said)) for name in ONE}  # type: ignore[misc]

SETTINGS = tuple(_READERS)


def faults(settings: Mapping[str, str]) -> list[tuple[str | None, str]]:
    """What is wrong with the settings of a mapping: which one (None: one is missing), and what to do."""
    found: list[tuple[str | None, str]] = [
        (None, f"the setting {name} is missing: {what}")
        for name, what in (
            ("type", "where the kind of event stands"),
            ("contact", "where the conversation's id stands"),
        )
        if name not in settings
    ]
    for name, reader in _READERS.items():
        if name in settings:
            try:
                reader(settings[name])
            except ValueError as error:
                found.append((name, str(error)))
    if not found:
        words = {word for each in (plan_of(settings).types or {}).values() for word in each}
        found += [
            (None, f"the setting {name} is missing: {what}")
            for name, what, needed in (
                ("score", "survey.answered needs a number", any(word.kind == "survey.answered" for word in words)),
                ("author", "message.posted without :AUTHOR needs it", Word("message.posted", "") in words),
                ("agent", "agent.state_changed needs it", any(word.kind == "agent.state_changed" for word in words)),
            )
            if needed and name not in settings
        ]
    return found


def plan_of(settings: Mapping[str, str]) -> Plan:
    """The settings of a mapping, understood. Raises ValueError."""
    return _plan_of(tuple(sorted(settings.items())))


@lru_cache(maxsize=256)
def _plan_of(items: tuple[tuple[str, str], ...]) -> Plan:
    read = {name: _READERS[name](said) for name, said in items if name in _READERS}
    for name in ("type", "contact"):
        if name not in read:
            raise ValueError(f"the setting {name} is missing")
    return Plan(
        type=read["type"],
        types=read.get("types"),
        contact=read["contact"],
        channel=read.get("channel") or selector("channel", "'chat'"),
        identifiers=read.get("identifiers", ()),
        authors=read.get("authors", {}),
        one={name: read[name] for name in ONE if name in read},
    )
