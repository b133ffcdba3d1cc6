"""A worker as it was before a fault was mended: `python altered.py FAULTS worker ...`, faults with commas between.

`no-canonical`: the format `canonical` is not known yet. `halves`: the format `halves` is, with its first parser;
`halves-2`: with its second one. `rule`: working out contacts whose id begins with `bad` raises.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from agents.contacts import processor as contacts
from agents.contacts.learning import learn
from agents.intake import formats, processor
from agents.intake.parsing import Context, Events, Headers, Parsed
from agents.intake.webhook import begun
from schemas.events import Channel


class Halves:
    """Lines that speak of two contacts, so that one may fail and the other not: `contacts` and `time` (ms). The second
    parser has found out that they waited for sales."""

    name = "halves"
    channel: Channel = "chat"
    content_type = b"application/json"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = False

    def __init__(self, revision: int = 1) -> None:
        self.revision = revision

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The source."""
        return None

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """Of both."""
        return int(msgspec.json.decode(payload)["time"])

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Chat."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """Both wait."""
        said = msgspec.json.decode(payload)
        queue = "sales" if self.revision > 1 else "unknown"
        return Events(
            tuple(
                msgspec.structs.replace(event, revision=self.revision)
                for contact in said["contacts"]
                for event in begun(context.source, contact, "chat", said["time"], queue=queue)
            )
        )


def alter(faults: set[str]) -> None:
    """Bring the faults into this process."""
    known: dict[str, Any] = dict(formats.understood())
    if "no-canonical" in faults:
        del known["canonical"]
    if faults & {"halves", "halves-2"}:
        known["halves"] = Halves(2 if "halves-2" in faults else 1)
    vars(processor).update(understood=lambda: known)
    if "rule" in faults:

        def learn_or_raise(contact: Any, events: Any, terms: Any) -> int:
            if events[0].contact.startswith("bad"):
                raise ZeroDivisionError("a fault of the rule")
            return learn(contact, events, terms)

        vars(contacts).update(learn=learn_or_raise)


if __name__ == "__main__":
    alter(set(sys.argv.pop(1).split(",")))
    from agents.cli import main

    main()
