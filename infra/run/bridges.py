"""The bridges to other systems, wired: webhooks, Open311, and tickets shared with a city or a province."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from agent_console.keys.service import Keys
from agent_console.origin import sender
from channels.open311.channel import Open311Channel
from crm_bridge.notes import api as notes_api
from crm_bridge.notes.service import Notes
from crm_bridge.open311 import administration
from crm_bridge.open311 import api as open311_api
from crm_bridge.open311.api import Open311
from crm_bridge.open311.publication import Publication
from crm_bridge.open311.reports import Reports
from crm_bridge.open311.services import Services
from crm_bridge.upstream import api as upstream_api
from crm_bridge.upstream.lianxin import Lianxin
from crm_bridge.upstream.reading import SharedTickets
from crm_bridge.upstream.receiving import Receiving
from crm_bridge.upstream.registry import UpstreamRegistry
from crm_bridge.upstream.service import Exchanges
from crm_bridge.upstream.snapshot import Snapshots
from crm_bridge.upstream.worker import Exchanger
from crm_bridge.webhooks import api as webhooks_api
from crm_bridge.webhooks.deliverer import Deliverer
from crm_bridge.webhooks.fanout import Fanout
from crm_bridge.webhooks.reading import WebhookReader
from crm_bridge.webhooks.rules import DESTINATION as WEBHOOK
from crm_bridge.webhooks.sender import Sender
from crm_bridge.webhooks.service import Webhooks
from infra.kit.http import Routes
from infra.kit.outbox import OutboxEntry
from infra.kit.relay import Relay
from infra.kit.tasks import Work
from infra.run.casework import Casework
from infra.run.foundation import Foundation
from infra.run.police import PoliceDesk


class Bridges:
    """What other systems are told, and what they tell us.

    Args:
        base: The ground floor.
        relay: Tells what happens to tickets.
        keys: Knows other systems by their keys.
        work: Citizens' matters.
        police: The exchange with 110; None where it is not enabled.
    """

    def __init__(
        self,
        base: Foundation,
        relay: Relay,
        keys: Keys,
        work: Casework,
        police: PoliceDesk | None = None,
    ) -> None:
        self._base = base
        self._police = police
        self._relay = relay
        self._work = work
        self._notes = Notes(base.database, base.clock, work.reader.require_visible)
        self._deliverer = self._webhook_deliverer()
        self._fanout = Fanout(base.clock, base.settings.webhooks.give_up, self._deliverer.poke)
        self._registry = UpstreamRegistry(
            Lianxin(system) for system in base.settings.upstream.systems
        )
        self._exchanges, self._exchanger = self._upstream()
        relay.deliver_to(WEBHOOK, self._deliver)
        self.tasks: Mapping[str, Work] = {
            "webhooks": self._deliverer.run,
            "upstream": self._exchanger.run,
            **(police.tasks if police else {}),
        }
        self.subjects: Sequence[Routes] = (
            notes_api.routes(self._notes),
            self._webhook_routes(),
            self._upstream_routes(),
            *((police.routes,) if police else ()),
            *(self._open311_routes(keys) if base.settings.open311.enabled else ()),
        )

    async def tidy_once(self) -> None:
        """Delete what is kept no longer."""
        await self._deliverer.purge()
        await self._work.ways.refusals.purge()

    async def _deliver(self, session: AsyncSession, entry: OutboxEntry) -> None:
        # One entry for all bridges: each only writes rows, in the transaction that marks the entry done.
        await self._fanout.deliver(session, entry)
        await self._exchanges.follow(session, entry)
        await self._work.ways.telling.follow(session, entry)
        if self._police is not None:
            await self._police.follow(session, entry)

    def _webhook_deliverer(self) -> Deliverer:
        base, settings = self._base, self._base.settings.webhooks
        return Deliverer(
            base.database,
            base.clock,
            base.vault,
            Sender(base.clock, settings),
            settings,
            registry=base.registry,
        )

    def _webhook_routes(self) -> Routes:
        base = self._base
        webhooks = Webhooks(
            base.database,
            base.clock,
            base.vault,
            self._fanout,
            base.settings.webhooks,
            self._deliverer.poke,
        )
        return webhooks_api.routes(webhooks, WebhookReader(base.database, base.clock))

    def _upstream(self) -> tuple[Exchanges, Exchanger]:
        base, settings, work = self._base, self._base.settings.upstream, self._work
        snapshots = Snapshots(work.contacts, share_numbers=settings.share_numbers)

        def poke() -> None:
            self._relay.poke()
            self._exchanger.poke()

        exchanges = Exchanges(
            base.database,
            base.clock,
            settings.own_name,
            self._registry,
            snapshots,
            Receiving(base.clock, work.contacts, work.ledger, self._notes),
            poke,
        )
        exchanger = Exchanger(
            base.database,
            base.clock,
            self._registry,
            exchanges,
            snapshots,
            look_seconds=settings.look_seconds,
            metrics=base.registry,
        )
        return exchanges, exchanger

    def _upstream_routes(self) -> Routes:
        shared = SharedTickets(self._base.database, self._base.clock, self._registry)
        return upstream_api.routes(self._exchanges, shared, self._exchanger.poke)

    def _open311_routes(self, keys: Keys) -> Sequence[Routes]:
        base, settings = self._base, self._base.settings.open311
        services = Services(base.database, base.clock, settings)
        publication = Publication(base.database, services, settings)
        reports = Reports(
            base.database,
            base.clock,
            self._work.channels[Open311Channel.name],
            self._work.intake.take,
            keys,
            services,
            publication,
            self._notes,
            self._relay.poke,
        )
        open311 = Open311(
            settings,
            base.clock,
            services,
            publication,
            reports,
            sender,
            base.settings.server.public_url,
        )
        return open311_api.routes(open311), administration.routes(services)
