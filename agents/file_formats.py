"""What `--format` of replays may name, and the records that such files hold, in order."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agents.intake.formats import FORMATS, understood
from agents.intake.mail_format import MailFormat
from agents.intake.parsing import Context, Events
from agents.intake.providers import webhooks
from schemas.instants import to_ms
from streams.connectors import http_lines
from streams.connectors.hooks import Configurable, Hook, Secrets
from streams.connectors.http_records import LARGEST_LINE, HttpRecords, SourceOf
from streams.connectors.line_records import LineRecord
from streams.connectors.mail_files import mail_files, mail_steps
from streams.connectors.replay_order import Step, by_end, steps
from streams.connectors.secrets import Source, secret_value
from streams.sections import HookSource
from streams.settings import Settings

MAILS = "eml"
HTTP = http_lines.NAME
FILE_FORMATS = tuple(sorted((*FORMATS, MAILS, HTTP)))
"""Every format of files, by name."""

_END_OF_TIME_MS = 253_402_214_400_000
"""Told to parsers as the time of reading, so that what they make of it for want of a time of its own is none."""

_LATEST_MS = 7_258_118_400_000
"""What lies behind it (the year 2200) is made of the time of reading: waits are subtracted from it."""


class Contents(NamedTuple):
    """What files hold. `steps`: their records in order, read one after the other; `size`: bytes of all."""

    steps: Iterator[Step]
    size: int


def contents(
    files: Sequence[Path], format_: str, settings: Settings, *, source: str, tz: str, date: str | None
) -> Contents:
    """The records of files. `tz`, `date`: zone of local times in them, and the day of those that name none. Raises
    OSError, FileNotFoundError where there is nothing, KeyError for a format that is none of FILE_FORMATS."""
    if format_ == MAILS:
        found = mail_files(files)
        return Contents(mail_steps(found, MailFormat(), source), _size(found))
    if format_ == HTTP:
        every = by_end(files, lambda: http_records(settings, source), header=False, limit=LARGEST_LINE)
        return Contents(every, _size(files))
    line_format = FORMATS[format_]
    fixed = {"tz": tz, **({"date": date} if date else {})} if line_format.has_header_line else {}
    return Contents(steps(files, line_format, source, **fixed), _size(files))


def http_records(settings: Settings, source: str) -> HttpRecords:
    """What makes records of recorded requests. `source`: of lines that name none."""
    of_source = settings.source_settings()

    def time_of(record: LineRecord) -> int | None:
        return _latest_time(record, of_source)

    return HttpRecords(webhooks(), source, time_of, hook_sources(settings))


def hook_sources(settings: Settings) -> SourceOf:
    """What knows the sources of webhooks as the settings have them; of any other one it knows the name alone."""
    said = {(hook.provider, hook.source): hook for hook in settings.hooks}
    known: dict[tuple[str, str], Source] = {}

    def source_of(hook: Hook, name: str) -> Source:
        place = hook.name, name
        if place not in said:
            return Source(hook, name, {}, 0.0)
        if place not in known:
            known[place] = _source(hook, said[place])
        return known[place]

    return source_of


def _source(hook: Hook, said: HookSource) -> Source:
    """A source as the settings have it. Who works out a history need not have its secrets: most are read without."""
    secrets: dict[str, tuple[str, ...]] = {}
    for table in (said.secrets, said.old_secrets):
        for name, each in table.items():
            with suppress(ValueError):
                secrets[name] = (*secrets.get(name, ()), secret_value(each.get_secret_value()))
    return Source(_configured(hook, secrets, said.settings), said.source, secrets, 0.0)


def _configured(hook: Hook, secrets: Secrets, settings: Mapping[str, str]) -> Hook:
    """The hook of one source; by its settings alone where its secrets are of no use."""
    if isinstance(hook, Configurable):
        for given in (secrets, {}):
            with suppress(ValueError):
                return hook.configured(given, settings)
    return hook


def _latest_time(record: LineRecord, settings: Mapping[str, Mapping[str, str]]) -> int | None:
    """When the last of what a record says happened, ms; None where it has no time of its own."""
    headers = dict(record.headers)
    parser = understood().get(headers.get("ce_type", b"").decode())
    if parser is None:
        return None
    source = headers.get("ce_source", b"").decode()
    try:
        context = Context(source, headers, read_at=_END_OF_TIME_MS, settings=settings.get(source, {}))
        parsed = parser.parse(record.value, context)
    # Intake will say what is wrong with it.
    except Exception:  # noqa: BLE001
        return None
    if not isinstance(parsed, Events):
        return None
    times = [to_ms(event.time) for event in parsed.events]
    return max((time for time in times if time < _LATEST_MS), default=None)


def _size(files: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in files)
