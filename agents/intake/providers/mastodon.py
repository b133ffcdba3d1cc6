"""Mastodon: Web Push of an account's notifications, and an instance's admin webhook.

Facts: mastodon/documentation, "push", "Webhooks", "Admin::Report"; mastodon/mastodon's webhook and push workers;
RFC 8291 (encryption), RFC 8188 (aes128gcm), RFC 8292 (VAPID). Statuses and notifications themselves come by the
streaming API: agents.intake.mastodon_statuses.
"""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import http_ece
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from agents.intake.mastodon_statuses import Id, id_of, instant, understood
from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import Webhook, answered, begun, decoded
from schemas.events import AnyEvent, Channel, ContactStatusChanged
from schemas.identifiers import mail_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import DAY, MINUTE, from_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same

MODERATION = "moderation"
"""Queue of reports, where the setting `queue` names no other."""

_TOKEN = "access_token"  # noqa: S105
_CURVE = ec.SECP256R1()
_NONE: Secrets = {}
_NULL = msgspec.Raw(b"null")


class _Push(msgspec.Struct):
    """What a push says, decrypted. `notification`: the entity, where somebody fetched it."""

    notification_id: Id = None
    notification: msgspec.Raw = _NULL


class _Claims(msgspec.Struct):
    aud: str
    exp: int


_push = msgspec.json.Decoder(_Push)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_claims = msgspec.json.Decoder(_Claims)


class MastodonPush(Webhook):
    """The provider `mastodon-push`: a subscription with `standard` set (Mastodon 4.4), encrypted by aes128gcm.

    Secrets: `private_key`, the 32 bytes of the P-256 key whose public half is the subscription's `p256dh`, and `auth`,
    the subscription's; both in base64url. Who knows `auth` has it of us, so that what decrypts is genuine. Settings:
    `server_key`, the instance's VAPID key, by which it is proven as well whose push it is and that it is new;
    `account`: ours as user@domain.

    The clear text holds an access token: it goes on no topic, and the record is the rest of the clear text. Refused
    is by 429: any other 4xx but 408 makes the instance delete the subscription, though it may be our own key that is
    wrong, and a 5xx lets whoever forges make a proxy think that the gateway is ill. With 429 the instance tries again.
    """

    name = "mastodon-push"
    channel: Channel = "social"
    secret_names = ("private_key", "auth")
    setting_names = ("server_key", "account")
    largest = 8 * 1024
    refusal = 429

    def __init__(self, secrets: Secrets = _NONE, settings: Mapping[str, str] | None = None) -> None:
        self._keys = [_private_key(each) for each in secrets.get("private_key", ())]
        self._auths = [_bytes_of("auth", each, 16) for each in secrets.get("auth", ())]
        server_key = (settings or {}).get("server_key")
        self._server_key = None if server_key is None else _server_key(server_key)

    def configured(self, secrets: Secrets, settings: Mapping[str, str]) -> "MastodonPush":
        """The hook of one subscription. Raises ValueError where a key is none."""
        return MastodonPush(secrets, settings)

    def settings_faults(self, settings: Mapping[str, str]) -> list[tuple[str | None, str]]:
        """A server key that is none, an account without its domain."""
        found: list[tuple[str | None, str]] = []
        if "server_key" in settings:
            try:
                _server_key(settings["server_key"])
            except ValueError as error:
                found.append(("server_key", str(error)))
        if "account" in settings and "@" not in settings["account"].strip().lstrip("@"):
            found.append(("account", f"{settings['account']!r}: expected user@domain"))
        return found

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless the body decrypts under our key and, with `server_key`, the instance signed it."""
        encoding = delivery.header("content-encoding").lower()
        if encoding != "aes128gcm":
            raise NotGenuine(f"content-encoding is {shown(encoding)}: subscribe with standard, which is aes128gcm")
        if self._server_key is not None:
            _check_vapid(delivery, self._server_key)
        self._opened(delivery.body)

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The notification's id: each try is encrypted anew."""
        return id_of(_looked_at(self._clear(body)).notification_id)

    def redacted(self, body: bytes) -> bytes:
        """The clear text without its access token; what is no clear text stays as it is."""
        try:
            fields = _object.decode(self._clear(body))
        except UNREADABLE:
            return body
        fields.pop(_TOKEN, None)
        return msgspec.json.encode(fields)

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """Nothing but that there is a notification, unless it is in it. Raises Malformed."""
        push: _Push = decoded(_push, payload)
        if bytes(push.notification) == b"null":
            return Ignored("push_notice")
        return understood("notification", push.notification, context.settings.get("account", ""), "", context)

    def _clear(self, body: bytes) -> bytes:
        """The clear text; the body itself where it is none of ours, as in a replay that has no keys."""
        try:
            return self._opened(body)
        except NotGenuine:
            return body

    def _opened(self, body: bytes) -> bytes:
        """The clear text, a JSON object. Raises NotGenuine."""
        for key in self._keys:
            for auth in self._auths:
                try:
                    text = http_ece.decrypt(body, private_key=key, auth_secret=auth, version="aes128gcm")
                    _object.decode(text)
                except (http_ece.ECEException, ValueError, *UNREADABLE):
                    continue
                return bytes(text)
        raise NotGenuine("the body is not encrypted for this subscription's keys")


