"""Every kind of table file that an installation takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.catalogue.transfer import CatalogueTransfer
from crm_bridge.categories.service import Categories
from crm_bridge.categories.transfer import CategoriesTransfer
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.settings import DeadlineSettings
from crm_bridge.deadlines.transfer import CalendarTransfer
from crm_bridge.sheets.transfer import Transfer
from crm_bridge.units.service import Units
from crm_bridge.units.transfer import UnitsTransfer
from infra.kit.clock import Clock
from infra.run.store import Store


def _calendars(store: Store, clock: Clock) -> Calendars:
    # A file of days has neither hours nor a zone: any will do.
    return Calendars(store.database, clock, ZoneInfo("UTC"), DeadlineSettings().hours())


TRANSFERS: Mapping[str, Callable[[Store, Clock], Transfer]] = MappingProxyType(
    {
        "units": lambda store, clock: UnitsTransfer(Units(store.database, clock)),
        "catalogue": lambda store, clock: CatalogueTransfer(Catalogue(store.database, clock)),
        "categories": lambda store, clock: CategoriesTransfer(Categories(store.database, clock)),
        "calendar": lambda store, clock: CalendarTransfer(_calendars(store, clock)),
    }
)
"""Whoever has another kind adds it here, and its name to `infra.run.sheet_commands.KINDS`."""
