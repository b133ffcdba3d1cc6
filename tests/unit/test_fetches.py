"""What hooks need of their providers: fetched once, kept for a day, and never often."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from streams.connectors.fetches import FAILED_SECONDS, KEPT_SECONDS, LARGEST, MOST, WINDOW_SECONDS, Fetches, NotFetched
from streams.connectors.fetches import fetched as real_fetch

ADDRESS = "https://sns.eu-central-1.amazonaws.com/fw.pem"


class Web:
    """Answers as it is told, and counts."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000.0
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.fetches = Fetches(lambda: self.now, folder, self.fetch)
        self.fetches.open()

    async def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return address.encode()

    async def fails(self, address: str = ADDRESS) -> str:
        with pytest.raises(NotFetched) as caught:
            await self.fetches.get(address)
        return str(caught.value)


def running(body: Callable[[Web], Awaitable[None]], folder: Path | None = None) -> None:
    async def whole() -> None:
        with tempfile.TemporaryDirectory() as other:
            web = Web(folder or Path(other))
            await body(web)
            await web.fetches.close()

    asyncio.run(whole())


def test_an_address_is_fetched_once_a_day() -> None:
    async def body(web: Web) -> None:
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        web.now += KEPT_SECONDS - 1
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        assert web.asked == [ADDRESS]
        web.now += 1
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        assert web.asked == [ADDRESS] * 2

    running(body)


def test_who_asks_meanwhile_waits_for_the_same_and_may_stop_waiting() -> None:
    async def body(web: Web) -> None:
        web.gate.clear()
        first, second = (asyncio.create_task(web.fetches.get(ADDRESS)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        web.gate.set()
        assert await second == ADDRESS.encode()
        assert web.asked == [ADDRESS]
        assert first.cancelled()

    running(body)


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (OSError("away"), "OSError"),
        (NotFetched("status 404"), "status 404"),
        (httpx.ReadTimeout("slow"), "ReadTimeout"),
    ],
)
def test_a_failure_is_said_to_all_who_wait_and_holds_a_while(failure: Exception, says: str) -> None:
    async def body(web: Web) -> None:
        web.failure = failure
        with capture_logs() as lines:
            assert list(await asyncio.gather(web.fails(), web.fails())) == [says, says]
        assert lines == [{"event": "hooks.not_fetched", "log_level": "warning", "address": ADDRESS, "error": says}]
        web.failure = None
        web.now += FAILED_SECONDS - 1
        assert await web.fails() == says
        assert web.asked == [ADDRESS]
        web.now += 1
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()

    running(body)


def test_what_takes_too_long_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.connectors.fetches.SECONDS", 0.01)

    async def body(web: Web) -> None:
        web.gate.clear()
        assert await web.fails() == "TimeoutError"

    running(body)


@pytest.mark.parametrize("failure", [None, OSError("away")])
def test_many_addresses_are_not_fetched_within_a_minute(failure: Exception | None) -> None:
    async def body(web: Web) -> None:
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        web.failure = failure
        for number in range(MOST - 1):
            with suppress(NotFetched):
                await web.fetches.get(f"{ADDRESS}?{number}")
        assert await web.fails(f"{ADDRESS}?more") == f"{MOST} addresses were fetched within {WINDOW_SECONDS:g} s"
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        assert len(web.asked) == MOST
        web.failure = None
        web.now += WINDOW_SECONDS
        assert await web.fetches.get(f"{ADDRESS}?more") == f"{ADDRESS}?more".encode()

    running(body)


def test_what_cannot_be_fetched_anew_holds_whether_it_fails_or_others_take_all_turns() -> None:
    async def body(web: Web) -> None:
        await web.fetches.get(ADDRESS)
        web.now += KEPT_SECONDS
        web.failure = NotFetched("status 404")
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        for number in range(MOST - 1):
            await web.fails(f"{ADDRESS}?{number}")
        web.failure = None
        web.now += FAILED_SECONDS
        assert await web.fails(f"{ADDRESS}?0") == f"{MOST} addresses were fetched within {WINDOW_SECONDS:g} s"
        assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        assert len(web.asked) == 1 + MOST
        web.now += WINDOW_SECONDS
        for _ in range(2):
            assert await web.fetches.get(ADDRESS) == ADDRESS.encode()
        assert len(web.asked) == 2 + MOST

    running(body)


def test_the_address_that_was_used_least_recently_is_given_up() -> None:
    async def body(web: Web) -> None:
        for number in range(MOST):
            await web.fetches.get(f"{ADDRESS}?{number}")
        await web.fetches.get(f"{ADDRESS}?0")
        web.now += WINDOW_SECONDS
        await web.fetches.get(f"{ADDRESS}?more")
        web.asked.clear()
        for number in (0, *range(2, MOST)):
            await web.fetches.get(f"{ADDRESS}?{number}")
        assert web.asked == []
        await web.fetches.get(f"{ADDRESS}?1")
        assert web.asked == [f"{ADDRESS}?1"]

    running(body)


