"""The receiver: what is answered when, and that nothing that was answered is lost."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY
from starlette.types import Message
from structlog.testing import capture_logs

from streams.connectors import keeping
from streams.connectors.formats import Headers
from streams.connectors.hooks import Answer, Delivery, NotGenuine, Secrets, any_same
from streams.connectors.line_records import LineRecord
from streams.connectors.publisher import TopicMissing
from streams.connectors.receiver import Bucket, Declined, Receiver, record_of
from streams.connectors.secrets import Source
from streams.outlets.gateway.app import build_desk, build_gateway
from streams.outlets.gateway.pages import STATIC, Files
from streams.sections import Sections

AT = 1_792_490_400_000
SECRET = "a secret"  # noqa: S105 - an invented one


def proof(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Provider:
    """A provider that signs bodies; `kind` and its like say how it behaves."""

    secret_names: tuple[str, ...] = ("secret",)
    alternatives: tuple[tuple[str, ...], ...] = ()
    setting_names: tuple[str, ...] = ("bots",)
    largest = 100
    kept: tuple[str, ...] = ("x-try", "authorization")

    def __init__(
        self, name: str = "test", *, tries_again: bool = True, seconds: float = 0.1, refusal: int = 401
    ) -> None:
        self.name = name
        self.tries_again = tries_again
        self.seconds = seconds
        self.refusal = refusal

    def needs(self, delivery: Delivery, secrets: Secrets) -> str | None:
        needed = delivery.headers.get("x-needs")
        if needed == "nonsense":
            raise NotGenuine("header x-needs is no address")
        return needed

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        given = delivery.header("x-proof")
        if "x-needs" in delivery.headers and delivery.fetched != {delivery.headers["x-needs"]: b"what is needed"}:
            raise NotGenuine("what it needs is not there")
        if not any_same((proof(delivery.body, secret) for secret in secrets["secret"]), given):
            raise NotGenuine("header x-proof is not of this body")

    def answer(self, delivery: Delivery) -> Answer:
        return Answer(202, b"thanks")

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        if delivery.method == "GET":
            asked = dict(delivery.query)
            if "token" not in asked:
                return None
            if not any_same(secrets["secret"], asked["token"]):
                raise NotGenuine("parameter token is another")
            return Answer(200, asked["challenge"].encode())
        if delivery.body.startswith(b"hello "):
            return Answer(200, b"hello", visit=delivery.body[6:].decode() or None)
        return None

    def identity(self, body: bytes, headers: Headers) -> str | None:
        return body[3:].decode() if body.startswith(b"id:") else None

    def redacted(self, body: bytes) -> bytes:
        return body.replace(b"token", b"*****")

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        return None if b"\xff" in payload else payload[:2]

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        return "chat"


class Kafka:
    """Takes records as it is told: 'well', 'never', or by raising."""

    def __init__(self) -> None:
        self.behaves: str | Exception = "well"
        self.sent: list[LineRecord] = []

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        if isinstance(self.behaves, Exception):
            raise self.behaves
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if self.behaves == "well":
            self.sent.append(record)
            future.set_result(None)
        elif self.behaves == "gives up":
            future.cancel()
        return future

    async def close(self) -> None:
        pass

    @property
    def bodies(self) -> list[bytes]:
        return [record.value for record in self.sent]


def source(name: str = "shop", secrets: tuple[str, ...] = (SECRET,), rate: float = 200.0, **of_hook: object) -> Source:
    return Source(Provider(**of_hook), name, {"secret": secrets}, rate)  # type: ignore[arg-type]


def spooled(name: str) -> float:
    """Bytes that wait in a source's spool, as /metrics says."""
    return REGISTRY.get_sample_value("floorwalker_spool_bytes", {"source": name}) or 0.0


def posted(body: bytes, secret: str = SECRET, **headers: str) -> Delivery:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    known = {"content-type": "application/json", "x-proof": proof(body, secret)}
    return Delivery("POST", "https://x.example/hooks/test/shop", (), {**known, **said}, body, AT)


