"""Calls for those who may see them: an agent his own, a shift lead everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import and_, col, func, or_, select
from sqlmodel.sql.expression import Select

from agent_console.calls.view import CallView, call_view, caller_of
from channels.contacts.tables import CitizenRow, ContactRow
from channels.voice_log import is_contact_of_call
from crm_bridge.tickets.tables import TicketContactRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.calls.rules import CallState, Direction
from telephony.calls.tables import CallRow

_AT_AN_AGENT = (CallState.ringing, CallState.answered, CallState.held)

_CONTACT = select(ContactRow.id).where(is_contact_of_call()).correlate(CallRow).scalar_subquery()
_TICKET = (
    select(func.max(TicketContactRow.ticket_id))
    .join(ContactRow, col(ContactRow.id) == col(TicketContactRow.contact_id))
    .where(is_contact_of_call())
    .correlate(CallRow)
    .scalar_subquery()
)
_PREVIOUS = (
    select(func.count(col(ContactRow.id)))
    .join(CitizenRow, col(CitizenRow.id) == col(ContactRow.citizen_id))
    .where(
        col(CitizenRow.phone_digest) == col(CallRow.caller_digest),
        col(ContactRow.received_at) < col(CallRow.offered_at),
    )
    .correlate(CallRow)
    .scalar_subquery()
)


class Calls:
    """The use cases of looking at calls.

    Args:
        database: Where calls lie.
        clock: Gives the time of what is audited.
        vault: Opens the citizens' numbers.
        recordings: The folder of the recordings.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault, recordings: Path) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._recordings = recordings.resolve()

    async def current(self, agent: str) -> CallView | None:
        """Return the call that rings at the agent or that he is talking on, or None."""
        dialled = and_(
            col(CallRow.direction) == Direction.outbound, col(CallRow.state) == CallState.offered
        )
        at_him = or_(col(CallRow.state).in_(_AT_AN_AGENT), dialled)
        statement = _calls().where(col(CallRow.agent) == agent, at_him).limit(1)
        found = await self._views(statement)
        return found[0] if found else None

    async def page(
        self, agent: str | None, before: int | None, limit: int
    ) -> tuple[Sequence[CallView], int | None]:
        """Return calls, newest first, and the id before which the next page begins.

        Args:
            agent: Only this agent's; None is everybody's.
            before: Only calls with a smaller id.
            limit: At most so many.
        """
        statement = _calls().limit(limit + 1)
        if agent is not None:
            statement = statement.where(col(CallRow.agent) == agent)
        if before is not None:
            statement = statement.where(col(CallRow.id) < before)
        found = await self._views(statement)
        more = len(found) > limit
        return found[:limit], found[limit - 1].id if more else None

    async def one(self, principal: Principal, call_id: int) -> CallView:
        """Return a call.

        Raises:
            NotFound: There is none with this id.
            Forbidden: It is another agent's.
        """
        found = await self._views(_calls().where(col(CallRow.id) == call_id))
        if not found:
            raise NotFound
        _require_own(principal, found[0].agent, "call.read_any")
        return found[0]

    async def reveal_number(self, principal: Principal, call_id: int, purpose: str) -> str:
        """Return the citizen's number in full; who asked, and what for, is written down.

        Raises:
            NotFound: There is no such call, or its number was withheld.
            Forbidden: It is another agent's.
        """
        async with self._database.transaction() as session:
            row = await session.get(CallRow, call_id)
            if row is None:
                raise NotFound
            _require_own(principal, row.agent, "call.read_any")
            caller = caller_of(row, self._vault)
            if caller is None:
                raise NotFound("the number was withheld", "来电号码未显示")
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="phone.reveal",
                subject=f"call:{call_id}",
                detail={"purpose": purpose},
            )
        return caller.digits

    async def recording(self, principal: Principal, call_id: int, part: str | None) -> Path:
        """Return the file of a call's recording; who listened is written down.

        Args:
            principal: Who wants to listen.
            call_id: The call.
            part: The range that was asked for, as it was asked.

        Raises:
            NotFound: There is no such call, or no recording of it.
            Forbidden: It is another agent's.
        """
        async with self._database.transaction() as session:
            row = await session.get(CallRow, call_id)
            if row is None:
                raise NotFound
            _require_own(principal, row.agent, "recording.listen_any")
            file = (self._recordings / (row.recording or "")).resolve()
            # The path comes from the PBX: whatever it says, nothing outside the folder is ever read.
            if not file.is_relative_to(self._recordings) or not file.is_file():
                raise NotFound("there is no recording of this call", "该通话没有录音")
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="recording.listen",
                subject=f"call:{call_id}",
                detail={"part": part} if part else {},
            )
        return file

    async def _views(self, statement: Select[CallRow, Any, Any, Any]) -> list[CallView]:
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
        return [
            call_view(
                row, self._vault, contact_id=contact_id, ticket_id=ticket_id, previous=previous
            )
            for row, contact_id, ticket_id, previous in rows
        ]


def _calls() -> Select[CallRow, Any, Any, Any]:
    return select(CallRow, _CONTACT, _TICKET, _PREVIOUS).order_by(col(CallRow.id).desc())


def _require_own(principal: Principal, agent: str | None, any_permission: str) -> None:
    if agent != principal.number and not principal.may(any_permission):
        raise Forbidden("another agent's call", "这是其他话务员的通话")
