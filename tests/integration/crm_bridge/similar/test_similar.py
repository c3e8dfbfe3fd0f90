from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.similar import api
from crm_bridge.similar.describing import Describers
from crm_bridge.similar.pending import PendingGroups
from crm_bridge.similar.reading import SimilarReader
from crm_bridge.similar.settings import SimilarSettings
from crm_bridge.tickets.rules import UNFINISHED
from crm_bridge.tickets.tables import TicketGrantRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.problems import problem_middleware
from tests.integration.crm_bridge.books import Books
from tests.integration.crm_bridge.conftest import Client
from tests.integration.crm_bridge.house import LI, SUN, WANG, ZHOU

WATER = ("停水", "整个小区停水了", "东方花园", "3001")
DISPATCHER = "4001"
PERMISSIONS = (ZHOU.permissions | {"ticket.dispatch"}) - {"ticket.confidential"}


class HeaderSaysWho:
    async def __call__(self, request: web.Request) -> Authenticated | None:
        dispatcher = replace(ZHOU, number=DISPATCHER, permissions=PERMISSIONS)
        known = {who.number: who for who in (LI, WANG, ZHOU, SUN, dispatcher)}
        principal = known.get(request.headers.get("X-Agent", ""))
        return Authenticated(principal=principal, csrf_token=None) if principal else None


@pytest.fixture
async def books(database: Database, clock: ManualClock) -> Books:
    return await Books(database=database, clock=clock).open()


@pytest.fixture
async def desk(books: Books) -> AsyncIterator[Client]:
    describers = Describers(Catalogue(books.database, books.clock))
    settings = SimilarSettings()
    parts = (books.database, books.clock, describers, settings)
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    reader = SimilarReader(*parts, timedelta(minutes=15))
    mount(app, [api.routes(reader, PendingGroups(*parts))])
    async with TestClient(TestServer(app)) as client:
        yield client


async def ask(desk: Client, path: str, who: str = DISPATCHER) -> tuple[int, Any]:
    answer = await desk.get(f"/api/v1{path}", headers={"X-Agent": who})
    return answer.status, await answer.json()


async def similar(desk: Client, ticket_id: int, who: str = DISPATCHER) -> list[Any]:
    status, found = await ask(desk, f"/tickets/{ticket_id}/similar", who)
    assert status == 200
    items: list[Any] = found["items"]
    return items


async def test_alike_ticket_is_suggested_with_what_joining_needs_and_why(
    books: Books, desk: Client
) -> None:
    first = await books.write(*WATER, ago=timedelta(hours=1))
    await books.write("电梯坏了", "电梯停了三天", "东方花园", "7006")
    own = await books.write("家里没水", "水龙头没水了", "东方花园8号楼", "3001")
    (found,) = await similar(desk, own)
    assert (found["ticket_id"], found["version"], found["state"]) == (first, 2, "to_dispatch")
    assert found["same_caller"] is False
    assert 0.5 <= found["score"] <= 1
    assert {reason["kind"] for reason in found["reasons"]} == {"place", "words", "time"}
    assert "东方花园" in found["reasons"][0]["text_zh"]


async def test_same_caller_is_found_further_back_and_under_any_category(
    books: Books, desk: Client
) -> None:
    citizen = await books.citizen()
    first = await books.write(*WATER, citizen_id=citizen, ago=timedelta(days=20))
    await books.write(*WATER, ago=timedelta(days=20))
    own = await books.write("停水", "又停水了", "东方花园", "9099", citizen_id=citizen)
    (found,) = await similar(desk, own)
    assert (found["ticket_id"], found["same_caller"]) == (first, True)
    assert found["reasons"][0]["text_zh"] == "同一来电人"


async def test_only_tickets_that_are_open_are_suggested(books: Books, desk: Client) -> None:
    made = {state: await books.write(*WATER, state=state) for state in TicketState}
    own = await books.write(*WATER)
    found = {item["ticket_id"] for item in await similar(desk, own)}
    assert found == {made[state] for state in UNFINISHED}


@pytest.mark.parametrize("change", [{"confidential": True}, {"type": TicketType.report}])
async def test_hidden_ticket_is_never_suggested_beside_an_open_one(
    books: Books, desk: Client, change: dict[str, Any]
) -> None:
    citizen = await books.citizen()
    hidden = await books.write(*WATER, citizen_id=citizen, **change)
    own = await books.write(*WATER, citizen_id=citizen)
    for who in (DISPATCHER, "3001", "1001"):
        assert await similar(desk, own, who) == []
        assert await similar(desk, hidden, who) == []


