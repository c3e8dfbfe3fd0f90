from collections.abc import AsyncIterator

import pytest

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import House
from tests.integration.crm_bridge.open311.house import Client, Town


@pytest.fixture
async def house(sqlite_database: Database, clock: ManualClock, vault: Vault) -> House:
    return await House(database=sqlite_database, clock=clock, vault=vault).open()


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    async with Town(house=house).client() as client:
        yield client
