"""The working calendar and the preview of deadlines over HTTP."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from crm_bridge.deadlines.statutory import statutory_days
from infra.kit.identity import Role
from tests.integration.crm_bridge.deadlines.conftest import Client

DISPATCHER = {"X-Role": Role.DISPATCHER.value}
ADMINISTRATOR = {"X-Role": Role.ADMINISTRATOR.value}


def body(year: int = 2027, **more: bool) -> dict[str, Any]:
    """The days off by law; `more` are further days, worked or not."""
    days = {day.isoformat(): False for day in statutory_days(year)} | {
        name.removeprefix("d").replace("_", "-"): working for name, working in more.items()
    }
    return {
        "document": "国办发明电〔2026〕9号",
        "days": [{"date": day, "working": days[day], "name": "节日"} for day in sorted(days)],
    }


async def preview(client: Client, **query: str) -> tuple[int, dict[str, Any]]:
    async with client.get(
        "/api/v1/deadlines/preview", params=query, headers=DISPATCHER
    ) as response:
        return response.status, await response.json()


async def put(client: Client, year: int, sent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with client.put(f"/api/v1/calendar/{year}", json=sent, headers=ADMINISTRATOR) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(
    ("query", "limit", "sign_due_at", "due_at"),
    [
        (
            {"type": "help", "at": "2026-02-12T10:00:00+08:00"},
            "5wd",
            "2026-02-12T12:00:00+08:00",
            "2026-02-26T17:30:00+08:00",
        ),
        (
            {"type": "suggestion", "at": "2026-09-29T16:40:00+08:00"},
            "5wd",
            "2026-09-30T09:40:00+08:00",
            "2026-10-12T17:30:00+08:00",
        ),
        (
            {"type": "complaint", "urgency": "critical", "at": "2026-10-01T23:30:00+08:00"},
            "2h",
            "2026-10-02T01:30:00+08:00",
            "2026-10-02T01:30:00+08:00",
        ),
        (
            {"type": "inquiry", "limit": "hard", "at": "2026-03-02T09:30:00+08:00"},
            "15wd",
            "2026-03-02T11:30:00+08:00",
            "2026-03-23T17:30:00+08:00",
        ),
        (
            {"type": "complaint", "redo": "true"},
            "5wd",
            "2026-03-02T11:30:00+08:00",
            "2026-03-09T17:30:00+08:00",
        ),
    ],
)
async def test_the_dispatch_form_is_told_when_it_will_be_due(
    client: Client, query: dict[str, str], limit: str, sign_due_at: str, due_at: str
) -> None:
    status, told = await preview(client, **query)

    assert status == 200
    assert told["limit"] == limit
    assert _moment(told["sign_due_at"]) == _moment(sign_due_at)
    assert _moment(told["due_at"]) == _moment(due_at)
    assert told["provisional"] is False


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_over_a_new_year_not_yet_published_it_is_provisional_until_the_import(
    client: Client,
) -> None:
    query = {"type": "help", "at": "2026-12-28T10:00:00+08:00"}
    _, before = await preview(client, **query)

    status, _ = await put(client, 2027, body(d2027_01_03=True))
    _, after = await preview(client, **query)

    assert status == 200
    assert before["provisional"] is True
    assert _moment(before["due_at"]) == _moment("2027-01-05T17:30:00+08:00")
    assert after["provisional"] is False
    # Sunday 3 January is now worked.
    assert _moment(after["due_at"]) == _moment("2027-01-04T17:30:00+08:00")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"type": "help", "limit": "5 days"}, "/limit"),
        ({"type": "wish"}, "/type"),
        ({}, "/type"),
        ({"type": "help", "urgency": "very"}, "/urgency"),
        ({"type": "help", "at": "2026-03-02T10:00:00"}, "/at"),
        ({"type": "help", "at": "yesterday"}, "/at"),
        ({"type": "help", "until": "now"}, "/until"),
    ],
)
async def test_a_preview_that_makes_no_sense_is_a_field_error(
    client: Client, query: dict[str, str], pointer: str
) -> None:
    status, told = await preview(client, **query)

    assert status == 422
    assert [error["pointer"] for error in told["fields"]] == [pointer]


async def test_everybody_sees_the_calendar(client: Client) -> None:
    async with client.get(
        "/api/v1/calendar", params={"year": "2026"}, headers={"X-Role": "agent"}
    ) as response:
        told = await response.json()

    assert told["published"] is True
    assert told["document"] == "国办发明电〔2025〕7号"
    assert {
        "date": "2026-10-10",
        "working": True,
        "name": "国庆节",
        "document": "国办发明电〔2025〕7号",
    } in told["days"]
    assert len(told["days"]) == 39


async def test_only_an_administrator_replaces_it(client: Client) -> None:
    async with client.put("/api/v1/calendar/2027", json=body(), headers=DISPATCHER) as response:
        assert response.status == 403


async def test_a_replaced_year_is_shown_as_it_was_sent(client: Client) -> None:
    sent = body(d2027_01_03=True, d2026_12_31=False)
    status, told = await put(client, 2027, sent)
    again, _ = await put(client, 2027, sent)

    assert (status, again) == (200, 200)
    assert told["published"] is True
    assert [day["date"] for day in told["days"]] == [
        day["date"] for day in sent["days"] if day["date"].startswith("2027")
    ]


@pytest.mark.parametrize(
    ("year", "change", "pointers"),
    [
        (2027, {"d2028_01_01": False}, ["/days/13/date"]),
        (2027, {"d2026_11_30": False}, ["/days/0/date"]),
        (2027, {"d2027_10_01": True}, ["/days"]),
        (2028, {}, ["/days"] * 12 + [f"/days/{n}/date" for n in range(13)]),
    ],
)
async def test_an_arrangement_that_is_not_whole_is_refused_and_nothing_stored(
    client: Client, year: int, change: dict[str, bool], pointers: list[str]
) -> None:
    status, told = await put(client, year, body(2027, **change))
    async with client.get(
        "/api/v1/calendar", params={"year": str(year)}, headers=ADMINISTRATOR
    ) as response:
        shown = await response.json()

    assert status == 422
    assert sorted(error["pointer"] for error in told["fields"]) == sorted(pointers)
    assert shown["published"] is False


async def test_a_day_twice_is_refused(client: Client) -> None:
    sent = body()
    sent["days"].append(sent["days"][0])

    status, told = await put(client, 2027, sent)

    assert status == 422
    assert [error["pointer"] for error in told["fields"]] == [f"/days/{len(sent['days']) - 1}/date"]


@pytest.mark.parametrize("year", ["1999", "2101", "20270", "x", "-1"])
async def test_a_year_out_of_range_is_not_found(client: Client, year: str) -> None:
    async with client.put(
        f"/api/v1/calendar/{year}", json=body(), headers=ADMINISTRATOR
    ) as response:
        assert response.status == 404


async def test_hundreds_of_days_are_not_taken(client: Client) -> None:
    sent = body()
    sent["days"] = [
        {"date": (date(2027, 1, 1) + timedelta(days=n)).isoformat(), "working": True, "name": "x"}
        for n in range(401)
    ]

    status, told = await put(client, 2027, sent)

    assert status == 422
    assert [error["pointer"] for error in told["fields"]] == ["/days"]
