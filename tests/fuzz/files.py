"""Payloads of the formats that come of files and connections, not of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from streams.connectors.http_lines import HANDSHAKE
from streams.connectors.secrets import Source
from tests.contract.fixtures._mails import MAILS
from tests.fuzz.mutations import Sample

SOURCE = "fuzz"
QUEUE_LOG = """\
1792490300|1792490300.1|support|NONE|ENTERQUEUE||+4930901820|1
1792490310|1792490300.1|support|PJSIP/mia|RINGNOANSWER|5000
1792490320|1792490300.1|support|PJSIP/mia|CONNECT|20|1792490315.2|5
1792490350|1792490300.1|support|PJSIP/mia|COMPLETECALLER|20|30|1
1792490351|1792490301.1|support|NONE|ABANDON|1|1|20
1792490352|1792490302.1|support|PJSIP/mia|ATTENDEDTRANSFER|BRIDGE|1234|20|30|1
1792490353|1792490303.1|support|PJSIP/mia|BLINDTRANSFER|200|sales|20|30|1
1792490354|1792490304.1|support|NONE|EXITWITHTIMEOUT|1|1|60
1792490355|1792490305.1|support|NONE|EXITWITHKEY|9|1|1|60
1792490356|NONE|NONE|PJSIP/mia|PAUSE|lunch
1792490357|NONE|support|Mia | Berg|ADDMEMBER|PAUSED
1792490358|NONE|NONE|NONE|QUEUESTART|
1792490359|1792490306.1|NONE|Agent/7|AGENTLOGOFF|PJSIP/7|3600
""".splitlines()
BANK_COLUMNS = (
    b"vru+line,call_id,customer_id,priority,type,date,vru_entry,vru_exit,vru_time,q_start,q_exit,q_time,outcome,"
    b"ser_start,ser_exit,ser_time,server"
)
BANK = """\
AA0101,33116,9664491,2,PS,990901,11:45:33,11:45:39,6,11:45:39,11:46:58,79,AGENT,11:46:57,11:51:00,243,DORIT
AA0101,33117,0,0,PS,990901,14:49:00,14:49:06,6,14:49:06,14:53:00,234,HANG,00:00:00,00:00:00,0,NO_SERVER
AA0101,33118,27997683,2,PE,1999-09-01,23:59:50,00:00:06,16,00:00:06,00:00:06,0,AGENT,00:00:05,00:01:10,65,TOVA
AA0101,33119,0,0,NW,990901,11:02:50,11:02:56,6,0:00:00,0:00:00,0,PHANTOM,0:00:00,0:00:00,0,NO_SERVER
""".splitlines()


BLOCKS = (
    "QueueCallerJoin|Queue=support|Position=1|Count=1",
    "QueueCallerAbandon|Queue=support|Position=1|OriginalPosition=1|HoldTime=30",
    "AgentRingNoAnswer|Queue=support|Interface=PJSIP/201|MemberName=Tom|RingTime=5000",
    "AgentConnect|Queue=support|Interface=PJSIP/201|MemberName=Tom|HoldTime=12|RingTime=3",
    "AgentComplete|Queue=support|Interface=PJSIP/201|MemberName=Tom|HoldTime=12|TalkTime=30|Reason=transfer",
    "Hold|Channel=PJSIP/201",
    "QueueMemberPause|Queue=support|Interface=PJSIP/201|MemberName=Tom|Paused=1|PausedReason=lunch|Status=1",
)
FREESWITCH = {
    "Event-Name": "CUSTOM",
    "Event-Subclass": "callcenter::info",
    "Event-Date-Timestamp": "1792490412118231",
    "CC-Queue": "support@default",
    "CC-Agent": "201@default",
    "CC-Agent-Called-Time": "1792490409",
    "CC-Agent-Answered-Time": "1792490412",
    "CC-Agent-Aborted-Time": "1792490411",
    "CC-Member-Joined-Time": "1792490400",
    "CC-Member-Leaving-Time": "1792490430",
    "CC-Member-UUID": "m1",
    "CC-Member-Session-UUID": "s1",
    "CC-Member-CID-Number": "4930901820",
}
AGENTS = (
    b"name|instance_id|uuid|type|contact|status|state|max_no_answer\n"
    b"201@default|single_box||callback|user/201|Available|In a queue call|3\n"
    b"202@default|single_box||callback|user/202|On Break|Waiting|3\n+OK\n"
)
MEMBERS = (
    b"queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|joined_epoch|rejoined_epoch|bridge_epoch"
    b"|abandoned_epoch|base_score|skill_score|serving_agent|serving_system|state|score\n"
    b"support@default|box|m1|s1|4930901820|Ana|0|1792490400|0|1792490412|0|0|0|201@default|box|Answered|100\n"
    b"support@default|box|m2|s2||Eve|0|1792490300|0|0|1792490310|0|0|||Abandoned|0\n+OK\n"
)


class Corpus(NamedTuple):
    """What one format is tried with. `source`: where a provider posts it; `proofs`: headers of a genuine delivery;
    `fetched`: what the gateway fetches of the provider."""

    format: str
    samples: tuple[Sample, ...]
    settings: Mapping[str, str]
    source: Source | None = None
    proofs: Mapping[str, str] = {}
    fetched: Mapping[str, bytes] = {}


def sample_of(name: str, payload: bytes, content_type: bytes, **headers: bytes) -> Sample:
    said = {"ce_type": name.encode(), "ce_source": SOURCE.encode(), "content-type": content_type}
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Sample(payload, tuple((said | named).items()))


def _queue_log() -> Corpus:
    name = "asterisk-queue-log"
    return Corpus(name, tuple(sample_of(name, line.encode(), b"text/plain", ordinal=b"0") for line in QUEUE_LOG), {})


def _bank() -> Corpus:
    name, zone = "anonymous-bank", b"Asia/Jerusalem"
    lines = [line.encode() for line in BANK]
    return Corpus(name, tuple(sample_of(name, line, b"text/csv", columns=BANK_COLUMNS, tz=zone) for line in lines), {})


def _mails() -> list[bytes]:
    found = []
    for mail in MAILS:
        head = "".join(f"{name}: {value}\r\n" for name, value in mail.fields)
        found.append(f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{mail.text}\r\n".encode())
    alternative = (
        "From: =?utf-8?q?Ana_K=C3=BChn?= <ana@kunde.example>\r\nTo: support@shop.example\r\n"
        "Message-ID: <a@kunde.example>\r\n"
        "Received: from a by b; Tue, 20 Oct 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="fw"\r\n\r\n--fw\r\n'
        "Content-Type: multipart/alternative; boundary=in\r\n\r\n"
        "--in\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "Gr=FC=DFe\r\n--in\r\nContent-Type: text/html\r\n\r\n<p>hello</p>\r\n--in--\r\n--fw\r\n"
        "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\naGFsbG8=\r\n--fw--\r\n"
    )
    bounce = (
        "From: MAILER-DAEMON@mx.shop.example\r\nReturn-Path: <>\r\nMessage-ID: <b@mx.shop.example>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=fw\r\n\r\n"
        "--fw\r\n\r\nfailed\r\n--fw--\r\n"
    )
    return [*found, alternative.encode(), bounce.encode()]


def _stream() -> Corpus:
    name, ana, us = "mastodon-stream", {"id": "109", "acct": "ana@kunde.example"}, {"id": "1", "acct": "shop"}
    asked: dict[str, Any] = {
        "id": "1130001",
        "created_at": "2026-10-20T09:59:59.000Z",
        "in_reply_to_id": None,
        "visibility": "direct",
    }
    asked |= {"content": "<p>@shop where is it?</p>", "account": ana, "mentions": [us], "language": "en"}
    replied = {
        **asked,
        "id": "1130002",
        "in_reply_to_id": "1130001",
        "visibility": "public",
        "account": us,
        "mentions": [ana],
    }
    said = {
        "notification": {"id": "9001", "type": "mention", "account": ana, "status": asked},
        "update": replied,
        "conversation": {"id": "7", "unread": True, "accounts": [ana], "last_status": asked},
        "status.update": {**replied, "edited_at": "2026-10-20T10:00:00.000Z"},
    }
    ours = b"shop@social.example"
    samples = tuple(
        sample_of(
            name, msgspec.json.encode(each), b"application/json", mastodon_event=event.encode(), mastodon_account=ours
        )
        for event, each in said.items()
    )
    return Corpus(name, samples, {})


def _ami() -> Corpus:
    name = "asterisk-ami"
    common = {"Timestamp": "1792490412.118231", "CallerIDNum": "030 901820", "Uniqueid": "1.42", "Linkedid": "1.41"}
    blocks = []
    for said in BLOCKS:
        event, *fields = said.split("|")
        block = {"Event": event, **common, **dict(field.split("=", 1) for field in fields)}
        blocks.append("".join(f"{key}: {value}\r\n" for key, value in block.items()) + "\r\n")
    entry = "Event: QueueEntry\r\nQueue: support\r\nUniqueid: 1.43\r\nCallerIDNum: +4930901820\r\nWait: 30\r\n\r\n"
    answer = blocks[-1].replace("QueueMemberPause", "QueueMember") + entry + "Event: QueueStatusComplete\r\n\r\n"
    heard = {"ami_received": b"1792490412200", "ami_heard": b"1792490390000"}
    samples = tuple(sample_of(name, each.encode(), b"text/plain", **heard) for each in (*blocks, answer))
    return Corpus(name, samples, {"holds": "yes"})


def _freeswitch() -> Corpus:
    name, received = "freeswitch-callcenter", {"freeswitch_received": b"1792490412200"}
    actions: tuple[dict[str, str], ...] = (
        {"CC-Action": "member-queue-start"},
        {"CC-Action": "member-queue-resume"},
        {"CC-Action": "bridge-agent-start"},
        {"CC-Action": "bridge-agent-fail", "CC-Hangup-Cause": "CALL_REJECTED"},
        {"CC-Action": "member-queue-end", "CC-Cause": "Terminated"},
        {"CC-Action": "member-queue-end", "CC-Cause": "Cancel", "CC-Cancel-Reason": "TIMEOUT"},
        {"CC-Action": "agent-status-change", "CC-Agent-Status": "On Break"},
        {"Event-Name": "CHANNEL_HOLD", "variable_cc_side": "agent", "variable_cc_member_session_uuid": "s1"},
    )
    events = [
        sample_of(name, msgspec.json.encode({**FREESWITCH, **each}), b"application/json", **received)
        for each in actions
    ]
    agents = sample_of(name, AGENTS, b"text/plain", freeswitch_command=b"agent list", **received)
    command = b"queue list members support@default"
    members = sample_of(name, MEMBERS, b"text/plain", freeswitch_command=command, **received)
    return Corpus(name, (*events, agents, members), {})


def _whole() -> tuple[Corpus, ...]:
    arrived = {"mail-received": b"1792490400000", "mail-mailbox": b"INBOX", "mail-recipients": b"support@shop.example"}
    mails = tuple(sample_of("mail", each, b"message/rfc822", **arrived) for each in _mails())
    line = b'{"method":"POST","path":"/hooks/slack/a?b=c","headers":{"content-type":"application/json"},"body":"e30="}'
    late = line[:-1] + b',"time":"2026-10-20T10:00:00Z"}'
    greeting = sample_of("http", line, b"application/json", **{HANDSHAKE: b"yes"})
    lines = (greeting, *(sample_of("http", each, b"application/json") for each in (line, late)))
    return Corpus("mail", mails, {"addresses": "@shop.example"}), Corpus("http", lines, {})


def corpora_of_files() -> tuple[Corpus, ...]:
    """All of them, but for canonical events."""
    return (_queue_log(), _bank(), _stream(), _ami(), _freeswitch(), *_whole())
