"""Asks a broker, over Kafka's own protocol, which brokers of its cluster are in service."""

from __future__ import annotations

import socket
import struct

_METADATA = 3
_VERSION = 1
_CORRELATION = 1
_CLIENT = b"floorwalker-probe"


def brokers_in_service(host: str, port: int, timeout: float = 1.0) -> frozenset[int]:
    """The node ids that the broker at ``host:port`` knows to be registered and not fenced.

    ``timeout`` is in seconds and holds for each read. Empty while nobody listens there or the answer is
    incomplete.
    """
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.sendall(_request())
            (size,) = struct.unpack(">i", _read(connection, 4))
            return _parse(_read(connection, size))
    except (OSError, struct.error):
        return frozenset()


def _request() -> bytes:
    header = struct.pack(">hhih", _METADATA, _VERSION, _CORRELATION, len(_CLIENT)) + _CLIENT
    body = struct.pack(">i", 0)  # no topics
    return struct.pack(">i", len(header) + len(body)) + header + body


def _read(connection: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0:
        part = connection.recv(size)
        if not part:
            raise ConnectionResetError("the broker closed the connection")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _parse(answer: bytes) -> frozenset[int]:
    (count,) = struct.unpack_from(">i", answer, 4)  # after the correlation id
    at, nodes = 8, set[int]()
    for _ in range(count):
        (node,) = struct.unpack_from(">i", answer, at)
        at = _skip_string(answer, at + 4)  # host
        at = _skip_string(answer, at + 4)  # port, then rack
        nodes.add(node)
    return frozenset(nodes)


def _skip_string(answer: bytes, at: int) -> int:
    length: int = struct.unpack_from(">h", answer, at)[0]
    return at + 2 + max(length, 0)
