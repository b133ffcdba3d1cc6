"""Asterisk's manager interface: a call that is offered, answered and over."""

from __future__ import annotations

from pathlib import Path

from streams.connectors.feeds.ami import KIND
from streams.connectors.line_records import LineRecord
from tests.contract.feed_kit import Told
from tests.contract.feeds._boards import BoardStand
from tests.integration.test_ami import SECRET, Switchboard, block

MEMBER = {"Queue": "support", "MemberName": "Tom Ode", "Interface": "PJSIP/201"}


def happened(event: str, second: int, **more: str) -> bytes:
    at = {"Timestamp": f"{1_792_490_400 + second}.118231", "CallerIDNum": "+4930901820"}
    return block(event, **at, Uniqueid="1792490399.42", Linkedid="1792490399.42", **more)


JOINED = happened("QueueCallerJoin", 0, Queue="support", CallerIDName="Anä: M.", Position="1")
ANSWERED = happened("AgentConnect", 12, **MEMBER, HoldTime="12")
OVER = happened("AgentComplete", 40, **MEMBER, TalkTime="28", Reason="caller")
BEGUN = ("contact.created", "contact.offered")


class AmiStand(BoardStand):
    """A kind of feed: `ami`."""

    name, kind, format = "ami", KIND, KIND.format
    secrets, secret = {"user": "floorwalker", "secret": SECRET}, "secret"
    refusal = "the login was refused: Authentication failed"
    too_large = "a frame is longer than 65,536 bytes"
    headers = ("ami-received", "ami-sequence")
    conversation = (Told(JOINED, BEGUN), Told(ANSWERED, ("contact.answered",)), Told(OVER, ("contact.ended",)))
    # Events that nobody asked for are a flood that says nothing of queues: the connector leaves them out.
    unknown = Told(happened("QueueCallerPolished", 1, Queue="support"), ())
    # A caller's name may be in any encoding.
    no_utf8 = Told(JOINED.replace(b"An\xc3\xa4", b"An\xff\xfe"), BEGUN)
    torn = Told(b"\r\n".join(JOINED.split(b"\r\n")[:1]) + b"\r\n\r\n", ("failed", "identity"))
    endless = b"Event: QueueCallerJoin\r\nCallerIDName: "
    # Ids are of the connection and its place in it; what happened has ids of its own.
    same_ids = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.peer = board = Switchboard()
        board.meanwhile = b""
        board.waiting = []

    def said(self) -> list[LineRecord]:
        return [each for each in self.shelf.records if "ami-asked" not in dict(each.headers)]


STANDS = (AmiStand,)
