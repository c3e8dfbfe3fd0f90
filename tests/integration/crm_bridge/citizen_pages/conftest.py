from collections.abc import AsyncIterator

import pytest

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.citizen_pages.desk import Desk, Page
from tests.integration.crm_bridge.house import House


@pytest.fixture
async def house(database: Database, clock: ManualClock, vault: Vault) -> House:
    return await House(database=database, clock=clock, vault=vault).open()


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house=house)


@pytest.fixture
async def page(desk: Desk) -> AsyncIterator[Page]:
    async with desk.open() as page:
        yield page
