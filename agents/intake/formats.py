"""The formats that are understood, by name."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from agents.intake.anonymous_bank import AnonymousBank
from agents.intake.asterisk_ami import AsteriskAmi
from agents.intake.asterisk_queue_log import AsteriskQueueLog
from agents.intake.canonical import Canonical
from agents.intake.freeswitch_callcenter import FreeswitchCallcenter
from agents.intake.http_format import HttpFormat
from agents.intake.mail_format import MailFormat
from agents.intake.mastodon_statuses import MastodonStream
from agents.intake.parsing import Format
from agents.intake.providers import webhooks


class UnknownFormat(LookupError):
    """Nobody registered a format of this name; the message says which there are."""


def by_name(formats: Iterable[Format]) -> dict[str, Format]:
    """Formats by their names. Raises ValueError where two have the same."""
    named: dict[str, Format] = {}
    for each in formats:
        if each.name in named:
            raise ValueError(f"two formats are called {each.name!r}")
        named[each.name] = each
    return named


FORMATS: Mapping[str, Format] = by_name((AsteriskQueueLog(), AnonymousBank(), Canonical()))
"""Every format of files with a record a line, by name."""

WHOLE: Mapping[str, Format] = by_name(
    (MailFormat(), HttpFormat(), MastodonStream(), AsteriskAmi(), FreeswitchCallcenter())
)
"""Every format whose records are no lines of a file, and come of no webhook, by name."""


@lru_cache(maxsize=1)
def understood() -> Mapping[str, Format]:
    """Every format that a channel topic may hold, by name: those of files, and what providers say."""
    return by_name((*FORMATS.values(), *WHOLE.values(), *webhooks().values()))


def format_named(name: str) -> Format:
    """The format of this name. Raises UnknownFormat."""
    try:
        return FORMATS[name]
    except KeyError:
        raise UnknownFormat(f"format {name!r} is unknown; there are: {', '.join(sorted(FORMATS))}") from None
