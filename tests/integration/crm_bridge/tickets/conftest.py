from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from channels.attachments import api as attachments_api
from crm_bridge.tickets import api, centre_api, confidences_api, desks_api, unit_api, ways_api
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import SUN, WANG
from tests.integration.crm_bridge.tickets.city import EVERYBODY, City

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def city(database: Database, clock: ManualClock, vault: Vault) -> City:
    house = City(database=database, clock=clock, vault=vault)
    await house.open()
    return house


class HeaderSaysWho:
    """Takes the header `X-Agent` for the login."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        known = {who.number: who for who in (WANG, *EVERYBODY)} | {"special": SUN}
        principal = known.get(request.headers.get("X-Agent", ""))
        return Authenticated(principal=principal, csrf_token=None) if principal else None


@pytest.fixture
async def client(city: City) -> AsyncIterator[Client]:
    """The API of tickets, asked by whom the header `X-Agent` names."""
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    mount(
        app,
        [
            api.routes(city.tickets, city.reader),
            unit_api.routes(city.work, city.reader),
            centre_api.routes(city.dispatching, city.closing, city.reader),
            ways_api.routes(city.closing, city.joining, city.notes, city.reader),
            confidences_api.routes(city.confidences),
            desks_api.routes(city.unit_desk, city.dispatch_desk),
            attachments_api.routes(city.attachments, {"ticket": city.reader}),
        ],
    )
    async with TestClient(TestServer(app)) as client:
        yield client
