"""Ratings that citizens write on a page instead of pressing keys (好差评): the same questions, the same rates.

A written rating is an attempt at which nobody was rung. So it goes the way of every other: the first answer stands, the
ticket hears of it, and nobody is rung any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.callbacks.outcomes import Outcomes
from crm_bridge.callbacks.rules import CallbackRefused, CallingPlan, can_rate
from crm_bridge.callbacks.tables import CallbackAttemptRow, CallbackRow
from crm_bridge.tickets.ledger import Ledger
from crm_bridge.tickets.rules import FINISHED
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit import idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.idempotency import IdempotencyKey
from telephony.dialer.rules import VALID_KEYS, Outcome, Question, Result

REASON_LENGTH = 400


class CannotRate(CallbackRefused):
    """The ticket cannot be rated now, or not any more."""

    slug = "cannot-rate"
    title_zh = "该诉求现在不能评价：尚未办结，或已经评价过"
    title_en = "This matter cannot be rated: it is not finished, or was rated before"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRating:
    """What a citizen says of a ticket on a page; the digits are those of the telephone's keys.

    Attributes:
        satisfied: 1 very satisfied … 5 very dissatisfied.
        contacted: Whether the unit contacted him: 1 yes, 2 no; None when not said.
        solved: 1 yes, 2 partly, 3 no; None when not said.
        reason: Why, in his words; may be empty.
    """

    satisfied: int
    contacted: int | None = None
    solved: int | None = None
    reason: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for question, digit in self.answers.items():
            if digit not in VALID_KEYS[question]:
                raise ValueError(f"{digit} does not answer {question}")
        if len(self.reason) > REASON_LENGTH:
            raise ValueError(f"a reason has {REASON_LENGTH} characters at most")

    @property
    def answers(self) -> dict[Question, int]:
        """The questions that were answered, as the telephone's survey has them."""
        said = {
            Question.contacted: self.contacted,
            Question.solved: self.solved,
            Question.satisfied: self.satisfied,
        }
        return {question: digit for question, digit in said.items() if digit is not None}


class WrittenRatings:
    """Takes ratings from pages.

    Args:
        database: Where they lie.
        clock: Gives the time of a rating.
        ledger: Is told what the citizen said.
        plan: When citizens may be rung.
        poke: Wakes the relay.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ledger: Ledger,
        plan: CallingPlan,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ledger = ledger
        self._outcomes = Outcomes(clock, ledger, plan)
        self._poke = poke

    async def rate(
        self, ticket_id: int, said: WrittenRating, *, key: IdempotencyKey | None = None
    ) -> int:
        """Keep what a citizen says of his ticket; the caller has made sure that it is his.

        Args:
            ticket_id: Row of the ticket.
            said: The rating.
            key: Sent again, the same key rates once and is answered alike.

        Returns:
            The rating that stands.

        Raises:
            CannotRate: Nothing is owed to the citizen yet, or he has rated before.
        """
        async with self._database.transaction() as session:
            if await idempotency.earlier(session, key) is None:
                await self._rate(session, ticket_id, said)
                await idempotency.keep(session, key, str(ticket_id), self._clock.now())
        self._poke()
        return said.satisfied

    async def _rate(self, session: AsyncSession, ticket_id: int, said: WrittenRating) -> None:
        callback = await _lock(session, ticket_id)
        if callback is None or callback.id is None or not can_rate(callback.state):
            raise CannotRate
        ticket = await self._ledger.ticket(session, ticket_id)
        if ticket.round != callback.round:
            raise CannotRate
        if ticket.state in FINISHED:
            await self._ledger.happen(session, ticket_id, TicketEvent.callback_due)
        made = select(func.count()).where(col(CallbackAttemptRow.callback_id) == callback.id)
        n = (await session.exec(made)).one() + 1
        now = self._clock.now()
        attempt = CallbackAttemptRow(
            id=f"written-{callback.id}-{n}",
            callback_id=callback.id,
            n=n,
            started_at=now,
            reason_text=said.reason or None,
        )
        session.add(attempt)
        await session.flush()
        await self._outcomes.finish(
            session,
            Outcome(
                attempt_id=attempt.id, result=Result.in_writing, ended_at=now, answers=said.answers
            ),
        )


async def _lock(session: AsyncSession, ticket_id: int) -> CallbackRow | None:
    # The callback first, then the ticket, as everybody does who ends an attempt: two ways round would be a deadlock.
    of_round = (
        select(CallbackRow.id)
        .join(TicketRow, col(TicketRow.id) == CallbackRow.ticket_id)
        .where(CallbackRow.ticket_id == ticket_id, CallbackRow.round == TicketRow.round)
    )
    callback_id = (await session.exec(of_round)).one_or_none()
    if callback_id is None:
        return None
    return await session.get_one(CallbackRow, callback_id, with_for_update=True)
