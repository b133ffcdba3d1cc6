"""What Messenger, Instagram and WhatsApp have in common: Meta's signature, its handshake and its envelope."""

import hmac

import msgspec

from agents.intake.parsing import Ignored, Malformed, shown
from agents.intake.providers._social import Id
from agents.intake.webhook import Webhook
from schemas.events import Channel
from streams.connectors.hooks import Answer, Delivery, NotGenuine, Secrets, any_same

_SIGNATURE = "x-hub-signature-256"
_PROVIDER_OF = {"page": "messenger", "instagram": "instagram", "whatsapp_business_account": "whatsapp"}


class Change(msgspec.Struct, gc=False):
    """Something that happened to a field which the app subscribed to."""

    field: str | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")


CHANGE = msgspec.json.Decoder(Change)


class MetaWebhook(Webhook):
    """A product of Meta. Secrets: `app_secret` signs the bodies, `verify_token` is sent with the handshake.

    `object_name`: the object of the webhook that it speaks of."""

    channel: Channel = "social"
    secret_names = ("app_secret", "verify_token")
    refusal = 403
    object_name: str

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """HMAC-SHA256 of the raw body, hexadecimal. Nothing is timed: a copy of a delivery is genuine, too."""
        proof = delivery.header(_SIGNATURE)
        if not any_same((_signed(secret, delivery.body) for secret in secrets["app_secret"]), proof):
            raise NotGenuine(f"{_SIGNATURE} is not the body's")

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        """The challenge, where the verify token is ours."""
        if delivery.method != "GET":
            return None
        asked = dict(delivery.query)
        challenge = asked.get("hub.challenge", "")
        if asked.get("hub.mode") != "subscribe" or not challenge:
            raise NotGenuine("a GET without hub.mode=subscribe and hub.challenge")
        if not any_same(secrets["verify_token"], asked.get("hub.verify_token", "")):
            raise NotGenuine("hub.verify_token is another")
        return Answer(body=challenge.encode("utf-8", "replace"))

    def foreign(self, object_name: str) -> Ignored | None:
        """What to do with a body about another object; None: it is this one. Raises Malformed where another provider
        understands it."""
        if object_name == self.object_name:
            return None
        other = _PROVIDER_OF.get(object_name)
        if other is None:
            return Ignored("other_object")
        raise Malformed(
            "unknown_type",
            f"`$.object` is {shown(object_name)}, expected {shown(self.object_name)}: the provider is {other}",
        )


class Party(msgspec.Struct, gc=False):
    """Somebody or something with an id."""

    id: Id = None


def id_of(party: Party | None) -> Id:
    """Its id, where it is told at all."""
    return None if party is None else party.id


def _signed(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
