"""Search over HTTP: what was written a moment ago is found, by those who may see it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.integration.crm_bridge.house import FORM, LI, MOBILE, House, written

Client = TestClient[web.Request, web.Application]


async def ask(client: Client, *, who: str = "3001", status: int = 200, **query: str) -> Any:
    answer = await client.get("/api/v1/tickets", params=query, headers={"X-Agent": who})
    assert answer.status == status, await answer.text()
    return await answer.json()


async def ids(client: Client, *, who: str = "3001", **query: Any) -> list[int]:
    return [item["id"] for item in (await ask(client, who=who, **query))["items"]]


async def test_ticket_is_found_as_soon_as_it_is_registered(house: House, client: Client) -> None:
    first = await house.close_a_ticket()
    second = await house.tickets.register(LI, replace(FORM, title="小区停水", text="停水三天了"))
    assert await ids(client, q="施工噪声") == [first]
    assert await ids(client, q="停水") == [second]
    assert await ids(client, q="滨江路 18号") == [second, first]
    assert await ids(client, q=(await house.ticket(second)).number) == [second]


async def test_what_came_in_writing_is_found_too(house: House, client: Client) -> None:
    await house.intake.take(written())
    (found,) = (await ask(client, q="路灯不亮"))["items"]
    assert (found["title"], found["agent"]) == ("路灯不亮", None)


async def test_an_agent_finds_his_own_and_not_what_others_wrote(
    house: House, client: Client
) -> None:
    own = await house.close_a_ticket()
    assert await ids(client, q="噪声", who="1001") == [own]
    assert await ids(client, q="噪声", who="1002") == []
    assert await ids(client, q="噪声", mine="true", who="3001") == []
    assert await ids(client, q=(await house.ticket(own)).number, who="1002") == []
    assert await ids(client, q=MOBILE.digits, who="1002") == []


async def test_filters_narrow_the_list(house: House, client: Client) -> None:
    closed = await house.close_a_ticket()
    open_ = await house.tickets.register(LI, replace(FORM, answer=None, category="1001"))
    assert await ids(client, state="to_dispatch") == [open_]
    assert await ids(client, category="1001,2001") == [open_]
    assert await ids(client, category="20") == await ids(client, category="2005") == [closed]
    assert await ids(client, channel="voice") == [closed]
    assert await ids(client, type="help") == []
    assert await ids(client, until=house.clock.now().isoformat().replace("+00:00", "Z")) == []
    assert await ids(client, unit="CGJ") == []
    assert await ids(client, overdue="true") == []


async def test_list_goes_on_by_its_cursor(house: House, client: Client) -> None:
    made = [await house.tickets.register(LI, FORM) for _ in range(5)]
    found: list[int] = []
    cursor = ""
    for _ in range(3):
        place: dict[str, Any] = {"cursor": cursor} if cursor else {}
        page = await ask(client, q="噪声", limit="2", **place)
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"] or ""
    assert found == made[::-1]
    assert cursor == ""


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"q": "水"}, "/q"),
        ({"q": "？！"}, "/q"),
        ({"q": "停" * 201}, "/q"),
        ({"state": "lost"}, "/state"),
        ({"since": "2026-03-01T00:00:00"}, "/since"),
        ({"overdue": "maybe"}, "/overdue"),
        ({"cursor": "nonsense"}, "/cursor"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_question_that_makes_no_sense_is_a_field_error(
    client: Client, query: dict[str, Any], pointer: str
) -> None:
    problem = await ask(client, status=422, **query)
    assert [error["pointer"] for error in problem["fields"]] == [pointer]
