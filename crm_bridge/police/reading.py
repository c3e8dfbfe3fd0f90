"""Reads matters that were handed over, with what was told of them and who had them when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.cursors import behind, cursor_after
from crm_bridge.police.book import id_of
from crm_bridge.police.rules import Direction, HandoverState
from crm_bridge.police.tables import CustodyRow, HandoverRow, MessageState, PoliceMessageRow
from crm_bridge.police.views import (
    CustodyView,
    HandoverDetail,
    HandoverPage,
    HandoverView,
    PoliceMessageView,
)
from crm_bridge.tickets.reading import TicketReader
from crm_bridge.tickets.tables import TicketRow
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault

WATCH = "police.watch"
"""Sees every matter, whoever handed it over."""


class Handovers:
    """Reads matters.

    Args:
        database: Where they lie.
        vault: Opens what was said of them.
        tickets: Says who may see which ticket.
    """

    def __init__(self, database: Database, vault: Vault, tickets: TicketReader) -> None:
        self._database = database
        self._vault = vault
        self._tickets = tickets

    async def one(self, principal: Principal, handover_id: int) -> HandoverDetail:
        """Return a matter.

        Raises:
            NotFound: There is none.
            Forbidden: It is another agent's.
        """
        async with self._database.reading() as session:
            row = await session.get(HandoverRow, handover_id)
            if row is None:
                raise NotFound
            if row.agent != principal.number and not principal.may(WATCH):
                raise Forbidden("another agent's matter", "这是其他话务员转办的诉求")
            return (await self._details(session, [row]))[0]

    async def of_ticket(self, principal: Principal, ticket_id: int) -> list[HandoverDetail]:
        """Return the handovers of a ticket, the oldest first.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: It is not this person's to see.
        """
        await self._tickets.require_visible(principal, ticket_id)
        statement = select(HandoverRow).where(HandoverRow.ticket_id == ticket_id)
        async with self._database.reading() as session:
            rows = (await session.exec(statement.order_by(col(HandoverRow.id)))).all()
            return await self._details(session, rows)

    async def page(
        self,
        *,
        direction: Direction | None,
        state: HandoverState | None,
        undelivered: bool = False,
        cursor: str | None,
        limit: int,
    ) -> HandoverPage:
        """Return a part of all matters, the newest first.

        Args:
            direction: Only those that were handed over this way.
            state: Only those that stand so.
            undelivered: Only those of which a message was given up: a person must see to it.
            cursor: Where to go on.
            limit: How many at most.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        made, number = col(HandoverRow.created_at), col(HandoverRow.id)
        statement = select(HandoverRow).where(*behind(made, number, cursor, newest_first=True))
        if direction is not None:
            statement = statement.where(HandoverRow.direction == direction)
        if state is not None:
            statement = statement.where(HandoverRow.state == state)
        if undelivered:
            given_up = exists().where(
                col(PoliceMessageRow.handover_id) == col(HandoverRow.id),
                col(PoliceMessageRow.state) == MessageState.given_up,
            )
            statement = statement.where(given_up)
        statement = statement.order_by(made.desc(), number.desc()).limit(limit + 1)
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
            shown = rows[:limit]
            details = await self._details(session, shown)
        last = shown[-1] if len(rows) > limit else None
        return HandoverPage(
            items=[HandoverView(**_without_story(one)) for one in details],
            next_cursor=cursor_after(last.created_at, id_of(last)) if last else None,
        )

    async def _details(
        self, session: AsyncSession, rows: Sequence[HandoverRow]
    ) -> list[HandoverDetail]:
        ids = [id_of(row) for row in rows]
        tickets = [row.ticket_id for row in rows if row.ticket_id is not None]
        named = select(TicketRow.id, TicketRow.number, TicketRow.title).where(
            col(TicketRow.id).in_(tickets)
        )
        names = {row_id: (number, title) for row_id, number, title in await session.exec(named)}
        messages: dict[int, list[PoliceMessageRow]] = {one: [] for one in ids}
        sent = select(PoliceMessageRow).where(col(PoliceMessageRow.handover_id).in_(ids))
        for message in (await session.exec(sent.order_by(col(PoliceMessageRow.id)))).all():
            messages[message.handover_id].append(message)
        custody: dict[int, list[CustodyRow]] = {one: [] for one in ids}
        lines = select(CustodyRow).where(col(CustodyRow.handover_id).in_(ids))
        for line in (
            await session.exec(lines.order_by(col(CustodyRow.at), col(CustodyRow.id)))
        ).all():
            custody[line.handover_id].append(line)
        return [self._detail(row, names, messages[id_of(row)], custody[id_of(row)]) for row in rows]

    def _detail(
        self,
        row: HandoverRow,
        names: Mapping[int | None, tuple[str, str]],
        messages: Sequence[PoliceMessageRow],
        custody: Sequence[CustodyRow],
    ) -> HandoverDetail:
        number, title = names.get(row.ticket_id, (None, None))
        return HandoverDetail(
            id=id_of(row),
            direction=row.direction,
            transfer_id=row.transfer_id,
            state=row.state,
            holder=custody[-1].holder,
            ticket_id=row.ticket_id,
            ticket_number=number,
            ticket_title=title,
            pbx=row.pbx,
            linkedid=row.linkedid,
            agent=row.agent,
            emergency=row.emergency,
            remote_number=row.remote_number,
            undelivered=any(one.state is MessageState.given_up for one in messages),
            created_at=row.created_at,
            changed_at=row.changed_at,
            messages=[_message(one) for one in messages],
            custody=[self._line(line) for line in custody],
        )

    def _line(self, line: CustodyRow) -> CustodyView:
        return CustodyView(
            at=line.at,
            step=line.step,
            holder=line.holder,
            who=line.who,
            note=self._vault.decrypt(line.note_sealed) if line.note_sealed else "",
        )


def _message(row: PoliceMessageRow) -> PoliceMessageView:
    return PoliceMessageView(
        kind=row.kind.value,
        state=row.state,
        attempts=row.attempts,
        error=row.error,
        created_at=row.created_at,
        taken_at=row.taken_at,
        next_at=row.next_at if row.state is MessageState.waiting else None,
    )


def _without_story(detail: HandoverDetail) -> dict[str, object]:
    return detail.model_dump(exclude={"messages", "custody"})
