"""A thread of three mails as they come from files, mailboxes and servers."""

from tests.contract.feed_kit import Told
from tests.contract.fixtures._mails import MAILS, OURS, SAYS, Mail

SETTINGS = {"addresses": OURS}


def raw(mail: Mail, content: bytes = b"", **more: str) -> bytes:
    """A mail with CR LF."""
    fields = [*mail.fields, *((name.replace("_", "-"), value) for name, value in more.items())]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return head.encode() + b"\r\n" + (content or mail.text.encode()) + b"\r\n"


CONVERSATION = tuple(Told(raw(mail), says) for mail, says in zip(MAILS, SAYS, strict=True))
UNKNOWN = Told(b"polished\r\n", ("failed", "schema"))
NO_UTF8 = Told(raw(MAILS[0], b"Where is my \xff\xfe parcel?"), SAYS[0])
TORN = Told(CONVERSATION[0].payload[:-10] + b"\r\n", SAYS[0])
"""A mail says nowhere how long it is: what is cut off is a shorter mail."""


def large(size: int) -> bytes:
    """A mail of more bytes than this."""
    line = b"x" * 76 + b"\r\n"
    return raw(MAILS[0]) + line * (size // len(line) + 1)
