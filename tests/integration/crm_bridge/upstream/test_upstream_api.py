"""What another system may tell and ask us over HTTP, and what administrators see of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from crm_bridge.upstream.memory import MemoryUpstream
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.contract.crm_bridge.upstream.others import matter
from tests.integration.crm_bridge.tickets.city import HE
from tests.integration.crm_bridge.upstream.platform import TOKEN, Platform

TOLD: dict[str, Any] = {
    "key": "2f6c9a0d7b",
    "side": "giver",
    "number": "A-17",
    "version": 1,
    "state": "passed_on",
    "matter": {
        "type": "complaint",
        "category": "2005",
        "title": "夜间施工噪声",
        "text": "小区旁工地夜间施工。",
        "created_at": "2026-03-02T09:30:00+08:00",
    },
}


@dataclass
class Asked:
    platform: Platform
    url: str

    async def ask(
        self, method: str, path: str, body: object = None, token: str = TOKEN
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"{self.url}/api/v1/upstream{path}", json=body, headers=headers
            ) as response,
        ):
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def tell(self, **changes: Any) -> tuple[int, Any]:
        return await self.ask("PUT", f"/tickets/{TOLD['key']}", {**TOLD, **changes})


@pytest.fixture
async def asked(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Asked]:
    platform = Platform(
        database=sqlite_database, clock=clock, vault=vault, name="province", other="linjiang"
    )
    await platform.open()
    async with platform.serving() as url:
        yield Asked(platform, url)


async def test_ticket_told_ten_times_at_once_is_one(asked: Asked) -> None:
    answers = await asyncio.gather(*(asked.tell() for _ in range(10)))
    assert {status for status, _ in answers} == {200}
    assert len({json.dumps(body, sort_keys=True) for _, body in answers}) == 1
    assert len(await asked.platform.tickets_of()) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"key": "another-key"}, "/key"),
        ({"version": 0}, "/version"),
        ({"version": 2**40}, "/version"),
        ({"side": "middle"}, "/side"),
        ({"state": "with blank"}, "/state"),
        ({"matter": {**TOLD["matter"], "text": ""}}, "/matter/text"),
        ({"matter": {**TOLD["matter"], "text": "长" * 4001}}, "/matter/text"),
        ({"matter": {**TOLD["matter"], "title": "a\x00b"}}, "/matter/title"),
        ({"matter": {**TOLD["matter"], "type": "wish"}}, "/matter/type"),
        ({"matter": {**TOLD["matter"], "phone": "call me"}}, "/matter/phone"),
        ({"matter": {**TOLD["matter"], "created_at": "2026-03-02T09:30:00"}}, "/matter/created_at"),
        ({"colour": "red"}, "/colour"),
        ({"notes": [{"id": "1", "text": "x", "at": "now"}]}, "/notes/0/at"),
    ],
)
async def test_wrong_field_is_named_and_nothing_is_written(
    asked: Asked, changes: dict[str, Any], pointer: str
) -> None:
    status, problem = await asked.tell(**changes)
    assert status == 422
    assert pointer in {field["pointer"] for field in problem["fields"]}
    assert await asked.platform.tickets_of() == []


async def test_taker_of_a_ticket_that_was_never_passed_on_is_told_so(asked: Asked) -> None:
    status, problem = await asked.tell(side="taker", matter=None)
    assert (status, problem["detail_en"]) == (404, "no ticket was passed on under this key")


async def test_giver_that_becomes_the_taker_is_refused(asked: Asked) -> None:
    await asked.tell()
    await asked.platform.settle()
    status, _ = await asked.tell(side="taker", matter=None, version=2)
    assert status == 409


async def test_changes_are_told_page_by_page_and_to_nobody_else(asked: Asked) -> None:
    for n in range(3):
        body = {**TOLD, "key": f"{TOLD['key']}-{n}"}
        assert (await asked.ask("PUT", f"/tickets/{body['key']}", body))[0] == 200
    await asked.platform.settle()
    _, first = await asked.ask("GET", "/changes?limit=2")
    _, second = await asked.ask("GET", f"/changes?limit=2&cursor={first['cursor']}")
    _, last = await asked.ask("GET", f"/changes?limit=2&cursor={second['cursor']}")
    keys = [item["key"] for item in [*first["items"], *second["items"]]]
    assert sorted(keys) == [f"{TOLD['key']}-{n}" for n in range(3)]
    assert (last["items"], last["cursor"]) == ([], second["cursor"])
    assert {item["side"] for item in first["items"]} == {"taker"}
    assert all(item["matter"] is None for item in first["items"])


@pytest.mark.parametrize("cursor", ["x", "-1", "1" * 15, str(2**31)])
async def test_cursor_of_another_list_is_refused(asked: Asked, cursor: str) -> None:
    status, _ = await asked.ask("GET", f"/changes?cursor={cursor}")
    assert status == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/tickets/2f6c9a0d7b"), ("GET", "/changes"), ("GET", "/systems"), ("GET", "/links")],
)
async def test_without_its_permission_nobody_gets_in(asked: Asked, method: str, path: str) -> None:
    body = TOLD if method == "PUT" else None
    assert (await asked.ask(method, path, body, token="nobody's"))[0] == 401
    other = TOKEN if path in ("/systems", "/links") else "admin"
    assert (await asked.ask(method, path, body, token=other))[0] == 403


async def test_administrator_sees_systems_and_links_and_tries_again(asked: Asked) -> None:
    platform = asked.platform
    memory = MemoryUpstream(name="ministry", reachable=False)
    platform.join(memory)
    async with platform.serving() as url:
        asked.url = url
        ticket_id = await platform.left_open()
        await platform.pass_on(ticket_id, "ministry")
        await platform.exchanger.round(memory)
        _, systems = await asked.ask("GET", "/systems", token="admin")
        (ministry,) = systems["items"]
        assert (ministry["name"], ministry["joined"], ministry["last_error"]) == (
            "ministry",
            True,
            "try-later",
        )
        _, page = await asked.ask("GET", "/links?failing=true", token="admin")
        (link,) = page["items"]
        assert (link["waiting"], link["attempts"], link["last_error"]) == (True, 1, "try-later")
        memory.reachable = True
        await platform.exchanger.round(memory)
        assert memory.opened == 0  # not yet its time
        status, _ = await asked.ask("POST", f"/links/{link['id']}/retry", token="admin")
        assert status == 204
        await platform.exchanger.round(memory)
        _, page = await asked.ask("GET", f"/links?ticket_id={ticket_id}", token="admin")
        (link,) = page["items"]
        assert (link["waiting"], link["last_error"], link["remote_number"]) == (
            False,
            None,
            "M-000001",
        )
        assert (await asked.ask("POST", "/links/999/retry", token="admin"))[0] == 404


async def test_refused_exchange_keeps_no_other_waiting(asked: Asked) -> None:
    platform = asked.platform
    memory = MemoryUpstream(name="ministry")
    platform.join(memory)
    await platform.exchanger.round(memory)
    memory.hand_down("handed-1", matter(platform.clock))
    await platform.exchanger.round(memory)
    (below,) = await platform.tickets_of()
    del memory.told["handed-1"]  # it has forgotten the ticket, and refuses to hear of it
    await platform.closing.refuse(
        HE, await platform.now(below.id or 0), grounds="重复", where_to_turn="无"
    )
    await platform.settle()
    ticket_id = await platform.left_open()
    await platform.pass_on(ticket_id, "ministry")
    await platform.exchanger.round(memory)
    refused, given = await platform.links()
    assert refused.last_error == "not-found"
    assert given.remote_number == "M-000001"
