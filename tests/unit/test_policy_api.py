"""GET /api/v1/policies: what settings and topic promise, how each version stands, and when calendars open next."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from schemas.instants import to_ms
from schemas.policies import CalendarRecord, CalendarTerms, ClockName, PolicyRecord, SlaPolicy, Target, encode_policy
from schemas.topics import POLICIES
from streams.outlets.gateway.app import build_app, build_desk
from streams.outlets.gateway.desk import Desk
from streams.outlets.gateway.pages import STATIC, Files
from streams.policy_topic import key_of
from streams.sections import Sections
from tests.unit.gateway_floor import Told

NOW = datetime(2026, 12, 23, 16, 30, tzinfo=UTC)
"""A Wednesday, 17:30 in Berlin, before a half day and two holidays and a weekend."""

SETTINGS: dict[str, Any] = {
    "calendars": {
        "office": {
            "hours": "Mo-Fr 09:00-17:00",
            "timezone": "Europe/Berlin",
            "holidays": "DE-BE",
            "open": {"2026-12-24": "09:00-12:00"},
        }
    },
    "policies": [
        {"id": "gold", "segments": ["gold"], "calendar": "office", "targets": {"first_reply": "4h"}},
        {"id": "rest", "targets": {"first_reply": {"within": "8h", "at_risk": [0.5, 0.8]}}},
    ],
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    settings = Sections.model_validate({**SETTINGS, "service": {"data_folder": tmp_path}})
    desk = build_desk(settings, "", Files(STATIC))
    desk.clock = lambda: to_ms(NOW)
    desk.reader.has_read = True
    return desk


class Client:
    """Asks the app of a desk."""

    def __init__(self, desk: Desk) -> None:
        self._app = build_app(desk, Files(STATIC))

    def get(self, **query: str | int) -> Response:
        async def asked() -> Response:
            async with AsyncClient(transport=ASGITransport(self._app), base_url="http://floor.example") as client:
                return await client.get("/api/v1/policies", params=query)

        return asyncio.run(asked())

    def listed(self, **query: str) -> list[dict[str, Any]]:
        answer = self.get(**query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
def client(desk: Desk) -> Client:
    return Client(desk)


def publish(desk: Desk, record: PolicyRecord | CalendarRecord | bytes, key: bytes = b"") -> None:
    value = record if isinstance(record, bytes) else encode_policy(record)
    key = key if isinstance(record, bytes) else key_of(record)
    told: Any = Told(POLICIES.name, key, value, to_ms(NOW))
    desk.picture.take(told, to_ms(NOW))


def test_a_policy_says_whom_it_is_for_and_what_it_promises(client: Client) -> None:
    [gold, rest] = client.listed(kind="policy")
    assert gold == {
        "kind": "policy",
        "id": "gold",
        "version": 1,
        "state": "in_force",
        "told_by": ["settings"],
        "waiting_for": [],
        "effective_from": None,
        "rank": 10,
        "whom": "segment gold",
        "what": "first_reply 4h of office",
        "applies": {"segments": ["gold"]},
        "targets": {"first_reply": {"target": 14_400.0, "at_risk": [0.8], "calendar": "office"}},
        "calendar_mode": "piecewise",
    }
    assert (rest["id"], rest["whom"]) == ("rest", "every contact")
    assert rest["targets"] == {"first_reply": {"target": 28_800.0, "at_risk": [0.5, 0.8]}}


def test_a_calendar_says_when_it_opens_next_past_half_days_holidays_and_weekends(client: Client) -> None:
    [office] = client.listed(kind="calendar")
    assert (office["is_open"], office["closes_at"], office["fault"]) == (False, None, None)
    assert office["when"].startswith("Mo-Fr 09:00-17:00 (Europe/Berlin); closed on public holidays of DE-BE")
    assert office["next_openings"] == [
        {"opens_at": "2026-12-24T08:00:00Z", "closes_at": "2026-12-24T11:00:00Z"},
        {"opens_at": "2026-12-28T08:00:00Z", "closes_at": "2026-12-28T16:00:00Z"},
        {"opens_at": "2026-12-29T08:00:00Z", "closes_at": "2026-12-29T16:00:00Z"},
    ]


def test_calendars_are_reckoned_beside_the_loop_that_everybody_waits_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoned_by = []

    def openings(*_: Any) -> list[Any]:
        reckoned_by.append(current_thread())
        return []

    monkeypatch.setattr("streams.outlets.gateway.api_policies._openings", openings)
    client.listed(kind="calendar")
    assert len(reckoned_by) == 1
    assert reckoned_by[0] is not current_thread()


def test_what_is_published_stands_beside_the_settings_each_with_its_state(desk: Desk, client: Client) -> None:
    target: dict[ClockName, Target] = {"first_reply": Target(target=3_600)}
    publish(
        desk,
        PolicyRecord(
            id="gold",
            versions=(
                SlaPolicy(
                    id="gold", version=2, rank=10, effective_from=datetime(2026, 1, 1, tzinfo=UTC), targets=target
                ),
                SlaPolicy(id="gold", version=3, rank=10, effective_from=datetime(2027, 1, 1, tzinfo=UTC), retired=True),
            ),
        ),
    )
    items = client.listed(kind="policy")
    assert [(each["id"], each["version"], each["state"], each["told_by"]) for each in items] == [
        ("gold", 1, "past", ["settings"]), ("gold", 2, "in_force", ["topic"]), ("gold", 3, "coming", ["topic"]),
        ("rest", 1, "in_force", ["settings"]),
    ]  # fmt: skip
    assert [each["version"] for each in client.listed(kind="policy", state="coming")] == [3]


def test_a_published_calendar_that_is_none_is_told_with_its_fault(desk: Desk, client: Client) -> None:
    publish(desk, CalendarRecord(id="odd", versions=(CalendarTerms(id="odd", hours="whenever"),)))
    odd = client.listed(kind="calendar")[0]
    assert (odd["id"], odd["is_open"], odd["next_openings"]) == ("odd", None, [])
    assert "'whenever' is not days and hours" in odd["fault"]


def test_a_published_policy_waits_for_a_calendar_that_nobody_defines_until_it_comes(desk: Desk, client: Client) -> None:
    first: dict[ClockName, Target] = {"first_reply": Target(target=60, calendar="office")}
    named: dict[ClockName, Target] = {**first, "agent_work": Target(target=60, calendar="night")}
    publish(desk, PolicyRecord(id="late", versions=(SlaPolicy(id="late", rank=30, targets=named),)))
    assert {each["id"]: each["waiting_for"] for each in client.listed(kind="policy")} == {
        "gold": [], "rest": [], "late": ["night"],
    }  # fmt: skip
    publish(desk, CalendarRecord(id="night", versions=(CalendarTerms(id="night"),)))
    assert [each["waiting_for"] for each in client.listed(kind="policy")] == [[], [], []]


def test_a_record_that_cannot_be_read_is_counted_and_hides_nothing(desk: Desk, client: Client) -> None:
    publish(desk, b"{}", b"policy:bad")
    assert desk.picture.unreadable[POLICIES.name] == 1
    assert len(client.listed()) == 3


def test_it_comes_in_pages(client: Client) -> None:
    first = client.get(limit=2).json()
    assert [each["id"] for each in first["items"]] == ["office", "gold"]
    second = client.get(limit=2, cursor=first["next"]).json()
    assert ([each["id"] for each in second["items"]], second["next"]) == (["rest"], None)


def test_before_the_topic_is_read_nothing_is_said(desk: Desk, client: Client) -> None:
    desk.reader.has_read = False
    assert client.get().status_code == 503
