"""Tickets as this or that person may see them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.incoming import subject_of
from channels.attachments.service import Attachments
from channels.contacts.service import Contacts
from channels.contacts.tables import ContactRow
from channels.voice_log import call_of_contact
from crm_bridge.callbacks.reading import callbacks_of
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.forms import LARGEST_ID
from crm_bridge.search.conditions import Filters
from crm_bridge.search.service import TicketSearch
from crm_bridge.tickets.access import sees_citizen, visible
from crm_bridge.tickets.actions import actions
from crm_bridge.tickets.casefile import life_fields, replies_in
from crm_bridge.tickets.entries import entry_view, people_in
from crm_bridge.tickets.guards import DISPATCHES_THAT_CAN_BE_RETURNED
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.projection import happening_of, log_of
from crm_bridge.tickets.rules import life_of
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.views import (
    AttachmentView,
    CitizenView,
    TicketContactView,
    TicketPage,
    TicketSummary,
    TicketView,
    summary_fields,
)
from crm_bridge.units.staff import Names, names_of
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Forbidden, Invalid, NotFound
from infra.kit.identity import Principal


class TicketReader:
    """Reads tickets for people.

    Args:
        database: Where they lie.
        clock: Tells which calls are still fresh.
        contacts: Knows the citizens.
        attachments: Knows the files.
        writing_up: How long after a call its agent may still look at what the citizen reported before.
        names: Knows what people are called; without it they are shown by their numbers alone.
        returnable: How many dispatches of a round a unit may return.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        contacts: Contacts,
        attachments: Attachments,
        writing_up: timedelta,
        names: Names | None = None,
        returnable: int = DISPATCHES_THAT_CAN_BE_RETURNED,
    ) -> None:
        self._database = database
        self._clock = clock
        self._contacts = contacts
        self._attachments = attachments
        self._writing_up = writing_up
        self._names = names
        self._returnable = returnable
        self._search = TicketSearch(clock, contacts)

    async def page(
        self,
        principal: Principal,
        *,
        mine: bool,
        filters: Filters,
        cursor: str | None,
        limit: int,
    ) -> TicketPage:
        """Return a part of the tickets that fit and that this person may see, newest first.

        Raises:
            Invalid: The cursor is not one of ours, or what was typed holds nothing to be looked for.
        """
        before = position_of(cursor) if cursor is not None else None
        if principal.unit is not None and filters.unit is None:
            filters = replace(filters, unit=principal.unit)
        async with self._database.reading() as session:
            conditions = (
                [col(TicketRow.agent) == principal.number]
                if mine
                else await visible(session, principal, self._clock.now(), self._writing_up)
            )
            # One after the other: for an OR of them the database would sort all that there is.
            parts = [
                await self._search.find(
                    session, principal, filters, condition, before=before, limit=limit
                )
                for condition in conditions
            ]
        # Below the highest of their ends one of the lists has not been looked through.
        end = max((part.below for part in parts if part.below is not None), default=0)
        found = {
            row.id: TicketSummary.of(ticket_of(row), name)
            for part in parts
            for row, name in part.rows
            if row.id is not None and row.id >= end
        }
        items = [found[ticket_id] for ticket_id in sorted(found, reverse=True)]
        below = items[limit - 1].id if len(items) > limit else end
        return TicketPage(items=items[:limit], next_cursor=cursor_at(below) if below else None)

    async def show(self, principal: Principal, ticket_id: int) -> TicketView:
        """Return a ticket with all that belongs to it.

        The citizen and the contacts of a confidential ticket are shown only by special grant, and each time is written
        to the audit log.

        The people of a unit see neither contacts nor recordings, and of a hidden citizen nothing.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not this person's to see.
        """
        now, unit = self._clock.now(), principal.unit is not None
        async with self._database.reading() as session:
            ticket = await self._visible(session, principal, ticket_id)
            known = await sees_citizen(session, principal, ticket, now)
            category = await session.get_one(CategoryRow, ticket.category)
            # Not what was appended since the row was read: all that is shown belongs to one version.
            log = (await log_of(session, ticket.id))[: ticket.version]
            happenings = [happening_of(entry) for entry in log]
            life = life_of(happenings)
            subjects = [f"ticket:{ticket.id}"]
            if known or not ticket.hides_citizen:
                subjects += [subject_of(one) for one in await _contact_ids(session, ticket.id)]
            files = [
                AttachmentView(id=one.id, name=one.name, size=one.size, type=one.type)
                for one in await self._attachments.of_subject(session, *subjects)
            ]
            view = TicketView(
                **summary_fields(ticket, category.name_zh),
                text=ticket.text,
                address=ticket.address,
                call_me_not=ticket.call_me_not,
                citizen=await self._citizen(session, ticket) if known else None,
                # By a contact's id or its moment the call could be found: its number, and its recording.
                contacts=await _contacts_of(session, ticket.id) if known and not unit else [],
                events=[entry_view(entry, ticket, known=known) for entry in log],
                callbacks=await callbacks_of(session, ticket.id),
                version=ticket.version,
                attachments=files,
                actions=actions(principal, ticket, life, now, returnable=self._returnable),
                people=dict(await names_of(session, self._names, people_in(ticket, log))),
                **await life_fields(session, ticket, life, replies_in(happenings, files), now),
            )
        if view.citizen is not None and ticket.hides_citizen:
            async with self._database.transaction() as session:
                await audit.write(
                    session,
                    self._clock,
                    actor=principal,
                    action="ticket.citizen_shown",
                    subject=f"ticket:{ticket.id}",
                    detail={"citizen_id": view.citizen.id},
                )
        return view

    async def may_see(self, principal: Principal, subject: str) -> bool:
        """Return whether this person may see a ticket, named as `ticket:7`: for the files that belong to it."""
        try:
            await self.require_visible(principal, int(subject.partition(":")[2]))
        except (NotFound, Forbidden):
            return False
        return True

    async def may_see_contact(self, principal: Principal, contact_id: int) -> bool:
        """Return whether this person may see a ticket of a contact, with what came from its citizen."""
        tickets = select(TicketContactRow.ticket_id).where(
            TicketContactRow.contact_id == contact_id
        )
        async with self._database.reading() as session:
            for ticket_id in (await session.exec(tickets)).all():
                with suppress(Forbidden, NotFound):
                    ticket = await self._visible(session, principal, ticket_id)
                    if not ticket.hides_citizen or await sees_citizen(
                        session, principal, ticket, self._clock.now()
                    ):
                        return True
        return False

    async def require_visible(self, principal: Principal, ticket_id: int) -> None:
        """Return if this person may see a ticket.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not this person's to see.
        """
        async with self._database.reading() as session:
            await self._visible(session, principal, ticket_id)

    async def _visible(self, session: AsyncSession, principal: Principal, ticket_id: int) -> Ticket:
        row = await session.get(TicketRow, ticket_id)
        if row is None:
            raise NotFound
        conditions = await visible(session, principal, self._clock.now(), self._writing_up)
        allowed = select(TicketRow.id).where(TicketRow.id == ticket_id, or_(*conditions))
        if (await session.exec(allowed)).one_or_none() is None:
            if principal.unit is not None:
                raise Forbidden("not a ticket of your unit", "这不是本单位承办的工单")
            raise Forbidden("another agent's ticket", "这是其他话务员的工单")
        return ticket_of(row)

    async def _citizen(self, session: AsyncSession, ticket: Ticket) -> CitizenView | None:
        if ticket.citizen_id is None:
            return None
        citizen = await self._contacts.citizen(session, ticket.citizen_id)
        return CitizenView(
            id=citizen.id,
            name=citizen.name,
            phone_masked=citizen.phone.masked if citizen.phone else None,
        )


