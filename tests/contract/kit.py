"""What a provider's fixture says, and what came of its deliveries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl

from agents.intake.processor import Intake
from agents.intake.providers import webhooks
from schemas.envelopes import decode_envelope
from schemas.events import AnyEvent
from schemas.topics import CONTACTS_FAILED
from streams.connectors.hooks import Answer, Delivery, Hook
from streams.connectors.secrets import Source, sources_of
from streams.processor import Headers, Output
from streams.sections import HookSource

PUBLIC = "https://floor.example"
AT = 1_792_490_460_000
"""When everything is delivered: a minute after 2026-10-20T10:00:00Z."""

READ_AT = AT + 1_000
RATE = 100_000.0
JSON: Mapping[str, str] = {"content-type": "application/json"}
FORM: Mapping[str, str] = {"content-type": "application/x-www-form-urlencoded"}

Says = tuple[str, ...]
"""Types of canonical events in order, then `failed` and the reason for the parts that can't be understood; or `ignored`
or `failed` and the reason; or `refused` alone: not genuine."""


class Post(NamedTuple):
    """What a provider posts. `headers`: in lower case; `query`: of the address."""

    body: bytes
    headers: Mapping[str, str] = JSON
    query: str = ""

    def with_headers(self, **headers: str) -> Post:
        """The same with these too; underscores are hyphens."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._replace(headers={**self.headers, **said})


class Step(NamedTuple):
    """One delivery of a conversation and what it says."""

    post: Post
    says: Says


Signer = Callable[[Post, str, int, Mapping[str, str]], Post]
"""A post with its proof: of the post, the address without its query, the time (ms) and the secrets."""


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """How one provider behaves.

    `conversation`: deliveries of one conversation in the order in which things happened. `unknown`: one of a type that
    nobody knows. `fetched`: what the gateway fetches of the provider, by address. `timed`: whether a proof grows old.
    `word`: text in the first body, in which bytes that are no UTF-8 are put, and `not_utf8`: what becomes of that.
    `cut`: what becomes of the first half of the first body, or of `cut_post`. `padding`: what makes a body longer and
    says nothing; the last byte of it is repeated. `own_sources`: whether its events say themselves whose they are.
    """

    provider: str
    secrets: Mapping[str, str]
    sign: Signer
    conversation: tuple[Step, ...]
    unknown: Step
    settings: Mapping[str, str] = field(default_factory=dict)
    fetched: Mapping[str, bytes] = field(default_factory=dict)
    timed: bool = False
    word: bytes = b"parcel"
    not_utf8: Says = ("failed", "syntax")
    cut: Says = ("failed", "syntax")
    cut_post: Post | None = None
    padding: bytes = b" "
    own_sources: bool = False

    @property
    def hook(self) -> Hook:
        """The provider, as a source with these secrets and settings has it."""
        return self.source("fixture").hook

    @property
    def first(self) -> Post:
        """The first delivery, unsigned."""
        return self.conversation[0].post

    @property
    def truncated(self) -> Post:
        """The beginning of the first delivery, unsigned."""
        body = self.first.body
        return self.cut_post or self.first._replace(body=body[: len(body) // 2])

    @property
    def in_no_charset(self) -> Post:
        """The first delivery with bytes that are no UTF-8, unsigned."""
        body = self.first.body
        assert self.word in body, f"{self.word!r} is not in {body!r}"
        return self.first._replace(body=body.replace(self.word, self.word[:1] + b"\xff\xfe" + self.word[1:]))

    def source(self, name: str) -> Source:
        """A source of this provider."""
        section = {"provider": self.provider, "source": name, "secrets": self.secrets, "settings": self.settings}
        return sources_of([HookSource.model_validate({**section, "rate": RATE})], webhooks())[0]

    def signed(self, post: Post, source: str, at: int = AT) -> Post:
        """A post with its proof."""
        return self.sign(post, self.address(source), at, self.secrets)

    def forged(self, post: Post, source: str) -> Post:
        """A post with a proof by other secrets."""
        others = {name: value[:-1] + ("0" if value[-1:] != "0" else "1") for name, value in self.secrets.items()}
        return self.sign(post, self.address(source), AT, others)

    def address(self, source: str) -> str:
        """What the provider posts to."""
        return f"{PUBLIC}/hooks/{self.provider}/{source}"

    def padded(self, source: str, size: int) -> Post:
        """The first post with its proof and as many bytes."""
        post = self.first
        for _ in range(3):
            missing = size - len(self.signed(post, source).body)
            if not missing:
                break
            start = self.padding if post is self.first else b""
            post = post._replace(body=post.body + start + self.padding[-1:] * (missing - len(start)))
        return self.signed(post, source)

    def answer(self, post: Post, source: str) -> Answer:
        """What is answered to a post when it is durable."""
        return self.hook.answer(self.delivery(post, source))

    def delivery(self, post: Post, source: str, at: int = AT) -> Delivery:
        """A signed post as the receiver gets it."""
        signed = self.signed(post, source, at)
        url = self.address(source) + (f"?{signed.query}" if signed.query else "")
        query = tuple(parse_qsl(signed.query, keep_blank_values=True))
        return Delivery("POST", url, query, signed.headers, signed.body, at, self.fetched)


@dataclass
class Read:
    """A record of a channel topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> str | None:
        """A header's text."""
        value = dict(self.headers).get(name)
        return None if value is None else value.decode()


class Box:
    """Keeps what a processor sends."""

    def __init__(self) -> None:
        self.sent: list[Output] = []

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        self.sent.append(Output(topic, key, value, headers, partition))


class Outcome(NamedTuple):
    """What the intake made of one record. `kept`: the bytes on contacts.failed."""

    says: Says
    events: tuple[AnyEvent, ...]
    kept: bytes | None = None
    message: str | None = None


def outcome_of(intake: Intake, record: Read) -> Outcome:
    """What the intake makes of a record: one outcome, whose parts are all there."""
    box = Box()
    intake.take(record, box)
    failed = [each for each in box.sent if each.topic == CONTACTS_FAILED.name]
    envelopes = [decode_envelope(each.value or b"") for each in box.sent if each.topic != CONTACTS_FAILED.name]
    assert envelopes, "no outcome"
    assert [(each.part, each.parts) for each in envelopes] == [(n, len(envelopes)) for n in range(len(envelopes))]
    assert {each.origin.offset for each in envelopes} == {record.offset}
    events = tuple(event for each in envelopes for event in each.events)
    types = tuple(str(event.__struct_config__.tag) for event in events)
    others = [each for each in envelopes if each.outcome != "accepted"]
    if not others:
        assert types, "accepted without an event"
        assert not failed
        return Outcome(types, events)
    (other,) = others
    assert len(failed) == (other.outcome == "failed")
    assert other.reason
    says = (*types, other.outcome, other.reason)
    if not failed:
        assert not types
        return Outcome(says, ())
    return Outcome(says, events, failed[0].value, dict(failed[0].headers)["failed.message"].decode())


def standing(outcomes: Iterable[Outcome]) -> dict[str, AnyEvent]:
    """The event that stands under each id: that of the highest revision. Of the same revision there is only one."""
    found: dict[str, AnyEvent] = {}
    for each in outcomes:
        for event in each.events:
            other = found.setdefault(event.id, event)
            assert event.revision != other.revision or event == other, f"{event} and {other}: which stands?"
            if event.revision > other.revision:
                found[event.id] = event
    return found
