"""From a contact to what follows from it: the citizen behind it, for a written matter its ticket, for talk its place.

All of it is written at once, in a commit that is shared with others. Where that cannot be, the contact goes on disk
first, alone: from then on it cannot be lost, and the sender may be told so. What follows is one transaction that also
marks the contact as followed up. A process that dies in between leaves a contact that waits; `resume` finds it, and the
mark lets the follow-up happen once however many find it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from channels.attachments.incoming import Incoming, Kept
from channels.contacts.faults import NOT_ITS_OWN
from channels.contacts.rules import Contact, Purpose, Received
from channels.contacts.service import Contacts
from channels.contacts.storable import storable
from crm_bridge.tickets.service import Tickets
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.group_commit import Writing, in_session

log = structlog.get_logger()


class Heard(Protocol):
    """What became of a message."""

    @property
    def ticket_number(self) -> str | None:
        """Number of the ticket that was registered with it; None mostly."""
        ...


class Listener(Protocol):
    """Hears what follows from contacts, in the commit that writes them down."""

    def heard(
        self, writing: Writing, contact_id: int, contact: Contact, citizen_id: int | None
    ) -> Heard:
        """Put a message in its conversation."""
        ...


class Registrar(Protocol):
    """Is told of tickets that opened by themselves, in the commit that writes them down."""

    def registered(
        self, writing: Writing, contact_id: int, contact: Contact, ticket: Ticket
    ) -> None:
        """Owe the citizen what he is told when his matter is registered."""
        ...


class Intake:
    """Takes contacts in.

    Args:
        database: Where everything lies.
        clock: Gives the time of the follow-up.
        contacts: Writes contacts down.
        tickets: Opens tickets.
        incoming: Keeps the files that come along.
        poke: Wakes the relay when there is something to tell.
        talk: Hears the messages of conversations; without, they are only kept.
        wake: Wakes whoever gives conversations to agents, when something was said.
        registrar: Told of tickets that open by themselves; None: nobody.
        arrived: Told the number of a ticket that opened by itself, once it is on disk.
        look_seconds: How often contacts without their follow-up are looked for.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        contacts: Contacts,
        tickets: Tickets,
        incoming: Incoming,
        poke: Callable[[], None],
        *,
        talk: Listener | None = None,
        wake: Callable[[], None] = lambda: None,
        registrar: Registrar | None = None,
        arrived: Callable[[str], None] = lambda _number: None,
        look_seconds: float = 30.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._contacts = contacts
        self._tickets = tickets
        self._incoming = incoming
        self._poke = poke
        self._talk = talk
        self._wake = wake
        self._registrar = registrar
        self._arrived = arrived
        self._look_seconds = look_seconds

    async def take(self, contact: Contact) -> Received:
        """Take a contact in, once however often it is delivered, whatever way it came and whatever signs are in it.

        Returns:
            What became of it; for a second delivery the same as for the first, but for `first`.
        """
        contact, kept = await self._incoming.keep(storable(contact))
        return await self._at_once(contact, kept) or await self._in_two_steps(contact, kept)

    async def in_two_steps(self, contact: Contact) -> Received:
        """Take a contact in so that it is on disk before anything else is tried; see `take`."""
        return await self._in_two_steps(*await self._incoming.keep(storable(contact)))

    async def follow_up(self, contact_id: int) -> None:
        """Do what follows from a contact, if it has not been done."""
        async with self._database.transaction() as session:
            contact = await self._contacts.claim_follow_up(session, contact_id, self._clock.now())
            if contact is None:
                return
            citizen_id = await self._contacts.identify(session, contact_id, contact)
            number = await in_session(
                session,
                partial(
                    self._follow, contact_id=contact_id, contact=contact, citizen_id=citizen_id
                ),
            )
        self._tell(contact, number)

    async def _in_two_steps(self, contact: Contact, kept: Kept) -> Received:
        received = await self._contacts.receive(
            contact, partial(self._incoming.tie, kept=kept, channel=contact.channel)
        )
        await self.follow_up(received.contact_id)
        return replace(received, ticket_number=await self._number(received.contact_id))

    def _follow(
        self,
        writing: Writing,
        contact_id: int,
        contact: Contact,
        citizen_id: int | None,
    ) -> str | None:
        """Write what follows from a contact, but for its citizen; return the number of the ticket that it opens."""
        if contact.purpose is Purpose.talk:
            if self._talk is None:
                return None
            return self._talk.heard(writing, contact_id, contact, citizen_id).ticket_number
        ticket = self._tickets.open_from(writing, contact_id, contact, citizen_id)
        if ticket is None:
            return None
        if self._registrar is not None:
            self._registrar.registered(writing, contact_id, contact, ticket)
        return ticket.number

    async def resume(self) -> int:
        """Do the follow-up of every contact that still waits for it, and return how many were done.

        One that cannot be done is passed over, and tried again the next time.

        Raises:
            Exception: The database is away, or too slow.
        """
        done = last = 0
        while waiting := await self._contacts.waiting(after=last):
            for last in waiting:
                done += await self._followed_up(last)
        if done:
            log.info("contacts_resumed", contacts=done)
        return done

    async def _followed_up(self, contact_id: int) -> bool:
        try:
            await self.follow_up(contact_id)
        except NOT_ITS_OWN:
            raise
        except Exception as error:
            log.exception(
                "contact_not_followed_up", contact_id=contact_id, error=type(error).__name__
            )
            return False
        return True

    async def run(self) -> None:
        """Resume at the start and again and again, until cancelled."""
        while True:
            await self.resume()
            await asyncio.sleep(self._look_seconds)

    async def _at_once(self, contact: Contact, kept: Kept) -> Received | None:
        """Write a contact and all that follows from it in a commit that is shared with others.

        Returns:
            What became of it; None when it came before, or when something is amiss with what follows from it: then the
            contact must at least be kept.
        """

        def piece(writing: Writing) -> Received | None:
            stored = self._contacts.store_followed_up(writing, contact, self._clock.now())
            if stored is None:
                return None
            contact_id, citizen_id = stored
            self._incoming.tie(writing, contact_id, kept=kept, channel=contact.channel)
            number = self._follow(writing, contact_id, contact, citizen_id)
            return Received(contact_id=contact_id, first=True, ticket_number=number)

        try:
            received = await self._database.write(piece)
        except NOT_ITS_OWN:
            raise
        except (
            IntegrityError
        ):  # another process is writing the same contact or citizen at this moment
            return None
        except Exception as error:
            log.exception("contact_not_taken_at_once", error=type(error).__name__)
            return None
        if received is not None:
            self._tell(contact, received.ticket_number)
        return received

    def _tell(self, contact: Contact, ticket_number: str | None) -> None:
        """Wake who has something to do, now that it is on disk."""
        self._poke()
        if contact.purpose is Purpose.talk:
            self._wake()
        if ticket_number is not None:
            self._arrived(ticket_number)

    async def _number(self, contact_id: int) -> str | None:
        statement = (
            select(TicketRow.number)
            .join(TicketContactRow, col(TicketContactRow.ticket_id) == TicketRow.id)
            .where(TicketContactRow.contact_id == contact_id)
            .order_by(col(TicketRow.id))
            .limit(1)
        )
        async with self._database.reading() as session:
            return (await session.exec(statement)).one_or_none()
