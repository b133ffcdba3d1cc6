"""The gateway as a process on a real Kafka: what it serves is what the topics say, to whom, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.customers import CustomerContact
from schemas.instants import from_ms, to_ms
from schemas.live import Metric, SourceSeen
from schemas.notifications import Acknowledge, Delivery, EndMute, Mute, StartMute, decode_command
from schemas.policies import PolicyRecord, SlaPolicy, Target, encode_policy
from schemas.topics import ALERTS_COMMANDS, POLICIES
from streams.kafka import EmbeddedKafka
from streams.outlets.gateway.errors import PROBLEMS
from streams.topics import ensure_topics
from tests.acceptance.program import BIN, floorwalker, wait_for
from tests.acceptance.reading import Reader
from tests.conftest import unused_namespace
from tests.integration.gateway_kit import LEVEL, Answer, Floor, Gateway, alert, key_of, keys, now_ms

ROLES = ("wall", "viewer", "lead")
Start = Callable[..., Gateway]


@pytest.fixture
def start(tmp_path: Path, kafka: EmbeddedKafka, namespace: str) -> Iterator[Start]:
    """Starts a gateway of these settings on topics that are there; it ends with the test."""
    begun: list[Gateway] = []
    asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))

    def begin(settings: str = "") -> Gateway:
        gateway = Gateway(tmp_path, kafka.bootstrap, namespace, settings)
        begun.append(gateway)
        gateway.start()
        gateway.wait_ready()
        return gateway

    yield begin
    for gateway in begun:
        gateway.kill()


@pytest.fixture
def floor(kafka: EmbeddedKafka, namespace: str) -> Floor:
    return Floor(kafka.bootstrap, namespace)


def waits_until(claim: Callable[[], Any], what: str) -> None:
    wait_for(lambda: bool(claim()), what)


def assert_problem(answer: Answer, status: int) -> dict[str, Any]:
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.body
    body: dict[str, Any] = answer.json
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["type"].removeprefix("/docs/problems#") in PROBLEMS
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def test_the_stream_the_board_and_the_api_say_what_the_topic_says(start: Start, floor: Floor) -> None:
    at = now_ms()
    said = {
        "oldest_waiting": floor.waiting(3, 17.0, at=at, queue="sales").metrics["oldest_waiting"].value,
        LEVEL: floor.level(41, 66, at=at, queue="sales").metrics[LEVEL].value,
    }
    floor.waiting(3, 17.0, at=at)
    floor.pipeline(at, {"pbx": SourceSeen(last_seen=from_ms(at), records=7)})
    floor.say(alert())
    gold = PolicyRecord(id="gold", versions=(SlaPolicy(id="gold", targets={"first_reply": Target(target=3_600)}),))
    floor.send(POLICIES.name, "policy:gold", encode_policy(gold))
    gateway = start()
    promised = gateway.ask("/api/v1/policies").json["items"]
    assert [(each["id"], each["what"], each["told_by"]) for each in promised] == [("gold", "first_reply 1h", ["topic"])]
    with gateway.view() as viewer:
        assert viewer.status == 200
        assert viewer.response.headers["Content-Type"].startswith("text/event-stream")
        assert viewer.response.headers["X-Accel-Buffering"] == "no"
        events = iter(viewer)
        hello, snapshot = next(events), next(events)
        assert [hello.name, snapshot.name] == ["hello", "snapshot"]
        assert hello.data["schema"] == 1
        assert hello.data["board"] == {"id": "floor", "title": "Floor", "timezone": "UTC"}
        assert hello.data["limits"] == {"beat_ms": 5000, "lost_after_ms": 12000, "stale_after_ms": 30000}
        board = gateway.ask("/api/v1/board")
        tiles = {tile["id"]: tile for page in snapshot.data["pages"] for tile in page["tiles"]}
        of_api = {tile["id"]: tile for page in board.json["pages"] for tile in page["tiles"]}
        assert tiles.keys() == of_api.keys()
        for metric, value in said.items():
            window = "now" if metric == "oldest_waiting" else "30min"
            shown = tiles[f"sales/*/{metric}/{window}"]
            assert shown["value"] == of_api[f"sales/*/{metric}/{window}"]["value"] == value
            kind = "all" if window == "now" else "rolling30min"
            numbers = gateway.ask(f"/api/v1/metrics?queue=sales&window={kind}&metric={metric}").json["items"]
            assert [number["value"] for number in numbers] == [value]
        level = gateway.ask(f"/api/v1/metrics?queue=sales&metric={LEVEL}").json["items"][0]
        assert (level["n"], level["m"], level["unit"], level["stale"]) == (41, 66, "fraction", False)
        assert tiles["sales/*/oldest_waiting/now"]["since"] == at - 17_000
        assert [each["name"] for each in snapshot.data["sources"]] == ["pbx"]
        assert [each["id"] for each in snapshot.data["alerts"]] == ["a1"]
        assert [each["text"] for each in snapshot.data["problems"]] == ["sales: 3 past 20 s"]

        later = now_ms()
        floor.waiting(4, 2.0, at=later, queue="sales")
        delta = viewer.until("delta", lambda data: "sales/*/oldest_waiting/now" in data["tiles"])
        assert delta.data["tiles"]["sales/*/oldest_waiting/now"]["since"] == later - 2_000
        floor.say(alert(sequence=2, state="resolved", ended_at=from_ms(later)))
        assert viewer.until("alert").data["state"] == "resolved"
        assert viewer.until("beat").data["sources"][0]["name"] == "pbx"
    assert gateway.ask("/api/v1/board", If_None_Match=board.headers["etag"]).status == 200
    again = gateway.ask("/api/v1/board")
    assert gateway.ask("/api/v1/board", If_None_Match=again.headers["etag"]).status in (200, 304)


def test_numbers_of_a_policy_or_a_segment_are_found_by_it_and_are_none_of_the_floor(start: Start, floor: Floor) -> None:
    at, met = now_ms(), "sla_met.first_reply"
    floor.metrics({met: Metric(value=1, n=1)}, at=at)
    floor.metrics({met: Metric(value=2, n=2)}, at=at, policy="gold")
    floor.metrics({met: Metric(value=3, n=3)}, at=at, segment="vip")
    floor.pipeline(at)
    gateway = start()
    every = "/api/v1/metrics?metric=sla_met"
    waits_until(lambda: len(gateway.ask(every).json["items"]) == 3, "three scopes")
    found = {of: gateway.ask(every + of).json["items"] for of in ("&policy=gold", "&segment=vip", "&policy=&segment=")}
    assert {of: [each["value"] for each in items] for of, items in found.items()} == {
        "&policy=gold": [2],
        "&segment=vip": [3],
        "&policy=&segment=": [1],
    }
    assert (found["&policy=gold"][0]["scope"], found["&policy=gold"][0]["unit"]) == ({"policy": "gold"}, "promises")


def test_a_viewer_that_comes_back_gets_what_it_missed_and_one_of_another_start_a_snapshot(
    start: Start, floor: Floor
) -> None:
    floor.waiting(1, 1.0, at=now_ms(), queue="sales")
    floor.pipeline(now_ms())
    gateway = start()
    in_queue = "/api/v1/metrics?queue=sales&metric=contacts_in_queue"
    with gateway.view() as viewer:
        last = viewer.until("snapshot").id
    for n in range(2, 5):
        floor.waiting(n, 1.0, at=now_ms(), queue="sales")
        waits_until(
            lambda n=n: gateway.ask(in_queue).json["items"][0]["value"] == n,
            f"{n} in queue",
        )
    with gateway.view() as other:
        # One stream at least has had the last of them.
        assert any("4 in queue" in json.dumps(event.data) for event in other)
    with gateway.view(last) as viewer:
        events = iter(viewer)
        assert next(events).name == "hello"
        seen = []
        for event in events:
            seen.append(event)
            if "4 in queue" in json.dumps(event.data):
                break
        assert "snapshot" not in [event.name for event in seen]
        epoch, _, number = last.rpartition("-")
        assert [event.id for event in seen] == [f"{epoch}-{int(number) + step}" for step in range(1, len(seen) + 1)]
    with gateway.view("ffffffff-3") as viewer:
        events = iter(viewer)
        assert [next(events).name, next(events).name] == ["hello", "snapshot"]


def test_open_contacts_are_listed_by_their_wait_and_page_by_page(start: Start, floor: Floor) -> None:
    at = now_ms()
    for number in range(5):
        floor.contact(
            CustomerContact(
                customer=f"k{number}", contact=f"c{number}", channel="phone", started=at - 90_000, open=True,
                outcome="open", queue="sales", offered=at - number * 1_000, offers=1,
            )
        )  # fmt: skip
    floor.contact(
        CustomerContact(
            customer="k9", contact="c9", channel="phone", started=at - 90_000, open=True, outcome="answered",
            queue="sales", agent="Tom", offered=at - 60_000, answered=at - 50_000, offers=1,
        )
    )  # fmt: skip
    floor.contact(
        CustomerContact(
            customer="k8", contact="c8", channel="phone", started=at, open=False, outcome="abandoned", queue="sales"
        )
    )
    gateway = start()
    first = gateway.ask("/api/v1/contacts?state=waiting&limit=3").json
    assert [each["contact"] for each in first["items"]] == ["c4", "c3", "c2"]
    assert {each["agent"] for each in first["items"]} == {None}
    second = gateway.ask(f"/api/v1/contacts?state=waiting&limit=3&cursor={first['next']}").json
    assert ([each["contact"] for each in second["items"]], second["next"]) == (["c1", "c0"], None)
    assert_problem(gateway.ask(f"/api/v1/contacts?state=answered&cursor={first['next']}"), 400)
    answered = gateway.ask("/api/v1/contacts?state=answered").json["items"]
    assert [(each["contact"], each["agent"], each["customer"]) for each in answered] == [("c9", "Tom", "k9")]
    assert len(gateway.ask("/api/v1/contacts").json["items"]) == 6


def test_what_is_said_to_alerts_is_durable_when_it_is_answered(
    start: Start, floor: Floor, kafka: EmbeddedKafka, namespace: str
) -> None:
    floor.say(alert())
    floor.say(alert("over", state="resolved"))
    floor.say(alert("blind", rule="pipeline.blind", labels={}))
    now = datetime.now(UTC)
    floor.say(Mute(id="m1", matchers={"queue": "x"}, by="Dana", why="w", since=now, until=now + timedelta(hours=1)))
    floor.say(
        Delivery(
            message="x", alert="a1", sequence=1, notify="trigger", receiver="desk", outcome="sent", attempts=1, at=now
        )
    )
    gateway = start()
    details = gateway.ask("/api/v1/alerts/a1").json
    assert (details["alert"]["state"], details["deliveries"][0]["receiver"]) == ("firing", "desk")
    assert [each["id"] for each in gateway.ask("/api/v1/alerts?state=open&queue=sales").json["items"]] == ["a1"]
    assert [each["id"] for each in gateway.ask("/api/v1/mutes").json["items"]] == ["m1"]

    path = "/api/v1/alerts/a1/acknowledgement"
    one = gateway.ask(path, "POST", {"by": "Dana", "note": "on it"}, Idempotency_Key="k1")
    assert one.status == 202
    assert gateway.ask(path, "POST", {"by": "Dana", "note": "on it"}, Idempotency_Key="k1").json["id"] == one.json["id"]
    assert gateway.ask(path, "POST", {"by": "Dana"}).json["id"] != one.json["id"]
    until = (now + timedelta(hours=2)).isoformat()
    mute = gateway.ask("/api/v1/mutes", "POST", {"matchers": {"queue": "sales"}, "why": "fair", "until": until})
    assert mute.status == 202
    assert gateway.ask("/api/v1/mutes/m1", "DELETE").status == 202

    with Reader(kafka.bootstrap, namespace, ALERTS_COMMANDS.name) as reader:
        commands = [decode_command(said.value) for said in reader.to_the_end()]
    acknowledged, again, third, muted, ended = commands
    assert isinstance(acknowledged, Acknowledge)
    assert (acknowledged.id, acknowledged.alert, acknowledged.by, acknowledged.note) == (
        one.json["id"],
        "a1",
        "Dana",
        "on it",
    )
    assert again.id == acknowledged.id != third.id
    assert isinstance(muted, StartMute)
    assert (muted.id, muted.matchers, muted.why) == (mute.json["id"], {"queue": "sales"}, "fair")
    assert isinstance(ended, EndMute)
    assert ended.mute == "m1"

    assert_problem(gateway.ask("/api/v1/alerts/none/acknowledgement", "POST", {}), 404)
    assert_problem(gateway.ask("/api/v1/alerts/over/acknowledgement", "POST", {}), 409)
    assert (
        "floorwalker status"
        in assert_problem(gateway.ask("/api/v1/alerts/blind/acknowledgement", "POST", {}), 409)["detail"]
    )
    assert_problem(gateway.ask("/api/v1/mutes/none", "DELETE"), 404)
    for wrong in (
        {"matchers": {}, "why": "w", "until": until},
        {"matchers": {"colour": "red"}, "why": "w", "until": until},
        {"matchers": {"queue": "sales"}, "why": "w", "until": (now + timedelta(hours=25)).isoformat()},
        {"matchers": {"queue": "sales"}, "why": "w", "until": (now - timedelta(hours=1)).isoformat()},
        {"matchers": {"queue": "sales"}, "why": "w", "until": "2026-11-22T12:00:00"},
        {"matchers": {"queue": "sales"}, "why": "", "until": until},
    ):
        body = assert_problem(gateway.ask("/api/v1/mutes", "POST", wrong), 422)
        assert body["errors"][0]["pointer"].startswith("#/")


def test_every_error_is_a_problem_and_repeats_nothing_of_what_was_sent(start: Start) -> None:
    gateway = start()
    assert_problem(gateway.ask("/nowhere"), 404)
    assert_problem(gateway.ask("/static/../app.py"), 404)
    assert_problem(gateway.ask("/api/v1/stream?board=lead"), 404)
    answer = gateway.ask("/api/v1/metrics", "PUT", {})
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "GET"
    private = "4111-1111-1111-1111"
    for path, method, body in (
        ("/api/v1/metrics?window=" + private, "GET", None),
        ("/api/v1/metrics?limit=" + private, "GET", None),
        ("/api/v1/alerts?cursor=" + private, "GET", None),
        ("/api/v1/mutes", "POST", {"matchers": {"queue": [private]}, "why": [private], "until": private}),
        ("/api/v1/mutes", "POST", f'{{"why": "{private}"'.encode()),
        ("/session", "POST", {"key": private}),
    ):
        answer = gateway.ask(path, method, body)
        assert_problem(answer, {"/session": 401}.get(path, 400 if "cursor" in path else 422))
        assert private not in answer.body.decode()
    assert_problem(gateway.ask("/session", "POST", b"x" * 70_000), 413)
    assert_problem(gateway.ask("/session", "POST", b"key=x", Content_Type="application/x-www-form-urlencoded"), 415)


def test_a_page_of_another_site_changes_nothing_and_a_name_that_leads_here_reads_nothing(start: Start) -> None:
    gateway = start()
    gone = "/api/v1/mutes/none"
    assert_problem(gateway.ask(gone, "DELETE", Sec_Fetch_Site="cross-site"), 403)
    assert_problem(gateway.ask(gone, "DELETE", Sec_Fetch_Site="same-site"), 403)
    assert_problem(gateway.ask(gone, "DELETE", Origin="http://evil.example"), 403)
    assert_problem(gateway.ask(gone, "DELETE", Origin="null"), 403)
    assert_problem(gateway.ask(gone, "DELETE", Origin="http://["), 403)
    assert_problem(gateway.ask(gone, "DELETE", Sec_Fetch_Site="same-origin"), 404)
    assert_problem(gateway.ask(gone, "DELETE", Origin=f"http://127.0.0.1:{gateway.port()}"), 404)
    assert_problem(gateway.ask(gone, "DELETE"), 404)
    assert_problem(gateway.ask("/api/v1/board", Host="evil.example"), 421)
    assert gateway.ask("/api/v1/board", Host=f"localhost:{gateway.port()}").status == 200


def test_every_answer_has_the_headers_that_protect_it(start: Start) -> None:
    gateway = start()
    for path in ("/", "/static/main.js", "/docs", "/api/v1/me", "/api/v1/board", "/healthz", "/nowhere"):
        headers = gateway.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert headers["cross-origin-resource-policy"] == "same-origin", path
        assert "camera=()" in headers["permissions-policy"], path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe-eval" not in headers["content-security-policy"], path
    assert "require-trusted-types-for 'script'" in gateway.ask("/").headers["content-security-policy"]
    assert gateway.ask("/api/v1/me").headers["cache-control"] == "no-store"
    page = gateway.ask("/")
    assert b"<html" in page.body
    assert gateway.ask("/", If_None_Match=page.headers["etag"]).status == 304
    assert b"SwaggerUIBundle" in gateway.ask("/docs/start.js").body
    for url in (b"http://", b"https://", b"//cdn"):
        assert url not in gateway.ask("/docs").body
    assert_problem(gateway.ask("/nowhere", "BREW"), 404)
    counters = gateway.ask("/metrics").body.decode()
    assert 'method="other"' in counters
    assert "BREW" not in counters
    assert 'floorwalker_gateway_requests_total{method="GET",route="/api/v1/me",status="200"} 2.0' in counters


ALLOWED = {
    "public": {None, *ROLES},
    "wall": set(ROLES),
    "viewer": {"viewer", "lead"},
    "lead": {"lead"},
}

ROUTES = [
    ("GET", "/", None, "public", 200),
    ("GET", "/static/main.js", None, "public", 200),
    ("GET", "/docs", None, "viewer", 200),
    ("GET", "/docs/start.js", None, "public", 200),
    ("GET", "/openapi.json", None, "viewer", 200),
    ("GET", "/healthz", None, "public", 200),
    ("GET", "/readyz", None, "public", 200),
    ("GET", "/metrics", None, "viewer", 200),
    ("POST", "/session", {"key": "none"}, "public", 401),
    ("DELETE", "/session", None, "public", 204),
    ("GET", "/api/v1/me", None, "wall", 200),
    ("GET", "/api/v1/board", None, "wall", 200),
    ("GET", "/api/v1/stream", None, "wall", 200),
    ("GET", "/api/v1/metrics", None, "viewer", 200),
    ("GET", "/api/v1/contacts", None, "viewer", 200),
    ("GET", "/api/v1/customers", None, "lead", 200),
    ("GET", "/api/v1/customers/{id}", None, "lead", 404),
    ("POST", "/api/v1/customers/look-up", {"identifier": "nobody"}, "lead", 422),
    ("GET", "/api/v1/policies", None, "viewer", 200),
    ("GET", "/api/v1/identities/review", None, "lead", 200),
    ("POST", "/api/v1/identities/link", {}, "lead", 422),
    ("POST", "/api/v1/identities/unlink", {}, "lead", 422),
    ("POST", "/api/v1/identities/block", {}, "lead", 422),
    ("POST", "/api/v1/identities/unblock", {}, "lead", 422),
    ("GET", "/api/v1/alerts", None, "viewer", 200),
    ("GET", "/api/v1/alerts/{id}", None, "viewer", 404),
    ("POST", "/api/v1/alerts/{id}/acknowledgement", {}, "lead", 404),
    ("GET", "/api/v1/mutes", None, "viewer", 200),
    ("POST", "/api/v1/mutes", {}, "lead", 422),
    ("DELETE", "/api/v1/mutes/{id}", None, "lead", 404),
]


def test_each_route_is_for_its_roles_and_for_nobody_else(start: Start) -> None:
    gateway = start(keys(*ROLES))
    known = json.loads(gateway.ask("/openapi.json", Authorization=f"Bearer {key_of('lead')}").body)["paths"]
    described = {(method.upper(), path) for path, methods in known.items() for method in methods}
    assert described <= {(method, path) for method, path, *_ in ROUTES}
    for method, path, body, need, status in ROUTES:
        for role in (None, *ROLES):
            said = {} if role is None else {"Authorization": f"Bearer {key_of(role)}"}
            if path == "/api/v1/stream":
                with gateway.view(**said) as viewer:
                    answered = viewer.status
            else:
                answered = gateway.ask(path.replace("{id}", "none"), method, body, **said).status
            if role in ALLOWED[need]:
                assert answered == status, (method, path, role)
            else:
                assert answered == (401 if role is None else 403), (method, path, role)


def test_a_route_without_a_role_cannot_be_made() -> None:
    from streams.outlets.gateway.access import GuardedRoute

    async def endpoint() -> None: ...

    with pytest.raises(LookupError, match="for which role"):
        GuardedRoute("/x", endpoint)


@pytest.mark.parametrize(
    "wrong", ["", "Bearer", "Bearer fw_lead_wrong", "Basic fw_lead", "Bearer " + key_of("viewer") + "x"]
)
def test_a_wrong_key_is_nobodys(start: Start, wrong: str) -> None:
    gateway = start(keys("lead", "viewer"))
    answer = gateway.ask("/api/v1/me", Authorization=wrong)
    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_page_signs_in_by_a_cookie_that_no_script_reads_and_signs_out(start: Start, floor: Floor) -> None:
    floor.say(alert())
    gateway = start(keys("lead") + '[gateway]\npublic_url = "http://floor.example.org"\n')
    assert_problem(gateway.ask("/session", "POST", {"key": "fw_lead_wrong"}), 401)
    signed = gateway.ask("/session", "POST", {"key": key_of("lead")})
    assert signed.status == 204
    cookie, *attributes = signed.headers["set-cookie"].split("; ")
    assert {each.lower() for each in attributes} >= {"httponly", "samesite=strict", "path=/"}
    assert gateway.ask("/api/v1/me", Cookie=cookie).json["name"] == "lead"
    acknowledged = gateway.ask("/api/v1/alerts/a1/acknowledgement", "POST", {"by": "somebody else"}, Cookie=cookie)
    assert acknowledged.status == 202
    with gateway.view(Cookie=cookie) as viewer:
        viewer.until("snapshot")
        assert gateway.ask("/session", "DELETE", Cookie=cookie).status == 204
        # The stream ends with the session.
        for _ in viewer:
            pass
    assert_problem(gateway.ask("/api/v1/me", Cookie=cookie), 401)


def test_behind_https_the_cookie_is_of_this_host_alone(start: Start) -> None:
    gateway = start(keys("wall") + '[gateway]\npublic_url = "https://floor.example.org"\n')
    signed = gateway.ask("/session", "POST", {"key": key_of("wall")}, Host="floor.example.org")
    assert signed.headers["set-cookie"].startswith("__Host-fw=")
    assert "secure" in signed.headers["set-cookie"].lower()
    assert "max-age" in signed.headers["strict-transport-security"]


def test_too_many_tries_to_sign_in_are_put_off(start: Start) -> None:
    gateway = start(keys("lead"))
    answers = [gateway.ask("/session", "POST", {"key": "fw_lead_guess"}) for _ in range(11)]
    assert [each.status for each in answers[:10]] == [401] * 10
    assert_problem(answers[10], 429)
    assert int(answers[10].headers["retry-after"]) > 0


def test_a_key_of_the_command_line_opens_the_door_that_its_table_makes(start: Start, tmp_path: Path) -> None:
    made = floorwalker("keys", "new", "desk_1", "--role", "viewer", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    key, _, table = made.stdout.partition("\n\n")
    gateway = start(table)
    me = gateway.ask("/api/v1/me", Authorization=f"Bearer {key.strip()}").json
    assert (me["name"], me["role"]) == ("desk_1", "viewer")


def test_other_machines_are_not_let_in_without_keys(tmp_path: Path) -> None:
    refused = floorwalker("gateway", "--bootstrap", "127.0.0.1:1", "--host", "0.0.0.0", "--port", 0, folder=tmp_path)
    assert refused.returncode == 4
    assert "floorwalker keys new" in refused.stderr
    assert BIN.exists()


def test_a_gateway_without_topics_says_what_it_waits_for_and_goes_on_when_they_come(
    tmp_path: Path, kafka: EmbeddedKafka
) -> None:
    namespace = unused_namespace("late topics")
    with Gateway(tmp_path, kafka.bootstrap, namespace) as gateway:
        gateway.wait_listening()
        waits_until(lambda: b"no topic" in gateway.ask("/readyz").body, "it says that topics are missing")
        assert gateway.ask("/readyz").status == 503
        assert_problem(gateway.ask("/api/v1/contacts"), 503)
        assert gateway.ask("/healthz").status == 200
        asyncio.run(ensure_topics(kafka.bootstrap, namespace, 2))
        gateway.wait_ready()
        floor = Floor(kafka.bootstrap, namespace)
        at = now_ms()
        floor.pipeline(at)
        waits_until(lambda: gateway.ask("/api/v1/board").json["watermark"] == at, "the watermark on the board")
        assert to_ms(from_ms(at)) == at
