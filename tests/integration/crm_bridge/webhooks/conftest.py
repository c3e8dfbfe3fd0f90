from collections.abc import AsyncIterator

import pytest

from crm_bridge.categories.service import Categories
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.webhooks.house import Switchboard
from tests.integration.crm_bridge.webhooks.receiver import Receiver, receiving


@pytest.fixture
async def board(database: Database, clock: ManualClock, vault: Vault) -> Switchboard:
    await Categories(database).seed()
    return Switchboard(database=database, clock=clock, vault=vault)


@pytest.fixture
def board_alone(sqlite_database: Database, clock: ManualClock, vault: Vault) -> Switchboard:
    """Webhooks where the kind of database is not what is tested."""
    return Switchboard(database=sqlite_database, clock=clock, vault=vault)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made
