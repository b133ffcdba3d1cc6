"""E-mail addresses as identifiers."""

import re

_ADDRESS = re.compile(r"[^@\s<>,;:()\"\[\]\\]+@[^@\s<>,;:()\"\[\]\\]+")
_LONGEST = 254
"""Characters of an address that can be delivered to (RFC 5321)."""


def mail_identifier(address: str) -> str | None:
    """`mailto:` and the address in lower case, or None where it is no plain address: a wrong one would merge strangers.

    Domains do not tell cases apart, and hardly a mailbox does.

    >>> mail_identifier(" Ana@Kunde.example ")
    'mailto:ana@kunde.example'
    >>> mail_identifier("Ana Kunde") is None
    True
    """
    address = address.strip().lower().removesuffix(".")
    if len(address) > _LONGEST or not _ADDRESS.fullmatch(address):
        return None
    return f"mailto:{address}"
