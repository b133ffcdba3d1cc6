"""Pages of a list: an opaque cursor names the last entry, so that what comes in between moves nothing."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from streams.outlets.gateway.errors import Refused

T = TypeVar("T")
Key = tuple[str, ...]


class _Cursor(msgspec.Struct, array_like=True):
    of: str
    after: Key


_decode = msgspec.json.Decoder(_Cursor).decode


def page_of(
    entries: Iterable[T], key: Callable[[T], Key], limit: int, cursor: str | None, filters: dict[str, Any]
) -> tuple[list[T], str | None]:
    """The entries after the cursor, by key, and the cursor of the next page (None: there is none).

    Raises Refused (400) for a cursor that is none, or is of another filter.
    """
    after = after_of(cursor, filters)
    ordered = sorted(entries, key=key)
    if after is not None:
        ordered = [entry for entry in ordered if key(entry) > after]
    page = ordered[:limit]
    return page, cursor_of(key(page[-1]), filters) if len(ordered) > limit else None


def cursor_of(last: Key, filters: dict[str, Any]) -> str:
    """The cursor of what comes after the entry of this key."""
    return urlsafe_b64encode(msgspec.json.encode(_Cursor(_name_of(filters), last))).decode().rstrip("=")


def after_of(cursor: str | None, filters: dict[str, Any]) -> Key | None:
    """The key after which a cursor's page begins; None without one. Raises Refused (400)."""
    if cursor is None:
        return None
    try:
        found = _decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise Refused(400, "Invalid request", "query:cursor: not a cursor; give `next` of the page before") from None
    if found.of != _name_of(filters):
        raise Refused(400, "Other filter", "query:cursor: the filter is another one; begin without a cursor")
    return found.after


def _name_of(filters: dict[str, Any]) -> str:
    return sha256(repr(sorted(filters.items())).encode()).hexdigest()[:12]
