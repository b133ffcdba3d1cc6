"""A switchboard's manager interface: what its queues do, as Asterisk's AMI tells those who have logged in.

Protocol and events: Asterisk's documentation, "Asterisk Manager Interface (AMI)". Each event bears a Timestamp
(`timestampevents = yes`). Nothing is told again: who connects later asks for the state with QueueStatus.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import NamedTuple

from streams.simulator.centre import WITHHELD, Said
from streams.simulator.wires.listener import Listener

GREETING = b"Asterisk Call Manager/9.0.0\r\n"
Fields = Mapping[str, object]


def block(fields: Fields) -> bytes:
    """A block of `Key: value` lines."""
    return "".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n"


@dataclass
class _Member:
    name: str
    interface: str
    paused: str | None = None


class _Caller(NamedTuple):
    call: str
    number: str
    since: float


@dataclass
class _Queue:
    members: dict[str, _Member] = field(default_factory=dict)
    callers: dict[str, _Caller] = field(default_factory=dict)


class Switchboard:
    """What is said of calls and agents as events, and the state that they add up to."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._interfaces: dict[str, str] = {}
        self._legs: dict[str, str] = {}
        self._build: Mapping[str, Callable[[Said, _Queue], list[Fields]]] = {
            "ENTERQUEUE": self._join,
            "CONNECT": self._connect,
            "COMPLETEAGENT": self._complete,
            "COMPLETECALLER": self._complete,
            "BLINDTRANSFER": self._transfer,
            "ABANDON": self._abandon,
            "EXITWITHTIMEOUT": self._abandon,
            "RINGNOANSWER": self._no_answer,
            "ADDMEMBER": self._added,
            "REMOVEMEMBER": self._removed,
            "PAUSE": self._pause,
            "UNPAUSE": self._pause,
        }

    def blocks(self, said: Said) -> list[bytes]:
        """The events of one thing that is said; none for what AMI does not tell."""
        build = self._build.get(said.event)
        if build is None:
            return []
        queue = self._queues.setdefault(said.queue, _Queue())
        return [
            block({"Event": event["Event"], "Privilege": "agent,all", "Timestamp": f"{said.at:.6f}", **event})
            for event in build(said, queue)
        ]

    def status(self, now: float, action: str) -> list[bytes]:
        """The answer to QueueStatus. `action`: its ActionID line, or nothing."""
        tail = {"ActionID": action} if action else {}
        head: Fields = {"Response": "Success", **tail, "EventList": "start", "Message": "Queue status will follow"}
        items: list[Fields] = [{**item, **tail} for item in self._items(now)]
        end = {"Event": "QueueStatusComplete", **tail, "EventList": "Complete", "ListItems": len(items)}
        return [block(each) for each in (head, *items, end)]

    def _items(self, now: float) -> list[Fields]:
        items: list[Fields] = []
        for name, queue in self._queues.items():
            items.append(
                {"Event": "QueueParams", "Queue": name, "Strategy": "leastrecent", "Calls": len(queue.callers)}
            )
            items += [_member_item(name, member) for member in queue.members.values()]
            items += [
                {
                    "Event": "QueueEntry",
                    "Queue": name,
                    "Position": position,
                    "Channel": _channel(caller.call),
                    "Uniqueid": caller.call,
                    "CallerIDNum": caller.number,
                    "Wait": int(now) - int(caller.since),
                }
                for position, caller in enumerate(queue.callers.values(), 1)
            ]
        return items

    # -- calls ---------------------------------------------------------------------------------------------

    def _join(self, said: Said, queue: _Queue) -> list[Fields]:
        queue.callers[said.call] = _Caller(said.call, _number(said.data[1]), said.at)
        place = {"Queue": said.queue, "Position": said.data[2], "Count": len(queue.callers)}
        return [{"Event": "QueueCallerJoin", **_leg(said), "CallerIDNum": _number(said.data[1]), **place}]

    def _leave(self, said: Said, queue: _Queue) -> Fields:
        position = list(queue.callers).index(said.call) + 1 if said.call in queue.callers else 1
        queue.callers.pop(said.call, None)
        place = {"Queue": said.queue, "Position": position, "Count": len(queue.callers)}
        return {"Event": "QueueCallerLeave", **_leg(said), **place}

    def _connect(self, said: Said, queue: _Queue) -> list[Fields]:
        hold, channel, ring = said.data
        self._legs[said.call] = channel
        times = {"HoldTime": hold, "RingTime": ring}
        answered = {"Event": "AgentConnect", **_leg(said), "DestUniqueid": channel, **self._agent(said), **times}
        return [self._leave(said, queue), answered]

    def _complete(self, said: Said, queue: _Queue) -> list[Fields]:
        reason = "caller" if said.event == "COMPLETECALLER" else "agent"
        self._legs.pop(said.call, None)
        return [self._completed(said, said.data[0], said.data[1], reason)]

    def _transfer(self, said: Said, queue: _Queue) -> list[Fields]:
        extension, context, hold, talk = said.data[:4]
        leg = self._legs.get(said.call, said.call)
        legs = {
            "TransfererChannel": f"{self._interface(said.agent)}-{_suffix(leg)}",
            "TransfererUniqueid": leg,
            "TransfererLinkedid": said.call,
            **{f"Transferee{key}": value for key, value in _leg(said).items()},
        }
        moved = {"Event": "BlindTransfer", "Result": "Success", **legs, "Context": context, "Extension": extension}
        return [moved, self._completed(said, hold, talk, "transfer")]

    def _completed(self, said: Said, hold: str, talk: str, reason: str) -> Fields:
        times = {"HoldTime": hold, "TalkTime": talk, "Reason": reason}
        return {"Event": "AgentComplete", **_leg(said), **self._agent(said), **times}

    def _abandon(self, said: Said, queue: _Queue) -> list[Fields]:
        position, original, wait = said.data
        place = {"Queue": said.queue, "Position": position, "OriginalPosition": original, "HoldTime": wait}
        return [self._leave(said, queue), {"Event": "QueueCallerAbandon", **_leg(said), **place}]

    def _no_answer(self, said: Said, queue: _Queue) -> list[Fields]:
        return [{"Event": "AgentRingNoAnswer", **_leg(said), **self._agent(said), "RingTime": said.data[0]}]

    # -- agents --------------------------------------------------------------------------------------------

    def _added(self, said: Said, queue: _Queue) -> list[Fields]:
        member = queue.members[said.agent] = _Member(said.agent, self._interface(said.agent))
        return [_member_event("QueueMemberAdded", said, member)]

    def _removed(self, said: Said, queue: _Queue) -> list[Fields]:
        member = queue.members.pop(said.agent, None) or _Member(said.agent, self._interface(said.agent))
        return [_member_event("QueueMemberRemoved", said, member)]

    def _pause(self, said: Said, queue: _Queue) -> list[Fields]:
        member = queue.members.setdefault(said.agent, _Member(said.agent, self._interface(said.agent)))
        member.paused = said.data[0] if said.event == "PAUSE" else None
        return [_member_event("QueueMemberPause", said, member)]

    def _agent(self, said: Said) -> Fields:
        return {"Queue": said.queue, "MemberName": said.agent, "Interface": self._interface(said.agent)}

    def _interface(self, agent: str) -> str:
        return self._interfaces.setdefault(agent, f"PJSIP/{200 + len(self._interfaces)}")


