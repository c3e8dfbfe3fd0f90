"""Two processes that start at the same moment with an empty database load what ships once."""

import asyncio

from sqlmodel import col, select

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.categories.service import Categories
from crm_bridge.units.service import Units
from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.seeding import hold_seeding


async def start(database: Database, clock: ManualClock) -> None:
    """Load what ships, in the order in which an installation does."""
    await Categories(database, clock).seed()
    await Units(database, clock).seed()
    await Catalogue(database, clock).seed()


async def test_of_processes_that_start_together_one_loads_what_ships(
    database: Database, clock: ManualClock
) -> None:
    await asyncio.gather(*(start(database, clock) for _ in range(4)))
    assert (await Catalogue(database, clock).current()).version.number == 1
    statement = select(AuditRow.action).order_by(col(AuditRow.id))
    async with database.reading() as session:
        acts = list((await session.exec(statement)).all())
    assert acts.count("unit.import") == 1
    assert acts.count("catalogue.change") == 1


async def test_who_comes_second_waits_until_the_first_has_committed(
    database: Database, clock: ManualClock
) -> None:
    async with database.transaction() as session:
        await hold_seeding(database, session)
        second = asyncio.create_task(Units(database, clock).seed())
        done, _ = await asyncio.wait([second], timeout=0.2)
        assert not done
    await second
    assert await Units(database, clock).all()
