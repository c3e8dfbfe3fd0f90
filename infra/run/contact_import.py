"""The intake of contacts as a command of the command line needs it, beside a process that serves or without one."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from channels.contacts.service import Contacts
from crm_bridge.categories.service import Categories
from crm_bridge.contact_import.transfer import ContactImport
from crm_bridge.intake import Intake
from crm_bridge.tickets.origins import Origins
from crm_bridge.tickets.service import Tickets
from infra.kit.clock import Clock
from infra.kit.vault import Vault
from infra.run.lifecycle import incoming_files, ticket_ledger
from infra.run.settings import Settings
from infra.run.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    settings: Settings
    clock: Clock
    zone: ZoneInfo
    vault: Vault


async def contact_import(store: Store, settings: Settings, clock: Clock) -> ContactImport:
    """Return what takes a file of contacts in."""
    intake = await contact_intake(store, settings, clock)
    return ContactImport(store.database, clock, ZoneInfo(settings.city.timezone), intake.take)


async def contact_intake(store: Store, settings: Settings, clock: Clock) -> Intake:
    """Return the intake for what a file brings.

    Citizens are not sent a receipt for it: it may be years old. Their answer reaches them as always.
    """
    # An installation that has never been started has no categories yet, and a ticket has one.
    await Categories(store.database, clock).seed()
    zone = ZoneInfo(settings.city.timezone)
    ground = _Ground(settings=settings, clock=clock, zone=zone, vault=store.vault)
    contacts = Contacts(store.database, store.vault)
    origins = Origins(clock, store.vault, contacts)
    # The relay of a serving process finds by itself what is to be told.
    tickets = Tickets(store.database, clock, ticket_ledger(ground), origins, _nobody_waits)
    return Intake(store.database, clock, contacts, tickets, incoming_files(ground), _nobody_waits)


def _nobody_waits() -> None:
    return
