"""What the gateway has to know of a provider that posts its events to us; agents.intake.providers has the providers."""

import hmac
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from schemas.topics import MIB
from streams.connectors.formats import Headers

Secrets = Mapping[str, tuple[str, ...]]
"""A source's secrets by name. While one is being rotated it has two values, and both are valid."""

LARGEST_BODY = 5 * MIB
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


class NotGenuine(Exception):
    """A delivery that its provider did not send, or not just now. The message says what is wrong, without a secret."""


class Delivery(NamedTuple):
    """One HTTP request, as it came. `url`: the public address it was sent to, query included, as the provider signed
    it. `query`: its parameters in order. `headers`: names in lower case. `at`: when it came, ms since the epoch.
    `fetched`: what the hook needed of its provider, by address."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    at: int
    fetched: Mapping[str, bytes] = _NOTHING

    def header(self, name: str) -> str:
        """A header, by its name in lower case. Raises NotGenuine where it is missing or empty."""
        value = self.headers.get(name, "")
        if not value:
            raise NotGenuine(f"no header {name}")
        return value


class Answer(NamedTuple):
    """What the provider is told. `visit`: an address of the provider's that must be fetched to confirm a
    subscription, already checked to be the provider's."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    visit: str | None = None


class Hook(Protocol):
    """One provider's webhook. No method waits or keeps anything; only NotGenuine is raised.

    `name` is PROVIDER of `/hooks/PROVIDER/SOURCE`, and `ce_type` on the channel topic. `secret_names`: the secrets of a
    source, all of which it must have. `alternatives`: where there are some, sets of these names; a source must have one
    whole set, and none in part. `setting_names`: settings that it may have (agents' ids, say), by which
    `Context.settings` is read. `seconds`: the provider's limit for an answer. `tries_again`: whether it sends again
    what was answered by 503; what it does not, goes into the spool. `refusal`: status for what is not genuine.
    `kept`: headers, in lower case, that travel with the record, for they say what the body does not.
    """

    name: str
    secret_names: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...]
    setting_names: tuple[str, ...]
    largest: int
    seconds: float
    tries_again: bool
    refusal: int
    kept: tuple[str, ...]

    def needs(self, delivery: Delivery, secrets: Secrets) -> str | None:
        """The https address, already checked to be the provider's, of what `verify` needs besides a POST: it is fetched
        first and stands in `fetched`. None: nothing. Raises NotGenuine where that can be said without it."""

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless the provider sent exactly these bytes. Asked before anything is parsed."""

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        """The answer to a handshake, which goes on no topic; None: it is none. A GET or HEAD is nothing else and was
        not verified before; a POST was. Raises NotGenuine."""

    def answer(self, delivery: Delivery) -> Answer:
        """What the provider is told of a genuine delivery that is durable."""

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The provider's id of this delivery, the same when it sends it again; None: the body's digest is."""

    def redacted(self, body: bytes) -> bytes:
        """The bytes for the topic: the body itself, but for providers that put a secret of somebody's into it."""

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """Key of the record: what must stay in order. None: the source is the key."""

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """email, chat, phone or social."""


@runtime_checkable
class Configurable(Protocol):
    """A hook that depends on its source's secrets or settings where it is given a body alone, or that knows more of
    its settings than their names."""

    def configured(self, secrets: Secrets, settings: Mapping[str, str]) -> Hook:
        """The hook of one source. Raises ValueError, without a secret in it, where a secret is of no use."""

    def settings_faults(self, settings: Mapping[str, str]) -> list[tuple[str | None, str]]:
        """What is wrong with a source's settings: the setting, None where one is missing, and what to do."""


def same(expected: str | bytes, given: str) -> bool:
    """Whether a proof is the expected one, compared in constant time."""
    wanted = expected if isinstance(expected, bytes) else expected.encode()
    return hmac.compare_digest(wanted, given.encode("utf-8", "surrogateescape"))


def any_same(expected: Iterable[str | bytes], given: str) -> bool:
    """Whether a proof is one of those that would do; all are compared."""
    return bool(sum([same(each, given) for each in expected]))


def within(seconds: float, at: int, now: int, what: str) -> None:
    """Raises NotGenuine where the instant `at` (ms) that a provider signed lies further than that from `now` (ms)."""
    if abs(now - at) > seconds * 1000:
        raise NotGenuine(f"{what} is more than {seconds:g} s from now")
