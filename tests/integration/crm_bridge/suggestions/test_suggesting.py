from dataclasses import replace
from datetime import timedelta
from typing import Any

from crm_bridge.suggestions.outcomes import Outcomes
from crm_bridge.suggestions.rules import Question
from crm_bridge.suggestions.service import Suggestions
from crm_bridge.units.service import Units
from tests.integration.crm_bridge.books import Books
from tests.integration.crm_bridge.conftest import Client

HEAT = ("暖气不热", "家里暖气不热，老人孩子冷", "红旗小区", "3004")
FORM = {"title": HEAT[0], "text": HEAT[1], "address": HEAT[2], "category": HEAT[3]}


async def get(client: Client, path: str, who: str = "1001") -> tuple[int, Any]:
    answer = await client.get(f"/api/v1{path}", headers={"X-Agent": who})
    return answer.status, await answer.json()


async def post(client: Client, body: object, who: str = "1001") -> tuple[int, Any]:
    answer = await client.post("/api/v1/suggestions", json=body, headers={"X-Agent": who})
    return answer.status, await answer.json()


async def test_ticket_is_shown_three_units_with_reasons_in_both_languages(
    books: Books, desk: Client
) -> None:
    ticket_id = await books.write(*HEAT)
    status, found = await get(desk, f"/tickets/{ticket_id}/suggestions")
    assert status == 200
    assert found["model"] is None
    first = found["items"][0]
    assert (first["unit"], first["unit_name"], first["unit_name_en"]) == (
        "GRGS",
        "供热公司",
        "Heating Company",
    )
    assert 0 < first["score"] <= 1
    assert {reason["kind"] for reason in first["reasons"]} == {"catalogue"}
    assert all(reason["text_zh"] and reason["text_en"] for reason in first["reasons"])
    assert len(found["items"]) <= 3


async def test_form_that_is_being_typed_is_answered_and_not_kept(desk: Client) -> None:
    status, found = await post(desk, FORM)
    assert (status, found["items"][0]["unit"]) == (200, "GRGS")
    assert (await post(desk, {}))[1]["items"] == []


async def test_form_that_asks_too_often_is_told_when_to_come_again(desk: Client) -> None:
    for _ in range(5):
        assert (await post(desk, {"text": "停水"}))[0] == 200
    status, problem = await post(desk, {"text": "停水"})
    assert (status, problem["type"]) == (429, "urn:lianxin:problem:too-many-requests")
    assert (await post(desk, {"text": "停水"}, who="1002"))[0] == 200


async def test_bad_form_is_refused(desk: Client) -> None:
    bodies: list[Any] = [{"text": "x" * 4001}, {"text": "停\x00水"}, {"units": []}, []]
    for body in bodies:
        assert (await post(desk, body))[0] in (400, 422)


async def test_ticket_of_another_agent_is_not_suggested_for(books: Books, desk: Client) -> None:
    ticket_id = await books.write(*HEAT)
    assert (await get(desk, f"/tickets/{ticket_id}/suggestions", who="1002"))[0] == 403
    assert (await get(desk, f"/tickets/{ticket_id}/suggestions", who="3001"))[0] == 200
    assert (await get(desk, "/tickets/999/suggestions"))[0] == 404
    assert (await get(desk, f"/tickets/{ticket_id}/suggestions", who="nobody"))[0] == 401


async def test_unit_that_is_closed_this_moment_is_not_suggested(
    books: Books, suggestions: Suggestions
) -> None:
    question = Question(text=HEAT[1], category=HEAT[3])
    assert (await suggestions.suggest(question)).suggestions[0].unit == "GRGS"
    units = Units(books.database, books.clock)
    await units.change(None, replace(await units.get("GRGS"), active=False))
    after = await suggestions.suggest(question)
    assert "GRGS" not in after.units


async def test_dispatch_is_noted_once_with_what_was_suggested(
    books: Books, outcomes: Outcomes
) -> None:
    right = await books.write(*HEAT)
    other = await books.write(*HEAT)
    await books.give(right, "GRGS")
    await books.give(other, "TYJ")
    await books.give(other, "GRGS", n=2)
    assert await outcomes.note() == 3
    assert await outcomes.note() == 0
    now = books.clock.now()
    found = await outcomes.accuracy(now - timedelta(hours=1), now + timedelta(hours=1))
    assert (found.dispatched, found.first, found.shown) == (3, 2, 2)
    empty = await outcomes.accuracy(now + timedelta(hours=1), now + timedelta(hours=2))
    assert (empty.dispatched, empty.first, empty.shown) == (0, 0, 0)


async def test_dispatch_of_an_outage_long_past_is_left_alone(
    books: Books, outcomes: Outcomes
) -> None:
    ticket_id = await books.write(*HEAT)
    await books.give(ticket_id, "GRGS", dispatched_at=books.clock.now() - timedelta(days=3))
    assert await outcomes.note() == 0
