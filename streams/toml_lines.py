"""Which line of a TOML document each key stands on; tomllib says what the values are, but not where.

The scanner takes a document that tomllib has read without complaint, so it only has to tell keys from values.
"""

from bisect import bisect_right
from itertools import accumulate

Path = tuple[str | int, ...]
"""The way to a value: keys, and indices of arrays (of tables as well)."""

_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\", "e": "\x1b"}
_HEX = {"x": 2, "u": 4, "U": 8}


class TomlLines:
    """The lines (from 1) of the keys and array elements of one valid TOML document.

    >>> lines = TomlLines("[service]\\nport = 1\\n[[sources]]\\nname = 'a'\\n")
    >>> lines.of(("service", "port")), lines.of(("sources", 0, "name"))
    (2, 4)
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._scan()

    def has(self, path: Path) -> bool:
        """Whether the document says anything at this path."""
        return path in self._lines

    def of(self, path: Path) -> int | None:
        """The line of the path, else of the nearest table around it; None where the document has neither."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None

    def _scan(self) -> None:
        table: Path = ()
        while self._skip_blank():
            start = self._at
            if self._text[self._at] != "[":
                self._pair(table)
                continue
            double = self._text.startswith("[[", self._at)
            self._at += 2 if double else 1
            keys = self._keys("]")
            self._at += 2 if double else 1
            # A name in a header that is an array of tables means its last table.
            table = ()
            for key in keys[:-1]:
                table = self._last((*table, key))
            table = (*table, keys[-1])
            if double:
                number = self._counts[table] = self._counts.get(table, -1) + 1
                self._note(table, start)
                table = (*table, number)
            else:
                table = self._last(table)
            self._note_way(table, start)
            # The header of the table itself says more than a dotted mention of it before.
            self._lines[table] = self._line(start)

    def _last(self, table: Path) -> Path:
        return (*table, self._counts[table]) if table in self._counts else table

    def _line(self, at: int) -> int:
        return bisect_right(self._starts, at)

    def _note(self, path: Path, at: int) -> None:
        self._lines.setdefault(path, self._line(at))

    def _note_way(self, path: Path, at: int) -> None:
        for length in range(1, len(path) + 1):
            self._note(path[:length], at)

    def _skip_blank(self) -> bool:
        """Move on to what is neither blank nor comment; returns whether there is anything."""
        text = self._text
        while self._at < len(text):
            char = text[self._at]
            if char == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            elif char in " \t\r\n":
                self._at += 1
            else:
                return True
        return False

    def _keys(self, end: str) -> list[str]:
        """The parts of a dotted key, up to `end`, at which the scanner then stands."""
        keys = []
        while self._skip_blank() and self._text[self._at] != end:
            char = self._text[self._at]
            if char == ".":
                self._at += 1
            elif char in "\"'":
                keys.append(self._string())
            else:
                start = self._at
                while self._text[self._at] not in f" \t.{end}":
                    self._at += 1
                keys.append(self._text[start : self._at])
        return keys

    def _pair(self, table: Path) -> None:
        start = self._at
        path = (*table, *self._keys("="))
        self._note_way(path, start)
        self._at += 1
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip_blank()
        text, char = self._text, self._text[self._at]
        if char in "\"'":
            self._string()
        elif char == "[":
            self._at += 1
            index = 0
            while self._skip_blank() and text[self._at] != "]":
                if text[self._at] == ",":
                    self._at += 1
                    continue
                self._note((*path, index), self._at)
                self._value((*path, index))
                index += 1
            self._at += 1
        elif char == "{":
            self._at += 1
            while self._skip_blank() and text[self._at] != "}":
                if text[self._at] == ",":
                    self._at += 1
                else:
                    self._pair(path)
            self._at += 1
        else:
            while self._at < len(text) and text[self._at] not in ",]}#\r\n":
                self._at += 1

    def _string(self) -> str:
        """Move past a string of any of the four kinds; returns what it says where it is on one line."""
        text, quote = self._text, self._text[self._at]
        if text.startswith(quote * 3, self._at):
            self._at += 3
            while not text.startswith(quote * 3, self._at):
                self._at += 2 if quote == '"' and text[self._at] == "\\" else 1
            self._at += 3
            # One or two quotes may stand right before the closing three.
            while text.startswith(quote, self._at):
                self._at += 1
            return ""
        self._at += 1
        said = []
        while text[self._at] != quote:
            char = text[self._at]
            self._at += 1
            if char == "\\" and quote == '"':
                escape = text[self._at]
                self._at += 1
                size = _HEX.get(escape)
                if size is None:
                    char = _ESCAPES[escape]
                else:
                    char = chr(int(text[self._at : self._at + size], 16))
                    self._at += size
            said.append(char)
        self._at += 1
        return "".join(said)