def _looked_at(text: bytes) -> _Push:
    try:
        return _push.decode(text)
    except UNREADABLE:
        return _Push()


def _bytes_of(name: str, said: str, size: int) -> bytes:
    """base64url as so many bytes. Raises ValueError, without them."""
    try:
        found = _unbase64(said.strip())
    except ValueError:
        found = b""
    if len(found) != size:
        raise ValueError(f"{name}: expected {size} bytes in base64url")
    return found


def _unbase64(said: str) -> bytes:
    """base64url with or without its padding. Raises ValueError."""
    text = said.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _private_key(said: str) -> ec.EllipticCurvePrivateKey:
    scalar = int.from_bytes(_bytes_of("private_key", said, 32), "big")
    try:
        return ec.derive_private_key(scalar, _CURVE)
    except ValueError:
        raise ValueError("private_key: no key of the curve P-256") from None


def _server_key(said: str) -> ec.EllipticCurvePublicKey:
    point = _bytes_of("server_key", said, 65)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:
        raise ValueError("server_key: no point of the curve P-256") from None


def _check_vapid(delivery: Delivery, key: ec.EllipticCurvePublicKey) -> None:
    """Raises NotGenuine unless a token of the instance's is for this host, and holds (RFC 8292)."""
    scheme, _, rest = delivery.header("authorization").partition(" ")
    if scheme.lower() != "vapid":
        raise NotGenuine("header authorization: expected vapid t=TOKEN")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    signed, _, signature = parts.get("t", "").rpartition(".")
    try:
        proof = _unbase64(signature)
        if len(proof) != 64:
            raise NotGenuine("the VAPID token is not signed by ES256")
        r, s = int.from_bytes(proof[:32], "big"), int.from_bytes(proof[32:], "big")
        key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(SHA256()))
        claims: _Claims = _claims.decode(_unbase64(signed.partition(".")[2]))
    except (InvalidSignature, ValueError, *UNREADABLE):
        raise NotGenuine("the VAPID token is not the instance's") from None
    if _origin(claims.aud) != _origin(delivery.url):
        raise NotGenuine(f"the VAPID token is for another host: gateway.public_url is not at {shown(claims.aud)}")
    if not delivery.at < claims.exp * 1000 <= delivery.at + DAY + 5 * MINUTE:
        raise NotGenuine("the VAPID token has expired, or holds for more than a day")


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None


class _Account(msgspec.Struct):
    url: str | None = None


class _Person(msgspec.Struct):
    """Somebody, as admins see them. `domain`: null on the instance itself."""

    username: str | None = None
    domain: str | None = None
    email: str | None = None
    account: _Account | None = None


class _Report(msgspec.Struct):
    id: Id = None
    action_taken: bool = False
    action_taken_at: str | None = None
    category: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    account: _Person | None = None
    assigned_account: _Person | None = None
    action_taken_by_account: _Person | None = None


class _Body(msgspec.Struct):
    event: str
    created_at: str | None = None
    object: msgspec.Raw = _NULL


class _Named(msgspec.Struct):
    id: Id = None
    updated_at: str | None = None
    created_at: str | None = None


