"""Parts of a profile in their JSON: whoever encodes what holds them copies their bytes."""

from typing import TypeVar

import msgspec

T = TypeVar("T")

_raw = msgspec.Raw
_encode = msgspec.json.Encoder().encode


def encoded(part: T) -> T:
    """A part that is told more than once, in its JSON. It can be told and handed on, not read."""
    return _raw(_encode(part))  # type: ignore[return-value]
