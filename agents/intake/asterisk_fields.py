"""The fields of one line of Asterisk's queue_log, bars inside names and all.

Only a caller's name is cleaned of bars by Asterisk. A bar in a member's name shifts the event to the right; one in a
reason or a URL shifts the data. Each is put together again where the rest of the line says how.
"""

import re

import msgspec

from agents.intake.parsing import Malformed, shown

CONTACTLESS = frozenset({"", "NONE", "REALTIME", "MANAGER", "CLI"})
"""What stands in the place of a call's id where the event is not about a call."""

DATA_FIELDS: dict[str, tuple[int, int]] = {
    "QUEUESTART": (0, 1),
    "CONFIGRELOAD": (0, 1),
    "ENTERQUEUE": (2, 4),
    "CONNECT": (1, 3),
    "COMPLETEAGENT": (2, 3),
    "COMPLETECALLER": (2, 3),
    "ABANDON": (3, 3),
    "EXITWITHTIMEOUT": (1, 3),
    "EXITEMPTY": (1, 3),
    "EXITWITHKEY": (2, 4),
    "WITHDRAW": (3, 4),
    "SYSCOMPAT": (0, 1),
    "RINGNOANSWER": (1, 1),
    "RINGCANCELED": (1, 1),
    "AGENTDUMP": (0, 1),
    "BLINDTRANSFER": (4, 5),
    "TRANSFER": (2, 5),
    "ATTENDEDTRANSFER": (4, 6),
    "ADDMEMBER": (0, 1),
    "REMOVEMEMBER": (0, 1),
    "PAUSE": (0, 1),
    "UNPAUSE": (0, 1),
    "PAUSEALL": (0, 1),
    "UNPAUSEALL": (0, 1),
    "PENALTY": (0, 1),
    "RINGINUSE": (0, 1),
    "AGENTLOGIN": (0, 1),
    "AGENTLOGOFF": (0, 2),
    "AGENTCALLBACKLOGIN": (0, 1),
    "AGENTCALLBACKLOGOFF": (0, 3),
    "OUTCALL": (1, 3),
}
"""Event -> fewest data fields that any version writes, and the most."""

_NAME_OF_EVENT = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_HEAD = 5
_FARTHEST_EVENT = 8
_LONGEST_NUMBER = 9
_TEXT_LAST = frozenset({"ENTERQUEUE", "WITHDRAW", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "OUTCALL"})


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line, taken apart. `data` has at least one field."""

    epoch: str
    callid: str
    queue: str
    agent: str
    event: str
    data: list[str]

    def number(self, index: int, what: str) -> float | None:
        """Data field `index` (from 0) as a number; None where the version of Asterisk does not write it, or a step of
        the clock made it negative. Raises Malformed where it is none."""
        if index >= len(self.data):
            return None
        text = self.data[index]
        if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
            return float(text)
        if not text or (text[0] == "-" and text[1:].isdigit()):
            return None
        raise Malformed(
            "syntax", f"{self.event}: data field {index + 1} ({what}) is {shown(text)}, a whole number is expected"
        )


def split_line(text: str) -> Line:
    """Take one line apart. Raises Malformed where it has not even an event."""
    fields = text.split("|")
    if len(fields) < _HEAD:
        raise Malformed(
            "syntax",
            f"{len(fields)} fields in {shown(text)}, at least 5 are expected: epoch|callid|queue|agent|EVENT|data...",
        )
    event = fields[4]
    if event in DATA_FIELDS:
        return Line(fields[0], fields[1], fields[2], fields[3], event, _data(event, fields[_HEAD:]))
    if not _NAME_OF_EVENT.match(event):
        # An event made by a dialplan is a name too; what is none is the rest of an agent's name with a bar in it.
        for index in range(_HEAD, min(len(fields), _FARTHEST_EVENT)):
            if fields[index] in DATA_FIELDS:
                event = fields[index]
                agent = "|".join(fields[3:index])
                return Line(fields[0], fields[1], fields[2], agent, event, _data(event, fields[index + 1 :]))
        if not event.strip():
            raise Malformed("syntax", f"field 5, the event, is empty in {shown(text)}")
    return Line(fields[0], fields[1], fields[2], fields[3], event, fields[_HEAD:] or [""])


def _data(event: str, data: list[str]) -> list[str]:
    fewest, most = DATA_FIELDS[event]
    if len(data) < fewest:
        raise Malformed("schema", f"{event} has {len(data)} data fields, at least {fewest} are expected")
    if len(data) > most or (len(data) == most and event == "ENTERQUEUE"):
        return _joined(event, data, most)
    return data or [""]


def _joined(event: str, data: list[str], most: int) -> list[str]:
    """Too many fields: bars inside one of them. What can hold text, and where numbers stand, tells which."""
    extra = len(data) - most
    if event in ("BLINDTRANSFER", "TRANSFER"):
        return [data[0], "|".join(data[1 : 2 + extra]), *data[2 + extra :]]
    if event == "ENTERQUEUE" and not data[2].isdigit():
        # In the URL, which the dialplan sets: the number and the position stand behind it.
        place = next((index for index in (len(data) - 1, len(data) - 2) if data[index].isdigit()), 2)
        return ["|".join(data[: place - 1]), *data[place - 1 :]]
    return [*data[: most - 1], "|".join(data[most - 1 :])] if event in _TEXT_LAST else data


def attended_transfer(line: Line) -> tuple[str | None, int]:
    """Whom an attended transfer went to, where the line says it, and which data field is the talk time.

    `BRIDGE|id|hold|talk|position`, `APP|application|hold|talk|position`, `LINK|channel|channel|hold|talk|position`;
    the realtime table keeps five fields, so a LINK out of it has lost its position.
    """
    kind, data = line.data[0], line.data
    if kind == "LINK":
        return data[2] or None, 4
    # The numbers are the last three, so that a bar in the application's name does no harm.
    talk = max(3, len(data) - 2)
    return ("|".join(data[1 : talk - 1]) or None) if kind == "APP" else None, talk
