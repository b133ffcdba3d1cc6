"""One row of the "Anonymous Bank" data: columns by name, local wall times as instants."""

import csv
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from agents.intake.parsing import Headers, Malformed, shown, text_of
from schemas.instants import SECOND, to_ms

REQUIRED = (
    "vru+line", "call_id", "type", "vru_entry", "vru_exit", "vru_time", "q_start", "q_exit", "q_time", "outcome",
    "ser_start", "ser_exit", "ser_time", "server",
)  # fmt: skip
OPTIONAL = ("server_abv", "customer_id", "priority", "date")

_DAY = 86_400
_WALL = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)\Z", re.ASCII)
_DURATION = re.compile(r"\d{1,8}\Z", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_YYMMDD = re.compile(r"\d{6}\Z", re.ASCII)
_PIVOT = 69
_NO_TIME = 0


def _cells(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise Malformed("syntax", f"no row of CSV: {error}, in {shown(text)}") from None


@lru_cache(maxsize=64)
def _layout(columns: bytes) -> Mapping[str, int]:
    """Column -> place. Raises Malformed where columns are missing, unknown or there twice."""
    names = [name.strip() for name in _cells(text_of(columns).lstrip("\ufeff").rstrip("\r\n"))]
    places = {name: place for place, name in enumerate(names) if name or place}
    unknown = sorted(places.keys() - {*REQUIRED, *OPTIONAL})
    missing = [name for name in REQUIRED if name not in places]
    if unknown or missing or len(places) + (names[:1] == [""]) != len(names):
        wrong = [
            *(f"column {shown(name)} is unknown" for name in unknown[:3]),
            *(["column " + ", ".join(missing) + " missing"] if missing else []),
        ]
        raise Malformed("schema", "; ".join(wrong or ["a column is there twice"]) + ", in the first line of the file")
    # The number of cells that a row must have stands under a name that no column can have.
    return {**places, "": len(names)}


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Malformed("time", f"time zone {shown(name)} is unknown: a name like Asia/Jerusalem is expected") from None


@lru_cache(maxsize=1024)
def _date(text: str) -> date:
    try:
        if _ISO.match(text):
            return date.fromisoformat(text)
        if _YYMMDD.match(text):
            year = int(text[:2])
            return date((1900 if year >= _PIVOT else 2000) + year, int(text[2:4]), int(text[4:]))
    except ValueError:
        pass
    raise Malformed("syntax", f"date {shown(text)} is neither YYYY-MM-DD nor YYMMDD")


class Row:
    """The cells of one row by column, and what can be asked of them. What can't be answered raises Malformed."""

    __slots__ = ("_cells", "_headers", "_layout")

    def __init__(self, cells: list[str], layout: Mapping[str, int], headers: Headers) -> None:
        self._cells = cells
        self._layout = layout
        self._headers = headers

    def __getitem__(self, column: str) -> str:
        return self._cells[self._layout[column]].strip()

    def get(self, column: str) -> str:
        """A cell, or '' where there is no such column or R wrote NA."""
        cell = self[column] if column in self._layout else ""
        return "" if cell == "NA" else cell

    def duration(self, column: str) -> int:
        """Whole seconds."""
        text = self[column]
        if not _DURATION.match(text):
            raise Malformed("syntax", f"column {column} is {shown(text)}: whole seconds are expected")
        return int(text)

    def date(self) -> date:
        """The day on which the call came in: the column's, else the header's."""
        text = self.get("date") or self._headers.get("date", b"").decode("ascii", "replace")
        if not text:
            raise Malformed("schema", "no column date, and no date was given with the file (--date)")
        return _date(text)

    def clock_text(self, column: str) -> str:
        """A wall time as H:MM:SS, however many zeros it was written with."""
        hours, rest = divmod(self._seconds(column), 3600)
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"

    def instant(self, column: str) -> int:
        """A wall time of this call, ms since the epoch.

        A call is short: of the days that a wall time can be on, it is the one nearest to the call's entry. So a call
        may cross midnight, and a time a little before the entry is no time of the next day.
        """
        entry = self._seconds("vru_entry")
        after = (self._seconds(column) - entry + _DAY // 2) % _DAY - _DAY // 2
        zone = _zone(self._headers.get("tz", b"UTC").decode("ascii", "replace"))
        midnight = datetime.combine(self.date(), time.min)
        began = _utc(midnight + timedelta(seconds=entry), zone, None)
        return began if column == "vru_entry" else _utc(midnight + timedelta(seconds=entry + after), zone, began)

    def queued(self) -> int:
        """When it entered the queue, ms: it was connected at once where it did not wait."""
        return self.instant("q_start" if self.duration("q_time") else "vru_exit")

    def connected_or_left(self) -> int:
        """When the wait was over, ms. The wait as measured wins over a difference of times."""
        return self.queued() + self.duration("q_time") * SECOND

    def service_end(self) -> int | None:
        """When the agent was done, ms; None where nobody served (written 0:00:00 after 0 s)."""
        if self.duration("ser_time") == 0 and self._seconds("ser_exit") == _NO_TIME:
            return None
        return self.instant("ser_exit")

    def _seconds(self, column: str) -> int:
        text = self[column]
        match = _WALL.match(text)
        if match is None:
            raise Malformed("syntax", f"column {column} is {shown(text)}: a wall time H:MM:SS is expected")
        hours, minutes, seconds = map(int, match.groups())
        return hours * 3600 + minutes * 60 + seconds


def _utc(wall: datetime, zone: ZoneInfo, began: int | None) -> int:
    """A wall time as ms. In the hour that comes twice in autumn: the second one if the call had not begun before."""
    first = to_ms(wall.replace(tzinfo=zone).astimezone(UTC))
    if began is None or first >= began - _DAY // 48 * SECOND:
        return first
    return to_ms(wall.replace(tzinfo=zone, fold=1).astimezone(UTC))


def read_row(payload: bytes, headers: Headers) -> Row:
    """Take one row apart. Raises Malformed."""
    layout = _layout(headers.get("columns", b""))
    cells = _cells(text_of(payload.rstrip(b"\r\n")))
    if len(cells) != layout[""]:
        raise Malformed("syntax", f"{len(cells)} cells in a row, {layout['']} columns in the first line of the file")
    return Row(cells, layout, headers)
