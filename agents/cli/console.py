"""Where words and data go, and how errors end."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaConnectionError, KafkaError
from rich.console import Console
from rich.markup import escape

from agents.backtest import BacktestFailed
from agents.cli.demo.folder import FolderTaken
from agents.pipeline import NoBroker
from streams.connectors.cursor import CursorUnreadable
from streams.connectors.publisher import TopicMissing
from streams.health import PortTaken
from streams.kafka.errors import EmbeddedKafkaError
from streams.outlets.gateway.exposure import Exposed
from streams.outlets.history.errors import HistoryUnusable
from streams.outlets.notifier.errors import NotifierRuns, OutboxUnusable
from streams.service_check import NamespaceInService
from streams.settings import SettingsError
from streams.topics import TopicMismatch, TopicsUnserved

FAILED, USAGE, NOT_FOUND, REFUSED = 1, 2, 3, 4

PIPE_WIDTH = 140
"""Columns where the output is no terminal: names are not cut to fit 80."""

out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else PIPE_WIDTH)


class NotFound(Exception):
    """What was asked for is not there."""


_CODES: dict[type[Exception], int] = {
    SettingsError: USAGE,
    NoBroker: USAGE,
    FileNotFoundError: NOT_FOUND,
    NotFound: NOT_FOUND,
    TopicMismatch: REFUSED,
    PortTaken: REFUSED,
    FolderTaken: REFUSED,
    NamespaceInService: REFUSED,
    Exposed: REFUSED,
    NotifierRuns: REFUSED,
    OutboxUnusable: FAILED,
    HistoryUnusable: FAILED,
    TopicMissing: NOT_FOUND,
    EmbeddedKafkaError: FAILED,
    KafkaError: FAILED,
    TopicsUnserved: FAILED,
    BacktestFailed: FAILED,
    CursorUnreadable: FAILED,
    OSError: FAILED,
}
"""The first that fits counts."""


def quieten_kafka() -> None:
    """For commands that end: what their Kafka client can't do ends as an error, and needs no lines in a log."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def fail_clearly(app: Callable[[], Any]) -> None:
    """Run a typer app; known errors end as a sentence on stderr. Raises SystemExit with the exit code."""
    try:
        app()
    except tuple(_CODES) as error:
        code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
        away = isinstance(error, KafkaConnectionError)
        hint = "; does Kafka run there, and is the address right (--bootstrap, service.bootstrap)?" if away else ""
        err.print(f"[bold red]error:[/] {escape(str(error))}{hint}", highlight=False, soft_wrap=True)
        raise SystemExit(code) from None
