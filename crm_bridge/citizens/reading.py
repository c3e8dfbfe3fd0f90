"""Reads a person: who he is known as, who else he may be, and all he ever brought, over whatever channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import CitizenAddressRow, CitizenRow, ContactRow
from crm_bridge.citizens.access import require_near
from crm_bridge.citizens.masking import masked
from crm_bridge.citizens.rules import MergeState
from crm_bridge.citizens.service import one_person
from crm_bridge.citizens.tables import CitizenMergeRow
from crm_bridge.citizens.views import (
    CitizenView,
    HistoryEntry,
    HistoryPage,
    KnownBy,
    MergeView,
    PersonView,
)
from crm_bridge.cursors import behind, cursor_after
from crm_bridge.tickets.access import open_about_citizen
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber

_UNDECIDED_FIRST = (
    MergeState.suggested,
    MergeState.confirmed,
    MergeState.undone,
    MergeState.dismissed,
)


class People:
    """Shows persons to those who have to do with them.

    Args:
        database: Where they lie.
        clock: Tells what is recent.
        vault: Opens names and numbers, to mask them.
        writing_up: How long after a call or conversation its agent may still look.
    """

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, writing_up: timedelta
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._writing_up = writing_up

    async def person(self, principal: Principal, citizen_id: int) -> PersonView:
        """Return a person.

        Raises:
            NotFound: There is no such citizen.
            Forbidden: The asker has nothing to do with him.
        """
        async with self._database.reading() as session:
            own = await self._rows(session, principal, citizen_id)
            chief = (await session.get_one(CitizenRow, citizen_id)).merged_into_id or citizen_id
            merges = await _merges_of(session, own)
            return PersonView(
                citizen=await self._citizen(session, chief),
                merges=[await self._merge(session, row, chief, own) for row in merges],
            )

    async def history(
        self, principal: Principal, citizen_id: int, cursor: str | None, limit: int
    ) -> HistoryPage:
        """Return what a person brought, over all channels, newest first; nothing that hides its citizen is shown.

        Raises:
            NotFound: There is no such citizen.
            Forbidden: The asker has nothing to do with him.
            Invalid: The cursor is not one of this list.
        """
        hidden = (
            select(TicketContactRow.contact_id)
            .join(TicketRow, col(TicketRow.id) == TicketContactRow.ticket_id)
            .where(
                TicketContactRow.contact_id == ContactRow.id,
                func.coalesce(TicketRow.agent, "") != principal.number,
                ~open_about_citizen(principal),
            )
        )
        async with self._database.reading() as session:
            own = await self._rows(session, principal, citizen_id)
            statement = (
                select(ContactRow)
                .where(
                    col(ContactRow.citizen_id).in_(own),
                    ~hidden.exists(),
                    *behind(
                        col(ContactRow.received_at), col(ContactRow.id), cursor, newest_first=True
                    ),
                )
                .order_by(col(ContactRow.received_at).desc(), col(ContactRow.id).desc())
                .limit(limit + 1)
            )
            rows = (await session.exec(statement)).all()
            shown = rows[:limit]
            items = await _with_tickets(session, shown)
        more = len(rows) > limit
        last = shown[-1] if shown else None
        return HistoryPage(
            items=items,
            cursor=cursor_after(last.received_at, last.id or 0) if more and last else None,
        )

    async def require_near_pair(self, principal: Principal, merge_id: int) -> None:
        """Return if this person has to do with one of two citizens who may be one.

        Raises:
            NotFound: There is no such suggestion.
            Forbidden: He has nothing to do with either.
        """
        async with self._database.reading() as session:
            row = await session.get(CitizenMergeRow, merge_id)
            if row is None:
                raise NotFound
            both = {
                *await one_person(session, row.one_id),
                *await one_person(session, row.other_id),
            }
            await require_near(
                session, principal, sorted(both), self._clock.now(), self._writing_up
            )

    async def _rows(
        self, session: AsyncSession, principal: Principal, citizen_id: int
    ) -> Sequence[int]:
        own = await one_person(session, citizen_id)
        if not own:
            raise NotFound
        await require_near(session, principal, own, self._clock.now(), self._writing_up)
        return own

    async def _merge(
        self, session: AsyncSession, row: CitizenMergeRow, chief: int, own: Sequence[int]
    ) -> MergeView:
        # Of a pair that is both the person's own, the one with whom he is not counted is the other.
        other = row.one_id if row.other_id == chief or row.one_id not in own else row.other_id
        channel = None
        if row.contact_id is not None:
            channel = (await session.get_one(ContactRow, row.contact_id)).channel
        assert row.id is not None  # noqa: S101  # it was read from the database
        return MergeView(
            id=row.id,
            state=row.state,
            ground=row.ground,
            channel=channel,
            other=await self._citizen(session, other),
            suggested_at=row.suggested_at,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
        )

    async def _citizen(self, session: AsyncSession, citizen_id: int) -> CitizenView:
        row = await session.get_one(CitizenRow, citizen_id)
        addresses = (
            await session.exec(
                select(CitizenAddressRow)
                .where(CitizenAddressRow.citizen_id == citizen_id)
                .order_by(col(CitizenAddressRow.first_seen_at), col(CitizenAddressRow.digest))
            )
        ).all()
        of_him = select(func.count(), func.max(ContactRow.received_at)).where(
            ContactRow.citizen_id == citizen_id
        )
        count, last = (await session.exec(of_him)).one()
        sealed = row.phone_encrypted
        return CitizenView(
            id=citizen_id,
            kind=row.kind,
            name=self._vault.decrypt(row.name_encrypted) if row.name_encrypted else None,
            phone_masked=PhoneNumber(self._vault.decrypt(sealed)).masked if sealed else None,
            known_by=[
                KnownBy(
                    kind=address.kind,
                    scope=address.scope,
                    shown=masked(address.kind, self._vault.decrypt(address.value_encrypted)),
                )
                for address in addresses
            ],
            first_seen_at=row.first_seen_at,
            contacts=count,
            last_contact_at=last,
        )


async def _merges_of(session: AsyncSession, own: Sequence[int]) -> Sequence[CitizenMergeRow]:
    statement = select(CitizenMergeRow).where(
        or_(col(CitizenMergeRow.one_id).in_(own), col(CitizenMergeRow.other_id).in_(own))
    )
    rows = (await session.exec(statement.order_by(col(CitizenMergeRow.id)))).all()
    return sorted(rows, key=lambda row: _UNDECIDED_FIRST.index(row.state))


async def _with_tickets(
    session: AsyncSession, contacts: Sequence[ContactRow]
) -> list[HistoryEntry]:
    statement = (
        select(TicketContactRow.contact_id, TicketRow)
        .join(TicketRow, col(TicketRow.id) == TicketContactRow.ticket_id)
        .where(col(TicketContactRow.contact_id).in_([row.id for row in contacts]))
        .order_by(col(TicketRow.id))
    )
    tickets = dict((await session.exec(statement)).all())
    entries = []
    for row in contacts:
        ticket = tickets.get(row.id or 0)
        entries.append(
            HistoryEntry(
                contact_id=row.id or 0,
                channel=row.channel,
                received_at=row.received_at,
                ticket_id=ticket.id if ticket else None,
                ticket_number=ticket.number if ticket else None,
                ticket_title=ticket.title if ticket else None,
                ticket_state=ticket.state if ticket else None,
            )
        )
    return entries
