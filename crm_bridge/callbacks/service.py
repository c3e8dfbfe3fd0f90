"""Callbacks on disk: what is owed, who rings whom, and what came of it. Each use case is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from crm_bridge.callbacks.outcomes import Outcomes
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
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.dialer.rules import Outcome, Question, Survey
from telephony.numbers import PhoneNumber

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A citizen to be rung, by the worker that claimed it; its attempt is on disk."""

    callback_id: int
    number: PhoneNumber = field(repr=False)
    survey: Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class ToReview:
    """A callback of which nobody can tell whether the telephone rang, and since when that is known."""

    callback_id: int
    ticket_id: int
    since: datetime


class Callbacks:
    """What the city owes to those whose tickets have finished.

    Args:
        database: Where it lies.
        clock: Tells what is due.
        vault: Seals and opens the numbers.
        contacts: Knows the citizens.
        ledger: Is told what the citizen said.
        settings: Questions, times and limits.
        plan: When citizens may be rung.
        poke: Wakes the relay when there is something to tell.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        contacts: Contacts,
        ledger: Ledger,
        settings: CallbackSettings,
        plan: CallingPlan,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._contacts = contacts
        self._ledger = ledger
        self._settings = settings
        self._plan = plan
        self._poke = poke
        self._outcomes = Outcomes(clock, ledger, plan)

    async def owe(self, session: AsyncSession, ticket: Ticket) -> None:
        """Write down the callback of a ticket that has finished, in the transaction that finished it.

        Nobody is called who asked not to be or whose number is not known: such a ticket is archived at once.
        """
        now = self._clock.now()
        phone = await self._number(session, ticket)
        bar = Bar.call_me_not if ticket.call_me_not else Bar.anonymous if phone is None else None
        earliest = now + timedelta(seconds=self._settings.delay_seconds)
        row = CallbackRow(
            ticket_id=ticket.id,
            round=ticket.round,
            state=next_state(None, CallbackEvent.barred if bar else CallbackEvent.owed),
            bar=bar,
            due_at=now if bar else next_opening(earliest, self._plan),
            phone_encrypted=self._vault.encrypt(phone.digits) if phone and not bar else None,
            created_at=now,
            finished_at=now if bar else None,
        )
        session.add(row)
        if bar is not None:
            await self._ledger.happen(
                session, ticket.id, TicketEvent.archived, detail={"reason": bar.value}
            )

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
            return [
                await self._begin(session, callback_id, now, valid_until) for callback_id in ids
            ]

    async def renew(self, owner: str, callback_ids: Sequence[int]) -> None:
        """Keep the lease of callbacks that the worker still rings for."""
        until = self._clock.now() + timedelta(seconds=self._settings.lease_seconds)
        async with self._database.transaction() as session:
            await session.exec(
                update(CallbackRow)
                .where(col(CallbackRow.id).in_(callback_ids), col(CallbackRow.lease_owner) == owner)
                .values(lease_until=until)
            )

    async def take_over(self, owner: str, limit: int = 20) -> Sequence[str]:
        """Take the attempts of workers that fell silent.

        Returns:
            Attempts whose outcome is not known; they are to be settled, never to be dialled.
        """
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
            open_attempts = select(CallbackAttemptRow.id).where(
                col(CallbackAttemptRow.callback_id).in_(ids),
                col(CallbackAttemptRow.result).is_(None),
            )
            return (await session.exec(open_attempts)).all()

    async def finish(self, outcome: Outcome) -> None:
        """Write down what came of an attempt and all that follows; a second time nothing more happens."""
        async with self._database.transaction() as session:
            await self._outcomes.finish(session, outcome)
        self._poke()

    async def take_key(self, attempt_id: str, question: Question, digit: int) -> None:
        """Write down a key that reached us by the mailbox, however late; a second time nothing more happens."""
        async with self._database.transaction() as session:
            await self._outcomes.take_key(session, attempt_id, question, digit)
        self._poke()

    async def to_review(self) -> Sequence[ToReview]:
        """Return the callbacks that wait for a person's decision, oldest first, at most 100."""
        statement = (
            select(CallbackRow.id, CallbackRow.ticket_id, func.max(CallbackAttemptRow.ended_at))
            .join(CallbackAttemptRow, col(CallbackAttemptRow.callback_id) == CallbackRow.id)
            .where(CallbackRow.state == CallbackState.needs_review)
            .group_by(col(CallbackRow.id), col(CallbackRow.ticket_id))
            .order_by(col(CallbackRow.id))
            .limit(100)
        )
        async with self._database.reading() as session:
            return [
                ToReview(callback_id=callback_id, ticket_id=ticket_id, since=since)
                for callback_id, ticket_id, since in (await session.exec(statement)).all()
                if callback_id is not None and since is not None
            ]

    async def review(self, principal: Principal, callback_id: int, *, call_again: bool) -> None:
        """Decide about a callback of which nobody could tell whether it rang.

        Args:
            principal: Who decides.
            callback_id: Row of the callback.
            call_again: Whether the citizen is tried again; otherwise the ticket is not rated.

        Raises:
            NotFound: There is no such callback.
            CallbackRefused: It does not wait for a decision.
        """
        async with self._database.transaction() as session:
            row = await session.get(CallbackRow, callback_id, with_for_update=True)
            if row is None:
                raise NotFound
            event = CallbackEvent.postponed if call_again else CallbackEvent.not_rated
            row.state = next_state(row.state, event)
            if call_again:
                row.due_at = next_opening(self._clock.now(), self._plan)
            else:
                await self._outcomes.close_unrated(session, row, "reviewed", principal.number)
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="callback.review",
                subject=f"callback:{callback_id}",
                detail={"call_again": call_again},
            )
        self._poke()

    async def _begin(
        self, session: AsyncSession, callback_id: int, now: datetime, valid_until: datetime
    ) -> Order:
        row = await session.get_one(CallbackRow, callback_id)
        assert row.phone_encrypted is not None  # noqa: S101  # a callback without a number is barred
        made = select(func.count()).where(col(CallbackAttemptRow.callback_id) == callback_id)
        attempt = CallbackAttemptRow(
            id=uuid4().hex,
            callback_id=callback_id,
            n=(await session.exec(made)).one() + 1,
            started_at=now,
        )
        session.add(attempt)
        ticket = await self._ledger.ticket(session, row.ticket_id)
        if ticket.state in FINISHED:
            await self._ledger.happen(session, ticket.id, TicketEvent.callback_due)
        return Order(
            callback_id=callback_id,
            number=PhoneNumber(self._vault.decrypt(row.phone_encrypted)),
            survey=Survey(
                attempt_id=attempt.id,
                questions=self._settings.questions,
                ring_seconds=self._settings.ring_seconds,
                valid_until=valid_until,
            ),
        )

    async def _number(self, session: AsyncSession, ticket: Ticket) -> PhoneNumber | None:
        row = await session.get_one(TicketRow, ticket.id)
        if row.callback_phone_encrypted is not None:
            return PhoneNumber(self._vault.decrypt(row.callback_phone_encrypted))
        if ticket.citizen_id is None:
            return None
        return (await self._contacts.citizen(session, ticket.citizen_id)).phone
