"""An agent's own figures of today, as integers: numerator and denominator, never a rounded rate."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from sqlmodel import col, exists, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.callbacks.rules import SATISFIED
from crm_bridge.callbacks.tables import RatingRow
from crm_bridge.tickets.tables import TicketRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal
from telephony.calls.rules import Direction
from telephony.calls.tables import CallRow


class Ratio(ApiModel):
    """A rate or a mean; an empty denominator is shown as "—"."""

    numerator: int
    denominator: int


class FiguresToday(ApiModel):
    """What I have done since midnight, in the city's time.

    `talk_seconds_mean` is the sum of seconds over the number of calls that have ended; `satisfaction` the ratings 1–3
    over all ratings that my tickets were given today.
    """

    calls_answered: int
    calls_offered_to_me: int
    talk_seconds_mean: Ratio
    tickets: int
    satisfaction: Ratio
    as_of: datetime


class Figures:
    """Counts.

    Args:
        database: What is counted.
        clock: Tells which day it is.
        zone: The city's time.
    """

    def __init__(self, database: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone

    async def today(self, principal: Principal) -> FiguresToday:
        """Return the figures of one agent."""
        now = self._clock.now()
        day = now.astimezone(self._zone).date()
        since = datetime.combine(day, time(), self._zone).astimezone(UTC)
        async with self._database.reading() as session:
            calls = await _calls(session, principal.number, since)
            ratings = await _ratings(session, principal.number, since)
            tickets = select(func.count()).where(
                col(TicketRow.agent) == principal.number, col(TicketRow.created_at) >= since
            )
            made = (await session.exec(tickets)).one()
        talked = [ended - answered for answered, ended in calls if answered and ended]
        return FiguresToday(
            calls_answered=sum(answered is not None for answered, _ in calls),
            calls_offered_to_me=len(calls),
            talk_seconds_mean=Ratio(
                numerator=sum(max(0, round(time.total_seconds())) for time in talked),
                denominator=len(talked),
            ),
            tickets=made,
            satisfaction=Ratio(
                numerator=sum(value in SATISFIED for value in ratings), denominator=len(ratings)
            ),
            as_of=now,
        )


def routes(figures: Figures) -> Routes:
    """Return the endpoints of figures."""
    api = Routes(tag="figures")

    @api.get("/api/v1/figures/today", permission="figures.read")
    async def today(principal: Principal) -> FiguresToday:
        """Show my own figures of today."""
        return await figures.today(principal)

    return api


async def _calls(
    session: AsyncSession, agent: str, since: datetime
) -> list[tuple[datetime | None, datetime | None]]:
    statement = select(CallRow.answered_at, CallRow.ended_at).where(
        CallRow.agent == agent,
        CallRow.direction == Direction.inbound,
        col(CallRow.offered_at) >= since,
    )
    return [(answered, ended) for answered, ended in (await session.exec(statement)).all()]


async def _ratings(session: AsyncSession, agent: str, since: datetime) -> list[int]:
    # From today's ratings to their tickets; the other way round would be every ticket that the agent ever wrote.
    his = exists().where(col(TicketRow.id) == RatingRow.ticket_id, col(TicketRow.agent) == agent)
    statement = select(RatingRow.value).where(col(RatingRow.rated_at) >= since, his)
    return list((await session.exec(statement)).all())
