"""Calls for those who may see them: an agent his own, a shift lead everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from crm_bridge.history.service import History
from crm_bridge.history.views import CallView
from crm_bridge.tickets.access import may_know_caller
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.calls.rules import CallState, Direction
from telephony.calls.tables import CallRow
from telephony.numbers import PhoneNumber

_AT_AN_AGENT = (CallState.ringing, CallState.answered, CallState.held)


class Calls:
    """The use cases of looking at calls.

    Args:
        database: Where calls lie.
        clock: Gives the time of what is audited.
        vault: Opens the citizens' numbers.
        history: Knows what calls became.
        recordings: The folder of the recordings.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        history: History,
        recordings: Path,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._history = history
        self._recordings = recordings.resolve()

    async def current(self, principal: Principal) -> CallView | None:
        """Return the call that rings at this person or that he is talking on, or None."""
        dialled = and_(
            col(CallRow.direction) == Direction.outbound, col(CallRow.state) == CallState.offered
        )
        at_him = or_(col(CallRow.state).in_(_AT_AN_AGENT), dialled)
        unfinished = col(CallRow.ended_at).is_(None)  # which the small index of live calls holds
        mine = _calls().where(col(CallRow.agent) == principal.number, unfinished, at_him).limit(1)
        found = await self._views(principal, mine)
        return found[0] if found else None

    async def page(
        self, principal: Principal, *, mine: bool, before: int | None, limit: int
    ) -> tuple[Sequence[CallView], int | None]:
        """Return calls, newest first, and the id before which the next page begins.

        Args:
            principal: Who asks.
            mine: Only his own; otherwise everybody's.
            before: Only calls with a smaller id.
            limit: At most so many.

        Raises:
            Forbidden: He may not see everybody's.
        """
        statement = _calls().limit(limit + 1)
        if mine:
            statement = statement.where(col(CallRow.agent) == principal.number)
        else:
            principal.require("call.read_any")
        if before is not None:
            statement = statement.where(col(CallRow.id) < before)
        found = await self._views(principal, statement)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def one(self, principal: Principal, call_id: int) -> CallView:
        """Return a call.

        Raises:
            NotFound: There is none with this id.
            Forbidden: It is another agent's.
        """
        found = await self._views(principal, _calls().where(col(CallRow.id) == call_id))
        if not found:
            raise NotFound
        _require_own(principal, found[0].agent, "call.read_any")
        return found[0]

    async def reveal_number(self, principal: Principal, call_id: int, purpose: str) -> str:
        """Return the citizen's number in full; who asked, and what for, is written down.

        Raises:
            NotFound: There is no such call, or its number was withheld.
            Forbidden: It is another agent's, or became a confidential ticket.
        """
        async with self._database.transaction() as session:
            row = await session.get(CallRow, call_id)
            if row is None:
                raise NotFound
            _require_own(principal, row.agent, "call.read_any")
            await _require_known(session, principal, row)
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
            Forbidden: It is another agent's, or became a confidential ticket.
        """
        async with self._database.transaction() as session:
            row = await session.get(CallRow, call_id)
            if row is None:
                raise NotFound
            _require_own(principal, row.agent, "recording.listen_any")
            await _require_known(session, principal, row)
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

    async def _views(
        self, principal: Principal, statement: SelectOfScalar[CallRow]
    ) -> list[CallView]:
        async with self._database.reading() as session:
            rows = (await session.exec(statement)).all()
            return await self._history.views(session, principal, rows)


def _calls() -> SelectOfScalar[CallRow]:
    return select(CallRow).order_by(col(CallRow.id).desc())


def caller_of(row: CallRow, vault: Vault) -> PhoneNumber | None:
    """Return the citizen's number, or None when it was withheld."""
    sealed = row.caller_encrypted
    return PhoneNumber(vault.decrypt(sealed)) if sealed is not None else None


def _require_own(principal: Principal, agent: str | None, any_permission: str) -> None:
    if agent != principal.number and not principal.may(any_permission):
        raise Forbidden("another agent's call", "这是其他话务员的通话")


async def _require_known(session: AsyncSession, principal: Principal, row: CallRow) -> None:
    if not await may_know_caller(session, principal, row):
        raise Forbidden("the caller of a confidential ticket", "该通话涉及保密工单")
