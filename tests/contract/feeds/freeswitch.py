"""FreeSWITCH's event socket: a call that is offered, answered and over."""

from __future__ import annotations

from pathlib import Path

import msgspec

from streams.connectors.feeds.freeswitch import KIND, LARGEST_BODY
from streams.connectors.line_records import LineRecord
from tests.contract.feed_kit import Told
from tests.contract.feeds._boards import BoardStand
from tests.integration.test_freeswitch import PASSWORD, Switch, frame


def happened(action: str, second: int, **more: str) -> bytes:
    said = {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "callcenter::info",
        "Core-UUID": "2f9b",
        "Event-Sequence": str(4_711 + second),
        "Event-Date-Timestamp": f"{1_792_490_400 + second}118231",
        "CC-Action": action,
        "CC-Queue": "support@default",
        "CC-Member-UUID": "m1",
        "CC-Member-Session-UUID": "s1",
        "CC-Member-CID-Name": "Anä M.",
        "CC-Member-CID-Number": "+4930901820",
    }
    return msgspec.json.encode(said | {name.replace("_", "-"): value for name, value in more.items()})


AGENT, ANSWER = "201@default", "1792490412"
JOINED = happened("member-queue-start", 0)
ANSWERED = happened(
    "bridge-agent-start", 12, CC_Agent=AGENT, CC_Agent_Answered_Time=ANSWER, CC_Member_Joined_Time="1792490400"
)
OVER = happened(
    "member-queue-end",
    40,
    CC_Agent=AGENT,
    CC_Cause="Terminated",
    CC_Agent_Answered_Time=ANSWER,
    CC_Member_Leaving_Time="1792490440",
)
BEGUN = ("contact.created", "contact.offered")


class FreeswitchStand(BoardStand):
    """A kind of feed: `freeswitch`."""

    name, kind, format = "freeswitch", KIND, KIND.format
    secrets, secret = {"password": PASSWORD}, "password"
    refusal = "the login was refused: -ERR invalid"
    too_large = f"a frame has a length of '{LARGEST_BODY + 1}'"
    headers = ("freeswitch-received",)
    conversation = (Told(JOINED, BEGUN), Told(ANSWERED, ("contact.answered",)), Told(OVER, ("contact.ended",)))
    unknown = Told(happened("member-queue-polish", 1), ("ignored", "unlisted_event"))
    no_utf8 = Told(JOINED.replace(b"An\xc3\xa4", b"An\xff\xfe"), BEGUN)
    torn = Told(JOINED[: len(JOINED) // 2], ("failed", "syntax"))
    greeted = 2
    endless = f"Content-Type: text/event-json\nContent-Length: {LARGEST_BODY + 1}\n\n".encode()

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.peer = switch = Switch()
        switch.meanwhile = b""

    def framed(self, told: Told) -> bytes:
        return frame("text/event-json", told.payload)

    def said(self) -> list[LineRecord]:
        return [each for each in self.shelf.records if "freeswitch-command" not in dict(each.headers)]


STANDS = (FreeswitchStand,)
