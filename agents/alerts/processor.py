"""Rules and state of the alerts task."""

from collections.abc import Iterable

from streams.processor import Outbox, Record


class Alerting:
    """A `streams.processor.Processor` over alerts.sla, alerts.trends and alerts.commands."""

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one record."""

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock (ms) has moved on."""

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Send what changed."""

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call."""
        return ()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record."""

    def restored(self) -> None:
        """Rebuild what is derived."""
