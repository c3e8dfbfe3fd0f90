"""Subscriptions and deliveries as administrators see them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.reading import cursor_at, position_of
from crm_bridge.webhooks.rules import DeliveryState
from crm_bridge.webhooks.tables import WebhookAttemptRow, WebhookDeliveryRow, WebhookRow
from crm_bridge.webhooks.views import (
    AttemptView,
    DeliveryDetail,
    DeliveryPage,
    DeliveryView,
    WebhookList,
    WebhookView,
)
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound


class WebhookReader:
    """Reads subscriptions and their log.

    Args:
        database: Where they lie.
        clock: Tells whether an old secret still holds.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> WebhookList:
        """Return every subscription with what waits and what was given up."""
        statement = select(WebhookRow).where(col(WebhookRow.removed_at).is_(None))
        async with self._database.reading() as session:
            rows = (await session.exec(statement.order_by(col(WebhookRow.id)))).all()
            return WebhookList(items=[await self._view(session, row) for row in rows])

    async def show(self, webhook_id: int) -> WebhookView:
        """Return one subscription.

        Raises:
            NotFound: There is none.
        """
        async with self._database.reading() as session:
            row = await session.get(WebhookRow, webhook_id)
            if row is None or row.removed_at is not None:
                raise NotFound
            return await self._view(session, row)

    async def page(
        self,
        *,
        webhook_id: int | None,
        state: DeliveryState | None,
        cursor: str | None,
        limit: int,
    ) -> DeliveryPage:
        """Return a part of the deliveries, the youngest first.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        statement = select(WebhookDeliveryRow).order_by(col(WebhookDeliveryRow.id).desc())
        if webhook_id is not None:
            statement = statement.where(WebhookDeliveryRow.webhook_id == webhook_id)
        if state is not None:
            statement = statement.where(WebhookDeliveryRow.state == state)
        if cursor is not None:
            statement = statement.where(col(WebhookDeliveryRow.id) < position_of(cursor))
        async with self._database.reading() as session:
            rows = (await session.exec(statement.limit(limit + 1))).all()
            last = await _last_attempts(session, rows)
        items = [_delivery(row, last.get(row.id or 0)) for row in rows[:limit]]
        more = len(rows) > limit
        return DeliveryPage(items=items, next_cursor=cursor_at(items[-1].id) if more else None)

    async def delivery(self, delivery_id: int) -> DeliveryDetail:
        """Return one delivery with every attempt.

        Raises:
            NotFound: There is none.
        """
        statement = (
            select(WebhookAttemptRow)
            .where(WebhookAttemptRow.delivery_id == delivery_id)
            .order_by(col(WebhookAttemptRow.n))
        )
        async with self._database.reading() as session:
            row = await session.get(WebhookDeliveryRow, delivery_id)
            if row is None:
                raise NotFound
            attempts = (await session.exec(statement)).all()
        return DeliveryDetail(
            **dict(_delivery(row, attempts[-1] if attempts else None)),
            body=row.body,
            log=[_attempt(attempt) for attempt in attempts],
        )

    async def _view(self, session: AsyncSession, row: WebhookRow) -> WebhookView:
        counted = (
            select(WebhookDeliveryRow.state, func.count(col(WebhookDeliveryRow.id)))
            .where(
                WebhookDeliveryRow.webhook_id == row.id,
                col(WebhookDeliveryRow.state) != DeliveryState.delivered,
            )
            .group_by(col(WebhookDeliveryRow.state))
        )
        counts = dict((await session.exec(counted)).all())
        oldest = select(func.min(WebhookDeliveryRow.created_at)).where(
            WebhookDeliveryRow.webhook_id == row.id,
            WebhookDeliveryRow.state == DeliveryState.waiting,
        )
        until = row.previous_until
        return WebhookView(
            id=row.id or 0,
            name=row.name,
            url=row.url,
            types=row.types,
            hidden=row.hidden,
            active=row.active,
            created_at=row.created_at,
            old_secret_until=until if until and until > self._clock.now() else None,
            waiting=counts.get(DeliveryState.waiting, 0),
            dead=counts.get(DeliveryState.dead, 0),
            oldest_waiting_at=(await session.exec(oldest)).one(),
        )


async def _last_attempts(
    session: AsyncSession, rows: Sequence[WebhookDeliveryRow]
) -> dict[int, WebhookAttemptRow]:
    ids = [row.id for row in rows]
    statement = (
        select(WebhookAttemptRow)
        .where(col(WebhookAttemptRow.delivery_id).in_(ids))
        .order_by(col(WebhookAttemptRow.n))
    )
    return {attempt.delivery_id: attempt for attempt in (await session.exec(statement)).all()}


def _delivery(row: WebhookDeliveryRow, last: WebhookAttemptRow | None) -> DeliveryView:
    return DeliveryView(
        id=row.id or 0,
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        type=row.type,
        key=row.key,
        state=row.state,
        created_at=row.created_at,
        next_at=row.next_at if row.state is DeliveryState.waiting else None,
        finished_at=row.finished_at,
        attempts=row.attempts,
        resent_at=row.resent_at,
        last=_attempt(last) if last else None,
    )


def _attempt(row: WebhookAttemptRow) -> AttemptView:
    return AttemptView(
        n=row.n,
        at=row.at,
        milliseconds=row.milliseconds,
        status=row.status,
        failure=row.failure,
    )
