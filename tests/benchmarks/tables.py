"""`python -m tests.benchmarks.tables [SECTION...]`: build/bench.json as the Markdown of docs/performance.md."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from tests.benchmarks.machine import Machine
from tests.benchmarks.report import MEASURED, RESULT, read
from tests.benchmarks.sections import SECTIONS


def tables(sections: dict[str, Any], names: Sequence[str]) -> Iterator[str]:
    """The lines of these sections, each under the machine that it was measured on."""
    for name in names:
        if name not in sections:
            continue
        yield f"### {name}"
        yield ""
        stamp = sections.get(MEASURED, {}).get(name)
        if stamp is not None:
            told = ", ".join(f"{key} {value}" for key, value in stamp["options"].items())
            yield f"{Machine(**stamp['machine'])}; commit {stamp['commit']}, {stamp['date'][:10]}; {told}."
            yield ""
        yield from SECTIONS[name].table(sections[name])
        yield ""


def main(names: Sequence[str]) -> int:
    """Print them; returns the exit code."""
    unknown = sorted(set(names) - set(SECTIONS))
    if unknown:
        print(f"no section {', '.join(unknown)}: there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    sections = read()
    lines = list(tables(sections, names or tuple(SECTIONS)))
    print("\n".join(lines) if lines else f"nothing measured yet: {RESULT} has none of it, run make bench")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
