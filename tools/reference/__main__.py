"""`python -m tools.reference`: writes what is stale, unless a published schema would break its readers."""

import sys
from pathlib import Path

from tools.reference.files import breaks, generated, stale

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Returns the exit code: 1 where a schema may not change as it did; then nothing is written."""
    broken = breaks(ROOT)
    if broken:
        sys.stderr.write(
            "\n".join(broken) + "\nNothing was written. Records stay in Kafka and others read them: add a field beside "
            "the old one instead. To break them all the same, remove the file, run this again and say so in "
            "CHANGELOG.md.\n"
        )
        return 1
    files = generated()
    for path in stale(ROOT):
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(files[path], encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
