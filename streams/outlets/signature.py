"""Signatures of webhooks by the Standard Webhooks specification: HMAC-SHA256 over id, timestamp and body."""

import base64
import binascii
import hashlib
import hmac

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
"""Headers of a signed webhook."""

PREFIX = "whsec_"
TOLERANCE = 300
"""Seconds that a receiver's clock may differ, and after which a copied request is refused."""


class NotGenuine(ValueError):
    """A webhook whose signature, id or time will not do; the message says which."""


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: base64 behind `whsec_`, any other text as it is.

    Raises ValueError for base64 that is none; the secret is not in the message.
    """
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret[len(PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"what follows {PREFIX} is not base64") from None


def sign(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """The signature header. `timestamp`: whole seconds since the epoch, of this try."""
    digest = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def verify(key: bytes, id_: str, timestamp: str, body: bytes, signature: str, now: int) -> None:
    """Raises NotGenuine unless one of the signatures (a space between two) is right and not older than TOLERANCE."""
    if not id_:
        raise NotGenuine(f"no {ID}")
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        raise NotGenuine(f"{TIMESTAMP} is no number of seconds")
    if abs(now - int(timestamp)) > TOLERANCE:
        raise NotGenuine(f"{TIMESTAMP} is more than {TOLERANCE} s from now")
    expected = sign(key, id_, int(timestamp), body).encode()
    if not any(hmac.compare_digest(expected, each.encode()) for each in signature.split(" ")):
        raise NotGenuine(f"{SIGNATURE} does not fit")
