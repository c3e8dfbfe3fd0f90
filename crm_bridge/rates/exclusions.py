"""Exclusions (剔除): one person proposes, another decides; the raw figure stays, the adjusted one stands beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.rates.tables import ExclusionFigureRow, ExclusionRow
from crm_bridge.rates.vocabulary import (
    EXCLUDABLE,
    FIGURE_WORDS,
    OVERTAKEN,
    ExclusionState,
    Figure,
)
from crm_bridge.tickets.tables import AssignmentRow
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal

READ_ALL = "rates.read"
READ_OWN = "rates.read_own"


class ExclusionDecided(Conflict):
    """Somebody has decided about it before."""

    slug = "exclusion-decided"
    title_zh = "该剔除申请已有决定，请刷新后查看"
    title_en = "This exclusion has been decided already, reload the list"


class ExclusionTwice(Conflict):
    """The assignment is excluded from this figure, or somebody has proposed it."""

    slug = "exclusion-exists"
    title_zh = "该派单已有针对相同指标的剔除申请"
    title_en = "There is an exclusion of this assignment from this figure already"


class Exclusions:
    """Proposes and decides.

    Args:
        database: Where they lie.
        clock: Gives the time of a decision, from which on an exclusion counts.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def propose(
        self,
        principal: Principal,
        *,
        ticket_id: int,
        n: int,
        figures: Collection[Figure],
        reason: str,
        key: IdempotencyKey | None = None,
    ) -> int:
        """Propose to leave an assignment out of figures.

        Args:
            principal: Who proposes; from a unit only for its own assignments.
            ticket_id: Row of the ticket.
            n: Number of the assignment within the ticket.
            figures: Which figures it is to be left out of.
            reason: Why.
            key: Sent again, the same key gives the same proposal.

        Returns:
            The row of the proposal.

        Raises:
            NotFound: There is no such assignment.
            Forbidden: It is another unit's.
            Invalid: A figure is none of a unit's work.
            ExclusionTwice: It is excluded, or proposed to be, from one of these figures already.
        """
        _require_excludable(figures)
        async with self._database.transaction() as session:
            # Locked before the key is looked for: its twin, sent at the same moment, waits here and then finds it.
            assignment = await _assignment(session, ticket_id, n)
            if not principal.may(READ_ALL) and assignment.unit != principal.unit:
                raise Forbidden("another unit's assignment", "这是其他单位的派单")
            earlier = await idempotency.earlier(session, key)
            if earlier is not None:
                return int(earlier)
            exclusion_id = await self._put(
                session,
                assignment_id=assignment.id or 0,
                figures=figures,
                reason=reason,
                proposed_by=principal.number,
            )
            await self._note(session, principal, "exclusion.proposed", exclusion_id)
            await idempotency.keep(session, key, str(exclusion_id), self._clock.now())
        return exclusion_id

    async def decide(
        self, principal: Principal, exclusion_id: int, *, approve: bool, reason: str
    ) -> None:
        """Approve or refuse a proposal; an approved one counts from now on.

        Raises:
            NotFound: There is no such proposal.
            Forbidden: It is the principal's own.
            ExclusionDecided: It has been decided before.
        """
        async with self._database.transaction() as session:
            row = await session.get(
                ExclusionRow, exclusion_id, with_for_update=True, populate_existing=True
            )
            if row is None:
                raise NotFound
            if row.proposed_by == principal.number:
                raise Forbidden(
                    "nobody approves his own proposal: ask a colleague",
                    "不能审批自己提出的剔除申请，请由其他人审批",
                )
            if row.state is not ExclusionState.proposed:
                raise ExclusionDecided
            row.state = ExclusionState.approved if approve else ExclusionState.refused
            row.decided_by, row.decided_at = principal.number, self._clock.now()
            row.decision_reason = reason
            await self._note(session, principal, f"exclusion.{row.state.value}", exclusion_id)

    async def stopped(
        self,
        session: AsyncSession,
        *,
        assignment_id: int,
        reason: str,
        asked_by: str,
        approved_by: str,
    ) -> None:
        """Leave a stopped assignment out of every figure, in the transaction that approved the stop.

        What was proposed and not yet decided the system refuses: approved later it would leave the assignment out
        twice. It is no decision of who approved the stop, for he may have proposed it himself.

        Args:
            session: The transaction.
            assignment_id: Row of the assignment.
            reason: Why the ticket was stopped.
            asked_by: 工号 of who asked for the stop.
            approved_by: 工号 of who approved it; the stop's own rule has seen to it that it is another.
        """
        now = self._clock.now()
        # First, so that a decision made at this very moment has been written when the rest is reckoned.
        for open_proposal in await _open_proposals(session, assignment_id):
            open_proposal.state = ExclusionState.refused
            open_proposal.decided_by, open_proposal.decided_at = None, now
            open_proposal.decision_reason = OVERTAKEN
            await self._note(session, None, "exclusion.refused", open_proposal.id or 0)
        await session.flush()
        left = EXCLUDABLE - await _figures_taken(session, assignment_id)
        if not left:
            return
        row = ExclusionRow(
            assignment_id=assignment_id,
            state=ExclusionState.approved,
            reason=reason[:500],
            proposed_by=asked_by,
            proposed_at=now,
            decided_by=approved_by,
            decided_at=now,
        )
        session.add(row)
        await session.flush()
        _add_figures(session, row, left)
        await session.flush()

    async def _put(
        self,
        session: AsyncSession,
        *,
        assignment_id: int,
        figures: Collection[Figure],
        reason: str,
        proposed_by: str,
    ) -> int:
        twice = await _figures_taken(session, assignment_id) & set(figures)
        if twice:
            raise ExclusionTwice(
                ", ".join(sorted(FIGURE_WORDS[figure].en for figure in twice)),
                "、".join(sorted(FIGURE_WORDS[figure].zh for figure in twice)),
            )
        row = ExclusionRow(
            assignment_id=assignment_id,
            state=ExclusionState.proposed,
            reason=reason,
            proposed_by=proposed_by,
            proposed_at=self._clock.now(),
        )
        session.add(row)
        await session.flush()
        _add_figures(session, row, figures)
        await session.flush()
        assert row.id is not None  # noqa: S101  # a flushed row has its id
        return row.id

    async def _note(
        self, session: AsyncSession, principal: Principal | None, action: str, exclusion_id: int
    ) -> None:
        await audit.write(
            session,
            self._clock,
            actor=principal,
            action=action,
            subject=f"exclusion:{exclusion_id}",
        )