def cursor_at(position: int) -> str:
    """Return the cursor of a list that goes on below this row."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def position_of(cursor: str) -> int:
    """Return the row below which a list goes on.

    Raises:
        Invalid: The cursor is not one of ours.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    if not text.isdigit() or len(text) > 18 or int(text) > LARGEST_ID:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/cursor",
                    message_zh="翻页位置无效，请从第一页重新开始",
                    message_en="Not a cursor of this list, start again from the first page",
                )
            ]
        )
    return int(text)


async def _contact_ids(session: AsyncSession, ticket_id: int) -> Sequence[int]:
    ids = select(TicketContactRow.contact_id).where(TicketContactRow.ticket_id == ticket_id)
    return (await session.exec(ids)).all()


async def _contacts_of(session: AsyncSession, ticket_id: int) -> list[TicketContactView]:
    ids = await _contact_ids(session, ticket_id)
    of_ticket = select(ContactRow).where(col(ContactRow.id).in_(ids))
    views = []
    for contact in (await session.exec(of_ticket.order_by(col(ContactRow.id)))).all():
        call = await call_of_contact(session, contact)
        views.append(
            TicketContactView(
                id=contact.id or 0,
                channel=contact.channel,
                at=contact.received_at,
                call_id=call.id if call else None,
                recording_available=bool(call and call.recording),
            )
        )
    return views
