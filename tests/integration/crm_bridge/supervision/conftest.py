from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge.supervision import api
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.problems import problem_middleware
from infra.kit.vault import Vault
from tests.integration.crm_bridge.supervision.town import PEOPLE, Town, principal

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def town(database: Database, clock: ManualClock, vault: Vault, tmp_path: Path) -> Town:
    town = Town(database=database, clock=clock, vault=vault, folder=tmp_path / "files")
    return await town.open()


class HeaderSaysWho:
    """Takes the header `X-Agent` for the login."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        number = request.headers.get("X-Agent", "")
        if number not in PEOPLE:
            return None
        return Authenticated(principal=principal(number), csrf_token=None)


@pytest.fixture
async def client(town: Town) -> AsyncIterator[Client]:
    """The API of supervision, asked by whom the header `X-Agent` names."""
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    mount(app, [api.routes(town.supervision, town.reader, town.book)])
    async with TestClient(TestServer(app)) as client:
        yield client
