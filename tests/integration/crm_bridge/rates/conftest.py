"""The figures' API over a history, asked by whom the header `X-Agent` names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge.rates.api import routes
from crm_bridge.rates.exclusion_list import ExclusionList
from crm_bridge.rates.exclusions import Exclusions
from crm_bridge.rates.listing import FigureTickets
from crm_bridge.rates.service import Rates
from crm_bridge.rates.topic import Topics
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Principal, Role
from infra.kit.problems import problem_middleware
from tests.integration.crm_bridge.house import ZONE
from tests.integration.crm_bridge.rates.history import START, History, history

ANALYST = Principal(
    user_id=1,
    number="4001",
    name="钱程",
    role=Role.ANALYST,
    permissions=frozenset({"figures.read", "rates.read"}),
)
DISPATCHER = replace(
    ANALYST,
    user_id=2,
    number="3001",
    role=Role.DISPATCHER,
    permissions=ANALYST.permissions | {"exclusion.propose", "exclusion.approve", "ticket.read_any"},
)
SUPERVISOR = replace(DISPATCHER, user_id=3, number="3002")
HEAD = replace(
    ANALYST,
    user_id=4,
    number="5001",
    role=Role.UNIT_HEAD,
    permissions=frozenset({"figures.read", "rates.read_own", "exclusion.propose"}),
    unit="CGJ",
)
AGENT = replace(
    ANALYST, user_id=5, number="1001", role=Role.AGENT, permissions=frozenset({"figures.read"})
)
Client = TestClient[web.Request, web.Application]


class HeaderSaysWho:
    """Takes the header `X-Agent` for the login."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        known = {who.number: who for who in (ANALYST, DISPATCHER, SUPERVISOR, HEAD, AGENT)}
        principal = known.get(request.headers.get("X-Agent", ""))
        return Authenticated(principal=principal, csrf_token=None) if principal else None


@pytest.fixture
async def made(database: Database, clock: ManualClock) -> History:
    """A history without exclusions, long past."""
    made = history(Random(3), 60)
    made.exclusions.clear()
    made.concerned.clear()
    async with database.transaction() as session:
        await made.store(session)
    clock.set(START + timedelta(days=60))
    return made


@pytest.fixture
async def client(database: Database, clock: ManualClock, made: History) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    rates = Rates(database, clock, ZONE)
    mount(
        app,
        [
            routes(
                rates,
                FigureTickets(database, rates),
                Topics(database, rates),
                Exclusions(database, clock),
                ExclusionList(database),
            )
        ],
    )
    async with TestClient(TestServer(app)) as client:
        yield client
