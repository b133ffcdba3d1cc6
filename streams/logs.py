"""Logs: one line of JSON per event on stderr, or coloured words where a person looks on."""

import logging
import sys
import time
from collections.abc import Callable

import structlog

QUIET = ("aiokafka", "faust", "mode", "asyncio", "httpx", "httpcore", "imapclient")
"""httpx says every address it asks, and those of webhooks may hold a secret."""

SILENT = "mail.log"
"""aiosmtpd says who writes to whom, and warns with every line that it does not understand, which may be a mail's."""

TALKATIVE = "aiokafka"
"""While a broker is away each of its clients says so many times a second, and a worker has dozens of them."""

PAUSE = 5.0
"""Seconds in which a talkative library says one and the same thing once."""


class Throttle(logging.Filter):
    """Lets one record of a kind through in `PAUSE` seconds, with the number of those left out before it.

    A kind is what is said, whatever of: 'Unable connect to node with id %s'. Errors with a traceback always come.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._kinds: dict[object, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it comes."""
        if record.exc_info or not record.name.startswith(TALKATIVE):
            return True
        kind = (record.name, record.levelno, record.msg)
        at = self._now()
        since, left_out = self._kinds.get(kind, (-PAUSE, 0))
        if at - since < PAUSE:
            self._kinds[kind] = (since, left_out + 1)
            return False
        if left_out:
            record.msg = f"{record.getMessage()} (and {left_out} more like it before)"
            record.args = ()
        self._kinds[kind] = (at, 0)
        return True


def set_up_logs(level: str = "info", *, human: bool | None = None) -> None:
    """Send this process's and its libraries' logs to stderr; values of local variables are never shown.

    `human` None: words on a terminal, JSON elsewhere.
    """
    if human is None:
        human = sys.stderr.isatty()
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        stamp,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if human
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    tail: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not human:
        tail.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Throttle())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*tail, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.getLogger(SILENT).setLevel(logging.CRITICAL)
