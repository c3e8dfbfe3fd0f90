"""The bridges to other systems, wired: webhooks out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crm_bridge.webhooks import api as webhooks_api
from crm_bridge.webhooks.deliverer import Deliverer
from crm_bridge.webhooks.fanout import Fanout
from crm_bridge.webhooks.reading import WebhookReader
from crm_bridge.webhooks.rules import DESTINATION as WEBHOOK
from crm_bridge.webhooks.sender import Sender
from crm_bridge.webhooks.service import Webhooks
from infra.kit.http import Routes
from infra.kit.outbox import Deliver
from infra.kit.tasks import Work
from infra.run.foundation import Foundation


class Bridges:
    """What other systems are told.

    Args:
        base: The ground floor.
    """

    def __init__(self, base: Foundation) -> None:
        self._base = base
        settings = base.settings.webhooks
        self._deliverer = Deliverer(
            base.database,
            base.clock,
            base.vault,
            Sender(base.clock, settings),
            settings,
            registry=base.registry,
        )
        self._fanout = Fanout(base.clock, settings.give_up, self._deliverer.poke)

    @property
    def destinations(self) -> Mapping[str, Deliver]:
        """Whom the relay tells here."""
        return {WEBHOOK: self._fanout.deliver}

    @property
    def tasks(self) -> Mapping[str, Work]:
        """What runs beside."""
        return {"webhooks": self._deliverer.run}

    def subjects(self) -> Iterable[Routes]:
        """Return the HTTP faces."""
        base = self._base
        webhooks = Webhooks(
            base.database,
            base.clock,
            base.vault,
            self._fanout,
            base.settings.webhooks,
            self._deliverer.poke,
        )
        yield webhooks_api.routes(webhooks, WebhookReader(base.database, base.clock))

    async def tidy_once(self) -> None:
        """Delete what is kept no longer."""
        await self._deliverer.purge()
