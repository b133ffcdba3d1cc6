"""The lines on which the keys of a TOML document stand."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.toml_lines import Path, TomlLines

# Every line that states a key or an element says, in a comment at its end, which.
DOCUMENT = r'''
top = 1                                     #@ top
"quo ted" . 'ke"y' = "a # b \" ]"           #@ quo ted/ke"y
[service] # [not.this]                      #@ service
text = """
[fake]
fake = 1 \""" still text
"quoted" """""
after = 'c:\'                               #@ service/after
raw = QQQ
x = "1"
QQQ'
"\u0061bc" = 2020-01-01T00:00:00Z           #@ service/abc
dotted.deep.key = [                         #@ service/dotted/deep/key
  1, # ] no                                 #@ service/dotted/deep/key/0
  "a,]",                                    #@ service/dotted/deep/key/1
  [2,                                       #@ service/dotted/deep/key/2
   3],                                      #@ service/dotted/deep/key/2/1
]
inline = { a = 1, b = { c = "}" } }         #@ service/inline/b/c
[queues."Second line"]                      #@ queues/Second line
max = 5                                     #@ queues/Second line/max
[[sources]]                                 #@ sources/0
name = "a"                                  #@ sources/0/name
[sources.sub]                               #@ sources/0/sub
x = 1                                       #@ sources/0/sub/x
[[sources.parts]]                           #@ sources/0/parts/0
[[sources.parts]]                           #@ sources/0/parts/1
y = 1                                       #@ sources/0/parts/1/y
  [[ sources ]]                             #@ sources/1
name = "b"                                  #@ sources/1/name
[[sources.parts]]                           #@ sources/1/parts/0
y = -inf                                    #@ sources/1/parts/0/y
'''.replace("QQQ", "'''")


def _paths(value: Any, path: Path = ()) -> list[Path]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [found for key, each in inner for found in ((*path, key), *_paths(each, (*path, key)))]


def test_every_key_and_element_is_found_on_its_line() -> None:
    lines = TomlLines(DOCUMENT)
    for number, line in enumerate(DOCUMENT.split("\n"), 1):
        _, mark, said = line.partition("#@ ")
        if mark:
            path = tuple(int(part) if part.isdigit() else part for part in said.split("/"))
            assert (lines.has(path), lines.of(path)) == (True, number), path


def test_there_is_a_line_for_all_that_tomllib_finds() -> None:
    lines = TomlLines(DOCUMENT)
    found = _paths(tomllib.loads(DOCUMENT))
    assert len(found) == 37
    assert [path for path in found if not lines.has(path)] == []


def test_a_table_stands_at_its_header_though_an_inner_one_came_before() -> None:
    assert TomlLines("[a.b]\nc = 1\n[a]\n").of(("a", "missing")) == 3


def test_what_is_not_there_has_the_line_of_the_table_around_it() -> None:
    lines = TomlLines("\n[service]\nport = 1\n[[sources]]\n")
    assert lines.of(("service", "missing")) == 2
    assert lines.of(("sources", 0, "path")) == 4
    assert lines.of(("metrics", "x")) is None
    assert not lines.has(("service", "missing"))


_VALUES = st.sampled_from(
    [
        "1",
        '"a = 1"',
        "'#'",
        "[]",
        "[1, 2]",
        "[\n 1,\n # ]\n]",
        "{}",
        "{ x = '}' }",
        '"""\n[t]\nk = 1\n"""',
        "true",
        "1.5e3",
    ]
)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), _VALUES), max_size=12))
def test_whatever_stands_between_a_key_is_found_on_its_line(parts: list[tuple[bool, bool, str]]) -> None:
    text, expected, table = "", {}, ""
    for number, (header, comment, value) in enumerate(parts):
        if header:
            table = f"t{number}"
            text += f"[{table}]\n"
        expected[(table, f"k{number}") if table else (f"k{number}",)] = text.count("\n") + 1
        text += f"k{number} = {value}" + (" # c = 1 [" if comment else "") + "\n"
    tomllib.loads(text)
    lines = TomlLines(text)
    assert {path: lines.of(path) for path in expected} == expected
