"""Lines of recorded HTTP requests that no provider's record could be made of: why, and those that are no event."""

from agents.intake.parsing import Context, Headers, Ignored, Malformed, Parsed
from agents.intake.providers import webhooks
from schemas.events import Channel
from streams.connectors.http_lines import HANDSHAKE, NAME, BadLine, read_line


class HttpFormat:
    """The format `http`. A replay of such lines makes the records of their providers; only the rest is of this one."""

    name = NAME
    channel: Channel = "chat"
    revision = 1
    content_type = b"application/json"
    has_header_line = False
    ordered_by_end = True
    repeats_lines = False

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The source."""
        return None

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """When the request came, where the line says it."""
        try:
            return read_line(payload, webhooks()).at
        except BadLine:
            return None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Chat: of what can't be read nobody knows better."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """Ignored for a handshake. Raises Malformed: what is wrong with the line."""
        if HANDSHAKE in context.headers:
            return Ignored("handshake")
        try:
            read_line(payload, webhooks())
        except BadLine as error:
            raise Malformed(error.reason, error.message) from None
        raise Malformed("schema", "the line can be read by now, as a record of its provider: give its file once more")
