"""A clean slate for the next contestant: nothing of the one before is left on the broker."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

_PATIENCE = 30.0


def clean_slate(bootstrap: str, keep: str, make: Mapping[str, str]) -> None:
    """Delete every topic but `keep` and every group, then make these topics (name -> cleanup.policy) of a partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 4})
    unwanted = [name for name in admin.list_topics(timeout=_PATIENCE).topics if name != keep and name[:2] != "__"]
    if unwanted:
        for done in admin.delete_topics(unwanted).values():
            done.result(_PATIENCE)
    for each in admin.list_consumer_groups().result(_PATIENCE).valid:
        # Who was killed is a member until its session is over.
        _when_free(partial(_delete, admin, each.group_id), KafkaError.NON_EMPTY_GROUP, 2 * _PATIENCE)
    for name, policy in make.items():
        _make(admin, NewTopic(name, num_partitions=1, config={"cleanup.policy": policy}))


def _delete(admin: AdminClient, group: str) -> None:
    admin.delete_consumer_groups([group])[group].result(_PATIENCE)


def _make(admin: AdminClient, topic: NewTopic) -> None:
    # The topic of the same name that was just deleted may not be gone from every part of the broker yet.
    _when_free(
        lambda: admin.create_topics([topic])[topic.topic].result(_PATIENCE), KafkaError.TOPIC_ALREADY_EXISTS, _PATIENCE
    )


def _when_free(do: Callable[[], object], busy: int, patience: float) -> None:
    """Do it, again and again while the broker says `busy`, for so many seconds. Raises KafkaException."""
    deadline = time.monotonic() + patience
    while True:
        try:
            do()
        except KafkaException as error:
            if error.args[0].code() != busy or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
