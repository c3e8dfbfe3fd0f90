"""Who rings whom: a callback belongs to one worker at a time, and only for as long as that worker shows itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from sqlalchemy import ColumnElement
from sqlmodel import col, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.callbacks.rules import (
    Bar,
    CallbackEvent,
    CallbackState,
    CallingPlan,
    next_opening,
    next_state,
    window_end,
)
from crm_bridge.callbacks.settings import CallbackSettings
from crm_bridge.callbacks.tables import CallbackAttemptRow, CallbackRow
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.rules import FINISHED
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow
from telephony.dialer.rules import Result, Survey
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

_AFTER_A_CALL = timedelta(seconds=30)
_LONGEST_CALL = timedelta(hours=4)
"""A call that began earlier and never ended is a slip of our books, and keeps nobody from being rung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A citizen to be rung, by the worker that claimed it; its attempt is on disk."""

    callback_id: int
    number: PhoneNumber = field(repr=False)
    survey: Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """The last attempt of a callback whose worker fell silent.

    Attributes:
        attempt_id: Its id.
        settled: Whether its outcome is on disk, so that only the PBX is still to be told to forget it.
    """

    attempt_id: str
    settled: bool


class Leases:
    """Gives callbacks to workers.

    Args:
        database: Where they lie.
        clock: Tells what is due and which lease has run out.
        vault: Opens the numbers.
        ledger: Is told that a ticket's callback has begun.
        settings: Questions, times and limits.
        plan: When citizens may be rung.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        ledger: Ledger,
        settings: CallbackSettings,
        plan: CallingPlan,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self._settings = settings
        self._plan = plan

    async def claim(self, owner: str, limit: int) -> Sequence[Order]:
        """Take due callbacks for ringing; their attempts are on disk when this returns.

        Args:
            owner: The worker; its lease must be renewed while it rings.
            limit: How many at most.

        Returns:
            Whom to ring; nobody outside the calling windows.
        """
        now = self._clock.now()
        closes_at = window_end(now, self._plan)
        if closes_at is None or limit < 1:
            return ()
        lease_until = now + timedelta(seconds=self._settings.lease_seconds)
        order_until = now + timedelta(seconds=self._settings.order_seconds)
        # The PBX refuses the order after this moment. As it is never later than the lease, a worker that slept
        # through its lease cannot ring a citizen whose attempt another worker has settled.
        valid_until = min(closes_at, lease_until, order_until)
        due = (
            select(CallbackRow.id)
            .where(CallbackRow.state == CallbackState.due, col(CallbackRow.due_at) <= now)
            .order_by(col(CallbackRow.due_at))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claim = (
            update(CallbackRow)
            .where(col(CallbackRow.id).in_(due))
            .values(state=CallbackState.dialing, lease_owner=owner, lease_until=lease_until)
            .returning(col(CallbackRow.id))
            .execution_options(synchronize_session=False)
        )
        async with self._database.transaction() as session:
            ids = list((await session.exec(claim)).scalars())
            orders = [
                await self._begin(session, callback_id, now, valid_until) for callback_id in ids
            ]
            return [order for order in orders if order is not None]

    async def renew(self, owner: str, callback_ids: Sequence[int]) -> None:
        """Keep the lease of callbacks that the worker still rings for."""
        until = self._clock.now() + timedelta(seconds=self._settings.lease_seconds)
        async with self._database.transaction() as session:
            await session.exec(
                update(CallbackRow)
                .where(col(CallbackRow.id).in_(callback_ids), col(CallbackRow.lease_owner) == owner)
                .values(lease_until=until)
            )

    async def take_over(self, owner: str, limit: int = 20) -> Sequence[LeftBehind]:
        """Take the attempts of workers that fell silent; they are to be settled or forgotten, never to be dialled."""
        now = self._clock.now()
        silent = (
            select(CallbackRow.id)
            .where(col(CallbackRow.lease_until) < now)
            .order_by(col(CallbackRow.lease_until))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claim = (
            update(CallbackRow)
            .where(col(CallbackRow.id).in_(silent))
            .values(
                lease_owner=owner,
                lease_until=now + timedelta(seconds=self._settings.lease_seconds),
            )
            .returning(col(CallbackRow.id))
            .execution_options(synchronize_session=False)
        )
        async with self._database.transaction() as session:
            ids = list((await session.exec(claim)).scalars())
            attempts = select(CallbackAttemptRow).where(
                col(CallbackAttemptRow.callback_id).in_(ids), was_rung()
            )
            newest = {
                row.callback_id: row
                for row in (await session.exec(attempts.order_by(col(CallbackAttemptRow.n)))).all()
            }
            return [
                LeftBehind(attempt_id=row.id, settled=row.result is not None)
                for row in newest.values()
            ]

    async def release(self, owner: str, attempt_id: str) -> None:
        """Give up the lease of an attempt that is settled and that the PBX has forgotten."""
        of_attempt = select(CallbackAttemptRow.callback_id).where(
            CallbackAttemptRow.id == attempt_id
        )
        async with self._database.transaction() as session:
            await session.exec(
                update(CallbackRow)
                .where(
                    col(CallbackRow.id).in_(of_attempt),
                    col(CallbackRow.lease_owner) == owner,
                    col(CallbackRow.state) != CallbackState.dialing,
                )
                .values(lease_owner=None, lease_until=None)
                .execution_options(synchronize_session=False)
            )

    async def _begin(
        self, session: AsyncSession, callback_id: int, now: datetime, valid_until: datetime
    ) -> Order | None:
        """Write the attempt down and return the order; None for a citizen who is not to be rung now."""
        row = await session.get_one(CallbackRow, callback_id)
        assert row.phone_encrypted is not None  # noqa: S101  # a callback without a number is barred
        try:
            number = PhoneNumber(self._vault.decrypt(row.phone_encrypted))
        except Misconfigured:
            # One record that the key does not open must not keep all the others from being rung.
            log.exception("callback_unreadable", callback=callback_id)
            self._put_back(row, CallbackEvent.uncertain)
            return None
        if await self._is_talking(session, number, now):
            self._put_back(row, CallbackEvent.postponed)
            row.due_at = next_opening(now + _AFTER_A_CALL, self._plan)
            return None
        ticket = await self._ledger.ticket(session, row.ticket_id)
        if ticket.state is TicketState.stopped:
            # Work on it has ended without a result, often because the citizen wished so.
            self._put_back(row, CallbackEvent.barred)
            row.bar, row.finished_at = Bar.stopped, now
            return None
        made = select(func.count()).where(col(CallbackAttemptRow.callback_id) == callback_id)
        attempt = CallbackAttemptRow(
            id=uuid4().hex,
            callback_id=callback_id,
            n=(await session.exec(made)).one() + 1,
            started_at=now,
        )
        session.add(attempt)
        if ticket.state in FINISHED:
            await self._ledger.happen(session, ticket.id, TicketEvent.callback_due)
        return Order(
            callback_id=callback_id,
            number=number,
            survey=Survey(
                attempt_id=attempt.id,
                questions=self._settings.questions,
                ring_seconds=self._settings.ring_seconds,
                valid_until=valid_until,
            ),
        )

    def _put_back(self, row: CallbackRow, event: CallbackEvent) -> None:
        row.state = next_state(row.state, event)
        row.lease_owner = row.lease_until = None

    async def _is_talking(self, session: AsyncSession, number: PhoneNumber, now: datetime) -> bool:
        """Return whether the citizen is on the line with us: his telephone would only be busy."""
        statement = select(CallRow.id).where(
            CallRow.caller_digest == self._vault.digest(number.digits),
            col(CallRow.offered_at) > now - _LONGEST_CALL,
            col(CallRow.ended_at).is_(None),
        )
        return (await session.exec(statement.limit(1))).first() is not None


def was_rung() -> ColumnElement[bool]:
    """Return the condition that an attempt is the PBX's: what a citizen wrote on a page it knows nothing of."""
    result = col(CallbackAttemptRow.result)
    return or_(result.is_(None), result != Result.in_writing)
