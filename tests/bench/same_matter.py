"""Tickets of one matter among a million: p50 and p99 of the suggestions to join, and the centre's groups."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta

from sqlmodel import col, select

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.similar.describing import Describers
from crm_bridge.similar.pending import PendingGroups
from crm_bridge.similar.reading import SimilarReader
from crm_bridge.similar.settings import SimilarSettings
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketState
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.identity import Principal, Role
from tests.bench.city import UNTIL, open_cities

ASKED = 200
WHO = Principal(
    user_id=1,
    number="3001",
    name="孙平",
    role=Role.DISPATCHER,
    permissions=frozenset({"ticket.read_any", "ticket.write", "ticket.dispatch"}),
)


async def measure(name: str, url: str) -> None:
    """Print how long it takes over one database."""
    database, clock = Database(url), ManualClock(UNTIL)
    describers = Describers(Catalogue(database, clock))
    settings = SimilarSettings()
    reader = SimilarReader(database, clock, describers, settings, timedelta())
    waiting = (
        select(TicketRow.id)
        .where(TicketRow.state == TicketState.to_dispatch)
        .order_by(col(TicketRow.id).desc())
        .limit(2_000)
    )
    async with database.reading() as session:
        ids = [number for number in (await session.exec(waiting)).all() if number]
    chance = random.Random(1)
    taken, found = [], 0
    for number in chance.sample(ids, ASKED):
        began = time.perf_counter()
        found += len(await reader.of_ticket(WHO, number))
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    print(
        f"{name}: suggestions to join p50 {taken[ASKED // 2]:.1f} ms,"
        f" p99 {taken[ASKED * 99 // 100]:.1f} ms ({found / ASKED:.1f} a ticket)"
    )
    pending = PendingGroups(database, clock, describers, settings)
    for title in ("groups for the centre, first", "again after five seconds"):
        began = time.perf_counter()
        page = await pending.page(None, 100)
        seconds = time.perf_counter() - began
        print(
            f"{name}: {title}: {seconds:.2f} s, {len(page.groups)} groups on the page", flush=True
        )
        clock.advance(5)
    await database.close()


def main() -> None:
    """Run the bench."""
    with open_cities() as cities:
        for name, url in cities:
            asyncio.run(measure(name, url))


if __name__ == "__main__":
    main()
