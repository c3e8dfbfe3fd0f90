"""The exchange with the 110 platform, wired: matters both ways, and the call of three."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.front.service import Door
from channels.police_110.channel import NAME
from channels.police_110.client import Police110Client
from crm_bridge.notes.service import Notes
from crm_bridge.police import api as police_api
from crm_bridge.police.adoption import Adoption
from crm_bridge.police.book import PoliceBook
from crm_bridge.police.calls import PoliceCalls, Send
from crm_bridge.police.courier import Courier
from crm_bridge.police.following import Following
from crm_bridge.police.hearing import ANSWERS_PATH, Hearing
from crm_bridge.police.matters import Matters
from crm_bridge.police.reading import Handovers
from crm_bridge.police.service import HandingOver
from crm_bridge.tickets.casebook import Casebook
from infra.kit.http import Routes
from infra.kit.outbox import OutboxEntry
from infra.kit.relay import Relay
from infra.kit.tasks import Work
from infra.run.casework import Casework
from infra.run.foundation import Foundation
from telephony.three_way.service import ThreeWayCalls


class PoliceDesk:
    """Everything between us and 110, above one open ground floor.

    Args:
        base: The ground floor.
        relay: Tells what happens to tickets.
        work: Citizens' matters.
        send: Tells an agent's pages.
    """

    def __init__(self, base: Foundation, relay: Relay, work: Casework, send: Send) -> None:
        database, clock, settings = base.database, base.clock, base.settings.police_110
        client = Police110Client(settings, clock)
        matters = Matters(work.contacts, base.vault)
        book = PoliceBook(
            clock, base.vault, settings.own_id, timedelta(hours=settings.give_up_hours)
        )
        adoption = Adoption(database, book, matters, work.ledger)
        courier = Courier(
            database, clock, base.vault, client, book, adoption, registry=base.registry
        )

        def poke() -> None:
            relay.poke()
            courier.poke()

        casebook = Casebook(database, clock, work.ledger, poke)
        handing = HandingOver(database, clock, settings.platform_id, book, matters, casebook, poke)
        notes = Notes(database, clock, work.reader.require_visible)
        hearing = Hearing(database, book, adoption, work.ledger, notes, poke)
        self._following = Following(
            settings.platform_id, book, adoption, matters, work.ledger, poke
        )
        self._calls = PoliceCalls(database, book, settings.number, send)
        answers = Door(take=hearing.take, again=hearing.again)
        work.entrance.front.open(f"{NAME}/{ANSWERS_PATH}", answers)
        self.routes: Routes = police_api.routes(
            handing,
            Handovers(database, base.vault, work.reader),
            courier,
            self._calls,
            work.entrance,
        )
        self.tasks: Mapping[str, Work] = {
            "police_courier": courier.run,
            "police_calls": self._calls.run,
        }

    async def follow(self, session: AsyncSession, entry: OutboxEntry) -> None:
        """Do what follows for 110 when something has happened to a ticket, in the relay's transaction."""
        await self._following.follow(session, entry.body)

    def attach(self, thirds: ThreeWayCalls) -> None:
        """Ring 110 by this telephony from now on."""
        self._calls.attach(thirds)
