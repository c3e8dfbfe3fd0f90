"""The life of tickets with units, wired: commands, views, files, and joined tickets that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from agent_console.accounts.staff import AccountStaff
from channels.attachments import api as attachments_api
from channels.attachments.incoming import Incoming
from channels.attachments.service import Attachments, Sight
from channels.attachments.store import ContentStore
from channels.contacts.service import Contacts
from crm_bridge.rates.exclusions import Exclusions
from crm_bridge.tickets import (
    api,
    centre_api,
    confidences_api,
    desks_api,
    unit_api,
    ways_api,
)
from crm_bridge.tickets.casebook import Casebook
from crm_bridge.tickets.closing import Closing
from crm_bridge.tickets.confidences import Confidences
from crm_bridge.tickets.contact_files import KIND, ContactFiles
from crm_bridge.tickets.dispatch_desk import DispatchDesk
from crm_bridge.tickets.dispatching import Dispatching
from crm_bridge.tickets.joining import Followers, Joining
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.news import FOLLOWERS, Destination, News
from crm_bridge.tickets.notes import Notes
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.receivers import Reckoner
from crm_bridge.tickets.service import Tickets
from crm_bridge.tickets.unit_desk import UnitDesk
from crm_bridge.tickets.unit_work import UnitWork
from crm_bridge.webhooks.fanout import LISTENERS
from crm_bridge.webhooks.rules import DESTINATION as WEBHOOK
from infra.kit.clock import Clock
from infra.kit.http import Routes
from infra.kit.relay import Relay
from infra.kit.vault import Vault
from infra.run.files import file_store, largest_file
from infra.run.foundation import Foundation
from infra.run.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeCycle:
    """Tickets from dispatch to archive.

    Attributes:
        attachments: The files of tickets.
        reader: Shows tickets to people.
        sights: Who knows who may see which files, by what they belong to; others add theirs.
        subjects: The HTTP faces.
    """

    attachments: Attachments
    reader: TicketReader
    sights: dict[str, Sight]
    subjects: Sequence[Routes]


class Ground(Protocol):
    """What a ledger and a keeper of files stand on: a process's foundation, or the store of a command."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102  # described by `Foundation`

    @property
    def clock(self) -> Clock: ...  # noqa: D102  # described by `Foundation`

    @property
    def zone(self) -> ZoneInfo: ...  # noqa: D102  # described by `Foundation`

    @property
    def vault(self) -> Vault: ...  # noqa: D102  # described by `Foundation`


def ticket_ledger(base: Ground) -> Ledger:
    """Return the ledger, which tells the people of units, the centre and other systems."""
    webhooks = Destination(name=WEBHOOK, listeners=LISTENERS)
    news = News(base.clock, AccountStaff(), (webhooks,))
    return Ledger(base.clock, base.zone, base.vault, news)


def file_keeper(base: Foundation) -> Attachments:
    """Return what keeps the files that people send."""
    return Attachments(base.database, base.clock, *_store(base))


def incoming_files(base: Ground) -> Incoming:
    """Return what keeps the files that come with contacts."""
    return Incoming(base.clock, base.vault, *_store(base))


def _store(base: Ground) -> tuple[ContentStore, int]:
    return file_store(base.settings), largest_file(base.settings)


def life_cycle(
    base: Foundation,
    relay: Relay,
    contacts: Contacts,
    ledger: Ledger,
    tickets: Tickets,
    reckoner: Reckoner,
) -> LifeCycle:
    """Return the life of tickets; joined ones follow their main one by the relay."""
    settings, database, clock = base.settings.casework, base.database, base.clock
    attachments = file_keeper(base)
    staff, returnable = AccountStaff(), settings.returnable_dispatches
    reader = TicketReader(
        database, clock, contacts, attachments, settings.writing_up, staff, returnable
    )
    casebook = Casebook(database, clock, ledger, relay.poke)
    dispatching = Dispatching(casebook, reckoner, clock)
    closing = Closing(casebook, reckoner, clock, Exclusions(database, clock).stopped)
    joining = Joining(casebook, ledger)
    confidences = Confidences(database, clock, ledger, contacts, base.vault, staff)
    sights: dict[str, Sight] = {"ticket": reader, KIND: ContactFiles(reader.may_see_contact)}
    relay.deliver_to(FOLLOWERS, Followers(clock, ledger).deliver)
    return LifeCycle(
        attachments=attachments,
        reader=reader,
        sights=sights,
        subjects=(
            api.routes(tickets, reader),
            unit_api.routes(UnitWork(casebook, attachments, reckoner, returnable), reader),
            centre_api.routes(dispatching, closing, reader),
            ways_api.routes(closing, joining, Notes(casebook, reckoner, clock), reader),
            confidences_api.routes(confidences),
            desks_api.routes(
                UnitDesk(database, clock, base.zone, settings.due_soon, staff),
                DispatchDesk(database, clock),
            ),
            attachments_api.routes(attachments, sights),
        ),
    )
