"""What lies beside a call: the contact and ticket that it became, and what the same citizen brought before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from channels.contacts.tables import CitizenRow, ContactRow
from channels.voice_log import is_contact_of_call
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.history.views import CallContext, CallerView, CallView
from crm_bridge.tickets.access import open_about_citizen
from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from crm_bridge.tickets.views import TicketSummary
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow
from telephony.numbers import PhoneNumber

_SHOWN = 20
_PERSON = func.coalesce(col(CitizenRow.merged_into_id), col(CitizenRow.id))
"""With whom a citizen is counted: himself, or whom he was found to be."""


class History:
    """Reads calls together with what they became.

    Args:
        database: Where everything lies.
        clock: Tells which calls are still fresh.
        vault: Opens numbers, to mask them.
        contacts: Knows the citizens.
        writing_up: How long after a call its agent may still see its context.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        contacts: Contacts,
        writing_up: timedelta,
    ) -> None:
        self._database = database
        self._clock = clock
        self._writing_up = writing_up
        self._vault = vault
        self._contacts = contacts

    async def context(self, principal: Principal, call_id: int) -> CallContext:
        """Return what an agent should see beside a call.

        Raises:
            NotFound: There is no such call.
            Forbidden: It is another agent's, or was over too long ago.
        """
        async with self._database.reading() as session:
            call = await session.get(CallRow, call_id)
            if call is None:
                raise NotFound
            self._require_access(principal, call)
            citizen = await self._caller(session, call)
            views = await self.views(
                session, principal, [call, *await self._earlier(session, call)]
            )
            return CallContext(
                call=views[0],
                citizen=citizen,
                contacts_total=await self._contacts_total(session, citizen),
                tickets=await self._tickets(session, principal, citizen),
                calls=views[1:],
            )

    def _require_access(self, principal: Principal, call: CallRow) -> None:
        if principal.may("call.read_any"):
            return
        if call.agent != principal.number:
            raise Forbidden("another agent's call", "这是其他话务员的通话")
        if call.ended_at is not None and call.ended_at <= self._clock.now() - self._writing_up:
            raise Forbidden("the call was over too long ago", "通话已结束较久，不再显示来电人信息")

    async def views(
        self, session: AsyncSession, principal: Principal, calls: Sequence[CallRow]
    ) -> list[CallView]:
        """Return calls as this person may see them, in the order given; three queries however many there are."""
        ids = [call.id for call in calls]
        contacts = await _contacts(session, ids)
        tickets, hidden = await _tickets_of(session, principal, list(contacts.values()))
        before = await _previous(session, ids)
        return [
            self._view(
                call,
                contact_id=None if contacts.get(call.id) in hidden else contacts.get(call.id),
                ticket_id=tickets.get(contacts.get(call.id)),
                previous=before.get(call.id, 0),
            )
            for call in calls
        ]

    def _view(
        self, call: CallRow, *, contact_id: int | None, ticket_id: int | None, previous: int
    ) -> CallView:
        assert call.id is not None  # noqa: S101  # a stored row has its id
        talked = call.ended_at - call.answered_at if call.answered_at and call.ended_at else None
        sealed = call.caller_encrypted
        return CallView(
            id=call.id,
            linkedid=call.linkedid,
            direction=call.direction,
            state=call.state,
            caller_masked=PhoneNumber(self._vault.decrypt(sealed)).masked if sealed else None,
            agent=call.agent,
            queue=call.queue,
            offered_at=call.offered_at,
            answered_at=call.answered_at,
            ended_at=call.ended_at,
            talk_seconds=max(0, round(talked.total_seconds())) if talked is not None else None,
            contact_id=contact_id,
            ticket_id=ticket_id,
            recording_available=call.recording is not None,
            previous_contacts=previous,
        )

    async def _caller(self, session: AsyncSession, call: CallRow) -> CallerView | None:
        # By the number, not by the contact: at a first ring the contact may be a moment behind the call.
        if call.caller_digest is None:
            return None
        known = select(_PERSON).where(CitizenRow.phone_digest == call.caller_digest)
        citizen_id = (await session.exec(known)).one_or_none()
        if citizen_id is None or call.caller_encrypted is None:
            return None
        citizen = await self._contacts.citizen(session, citizen_id)
        return CallerView(
            id=citizen.id,
            kind=citizen.kind,
            name=citizen.name or await self._other_name(session, citizen_id),
            # Who is known by several numbers calls from this one.
            phone_masked=PhoneNumber(self._vault.decrypt(call.caller_encrypted)).masked,
            first_seen_at=citizen.first_seen_at,
        )

    async def _other_name(self, session: AsyncSession, citizen_id: int) -> str | None:
        """Return what a person is called who gave his name only as somebody that he was found to be, too."""
        statement = (
            select(CitizenRow.name_encrypted)
            .where(
                CitizenRow.merged_into_id == citizen_id,
                col(CitizenRow.name_encrypted).is_not(None),
            )
            .order_by(col(CitizenRow.id))
            .limit(1)
        )
        sealed = (await session.exec(statement)).first()
        return self._vault.decrypt(sealed) if sealed else None

    async def _earlier(self, session: AsyncSession, call: CallRow) -> Sequence[CallRow]:
        if call.caller_digest is None:
            return ()
        statement = (
            select(CallRow)
            .where(
                CallRow.caller_digest == call.caller_digest,
                col(CallRow.offered_at) <= call.offered_at,
                CallRow.id != call.id,
            )
            .order_by(col(CallRow.offered_at).desc(), col(CallRow.id).desc())
            .limit(_SHOWN)
        )
        return (await session.exec(statement)).all()

    async def _contacts_total(self, session: AsyncSession, citizen: CallerView | None) -> int:
        if citizen is None:
            return 0
        statement = select(func.count()).where(col(ContactRow.citizen_id) == citizen.id)
        return (await session.exec(statement)).one()

    async def _tickets(
        self, session: AsyncSession, principal: Principal, citizen: CallerView | None
    ) -> list[TicketSummary]:
        # A confidential ticket is not shown beside the citizen's number, not even to the agent who wrote it.
        if citizen is None:
            return []
        statement = (
            select(TicketRow, CategoryRow.name_zh)
            .join(CategoryRow, col(CategoryRow.code) == TicketRow.category)
            .where(TicketRow.citizen_id == citizen.id, open_about_citizen(principal))
            .order_by(col(TicketRow.id).desc())
            .limit(_SHOWN)
        )
        rows = (await session.exec(statement)).all()
        return [TicketSummary.of(ticket_of(row), name) for row, name in rows]


