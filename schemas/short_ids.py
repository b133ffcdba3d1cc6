"""Ids as state keeps them: a UUID is 17 bytes, and 36 letters where it is told."""

from functools import lru_cache

ShortId = bytes
"""'u' and the 16 bytes of a UUID in its usual form (lower case, with hyphens), or 's' and anything else in UTF-8."""


_KEPT = 256
"""Ids of which the other form is kept ready: each is asked for several times while something is under way."""


@lru_cache(maxsize=_KEPT)
def shortened(name: str) -> ShortId:
    """The short form of an id.

    >>> len(shortened("6fa459ea-ee8a-3ca4-894e-db77e160355e")), shortened("call-17")
    (17, b'scall-17')
    """
    if len(name) == 36:
        try:
            short = b"u" + bytes.fromhex(name.replace("-", ""))
        except ValueError:
            return b"s" + name.encode()
        if full(short) == name:
            return short
    return b"s" + name.encode()


@lru_cache(maxsize=_KEPT)
def full(short: ShortId) -> str:
    """The id that was shortened.

    >>> full(shortened("6fa459ea-ee8a-3ca4-894e-db77e160355e")), full(shortened("call-17"))
    ('6fa459ea-ee8a-3ca4-894e-db77e160355e', 'call-17')
    """
    if short[:1] == b"s":
        return short[1:].decode()
    digits = short.hex()
    return f"{digits[2:10]}-{digits[10:14]}-{digits[14:18]}-{digits[18:22]}-{digits[22:]}"