def got(*query: tuple[str, str]) -> Delivery:
    return Delivery("GET", "https://x.example/hooks/test/shop", query, {}, b"", AT)


def receiving(
    folder: Path, sources: list[Source], body: Callable[[Receiver, Kafka], Awaitable[None]], **more: object
) -> None:
    """Run the body with a receiver whose spools are open, but which does not drain them by itself."""

    async def whole() -> None:
        kafka = Kafka()
        receiver = Receiver(sources, kafka, folder, **more)  # type: ignore[arg-type]
        await receiver.open()
        try:
            await body(receiver, kafka)
        finally:
            await receiver.close()

    asyncio.run(whole())


async def drained(receiver: Receiver, claim: Callable[[], bool]) -> None:
    running = asyncio.create_task(receiver.run())
    async with asyncio.timeout(30):
        while not claim():  # noqa: ASYNC110 - nobody says when
            await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def outcomes(name: str, outcome: str, provider: str = "test") -> float:
    labels = {"provider": provider, "source": name, "outcome": outcome}
    return REGISTRY.get_sample_value("floorwalker_hook_deliveries_total", labels) or 0.0


async def declined(receiver: Receiver, of: Source, delivery: Delivery) -> tuple[int, str, dict[str, str]]:
    with pytest.raises(Declined) as failed:
        await receiver.receive(of, delivery)
    return failed.value.status, failed.value.outcome, failed.value.headers


def test_the_record_is_the_body_with_what_it_does_not_say_in_headers() -> None:
    delivery = posted(b"id:7", x_try="2", authorization="Basic aaa", x_other="no")
    assert record_of(source(), delivery) == LineRecord(
        "channel.chat",
        b"id",
        b"id:7",
        [
            ("x-try", b"2"),
            ("ce_source", b"shop"),
            ("ce_type", b"test"),
            ("ce_time", b"2026-10-20T10:00:00.000Z"),
            ("content-type", b"application/json"),
            ("ce_id", b"7"),
        ],
        AT,
    )


def test_without_an_id_the_digest_is_it_without_a_key_the_source_and_a_secret_stays_out() -> None:
    record = record_of(source(), posted(b"\xff token"))
    assert (record.key, record.value) == (b"shop", b"\xff *****")
    assert dict(record.headers)["ce_id"] == hashlib.sha256(b"\xff token").hexdigest().encode()


def test_what_kafka_has_is_answered_as_the_provider_likes_it(tmp_path: Path) -> None:
    shop = source("of kafka")

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        before = outcomes("of kafka", "taken")
        assert await receiver.receive(shop, posted(b"one")) == Answer(202, b"thanks")
        assert kafka.bodies == [b"one"]
        assert outcomes("of kafka", "taken") == before + 1

    receiving(tmp_path, [shop], body)


@pytest.mark.parametrize("refusal", [401, 403])
def test_what_is_not_genuine_is_refused_and_goes_nowhere(tmp_path: Path, refusal: int) -> None:
    shop = source(refusal=refusal)

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        forged = posted(b"one", "another secret")
        assert await declined(receiver, shop, forged) == (refusal, "not_genuine", {})
        altered = posted(b"one")._replace(body=b"two")
        assert await declined(receiver, shop, altered) == (refusal, "not_genuine", {})
        unsigned = posted(b"one")._replace(headers={})
        assert await declined(receiver, shop, unsigned) == (refusal, "not_genuine", {})
        assert await declined(receiver, shop, posted(b"hello ", "another")) == (refusal, "not_genuine", {})
        assert kafka.sent == []

    receiving(tmp_path, [shop], body)


def test_two_secrets_are_valid_at_once(tmp_path: Path) -> None:
    shop = source(secrets=("new", "old"))

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        for secret in ("new", "old"):
            assert (await receiver.receive(shop, posted(b"one", secret))).status == 202
        assert (await declined(receiver, shop, posted(b"one", "older")))[0] == 401

    receiving(tmp_path, [shop], body)