def _number(said: str) -> str:
    return "<unknown>" if said == WITHHELD else said


def _channel(call: str) -> str:
    return f"PJSIP/trunk-{_suffix(call)}"


def _suffix(call: str) -> str:
    return f"{int(call.partition('.')[2]):08x}"


def _leg(said: Said) -> Fields:
    return {"Channel": _channel(said.call), "Uniqueid": said.call, "Linkedid": said.call}


def _state(member: _Member) -> Fields:
    return {
        "Membership": "dynamic",
        "Penalty": 0,
        "CallsTaken": 0,
        "LastCall": 0,
        "LastPause": 0,
        "InCall": 0,
        "Status": 1,
        "Paused": 0 if member.paused is None else 1,
        "PausedReason": member.paused or "",
        "Wrapuptime": 0,
    }


def _member_event(event: str, said: Said, member: _Member) -> Fields:
    who = {"MemberName": member.name, "Interface": member.interface, "StateInterface": member.interface}
    return {"Event": event, "Queue": said.queue, **who, **_state(member)}


def _member_item(queue: str, member: _Member) -> Fields:
    who = {"Name": member.name, "Location": member.interface, "StateInterface": member.interface}
    return {"Event": "QueueMember", "Queue": queue, **who, **_state(member)}


class Ami(Listener):
    """The manager interface of a switchboard. `logged_in` is set while somebody listens."""

    def __init__(self, board: Switchboard, user: str, secret: str, clock: Callable[[], float], port: int = 0) -> None:
        super().__init__(port)
        self.logged_in = asyncio.Event()
        self._board = board
        self._user = user
        self._secret = secret
        self._clock = clock
        self._listeners: set[asyncio.StreamWriter] = set()

    def say(self, said: Said) -> None:
        """Tell it to all who listen."""
        for each in self._board.blocks(said):
            for writer in self._listeners:
                writer.write(each)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: logged in first, then told of what happens."""
        try:
            await self._answered(reader, writer)
        finally:
            self._listeners.discard(writer)
            if not self._listeners:
                self.logged_in.clear()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        challenge = ""
        while action := await _action(reader):
            name = action.get("action", "").lower()
            tail = {"ActionID": action["actionid"]} if "actionid" in action else {}
            if name == "challenge":
                challenge = str(secrets.randbelow(10**9))
                writer.write(block({"Response": "Success", **tail, "Challenge": challenge}))
            elif name == "login":
                self._log_in(action, challenge, tail, writer)
            elif writer not in self._listeners:
                writer.write(block({"Response": "Error", **tail, "Message": "Permission denied"}))
            elif name == "logoff":
                writer.write(block({"Response": "Goodbye", **tail, "Message": "Thanks for all the fish."}))
                return
            else:
                self._answer(name, action, tail, writer)
            await writer.drain()

    def _log_in(self, action: Mapping[str, str], challenge: str, tail: Fields, writer: asyncio.StreamWriter) -> None:
        if action.get("authtype", "").upper() == "MD5":
            proof = md5(f"{challenge}{self._secret}".encode(), usedforsecurity=False).hexdigest()
            genuine = bool(challenge) and hmac.compare_digest(proof, action.get("key", "").lower())
        else:
            genuine = hmac.compare_digest(self._secret.encode(), action.get("secret", "").encode())
        if action.get("username") != self._user or not genuine:
            writer.write(block({"Response": "Error", **tail, "Message": "Authentication failed"}))
            return
        writer.write(block({"Response": "Success", **tail, "Message": "Authentication accepted"}))
        writer.write(block({"Event": "FullyBooted", "Privilege": "system,all", "Status": "Fully Booted"}))
        self._listeners.add(writer)
        self.logged_in.set()

    def _answer(self, name: str, action: Mapping[str, str], tail: Fields, writer: asyncio.StreamWriter) -> None:
        if name == "queuestatus":
            for each in self._board.status(self._clock(), action.get("actionid", "")):
                writer.write(each)
        elif name == "ping":
            pong = {"Response": "Success", **tail, "Ping": "Pong", "Timestamp": f"{self._clock():.6f}"}
            writer.write(block(pong))
        elif name == "events":
            writer.write(block({"Response": "Success", **tail, "Events": "On"}))
        else:
            writer.write(block({"Response": "Error", **tail, "Message": "Invalid/unknown command"}))


async def _action(reader: asyncio.StreamReader) -> dict[str, str]:
    """The next action, its keys in lower case; empty at the end. Raises ValueError for a line without an end."""
    action: dict[str, str] = {}
    while line := await reader.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            key, _, value = text.partition(":")
            action[key.strip().lower()] = value.strip()
        elif action:
            return action
    return {}