def usual(number: int) -> str:
    return f"https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-{number:032x}.pem"


@pytest.mark.parametrize(
    ("forged", "genuine"),
    [(f"{ADDRESS}?{{}}", usual(1)), (f"{usual(1)}?{{}}", usual(1)), (usual(0)[:-4] + "{}.pem", usual(1))],
)
def test_addresses_that_nobody_has_take_no_turns_of_those_that_are_as_usual(forged: str, genuine: str) -> None:
    async def body(web: Web) -> None:
        web.failure = NotFetched("status 404")
        for number in range(MOST):
            assert await web.fails(forged.format(number)) == "status 404"
        assert await web.fails(forged.format("more")) == f"{MOST} addresses were fetched within {WINDOW_SECONDS:g} s"
        web.failure = None
        assert await web.fetches.get(genuine) == genuine.encode()
        web.failure = NotFetched("status 404")
        for number in range(2, MOST + 1):
            assert await web.fails(usual(number)) == "status 404"
        assert await web.fails(usual(0)) == f"{MOST} addresses were fetched within {WINDOW_SECONDS:g} s"

    running(body)


async def get(web: Web) -> None:
    assert await web.fetches.get(ADDRESS) == ADDRESS.encode()


def test_after_a_start_what_was_fetched_before_holds_where_it_cannot_be_fetched_anew(tmp_path: Path) -> None:
    async def forged(web: Web) -> None:
        web.failure = NotFetched("status 404")
        for number in range(MOST):
            await web.fails(f"{ADDRESS}?{number}")
        await get(web)
        assert ADDRESS not in web.asked

    async def away(web: Web) -> None:
        web.failure = OSError("away")
        await get(web)
        assert web.asked == [ADDRESS]

    async def back(web: Web) -> None:
        await get(web)
        await get(web)
        assert web.asked == [ADDRESS]

    for body in (get, forged, away, back):
        running(body, tmp_path)


@pytest.mark.parametrize("content", [b"", b"x", b"\n\n", None])
def test_a_file_that_is_not_as_it_was_written_is_as_none(tmp_path: Path, content: bytes | None) -> None:
    running(get, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"M" if content is None else content)

    async def away(web: Web) -> None:
        web.failure = OSError("away")
        assert await web.fails() == "OSError"

    with capture_logs() as logs:
        running(away, tmp_path)
    assert logs[0] == {
        "event": "hooks.kept_unreadable",
        "log_level": "warning",
        "file": str(file),
        "error": "it is not as it was written",
    }


def test_a_folder_that_cannot_be_written_keeps_nobody_from_what_was_fetched(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with capture_logs() as logs:
        running(get, tmp_path / "file" / "folder")
    assert [each["event"] for each in logs] == ["hooks.not_saved"]


def test_no_more_is_in_the_folder_than_is_kept(tmp_path: Path) -> None:
    async def many(web: Web) -> None:
        for number in range(MOST + 2):
            web.now += WINDOW_SECONDS
            await web.fetches.get(f"{ADDRESS}?{number}")

    running(many, tmp_path)
    assert len(list(tmp_path.iterdir())) == MOST


def test_what_is_under_way_ends_with_it() -> None:
    async def body(web: Web) -> None:
        web.gate.clear()
        waiting = asyncio.create_task(web.fetches.get(ADDRESS))
        await asyncio.sleep(0)
        await web.fetches.close()
        await asyncio.wait([waiting])
        assert waiting.cancelled()

    running(body)


async def _parts(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1_024):
        yield b"x" * 1_024
    yield b"x" * (size % 1_024)


def answered(response: httpx.Response) -> bytes:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    content = asyncio.run(real_fetch(ADDRESS, httpx.MockTransport(handle)))
    assert [(each.method, str(each.url), each.headers["accept-encoding"]) for each in seen] == [
        ("GET", ADDRESS, "identity")
    ]
    return content


def test_an_address_has_as_many_bytes_as_a_certificate() -> None:
    assert answered(httpx.Response(200, content=_parts(LARGEST))) == b"x" * LARGEST
    with pytest.raises(NotFetched, match=f"more than {LARGEST} bytes"):
        answered(httpx.Response(200, content=_parts(LARGEST + 1)))


@pytest.mark.parametrize("status", [204, 301, 302, 307, 403, 404, 500, 503])
def test_another_status_is_a_failure_and_no_redirect_is_followed(status: int) -> None:
    response = httpx.Response(status, headers={"Location": "https://kunde.example/fw.pem"}, content=b"x")
    with pytest.raises(NotFetched, match=f"status {status}"):
        answered(response)
