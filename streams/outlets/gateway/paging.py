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
    of = sha256(repr(sorted(filters.items())).encode()).hexdigest()[:12]
    ordered = sorted(entries, key=key)
    if cursor is not None:
        after = _after(cursor, of)
        ordered = [entry for entry in ordered if key(entry) > after]
    page = ordered[:limit]
    if len(ordered) <= limit:
        return page, None
    return page, urlsafe_b64encode(msgspec.json.encode(_Cursor(of, key(page[-1])))).decode().rstrip("=")


def _after(cursor: str, of: str) -> Key:
    try:
        found = _decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise Refused(400, "Invalid request", "query:cursor: not a cursor; give `next` of the page before") from None
    if found.of != of:
        raise Refused(400, "Other filter", "query:cursor: the filter is another one; begin without a cursor")
    return found.after
