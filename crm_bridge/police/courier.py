"""Carries messages to the 110 platform until it has taken them, in the order of each matter.

A message may be sent twice, when the answer to the first was lost: the platform knows it by its id. Any number of
couriers may run; a lease keeps two of them from carrying one message at the same time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import update
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, or_, select

from channels.police_110.client import Police110Client
from channels.police_110.wire import Kind, Message, Receipt, read
from crm_bridge.police.adoption import Adoption
from crm_bridge.police.book import PoliceBook
from crm_bridge.police.rules import HandoverEvent, HandoverState, Step, wait_before
from crm_bridge.police.tables import HandoverRow, MessageState, PoliceMessageRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import LianxinError, Misconfigured, Refused, TryLater
from infra.kit.vault import Vault

log = structlog.get_logger()

_BATCH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    id: int
    handover_id: int
    kind: Kind
    attempts: int
    until: datetime
    message: Message = field(repr=False)


class Courier:
    """Carries messages.

    Args:
        database: Where they lie.
        clock: Tells when one is due.
        vault: Opens them.
        client: Sends one.
        book: Is told what became of it.
        adoption: Looks for matters of 110 before each round.
        lease: For how long a message is one courier's; longer than the client waits.
        look_seconds: How often to look without being poked.
        registry: Where the counter is registered.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        client: Police110Client,
        book: PoliceBook,
        adoption: Adoption,
        *,
        lease: timedelta = timedelta(seconds=90),
        look_seconds: float = 2.0,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._client = client
        self._book = book
        self._adoption = adoption
        self._lease = lease
        self._look_seconds = look_seconds
        self._poked = asyncio.Event()
        self._carried = Counter(
            "lianxin_police_messages",
            "Messages to the 110 platform by what became of an attempt",
            ["kind", "outcome"],
            registry=registry,
        )

    def poke(self) -> None:
        """Look for messages at once."""
        self._poked.set()

    async def run(self) -> None:
        """Carry until cancelled."""
        while True:
            self._poked.clear()
            await self._adoption.look()
            if await self.round():
                continue
            try:
                async with asyncio.timeout(self._look_seconds):
                    await self._poked.wait()
            except TimeoutError:
                pass

    async def round(self) -> int:
        """Carry all that is due now, matters beside each other; return how many messages there were."""
        due = await self._take()
        await asyncio.gather(*(self._carry(one) for one in due))
        return len(due)

    async def again(self, handover_id: int) -> int:
        """Let what was given up for a matter be tried again at once; return how many messages there were."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            done = await session.exec(
                update(PoliceMessageRow)
                .where(
                    col(PoliceMessageRow.handover_id) == handover_id,
                    col(PoliceMessageRow.state) == MessageState.given_up,
                )
                .values(
                    state=MessageState.waiting,
                    attempts=0,
                    next_at=now,
                    until=now + timedelta(days=1),
                )
            )
        self.poke()
        return int(done.rowcount)

    async def _take(self) -> list[_Due]:
        now, row, older = self._clock.now(), PoliceMessageRow, aliased(PoliceMessageRow)
        candidates = (
            select(PoliceMessageRow)
            .where(
                col(row.state) == MessageState.waiting,
                col(row.next_at) <= now,
                or_(col(row.leased_until).is_(None), col(row.leased_until) < now),
                ~exists().where(
                    col(older.handover_id) == col(row.handover_id),
                    col(older.state) == MessageState.waiting,
                    col(older.id) < col(row.id),
                ),
            )
            .order_by(col(row.next_at), col(row.id))
            .limit(_BATCH)
        )
        taken = []
        async with self._database.transaction() as session:
            for found in (await session.exec(candidates)).all():
                leased = await session.exec(
                    update(PoliceMessageRow)
                    .where(
                        col(row.id) == found.id,
                        col(row.state) == MessageState.waiting,
                        or_(col(row.leased_until).is_(None), col(row.leased_until) < now),
                    )
                    .values(leased_until=now + self._lease, attempts=PoliceMessageRow.attempts + 1)
                    .execution_options(synchronize_session=False)
                )
                if leased.rowcount:
                    taken.append(self._due(found))
        return taken

    def _due(self, row: PoliceMessageRow) -> _Due:
        assert row.id is not None  # noqa: S101  # it was read from the database
        return _Due(
            id=row.id,
            handover_id=row.handover_id,
            kind=row.kind,
            attempts=row.attempts + 1,
            until=row.until,
            message=read(self._vault.decrypt(row.sealed).encode()),
        )

    async def _carry(self, due: _Due) -> None:
        try:
            receipt = await self._client.send(due.message)
        except Refused as error:
            await self._failed(due, error, again=False)
        except (TryLater, Misconfigured) as error:
            await self._failed(due, error, again=self._clock.now() < due.until)
        else:
            self._carried.labels(due.kind.value, "taken").inc()
            await self._taken(due, receipt)

    async def _taken(self, due: _Due, receipt: Receipt) -> None:
        async with self._database.transaction() as session:
            await session.exec(
                update(PoliceMessageRow)
                .where(col(PoliceMessageRow.id) == due.id)
                .values(
                    state=MessageState.taken,
                    taken_at=self._clock.now(),
                    leased_until=None,
                    error="",
                )
            )
            row = await session.get_one(HandoverRow, due.handover_id, with_for_update=True)
            row.remote_number = receipt.number or row.remote_number
            session.add(row)
            if due.kind is Kind.transfer and row.state is HandoverState.offered:
                await self._book.happen(session, row, HandoverEvent.received)
            await self._book.news(session, row)

    async def _failed(self, due: _Due, error: LianxinError, *, again: bool) -> None:
        self._carried.labels(due.kind.value, error.slug).inc()
        log.warning(
            "police_message_failed",
            message=due.id,
            kind=due.kind.value,
            attempts=due.attempts,
            error=error.slug,
            again=again,
        )
        wait = wait_before(due.attempts)
        if isinstance(error, TryLater):
            wait = max(wait, min(error.retry_after, 300.0)) if due.attempts > 1 else wait
        async with self._database.transaction() as session:
            await session.exec(
                update(PoliceMessageRow)
                .where(col(PoliceMessageRow.id) == due.id)
                .values(
                    state=MessageState.waiting if again else MessageState.given_up,
                    next_at=self._clock.now() + timedelta(seconds=wait),
                    leased_until=None,
                    error=error.slug,
                )
            )
            row = await session.get_one(HandoverRow, due.handover_id, with_for_update=True)
            if not again:
                await self._book.log(session, row, Step.undelivered, note=error.slug)
            if not again or due.attempts in (1, 4):
                await self._book.news(session, row)
