"""Signed counts by key, of which those that are 0 are not there."""


def add(counts: dict[int, int], key: int, n: int) -> None:
    """Add to the count of a key."""
    total = counts.get(key, 0) + n
    if total:
        counts[key] = total
    else:
        counts.pop(key, None)
