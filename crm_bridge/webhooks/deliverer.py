"""Sends what is due: in order per ticket and subscription, at least once, a slow receiver in nobody's way but its own.

A delivery is claimed with a lease and a number. Who comes back with another number than the row's has been taken for
dead, and what he says changes nothing: so a worker that was asleep does not undo the work of the one that took over.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from datetime import datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.webhooks.claims import Claimed, Claims
from crm_bridge.webhooks.rules import DeliveryState, Outcome, next_attempt, signature
from crm_bridge.webhooks.sender import Sender
from crm_bridge.webhooks.settings import WebhookSettings
from crm_bridge.webhooks.tables import WebhookAttemptRow, WebhookDeliveryRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.vault import Vault

log = structlog.get_logger()

_SPARE = timedelta(seconds=15)
"""How much longer than an attempt may take it is leased for, to write down what came of it."""


class Deliverer:
    """Sends deliveries. Any number of them may run, in any number of processes.

    Args:
        database: Where the deliveries lie.
        clock: Tells when one is due.
        vault: Opens the secrets.
        sender: Sends; entered and left by `run`.
        settings: How many at once, and how long.
        registry: Where the counter is registered.
        lease: For how long a claim holds; without it, a little longer than an attempt may take.
        idle_seconds: How long to wait for a poke before looking again.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        sender: Sender,
        settings: WebhookSettings,
        *,
        registry: CollectorRegistry | None = None,
        lease: timedelta | None = None,
        idle_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sender = sender
        self._settings = settings
        if lease is None:
            lease = timedelta(seconds=settings.timeout_seconds) + _SPARE
        self._claims = Claims(database, clock, vault, lease)
        self._idle_seconds = idle_seconds
        self._poked = asyncio.Event()
        self._under_way: Tally[str] = Tally()
        self._sent = Counter(
            "lianxin_webhook_attempts",
            "Webhook requests by outcome",
            ["outcome"],
            registry=registry,
        )

    def poke(self) -> None:
        """Look for work at once instead of at the next round."""
        self._poked.set()

    async def run(self) -> None:
        """Send until cancelled. What is under way then is sent again by the next worker."""
        self._under_way.clear()
        async with self._sender, asyncio.TaskGroup() as group:
            while True:
                self._poked.clear()
                for claimed in await self._claim():
                    group.create_task(self._deliver(claimed))
                try:
                    async with asyncio.timeout(self._idle_seconds):
                        await self._poked.wait()
                except TimeoutError:
                    pass

    async def run_once(self) -> int:
        """Send what is due now, for every receiver as much as it may get at once, and return how many were sent."""
        claimed = await self._claim()
        await asyncio.gather(*(self._deliver(one) for one in claimed))
        return len(claimed)

    async def _claim(self) -> list[Claimed]:
        claimed = await self._claims.take(self._settings.at_once, self._under_way)
        self._under_way.update(one.origin for one in claimed)
        return claimed

    async def _deliver(self, claimed: Claimed) -> None:
        try:
            now = self._clock.now()
            if now >= claimed.leased_until:
                return  # asleep for so long that another may have taken over
            outcome = await self._sender.send(
                claimed.url, claimed.body, signature(claimed.secrets, claimed.body, now)
            )
            self._sent.labels(outcome.failure or "delivered").inc()
            await self._write(claimed, now, outcome)
        except Exception as error:  # the database is away: the lease runs out, and it is sent again
            log.warning("webhook_outcome_lost", delivery=claimed.id, error=type(error).__name__)
        finally:
            self._under_way[claimed.origin] -= 1
            self.poke()

    async def _write(self, claimed: Claimed, started: datetime, outcome: Outcome) -> None:
        now = self._clock.now()
        next_at = None
        state = DeliveryState.delivered
        if outcome.failure is not None:
            next_at = next_attempt(claimed.tries, now, claimed.until, outcome)
            state = DeliveryState.dead if next_at is None else DeliveryState.waiting
        async with self._database.transaction() as session:
            if not await self._finish(session, claimed, state, next_at or now, now):
                log.warning("webhook_lease_lost", delivery=claimed.id, attempt=claimed.attempts)
                return
            session.add(
                WebhookAttemptRow(
                    delivery_id=claimed.id,
                    n=claimed.attempts,
                    at=started,
                    milliseconds=outcome.milliseconds,
                    status=outcome.status,
                    failure=outcome.failure,
                )
            )
            await self._move_younger(session, claimed, next_at or now)
        if outcome.failure is not None:
            log.info(
                "webhook_failed",
                delivery=claimed.id,
                webhook=claimed.webhook_id,
                attempt=claimed.attempts,
                failure=outcome.failure.value,
                status=outcome.status,
                state=state.value,
            )

    async def _finish(
        self,
        session: AsyncSession,
        claimed: Claimed,
        state: DeliveryState,
        next_at: datetime,
        now: datetime,
    ) -> bool:
        ours = await session.exec(
            update(WebhookDeliveryRow)
            .where(
                col(WebhookDeliveryRow.id) == claimed.id,
                col(WebhookDeliveryRow.attempts) == claimed.attempts,
                col(WebhookDeliveryRow.state) == DeliveryState.waiting,
            )
            .values(
                state=state,
                next_at=next_at,
                leased_until=None,
                finished_at=None if state is DeliveryState.waiting else now,
            )
        )
        return bool(ours.rowcount)

    async def _move_younger(self, session: AsyncSession, claimed: Claimed, at: datetime) -> None:
        # They wait for this one anyway; with a time of their own every look for work would find them.
        await session.exec(
            update(WebhookDeliveryRow)
            .where(
                col(WebhookDeliveryRow.webhook_id) == claimed.webhook_id,
                col(WebhookDeliveryRow.key) == claimed.key,
                col(WebhookDeliveryRow.state) == DeliveryState.waiting,
                col(WebhookDeliveryRow.id) > claimed.id,
                col(WebhookDeliveryRow.leased_until).is_(None),
            )
            .values(next_at=at)
        )

    async def purge(self) -> None:
        """Delete deliveries that have ended and are older than they are kept."""
        before = self._clock.now() - timedelta(days=self._settings.keep_days)
        old = select(WebhookDeliveryRow.id).where(
            col(WebhookDeliveryRow.created_at) < before,
            col(WebhookDeliveryRow.state) != DeliveryState.waiting,
        )
        async with self._database.transaction() as session:
            ids = (await session.exec(old.limit(10_000))).all()
            await session.exec(
                delete(WebhookAttemptRow).where(col(WebhookAttemptRow.delivery_id).in_(ids))
            )
            await session.exec(
                delete(WebhookDeliveryRow).where(col(WebhookDeliveryRow.id).in_(ids))
            )
