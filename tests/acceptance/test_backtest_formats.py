"""Mails and recorded requests of providers through `floorwalker backtest`: each in its format, and what came of it."""

from __future__ import annotations

import json
from base64 import b64encode
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.instants import from_ms
from schemas.topics import LARGEST_RECORD
from tests.acceptance.program import floorwalker

NOON = 1792490400_000
MINUTE = 60_000
CONFIG = """
[sla]
answer_within = "10m"

[[hooks]]
provider = "postmark"
source = "shop"
secrets = { user = "u", password = "p" }
settings = { addresses = "@shop.example" }

[[hooks]]
provider = "slack"
source = "slack-1"
secrets = { signing_secret = "s" }
settings = { staff = ["UMIA"] }
"""
Floor = dict[str, float | None]


def backtest(folder: Path, *arguments: object) -> tuple[dict[str, Any], str]:
    """The result and the words of a backtest in `folder`."""
    (folder / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    ended = floorwalker("backtest", *arguments, "--json", "out.json", "--no-progress", "--partitions", 2, folder=folder)
    assert ended.returncode == 0, ended.stderr[-3_000:]
    return json.loads((folder / "out.json").read_bytes()), ended.stderr


def totals(out: dict[str, Any], queue: str) -> Floor:
    """All metrics of a queue over all time."""
    return {
        each["metric"]: each["value"]
        for each in out["metrics"]
        if each["window"]["kind"] == "all" and each["scope"] == {"queue": queue}
    }


def mail(number: int, minute: int, sender: str, to: str, reply_to: int | None = None, **fields: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    message["Subject"] = "Größe & Päckchen"
    message["Date"] = format_datetime(from_ms(NOON + minute * MINUTE))
    message["Message-ID"] = f"<m{number}@x.example>"
    if reply_to is not None:
        message["In-Reply-To"] = message["References"] = f"<m{reply_to}@x.example>"
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content("Where is it?\n")
    message.add_alternative("<p>Where is it?</p>", subtype="html")
    return message.as_bytes()


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What came of a folder of mails of any kind, to support@, and of two mboxes, to sales@."""
    folder = tmp_path_factory.mktemp("post")
    write_folder(folder / "mails")
    write_mboxes(folder)
    return backtest(folder, "mails", "sent", "inbox", "--format", "eml", "--source", "shop")


def write_folder(folder: Path) -> None:
    """Eleven mails: two say nothing that counts, and of two nothing can be said."""
    (folder / "deep" / "cur").mkdir(parents=True)
    desk, ana, bo = "Mia <mia@shop.example>", "Ana Künde <ana@kunde.example>", "bo@kunde.example"
    (folder / "1.eml").write_bytes(mail(1, 0, ana, "support@shop.example"))
    (folder / "z.eml").write_bytes(mail(2, 5, desk, "ana@kunde.example", reply_to=1))
    (folder / "deep" / "3.eml").write_bytes(mail(3, 1, bo, "support+x@shop.example"))
    (folder / "deep" / "4.eml").write_bytes(mail(4, 30, "mia@shop.example", "bo@kunde.example", reply_to=3))
    (folder / "deep" / "cur" / "1792490520.M1P1.host:2,S").write_bytes(
        b"From: c@kunde.example\nTo: support@shop.example\n\nNo id, no date"
    )
    (folder / "bounce.eml").write_bytes(mail(6, 6, "MAILER-DAEMON@mx.example", "mia@shop.example"))
    (folder / "vacation.eml").write_bytes(
        mail(7, 7, ana, "mia@shop.example", reply_to=2, Auto_Submitted="auto-replied")
    )
    (folder / "broken.eml").write_bytes(
        b"From: =?x?y?z <d@kunde.example>\nTo: support@shop.example\nDate: Tue, 20 Oct 2026 10:08:00 +0000\n"
        b"Content-Type: multipart/mixed; boundary=\n\n--\xff\x00"
    )
    (folder / "no mail.eml").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    attachment = b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + b"A" * 76 + b"\n"
    (folder / "large.eml").write_bytes(
        b"From: e@kunde.example\nTo: support@shop.example\nDate: Tue, 20 Oct 2026 10:09:00 +0000\nMessage-ID: <l@x>\n"
        b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nHi\n--b\n'
        + attachment
        + (b"B" * 76 + b"\n") * 270_000
        + b"--b--\n"
    )
    with (folder / "huge.eml").open("wb") as file:
        file.write(b"From: f@kunde.example\nDate: Tue, 20 Oct 2026 10:10:00 +0000\n\n")
        file.truncate(LARGEST_RECORD + 1)


def write_mboxes(folder: Path) -> None:
    """A question in both of them, and the reply to it in the one that comes first."""
    asked = mail(11, 0, "dora@kunde.example", "sales@shop.example")
    reply = mail(12, 5, "mia@shop.example", "dora@kunde.example", reply_to=11).replace(b"Where", b">From me: where")
    line = b"From somebody Tue Oct 20 10:00:00 2026\n"
    (folder / "sent").write_bytes(line + reply + b"\n" + line + asked + b"\n")
    (folder / "inbox").write_bytes(line + asked.replace(b"\n", b"\r\n") + b"\r\n")


@pytest.mark.slow
def test_every_mail_of_folders_and_mboxes_is_one_record(mails: tuple[dict[str, Any], str]) -> None:
    out, words = mails
    # Of the folder 11, 7 of them accepted; of the mboxes 3, one of them in both.
    assert out["counts"] == {"read": 14, "accepted": 9, "ignored": 2, "failed": 2, "duplicates": 1}
    assert "schema (1), too_large (1)" in words
    assert [each["first"].partition(": ")[0] for each in out["failures"]] == ["mails/no mail.eml", "mails/huge.eml"]
    assert len(out["customers"]) == 5 + 1


@pytest.mark.slow
def test_a_folder_of_mails_of_any_kind(mails: tuple[dict[str, Any], str]) -> None:
    out, _ = mails
    found = totals(out, "support@shop.example")
    assert (found["contacts_offered"], found["contacts_answered"]) == (5, 2)
    late = [each for each in out["alerts"] if each["transition"] == "breached"]
    # Bo was answered after half an hour, with the last mail; the others were not.
    assert [each["due_at"] for each in late] == [
        "2026-10-20T10:11:00Z",
        "2026-10-20T10:12:00Z",
        "2026-10-20T10:18:00Z",
        "2026-10-20T10:19:00Z",
    ]


@pytest.mark.slow
def test_two_mboxes_are_one_history_and_what_stands_in_both_counts_once(mails: tuple[dict[str, Any], str]) -> None:
    found = totals(mails[0], "sales@shop.example")
    assert (found["contacts_offered"], found["contacts_answered"]) == (1, 1)
    assert found["average_speed_of_answer"] == 300


def request(body: Any, path: str, at: int | None = None, method: str = "POST") -> bytes:
    said = {"method": method, "path": path, "headers": {"Content-Type": "application/json"}}
    said["body"] = b64encode(body if isinstance(body, bytes) else json.dumps(body).encode()).decode()
    if at is not None:
        said["time"] = from_ms(at).isoformat()
    return json.dumps(said).encode() + b"\n"


def slack(user: str, second: int, thread: int | None = None) -> dict[str, Any]:
    message = {"type": "message", "channel": "C1", "user": user, "text": "Hi", "ts": f"{NOON // 1000 + second}.000100"}
    if thread is not None:
        message["thread_ts"] = f"{NOON // 1000 + thread}.000100"
    return {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{second}", "event": message}


@pytest.mark.slow
def test_recorded_requests_of_providers(tmp_path: Path) -> None:
    where = "/hooks/slack/slack-1"
    lines = [
        request({"type": "url_verification", "challenge": "c"}, where),
        request(b"", "/hooks/x/x-1?crc_token=abc", method="GET"),
        request(slack("UMIA", 40, thread=0), where, NOON + 41_000),
        request(slack("UANA", 0), where),
        request(slack("UANA", 0), where, NOON + 90_000),
        request({}, "/hooks/fax/fax-1"),
        b'{"path": \n',
    ]
    (tmp_path / "requests.jsonl").write_bytes(b"".join(lines))
    out, words = backtest(tmp_path, "requests.jsonl", "--format", "http")
    assert out["counts"] == {"read": 7, "accepted": 2, "ignored": 2, "failed": 2, "duplicates": 1}
    assert "syntax (1), unknown_type (1)" in words
    assert [(each["reason"], each["count"]) for each in out["failures"]] == [("syntax", 1), ("unknown_type", 1)]
    for each, line in zip(out["failures"], (7, 6), strict=True):
        assert each["first"].startswith(f"requests.jsonl line {line}: ")
        assert f"  {each['reason']}: {each['first']}\n" in words
    (chat,) = [
        each
        for each in out["metrics"]
        if (each["metric"], each["window"]["kind"], each["scope"])
        == ("average_speed_of_answer", "all", {"channel": "chat"})
    ]
    assert (chat["value"], chat["n"]) == (40, 1)
