from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from tests.integration.crm_bridge.police.station import Station, serving


@pytest.fixture
async def station(
    sqlite_database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Station]:
    """A hotline over SQLite that is joined to a 110 platform."""
    made = Station(database=sqlite_database, clock=clock, vault=vault)
    await made.open()
    async with serving(made):
        yield made


@pytest.fixture
async def station_on_each(
    database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[Station]:
    """The same over the kind of database that is tested."""
    made = Station(database=database, clock=clock, vault=vault)
    await made.open()
    async with serving(made):
        yield made
