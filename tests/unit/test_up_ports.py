"""Workers that are started together keep out of the way of whatever else is."""

import pytest

from agents.cli.up import worker_ports
from streams.settings import Settings


@pytest.mark.parametrize(
    ("first", "workers", "ports"),
    [
        pytest.param(6066, 1, [6066], id="one"),
        pytest.param(6066, 4, [6066, 6069, 6070, 6071], id="notifier and connectors have the next two"),
        pytest.param(8078, 3, [8078, 8079, 8081], id="the gateway has one of them"),
        pytest.param(0, 2, [0, 0], id="any"),
    ],
)
def test_each_worker_has_a_port_that_nothing_else_of_the_installation_has(
    first: int, workers: int, ports: list[int]
) -> None:
    settings = Settings.model_validate({"service": {"port": first}})
    assert (settings.notifier.port, settings.connect.port, settings.gateway.port) == (6067, 6068, 8080)

    assert worker_ports(settings, workers) == ports
