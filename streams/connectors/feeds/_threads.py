"""Blocking calls of a library, beside the event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Calls:
    """Blocking calls, one after the other, in daemon threads: one that hangs keeps no process from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._under_way: asyncio.Future[None] | None = None

    async def made(self, call: Callable[[], T]) -> T:
        """What it returns, or raises. Cancelled, it goes on in its thread."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        results: list[T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                results.append(call())
            # It is raised where the call is awaited.
            except Exception as error:  # noqa: BLE001
                errors.append(error)
            finally:
                # The loop may be gone by now.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(ended.set_result, None)

        self._under_way = ended
        threading.Thread(target=run, name=self._name, daemon=True).start()
        await asyncio.shield(ended)
        if errors:
            raise errors[0]
        return results[0]

    async def over(self, seconds: float) -> bool:
        """Whether no call is under way, within so many seconds."""
        if self._under_way is None:
            return True
        done, _ = await asyncio.wait({self._under_way}, timeout=seconds)
        return bool(done)
