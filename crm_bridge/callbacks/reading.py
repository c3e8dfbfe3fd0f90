"""Callbacks as a ticket shows them."""

from __future__ import annotations

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.callbacks.tables import CallbackAnswerRow, CallbackAttemptRow, CallbackRow
from crm_bridge.tickets.views import AttemptView, CallbackView
from telephony.dialer.rules import Question


async def callbacks_of(session: AsyncSession, ticket_id: int) -> list[CallbackView]:
    """Return the callbacks of a ticket, one a round, with every attempt; the first answer to a question is shown."""
    of_ticket = (
        select(CallbackRow).where(CallbackRow.ticket_id == ticket_id).order_by(col(CallbackRow.id))
    )
    callbacks = (await session.exec(of_ticket)).all()
    ids = [row.id for row in callbacks]
    of_callbacks = (
        select(CallbackAttemptRow)
        .where(col(CallbackAttemptRow.callback_id).in_(ids))
        .order_by(col(CallbackAttemptRow.n))
    )
    attempts = (await session.exec(of_callbacks)).all()
    of_attempts = select(CallbackAnswerRow).where(
        col(CallbackAnswerRow.attempt_id).in_([row.id for row in attempts])
    )
    pressed = (await session.exec(of_attempts)).all()
    views = []
    for callback in callbacks:
        own = [attempt for attempt in attempts if attempt.callback_id == callback.id]
        answers: dict[Question, int] = {}
        for attempt in own:
            for answer in pressed:
                if answer.attempt_id == attempt.id:
                    answers.setdefault(answer.question, answer.digit)
        views.append(
            CallbackView(
                id=callback.id or 0,
                state=callback.state,
                reason=callback.bar,
                due_at=callback.due_at,
                attempts=[
                    AttemptView(
                        n=attempt.n,
                        started_at=attempt.started_at,
                        ended_at=attempt.ended_at,
                        result=attempt.result,
                    )
                    for attempt in own
                ],
                answers=answers,
            )
        )
    return views
