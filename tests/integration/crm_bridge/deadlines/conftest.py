from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agent_console.accounts.rules import PERMISSIONS
from crm_bridge.deadlines import api
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.deadlines.settings import DeadlineSettings
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Role
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from tests.integration.crm_bridge.deadlines.city import City
from tests.integration.crm_bridge.house import LI, ZONE

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def calendars(database: Database, clock: ManualClock) -> Calendars:
    """The working calendar, with what is published."""
    found = Calendars(database, clock, ZONE, DeadlineSettings().hours())
    await found.seed()
    return found


@pytest.fixture
async def city(database: Database, clock: ManualClock, vault: Vault) -> City:
    """Units, tickets, and a worker that looks after their deadlines."""
    return await City(database=database, clock=clock, vault=vault).open()


class HeaderSaysWhat:
    """Takes the header `X-Role` for the login."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        role = Role(request.headers["X-Role"])
        principal = replace(LI, role=role, permissions=PERMISSIONS[role])
        return Authenticated(principal=principal, csrf_token=None)


@pytest.fixture
async def client(sqlite_database: Database, clock: ManualClock) -> AsyncIterator[Client]:
    """The API of deadlines, asked by somebody with the role that the header `X-Role` names."""
    settings = DeadlineSettings()
    calendars = Calendars(sqlite_database, clock, ZONE, settings.hours())
    await calendars.seed()
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWhat()
    deadlines = Deadlines(sqlite_database, clock, calendars, settings.policy())
    mount(app, [api.routes(calendars, deadlines)])
    async with TestClient(TestServer(app)) as client:
        yield client
