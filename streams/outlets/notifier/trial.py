"""A test message to one receiver, past the outbox."""

from datetime import datetime

from schemas.ids import alert_id, message_id
from schemas.instants import to_ms
from schemas.notifications import Alert, Evidence
from streams.outlets.notifier.answers import Answer, Outgoing
from streams.outlets.notifier.events import TEST
from streams.outlets.notifier.message import compose
from streams.outlets.notifier.notifier import sender_of
from streams.outlets.notifier.place import place_of
from streams.sections import Receiver
from streams.settings import Settings

RULE = "receiver.test"


async def try_receiver(receiver: Receiver, settings: Settings, now: datetime) -> Answer:
    """Send one test message, once."""
    alert = Alert(
        id=alert_id(RULE, {"receiver": receiver.name}, to_ms(now)),
        sequence=1,
        rule=RULE,
        labels={"receiver": receiver.name},
        state="firing",
        severity="info",
        mode="live",
        started_at=now,
        updated_at=now,
        summary=f"Test message to {receiver.name}: nothing has happened",
        evidence=Evidence(open=0, total=0),
        notify="trigger",
    )
    outgoing = Outgoing(
        id=message_id(alert.id, alert.sequence, receiver.name),
        type=TEST,
        alert=alert,
        message=compose(alert, "trigger", now, None, place_of(settings)),
    )
    sender = sender_of(receiver)
    try:
        return await sender.send(outgoing, now)
    finally:
        await sender.close()
