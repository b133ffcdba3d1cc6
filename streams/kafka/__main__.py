"""``python -m streams.kafka``: what `make setup` runs to fetch and prepare the embedded Kafka."""

from __future__ import annotations

import sys

from streams.kafka.errors import EmbeddedKafkaError
from streams.kafka.prepare import prepare


def main() -> int:
    """Prepare; words go to stderr. Returns 0, or 1 when it failed."""
    try:
        prepare(notify=lambda words: print(words, file=sys.stderr))  # noqa: T201 - runs before the CLI does
    except EmbeddedKafkaError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
