import pytest

from crm_bridge.categories.service import Categories
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.conversations.house import TalkHouse


@pytest.fixture
async def talks(database: Database, clock: ManualClock, vault: Vault) -> TalkHouse:
    await Categories(database).seed()
    return TalkHouse(database=database, clock=clock, vault=vault)
