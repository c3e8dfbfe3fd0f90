"""The book of matters handed over: what is written of one, always in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.police_110.wire import MatterBody, Message
from crm_bridge.police.rules import (
    Direction,
    Earlier,
    HandoverEvent,
    HandoverState,
    Holder,
    Step,
    holder,
    next_state,
)
from crm_bridge.police.tables import CustodyRow, HandoverRow, MessageState, PoliceMessageRow
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.vault import Vault


class PoliceBook:
    """Writes handovers, the messages that tell of them, and the log of who had them.

    Args:
        clock: Gives the time of every line.
        vault: Seals what citizens said.
        own_id: What we are called; the beginning of the ids that we make.
        give_up: How long a message is tried.
    """

    def __init__(self, clock: Clock, vault: Vault, own_id: str, give_up: timedelta) -> None:
        self._clock = clock
        self._vault = vault
        self._own_id = own_id
        self._give_up = give_up

    async def begin(
        self,
        session: AsyncSession,
        matter: MatterBody,
        *,
        agent: str | None,
        emergency: bool,
        number: str = "",
        ticket_id: int | None = None,
        call: tuple[str, str] | None = None,
    ) -> HandoverRow:
        """Write a matter down that we hand to 110, with the message that tells of it.

        Args:
            session: The transaction.
            matter: What it is about.
            agent: 工号 of who hands it over; None is the system.
            emergency: Whether life or property is in danger.
            number: Of our ticket; empty without one.
            ticket_id: Our ticket; None without one.
            call: PBX and linkedid of the call that it came up in.
        """
        now = self._clock.now()
        row = HandoverRow(
            direction=Direction.outbound,
            transfer_id=f"{self._own_id}-{uuid4().hex[:20]}",
            state=HandoverState.offered,
            ticket_id=ticket_id,
            pbx=call[0] if call else None,
            linkedid=call[1] if call else None,
            agent=agent,
            emergency=emergency,
            created_at=now,
            changed_at=now,
        )
        session.add(row)
        await session.flush()
        await self.log(session, row, Step.offered, who=agent or "")
        await self.tell(session, row, self._message(row, "transfer", number=number, matter=matter))
        return row

    async def adopt(
        self, session: AsyncSession, *, transfer_id: str, contact_id: int, at: datetime
    ) -> HandoverRow:
        """Write a matter down that 110 has handed to us.

        Args:
            session: The transaction.
            transfer_id: What 110 calls it.
            contact_id: The contact that it is.
            at: When it came.
        """
        row = HandoverRow(
            direction=Direction.inbound,
            transfer_id=transfer_id,
            state=HandoverState.received,
            contact_id=contact_id,
            created_at=at,
            changed_at=at,
        )
        session.add(row)
        await session.flush()
        await self.log(session, row, Step.received, at=at)
        return row

    async def happen(
        self,
        session: AsyncSession,
        row: HandoverRow,
        event: HandoverEvent,
        *,
        who: str = "",
        note: str = "",
        message_id: str | None = None,
    ) -> bool:
        """Let something happen to a matter; return whether it changed anything. Either way it is in the log."""
        state = next_state(row.state, event)
        if state is not None:
            row.state, row.changed_at = state, self._clock.now()
            session.add(row)
        step = Step(event.value)
        await self.log(session, row, step, who=who, note=note, message_id=message_id)
        return state is not None

    async def log(
        self,
        session: AsyncSession,
        row: HandoverRow,
        step: Step,
        *,
        who: str = "",
        note: str = "",
        message_id: str | None = None,
        held_by: Holder | None = None,
        at: datetime | None = None,
    ) -> None:
        """Append a line to the log of who had it; `held_by` where that does not follow from its state."""
        session.add(
            CustodyRow(
                handover_id=id_of(row),
                at=at or self._clock.now(),
                step=step,
                holder=held_by or holder(row.direction, row.state),
                who=who,
                note_sealed=self._vault.encrypt(note) if note else None,
                message_id=message_id,
            )
        )
        await session.flush()

    async def tell(self, session: AsyncSession, row: HandoverRow, message: Message) -> None:
        """Write a message down that is sent after the commit."""
        now = self._clock.now()
        session.add(
            PoliceMessageRow(
                handover_id=id_of(row),
                message_id=message.message_id,
                kind=message.kind,
                sealed=self._vault.encrypt(message.encoded().decode()),
                state=MessageState.waiting,
                next_at=now,
                until=now + self._give_up,
                created_at=now,
            )
        )
        await session.flush()

    async def answer(
        self,
        session: AsyncSession,
        row: HandoverRow,
        event: HandoverEvent,
        *,
        number: str,
        text: str,
        turn: str = "",
        who: str = "",
    ) -> None:
        """Tell 110 what has become of a matter that came from there, and write it into the log.

        Args:
            session: The transaction.
            row: The matter.
            event: What has become of it.
            number: Of our ticket.
            text: Why it is refused, or what came of it.
            turn: Where the citizen is to turn; said with a refusal.
            who: 工号 of who decided.
        """
        await self.happen(session, row, event, who=who)
        said = {
            HandoverEvent.refused: {
                "reason": text or "不属于12345受理范围",
                "where_to_turn": turn,
            },
            HandoverEvent.finished: {"text": text or "已办结"},
        }.get(event, {})
        kind = "accepted" if event is HandoverEvent.reopened else event.value
        await self.tell(session, row, self._message(row, kind, number=number, **said))

    async def supplement(
        self, session: AsyncSession, row: HandoverRow, matter: MatterBody, number: str
    ) -> None:
        """Tell 110 what has become known since of a matter that we have handed over."""
        await self.log(session, row, Step.supplemented)
        message = self._message(row, "supplement", number=number, matter=matter)
        await self.tell(session, row, message)

    async def news(self, session: AsyncSession, row: HandoverRow) -> None:
        """Tell the agent who handed a matter over how it stands."""
        if row.agent is None:
            return
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="police.changed",
            key=f"police:{row.id}",
            body={
                "agents": [row.agent],
                "data": {
                    "handover_id": row.id,
                    "ticket_id": row.ticket_id,
                    "state": row.state.value,
                },
            },
        )

    async def of_ticket(
        self, session: AsyncSession, ticket_id: int, direction: Direction | None = None
    ) -> Sequence[HandoverRow]:
        """Return the handovers of a ticket, the oldest first, locked."""
        statement = select(HandoverRow).where(HandoverRow.ticket_id == ticket_id)
        if direction is not None:
            statement = statement.where(HandoverRow.direction == direction)
        ordered = statement.order_by(col(HandoverRow.id)).with_for_update()
        return (await session.exec(ordered)).all()

    def _message(self, row: HandoverRow, kind: str, **said: object) -> Message:
        return Message.model_validate(
            {
                "message_id": f"{self._own_id}-{uuid4().hex}",
                "kind": kind,
                "transfer_id": row.transfer_id,
                "sent_at": self._clock.now(),
                **said,
            }
        )


def earlier_of(rows: Sequence[HandoverRow]) -> list[Earlier]:
    """Return handovers as the rules look at them."""
    return [Earlier(direction=row.direction, state=row.state) for row in rows]


def id_of(row: HandoverRow) -> int:
    """Return the id of a handover that is stored."""
    assert row.id is not None  # noqa: S101  # a stored row has its id
    return row.id
