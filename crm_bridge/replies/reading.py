"""Replies as people see them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from crm_bridge.replies.rules import OPEN, ReplyState
from crm_bridge.replies.service import Replies
from crm_bridge.replies.tables import ReplyRow
from crm_bridge.replies.views import ReplyPage, ReplyView, TicketReplyView
from crm_bridge.tickets.reading import cursor_at, position_of
from crm_bridge.tickets.tables import TicketRow
from infra.kit.database import Database

_WITH_NUMBER = select(ReplyRow, TicketRow.number).join(
    TicketRow, col(TicketRow.id) == ReplyRow.ticket_id, isouter=True
)


class ReplyReader:
    """Reads replies.

    Args:
        database: Where they lie.
        replies: Opens them.
    """

    def __init__(self, database: Database, replies: Replies) -> None:
        self._database = database
        self._replies = replies

    async def page(
        self,
        *,
        state: ReplyState | None,
        channel: str | None,
        cursor: str | None,
        limit: int,
    ) -> ReplyPage:
        """Return a part of the replies, the youngest first.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        statement = _WITH_NUMBER.order_by(col(ReplyRow.id).desc())
        if state is not None:
            statement = statement.where(ReplyRow.state == state)
        if channel is not None:
            statement = statement.where(ReplyRow.channel == channel)
        if cursor is not None:
            statement = statement.where(col(ReplyRow.id) < position_of(cursor))
        async with self._database.reading() as session:
            rows = (await session.exec(statement.limit(limit + 1))).all()
        items = [_view(row, number) for row, number in rows[:limit]]
        more = len(rows) > limit
        return ReplyPage(items=items, next_cursor=cursor_at(items[-1].id) if more else None)

    async def show(self, reply_id: int) -> ReplyView:
        """Return one reply, which is there."""
        async with self._database.reading() as session:
            return _view(*(await session.exec(_WITH_NUMBER.where(ReplyRow.id == reply_id))).one())

    async def decided_here(self, keys: Sequence[str]) -> set[str]:
        """Return which of the keys under which short messages went out are those of replies."""
        replies = {key: key.partition("~")[0] for key in keys}
        statement = select(ReplyRow.key).where(col(ReplyRow.key).in_(replies.values()))
        async with self._database.reading() as session:
            known = set((await session.exec(statement)).all())
        return {key for key, reply in replies.items() if reply in known}

    async def of_ticket(self, ticket_id: int) -> list[TicketReplyView]:
        """Return all that a citizen was told of a ticket, the oldest first; who asks may see the ticket."""
        statement = (
            select(ReplyRow).where(ReplyRow.ticket_id == ticket_id).order_by(col(ReplyRow.id))
        )
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
        return [
            TicketReplyView(
                id=row.id or 0,
                channel=row.channel,
                kind=row.kind,
                state=row.state,
                text=self._replies.read(row).text,
                created_at=row.created_at,
                changed_at=row.changed_at,
                error_zh=row.error_zh,
                error_en=row.error_en,
            )
            for row in rows
        ]


def _view(row: ReplyRow, number: str | None) -> ReplyView:
    assert row.id is not None  # noqa: S101  # it was read from the database
    return ReplyView(
        id=row.id,
        channel=row.channel,
        kind=row.kind,
        state=row.state,
        ticket_id=row.ticket_id,
        ticket_number=number,
        message_id=row.message_id,
        created_at=row.created_at,
        changed_at=row.changed_at,
        sent_at=row.sent_at,
        next_at=row.next_at if row.state in OPEN else None,
        attempts=row.attempts,
        error=row.error,
        error_zh=row.error_zh,
        error_en=row.error_en,
        error_code=row.error_code,
    )
