import pytest

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.replies.house import ReplyHouse


@pytest.fixture
def desk(database: Database, clock: ManualClock, vault: Vault) -> ReplyHouse:
    return ReplyHouse(database=database, clock=clock, vault=vault)