def test_a_handshake_is_answered_and_goes_on_no_topic(tmp_path: Path) -> None:
    shop = source()

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        kafka.behaves = "never"
        answer = await receiver.receive(shop, got(("token", SECRET), ("challenge", "42")))
        assert answer == Answer(200, b"42")
        wrong = got(("token", "other"), ("challenge", "42"))
        assert await declined(receiver, shop, wrong) == (401, "not_genuine", {})
        assert await declined(receiver, shop, got()) == (405, "not_posted", {"Allow": "POST"})
        assert (await receiver.receive(shop, posted(b"hello "))).body == b"hello"

    receiving(tmp_path, [shop], body)


def test_an_address_to_confirm_by_is_visited_behind_the_answer_if_it_is_https(tmp_path: Path) -> None:
    shop, visited = source(), []

    async def visit(url: str) -> int:
        visited.append(url)
        raise OSError("away")

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        await receiver.receive(shop, posted(b"hello http://plain.example/?t=1"))
        await receiver.receive(shop, posted(b"hello https://sure.example/?t=1"))
        assert visited == []
        await asyncio.sleep(0.01)
        assert visited == ["https://sure.example/?t=1"]

    receiving(tmp_path, [shop], body, visit=visit)


@pytest.mark.parametrize(("status", "level"), [(200, "info"), (403, "warning"), (None, "warning")])
def test_a_subscription_that_could_not_be_confirmed_is_a_warning(
    tmp_path: Path, status: int | None, level: str
) -> None:
    shop = source()

    async def visit(url: str) -> int:
        if status is None:
            raise OSError("away")
        return status

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        with capture_logs() as logs:
            await receiver.receive(shop, posted(b"hello https://sure.example/?t=hush"))
            await asyncio.sleep(0.01)
        (said,) = [each for each in logs if each["event"] == "hooks.visited"]
        assert (said["log_level"], said["status"], said["host"]) == (level, status or "OSError", "sure.example")
        assert "hush" not in str(logs)

    receiving(tmp_path, [shop], body, visit=visit)


def test_what_a_hook_needs_of_its_provider_is_fetched_before_it_verifies(tmp_path: Path) -> None:
    shop, asked_for = source(), []

    async def fetch(address: str) -> bytes:
        asked_for.append(address)
        return b"what is needed"

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        for number in range(3):
            delivery = posted(b"id:%d" % number, x_needs="https://sure.example/a.pem")
            assert (await receiver.receive(shop, delivery)).status == 202
        assert asked_for == ["https://sure.example/a.pem"]
        forged = posted(b"one", "another secret", x_needs="https://sure.example/a.pem")
        assert await declined(receiver, shop, forged) == (401, "not_genuine", {})
        assert await declined(receiver, shop, posted(b"one", x_needs="nonsense")) == (401, "not_genuine", {})
        assert asked_for == ["https://sure.example/a.pem"]
        assert kafka.bodies == [b"id:0", b"id:1", b"id:2"]

    receiving(tmp_path, [shop], body, fetch=fetch)


def test_what_cannot_be_fetched_is_no_forgery_the_delivery_is_asked_for_again(tmp_path: Path) -> None:
    shop = source("of certificates")

    async def fetch(address: str) -> bytes:
        raise OSError("away")

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        for _ in range(2):
            with pytest.raises(Declined) as failed:
                await receiver.receive(shop, posted(b"one", x_needs="https://sure.example/a.pem"))
            why = failed.value
            assert (why.status, why.outcome, why.headers) == (503, "not_fetched", {"Retry-After": "5"})
            assert why.detail == "what proves it cannot be fetched (OSError); send it again"
            before = outcomes("of certificates", "not_fetched")
            receiver.declined("test", "of certificates", why)
            assert outcomes("of certificates", "not_fetched") == before + 1
        assert kafka.sent == []

    receiving(tmp_path, [shop], body, fetch=fetch)


def test_after_a_start_what_proves_a_delivery_need_not_be_fetched_anew(tmp_path: Path) -> None:
    shop = source()

    async def fetch(address: str) -> bytes:
        return b"what is needed"

    async def away(address: str) -> bytes:
        raise OSError("away")

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        delivery = posted(b"id:1", x_needs="https://sure.example/a.pem")
        assert (await receiver.receive(shop, delivery)).status == 202

    receiving(tmp_path, [shop], body, fetch=fetch)
    receiving(tmp_path, [shop], body, fetch=away)


