"""Where words and data go, and how errors end."""

import sys
from collections.abc import Callable
from typing import Any

import click
from aiokafka.errors import KafkaConnectionError
from rich.console import Console
from rich.markup import escape

from agents.backtest import BacktestFailed
from agents.pipeline import NoBroker
from streams.connectors.publisher import TopicMissing
from streams.health import PortTaken
from streams.kafka.errors import EmbeddedKafkaError
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
    EmbeddedKafkaError: FAILED,
    KafkaConnectionError: FAILED,
    TopicsUnserved: FAILED,
    BacktestFailed: FAILED,
    TopicMissing: NOT_FOUND,
}


def fail_clearly(app: Callable[..., Any]) -> int:
    """Run a typer app and turn known errors into a sentence on stderr and an exit code."""
    try:
        return int(app(standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    except tuple(_CODES) as error:
        code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
        err.print("[bold red]error:[/]", escape(str(error)), highlight=False, soft_wrap=True)
        return code
