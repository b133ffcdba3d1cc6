"""A receiver of signed webhooks that keeps every genuine one as a file."""

import re
import time
from pathlib import Path

from aiohttp import web

from streams.outlets import signature
from streams.outlets.sinks.files import keep

PATH = "/hook"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class WebhookInbox:
    """Writes the body of each genuine webhook as .json into `folder`; the same id twice is kept once.

    `refused`: how many were not genuine.
    """

    def __init__(self, folder: Path, secret: str) -> None:
        self.folder = folder
        self.refused = 0
        self._key = signature.key_of(secret)
        folder.mkdir(parents=True, exist_ok=True)

    def add_routes(self, app: web.Application) -> None:
        """Take webhooks at POST /hook."""
        app.router.add_post(PATH, self._take)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        id_ = request.headers.get(signature.ID, "")
        try:
            signature.verify(
                self._key,
                id_,
                request.headers.get(signature.TIMESTAMP, ""),
                body,
                request.headers.get(signature.SIGNATURE, ""),
                int(time.time()),
            )
        except signature.NotGenuine as error:
            self.refused += 1
            return web.Response(status=401, text=f"{error}\n")
        if not _ID.fullmatch(id_):
            self.refused += 1
            return web.Response(status=400, text=f"{signature.ID} has characters that may not be there\n")
        if not any(self.folder.glob(f"*-{id_}.json")):
            keep(self.folder / f"{time.time_ns() // 1_000_000}-{id_}.json", body)
        return web.Response(status=204)
