"""From one outbox entry to one delivery for each subscription, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import event, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.ledger import ticket_of
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.webhooks.rules import DeliveryState, facts, wants
from crm_bridge.webhooks.tables import WebhookDeliveryRow, WebhookRow
from infra.kit.clock import Clock
from infra.kit.group_commit import Prepared
from infra.kit.outbox import OutboxEntry

_ACTIVE = (col(WebhookRow.active), col(WebhookRow.removed_at).is_(None))
LISTENERS = Prepared(select(WebhookRow.id).where(*_ACTIVE).limit(1))
"""Finds a row when there is an active subscription."""


class Fanout:
    """Writes down what each subscription is to be sent.

    Args:
        clock: Says from when a delivery may be sent.
        give_up: How long it is tried.
        poke: Wakes the deliverer once there is something to send.
    """

    def __init__(self, clock: Clock, give_up: timedelta, poke: Callable[[], None]) -> None:
        self._clock = clock
        self._give_up = give_up
        self._poke = poke

    async def deliver(self, session: AsyncSession, entry: OutboxEntry) -> None:
        """Write one delivery for each active subscription that wants the entry, in the relay's transaction."""
        data: Mapping[str, Any] = entry.body.get("data", entry.body)
        active = select(WebhookRow).where(*_ACTIVE)
        rows = (await session.exec(active.order_by(col(WebhookRow.id)))).all()
        wanted = [webhook for webhook in rows if wants(webhook.types, entry.kind)]
        if wanted and await _hides_citizen(session, data.get("ticket_id")):
            wanted = [webhook for webhook in wanted if webhook.hidden]
        if not wanted:
            return
        event_id = uuid4().hex
        body = body_of(event_id, entry.kind, entry.created_at, facts(data))
        for webhook in wanted:
            assert webhook.id is not None  # noqa: S101  # it was read from the database
            await self.put(session, webhook.id, event_id, entry.kind, entry.key, body)
        event.listen(session.sync_session, "after_commit", lambda _: self._poke(), once=True)

    async def put(
        self, session: AsyncSession, webhook_id: int, event_id: str, kind: str, key: str, body: str
    ) -> WebhookDeliveryRow:
        """Write one delivery in the caller's transaction and return it."""
        now = self._clock.now()
        # Behind one that waits to be tried again this one waits as long, or every look for work would find it.
        ahead = select(func.max(WebhookDeliveryRow.next_at)).where(
            WebhookDeliveryRow.webhook_id == webhook_id,
            WebhookDeliveryRow.key == key,
            WebhookDeliveryRow.state == DeliveryState.waiting,
            col(WebhookDeliveryRow.resent_at).is_(None),
        )
        behind: datetime | None = (await session.exec(ahead)).one()
        row = WebhookDeliveryRow(
            webhook_id=webhook_id,
            event_id=event_id,
            type=kind,
            key=key,
            body=body,
            state=DeliveryState.waiting,
            created_at=now,
            next_at=now if behind is None else max(now, behind),
            until=now + self._give_up,
        )
        session.add(row)
        await session.flush()
        return row


def body_of(event_id: str, kind: str, at: datetime, data: Mapping[str, object]) -> str:
    """Return the JSON that is sent, `{id, type, at, data}`."""
    return json.dumps(
        {"id": event_id, "type": kind, "at": at.isoformat(), "data": data},
        ensure_ascii=False,
        separators=(",", ":"),
    )


async def _hides_citizen(session: AsyncSession, ticket_id: object) -> bool:
    if not isinstance(ticket_id, int):
        return False
    row = await session.get(TicketRow, ticket_id)
    # A ticket that is gone could have been anything.
    return row is None or ticket_of(row).hides_citizen