async def _assignment(session: AsyncSession, ticket_id: int, n: int) -> AssignmentRow:
    statement = (
        select(AssignmentRow)
        .where(AssignmentRow.ticket_id == ticket_id, AssignmentRow.n == n)
        .with_for_update()
    )
    found = (await session.exec(statement)).one_or_none()
    if found is None:
        raise NotFound
    return found


async def _open_proposals(session: AsyncSession, assignment_id: int) -> Sequence[ExclusionRow]:
    statement = (
        select(ExclusionRow)
        .where(
            ExclusionRow.assignment_id == assignment_id,
            ExclusionRow.state == ExclusionState.proposed,
        )
        .with_for_update()
    )
    return (await session.exec(statement)).all()


async def _figures_taken(session: AsyncSession, assignment_id: int) -> set[Figure]:
    statement = (
        select(ExclusionFigureRow.figure)
        .join(ExclusionRow, col(ExclusionRow.id) == ExclusionFigureRow.exclusion_id)
        .where(
            ExclusionRow.assignment_id == assignment_id,
            ExclusionRow.state != ExclusionState.refused,
        )
    )
    return {Figure(figure) for figure in (await session.exec(statement)).all()}


def _add_figures(session: AsyncSession, row: ExclusionRow, figures: Collection[Figure]) -> None:
    assert row.id is not None  # noqa: S101  # a flushed row has its id
    session.add_all(
        ExclusionFigureRow(exclusion_id=row.id, figure=figure) for figure in sorted(figures)
    )


def _require_excludable(figures: Collection[Figure]) -> None:
    foreign = sorted(FIGURE_WORDS[figure].zh for figure in set(figures) - EXCLUDABLE)
    if foreign:
        english = sorted(FIGURE_WORDS[figure].en for figure in set(figures) - EXCLUDABLE)
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/figures",
                    message_zh=f"{'、'.join(foreign)}不是承办单位的指标，不能剔除",
                    message_en=f"No figure of a unit's work: {', '.join(english)}",
                )
            ]
        )