async def _contacts(session: AsyncSession, calls: Sequence[int | None]) -> dict[int | None, int]:
    statement = (
        select(CallRow.id, ContactRow.id)
        .join(ContactRow, is_contact_of_call())
        .where(col(CallRow.id).in_(calls))
    )
    return {call: contact for call, contact in (await session.exec(statement)).all() if contact}


async def _tickets_of(
    session: AsyncSession, principal: Principal, contacts: Sequence[int]
) -> tuple[dict[int | None, int], set[int | None]]:
    """Return the last ticket that this person may see of each contact, and the contacts with one he may not."""
    statement = (
        select(
            TicketContactRow.contact_id,
            TicketRow.id,
            or_(col(TicketRow.agent) == principal.number, open_about_citizen(principal)),
        )
        .join(TicketRow, col(TicketRow.id) == TicketContactRow.ticket_id)
        .where(col(TicketContactRow.contact_id).in_(contacts))
        .order_by(col(TicketRow.id))
    )
    shown: dict[int | None, int] = {}
    hidden: set[int | None] = set()
    for contact_id, ticket_id, may_see in (await session.exec(statement)).all():
        if may_see:
            shown[contact_id] = ticket_id or 0
        else:
            hidden.add(contact_id)
    return shown, hidden


async def _previous(session: AsyncSession, calls: Sequence[int | None]) -> dict[int | None, int]:
    """Count the contacts that each caller had made before, found by the number as in `_caller`."""
    statement = (
        select(CallRow.id, func.count())
        .join(CitizenRow, col(CitizenRow.phone_digest) == CallRow.caller_digest)
        .join(ContactRow, col(ContactRow.citizen_id) == _PERSON)
        .where(col(CallRow.id).in_(calls), col(ContactRow.received_at) < col(CallRow.offered_at))
        .group_by(col(CallRow.id))
    )
    return dict((await session.exec(statement)).all())
