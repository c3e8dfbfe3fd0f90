"""Contacts, tickets and callbacks, wired."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from channels.contacts.service import Contacts
from channels.front.api import Entrance
from channels.registry import Registry
from crm_bridge import figures, intake_api
from crm_bridge.callbacks import api as callbacks_api
from crm_bridge.callbacks.service import Callbacks
from crm_bridge.catalogue import api as catalogue_api
from crm_bridge.catalogue.service import Catalogue
from crm_bridge.categories import api as categories_api
from crm_bridge.categories.service import Categories
from crm_bridge.conversations.files import KIND as MESSAGE
from crm_bridge.conversations.files import MessageFiles
from crm_bridge.deadlines import api as deadlines_api
from crm_bridge.deadlines.calendars import Calendars
from crm_bridge.deadlines.reckoner import Deadlines
from crm_bridge.drafts import api as drafts_api
from crm_bridge.drafts.service import Drafts
from crm_bridge.history import api as history_api
from crm_bridge.history.service import History
from crm_bridge.intake import Intake
from crm_bridge.rates import api as rates_api
from crm_bridge.rates.exclusion_list import ExclusionList
from crm_bridge.rates.exclusions import Exclusions
from crm_bridge.rates.listing import FigureTickets
from crm_bridge.rates.service import Rates
from crm_bridge.rates.topic import Topics
from crm_bridge.replies.extensions import ExtensionsTold
from crm_bridge.supervision.papers import FILES
from crm_bridge.tickets.contact_files import KIND as CONTACT
from crm_bridge.tickets.contact_files import ContactFiles
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.origins import Origins
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.service import Tickets
from crm_bridge.units import api as units_api
from crm_bridge.units.service import Units
from infra.kit.http import Routes
from infra.kit.relay import Relay
from infra.kit.tasks import Work
from infra.run.advice import advice
from infra.run.boards import board_routes
from infra.run.channels import Ways, doors, ways
from infra.run.citizens import citizen_identities
from infra.run.conversations import Talks, conversations
from infra.run.deadlines import deadline_worker
from infra.run.foundation import Foundation
from infra.run.letters import correspondence
from infra.run.lifecycle import file_keeper, incoming_files, life_cycle, ticket_ledger
from infra.run.supervision import supervision_desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Casework:
    """Citizens' matters.

    Attributes:
        ways: The ways in and out that are enabled.
        contacts: The contacts and citizens.
        ledger: The log of tickets.
        reader: Shows tickets to people.
        intake: Takes contacts in.
        entrance: Takes in what providers post.
        talks: What citizens and agents write to each other.
        callbacks: Rings citizens back.
        history: Knows what calls became.
        tasks: What runs beside the requests.
        subjects: The HTTP faces.
    """

    ways: Ways
    contacts: Contacts
    ledger: Ledger
    reader: TicketReader
    intake: Intake
    entrance: Entrance
    talks: Talks
    callbacks: Callbacks
    history: History
    tasks: Mapping[str, Work]
    subjects: Sequence[Routes]

    @property
    def channels(self) -> Registry:
        """The ways in that are enabled."""
        return self.ways.channels


async def casework(
    base: Foundation, relay: Relay, arrived: Callable[[str], None] = lambda _number: None
) -> Casework:
    """Return the use cases; empty tables of categories, units and matters are filled with those that ship.

    Args:
        base: The ground floor.
        relay: Carries what is to be told.
        arrived: Told the number of every ticket that opened by itself.
    """
    settings = base.settings.callbacks
    database, clock, vault = base.database, base.clock, base.vault
    contacts = Contacts(database, vault)
    ledger = ticket_ledger(base)
    origins, letters = Origins(clock, vault, contacts), correspondence(base, relay)
    tickets = Tickets(
        database, clock, ledger, origins, relay.poke, sequel=letters, files=file_keeper(base)
    )
    callbacks = Callbacks(
        database, clock, vault, contacts, ledger, settings, settings.plan(base.zone), relay.poke
    )
    ledger.on_closing(callbacks.owe)
    limits = base.settings.deadlines
    calendars = Calendars(database, clock, base.zone, limits.hours())
    deadlines = Deadlines(database, clock, calendars, limits.policy())
    life = life_cycle(base, relay, contacts, ledger, tickets, deadlines)
    categories, units = Categories(database, clock), Units(database, clock)
    catalogue = Catalogue(database, clock)
    supervision = supervision_desk(base, contacts, calendars, relay.poke)
    life.sights[FILES] = supervision.reader
    worker = deadline_worker(base, calendars, ledger, callbacks, supervision.service, relay.poke)
    writing_up = base.settings.casework.writing_up
    history = History(database, clock, vault, contacts, writing_up)
    found = ways(base, contacts)
    callbacks.on_unreached(found.unreached.ask)
    found.replies.on_arrived(ExtensionsTold(found.replies, ledger).arrived)
    talks = conversations(base, contacts, ledger, found.replies, found.channels, relay)
    life.sights[CONTACT] = ContactFiles(life.reader.may_see_contact, talks.reader.may_see_contact)
    life.sights[MESSAGE] = MessageFiles(database)
    intake = Intake(
        database,
        clock,
        contacts,
        tickets,
        incoming_files(base),
        relay.poke,
        talk=talks.hearing,
        wake=talks.wake,
        registrar=found.receipts,
        arrived=arrived,
    )
    open_doors = doors(base, found, intake.take, life.reader, talks.tidings.file_arrived)
    identities = citizen_identities(base, contacts, found.marks, found.channels)
    advised = advice(base, catalogue)
    rates = Rates(database, clock, base.zone)
    await categories.seed()
    await units.seed()
    await catalogue.seed()
    await calendars.seed()
    return Casework(
        ways=found,
        contacts=contacts,
        ledger=ledger,
        reader=life.reader,
        intake=intake,
        entrance=open_doors.entrance,
        talks=talks,
        callbacks=callbacks,
        history=history,
        tasks={
            **advised.tasks,
            **supervision.tasks,
            **open_doors.tasks,
            **identities.tasks,
            **talks.tasks,
            "deadlines": worker.run,
        },
        subjects=(
            *open_doors.subjects,
            *identities.subjects,
            talks.routes,
            *life.subjects,
            *advised.subjects,
            categories_api.routes(categories),
            units_api.routes(units),
            catalogue_api.routes(catalogue),
            intake_api.routes(intake, clock),
            board_routes(base, intake.take),
            drafts_api.routes(Drafts(database, clock, vault)),
            history_api.routes(history),
            callbacks_api.routes(callbacks),
            deadlines_api.routes(calendars, deadlines),
            supervision.routes,
            rates_api.routes(
                rates,
                FigureTickets(database, rates),
                Topics(database, rates),
                Exclusions(database, clock),
                ExclusionList(database),
            ),
            figures.routes(figures.Figures(database, clock, base.zone)),
        ),
    )
