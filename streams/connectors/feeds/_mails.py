"""What the feeds of mails have in common."""

import re
from collections.abc import Mapping

from streams.connectors.lines import HEAD

FORMAT = "mail"
"""The format of the records; agents.intake has it."""

INTAKE_SETTINGS = ("addresses", "queue")
"""Settings that the format reads and no feed."""

_BLANK_LINE = re.compile(rb"(?:\A|\r?\n)\r?\n")
_FIELD = re.compile(rb"^message-id[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)", re.IGNORECASE | re.MULTILINE)
_IN_ANGLES = re.compile(r"<([^<>]+)>")
_LONGEST_ID = 998


def message_id(mail: bytes) -> str | None:
    """The Message-ID of a mail without its brackets; None where its header has none, or several.

    >>> message_id(b"From: a@shop.example\\r\\nMessage-ID: <Fw-2@kunde.example>\\r\\n\\r\\nHello")
    'Fw-2@kunde.example'
    """
    head = mail[:HEAD]
    end = _BLANK_LINE.search(head)
    found = _FIELD.findall(head if end is None else head[: end.start()])
    if len(found) != 1:
        return None
    text = "".join(found[0].decode("utf-8", "replace").split())
    bracketed = _IN_ANGLES.search(text)
    return (bracketed[1] if bracketed else text)[:_LONGEST_ID] or None


def listed(settings: Mapping[str, str], name: str, otherwise: str = "") -> tuple[str, ...]:
    """The texts of a setting, which has commas between them."""
    return tuple(dict.fromkeys(each.strip() for each in settings.get(name, otherwise).split(",") if each.strip()))
