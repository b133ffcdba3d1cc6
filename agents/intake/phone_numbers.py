"""Callers' numbers as identifiers."""

from functools import lru_cache

import phonenumbers

_DIALLED = frozenset("+0123456789 ()-./")


@lru_cache(maxsize=65_536)
def phone_identifier(number: str, region: str | None) -> str | None:
    """`tel:+E164` of a caller's number as the trunk sent it, or None where it names nobody.

    A withheld number (`anonymous`, `Restricted`, nothing), an address (`sip:`, `client:`), an internal extension and
    what is not a valid number are no identifiers: a wrong one would merge strangers. Without a region only numbers
    that begin with + can be told.

    >>> phone_identifier("030 901820", "DE")
    'tel:+4930901820'
    >>> phone_identifier("201", "DE") is None
    True
    """
    # The library digs numbers out of any text, out of the host of an address too.
    if not _DIALLED.issuperset(number):
        return None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return "tel:" + phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
