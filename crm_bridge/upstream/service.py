"""Shared tickets: what happens to ours is noted to be told, and what comes from the other side is done.

Each is one transaction: a process that dies in between has done all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog
from sqlalchemy import event, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.forms import LARGEST_ID
from crm_bridge.tickets.tables import TicketEventRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketEvent
from crm_bridge.upstream.receiving import Receiving
from crm_bridge.upstream.registry import UpstreamRegistry
from crm_bridge.upstream.rules import Changes, Exchange, Receipt, Side
from crm_bridge.upstream.snapshot import Snapshots
from crm_bridge.upstream.tables import UpstreamLinkRow, UpstreamPeerRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import FieldError, Invalid, Refused
from infra.kit.outbox import OutboxEntry

log = structlog.get_logger()

_SEEN_EVERY = timedelta(seconds=30)
_KEYS = UUID("6f0d3b1e-8a52-4c83-9a5f-0c1d5a7f12f3")  # any one of our own


class Exchanges:
    """Shared tickets.

    Args:
        database: Where they lie.
        clock: Gives the time.
        own_name: What this installation calls itself; part of the keys that it makes.
        registry: The systems that we ask and tell by ourselves; others come to us with a key.
        snapshots: Writes what we have to say.
        receiving: Does what the other side says.
        poke: Wakes whoever tells.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        own_name: str,
        registry: UpstreamRegistry,
        snapshots: Snapshots,
        receiving: Receiving,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._own_name = own_name
        self._registry = registry
        self._snapshots = snapshots
        self._receiving = receiving
        self._poke = poke

    async def follow(self, session: AsyncSession, entry: OutboxEntry) -> None:
        """Note that a ticket has changed, in the relay's transaction; passed on to a system that we know, it is shared.

        Entries of one ticket come in their order, each once.
        """
        data: Mapping[str, Any] = entry.body.get("data", entry.body)
        ticket_id = data.get("ticket_id")
        if not isinstance(ticket_id, int):
            return
        if data.get("event") == TicketEvent.passed_on.value:
            await self._share(session, ticket_id, int(data["version"]))
        of_ticket = UpstreamLinkRow.ticket_id == ticket_id
        systems = (await session.exec(select(UpstreamLinkRow.system).where(of_ticket))).all()
        for system in sorted(set(systems)):
            # Always the system before its links: two that lock crosswise would wait for each other.
            await self.peer(session, system)
        links = select(UpstreamLinkRow).where(of_ticket).order_by(col(UpstreamLinkRow.id))
        rows = (await session.exec(links.with_for_update())).all()
        for link in rows:
            await self._changed(session, link)
        if rows:
            event.listen(session.sync_session, "after_commit", lambda _: self._poke(), once=True)

    async def take(self, system: str, exchange: Exchange) -> Receipt:
        """Do what the other side says of a ticket; when this returns it is on disk.

        Raises:
            NotFound: It tells of a ticket that we have not passed on.
            Conflict: Both claim to be the same side.
        """
        try:
            return await self._take(system, exchange)
        except IntegrityError:
            # Its twin was taken in at the same moment, and committed first: now it is there to be found.
            return await self._take(system, exchange)

    async def changes(self, system: str, cursor: str, limit: int) -> Changes:
        """Return what is new here for a system since a cursor, and note that it has asked.

        Raises:
            Invalid: The cursor is not one of ours.
        """
        after = _position(cursor)
        await self._seen(system)
        statement = (
            select(UpstreamLinkRow)
            .where(UpstreamLinkRow.system == system, col(UpstreamLinkRow.changed_seq) > after)
            .order_by(col(UpstreamLinkRow.changed_seq))
            .limit(limit)
        )
        async with self._database.reading() as session:
            links = (await session.exec(statement)).all()
            said = [await self._snapshots.of(session, link) for link in links]
        return Changes(exchanges=said, cursor=str(links[-1].changed_seq) if links else str(after))

    async def apply(self, system: str, changes: Changes) -> None:
        """Do all that was pulled, and then remember how far that was.

        What cannot be done is noted and passed over: what comes behind it must not wait for it.
        """
        refused = None
        for exchange in changes.exchanges:
            try:
                await self.take(system, exchange)
            except Refused as error:
                refused = error.slug
                log.warning("exchange_refused", system=system, key=exchange.key, slug=error.slug)
        async with self._database.transaction() as session:
            peer = await self.peer(session, system)
            peer.cursor, peer.seen_at, peer.last_error = changes.cursor, self._clock.now(), refused

    async def peer(self, session: AsyncSession, system: str) -> UpstreamPeerRow:
        """Return the row of a system, locked; made at the first time."""
        found = await session.get(
            UpstreamPeerRow, system, with_for_update=True, populate_existing=True
        )
        if found is not None:
            return found
        made = UpstreamPeerRow(name=system)
        try:
            async with session.begin_nested():
                session.add(made)
        except IntegrityError:
            return await session.get_one(UpstreamPeerRow, system, with_for_update=True)
        return made

    async def _seen(self, system: str) -> None:
        now = self._clock.now()
        async with self._database.reading() as session:
            known = await session.get(UpstreamPeerRow, system)
        if known is None or known.seen_at is None or now - known.seen_at > _SEEN_EVERY:
            async with self._database.transaction() as session:
                (await self.peer(session, system)).seen_at = now

    async def _take(self, system: str, exchange: Exchange) -> Receipt:
        async with self._database.transaction() as session:
            peer = await self.peer(session, system)
            peer.seen_at = self._clock.now()
            link = (
                await session.exec(
                    select(UpstreamLinkRow)
                    .where(UpstreamLinkRow.system == system, UpstreamLinkRow.key == exchange.key)
                    .with_for_update()
                )
            ).one_or_none()
            if link is None:
                link = await self._receiving.open(session, system, exchange)
                await self._changed(session, link)
            else:
                await self._receiving.hear(session, link, exchange)
            number = (await session.get_one(TicketRow, link.ticket_id)).number
            receipt = Receipt(key=link.key, number=number, version=link.remote_version)
        self._poke()
        return receipt

    async def _share(self, session: AsyncSession, ticket_id: int, version: int) -> None:
        passed = (
            await session.exec(
                select(TicketEventRow).where(
                    TicketEventRow.ticket_id == ticket_id, TicketEventRow.seq == version
                )
            )
        ).one_or_none()
        system = str(passed.detail.get("platform", "")) if passed else ""
        known = system in self._registry or await session.get(UpstreamPeerRow, system) is not None
        if passed is None or passed.event is not TicketEvent.passed_on or not known:
            return
        await self.peer(session, system)
        ticket = await session.get_one(TicketRow, ticket_id)
        now = self._clock.now()
        session.add(
            UpstreamLinkRow(
                system=system,
                side=Side.giver,
                key=uuid5(_KEYS, f"{self._own_name} {ticket.number} {version}").hex,
                ticket_id=ticket_id,
                next_at=now,
                created_at=now,
                changed_at=now,
            )
        )
        await session.flush()
        log.info("ticket_shared", ticket_id=ticket_id, system=system)

    async def _changed(self, session: AsyncSession, link: UpstreamLinkRow) -> None:
        # The peer's row stays locked until the commit, so that numbers become visible in their order.
        counted = await session.exec(
            update(UpstreamPeerRow)
            .where(col(UpstreamPeerRow.name) == link.system)
            .values(last_seq=UpstreamPeerRow.last_seq + 1)
            .returning(col(UpstreamPeerRow.last_seq))
        )
        link.changed_seq = counted.scalar_one()
        link.own_version += 1
        link.changed_at = link.next_at = self._clock.now()
        link.attempts = 0
        session.add(link)
        await session.flush()


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    known = cursor.isascii() and cursor.isdigit() and len(cursor) <= 10
    if not known or int(cursor) > LARGEST_ID:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/cursor",
                    message_zh="游标无效，请使用上次返回的 cursor",
                    message_en="Not a cursor of this list, send the one that was returned last",
                )
            ]
        )
    return int(cursor)