async def test_same_caller_of_hidden_tickets_is_told_only_to_who_may_know(
    books: Books, desk: Client
) -> None:
    citizen = await books.citizen()
    first = await books.write(*WATER, citizen_id=citizen, confidential=True, ago=timedelta(days=3))
    far = await books.write(
        "拆迁", "补偿款", "铁西路", "1007", citizen_id=citizen, confidential=True
    )
    own = await books.write(*WATER, citizen_id=citizen, confidential=True)
    (told,) = [one for one in await similar(desk, own, "3001") if one["ticket_id"] == first]
    assert told["same_caller"] is True
    (untold,) = await similar(desk, own)
    assert (untold["ticket_id"], untold["same_caller"]) == (first, False)
    assert "同一来电人" not in str(untold["reasons"])
    assert untold["score"] < told["score"]
    assert far not in {one["ticket_id"] for one in await similar(desk, own)}


async def test_one_grant_does_not_tell_of_the_other_hidden_ticket(
    books: Books, desk: Client
) -> None:
    citizen = await books.citizen()
    await books.write(*WATER, citizen_id=citizen, confidential=True)
    own = await books.write(*WATER, citizen_id=citizen, confidential=True)
    async with books.database.transaction() as session:
        session.add(
            TicketGrantRow(
                ticket_id=own,
                person=DISPATCHER,
                granted_by="3001",
                granted_at=books.clock.now(),
                until=books.clock.now() + timedelta(hours=1),
                reason="核实",
            )
        )
    (found,) = await similar(desk, own)
    assert found["same_caller"] is False


async def test_agent_is_shown_no_ticket_that_is_not_his_to_see(books: Books, desk: Client) -> None:
    await books.write(*WATER, agent="1002")
    mine = await books.write(*WATER, agent="1001")
    own = await books.write(*WATER, agent="1001")
    assert [one["ticket_id"] for one in await similar(desk, own, "1001")] == [mine]
    assert (await ask(desk, f"/tickets/{own}/similar", "1002"))[0] == 403
    assert (await ask(desk, "/tickets/999/similar"))[0] == 404


async def test_sixty_calls_become_one_group_that_is_listed_for_the_centre(
    books: Books, desk: Client
) -> None:
    words = ("停水", "没水了", "自来水停了")
    first = await books.write("停水", "胜利街停水了", "胜利街1号", "3001", ago=timedelta(hours=1))
    rest = [
        await books.write(words[n % 3], words[(n + 1) % 3], f"胜利街{n}号", "3001")
        for n in range(20)
    ]
    await books.write("停水", "停水", "荷花里小区", "3001")
    await books.write(*WATER[:2], "胜利街", "3001", confidential=True)
    status, found = await ask(desk, "/similar")
    assert status == 200
    (group,) = found["items"]
    assert (group["main"]["ticket_id"], group["size"]) == (first, 21)
    assert {one["ticket_id"] for one in group["others"]} == set(rest)
    assert found["next_cursor"] is None


async def test_groups_are_paged_without_gap_or_repeat(books: Books, desk: Client) -> None:
    for place in ("荷花里小区", "翰林苑", "万和城", "锦绣江南", "平安里小区"):
        for _ in range(2):
            await books.write("停水", "停水了没通知", place, "3001")
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        _, page = await ask(desk, f"/similar?limit=2{cursor}")
        seen += [group["main"]["ticket_id"] for group in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert seen == [9, 7, 5, 3, 1]


async def test_groups_are_the_centres_alone(books: Books, desk: Client) -> None:
    assert (await ask(desk, "/similar", "1001"))[0] == 403
    assert (await ask(desk, "/similar?cursor=!!!"))[0] == 422
    assert (await ask(desk, "/similar?limit=0"))[0] == 422
    assert (await ask(desk, "/similar"))[1] == {"items": [], "next_cursor": None}


async def test_joined_ticket_leaves_its_group(books: Books, desk: Client) -> None:
    await books.write(*WATER)
    second = await books.write(*WATER)
    assert len((await ask(desk, "/similar"))[1]["items"]) == 1
    async with books.database.transaction() as session:
        row = await session.get_one(TicketRow, second)
        row.state = TicketState.joined
    books.clock.advance(10)
    assert (await ask(desk, "/similar"))[1]["items"] == []
