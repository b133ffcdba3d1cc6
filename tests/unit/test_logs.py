"""Logs: what a talkative library says many times a second is said once in a while, and what it must not say never."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from streams.logs import Throttle


def record(name: str, words: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "x.py", 1, words, args, None)


def test_one_and_the_same_thing_comes_once_in_five_seconds_and_tells_how_many_did_not() -> None:
    now = 100.0
    throttle = Throttle(lambda: now)
    away = "Unable connect to node with id %s"

    assert throttle.filter(record("aiokafka.client", away, 1))
    assert not throttle.filter(record("aiokafka.client", away, 2))
    assert not throttle.filter(record("aiokafka.client", away, 1))
    assert throttle.filter(record("aiokafka.client", "something else"))
    now = 105.0
    again = record("aiokafka.client", away, 1)
    assert throttle.filter(again)
    assert again.getMessage() == "Unable connect to node with id 1 (and 2 more like it before)"
    assert not throttle.filter(record("aiokafka.client", away, 1))


def test_what_the_service_itself_says_always_comes_and_so_do_tracebacks() -> None:
    throttle = Throttle(lambda: 0.0)
    raised = record("aiokafka.client", "failed")
    raised.exc_info = (ValueError, ValueError(), None)

    assert all(throttle.filter(record("streams.engine.task", "task.fenced")) for _ in range(3))
    assert all(throttle.filter(raised) for _ in range(3))


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_is_said_to_a_mail_server_is_in_no_log(level: str) -> None:
    program = f"""
import logging
from streams.logs import set_up_logs
set_up_logs({level!r}, human=False)
logging.getLogger("mail.log").warning("%r unrecognised: %s", "somebody", "DE89370400440532013000")
logging.getLogger("mail.log").error("DE89370400440532013000")
logging.getLogger("streams").warning("something else")
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stderr
    assert b"something else" in said
    assert b"DE89" not in said