@pytest.mark.parametrize("behaviour", ["never", "gives up", KafkaConnectionError("away"), TopicMissing("no topic")])
def test_what_kafka_does_not_take_in_time_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str | Exception
) -> None:
    # The provider's time, not ours.
    monkeypatch.setattr(keeping, "PATIENCE", 600.0)
    shop = source()

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        kafka.behaves = behaviour
        async with asyncio.timeout(30):
            assert await declined(receiver, shop, posted(b"one")) == (503, "kafka_away", {"Retry-After": "5"})
        kafka.behaves = "well"
        assert (await receiver.receive(shop, posted(b"one"))).status == 202
        assert kafka.bodies == [b"one"]

    receiving(tmp_path, [shop], body)
    assert (tmp_path / "shop.spool").read_bytes() == b""


@pytest.mark.parametrize("behaviour", ["never", "gives up", KafkaConnectionError("away"), TopicMissing("no topic")])
def test_of_who_asks_once_it_is_spooled_and_what_comes_later_goes_behind_it(
    tmp_path: Path, behaviour: str | Exception
) -> None:
    shop = source(tries_again=False)

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        before = outcomes("shop", "spooled")
        kafka.behaves = behaviour
        assert await receiver.receive(shop, posted(b"1")) == Answer(202, b"thanks")
        kafka.behaves = "well"
        assert (await receiver.receive(shop, posted(b"2"))).status == 202
        assert kafka.bodies == []
        assert outcomes("shop", "spooled") == before + 2
        assert spooled("shop")
        await drained(receiver, lambda: len(kafka.sent) == 2 and not spooled("shop"))
        assert (await receiver.receive(shop, posted(b"3"))).status == 202
        assert kafka.bodies == [b"1", b"2", b"3"]

    receiving(tmp_path, [shop], body)


def test_a_process_that_ends_leaves_what_it_answered_to_the_next_one(tmp_path: Path) -> None:
    shop = source(tries_again=False)

    async def away(receiver: Receiver, kafka: Kafka) -> None:
        kafka.behaves = "never"
        for number in range(5):
            await receiver.receive(shop, posted(b"id:%d" % number))

    async def back(receiver: Receiver, kafka: Kafka) -> None:
        await drained(receiver, lambda: len(kafka.sent) == 5 and not (tmp_path / "shop.spool").stat().st_size)
        assert [dict(record.headers)["ce_id"] for record in kafka.sent] == [b"%d" % number for number in range(5)]

    receiving(tmp_path, [shop], away)
    receiving(tmp_path, [shop], back)


def test_a_full_spool_is_said_and_not_answered_as_taken(tmp_path: Path) -> None:
    shop = source(tries_again=False)

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        kafka.behaves = "never"
        assert await declined(receiver, shop, posted(b"one")) == (503, "spool_full", {"Retry-After": "5"})

    receiving(tmp_path, [shop], body, spool=50)


def test_a_disk_that_fails_is_said_and_not_answered_as_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = source(tries_again=False)

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        kafka.behaves = "never"
        monkeypatch.setattr("os.pwrite", fails)
        assert await declined(receiver, shop, posted(b"one")) == (503, "spool_failed", {"Retry-After": "5"})
        monkeypatch.undo()

    receiving(tmp_path, [shop], body)


def test_a_fault_of_a_provider_s_code_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = source()

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        monkeypatch.setattr(Provider, "key", lambda *_: 1 // 0)
        before = outcomes("shop", "failed")
        with pytest.raises(ZeroDivisionError):
            await receiver.receive(shop, posted(b"one"))
        assert outcomes("shop", "failed") == before + 1

    receiving(tmp_path, [shop], body)


def test_a_bucket_gives_twice_its_rate_at_once_and_its_rate_for_ever() -> None:
    now = 0.0
    bucket = Bucket(2.0, lambda: now)
    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0, 0.5]
    now = 0.5
    assert [bucket.take() for _ in range(2)] == [0, 0.5]
    now = 1e6
    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0, 0.5]


