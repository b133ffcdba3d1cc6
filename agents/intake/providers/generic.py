"""A JSON webhook of any tool, understood by the settings of its [[hooks]] entry and without code.

Facts: the tool's own documentation of its webhooks; HMAC as in RFC 2104, Basic authentication as in RFC 7617, bearer
keys as in RFC 6750.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple, cast

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.providers._mapping import AUTHORS, SETTINGS, Plan, Word, faults, plan_of
from agents.intake.webhook import Webhook, answered, begun, created, decoded
from schemas.events import (
    CHANNELS,
    AgentStateChanged,
    AnyEvent,
    Channel,
    ContactEnded,
    ContactLeftQueue,
    ContactOffered,
    ContactStatusChanged,
    MessagePosted,
    SurveyAnswered,
)
from schemas.identifiers import mail_identifier, phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same

_KINDS = (
    "'hmac-sha256-hex:HEADER[:PREFIX]', 'hmac-sha256-base64:HEADER[:PREFIX]', 'hmac-sha1-hex:HEADER[:PREFIX]', "
    "'bearer', 'header:NAME' or 'basic'"
)
_DIGESTS = {"hmac-sha256-hex": "sha256", "hmac-sha256-base64": "sha256", "hmac-sha1-hex": "sha1"}
_SCALES = {"csat": 5, "nps": 10, "ces": 7}
_any = msgspec.json.Decoder(Any)


class Proof(NamedTuple):
    """How a tool proves that a delivery is its own: `kind` as the setting `proof` calls it, the header that says so,
    and what stands in front of it."""

    kind: str
    header: str = "authorization"
    prefix: str = ""

    def verify(self, delivery: Delivery, secrets: tuple[str, ...]) -> None:
        """Raises NotGenuine unless one of the secrets proves the delivery."""
        given = delivery.header(self.header)
        if self.kind in _DIGESTS:
            if self.kind.endswith("hex"):
                given = given.lower()
            expected = [self.prefix + self._signed(secret, delivery.body) for secret in secrets]
        elif self.kind == "header":
            expected = list(secrets)
        else:
            scheme, _, given = given.partition(" ")
            if scheme.lower() != self.kind:
                raise NotGenuine(f"header authorization: expected {self.kind}")
            basic = self.kind == "basic"
            expected = [b64encode(secret.encode()).decode() if basic else secret for secret in secrets]
        if not any_same(expected, given.strip()):
            raise NotGenuine(f"header {self.header} is another")

    def _signed(self, secret: str, body: bytes) -> str:
        digest = hmac.digest(secret.encode(), body, _DIGESTS[self.kind])
        return digest.hex() if self.kind.endswith("hex") else b64encode(digest).decode()


def proof_of(said: str) -> Proof:
    """The setting `proof`. Raises ValueError."""
    kind, _, rest = said.strip().partition(":")
    header, _, prefix = rest.partition(":")
    header = header.strip().lower()
    if kind in _DIGESTS and header:
        return Proof(kind, header, prefix.lower() if kind.endswith("hex") else prefix)
    if kind == "header" and header and not prefix:
        return Proof(kind, header)
    if kind in ("bearer", "basic") and not rest:
        return Proof(kind)
    raise ValueError(f"{said!r}: expected {_KINDS}")


class Generic(Webhook):
    """The provider `generic`. The secret `secret` is that of the proof; for `basic` it is USER:PASSWORD.

    Settings: `proof`, and those of agents.intake.providers._mapping. Nothing is timed: a copy of a delivery is genuine,
    too. Of a tool that nobody knows, nobody knows that it sends again: what Kafka does not take goes into the spool.
    `settings` None: of no source, so that it proves nothing.
    """

    name = "generic"
    channel: Channel = "chat"
    setting_names = ("proof", *SETTINGS)
    tries_again = False

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._proof = None if settings is None else proof_of(settings.get("proof", ""))
        self._plan = None if settings is None else plan_of(settings)

    def configured(self, secrets: Secrets, settings: Mapping[str, str]) -> "Generic":
        """The hook of one source. Raises ValueError where a secret does not fit to the proof."""
        hook = Generic(settings)
        if hook._proof is not None and hook._proof.kind == "basic":
            for secret in secrets.get("secret", ()):
                if ":" not in secret:
                    raise ValueError("secret: with the proof basic, USER:PASSWORD is expected")
        return hook

    def settings_faults(self, settings: Mapping[str, str]) -> list[tuple[str | None, str]]:
        """Settings that are missing, paths that are none, words that we have not."""
        found = faults(settings)
        if "proof" not in settings:
            return [(None, f"the setting proof is missing: expected {_KINDS}"), *found]
        try:
            proof_of(settings["proof"])
        except ValueError as error:
            return [("proof", str(error)), *found]
        return found

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless the secret proves it as the setting `proof` says."""
        if self._proof is None:
            raise NotGenuine("the setting proof is missing")
        self._proof.verify(delivery, secrets["secret"])

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """What the setting `id` finds."""
        return None if self._plan is None else self._plan.text("id", _looked_at(body))

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """What the setting `contact` finds."""
        if self._plan is None:
            return None
        body = _looked_at(payload)
        names = [each.text(body) for each in self._plan.contact]
        return None if None in names else " ".join(name or "" for name in names).encode()

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """What the setting `channel` finds; chat where that is no channel."""
        found = None if self._plan is None else self._plan.channel.text(_looked_at(payload))
        return found.lower() if found is not None and found.lower() in CHANNELS else self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What its word stands for. Raises Malformed, which says which setting found nothing."""
        try:
            plan = plan_of(context.settings)
        except ValueError as error:
            raise Malformed("rule", f"the settings of {context.source} are wrong: {error}") from None
        body = decoded(_any, payload)
        words = plan.words(plan.type.needed(body))
        if not words:
            return Ignored("unknown_event")
        told = _Told(plan, body, context, sha256(payload).hexdigest())
        events: dict[str, AnyEvent] = {}
        for word in words:
            for event in told.events(word):
                events.setdefault(event.id, event)
        return Events(tuple(events.values()))


class _Told:
    """One body, read by the plan of its source. `digest`: the name of a body without one."""

    def __init__(self, plan: Plan, body: Any, context: Context, digest: str) -> None:
        self._plan = plan
        self._body = body
        self._context = context
        self._source = context.source
        one = plan.one
        self._time = one["time"].ms(body) if "time" in one else context.read_at
        self._name = one["id"].needed(body) if "id" in one else digest
        self._channel = cast(Channel, plan.channel.one_of(body, CHANNELS))
        self._queue = plan.text("queue", body)
        self._agent = plan.text("agent", body)

    def events(self, word: Word) -> tuple[AnyEvent, ...]:
        """What one word of ours says of it. Raises Malformed."""
        if word.kind == "agent.state_changed":
            return (self._state(word),)
        contact = contact_id(self._source, *(each.needed(self._body) for each in self._plan.contact))
        said = self._said(contact, word)
        match word.kind:
            case "contact.created":
                return self._begun(contact, offered=not self._plan.tells_offers)
            case "contact.offered":
                return (ContactOffered(**said),) if word.detail else self._begun(contact, offered=True)
            case "contact.answered":
                return (self._answered(contact),)
            case "contact.left_queue":
                return (ContactLeftQueue(reason=cast(Any, word.detail), **said),)
            case "contact.ended":
                return (ContactEnded(**said),)
            case "contact.status_changed":
                return (ContactStatusChanged(status=cast(Any, word.detail), agent=self._agent, **said),)
            case "survey.answered":
                return (self._survey(word, said),)
        return self._message(word, contact, said)

    def _said(self, contact: str, word: Word) -> dict[str, Any]:
        return {
            "id": event_id(self._source, contact, self._name, word.kind),
            "time": from_ms(self._time),
            "channel": self._channel,
            "source": self._source,
            "contact": contact,
            "queue": self._queue,
            "revision": Generic.revision,
        }

    def _begun(self, contact: str, *, offered: bool) -> tuple[AnyEvent, ...]:
        more: dict[str, Any] = {name: self._plan.text(name, self._body) for name in ("language", "priority")}
        more |= {"queue": self._queue, "identifiers": self._identifiers()}
        if offered:
            return begun(self._source, contact, self._channel, self._time, **more)
        return (created(self._source, contact, self._channel, self._time, **more),)

    def _answered(self, contact: str) -> AnyEvent:
        return answered(self._source, contact, self._channel, self._time, queue=self._queue, agent=self._agent)

    def _message(self, word: Word, contact: str, said: dict[str, Any]) -> tuple[AnyEvent, ...]:
        author = word.detail or self._author()
        text = self._plan.one["text"].value(self._body) if "text" in self._plan.one else None
        posted = MessagePosted(
            author=cast(Any, author),
            length=len(text) if isinstance(text, str) else None,
            agent=self._agent if author == "agent" else None,
            identifiers=self._identifiers() if author == "customer" else (),
            **said,
        )
        if author == "customer":
            return (*self._begun(contact, offered=not self._plan.tells_offers), posted)
        return (posted, self._answered(contact)) if author == "agent" else (posted,)

    def _author(self) -> str:
        selector = self._plan.one.get("author")
        if selector is None:
            raise Malformed("schema", "the setting author is missing: message.posted without :AUTHOR needs it")
        table = self._plan.authors
        if not table:
            return selector.one_of(self._body, AUTHORS)
        theirs = selector.needed(self._body)
        if theirs not in table:
            raise Malformed("schema", f"{selector}: {shown(theirs)}: the setting authors has {', '.join(table)}")
        return table[theirs]

    def _survey(self, word: Word, said: dict[str, Any]) -> AnyEvent:
        one = self._plan.one
        if "score" not in one:
            raise Malformed("schema", "the setting score is missing: survey.answered needs a number")
        scale = one["scale"].number(self._body) if "scale" in one else _SCALES[word.detail]
        score = one["score"].number(self._body)
        if not score <= scale or scale != int(scale) or not scale:
            raise Malformed("schema", f"{one['score']}: {score:g} of {scale:g}: expected a whole scale over the score")
        return SurveyAnswered(kind=cast(Any, word.detail), score=score, scale=int(scale), agent=self._agent, **said)

    def _state(self, word: Word) -> AnyEvent:
        if self._agent is None:
            selector = self._plan.one.get("agent", "the setting agent is missing")
            raise Malformed("identity", f"{selector}: agent.state_changed needs to know whose")
        return AgentStateChanged(
            id=event_id(self._source, self._agent, self._name, word.kind),
            time=from_ms(self._time),
            channel=self._channel,
            source=self._source,
            agent=self._agent,
            revision=Generic.revision,
            state=cast(Any, word.detail),
        )

    def _identifiers(self) -> tuple[str, ...]:
        """The customer's, each once. A kind of the tool's own holds for this source only."""
        found: dict[str, None] = {}
        for kind, selector in self._plan.identifiers:
            value = selector.text(self._body)
            if value is None:
                continue
            if kind == "mailto" or (not kind and "@" in value):
                identifier = mail_identifier(value)
            elif kind in ("", "tel"):
                identifier = phone_identifier(value, self._context.region)
            else:
                identifier = f"{kind}:{self._source}:{value}"
            if identifier is not None:
                found[identifier] = None
        return tuple(found)


def _looked_at(payload: bytes) -> Any:
    try:
        return _any.decode(payload)
    except UNREADABLE:
        return None


PROVIDER = Generic()
