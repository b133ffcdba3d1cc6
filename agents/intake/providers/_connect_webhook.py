"""How Amazon Connect's events come: to an API destination of EventBridge, or to an HTTP endpoint of Firehose."""

from typing import Any

import msgspec

from agents.intake.batches import together, tried
from agents.intake.parsing import Context, Headers, Malformed, Parsed
from agents.intake.providers._connect_bodies import Parts, parts_of
from agents.intake.webhook import Webhook
from schemas.events import Channel
from streams.connectors.hooks import Answer, Delivery, NotGenuine, Secrets, any_same

_REQUEST = "x-amz-firehose-request-id"
_KEYS = ("x-api-key", "x-amz-firehose-access-key")


class ConnectWebhook(Webhook):
    """What the three sources have in common. EventBridge and Firehose send again what was not taken."""

    secret_names = ("api_key",)
    setting_names = ("names",)
    seconds = 5.0
    kept = (_REQUEST,)
    channel: Channel = "phone"
    own_name: tuple[str, ...]
    """The fields that together name one event or record."""

    def __init__(self, name: str) -> None:
        self.name = name

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """The API key that was chosen for this source."""
        given = [delivery.headers[name] for name in _KEYS if delivery.headers.get(name)]
        kind, _, token = delivery.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token:
            given.append(token.strip())
        if not given:
            raise NotGenuine(f"no header {_KEYS[0]}, {_KEYS[1]} or authorization with a Bearer")
        if not any(any_same(secrets.get("api_key", ()), each) for each in given):
            raise NotGenuine("the API key is another")

    def answer(self, delivery: Delivery) -> Answer:
        """What the sender of a delivery is told that is durable: Firehose takes only the id of its request and a time
        for success."""
        request = delivery.headers.get(_REQUEST)
        if not request:
            return self.taken
        said = {"requestId": request, "timestamp": delivery.at}
        return Answer(body=msgspec.json.encode(said), content_type="application/json")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """Firehose's id of the request, else the name of the one event."""
        request = headers.get(_REQUEST, b"").decode("utf-8", "replace")
        value = {} if request else self.glance(body)
        names = [name for field in self.own_name if isinstance(name := value.get(field), str) and name]
        return request or (":".join(names) if len(names) == len(self.own_name) else None)

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What all events or records say. Raises Malformed where none can be read."""
        parts = parts_of(payload)
        return together(tried(self._part, parts, number, context) for number in range(len(parts.parts)))

    def said(self, value: Any, context: Context, where: str) -> Parsed:
        """What one event or record says. Raises Malformed."""
        raise NotImplementedError

    def glance(self, payload: bytes) -> dict[str, Any]:
        """The only event or record of a payload, with the names on its first two levels in lower case; nothing where it
        holds several, or can't be read."""
        try:
            parts = parts_of(payload)
            value = parts.read(0, levels=2) if len(parts.parts) == 1 else None
        except Malformed:
            return {}
        return value if isinstance(value, dict) else {}

    def _part(self, parts: Parts, number: int, context: Context) -> Parsed:
        return self.said(parts.read(number), context, parts.place.format(number))
