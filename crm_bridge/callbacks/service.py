"""What is owed to citizens, what came of ringing them, and what a person decides. Each use case is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.contacts.service import Contacts
from crm_bridge.callbacks.leases import Leases
from crm_bridge.callbacks.outcomes import AskInWriting, Outcomes
from crm_bridge.callbacks.rules import (
    SATISFIED,
    Bar,
    CallbackEvent,
    CallbackState,
    CallingPlan,
    is_sampled,
    next_opening,
    next_state,
)
from crm_bridge.callbacks.settings import CallbackSettings
from crm_bridge.callbacks.tables import CallbackAttemptRow, CallbackRow, RatingRow
from crm_bridge.tickets.details import Reasoned
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.rules import FINISHED
from crm_bridge.tickets.tables import AssignmentRow, TicketRow
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import AssignmentRole, AssignmentState, TicketEvent
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.dialer.rules import Outcome, Result
from telephony.numbers import PhoneNumber

log = structlog.get_logger()

_ANSWERS_FOR = (
    AssignmentState.dispatched,
    AssignmentState.in_hand,
    AssignmentState.replied,
    AssignmentState.finished,
    AssignmentState.stopped,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToReview:
    """A callback of which nobody can tell whether the telephone rang, and since when that is known."""

    callback_id: int
    ticket_id: int
    since: datetime


class Callbacks:
    """What the city owes to those whose tickets have finished.

    Attributes:
        leases: Who rings whom.

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
        self.leases = Leases(database, clock, vault, ledger, settings, plan)

    def on_unreached(self, ask: AskInWriting) -> None:
        """Let `ask` ask citizens in writing who could not be reached by telephone, in that transaction."""
        self._outcomes.on_unreached(ask)

    async def owe(self, session: AsyncSession, ticket: Ticket) -> None:
        """Write down the callback of a ticket, in the caller's transaction.

        It is owed when the ticket finishes or its limit passes, whichever is first, and once a round. Nobody is called
        who asked not to be or whose number is not known: such a ticket is archived when it finishes. One whose citizen
        was asked before it finished goes on from what he said.

        Args:
            session: The transaction that finished the ticket, or that found its limit passed.
            ticket: The ticket, locked by the caller (`Ledger.ticket`).
        """
        of_round = select(CallbackRow).where(
            CallbackRow.ticket_id == ticket.id, CallbackRow.round == ticket.round
        )
        row = (await session.exec(of_round)).one_or_none()
        asked_before = row is not None
        if row is None:
            row = await self._owed(session, ticket)
        if ticket.state not in FINISHED:
            return
        if asked_before:
            await _point_at_finisher(session, ticket, row)
        if row.bar is not None:
            await self._archive(session, ticket, row.bar.value)
        elif row.state is CallbackState.rated:
            await self._go_on(session, ticket, row)
        elif row.state is CallbackState.unrated:
            await self._archive(session, ticket, row.state.value)
        elif asked_before:
            await self._ledger.happen(session, ticket.id, TicketEvent.callback_due)

    async def _owed(self, session: AsyncSession, ticket: Ticket) -> CallbackRow:
        now = self._clock.now()
        phone = await self._number(session, ticket)
        bar = self._bar(ticket, phone)
        earliest = now + timedelta(seconds=self._settings.delay_seconds)
        lead = await _lead(session, ticket)
        row = CallbackRow(
            ticket_id=ticket.id,
            round=ticket.round,
            state=next_state(None, CallbackEvent.barred if bar else CallbackEvent.owed),
            bar=bar,
            due_at=now if bar else next_opening(earliest, self._plan),
            phone_encrypted=self._vault.encrypt(phone.digits) if phone and not bar else None,
            created_at=now,
            finished_at=now if bar else None,
            assignment_id=lead.id if lead else None,
            unit=lead.unit if lead else None,
            counted_at=lead.dispatched_at if lead else ticket.created_at,
        )
        session.add(row)
        return row

    def _bar(self, ticket: Ticket, phone: PhoneNumber | None) -> Bar | None:
        """Return why the citizen is not rung; None when he is."""
        if ticket.call_me_not:
            return Bar.call_me_not
        if phone is None:
            return Bar.anonymous
        lot = self._vault.digest(f"callback-sample:{ticket.id}")
        if ticket.round == 1 and not is_sampled(lot, self._settings.sample_percent):
            return Bar.not_sampled
        return None

    async def _go_on(self, session: AsyncSession, ticket: Ticket, row: CallbackRow) -> None:
        """Let a ticket go on whose citizen has rated it before it finished: filed away, or to be decided on."""
        rated = select(RatingRow.value).where(RatingRow.callback_id == row.id)
        if (await session.exec(rated)).one() in SATISFIED:
            await self._archive(session, ticket, row.state.value)
        else:
            await self._ledger.happen(session, ticket.id, TicketEvent.callback_due)

    async def _archive(self, session: AsyncSession, ticket: Ticket, reason: str) -> None:
        await self._ledger.happen(
            session, ticket.id, TicketEvent.archived, detail=Reasoned(reason=reason)
        )

    async def finish(self, outcome: Outcome) -> None:
        """Write down what came of an attempt and all that follows; a second time nothing more happens.

        The lease stays until the PBX has been told to forget the attempt (`release`).
        """
        async with self._database.transaction() as session:
            await self._outcomes.finish(session, outcome)
        self._poke()

    async def not_rung(self, attempt_id: str) -> None:
        """Write down that the order to ring never reached the PBX, which has nothing to forget."""
        async with self._database.transaction() as session:
            await self._outcomes.finish(
                session,
                Outcome(
                    attempt_id=attempt_id, result=Result.refused_late, ended_at=self._clock.now()
                ),
                forgotten=True,
            )
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

    async def _number(self, session: AsyncSession, ticket: Ticket) -> PhoneNumber | None:
        row = await session.get_one(TicketRow, ticket.id)
        if row.callback_phone_encrypted is not None:
            return PhoneNumber(self._vault.decrypt(row.callback_phone_encrypted))
        if ticket.citizen_id is None:
            return None
        return (await self._contacts.citizen(session, ticket.citizen_id)).phone


async def _point_at_finisher(session: AsyncSession, ticket: Ticket, row: CallbackRow) -> None:
    """Let what the citizen will say count for the lead that finished, which may be another than was late.

    What he has said already, or is asked just now, stays with the lead about which he was asked.
    """
    if row.state is not CallbackState.due:
        return
    lead = await _lead(session, ticket)
    row.assignment_id = lead.id if lead else None
    row.unit = lead.unit if lead else None
    row.counted_at = lead.dispatched_at if lead else ticket.created_at


async def _lead(session: AsyncSession, ticket: Ticket) -> AssignmentRow | None:
    """Return the assignment that answers for the ticket in this round; None if no unit does."""
    statement = (
        select(AssignmentRow)
        .where(
            AssignmentRow.ticket_id == ticket.id,
            AssignmentRow.round == ticket.round,
            AssignmentRow.role == AssignmentRole.lead,
            col(AssignmentRow.state).in_(_ANSWERS_FOR),
        )
        .order_by(col(AssignmentRow.n).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()
