"""Conversations as this or that person may see them."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.conversations.access import WATCH, visible
from crm_bridge.conversations.beside import earlier, tickets_before, tickets_from
from crm_bridge.conversations.files import SentFiles
from crm_bridge.conversations.others import Others
from crm_bridge.conversations.presenting import Presenter
from crm_bridge.conversations.rules import LIVE, WITH_AGENT, ConversationState
from crm_bridge.conversations.tables import (
    ConversationEventRow,
    ConversationMessageRow,
    ConversationRow,
)
from crm_bridge.conversations.views import (
    ConversationPage,
    ConversationView,
    HappeningView,
    MessagePage,
    MessageView,
)
from crm_bridge.cursors import behind, cursor_after
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal

_SHOWN = 50


class Box(StrEnum):
    """Which conversations are listed."""

    mine = "mine"
    """What I am asked about or have."""
    waiting = "waiting"
    """Whose citizens wait for a person; who waits longest comes first."""
    live = "live"
    """All that are not closed: for who watches."""
    closed = "closed"
    """What I had, or for who watches anybody."""


class ConversationReader:
    """Reads conversations for people.

    Args:
        database: Where they lie.
        clock: Gives the time of what is written to the audit log.
        presenter: Makes views.
        others: Knows who else is in touch with a citizen.
        files: Knows which files can be sent.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        presenter: Presenter,
        others: Others,
        files: SentFiles,
    ) -> None:
        self._database = database
        self._clock = clock
        self._presenter = presenter
        self._others = others
        self._files = files

    async def page(
        self, principal: Principal, box: Box, *, cursor: str | None, limit: int
    ) -> ConversationPage:
        """Return a part of a box: what waits by its age, everything else what is newest first.

        Raises:
            Forbidden: The box is for those who watch.
            Invalid: The cursor is not one of ours.
        """
        moment, newest_first = _order(box)
        conditions = _inside(principal, box)
        conditions += behind(moment, col(ConversationRow.id), cursor, newest_first=newest_first)
        statement = select(ConversationRow).where(*conditions)
        order = (moment, col(ConversationRow.id))
        statement = statement.order_by(*(one.desc() if newest_first else one for one in order))
        async with self._database.reading() as session:
            rows = (await session.exec(statement.limit(limit + 1))).all()
            items = await self._presenter.summaries(session, rows[:limit])
        more = len(rows) > limit
        last = rows[limit - 1] if more else None
        at = getattr(last, moment.key) if last is not None else None
        return ConversationPage(
            items=items,
            next_cursor=cursor_after(at, last.id or 0) if last is not None and at else None,
        )

    async def show(self, principal: Principal, conversation_id: int) -> ConversationView:
        """Return a conversation with its last messages and what lies beside it.

        That somebody reads another's is written to the audit log.

        Raises:
            NotFound: There is no such conversation.
            Forbidden: It is another's.
        """
        async with self._database.reading() as session:
            row = await visible(session, principal, conversation_id)
            summary = (await self._presenter.summaries(session, [row]))[0]
            view = ConversationView(
                **summary.model_dump(),
                contact_id=row.contact_id,
                messages=(await self._messages(session, row, before=None, after=None)).items,
                tickets=await tickets_from(session, principal, row),
                earlier_tickets=await tickets_before(session, principal, row),
                earlier=await self._presenter.summaries(session, await earlier(session, row)),
                happenings=await self._happenings(session, row),
                others=list(await self._others.of(session, principal, row)),
                file_limits=dict(self._files.limits(row.channel).types),
                files_by_link=self._files.by_link,
            )
        if row.agent != principal.number:
            await self._note(principal, conversation_id)
        return view

    async def messages(
        self,
        principal: Principal,
        conversation_id: int,
        *,
        before: int | None,
        after: int | None,
    ) -> MessagePage:
        """Return the last messages, those before one, or those after one, in their order.

        That somebody reads back in another's is written to the audit log.

        Raises:
            NotFound: There is no such conversation.
            Forbidden: It is another's.
        """
        async with self._database.reading() as session:
            row = await visible(session, principal, conversation_id)
            page = await self._messages(session, row, before=before, after=after)
        if row.agent != principal.number and after is None:
            await self._note(principal, conversation_id)
        return page

    async def message(self, principal: Principal, conversation_id: int, seq: int) -> MessageView:
        """Return one message.

        Raises:
            NotFound: There is no such conversation or message.
            Forbidden: It is another's.
        """
        page = await self.messages(principal, conversation_id, before=seq + 1, after=seq - 1)
        if not page.items:
            raise NotFound
        return page.items[-1]

    async def may_see_contact(self, principal: Principal, contact_id: int) -> bool:
        """Return whether this person may see a conversation that a contact belongs to: for the files of the contact."""
        of_contact = select(ConversationMessageRow.conversation_id).where(
            col(ConversationMessageRow.contact_id) == contact_id
        )
        async with self._database.reading() as session:
            conversation_id = (await session.exec(of_contact)).one_or_none()
            if conversation_id is None:
                return False
            try:
                await visible(session, principal, conversation_id)
            except Forbidden:
                return False
        return True

    async def _messages(
        self, session: AsyncSession, row: ConversationRow, *, before: int | None, after: int | None
    ) -> MessagePage:
        seq = col(ConversationMessageRow.seq)
        mine = select(ConversationMessageRow).where(
            ConversationMessageRow.conversation_id == row.id
        )
        if before is not None:
            mine = mine.where(seq < before)
        if after is not None:
            mine = mine.where(seq > after)
        forward = after is not None and before is None
        rows = (
            await session.exec(mine.order_by(seq if forward else seq.desc()).limit(_SHOWN + 1))
        ).all()
        shown = sorted(rows[:_SHOWN], key=lambda one: one.seq)
        return MessagePage(
            items=await self._presenter.messages(session, shown), more=len(rows) > _SHOWN
        )

    async def _happenings(self, session: AsyncSession, row: ConversationRow) -> list[HappeningView]:
        statement = (
            select(ConversationEventRow)
            .where(ConversationEventRow.conversation_id == row.id)
            .order_by(col(ConversationEventRow.id).desc())
            .limit(_SHOWN)
        )
        rows = (await session.exec(statement)).all()[::-1]
        named = await self._presenter.names(session, {one.agent for one in rows if one.agent})
        return [
            HappeningView(
                event=one.event,
                agent=one.agent,
                agent_name=named.get(one.agent or ""),
                actor=one.actor,
                at=one.at,
            )
            for one in rows
        ]

    async def _note(self, principal: Principal, conversation_id: int) -> None:
        async with self._database.transaction() as session:
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="conversation.read",
                subject=f"conversation:{conversation_id}",
            )


def _order(box: Box) -> tuple[Any, bool]:
    """Return the column that a box is sorted by, and whether the newest comes first."""
    match box:
        case Box.waiting:
            return col(ConversationRow.waiting_since), False
        case Box.closed:
            return col(ConversationRow.closed_at), True
        case _:
            return col(ConversationRow.last_at), True


def _inside(principal: Principal, box: Box) -> list[ColumnElement[bool]]:
    state, agent = col(ConversationRow.state), col(ConversationRow.agent)
    match box:
        case Box.mine:
            return [state.in_(WITH_AGENT), agent == principal.number]
        case Box.waiting:
            return [state == ConversationState.waiting]
        case Box.live:
            principal.require(WATCH)
            return [state.in_(LIVE)]
        case Box.closed:
            mine = [] if principal.may(WATCH) else [agent == principal.number]
            return [state == ConversationState.closed, *mine]
