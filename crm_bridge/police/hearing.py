"""What 110 says of matters that both know: acceptance, refusal, result, and what became known since."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.rules import Received
from channels.police_110.channel import NAME, receipt
from channels.police_110.wire import ANSWERS, Kind, Message, read
from channels.protocol import Acknowledgement, Delivery
from crm_bridge.notes.service import Notes
from crm_bridge.police.adoption import Adoption
from crm_bridge.police.book import PoliceBook
from crm_bridge.police.rules import EVENT_OF, Direction, HandoverEvent, Step, moves
from crm_bridge.police.tables import CustodyRow, HandoverRow
from crm_bridge.tickets.details import Confirmed, Detail, Reasoned
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit.database import Database
from infra.kit.errors import Invalid, NotFound

ANSWERS_PATH = "answers"
"""Where they are posted to, below the channel's address."""

_HEADS = {
    HandoverEvent.accepted: "110 已受理",
    HandoverEvent.refused: "110 退回",
    HandoverEvent.finished: "110 处置结果",
}


class Hearing:
    """Does what 110 says.

    Args:
        database: Where matters lie.
        book: Writes them down.
        adoption: Finds matters of 110 that nothing has happened to yet.
        ledger: Moves tickets.
        notes: Puts to a ticket what moves nothing.
        poke: Wakes the relay.
    """

    def __init__(
        self,
        database: Database,
        book: PoliceBook,
        adoption: Adoption,
        ledger: Ledger,
        notes: Notes,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._book = book
        self._adoption = adoption
        self._ledger = ledger
        self._notes = notes
        self._poke = poke

    async def take(self, raw: Delivery) -> Acknowledgement:
        """Do what a delivery of 110's says, and return the receipt; a ping asks for nothing else.

        Raises:
            Invalid: It is no answer.
            NotFound: We know of no such matter.
        """
        message = read(raw.body)
        if message.kind is Kind.ping:
            return receipt()
        if message.kind not in ANSWERS:
            raise Invalid(
                f"post transfers to /channels/{NAME}", f"移交报文请发送到 /channels/{NAME}"
            )
        return receipt(await self.hear(message))

    async def again(self, raw: Delivery) -> Sequence[Received]:
        """Do what a delivery says that was refused when it came; it brings no contact.

        Raises:
            LianxinError: As `take`.
        """
        await self.take(raw)
        return ()

    async def hear(self, message: Message) -> str:
        """Do what 110 says of a matter that both know; when this returns it is on disk.

        Returns:
            Our ticket's number; empty without a ticket. The same for a message that comes again.

        Raises:
            NotFound: We know of no such matter.
        """
        try:
            return await self._hear(message)
        except IntegrityError:
            # The same message was delivered twice at once, and the other one committed first.
            return await self._hear(message)

    async def _hear(self, message: Message) -> str:
        async with self._database.transaction() as session:
            row = await self._matter_of(session, message)
            number = await _number(session, row)
            known = select(CustodyRow.id).where(CustodyRow.message_id == message.message_id)
            if (await session.exec(known)).first() is not None:
                return number
            row.remote_number = message.number or row.remote_number
            session.add(row)
            event = EVENT_OF.get(message.kind)
            # Of a matter that came from there 110 decides nothing any more; it can only add to it.
            if event is not None and row.direction is Direction.outbound:
                await self._answered(session, row, event, message)
            else:
                await self._book.log(
                    session,
                    row,
                    Step.supplemented,
                    who=message.handled_by,
                    message_id=message.message_id,
                )
                await self._note(session, row, message, "110 补充情况")
        self._poke()
        return number

    async def _matter_of(self, session: AsyncSession, message: Message) -> HandoverRow:
        statement = (
            select(HandoverRow)
            .where(HandoverRow.transfer_id == message.transfer_id)
            .with_for_update()
        )
        row = (await session.exec(statement)).first()
        if row is None and message.kind is Kind.supplement:
            row = await self._adoption.of_contact(session, message.transfer_id)
        if row is None:
            raise NotFound(
                "no matter was handed over under this transfer_id",
                "没有以此 transfer_id 移交的诉求",
            )
        return row

    async def _answered(
        self, session: AsyncSession, row: HandoverRow, event: HandoverEvent, message: Message
    ) -> None:
        said = message.reason or message.text
        await self._book.happen(
            session,
            row,
            event,
            who=message.handled_by,
            note=said,
            message_id=message.message_id,
        )
        await self._book.news(session, row)
        if row.ticket_id is None:
            return
        ticket = await self._ledger.ticket(session, row.ticket_id)
        moved = moves(event, ticket.state)
        if moved is not None:
            detail: Detail = Confirmed(reference=message.number)
            if moved is TicketEvent.passing_refused:
                detail = Reasoned(reason=said)
            await self._ledger.happen(session, ticket.id, moved, detail=detail)
        if said:
            await self._note(session, row, message, _HEADS[event])

    async def _note(
        self, session: AsyncSession, row: HandoverRow, message: Message, head: str
    ) -> None:
        said = message.reason or message.text or (message.matter.text if message.matter else "")
        if row.ticket_id is None or not said:
            return
        turn = f"\n请市民咨询：{message.where_to_turn}" if message.where_to_turn else ""
        await self._notes.add(
            session,
            row.ticket_id,
            source=NAME,
            external_id=message.message_id,
            text=f"{head}：{said}{turn}",
            said_at=message.sent_at,
        )


async def _number(session: AsyncSession, row: HandoverRow) -> str:
    if row.ticket_id is None:
        return ""
    return (await session.get_one(TicketRow, row.ticket_id)).number
