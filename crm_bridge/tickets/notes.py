"""What is written on a ticket without moving it: instructions, corrections, and that the citizen was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.tickets.access import sees_citizen
from crm_bridge.tickets.casebook import Casebook, Command
from crm_bridge.tickets.details import (
    Amended,
    Detail,
    Noted,
    Told,
)
from crm_bridge.tickets.ledger import Case
from crm_bridge.tickets.projection import AMENDABLE
from crm_bridge.tickets.receivers import Reckoner
from crm_bridge.tickets.refusals import unfit
from crm_bridge.tickets.service import require_category
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import TicketEvent
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.errors import Forbidden
from infra.kit.identity import Principal

_SETS_LIMITS = frozenset({"type", "urgency"})
"""What of a registration says how long units have."""


class Notes:
    """Writes on tickets.

    Args:
        casebook: Opens a ticket for one act.
        reckoner: Knows by when what is due.
        clock: Tells which grants still hold.
    """

    def __init__(self, casebook: Casebook, reckoner: Reckoner, clock: Clock) -> None:
        self._casebook = casebook
        self._reckoner = reckoner
        self._clock = clock

    async def instruct(self, principal: Principal, command: Command, text: str) -> None:
        """Write a leader's instructions (批示) on a ticket.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: It is filed away.
        """
        await self._do(principal, command, TicketEvent.instructed, Noted(text=text))

    async def amend(
        self,
        principal: Principal,
        command: Command,
        changes: Mapping[str, str | bool],
        reason: str,
    ) -> None:
        """Put right what the registration says; what units have in hand is due as the right type and urgency demand.

        Args:
            principal: Who puts it right.
            command: The ticket.
            changes: New values by the names of fields (`projection.AMENDABLE`); what is the same is left out.
            reason: Why.

        Raises:
            NotFound: There is no such ticket.
            Forbidden: Its citizen would no longer be hidden, and this person may not see him.
            Stale: It was changed since it was read.
            TransitionRefused: It no longer waits for anybody's work, and more is to change than that he is hidden.
            Invalid: There is no such category, or nothing differs.
        """

        async def act(session: AsyncSession, case: Case) -> None:
            had = {name: getattr(case.ticket, name) for name in changes}
            new: dict[str, Any] = {
                name: value for name, value in changes.items() if had[name] != value
            }
            if not new:
                raise unfit("", "没有需要修正的内容", "Nothing differs from what is registered")
            if "category" in new:
                await require_category(session, str(new["category"]))
            after = _with(case.ticket, new)
            if case.ticket.hides_citizen and not after.hides_citizen:
                await self._require_grant(session, principal, case)
            detail = Amended(changes=new, was={name: had[name] for name in new}, reason=reason)
            await self._casebook.happen(session, principal, case, TicketEvent.amended, detail)
            if new.keys() & _SETS_LIMITS:
                await self._reschedule(session, principal, case, after)

        await self._casebook.act(principal, command, act)

    async def told(self, principal: Principal, command: Command, *, how: str, text: str) -> None:
        """Write down that the citizen was told something, such as that it takes longer.

        Raises:
            NotFound: There is no such ticket.
            Stale: It was changed since it was read.
            TransitionRefused: No unit has had it yet, or it is filed away.
        """
        await self._do(principal, command, TicketEvent.told, Told(how=how, text=text))

    async def _reschedule(
        self, session: AsyncSession, principal: Principal, case: Case, after: Ticket
    ) -> None:
        for detail in await self._reckoner.amended(session, case.life, case.ticket, after):
            await self._casebook.happen(session, principal, case, TicketEvent.rescheduled, detail)

    async def _require_grant(self, session: AsyncSession, principal: Principal, case: Case) -> None:
        # Else whoever may correct a ticket could show himself, and the units, whose it is.
        if not await sees_citizen(session, principal, case.ticket, self._clock.now()):
            raise Forbidden(
                "the citizen is hidden: another person has to grant you to see him first",
                "诉求人信息受保护，取消保密前须先由他人授权查看",
            )
        await audit.write(
            session,
            self._clock,
            actor=principal,
            action="ticket.citizen_unhidden",
            subject=f"ticket:{case.ticket.id}",
        )

    async def _do(
        self, principal: Principal, command: Command, event: TicketEvent, detail: Detail
    ) -> None:
        async def act(session: AsyncSession, case: Case) -> None:
            await self._casebook.happen(session, principal, case, event, detail)

        await self._casebook.act(principal, command, act)


def _with(ticket: Ticket, new: Mapping[str, Any]) -> Ticket:
    return replace(ticket, **{name: AMENDABLE[name](value) for name, value in new.items()})
