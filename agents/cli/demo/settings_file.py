"""The settings that a demo runs with, written as a person would write them."""

import json
from pathlib import Path
from typing import NamedTuple

SOURCE = "pbx"
"""Name of the source: of the past and of what is live, so that both are of the same contacts and callers."""

FORMAT = "asterisk-queue-log"


class Places(NamedTuple):
    """Where everything of one demo is. `secret`: under which webhooks are signed."""

    folder: Path
    log: Path
    worker_port: int
    notifier_port: int
    board_port: int
    smtp_port: int
    hook: str
    secret: str


def write_settings(path: Path, places: Places) -> None:
    """Write the file; only its owner may read it, since it holds a secret. Raises OSError."""
    path.touch(mode=0o600)
    path.write_text(settings_text(places), encoding="utf-8")


def settings_text(places: Places) -> str:
    """The file's text."""
    text = json.dumps  # TOML's basic strings are JSON's
    return f"""\
# Written by `floorwalker demo`, anew at each start.

[service]
namespace = "demo"
partitions = 2
timezone = "Europe/Berlin"
region = "DE"
data_folder = {text(str(places.folder))}
port = {places.worker_port}

[metrics]
thresholds = ["20s"]

[sla]
answer_within = "45s"
max_wait = "15m"

[queues.sales]
display_name = "Sales"
agents_minimum = 1

[queues.support]
display_name = "Support"
agents_minimum = 2

[queues.billing]
display_name = "Billing"
agents_minimum = 1

[board]
title = "Demo floor"
service_level_target = 0.8

[gateway]
port = {places.board_port}

[notifier]
port = {places.notifier_port}

[alerts]
group_wait = "10s"
keep_firing = "30s"

[[sources]]
name = "{SOURCE}"
format = "{FORMAT}"
path = {text(str(places.log))}

[[receivers]]
name = "webhook"
kind = "webhook"
url = {text(places.hook)}
secret = "{places.secret}"

[[receivers]]
name = "mail"
kind = "email"
server = "127.0.0.1:{places.smtp_port}"
security = "none"
sender = "floorwalker@demo.example"
to = ["on-call@demo.example"]
"""
