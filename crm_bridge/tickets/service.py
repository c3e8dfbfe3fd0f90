"""Use cases of tickets; each is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from channels.attachments.service import Attachments
from channels.contacts.rules import Contact
from crm_bridge.categories.service import UNSORTED
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.tickets.access import READ_ANY
from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.details import NOTHING, Noted
from crm_bridge.tickets.ledger import Case, Ledger
from crm_bridge.tickets.origins import Origins
from crm_bridge.tickets.tables import TicketContactRow
from crm_bridge.tickets.ticket import NewTicket, Ticket
from crm_bridge.tickets.vocabulary import TicketEvent, TicketType
from infra.kit import idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Forbidden, Invalid
from infra.kit.group_commit import Writing
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

TITLE_LENGTH = 60
TEXT_LENGTH = 4000
ADDRESS_LENGTH = 200


class Sequel(Protocol):
    """Knows contacts that go on with a matter which has its ticket already."""

    def continued(
        self, writing: Writing, contact_id: int, contact: Contact, citizen_id: int | None
    ) -> bool:
        """Put a contact beside the open ticket that it goes on with; return whether there is one."""
        ...


class Tickets:
    """What agents do with tickets.

    Args:
        database: Where they lie.
        clock: Gives the time.
        ledger: Writes what happens.
        origins: Finds the contact that a ticket comes from.
        poke: Wakes the relay when there is something to tell.
        sequel: Asked before a written matter opens a ticket; None: every one does.
        files: Knows what was uploaded for an answer; without, answers have no files.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ledger: Ledger,
        origins: Origins,
        poke: Callable[[], None],
        *,
        sequel: Sequel | None = None,
        files: Attachments | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ledger = ledger
        self._origins = origins
        self._casebook = Casebook(database, clock, ledger, poke)
        self._poke = poke
        self._sequel = sequel
        self._files = files

    async def register(
        self,
        principal: Principal,
        new: NewTicket,
        *,
        call_id: int | None = None,
        contact_id: int | None = None,
        key: IdempotencyKey | None = None,
    ) -> int:
        """Write down what an agent was told, answered on the spot or left open for dispatch.

        Args:
            principal: The agent.
            new: The form.
            call_id: The agent's own call that the ticket comes from.
            contact_id: The contact it comes from; with neither, somebody stands at the counter.
            key: Sent again, the same key gives the same ticket.

        Returns:
            The row of the ticket.

        Raises:
            Invalid: The category, the call or the contact does not exist.
            Forbidden: The call was another agent's.
        """
        async with self._database.transaction() as session:
            earlier = await idempotency.earlier(session, key)
            if earlier is not None:
                return int(earlier)
            await require_category(session, new.category)
            origin = await self._origins.of_form(
                session, principal, new, call_id=call_id, contact_id=contact_id
            )
            ticket = await self._ledger.open(
                session,
                new,
                contact_id=origin.contact_id,
                citizen_id=origin.citizen_id,
                agent=principal.number,
            )
            session.add_all(
                TicketContactRow(ticket_id=ticket.id, contact_id=beside) for beside in origin.beside
            )
            event = TicketEvent.left_open if new.answer is None else TicketEvent.answered
            detail = NOTHING if new.answer is None else Noted(text=new.answer)
            await self._ledger.happen(
                session, ticket.id, event, actor=principal.number, detail=detail
            )
            await idempotency.keep(session, key, str(ticket.id), self._clock.now())
        self._poke()
        return ticket.id

    async def answer(
        self,
        principal: Principal,
        ticket_id: int,
        text: str,
        *,
        version: int | None = None,
        key: IdempotencyKey | None = None,
        attachments: Sequence[int] = (),
    ) -> int:
        """Answer an open ticket on the spot.

        Args:
            principal: The agent whose ticket it is, or one who may read any.
            ticket_id: Row of the ticket.
            text: What was answered.
            version: The version that the agent has on the screen; None does not ask.
            key: Sent again, the same key answers once.
            attachments: Files that the citizen gets with the answer, uploaded by who answers.

        Returns:
            The row of the ticket.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is another agent's.
            Stale: It was changed since the agent read it.
            TransitionRefused: It cannot be answered in its state.
            Invalid: A file is not this person's.
        """

        async def answer(session: AsyncSession, case: Case) -> None:
            if case.ticket.agent != principal.number and not principal.may(READ_ANY):
                raise Forbidden("another agent's ticket", "这是其他话务员的工单")
            if attachments and self._files is not None:
                await self._files.attach(session, principal, attachments, f"ticket:{ticket_id}")
            await self._ledger.happen(
                session,
                ticket_id,
                TicketEvent.answered,
                actor=principal.number,
                detail=Noted(text=text, attachments=tuple(attachments)),
            )

        command = Command(ticket_id=ticket_id, version=version, key=key)
        await self._casebook.act(principal, command, answer)
        return ticket_id

    def open_from(
        self, writing: Writing, contact_id: int, contact: Contact, citizen_id: int | None
    ) -> Ticket | None:
        """Open the ticket of a contact that brought its matter in writing.

        Returns:
            The ticket, registered and waiting for an agent; None for a call, whose matter nobody has written yet, and
            for what goes on with a ticket that there is.
        """
        new = _from(contact)
        if new is None:
            return None
        sequel = self._sequel
        if sequel is not None and sequel.continued(writing, contact_id, contact, citizen_id):
            return None
        return self._ledger.open_in(
            writing, new, contact_id=contact_id, citizen_id=citizen_id, agent=None
        )


_TYPES = frozenset(TicketType)


def _from(contact: Contact) -> NewTicket | None:
    message = contact.message
    if message is None:
        return None
    return NewTicket(
        type=TicketType(message.type) if message.type in _TYPES else TicketType.help,
        category=message.category or UNSORTED,
        title=(message.title or message.text)[:TITLE_LENGTH],
        text=message.text[:TEXT_LENGTH],
        address=message.address[:ADDRESS_LENGTH],
        confidential=message.confidential,
        call_me_not=message.call_me_not,
        # Who is known by his sender's address may have typed a number that is not yet known to be his.
        callback_phone=contact.phone if contact.sender else None,
    )


async def require_category(session: AsyncSession, code: str) -> None:
    """Return if there is a category with this code.

    Raises:
        Invalid: There is none.
    """
    if await session.get(CategoryRow, code) is None:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/category",
                    message_zh="没有这个分类，请重新选择",
                    message_en="No such category, choose another",
                )
            ]
        )