_body = msgspec.json.Decoder(_Body)
_named = msgspec.json.Decoder(_Named)
_report = msgspec.json.Decoder(_Report)
_OTHERS = frozenset({"account.approved", "account.created", "account.updated", "status.created", "status.updated"})


class MastodonAdmin(Webhook):
    """The provider `mastodon-admin`: an instance's webhook without a template. The secret `secret` signs the body.

    A report is a contact in the queue of moderation (setting `queue`). A report that is set open again cannot be told
    from one that was assigned: both say that it is open, and no wait begins anew. Nothing is timed: a copy is genuine,
    too. 401 is tried again.
    """

    name = "mastodon-admin"
    channel: Channel = "social"
    setting_names = ("queue",)

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """By the HMAC-SHA256 of the body, hexadecimal."""
        proof = delivery.header("x-hub-signature")
        signed = ["sha256=" + hmac.digest(key.encode(), delivery.body, "sha256").hex() for key in secrets["secret"]]
        if not any_same(signed, proof):
            raise NotGenuine("x-hub-signature is not the body's")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The event, the object's id and when it changed: events have no id."""
        try:
            told: _Body = _body.decode(body)
            named: _Named = _named.decode(told.object)
        except UNREADABLE:
            return None
        name, at = id_of(named.id), named.updated_at or named.created_at or told.created_at
        return None if name is None or not at else f"{told.event}:{name}:{at}"

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The object."""
        try:
            name = id_of(_named.decode(_body.decode(payload).object).id)
        except UNREADABLE:
            return None
        return None if name is None else name.encode()

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What happened to a report. Raises Malformed."""
        body: _Body = decoded(_body, payload)
        if body.event not in ("report.created", "report.updated"):
            return Ignored("not_counted" if body.event in _OTHERS else "unknown_event")
        return _reported(body, decoded(_report, body.object, "$.object"), context)


def _reported(body: _Body, report: _Report, context: Context) -> Parsed:
    name = id_of(report.id)
    if name is None:
        raise Malformed("identity", "`$.object.id` is missing or empty: expected the id of a report")
    contact = contact_id(context.source, "mastodon", "report", name)
    queue = context.settings.get("queue") or MODERATION
    events: list[AnyEvent] = [
        *begun(
            context.source,
            contact,
            "social",
            instant(report.created_at or body.created_at, "$.object.created_at"),
            queue=queue,
            identifiers=_identifiers(report.account),
            tags=(report.category,) if report.category else (),
        )
    ]
    if body.event == "report.updated":
        events += _changed(body, report, context, contact, queue)
    return Events(tuple(events))


def _changed(body: _Body, report: _Report, context: Context, contact: str, queue: str) -> list[AnyEvent]:
    """Who took it, and whether it is done."""
    stamp = report.updated_at or body.created_at
    changed = instant(stamp, "$.object.updated_at")
    done = instant(report.action_taken_at, "$.object.action_taken_at") if report.action_taken_at else changed
    events: list[AnyEvent] = []
    taker = report.action_taken_by_account if report.action_taken else report.assigned_account
    agent = None if taker is None else taker.username or None
    time = done if report.action_taken else changed
    if agent is not None:
        events.append(answered(context.source, contact, "social", time, queue=queue, agent=agent))
    said: dict[str, Any] = {"channel": "social", "source": context.source, "contact": contact, "queue": queue}
    events.append(
        ContactStatusChanged(
            id=event_id(context.source, contact, stamp, "status"),
            time=from_ms(time),
            revision=MastodonAdmin.revision,
            agent=agent if report.action_taken else None,
            status="solved" if report.action_taken else "open",
            **said,
        )
    )
    return events


def _identifiers(person: _Person | None) -> tuple[str, ...]:
    """Mail address, and user@domain: the domain of who is on the instance itself stands in the profile's address."""
    if person is None:
        return ()
    found = [mail_identifier(person.email or "")]
    profile = _origin(person.account.url or "") if person.account else None
    domain = person.domain or (profile[1] if profile else None)
    if person.username and domain:
        found.append(f"mastodon:{person.username}@{domain}".lower())
    return tuple(each for each in found if each is not None)


PROVIDERS = (MastodonPush(), MastodonAdmin())
