"""What messages of an installation have in common, from its settings."""

from zoneinfo import ZoneInfo

from streams.outlets.notifier.message import Place
from streams.settings import Settings


def place_of(settings: Settings) -> Place:
    """Where its board is, whose local time counts (that of the metrics, as in summaries and on the board), what its
    queues are called and promise."""
    gateway, queues = settings.gateway, settings.queues
    host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
    base = gateway.public_url or f"http://{host}:{gateway.port}"
    return Place(
        base=f"{base.rstrip('/')}/",
        zone=ZoneInfo(settings.metric_settings().timezone),
        names={name: queue.display_name for name, queue in queues.items() if queue.display_name},
        targets={
            name: queue.service_level_target for name, queue in queues.items() if queue.service_level_target is not None
        },
        target=settings.board.service_level_target,
    )
