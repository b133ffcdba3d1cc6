"""The network between a worker and the brokers: what a cut holds, what a refusal resets, where a trap closes."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from tests.acceptance.program import wait_for
from tests.chaos.proxy import Line, Network, Trap


def request(api_key: int, body: bytes = b"") -> bytes:
    return struct.pack(">ih", 2 + len(body), api_key) + body


class Echo:
    """A broker that answers every byte by itself."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.received = b""
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65536):
                    self.received += data
                    connection.sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    broker = Echo()
    yield broker
    broker.close()


@pytest.fixture
def network(echo: Echo) -> Iterator[Network]:
    way = Network(1)
    way.lead_to([echo.port])
    yield way
    way.close()


@pytest.fixture
def client(network: Network) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", network.ports[0]), timeout=5) as connection:
        yield connection


def test_requests_and_answers_pass(client: socket.socket) -> None:
    client.sendall(request(3, b"a") + request(18))

    assert read(client, 13) == request(3, b"a") + request(18)


def test_what_was_sent_into_a_cut_arrives_after_the_mending(
    network: Network, client: socket.socket, echo: Echo
) -> None:
    network.turn(Line.CUT)
    client.sendall(request(26, b"late"))
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    assert echo.received == b""

    network.turn(Line.WHOLE)
    client.settimeout(5)

    assert read(client, 10) == request(26, b"late")


def test_a_refusal_resets_what_is_open_and_what_comes(network: Network, client: socket.socket) -> None:
    client.sendall(request(3))
    read(client, 6)
    network.turn(Line.REFUSED)

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionError):
        ask(network.ports[0])


@pytest.mark.parametrize("passed_on", [False, True])
def test_a_trap_closes_before_a_request_or_right_after(
    passed_on: bool, network: Network, client: socket.socket, echo: Echo
) -> None:
    struck: list[bytes] = []
    trap = Trap(26, passed_on, lambda: struck.append(echo.received), Event())
    network.set_trap(trap)

    client.sendall(request(0, b"records"))
    assert read(client, 13) == request(0, b"records")
    assert struck == []
    client.sendall(request(26, b"commit"))

    assert trap.closed.wait(5)
    assert len(struck) == 1
    while client.recv(100):
        pass
    expected = request(0, b"records") + (request(26, b"commit") if passed_on else b"")
    wait_for(lambda: len(echo.received) >= len(expected), "the broker has what was passed on", 5)
    assert echo.received == expected


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request(3))
        return read(connection, 6)


def read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        assert part, "closed"
        data += part
    return data
