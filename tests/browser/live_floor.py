"""A floor in service: worker, connector and gateway as people start them, a queue_log, and the wall that shows it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from streams.kafka.ports import free_port
from tests.acceptance.floor import SESSION
from tests.acceptance.pbx import SOURCE, Pbx
from tests.acceptance.program import BIN, PATIENCE, Program, answers, wait_for

SOURCES = f"""
[[sources]]
name = "{SOURCE}"
format = "asterisk-queue-log"
path = "queue_log"
"""

Place = tuple[str | None, str | None, str, str]
"""Queue, channel, kind of window and metric of a number."""


class LiveFloor:
    """One installation on a namespace of its own, from `with` to its end. `pbx`: writes what the connector follows.

    `log`: the kind of writer. `session`: seconds after which a dead worker's partitions are given away.
    """

    def __init__(
        self,
        bootstrap: str,
        namespace: str,
        folder: Path,
        config: str,
        log: Callable[[Path], Pbx] = Pbx,
        session: int = SESSION,
    ) -> None:
        (folder / "floorwalker.toml").write_text(config + SOURCES, encoding="utf-8")
        self.bootstrap = bootstrap
        self.namespace = namespace
        self.folder = folder
        self.session = session
        self.pbx = log(folder / "queue_log")
        self.worker = self._program("worker", "--clock", "wall", "--port", 0)
        self.connector = self._program("connect")
        self.gateway = Gateway(self.settings, folder)
        self._stack = ExitStack()

    @property
    def settings(self) -> dict[str, object]:
        return {
            "service__bootstrap": self.bootstrap,
            "service__namespace": self.namespace,
            "service__session_timeout": self.session,
        }

    def _program(self, *arguments: object) -> Program:
        log = self.folder / f"{arguments[0]}.log"
        return Program(BIN / "floorwalker", *arguments, folder=self.folder, log=log, settings=self.settings)

    def __enter__(self) -> LiveFloor:
        with ExitStack() as stack:
            stack.callback(self.pbx.close)
            for program in (self.worker, self.connector, self.gateway):
                stack.enter_context(program)
            self.worker.wait_ready()
            self.gateway.wait_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return self.gateway.url


class Gateway(Program):
    """`floorwalker gateway` on a port that stays the same when it is started again."""

    def __init__(self, settings: dict[str, object], folder: Path, name: str = "gateway", *arguments: object) -> None:
        self.number = free_port()
        command = (BIN / "floorwalker", "gateway", "--port", self.number, *arguments)
        super().__init__(*command, folder=folder, log=folder / f"{name}.log", settings=settings)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.number}"

    def is_ready(self) -> bool:
        """Whether it has read the past and Kafka answers."""
        assert self.process.poll() is None, f"it ended by itself: {self.words[-3_000:]}"
        return answers(f"{self.url}/readyz")

    def get(self, path: str) -> Any:
        """What the API answers."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=PATIENCE) as response:  # noqa: S310 - a page of our own
            return json.load(response)

    def tiles(self) -> dict[str, dict[str, Any]]:
        """The board's tiles by id, as the API has them now."""
        return {tile["id"]: tile for page in self.get("/api/v1/board")["pages"] for tile in page["tiles"]}

    def metrics(self) -> dict[Place, dict[str, Any]]:
        """The numbers of the API by queue, channel, kind of window and metric."""
        found: dict[Place, dict[str, Any]] = {}
        path = following = "/api/v1/metrics?limit=1000"
        while following:
            answer = self.get(following)
            for item in answer["items"]:
                scope = item["scope"]
                found[scope.get("queue"), scope.get("channel"), item["window"]["kind"], item["metric_id"]] = item
            following = f"{path}&cursor={answer['next']}" if answer["next"] else ""
        return found

    def wait_listening(self) -> None:
        """Wait until it answers at all."""
        wait_for(lambda: answers(f"{self.url}/healthz"), f"the gateway answers; it says: {self.words[-3_000:]}")
