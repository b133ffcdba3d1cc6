"""The settings that a demo runs with, written as a person would write them."""

import json
from pathlib import Path
from typing import NamedTuple

from streams.simulator.wires.mailbox import INBOX, SENT

SOURCE = "pbx"
"""Name of the switchboard: of the past and of what is live, so that both are of the same contacts and callers."""

FORMAT = "asterisk-queue-log"
"""Format of the past; what is live comes by AMI."""

CHAT, MAIL, MAILBOX, SOCIAL = "chat", "mail", "mailbox", "whatsapp"
"""Names of the other sources."""

LEVEL = "service_level.answered_over_offered"
MANAGER = "floorwalker"
ADDRESS = "care@demo.example"
ORDERS = "orders@demo.example"
"""What comes to it lies in a mailbox; it waits in the queue of ADDRESS."""


class Secrets(NamedTuple):
    """Made at each start. `alerts`: under which webhooks of alerts are signed; the others are those of the simulated
    tools."""

    alerts: str
    switchboard: str
    mailbox: str
    chat: str
    social: str
    social_token: str


class Places(NamedTuple):
    """Where everything of one demo is. `ami_port`, `imap_port`: of the simulated switchboard and mailbox; `mail_port`:
    where mails of customers come in; `smtp_port`, `hook`: where alerts go. `chat_queue`, `social_queue`: what their
    tools call them."""

    folder: Path
    worker_port: int
    connect_port: int
    notifier_port: int
    board_port: int
    ami_port: int
    imap_port: int
    mail_port: int
    smtp_port: int
    hook: str
    chat_queue: str
    social_queue: str
    secrets: Secrets


def write_settings(path: Path, places: Places) -> None:
    """Write the file; only its owner may read it, since it holds secrets. Raises OSError."""
    path.touch(mode=0o600)
    path.write_text(settings_text(places), encoding="utf-8")


def settings_text(places: Places) -> str:
    """The file's text."""
    return "\n".join(
        (_service(places), _queues(places), _PROMISES, _tiles(places), _sources(places), _receivers(places))
    )


_text = json.dumps  # TOML's basic strings are JSON's


def _service(places: Places) -> str:
    return f"""\
# Written by `floorwalker demo`, anew at each start.

[service]
namespace = "demo"
partitions = 2
timezone = "Europe/Berlin"
region = "DE"
data_folder = {_text(str(places.folder))}
port = {places.worker_port}

[connect]
port = {places.connect_port}

[gateway]
port = {places.board_port}

[notifier]
port = {places.notifier_port}

[metrics]
thresholds = ["20s", "60s", "2m"]

[sla]
answer_within = "45s"
max_wait = "15m"

[alerts]
group_wait = "10s"
keep_firing = "30s"

[board]
title = "Demo floor"
service_level_target = 0.8
"""


def _queues(places: Places) -> str:
    return f"""\
[queues.sales]
display_name = "Sales"
agents_minimum = 1

[queues.support]
display_name = "Support"
agents_minimum = 2

[queues.billing]
display_name = "Billing"
agents_minimum = 1

# People watch for minutes, not for days: a mail may wait for two of them.
[queues.{_text(places.chat_queue)}]
display_name = "Live chat"
answer_within = "60s"
max_wait = "2h"

[queues.{_text(ADDRESS)}]
display_name = "Mail"
answer_within = "2m"
max_wait = "2h"

[queues.{_text(places.social_queue)}]
display_name = "WhatsApp"
answer_within = "2m"
max_wait = "2h"
"""


_PROMISES = """\
[calendars.desks]
hours = "Mo-Su 00:00-24:00"

# Only the chat's tool says when something is solved.
[[policies]]
id = "chat"
channels = ["chat"]
calendar = "desks"
at_risk = [0.5, 0.8]
targets = { first_reply = "2m", next_reply = "3m", total_resolution = "20m" }

[[policies]]
id = "letters"
channels = ["email", "social"]
calendar = "desks"
targets = { first_reply = "4m", next_reply = "5m" }
"""


