"""Open311 in one piece over a real database, behind real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from channels.open311.channel import Open311Channel, Open311Settings
from crm_bridge.notes import api as notes_api
from crm_bridge.notes.service import Notes
from crm_bridge.open311 import administration
from crm_bridge.open311 import api as open311_api
from crm_bridge.open311.api import Open311
from crm_bridge.open311.publication import Publication
from crm_bridge.open311.reports import Reports
from crm_bridge.open311.services import Services
from crm_bridge.tickets.tables import TicketRow
from infra.kit.errors import TooMany
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Principal, Role
from infra.kit.problems import problem_middleware
from tests.integration.crm_bridge.house import LI, House

Client = TestClient[web.Request, web.Application]
SITE = Principal(
    user_id=0,
    number="key:7",
    name="随手拍",
    role=Role.MACHINE,
    permissions=frozenset({"open311.write"}),
)
READER = Principal(
    user_id=0,
    number="key:8",
    name="大屏",
    role=Role.MACHINE,
    permissions=frozenset({"figures.read"}),
)
KEEPER = Principal(
    user_id=9,
    number="9001",
    name="何宁",
    role=Role.ADMINISTRATOR,
    permissions=frozenset({"catalogue.manage", "ticket.read"}),
)
LAMP = {
    "api_key": "site-key",
    "service_code": "2004",
    "lat": "30.27415",
    "long": "120.15515",
    "address_string": "滨江路 18 号 2 单元",
    "description": "路灯三天不亮",
    "phone": "13800015121",
    "email": "liming@example.com",
    "first_name": "明",
    "last_name": "李",
    "media_url": "https://example.com/lamp.jpg",
}


class KnownKeys:
    async def find(self, token: str) -> Principal | None:
        if token == "tired-key":
            raise TooMany("key 9 may ask 1 times a minute", retry_after=30)
        return {"site-key": SITE, "reader-key": READER}.get(token)


class AlwaysTheKeeper:
    async def __call__(self, request: web.Request) -> Authenticated | None:
        return Authenticated(principal=KEEPER, csrf_token=None)


@dataclass(kw_only=True)
class Town:
    """A house whose citizens report over Open311."""

    house: House
    settings: Open311Settings = field(default_factory=Open311Settings)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        house = self.house

        async def may_see(_principal: Principal, _ticket_id: int) -> None: ...

        services = Services(house.database, house.clock, self.settings)
        publication = Publication(house.database, services, self.settings)
        notes = Notes(house.database, house.clock, may_see)
        reports = Reports(
            house.database,
            house.clock,
            Open311Channel(),
            house.intake.take,
            KnownKeys(),
            services,
            publication,
            notes,
            house.poke,
        )
        open311 = Open311(
            self.settings,
            house.clock,
            services,
            publication,
            reports,
            lambda request: request.headers.get("X-From", "192.0.2.1"),
            "https://12345.example.gov.cn",
        )
        app = web.Application(middlewares=[problem_middleware], client_max_size=1024 * 1024)
        app[AUTHENTICATOR] = AlwaysTheKeeper()
        mount(
            app,
            [
                open311_api.routes(open311),
                administration.routes(services),
                notes_api.routes(notes),
            ],
        )
        async with TestClient(TestServer(app)) as client:
            yield client


async def report(client: Client, **changes: str) -> str:
    """Report a lamp and return the request's id."""
    response = await client.post("/open311/v2/requests.json", data={**LAMP, **changes})
    made: list[dict[str, Any]] = await response.json()
    assert response.status == 200, made
    return str(made[0]["service_request_id"])


async def get(client: Client, path: str) -> Any:
    response = await client.get(f"/open311/v2/{path}")
    body = await response.json()
    assert response.status == 200, body
    return body


async def tickets(house: House) -> list[TicketRow]:
    async with house.database.reading() as session:
        return list((await session.exec(select(TicketRow))).all())


async def change(house: House, **fields: Any) -> None:
    """Something of the only ticket is put right; how, is not what is tested here."""
    (row,) = await tickets(house)
    async with house.database.transaction() as session:
        kept = await session.get_one(TicketRow, row.id)
        for name, value in fields.items():
            setattr(kept, name, value)


async def answered(house: House, text: str = "已派人更换灯泡，请放心。") -> None:
    (row,) = await tickets(house)
    assert row.id is not None
    async with house.database.transaction() as session:
        kept = await session.get_one(TicketRow, row.id)
        kept.agent = LI.number
    await house.tickets.answer(LI, row.id, text)
