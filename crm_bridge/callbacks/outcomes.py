"""What an attempt or a key means for the callback, the rating and the ticket; in the caller's transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.callbacks.rules import (
    FINISHED,
    SATISFIED,
    TRANSITIONS,
    CallbackEvent,
    CallbackState,
    CallingPlan,
    PastAttempt,
    Verdict,
    conclude,
    next_state,
)
from crm_bridge.callbacks.tables import (
    CallbackAnswerRow,
    CallbackAttemptRow,
    CallbackRow,
    RatingRow,
)
from crm_bridge.tickets.details import Detail, NotRated, Rated
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.refusals import TransitionRefused
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit import outbox
from infra.kit.clock import Clock
from telephony.dialer.rules import Outcome, Question, Result

log = structlog.get_logger()


AskInWriting = Callable[[AsyncSession, CallbackRow], Awaitable[bool]]
"""Asks the citizen of a callback in writing, in the transaction that ends it; returns whether there was a way."""


class Outcomes:
    """Draws the conclusions.

    Args:
        clock: Gives the time of what is written.
        ledger: Is told what the citizen said.
        plan: When citizens may be rung again.
    """

    def __init__(self, clock: Clock, ledger: Ledger, plan: CallingPlan) -> None:
        self._clock = clock
        self._ledger = ledger
        self._plan = plan
        self._ask: AskInWriting | None = None

    def on_unreached(self, ask: AskInWriting) -> None:
        """Let `ask` ask citizens who could not be reached by telephone."""
        self._ask = ask

    async def finish(
        self, session: AsyncSession, outcome: Outcome, *, forgotten: bool = False
    ) -> None:
        """Close an attempt and conclude what follows; `forgotten` ends the lease too.

        An outcome may come twice, from the worker that rang and from one that settled: the first one that knows
        anything stands, and of the second only keys are taken that the first did not have.
        """
        found = await self._lock(session, outcome.attempt_id)
        if found is None:
            return
        callback, attempt = found
        for question, digit in outcome.answers.items():
            await self._keep(session, attempt, question, digit)
        if attempt.result in (None, Result.unknown):
            attempt.result = outcome.result
            attempt.ended_at = outcome.ended_at
            attempt.reason_recording = outcome.reason_recording
        if forgotten:
            callback.lease_owner = callback.lease_until = None
        await session.flush()
        await self._conclude(session, callback)

    async def close_unrated(
        self,
        session: AsyncSession,
        callback: CallbackRow,
        reason: str,
        actor: str | None = None,
        *,
        link_sent: bool = False,
    ) -> None:
        """Let a callback end without a rating, which never counts as satisfied."""
        detail = NotRated(reason=reason, callback_id=callback.id, link_sent=link_sent)
        await self._tell_ticket(session, callback, TicketEvent.not_rated, detail, actor=actor)
        await self._end(session, callback, rating=None)

    async def _lock(
        self, session: AsyncSession, attempt_id: str
    ) -> tuple[CallbackRow, CallbackAttemptRow] | None:
        # The callback's row is what everybody locks, so that two outcomes come one after the other.
        of_attempt = select(CallbackAttemptRow.callback_id).where(
            CallbackAttemptRow.id == attempt_id
        )
        callback_id = (await session.exec(of_attempt)).one_or_none()
        if callback_id is None:
            log.warning("callback_attempt_unknown", attempt=attempt_id)
            return None
        callback = await session.get_one(
            CallbackRow, callback_id, with_for_update=True, populate_existing=True
        )
        attempt = await session.get_one(CallbackAttemptRow, attempt_id, populate_existing=True)
        return callback, attempt

    async def _keep(
        self, session: AsyncSession, attempt: CallbackAttemptRow, question: Question, digit: int
    ) -> None:
        if await session.get(CallbackAnswerRow, (attempt.id, question)) is None:
            session.add(
                CallbackAnswerRow(
                    attempt_id=attempt.id,
                    question=question,
                    digit=digit,
                    taken_at=self._clock.now(),
                )
            )
            await session.flush()

    async def _conclude(self, session: AsyncSession, callback: CallbackRow) -> None:
        attempts = (
            await session.exec(
                select(CallbackAttemptRow)
                .where(CallbackAttemptRow.callback_id == callback.id)
                .order_by(col(CallbackAttemptRow.n))
            )
        ).all()
        rating = await self._pressed(session, callback)
        if callback.state in (CallbackState.dialing, CallbackState.needs_review):
            if attempts[-1].result is None:
                # News of an older attempt while a newer one rings: it is concluded when that one ends.
                return
            ended = [
                PastAttempt(started_at=attempt.started_at, result=attempt.result)
                for attempt in attempts
                if attempt.result is not None
            ]
            verdict = conclude(self._clock.now(), self._plan, ended, rated=rating is not None)
            reason = verdict.bar.value if verdict.bar else ended[-1].result.value
            if (callback.state, verdict.event) in TRANSITIONS:
                await self._apply(session, callback, verdict, rating, reason)
        elif rating is not None and (callback.state, CallbackEvent.rated) in TRANSITIONS:
            await self._apply(session, callback, Verdict(event=CallbackEvent.rated), rating, "")

    async def _apply(
        self,
        session: AsyncSession,
        callback: CallbackRow,
        verdict: Verdict,
        rating: CallbackAnswerRow | None,
        reason: str,
    ) -> None:
        callback.state = next_state(callback.state, verdict.event)
        callback.bar = verdict.bar
        if verdict.due_at is not None:
            callback.due_at = verdict.due_at
        if rating is not None:
            await self._rate(session, callback, rating)
        elif callback.state in FINISHED:
            link_sent = False
            if verdict.unreached and self._ask is not None:
                link_sent = await self._ask(session, callback)
            await self.close_unrated(session, callback, reason, link_sent=link_sent)
        await session.flush()

    async def _rate(
        self, session: AsyncSession, callback: CallbackRow, answer: CallbackAnswerRow
    ) -> None:
        assert callback.id is not None  # noqa: S101  # a stored row has its id
        session.add(
            RatingRow(
                callback_id=callback.id,
                ticket_id=callback.ticket_id,
                attempt_id=answer.attempt_id,
                value=answer.digit,
                rated_at=self._clock.now(),
                assignment_id=callback.assignment_id,
                unit=callback.unit,
                counted_at=callback.counted_at,
            )
        )
        satisfied = answer.digit in SATISFIED
        event = TicketEvent.satisfied if satisfied else TicketEvent.dissatisfied
        attempt = await session.get_one(CallbackAttemptRow, answer.attempt_id)
        detail = Rated(rating=answer.digit, callback_id=callback.id, text=attempt.reason_text or "")
        await self._tell_ticket(session, callback, event, detail)
        await self._end(session, callback, rating=answer.digit)

    async def _pressed(
        self, session: AsyncSession, callback: CallbackRow
    ) -> CallbackAnswerRow | None:
        """Return the first answer to the question that rates, in whichever attempt it was pressed."""
        statement = (
            select(CallbackAnswerRow)
            .join(CallbackAttemptRow, col(CallbackAttemptRow.id) == CallbackAnswerRow.attempt_id)
            .where(
                CallbackAttemptRow.callback_id == callback.id,
                CallbackAnswerRow.question == Question.satisfied,
            )
            .order_by(col(CallbackAttemptRow.n))
            .limit(1)
        )
        return (await session.exec(statement)).one_or_none()

    async def _tell_ticket(
        self,
        session: AsyncSession,
        callback: CallbackRow,
        event: TicketEvent,
        detail: Detail,
        *,
        actor: str | None = None,
    ) -> None:
        ticket = await self._ledger.ticket(session, callback.ticket_id)
        if ticket.round != callback.round:
            # A key so late that the ticket has begun another round: the rating stands, the round goes on.
            log.warning("callback_too_late_for_ticket", ticket=ticket.id)
            return
        try:
            await self._ledger.happen(session, ticket.id, event, actor=actor, detail=detail)
        except TransitionRefused as error:
            log.warning("callback_not_for_ticket", ticket=ticket.id, reason=error.detail_en)

    async def _end(self, session: AsyncSession, callback: CallbackRow, rating: int | None) -> None:
        callback.finished_at = self._clock.now()
        ticket = await self._ledger.ticket(session, callback.ticket_id)
        await outbox.put(
            session,
            self._clock,
            destination="feed",
            kind="callback.finished",
            key=f"ticket:{ticket.id}",
            body={
                "agents": [ticket.agent] if ticket.agent else [],
                "data": {
                    "ticket_id": ticket.id,
                    "number": ticket.number,
                    "result": callback.state.value,
                    "rating": rating,
                },
            },
        )
