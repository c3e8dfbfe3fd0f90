"""The call of citizen, agent and 110: rung by the agent's one key, and every step of it in the log of the matter."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from sqlmodel import col, func, select

from crm_bridge.police.book import PoliceBook
from crm_bridge.police.rules import Holder, Step
from crm_bridge.police.tables import CustodyRow, HandoverRow
from infra.kit.database import Database
from infra.kit.errors import Conflict, NotFound
from infra.kit.identity import Principal
from telephony.numbers import PhoneNumber
from telephony.three_way.rules import Third, ThirdState

log = structlog.get_logger()

Send = Callable[[str, str, str, dict[str, Any]], None]
"""Takes 工号, type, moment and data of a hint, and returns at once."""

_STEPS = {
    ThirdState.calling: (Step.call_rung, None),
    ThirdState.joined: (Step.call_joined, Holder.both),
    ThirdState.alone: (Step.agent_left, Holder.police),
    ThirdState.without_citizen: (Step.citizen_left, Holder.both),
    ThirdState.failed: (Step.call_failed, None),
    ThirdState.left: (Step.call_ended, None),
}
_OF_CALLS = [step for step, _ in _STEPS.values()]
_GOING_ON = frozenset({Step.call_rung, Step.call_joined, Step.agent_left, Step.citizen_left})


class NoTelephony(Conflict):
    """This installation has no telephones."""

    slug = "no-telephony"
    title_zh = "本系统未启用电话功能，无法发起三方通话；请直接拨打 110"
    title_en = "There is no telephony here, dial 110 yourself"


class Thirds(Protocol):
    """Asks third parties into calls (`telephony.three_way`)."""

    @property
    def pbx(self) -> str:
        """Name of the Asterisk that carries the calls."""
        ...

    async def invite(self, agent: str, linkedid: str, number: PhoneNumber) -> Third:
        """Ring a third party into an agent's call."""
        ...

    async def dismiss(self, agent: str, third_id: str) -> None:
        """Let go of him."""
        ...

    def of_call(self, linkedid: str) -> Third | None:
        """Return the third party of a call."""
        ...

    def when_known(self, listener: Callable[[], None]) -> None:
        """Call `listener` each time that it has become known who is in which call."""
        ...

    def subscribe(self, listener: Callable[[Third], None]) -> None:
        """Call `listener` with every change of a third party."""
        ...


class PoliceCalls:
    """Calls of three with 110.

    Args:
        database: Where matters lie.
        book: Has their log.
        number: Whom to ring.
        send: Tells the agent's pages.
    """

    def __init__(self, database: Database, book: PoliceBook, number: str, send: Send) -> None:
        self._database = database
        self._book = book
        self._number = PhoneNumber(number)
        self._send = send
        self._thirds: Thirds | None = None
        self._waiting: deque[Third] = deque()
        self._look = False
        self._woken = asyncio.Event()

    def attach(self, thirds: Thirds) -> None:
        """Use this telephony from now on."""
        self._thirds = thirds
        thirds.subscribe(self._hear)
        thirds.when_known(self._look_for_lost)

    async def ring(self, principal: Principal, linkedid: str) -> Third:
        """Ring 110 into an agent's call.

        Raises:
            NoTelephony: There is none here.
            LinkDown: The PBX cannot be reached.
            NotTalking: It is not his call.
            AlreadyThree: Somebody is rung already.
        """
        return await self._telephony().invite(principal.number, linkedid, self._number)

    async def dismiss(self, principal: Principal, third_id: str) -> None:
        """Stop ringing 110, or end its part of the call.

        Raises:
            NotFound: Nobody is there under this id.
        """
        await self._telephony().dismiss(principal.number, third_id)

    def of_call(self, principal: Principal, linkedid: str) -> Third:
        """Return how 110's part of an agent's call stands.

        Raises:
            NotFound: There is none.
        """
        third = self._telephony().of_call(linkedid)
        if third is None or third.agent != principal.number:
            raise NotFound
        return third

    async def run(self) -> None:
        """Write what happens in calls into the log of their matters, until cancelled.

        Raises:
            Exception: Whatever the database raised; the next run begins with what was not written.
        """
        while True:
            # Cleared first: what is heard during the work below wakes it again.
            self._woken.clear()
            while self._waiting:
                await self._write(self._waiting[0])
                self._waiting.popleft()
            if self._look:
                await self._look_again()
            await self._woken.wait()

    async def _look_again(self) -> None:
        self._look = False
        try:
            await self._end_lost()
        except BaseException:
            self._look = True
            raise

    async def _end_lost(self) -> None:
        """End in the log the calls of three that ended while nobody listened, as before this process began."""
        thirds = self._telephony()
        last = (
            select(func.max(col(CustodyRow.id)))
            .where(col(CustodyRow.step).in_(_OF_CALLS))
            .group_by(col(CustodyRow.handover_id))
        )
        going_on = select(CustodyRow.handover_id).where(
            col(CustodyRow.id).in_(last), col(CustodyRow.step).in_(_GOING_ON)
        )
        statement = (
            select(HandoverRow)
            .where(HandoverRow.pbx == thirds.pbx, col(HandoverRow.id).in_(going_on))
            .with_for_update()
        )
        async with self._database.transaction() as session:
            for row in (await session.exec(statement)).all():
                if row.linkedid in {third.linkedid for third in self._waiting}:
                    continue  # how it went on was heard meanwhile
                if row.linkedid is not None and thirds.of_call(row.linkedid) is None:
                    # Nobody knows when: it is the moment at which it was noticed.
                    await self._book.log(session, row, Step.call_ended, who=row.agent or "")
                    log.warning("police_call_lost", handover=row.id)

    def _telephony(self) -> Thirds:
        if self._thirds is None:
            raise NoTelephony
        return self._thirds

    def _hear(self, third: Third) -> None:
        self._send(third.agent, "three_way.changed", third.at.isoformat(), view_of(third))
        self._waiting.append(third)
        self._woken.set()

    def _look_for_lost(self) -> None:
        self._look = True
        self._woken.set()

    async def _write(self, third: Third) -> None:
        statement = (
            select(HandoverRow)
            .where(HandoverRow.linkedid == third.linkedid, HandoverRow.pbx == third.pbx)
            .order_by(col(HandoverRow.id).desc())
            .limit(1)
            .with_for_update()
        )
        step, held_by = _STEPS[third.state]
        async with self._database.transaction() as session:
            row = (await session.exec(statement)).first()
            if row is None:
                log.info("police_call_without_matter", third=third.id, state=third.state.value)
                return
            known = (
                select(CustodyRow.step)
                .where(CustodyRow.handover_id == row.id, col(CustodyRow.step).in_(_OF_CALLS))
                .order_by(col(CustodyRow.id).desc())
                .limit(1)
            )
            if (await session.exec(known)).first() is step:
                return  # he was found again by a process that began later
            await self._book.log(
                session,
                row,
                step,
                who=third.agent,
                note=third.reason,
                held_by=held_by,
                at=third.at,
            )


def view_of(third: Third) -> dict[str, Any]:
    """Return a third party as the agent's page knows him."""
    return {
        "id": third.id,
        "pbx": third.pbx,
        "linkedid": third.linkedid,
        "state": third.state.value,
        "reason": third.reason,
    }
