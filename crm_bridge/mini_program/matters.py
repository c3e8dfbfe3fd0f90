"""A citizen's own tickets in the mini program: those that he has reported there, or that came of talking there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import col, select, union
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.tables import ContactRow
from crm_bridge.callbacks.written import WrittenRating, WrittenRatings
from crm_bridge.conversations.tables import ConversationMessageRow, ConversationRow
from crm_bridge.conversations.talk import thread_digest
from crm_bridge.cursors import behind, cursor_after
from crm_bridge.mini_program.people import Person
from crm_bridge.mini_program.rules import CHANNEL
from crm_bridge.mini_program.tables import MiniReportRow
from crm_bridge.progress.reading import progress_of
from crm_bridge.progress.rules import TicketProgress
from crm_bridge.tickets.tables import TicketContactRow, TicketRow
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One of his tickets, with what he had written."""

    progress: TicketProgress
    text: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterPage:
    """A part of his tickets, the youngest first."""

    items: Sequence[TicketProgress]
    next_cursor: str | None


class Matters:
    """Shows citizens their tickets.

    Args:
        database: Where they lie.
        vault: Makes the digest that conversations are found by.
        ratings: Takes ratings.
    """

    def __init__(self, database: Database, vault: Vault, ratings: WrittenRatings) -> None:
        self._database = database
        self._vault = vault
        self._ratings = ratings

    async def listed(self, person: Person, cursor: str | None, limit: int) -> MatterPage:
        """Return a part of his tickets.

        Raises:
            Invalid: The cursor is not one of this list.
        """
        at, row_id = col(TicketRow.created_at), col(TicketRow.id)
        statement = (
            select(TicketRow.id, TicketRow.created_at)
            .where(self._his(person), *behind(at, row_id, cursor, newest_first=True))
            .order_by(at.desc(), row_id.desc())
            .limit(limit + 1)
        )
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
            shown = rows[:limit]
            items = [await progress_of(session, ticket_id or 0) for ticket_id, _ in shown]
        last = shown[-1] if len(rows) > limit else None
        following = cursor_after(last[1], last[0] or 0) if last else None
        return MatterPage(items=items, next_cursor=following)

    async def find(self, person: Person, number: str) -> Matter:
        """Return one of his tickets.

        Raises:
            NotFound: He has none with this number; whether somebody else has is not told.
        """
        async with self._database.reading() as session:
            ticket = await self._ticket(session, person, number)
            assert ticket.id is not None  # noqa: S101  # a stored row has its id
            progress = await progress_of(session, ticket.id)
        return Matter(progress=progress, text=ticket.text, address=ticket.address)

    async def rate(
        self, person: Person, number: str, said: WrittenRating, key: IdempotencyKey | None
    ) -> int:
        """Keep what he says of one of his tickets, and return the rating that stands.

        Raises:
            NotFound: He has none with this number.
            CannotRate: It is not finished, or was rated before.
        """
        async with self._database.reading() as session:
            ticket = await self._ticket(session, person, number)
        assert ticket.id is not None  # noqa: S101  # a stored row has its id
        if key is not None:
            # Sent again it may come from another network: whoever is logged in is the same sender.
            key = replace(key, scope=f"mini rating {ticket.id}")
        return await self._ratings.rate(ticket.id, said, key=key)

    async def _ticket(self, session: AsyncSession, person: Person, number: str) -> TicketRow:
        statement = select(TicketRow).where(TicketRow.number == number, self._his(person))
        found = (await session.exec(statement)).one_or_none()
        if found is None:
            raise NotFound("you have no such ticket", "没有找到您的这件诉求")
        return found

    def _his(self, person: Person) -> Any:
        reported = (
            select(ContactRow.id)
            .join(MiniReportRow, col(MiniReportRow.external_id) == ContactRow.external_id)
            .where(ContactRow.channel == CHANNEL, MiniReportRow.person == person.digest)
        )
        thread = thread_digest(self._vault, CHANNEL, person.openid.value)
        talked = (
            select(ConversationMessageRow.contact_id)
            .join(
                ConversationRow,
                col(ConversationRow.id) == ConversationMessageRow.conversation_id,
            )
            .where(
                ConversationRow.thread_digest == thread,
                col(ConversationMessageRow.contact_id).is_not(None),
            )
        )
        contacts: Any = union(reported, talked)
        tickets = select(TicketContactRow.ticket_id).where(
            col(TicketContactRow.contact_id).in_(contacts)
        )
        return col(TicketRow.id).in_(tickets)
