"""A clean slate for the next contestant: nothing of the one before is left on the broker."""

import time
from collections.abc import Mapping

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
    groups = [each.group_id for each in admin.list_consumer_groups().result(_PATIENCE).valid]
    if groups:
        for done in admin.delete_consumer_groups(groups).values():
            done.result(_PATIENCE)
    for name, policy in make.items():
        _make(admin, NewTopic(name, num_partitions=1, config={"cleanup.policy": policy}))


def _make(admin: AdminClient, topic: NewTopic) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            admin.create_topics([topic])[topic.topic].result(_PATIENCE)
            return
        except KafkaException as error:
            # The topic of the same name that was just deleted is not gone from every part of the broker yet.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
