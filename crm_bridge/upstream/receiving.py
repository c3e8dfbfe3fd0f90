"""Does what the other side says of a shared ticket, as the rules judge it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Contact, Message
from channels.contacts.service import Contacts
from crm_bridge.categories.service import UNSORTED
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.notes.service import Notes
from crm_bridge.tickets.details import Confirmed, Detail, Reasoned
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.ticket import NewTicket
from crm_bridge.tickets.vocabulary import TicketEvent
from crm_bridge.upstream.rules import (
    CHANNEL,
    Exchange,
    Known,
    Matter,
    Side,
    digest_of,
    judge,
)
from crm_bridge.upstream.snapshot import source_of
from crm_bridge.upstream.tables import UpstreamLinkRow
from infra.kit.clock import Clock
from telephony.numbers import PhoneNumber


class Receiving:
    """Opens twins, moves givers' tickets, writes notes; always in the caller's transaction.

    Args:
        clock: Gives the time.
        contacts: Writes down where a twin comes from.
        ledger: Opens and moves tickets.
        notes: Puts to a ticket what moves nothing.
    """

    def __init__(self, clock: Clock, contacts: Contacts, ledger: Ledger, notes: Notes) -> None:
        self._clock = clock
        self._contacts = contacts
        self._ledger = ledger
        self._notes = notes

    async def open(self, session: AsyncSession, system: str, exchange: Exchange) -> UpstreamLinkRow:
        """Open the twin of a ticket that was passed on to us, ready for dispatch, and return the link.

        The citizen is called back by the giver, to whom he turned: not also by us.

        Raises:
            NotFound: The ticket was not passed on to us.
        """
        judge(None, exchange)
        assert exchange.matter is not None  # noqa: S101  # the rules have seen it
        matter, now = exchange.matter, self._clock.now()
        contact_id, citizen_id = await self._contact(session, system, exchange.key, matter)
        ticket = await self._ledger.open(
            session,
            await _twin(session, matter),
            contact_id=contact_id,
            citizen_id=citizen_id,
            agent=None,
        )
        await self._ledger.happen(session, ticket.id, TicketEvent.left_open)
        link = UpstreamLinkRow(
            system=system,
            side=Side.taker,
            key=exchange.key,
            ticket_id=ticket.id,
            next_at=now,
            created_at=now,
            changed_at=now,
        )
        _remember(link, exchange)
        session.add(link)
        await session.flush()
        await self._put_notes(session, link, exchange, ())
        return link

    async def _contact(
        self, session: AsyncSession, system: str, key: str, matter: Matter
    ) -> tuple[int, int | None]:
        now = self._clock.now()
        contact = Contact(
            channel=CHANNEL,
            external_id=f"{system}/{key}",
            received_at=now,
            phone=PhoneNumber.parse(matter.phone) if matter.phone else None,
            message=Message(title=matter.title, text=matter.text, address=matter.address),
        )
        contact_id = await self._contacts.store(session, contact)
        await self._contacts.claim_follow_up(session, contact_id, now)
        return contact_id, await self._contacts.identify(session, contact_id, contact)

    async def hear(self, session: AsyncSession, link: UpstreamLinkRow, exchange: Exchange) -> None:
        """Do what the other side says of a ticket that is shared already.

        Raises:
            Conflict: Both claim to be the same side.
        """
        ticket = await self._ledger.ticket(session, link.ticket_id)
        latest = select(func.max(col(UpstreamLinkRow.id))).where(
            UpstreamLinkRow.ticket_id == link.ticket_id, UpstreamLinkRow.side == Side.giver
        )
        known = Known(
            side=link.side,
            version=link.remote_version,
            state=link.remote_state,
            outcome=link.remote_outcome,
            answer_digest=link.answer_digest,
            matter_digest=link.matter_digest,
            ours=ticket.state,
            current=link.side is Side.taker or (await session.exec(latest)).one() == link.id,
        )
        verdict = judge(known, exchange)
        if verdict.echo:
            return
        _remember(link, exchange)
        session.add(link)
        await self._put_notes(session, link, exchange, verdict.remarks)
        if verdict.event is not None:
            await self._ledger.happen(
                session,
                link.ticket_id,
                verdict.event,
                detail=_detail(verdict.event, exchange),
            )

    async def _put_notes(
        self,
        session: AsyncSession,
        link: UpstreamLinkRow,
        exchange: Exchange,
        remarks: Sequence[str],
    ) -> None:
        source = source_of(link.system)
        for note in exchange.notes:
            await self._notes.add(
                session,
                link.ticket_id,
                source=source,
                external_id=f"{link.key}/{note.id}",
                text=note.text,
                said_at=note.at,
            )
        for place, remark in enumerate(remarks):
            await self._notes.add(
                session,
                link.ticket_id,
                source=source,
                external_id=f"{link.key}/v{exchange.version}.{place}",
                text=remark,
                said_at=self._clock.now(),
            )


def _remember(link: UpstreamLinkRow, exchange: Exchange) -> None:
    link.remote_number = exchange.number
    link.remote_version = exchange.version
    link.remote_state = exchange.state
    link.remote_outcome = exchange.outcome
    link.answer_digest = digest_of(exchange.answer)
    if exchange.matter is not None:
        link.matter_digest = exchange.matter.digest()


def _detail(happening: TicketEvent, exchange: Exchange) -> Detail:
    if happening is TicketEvent.passing_confirmed:
        return Confirmed(reference=exchange.number)
    return Reasoned(reason=exchange.answer)


async def _twin(session: AsyncSession, matter: Matter) -> NewTicket:
    known = select(CategoryRow.code).where(CategoryRow.code == matter.category)
    category = (await session.exec(known)).one_or_none() or UNSORTED
    return NewTicket(
        type=matter.type,
        category=category,
        title=matter.title,
        text=matter.text,
        address=matter.address,
        urgency=matter.urgency,
        confidential=matter.confidential,
        call_me_not=True,
    )
