"""What lies in the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlmodel import select

from channels.contacts.tables import ContactRow
from crm_bridge.notes.tables import TicketNoteRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import House
from tests.integration.crm_bridge.open311.house import (
    Client,
    answered,
    change,
    get,
    report,
    tickets,
)


@pytest.fixture
async def house(database: Database, clock: ManualClock, vault: Vault) -> House:
    return await House(database=database, clock=clock, vault=vault).open()


async def test_report_becomes_a_contact_and_a_ticket_of_its_category(
    house: House, client: Client
) -> None:
    number = await report(client)
    (ticket,) = await tickets(house)
    assert (ticket.number, ticket.category, ticket.address) == (
        number,
        "2004",
        "滨江路 18 号 2 单元",
    )
    assert ticket.title == "路灯与井盖：路灯三天不亮"
    async with house.database.reading() as session:
        (contact,) = (await session.exec(select(ContactRow))).all()
    assert contact.channel == "open311"
    assert contact.message is not None
    assert (contact.message["latitude"], contact.message["longitude"]) == (30.27415, 120.15515)
    assert contact.phone_encrypted is not None
    assert "13800015121" not in json.dumps(contact.message)


@pytest.mark.parametrize(
    "secret", [{"confidential": True}, {"type": TicketType.report}, {"category": "9099"}]
)
async def test_secret_ticket_is_as_if_it_were_not_there(
    house: House, client: Client, secret: dict[str, Any]
) -> None:
    number = await report(client)
    await change(house, **secret)
    await answered(house)
    assert await get(client, "requests.json") == []
    assert await get(client, f"requests.json?service_request_id={number}") == []
    assert await get(client, "servicerequestupdates.json") == []
    hidden = await client.get(f"/open311/v2/requests/{number}.json")
    unknown = await client.get("/open311/v2/requests/20991231-000001.json")
    assert (hidden.status, await hidden.json()) == (unknown.status, await unknown.json())
    note = {"api_key": "site-key", "service_request_id": number, "description": "还在吗"}
    response = await client.post("/open311/v2/servicerequestupdates.json", data=note)
    assert response.status == 404


async def test_closed_request_says_so_and_tells_its_update(house: House, client: Client) -> None:
    number = await report(client)
    house.clock.advance(3600)
    await answered(house)
    (shown,) = await get(client, "requests.json?status=closed")
    assert (shown["status"], shown["status_notes"]) == ("closed", "已答复")
    assert shown["requested_datetime"] == "2026-03-02T01:30:00+00:00"
    assert shown["updated_datetime"] == "2026-03-02T02:30:00+00:00"
    assert await get(client, "requests.json?status=open") == []
    (update,) = await get(client, "servicerequestupdates.json")
    assert update == {
        "update_id": f"{number}-2",
        "service_request_id": number,
        "status": "closed",
        "updated_datetime": "2026-03-02T02:30:00+00:00",
        "description": "已答复",
        "media_url": None,
    }
    span = "start_date=2026-03-02T00:00:00Z&end_date=2026-03-02T02:00:00Z"
    assert await get(client, f"servicerequestupdates.json?{span}") == []


async def test_same_report_sent_ten_times_at_once_is_one(house: House, client: Client) -> None:
    numbers = await asyncio.gather(*(report(client) for _ in range(10)))
    assert len(set(numbers)) == 1
    assert len(await tickets(house)) == 1


async def test_list_is_searched_and_paged(house: House, client: Client) -> None:
    numbers = []
    for n in range(5):
        numbers.append(await report(client, description=f"第 {n} 盏灯"))
        house.clock.advance(60)
    other = await report(client, service_code="2005")
    newest = [other, *reversed(numbers)]

    async def found(query: str) -> list[str]:
        return [row["service_request_id"] for row in await get(client, f"requests.json?{query}")]

    assert await found("") == newest
    assert await found("page_size=2") == newest[:2]
    assert await found("page_size=2&page=3") == newest[4:]
    assert await found("service_code=2005") == [other]
    assert await found("service_code=2005,2004") == newest
    assert await found(f"service_request_id={numbers[0]},{numbers[2]}") == [numbers[2], numbers[0]]
    assert await found(
        "start_date=2026-03-02T09:30:30+08:00&end_date=2026-03-02T09:32:30 08:00"
    ) == [
        numbers[2],
        numbers[1],
    ]
    assert await found("end_date=2026-03-01T00:00:00Z") == []


async def test_note_reaches_the_ticket_once(house: House, client: Client) -> None:
    number = await report(client)
    note = {
        "api_key": "site-key",
        "service_request_id": number,
        "update_id": "77",
        "updated_datetime": "2026-03-02T09:45:00+08:00",
        "status": "CLOSED",
        "description": "已经修好了，谢谢",
    }
    answers = [
        await (await client.post("/open311/v2/servicerequestupdates.json", data=note)).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    async with house.database.reading() as session:
        (kept,) = (await session.exec(select(TicketNoteRow))).all()
    assert (kept.source, kept.text) == ("open311:key:7", "已经修好了，谢谢")
    (ticket,) = await tickets(house)
    assert ticket.state is TicketState.registered  # whether it is done is for the city to say
    assert await get(client, "servicerequestupdates.json") == []  # nor is it told back
    shown = await (await client.get(f"/api/v1/tickets/{ticket.id}/notes")).json()
    assert [(item["source"], item["text"]) for item in shown["items"]] == [
        ("open311", "已经修好了，谢谢")
    ]
