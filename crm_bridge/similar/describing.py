"""Makes tickets comparable: by the catalogue's words and by the places that the city knows."""

from __future__ import annotations

from collections import OrderedDict

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.similar.rules import Traits, traits_of
from crm_bridge.suggestions.duties import Duties
from crm_bridge.suggestions.past import units_of
from crm_bridge.suggestions.places import Gazetteer
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.units.rules import UnitKind

_REMEMBERED = 5_000


class Describer:
    """Describes tickets by one catalogue.

    Args:
        duties: The catalogue's words.
        gazetteer: The places that the city knows.
    """

    def __init__(self, duties: Duties, gazetteer: Gazetteer) -> None:
        self._duties = duties
        self._gazetteer = gazetteer
        # A ticket's words change only with its version; whoever lists groups meets the same ones again and again.
        self._known: OrderedDict[tuple[int, int], Traits] = OrderedDict()

    def traits(self, row: TicketRow) -> Traits:
        """Return what of a ticket is compared."""
        key = (row.id or 0, row.version)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._described(row)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _described(self, row: TicketRow) -> Traits:
        return traits_of(
            title=row.title,
            text=row.text,
            address=row.address,
            category=row.category,
            citizen_id=row.citizen_id,
            created_at=row.created_at,
            places=self._gazetteer.names(f"{row.title}\n{row.text}\n{row.address}"),
            matters=self._duties.matters(row.title, row.text),
        )


class Describers:
    """Gives the describer of the newest catalogue.

    Args:
        catalogue: The responsibility catalogue.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._made: tuple[object, Describer] | None = None

    async def newest(self, session: AsyncSession) -> Describer:
        """Return the describer by the catalogue and the units as they are now."""
        snapshot = await self._catalogue.current()
        units = await units_of(session)
        areas = {unit.code: unit.area for unit in units if unit.kind is UnitKind.subdistrict}
        made_of = (snapshot.version.number, tuple(sorted(areas.items())))
        if self._made is None or self._made[0] != made_of:
            duties = Duties(snapshot.matters, areas)
            self._made = (made_of, Describer(duties, Gazetteer(areas, snapshot.matters)))
        return self._made[1]
