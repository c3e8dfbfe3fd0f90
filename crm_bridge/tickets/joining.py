"""Tickets about one matter: one is the main ticket, the others are joined to it and follow it (并单)."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.details import FollowsMain, Reasoned
from crm_bridge.tickets.ledger import Case, Ledger
from crm_bridge.tickets.news import FOLLOWERS, has_followers
from crm_bridge.tickets.refusals import TransitionRefused, unfit
from crm_bridge.tickets.rules import UNFINISHED
from crm_bridge.tickets.tables import TicketEventRow, TicketRow
from crm_bridge.tickets.vocabulary import TicketEvent, TicketState
from infra.kit import outbox
from infra.kit.clock import Clock
from infra.kit.errors import NotFound
from infra.kit.identity import Principal
from infra.kit.outbox import OutboxEntry

log = structlog.get_logger()

_AT_A_TIME = 20


class Joining:
    """Joins tickets and separates them.

    Args:
        casebook: Opens a ticket for one act.
        ledger: Knows the main ticket.
    """

    def __init__(self, casebook: Casebook, ledger: Ledger) -> None:
        self._casebook = casebook
        self._ledger = ledger

    async def join(self, principal: Principal, command: Command, main_id: int) -> None:
        """Let a ticket follow another one about the same matter; units that have it are free of it.

        Args:
            principal: Who joins.
            command: The ticket that is joined.
            main_id: The ticket that it follows from now on.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: It has finished, or others are joined to it.
            Invalid: The main ticket does not exist, is the same, is joined itself, or has finished.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            if main_id == case.ticket.id:
                raise unfit("/main_id", "不能并入自身", "A ticket cannot be joined to itself")
            try:
                main = await self._ledger.ticket(session, main_id)
            except NotFound:
                raise unfit("/main_id", "没有这个工单，请重新选择", "No such ticket") from None
            if main.state is TicketState.joined:
                raise unfit(
                    "/main_id",
                    "所选主单已并入其他工单，请选择它的主单",
                    "It is joined to another itself, choose that one",
                )
            if main.state not in UNFINISHED:
                raise unfit(
                    "/main_id",
                    "所选主单已办结，不能再并入",
                    "It has finished, nothing can be joined to it",
                )
            if await has_followers(session, case.ticket.id):
                raise TransitionRefused(
                    "Other tickets are joined to it: it cannot be joined itself.",
                    "已有工单并入本工单，不能再并入其他工单。",
                )
            detail = FollowsMain(main_id=main.id, main_number=main.number)
            await self._casebook.happen(session, principal, case, TicketEvent.joined, detail)

        await self._casebook.act(principal, command, act, also=(main_id,))

    async def separate(self, principal: Principal, command: Command, reason: str) -> None:
        """Let a joined ticket go its own way again: it waits for dispatch.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: It is not joined.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            detail = Reasoned(reason=reason)
            await self._casebook.happen(session, principal, case, TicketEvent.separated, detail)

        await self._casebook.act(principal, command, act)


class Followers:
    """Lets joined tickets follow their main one when it has finished: the outbox's destination `followers`.

    Hundreds may be joined. Each delivery takes some of them and writes the next entry in the same transaction, so
    that nobody waits long for the locks, and a process that dies in between leaves an entry that goes on.

    Args:
        clock: Gives the time of the next entry.
        ledger: Writes what happens.
    """

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger

    async def deliver(self, session: AsyncSession, entry: OutboxEntry) -> None:
        """Let the next joined tickets finish, in the transaction that marks the entry done."""
        main = await session.get_one(TicketRow, entry.body["main_id"])
        before = entry.body.get("before") or entry.created_at.isoformat()
        # One that was joined to the next round does not finish with this one.
        joined_later = exists().where(
            col(TicketEventRow.ticket_id) == TicketRow.id,
            col(TicketEventRow.event) == TicketEvent.joined,
            col(TicketEventRow.at) > datetime.fromisoformat(before),
        )
        waiting = (
            select(TicketRow.id)
            .where(
                TicketRow.main_id == main.id,
                col(TicketRow.state) == TicketState.joined,
                col(TicketRow.id) > entry.body.get("after", 0),
                ~joined_later,
            )
            .order_by(col(TicketRow.id))
            .limit(_AT_A_TIME)
        )
        ids = [ticket_id for ticket_id in (await session.exec(waiting)).all() if ticket_id]
        detail = FollowsMain(main_id=entry.body["main_id"], main_number=main.number)
        for ticket_id in ids:
            try:
                await self._ledger.happen(
                    session, ticket_id, TicketEvent.main_finished, detail=detail
                )
            except TransitionRefused:
                # Separated at this very moment: it goes its own way.
                log.info("follower_gone", ticket=ticket_id)
        if len(ids) == _AT_A_TIME:
            await outbox.put(
                session,
                self._clock,
                destination=FOLLOWERS,
                kind=entry.kind,
                key=entry.key,
                body={"main_id": main.id, "after": ids[-1], "before": before},
            )
