"""Letters that go on with a matter: they stand beside its ticket instead of opening another.

A citizen who answers our mail, or writes again in the same thread, adds to the ticket as long as somebody works on it.
When it has been answered, a further letter is a new matter, which nobody overlooks; that it is similar is suggested.
"""

from __future__ import annotations

from sqlalchemy import Integer, bindparam, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Contact
from channels.contacts.tables import CitizenRow, ContactRow
from channels.mailbox.rules import CHANNEL, root_of
from crm_bridge.correspondence.tables import ContactThreadRow
from crm_bridge.notes.service import Notes
from crm_bridge.tickets.tables import AssignmentRow, TicketContactRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketState
from crm_bridge.units.staff import Staff
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.group_commit import Prepared, Writing
from infra.kit.outbox import OutboxEntry, OutboxRow

DESTINATION = "correspondence"
"""The destination of the outbox that puts letters beside tickets."""

WORKED_ON = frozenset(
    {
        TicketState.registered,
        TicketState.passed_on,
        TicketState.to_dispatch,
        TicketState.dispatched,
        TicketState.in_hand,
        TicketState.replied,
    }
)
"""States in which somebody will still read what is added."""

_OWN, _MAIN = aliased(TicketRow, name="own"), aliased(TicketRow, name="main")
_WHO = func.coalesce(col(CitizenRow.merged_into_id), col(CitizenRow.id))
# A joined ticket has no life of its own: what is added goes to the one that it follows. And the same thread is not
# enough: a newsletter of the city's is answered by many.
_FOUND = (
    select(
        func.coalesce(col(_MAIN.id), col(_OWN.id)),
        func.coalesce(col(_MAIN.state), col(_OWN.state)),
    )
    .select_from(_OWN)
    .outerjoin(_MAIN, col(_MAIN.id) == col(_OWN.main_id))
    .join(TicketContactRow, col(TicketContactRow.ticket_id) == col(_OWN.id))
    .join(ContactRow, col(ContactRow.id) == col(TicketContactRow.contact_id))
    .join(CitizenRow, col(CitizenRow.id) == col(ContactRow.citizen_id))
    .where(bindparam("who", type_=Integer()) == _WHO)
    .order_by(col(_OWN.id).desc())
    .limit(1)
)
_IN_THREAD = Prepared(
    _FOUND.join(ContactThreadRow, col(ContactThreadRow.contact_id) == col(ContactRow.id)).where(
        col(ContactThreadRow.channel) == CHANNEL,
        col(ContactThreadRow.thread) == bindparam("thread"),
    )
)
_BY_NUMBER = Prepared(_FOUND.where(col(_OWN.number) == bindparam("number")))


class Correspondence:
    """Knows which letters belong together.

    Args:
        clock: Gives the time.
        notes: Writes what was said beside a ticket.
        staff: Knows the people of the units that work on it.
    """

    def __init__(self, clock: Clock, notes: Notes, staff: Staff) -> None:
        self._clock = clock
        self._notes = notes
        self._staff = staff

    def continued(
        self, writing: Writing, contact_id: int, contact: Contact, citizen_id: int | None
    ) -> bool:
        """Put a letter beside the open ticket that it goes on with; return whether there is one."""
        if contact.channel != CHANNEL:
            return False
        thread = root_of(contact)
        ticket_id = self._open_ticket(writing, contact, thread, citizen_id)
        row = {"contact_id": contact_id, "channel": CHANNEL, "thread": thread}
        writing.add(ContactThreadRow, row)
        if ticket_id is None:
            return False
        writing.add(TicketContactRow, {"ticket_id": ticket_id, "contact_id": contact_id})
        entry = outbox.entry(
            self._clock,
            destination=DESTINATION,
            kind="letter.received",
            key=f"ticket:{ticket_id}",
            body={"ticket_id": ticket_id, "contact_id": contact_id},
        )
        writing.add(OutboxRow, entry)
        return True

    def _open_ticket(
        self, writing: Writing, contact: Contact, thread: str, citizen_id: int | None
    ) -> int | None:
        if citizen_id is None:
            return None
        found = writing.row(_IN_THREAD, who=citizen_id, thread=thread)
        number = contact.extra.get("ticket_number")
        if found is None and isinstance(number, str):
            found = writing.row(_BY_NUMBER, who=citizen_id, number=number)
        if found is None or TicketState(found[1]) not in WORKED_ON:
            return None
        return int(found[0])

    async def deliver(self, session: AsyncSession, entry: OutboxEntry) -> None:
        """Write what a letter says beside its ticket, and tell who works on it."""
        ticket_id = entry.body["ticket_id"]
        contact = await session.get_one(ContactRow, entry.body["contact_id"])
        message = contact.message or {}
        await self._notes.add(
            session,
            ticket_id,
            source=CHANNEL,
            external_id=contact.external_id,
            text=message.get("text", ""),
            said_at=contact.received_at,
        )
        await self._tell_units(session, ticket_id)

    async def _tell_units(self, session: AsyncSession, ticket_id: int) -> None:
        units = select(AssignmentRow.unit).where(
            AssignmentRow.ticket_id == ticket_id, col(AssignmentRow.ended_at).is_(None)
        )
        people = await self._staff.of_units(session, (await session.exec(units)).all())
        if not people:
            return
        ticket = await session.get_one(TicketRow, ticket_id)
        data = {
            "ticket_id": ticket_id,
            "number": ticket.number,
            "state": ticket.state.value,
            "version": ticket.version,
        }
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="ticket.changed",
            key=f"ticket:{ticket_id}",
            body={"agents": list(people), "data": data},
        )
