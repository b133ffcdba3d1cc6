"""Keys: what is kept of them."""

from hashlib import sha256


def hash_of(key: str) -> str:
    """What is kept of a key: a key is as random as its hash, so no salt and no slow hash is needed."""
    return sha256(key.encode()).hexdigest()
