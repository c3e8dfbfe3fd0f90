"""Takes deliveries that are due, each by one worker at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, text
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.webhooks.rules import DeliveryState
from crm_bridge.webhooks.tables import WebhookDeliveryRow, WebhookRow
from infra.kit.clock import Clock
from infra.kit.database import Database, UtcDateTime
from infra.kit.vault import Vault

_LOCK = 0x6C78_7768  # any number of our own: "lxwh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that this worker sends now.

    Attributes:
        attempts: The number of this claim; the row has another when the lease was lost.
        tries: How often it has been sent since it was first due, or since a person had it sent again.
    """

    id: int
    webhook_id: int
    origin: str
    url: str
    key: str
    body: bytes = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    attempts: int
    tries: int
    until: datetime
    leased_until: datetime


class Claims:
    """Takes deliveries.

    Args:
        database: Where they lie.
        clock: Tells when one is due.
        vault: Opens the secrets.
        lease: For how long a claim holds.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault, lease: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._lease = lease

    async def take(self, most: int, under_way: Mapping[str, int]) -> list[Claimed]:
        """Return what is due, taken for this worker.

        Args:
            most: How many may be on their way to one receiver.
            under_way: How many are, by the receiver's origin.
        """
        now = self._clock.now()
        async with self._database.reading() as session:
            webhooks = await _with_work(session, now)
        room = {
            origin: most - under_way.get(origin, 0)
            for origin in {webhook.origin for webhook in webhooks}
        }
        if not any(free > 0 for free in room.values()):
            return []
        claimed: list[Claimed] = []
        async with self._database.transaction() as session:
            if self._database.dialect == "postgresql":
                # One claim after the other: nobody takes a younger one while its elder's claim is uncommitted.
                connection = await session.connection()
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK}
                )
            for webhook in webhooks:
                rows = await self._of(session, webhook, now, room[webhook.origin])
                room[webhook.origin] -= len(rows)
                claimed += [self._claimed(webhook, row, now) for row in rows]
        return claimed

    async def _of(
        self, session: AsyncSession, webhook: WebhookRow, now: datetime, room: int
    ) -> Sequence[WebhookDeliveryRow]:
        if room <= 0:
            return []
        connection = await session.connection()
        taken = await connection.execute(
            _TAKE,
            {"webhook": webhook.id, "now": now, "until": now + self._lease, "room": room},
        )
        ids = list(taken.scalars())
        rows = select(WebhookDeliveryRow).where(col(WebhookDeliveryRow.id).in_(ids))
        return (await session.exec(rows.order_by(col(WebhookDeliveryRow.id)))).all()

    def _claimed(self, webhook: WebhookRow, row: WebhookDeliveryRow, now: datetime) -> Claimed:
        assert row.id is not None  # noqa: S101  # it was read from the database
        assert row.leased_until is not None  # noqa: S101  # it has just been leased
        sealed = [webhook.secret_encrypted]
        if webhook.previous_encrypted and webhook.previous_until and now < webhook.previous_until:
            sealed.append(webhook.previous_encrypted)
        return Claimed(
            id=row.id,
            webhook_id=row.webhook_id,
            origin=webhook.origin,
            url=webhook.url,
            key=row.key,
            body=row.body.encode(),
            secrets=[self._vault.decrypt(secret) for secret in sealed],
            attempts=row.attempts,
            tries=row.attempts - row.attempts_before,
            until=row.until,
            leased_until=row.leased_until,
        )


async def _with_work(session: AsyncSession, now: datetime) -> Sequence[WebhookRow]:
    due = exists().where(
        col(WebhookDeliveryRow.webhook_id) == WebhookRow.id,
        col(WebhookDeliveryRow.state) == DeliveryState.waiting,
        col(WebhookDeliveryRow.next_at) <= now,
        or_(
            col(WebhookDeliveryRow.leased_until).is_(None),
            col(WebhookDeliveryRow.leased_until) < now,
        ),
    )
    statement = select(WebhookRow).where(
        col(WebhookRow.active), col(WebhookRow.removed_at).is_(None), due
    )
    return (await session.exec(statement)).all()


_FREE = "(leased_until IS NULL OR leased_until < :now)"
_TAKE = text(
    # What a person had sent again comes late already: it keeps the order among its like, and holds back nothing else.
    f"""
    UPDATE webhook_deliveries SET leased_until = :until, attempts = attempts + 1
    WHERE id IN (
        SELECT id FROM webhook_deliveries AS candidate
        WHERE webhook_id = :webhook AND state = 'waiting' AND next_at <= :now AND {_FREE}
        AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries AS older
            WHERE older.webhook_id = candidate.webhook_id AND older.key = candidate.key
            AND older.state = 'waiting' AND older.id < candidate.id
            AND (older.resent_at IS NULL OR candidate.resent_at IS NOT NULL)
        )
        ORDER BY next_at, id LIMIT :room
    )
    RETURNING id
    """  # noqa: S608  # a constant is put in, no input
).bindparams(bindparam("now", type_=UtcDateTime()), bindparam("until", type_=UtcDateTime()))
