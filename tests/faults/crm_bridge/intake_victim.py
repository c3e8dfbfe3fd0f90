"""A process that takes contacts in and is killed at a chosen point; run by `test_intake_killed.py`.

The points of death are subclasses here: the product has no switch for them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime

from channels.contacts.rules import Contact, Received
from crm_bridge.intake import Intake
from crm_bridge.tickets.service import Tickets
from crm_bridge.tickets.ticket import Ticket
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.group_commit import Writing
from infra.kit.vault import Vault
from tests.integration.crm_bridge.house import House, written

NOW = datetime.fromisoformat("2026-03-02T09:30:00+08:00")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class InTwoSteps(Intake):
    async def take(self, contact: Contact) -> Received:
        return await self.in_two_steps(contact)


class DiesBetweenContactAndTicket(InTwoSteps):
    async def follow_up(self, contact_id: int) -> None:
        die()


class DiesAfterTheTicket(InTwoSteps):
    async def follow_up(self, contact_id: int) -> None:
        await super().follow_up(contact_id)
        die()


class DiesBeforeTheCommit(Tickets):
    def open_from(
        self, writing: Writing, contact_id: int, contact: Contact, citizen_id: int | None
    ) -> Ticket | None:
        super().open_from(writing, contact_id, contact, citizen_id)
        die()
        return None


def intake(house: House, point: str) -> Intake:
    kinds: dict[str, type[Intake]] = {
        "contact": DiesBetweenContactAndTicket,
        "ticket": DiesAfterTheTicket,
        "commit": InTwoSteps,
    }
    tickets = DiesBeforeTheCommit if point == "commit" else Tickets
    return kinds.get(point, Intake)(
        house.database,
        house.clock,
        house.contacts,
        tickets(house.database, house.clock, house.ledger, house.origins, house.poke),
        house.incoming,
        house.poke,
    )


async def main(url: str, point: str, external_ids: list[str]) -> None:
    database = Database(url)
    house = House(database=database, clock=ManualClock(NOW), vault=Vault(bytes(range(32))))
    taking = intake(house, point)

    async def take(external_id: str) -> None:
        received = await taking.take(written(external_id))
        # One write: a line is acknowledged wholly or not at all.
        os.write(sys.stdout.fileno(), f"{external_id} {received.ticket_number}\n".encode())

    await asyncio.gather(*(take(external_id) for external_id in external_ids))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
