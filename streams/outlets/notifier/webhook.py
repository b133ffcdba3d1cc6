"""Signed webhooks: CloudEvents in structured JSON by HTTP POST, signed by Standard Webhooks. No redirects, 5 s."""

import asyncio
import ssl
from datetime import datetime

import httpx

from streams.outlets import signature
from streams.outlets.notifier.answers import Answer, Outgoing
from streams.outlets.notifier.backoff import retry_after
from streams.outlets.notifier.events import CONTENT_TYPE, body

TIMEOUT = 5.0
PASSING = frozenset({408, 425, 429})
"""4xx that may pass by themselves."""


class Webhook:
    """Sends to one address. Proxies and .netrc of the environment are not used."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._key = signature.key_of(secret)
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(),
            trust_env=False,
            follow_redirects=False,
            timeout=TIMEOUT,
            headers={"User-Agent": "floorwalker"},
        )

    async def send(self, outgoing: Outgoing, now: datetime) -> Answer:
        """One try; signed anew, since receivers refuse old timestamps."""
        content = body(outgoing.id, outgoing.type, outgoing.alert, outgoing.message)
        timestamp = int(now.timestamp())
        headers = {
            "Content-Type": CONTENT_TYPE,
            signature.ID: outgoing.id,
            signature.TIMESTAMP: str(timestamp),
            signature.SIGNATURE: signature.sign(self._key, outgoing.id, timestamp, content),
        }
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._client.stream("POST", self._url, content=content, headers=headers) as response,
            ):
                return answer_of(response.status_code, response.headers.get("Retry-After"), now)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(outcome="retry", reason="timeout", detail=f"no answer within {TIMEOUT:g} s")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            return Answer(outcome="failed", reason="address", detail="its url is no address of a web server")
        except httpx.TransportError as error:
            # Its name alone: the text may hold the address, and that may hold a secret.
            return Answer(outcome="retry", reason="unreachable", detail=f"not reached: {type(error).__name__}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def answer_of(status: int, wish: str | None, now: datetime) -> Answer:
    """What a status means. `wish`: the header Retry-After."""
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return Answer(outcome="sent", reason="", detail=detail)
    if status >= 500 or status in PASSING:
        reason = "busy" if status == 429 else f"{status // 100}xx"
        return Answer(outcome="retry", reason=reason, detail=detail, retry_after=retry_after(wish, now))
    if 300 <= status < 400:
        detail += ": redirects are not followed, give the url where it leads"
    return Answer(outcome="failed", reason=f"{status // 100}xx", detail=detail)
