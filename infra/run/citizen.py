"""The citizen pages, wired."""

from __future__ import annotations

from collections.abc import Sequence

from agent_console.origin import sender
from crm_bridge.callbacks.written import WrittenRatings
from crm_bridge.citizen_pages import api, files_api
from crm_bridge.citizen_pages.gate import Gate
from crm_bridge.citizen_pages.matters import Matters
from crm_bridge.citizen_pages.reports import Reports
from crm_bridge.citizen_pages.service import CitizenPages, Codes
from crm_bridge.citizen_pages.uploads import Uploads
from crm_bridge.citizen_pages.views import PageView
from infra.kit.http import Routes
from infra.kit.relay import Relay
from infra.run.casework import Casework
from infra.run.foundation import Foundation
from infra.run.lifecycle import file_keeper
from infra.run.links import passes


def written_ratings(base: Foundation, relay: Relay, work: Casework) -> WrittenRatings:
    """Return what takes ratings from pages."""
    plan = base.settings.callbacks.plan(base.zone)
    return WrittenRatings(base.database, base.clock, work.ledger, plan, relay.poke)


class CitizenDesk:
    """What citizens use without logging in.

    Args:
        base: The ground floor.
        relay: Tells what happens to tickets.
        work: Citizens' matters.
        codes: Sends codes by short message.
    """

    def __init__(self, base: Foundation, relay: Relay, work: Casework, codes: Codes) -> None:
        self._base = base
        settings, database, clock, vault = (
            base.settings.citizen,
            base.database,
            base.clock,
            base.vault,
        )
        opening = passes(base)
        self._gate = Gate(database, clock, vault, settings)
        self._uploads = Uploads(database, clock, vault, file_keeper(base), settings)
        ratings = written_ratings(base, relay, work)
        self._pages = CitizenPages(
            settings,
            self._page,
            self._gate,
            codes,
            opening,
            self._uploads,
            Reports(
                database, clock, self._gate, self._uploads, opening, work.intake.take, settings
            ),
            Matters(database, vault, self._gate, opening, ratings, settings),
            sender,
        )
        files = files_api.routes(file_keeper(base), opening, self._pages.knock)
        pages = settings.enabled and base.settings.web_form.enabled
        self.subjects: Sequence[Routes] = (
            files,
            *((api.routes(self._pages),) if pages else ()),
        )

    async def tidy_once(self) -> None:
        """Delete what is kept no longer."""
        await self._gate.purge()
        await self._uploads.purge()

    def _page(self) -> PageView:
        settings = self._base.settings
        policy = settings.deadlines.policy()
        return PageView(
            city_zh=settings.city.name_zh,
            city_en=settings.city.name_en,
            hotline=settings.asterisk.hotline_number,
            limits={kind: str(limit) for kind, limit in policy.by_type.items()},
            files=settings.citizen.files,
            file_bytes=self._uploads.limit,
            part_bytes=self._uploads.part_bytes,
            letters=settings.citizen.letters,
            one_touch=settings.one_touch.enabled and settings.telephony.enabled,
        )
