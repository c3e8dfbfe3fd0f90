from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge import figures
from crm_bridge.callbacks import api as callbacks_api
from crm_bridge.categories import api as categories_api
from crm_bridge.categories.service import Categories
from crm_bridge.drafts import api as drafts_api
from crm_bridge.drafts.service import Drafts
from crm_bridge.history import api as history_api
from crm_bridge.history.service import History
from crm_bridge.settings import CaseworkSettings
from crm_bridge.tickets import api as tickets_api
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import LI, SUN, WANG, ZHOU, ZONE, House

WRITING_UP = CaseworkSettings().writing_up
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def house(database: Database, clock: ManualClock, vault: Vault) -> House:
    return await House(database=database, clock=clock, vault=vault).open()


class HeaderSaysWho:
    """Takes the header `X-Agent` for the login."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        known = {who.number: who for who in (LI, WANG, ZHOU, SUN)}
        principal = known.get(request.headers.get("X-Agent", ""))
        return Authenticated(principal=principal, csrf_token=None) if principal else None


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    """The API of this floor, asked by whom the header `X-Agent` names."""
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    mount(
        app,
        [
            tickets_api.routes(house.tickets, house.reader),
            categories_api.routes(Categories(house.database)),
            drafts_api.routes(Drafts(house.database, house.clock, house.vault)),
            history_api.routes(
                History(house.database, house.clock, house.vault, house.contacts, WRITING_UP)
            ),
            callbacks_api.routes(house.callbacks),
            figures.routes(figures.Figures(house.database, house.clock, ZONE)),
        ],
    )
    async with TestClient(TestServer(app)) as client:
        yield client