def _tiles(places: Places) -> str:
    named = (
        *(("Sales", "sales"), ("Support", "support"), ("Billing", "billing"), ("Live chat", places.chat_queue)),
        *(("Mail", ADDRESS), ("WhatsApp", places.social_queue)),
    )
    channels = (("Phone", "phone", 20), ("Chat", "chat", 60), ("Mail", "email", 120), ("Social", "social", 120))
    tiles = [_tile(1, "oldest_waiting", f"{label} oldest wait", "now", queue=queue) for label, queue in named]
    tiles += [_tile(1, "contacts_in_queue", f"{label} in queue", "now", channel=name) for label, name, _ in channels]
    tiles += [
        _tile(1, "agents_by_state.available", "Agents ready", "now"),
        _tile(1, "agents_by_state.on_contact", "Agents on contact", "now"),
    ]
    # A row for each metric, a column for each channel.
    tiles += [_tile(2, "contacts_answered", f"{label} answered", "30min", channel=name) for label, name, _ in channels]
    tiles += [
        _tile(2, f"{LEVEL}@{threshold}", f"{label} service level", "30min", channel=name)
        for label, name, threshold in channels
    ]
    tiles += [
        _tile(2, "average_speed_of_answer", f"{label} speed of answer", "30min", channel=name)
        for label, name, _ in channels
    ]
    for (label, queue), (writing, channel, _) in zip(named[:3], channels[1:], strict=True):
        tiles += [
            _tile(3, f"{LEVEL}@20", f"{label} service level", "30min", queue=queue),
            _tile(3, "abandonment_rate", f"{label} abandoned", "30min", queue=queue),
            _tile(3, "agents_by_state.available", f"{label} agents ready", "now", queue=queue),
            _tile(3, "sla_compliance.first_reply", f"{writing} replies in time", "30min", channel=channel),
        ]
    return "\n".join(tiles)


def _tile(page: int, metric: str, label: str, window: str, **scope: str) -> str:
    where = "".join(f"{key} = {_text(name)}\n" for key, name in scope.items())
    head = f'[[tiles]]\npage = {page}\nmetric = "{metric}"\nlabel = "{label}"\nwindow = "{window}"\n'
    return head + where


def _sources(places: Places) -> str:
    secrets = places.secrets
    return f"""\
[[feeds]]
kind = "ami"
source = "{SOURCE}"
address = "127.0.0.1:{places.ami_port}"
security = "none"
secrets = {{ user = "{MANAGER}", secret = "{secrets.switchboard}" }}

[[feeds]]
kind = "smtp"
source = "{MAIL}"
address = "127.0.0.1:{places.mail_port}"
security = "none"
settings = {{ addresses = "{ADDRESS}" }}

[[feeds]]
kind = "imap"
source = "{MAILBOX}"
address = "127.0.0.1:{places.imap_port}"
security = "none"
secrets = {{ user = "{ORDERS}", password = "{secrets.mailbox}" }}
settings = {{ mailboxes = ["{INBOX}", "{SENT}"], from = "beginning", addresses = "{ORDERS}", queue = "{ADDRESS}" }}

[[hooks]]
provider = "chatwoot"
source = "{CHAT}"
secrets = {{ secret = "{secrets.chat}" }}

[[hooks]]
provider = "whatsapp"
source = "{SOCIAL}"
secrets = {{ app_secret = "{secrets.social}", verify_token = "{secrets.social_token}" }}
"""


def _receivers(places: Places) -> str:
    return f"""\
[[receivers]]
name = "webhook"
kind = "webhook"
url = {_text(places.hook)}
secret = "{places.secrets.alerts}"

[[receivers]]
name = "mail"
kind = "email"
server = "127.0.0.1:{places.smtp_port}"
security = "none"
sender = "floorwalker@demo.example"
to = ["on-call@demo.example"]
"""