# The addresses, behind the edge and without a socket.


class Told:
    """An answer."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""


def asked(
    folder: Path,
    sources: list[Source],
    path: str,
    parts: list[bytes | float],
    *,
    method: str = "POST",
    query: str = "",
    public_url: str = "https://floor.example",
    **headers: str,
) -> tuple[Told, Kafka]:
    """One request to the gateway. A number among the parts of the body: seconds to wait."""
    files, kafka, told = Files(STATIC), Kafka(), Told()
    settings = Sections.model_validate({"service": {"data_folder": folder}, "gateway": {"public_url": public_url}})
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path, "root_path": "",
        "raw_path": path.encode(), "query_string": query.encode(), "server": ("127.0.0.1", 1),
        "client": ("10.0.0.1", 2),
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "floor.example", **said}.items()],
    }  # fmt: skip
    left = list(parts)

    async def receive() -> Message:
        body = left.pop(0) if left else b""
        if isinstance(body, float):
            await asyncio.sleep(body)
            body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            told.status = message["status"]
            told.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        told.body += message.get("body", b"")

    async def whole() -> None:
        desk = build_desk(settings, "", files)
        desk.receiver = Receiver(sources, kafka, folder / "spool")
        await desk.receiver.open()
        edge = build_gateway(desk, files, frozenset({"floor.example"}))
        await edge(scope, receive, send)
        await desk.receiver.close()

    asyncio.run(whole())
    return told, kafka


def test_a_delivery_of_any_kind_from_anywhere_is_taken_without_a_key(tmp_path: Path) -> None:
    told, kafka = asked(
        tmp_path, [source()], "/hooks/test/shop", [b"one ", b"two"], x_proof=proof(b"one two"),
        content_type="text/plain", origin="https://provider.example", sec_fetch_site="cross-site",
    )  # fmt: skip
    assert (told.status, told.body, told.headers["content-type"]) == (202, b"thanks", "text/plain; charset=utf-8")
    assert kafka.bodies == [b"one two"]
    assert told.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/hooks/test/other", "/hooks/other/shop"])
def test_an_address_of_nobodys_is_not_found(tmp_path: Path, path: str) -> None:
    before = outcomes("unknown", "unknown", "unknown")
    told, _ = asked(tmp_path, [source()], path, [b"one"])
    assert (told.status, told.headers["content-type"]) == (404, "application/problem+json")
    assert outcomes("unknown", "unknown", "unknown") == before + 1


def test_a_forged_delivery_is_refused_with_a_problem(tmp_path: Path) -> None:
    before = outcomes("shop", "not_genuine")
    told, kafka = asked(tmp_path, [source()], "/hooks/test/shop", [b"one"], x_proof="00")
    assert (told.status, told.headers["content-type"]) == (401, "application/problem+json")
    assert b"header x-proof is not of this body" in told.body
    assert kafka.sent == []
    assert outcomes("shop", "not_genuine") == before + 1


@pytest.mark.parametrize("headers", [{}, {"content_length": "101"}])
def test_a_body_over_the_providers_limit_is_too_large(tmp_path: Path, headers: dict[str, str]) -> None:
    told, _ = asked(tmp_path, [source()], "/hooks/test/shop", [b"x" * 60, b"x" * 41], **headers)
    assert told.status == 413
    assert b"a body has 100 bytes at most" in told.body


def test_a_body_that_does_not_come_is_too_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.outlets.gateway.hooks.SLOWEST_BODY", 0.01)
    told, _ = asked(tmp_path, [source()], "/hooks/test/shop", [b"x", 60.0, b"x"])
    assert (told.status, told.headers["connection"], told.headers["retry-after"]) == (503, "close", "5")


def test_too_many_are_put_off_but_what_is_forged_takes_nobody_s_turn(tmp_path: Path) -> None:
    slow = source(rate=0.1)

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        for _ in range(5):
            assert (await declined(receiver, slow, posted(b"one", "another")))[0] == 401
        assert (await receiver.receive(slow, posted(b"one"))).status == 202  # at least one, however slow
        assert await declined(receiver, slow, posted(b"two")) == (503, "too_many", {"Retry-After": "10"})
        assert kafka.bodies == [b"one"]

    receiving(tmp_path, [slow], body, clock=lambda: 0.0)


def test_who_sends_only_once_is_never_put_off(tmp_path: Path) -> None:
    once = source(rate=0.1, tries_again=False)

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        for number in range(5):
            assert (await receiver.receive(once, posted(b"%d" % number))).status == 202
        assert len(kafka.sent) == 5

    receiving(tmp_path, [once], body, clock=lambda: 0.0)


def test_what_is_given_up_at_the_end_is_kept_for_who_sends_only_once(tmp_path: Path) -> None:
    shop = source(tries_again=False, seconds=60.0)

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        kafka.behaves = "never"
        waiting = asyncio.create_task(receiver.receive(shop, posted(b"id:1")))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    async def back(receiver: Receiver, kafka: Kafka) -> None:
        await drained(receiver, lambda: len(kafka.sent) == 1 and not spooled("shop"))
        assert kafka.bodies == [b"id:1"]

    receiving(tmp_path, [shop], body)
    receiving(tmp_path, [shop], back)


def test_whatever_a_client_raises_the_delivery_is_kept_and_the_spool_drained_later(tmp_path: Path) -> None:
    shop = source(tries_again=False)

    async def body(receiver: Receiver, kafka: Kafka) -> None:
        kafka.behaves = AssertionError("unrecognized partition")
        assert (await receiver.receive(shop, posted(b"id:1"))).status == 202
        running = asyncio.create_task(receiver.run())
        await asyncio.sleep(0.05)
        assert not running.done()
        kafka.behaves = "well"
        async with asyncio.timeout(30):
            while not kafka.sent:  # noqa: ASYNC110 - nobody says when
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])

    receiving(tmp_path, [shop], body)


def test_more_than_may_be_received_at_a_time_is_put_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.outlets.gateway.hooks.MOST_UNDER_WAY", 3)
    told, _ = asked(tmp_path, [source()], "/hooks/test/shop", [b"on", b"e!"], x_proof=proof(b"one!"))
    assert (told.status, told.headers["retry-after"]) == (503, "1")
    told, _ = asked(tmp_path, [source()], "/hooks/test/shop", [b"one"], x_proof=proof(b"one"))
    assert told.status == 202


def test_a_handshake_by_get_is_answered_as_it_stands(tmp_path: Path) -> None:
    told, _ = asked(tmp_path, [source()], "/hooks/test/shop", [], method="GET", query="token=a+secret&challenge=1%2B1")
    assert (told.status, told.body) == (200, b"1+1")
    told, _ = asked(tmp_path, [source()], "/hooks/test/shop", [], method="GET")
    assert (told.status, told.headers["allow"]) == (405, "POST")
    told, _ = asked(tmp_path, [source()], "/hooks/test/shop", [b""], method="PUT")
    assert told.status == 405


@pytest.mark.parametrize("public_url", ["https://floor.example", "https://floor.example/"])
def test_the_address_that_a_provider_signed_is_the_public_one(
    tmp_path: Path, public_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls: list[Delivery] = []
    monkeypatch.setattr(Provider, "verify", lambda _self, delivery, _secrets: urls.append(delivery))
    asked(tmp_path, [source()], "/hooks/test/shop", [b"1"], query="a=%20b&a=&c=%C3%BC", public_url=public_url)
    assert urls[0].url == "https://floor.example/hooks/test/shop?a=%20b&a=&c=%C3%BC"
    assert urls[0].query == (("a", " b"), ("a", ""), ("c", "ü"))


def test_the_rest_of_the_gateway_takes_no_more_than_before(tmp_path: Path) -> None:
    told, _ = asked(tmp_path, [source()], "/session", [b"x" * 70_000], content_type="application/json")
    assert told.status == 413
    told, _ = asked(tmp_path, [source()], "/session", [b"x"], content_type="text/plain", content_length="1")
    assert told.status == 415
