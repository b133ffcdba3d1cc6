"""Free loopback ports for brokers."""

from __future__ import annotations

import os
import socket

LOOPBACK = "127.0.0.1"

# Below the range the system hands to outgoing connections: from inside it, a client that retries a broker
# that is down can be given the broker's own port and keep it from coming back.
_FIRST, _LAST = 20_000, 32_000

_handed_out: set[int] = set()


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java's server sockets do
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A free loopback port that this process has not been given before.

    Each process starts its search elsewhere, so that two started together seldom meet.
    Raises OSError when every port of the range is taken.
    """
    size = _LAST - _FIRST
    start = os.getpid() * 97
    for step in range(size):
        port = _FIRST + (start + step) % size
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    raise OSError(f"no free port on {LOOPBACK} between {_FIRST} and {_LAST}")
