"""What Twilio's webhooks have in common: the signature, the form, instants.

A request is signed without a time, so an old one stays genuine: only its ids tell that it came before. Facts:
twilio/twilio-python `twilio/request_validator.py`; Twilio's "Webhooks security" and "Connection overrides".
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl

from agents.intake.parsing import Context, Headers, Malformed, shown
from agents.intake.webhook import Webhook
from schemas.instants import to_ms
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same, same

TOKEN = "i-twilio-idempotency-token"  # noqa: S105
"""Header with Twilio's name of a request, the same when it sends it again."""

LARGEST_FORM = 256 * 1024
"""Bytes: many times as much as attributes of tasks and texts of messages may have."""

_MOST_FIELDS = 10_000
_LONGEST_NUMBER = 15
_LATEST_MS = 1 << 43
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(r"(https?)://([^/?#:]+)(:\d+)?([/?#].*)?", re.DOTALL)


class Fields:
    """Fields of one event. A blank one counts as missing."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def get(self, name: str) -> str | None:
        """A field, None where it is missing or blank."""
        return self._fields.get(name) or None

    def raw(self, name: str) -> str | None:
        """A field that may be blank, None where it is missing."""
        return self._fields.get(name)

    def text(self, name: str) -> str:
        """A field that is needed. Raises Malformed where it is missing or blank."""
        value = self.get(name)
        if value is None:
            raise Malformed("schema", f"field {name} is missing or blank")
        return value

    def sid(self, name: str) -> str:
        """A field that names the thing. Raises Malformed where it is missing or blank."""
        value = self.get(name)
        if value is None:
            raise Malformed("identity", f"field {name} is missing or blank: nobody can say what this is about")
        return value

    def number(self, name: str) -> int | None:
        """A whole number of 0 or more, None where the field is missing or blank. Raises Malformed for other text."""
        value = self.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER):
            raise Malformed("schema", f"field {name} is {shown(value)}: a whole number is expected")
        return int(value)


class Form(Fields):
    """Fields of a posted form. Of one that is repeated the first value counts.

    Raises Malformed for bytes that are no form in UTF-8.
    """

    __slots__ = ()

    def __init__(self, payload: bytes) -> None:
        try:
            pairs = _pairs(payload)
        except ValueError as error:
            raise Malformed("syntax", f"no form in UTF-8: {error}") from None
        fields: dict[str, str] = {}
        for name, value in pairs:
            fields.setdefault(name, value)
        super().__init__(fields)


def fields_of(payload: bytes) -> Fields:
    """The form of any bytes; an empty one where they are no form."""
    try:
        return Form(payload)
    except Malformed:
        return Form(b"")


def mail_date(form: Fields, name: str) -> int:
    """A field with a date as in mails (`Tue, 20 Oct 2026 10:00:00 +0000`), ms. Raises Malformed."""
    value = _dated(form, name)
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise Malformed("time", f"field {name} is {shown(value)}: a date as in RFC 5322 is expected") from None
    return _possible(instant, name)


def iso_date(form: Fields, name: str) -> int:
    """A field with an ISO 8601 instant, ms. Raises Malformed."""
    value = _dated(form, name)
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise Malformed("time", f"field {name} is {shown(value)}: an instant as in ISO 8601 is expected") from None
    return _possible(instant, name)


def received_at(context: Context) -> int:
    """When a request came, ms: as the gateway put it down, which a copy of the record keeps, else when it was read."""
    text = context.headers.get("ce_time", b"").decode("utf-8", "replace")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return context.read_at
    return _possible(instant, "ce_time")


def possible_ms(ms: int, name: str) -> int:
    """An instant in ms since the epoch. Raises Malformed where it lies beyond the 22nd century."""
    if not 0 <= ms < _LATEST_MS:
        raise Malformed("time", f"field {name} is {ms} ms since 1970: no instant of this time")
    return ms


class Twilio(Webhook):
    """Defaults of Twilio's webhooks. It sends again only where the connection failed. A form is read before it is
    proven, so it may be no larger than it has to be."""

    content_type = b"application/x-www-form-urlencoded"
    secret_names = ("auth_token",)
    largest = LARGEST_FORM
    seconds = 15.0
    tries_again = False
    kept: tuple[str, ...] = (TOKEN,)

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """X-Twilio-Signature: HMAC-SHA1 of the public URL and the sorted fields, or of a URL with the body's digest."""
        given = delivery.header("x-twilio-signature")
        said = _signed_fields(delivery)
        proofs = [
            _proof(token, address + said)
            for token in secrets.get("auth_token", ())
            for address in _addresses(delivery.url)
        ]
        if not any_same(proofs, given):
            raise NotGenuine("X-Twilio-Signature is of another Auth Token, public URL or body")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """Twilio's name of the request."""
        return headers.get(TOKEN, b"").decode("utf-8", "replace") or None


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)


def _signed_fields(delivery: Delivery) -> str:
    digest = dict(delivery.query).get("bodySHA256")
    if digest is not None:
        if not same(hashlib.sha256(delivery.body).hexdigest(), digest.lower()):
            raise NotGenuine("bodySHA256 is not the digest of the body")
        return ""
    if len(delivery.body) > LARGEST_FORM:
        raise NotGenuine(f"a body of over {LARGEST_FORM:,} bytes needs bodySHA256 in the address")
    try:
        pairs = _pairs(delivery.body)
    except ValueError:
        raise NotGenuine("the body is no form in UTF-8") from None
    return "".join(name + value for name, value in sorted(set(pairs)))


def _addresses(url: str) -> tuple[str, ...]:
    """The URL with and without its port: Twilio signs either."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return (url,)
    scheme, host, port, rest = found.groups(default="")
    other = "" if port else f":{_DEFAULT_PORTS[scheme]}"
    return (url, f"{scheme}://{host}{other}{rest}")


def _proof(token: str, said: str) -> str:
    return b64encode(hmac.digest(token.encode(), said.encode("utf-8", "surrogatepass"), "sha1")).decode()


def _dated(form: Fields, name: str) -> str:
    value = form.get(name)
    if value is None:
        raise Malformed("time", f"field {name} is missing or blank: nobody can say when this happened")
    return value


def _possible(instant: datetime, name: str) -> int:
    return possible_ms(to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC)), name)
