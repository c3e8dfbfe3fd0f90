"""Tells the systems that we are joined to what is new here, and asks them what is new there, again and again.

Any number of these may run: whatever two of them do at once, the versions let it happen once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import update
from sqlmodel import col, select

from crm_bridge.upstream.protocol import Upstream
from crm_bridge.upstream.registry import UpstreamRegistry
from crm_bridge.upstream.rules import Receipt, Side, wait_before
from crm_bridge.upstream.service import Exchanges
from crm_bridge.upstream.snapshot import Snapshots
from crm_bridge.upstream.tables import UpstreamLinkRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import LianxinError, Misconfigured, Refused, TryLater

log = structlog.get_logger()

_BATCH = 50
_REFUSED_WAIT = timedelta(hours=1)


class Exchanger:
    """Carries exchanges to and from every system of the registry.

    Args:
        database: Where shared tickets lie.
        clock: Tells when one is due.
        registry: The systems.
        exchanges: Does what they say.
        snapshots: Writes what we have to say.
        look_seconds: How often they are asked what is new.
        metrics: Where the counter is registered.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        registry: UpstreamRegistry,
        exchanges: Exchanges,
        snapshots: Snapshots,
        *,
        look_seconds: float,
        metrics: CollectorRegistry | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._registry = registry
        self._exchanges = exchanges
        self._snapshots = snapshots
        self._look_seconds = look_seconds
        self._poked = {system.name: asyncio.Event() for system in registry}
        self._failures: dict[str, int] = {}
        self._carried = Counter(
            "lianxin_upstream_exchanges",
            "Exchanges with other systems by outcome",
            ["system", "outcome"],
            registry=metrics,
        )

    def poke(self) -> None:
        """Look for what is new here at once."""
        for poked in self._poked.values():
            poked.set()

    async def run(self) -> None:
        """Carry until cancelled; a system that cannot be reached keeps no other waiting."""
        try:
            async with asyncio.TaskGroup() as group:
                for system in self._registry:
                    group.create_task(self._run(system))
        finally:
            for system in self._registry:
                await system.close()

    async def round(self, system: Upstream) -> bool:
        """Tell one system all that is due and do all that is new there; return whether it could be reached."""
        try:
            await self._tell(system)
            await self._ask(system)
        except (TryLater, Misconfigured) as error:
            self._failures[system.name] = self._failures.get(system.name, 0) + 1
            self._carried.labels(system.name, "failed").inc()
            log.warning("upstream_failed", system=system.name, slug=error.slug)
            await self._note_error(system, error)
            return False
        self._failures[system.name] = 0
        return True

    async def _run(self, system: Upstream) -> None:
        poked = self._poked[system.name]
        while True:
            poked.clear()
            if not await self.round(system):
                await asyncio.sleep(wait_before(self._failures[system.name]) / 2)
                continue
            try:
                async with asyncio.timeout(self._look_seconds):
                    await poked.wait()
            except TimeoutError:
                pass

    async def _tell(self, system: Upstream) -> None:
        due = (
            select(UpstreamLinkRow)
            .where(
                UpstreamLinkRow.system == system.name,
                col(UpstreamLinkRow.own_version) > UpstreamLinkRow.acknowledged_version,
                col(UpstreamLinkRow.next_at) <= self._clock.now(),
            )
            .order_by(col(UpstreamLinkRow.changed_seq))
            .limit(_BATCH)
        )
        last = 0
        while True:
            further = due.where(col(UpstreamLinkRow.changed_seq) > last)
            async with self._database.reading() as session:
                links = (await session.exec(further)).all()
            for link in links:
                last = link.changed_seq
                await self._push(system, link)
            if len(links) < _BATCH:
                return

    async def _push(self, system: Upstream, link: UpstreamLinkRow) -> None:
        async with self._database.reading() as session:
            fresh = await session.get_one(UpstreamLinkRow, link.id)
            exchange = await self._snapshots.of(session, fresh)
        carry = system.push_ticket if link.side is Side.giver else system.push_state
        try:
            receipt = await carry(exchange)
        except Refused as error:
            self._carried.labels(system.name, "refused").inc()
            log.warning("exchange_refused", system=system.name, link=link.id, slug=error.slug)
            await self._postpone(link, error, _REFUSED_WAIT)
            return
        except TryLater as error:
            await self._postpone(link, error, timedelta(seconds=wait_before(link.attempts + 1)))
            raise
        self._carried.labels(system.name, "done").inc()
        # A wire that loses one in three is no system that is down.
        self._failures[system.name] = 0
        await self._acknowledge(link, receipt)

    async def _acknowledge(self, link: UpstreamLinkRow, receipt: Receipt) -> None:
        # Never back: of two workers the one with the older receipt may come last.
        async with self._database.transaction() as session:
            await session.exec(
                update(UpstreamLinkRow)
                .where(
                    col(UpstreamLinkRow.id) == link.id,
                    col(UpstreamLinkRow.acknowledged_version) < receipt.version,
                )
                .values(
                    acknowledged_version=receipt.version,
                    remote_number=receipt.number,
                    attempts=0,
                    last_error=None,
                )
            )

    async def _postpone(self, link: UpstreamLinkRow, error: LianxinError, wait: timedelta) -> None:
        async with self._database.transaction() as session:
            await session.exec(
                update(UpstreamLinkRow)
                .where(
                    col(UpstreamLinkRow.id) == link.id,
                    # A change that came meanwhile may be sent at once.
                    col(UpstreamLinkRow.own_version) == link.own_version,
                )
                .values(
                    attempts=UpstreamLinkRow.attempts + 1,
                    next_at=self._clock.now() + wait,
                    last_error=error.slug,
                )
            )

    async def _ask(self, system: Upstream) -> None:
        while True:
            async with self._database.transaction() as session:
                cursor = (await self._exchanges.peer(session, system.name)).cursor
            changes = await system.pull(cursor, _BATCH)
            if not changes.exchanges and changes.cursor == cursor:
                return
            await self._exchanges.apply(system.name, changes)
            self._carried.labels(system.name, "done").inc(len(changes.exchanges))

    async def _note_error(self, system: Upstream, error: LianxinError) -> None:
        async with self._database.transaction() as session:
            (await self._exchanges.peer(session, system.name)).last_error = error.slug
