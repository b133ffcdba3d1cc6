"""A task that is dropped is freed with its last reference: what rests, the garbage collector never looks at again."""

from __future__ import annotations

import gc
from collections.abc import Callable
from uuid import UUID

import pytest

from agents.alerts.agent import terms_of
from agents.alerts.processor import Alerting
from agents.contacts.processor import Contacts
from agents.customers.customers import Customers
from agents.intake.processor import Intake
from agents.metrics.processor import Metrics
from agents.profiles.profiles import Profiles
from agents.registry.processor import Registry
from streams.processor import Processor
from streams.settings import Settings
from tests.unit.uncollected import no_collector

SETTINGS = Settings()

TASKS: dict[str, Callable[[], Processor]] = {
    "intake": lambda: Intake(wall_clock=True),
    "contacts": lambda: Contacts("contacts-0", policies=SETTINGS.policy_settings(), namespace=UUID(int=1)),
    "registry": lambda: Registry(partitions=1),
    "customers": lambda: Customers(),
    "profiles": lambda: Profiles(),
    "metrics": lambda: Metrics(SETTINGS.metric_settings(), SETTINGS.trend_settings()),
    "alerts": lambda: Alerting(terms_of(SETTINGS)),
}


@pytest.mark.parametrize("stage", TASKS)
def test_a_dropped_task_is_freed_at_once(stage: str) -> None:
    with no_collector():
        made = TASKS[stage]()
        made.restored()
        kind = type(made)
        assert sum(type(each) is kind for each in gc.get_objects()) == 1
        del made
        assert not any(type(each) is kind for each in gc.get_objects())
