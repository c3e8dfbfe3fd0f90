"""The call log: what becomes of every call, on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.calls.rules import FINAL, Call, CallChange, CallState, ChangeKind, Direction
from telephony.calls.tables import CallRow
from telephony.mailbox import EndedCall
from telephony.numbers import PhoneNumber

Written = Callable[[AsyncSession, CallRow, Sequence[ChangeKind]], Awaitable[None]]
"""Called in the transaction that writes a call, with what happened to it since it was written last."""

_MOST_AT_ONCE = 200
_SAME_MOMENT = timedelta(seconds=2)
"""The mailbox counts whole seconds: what differs by less is the same moment, and ours is the finer one."""


@dataclass(frozen=True, slots=True)
class _Pending:
    call: Call
    kinds: tuple[ChangeKind, ...]


class CallLog:
    """Writes calls down in a worker of its own, in order; what waits is one entry a call, however long it waits.

    Two sources tell of a call: the tracker, live and finely, and the PBX's mailbox, surely, when it is
    over. Both may come in any order and more than once; what is ended stays ended.

    Args:
        database: Where calls are kept.
        vault: Seals the citizens' numbers.
        written: What else is to be done in the same transaction.
    """

    def __init__(self, database: Database, vault: Vault, written: Sequence[Written] = ()) -> None:
        self._database = database
        self._vault = vault
        self._written = written
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._woken = asyncio.Event()
        self._writing = asyncio.Lock()

    def hear(self, change: CallChange) -> None:
        """Take note of a change; returns at once."""
        key = change.call.pbx, change.call.linkedid
        known = self._pending.get(key)
        kinds = known.kinds if known else ()
        self._pending[key] = _Pending(change.call, (*kinds, change.kind))
        self._woken.set()

    async def run(self) -> None:
        """Write changes down until cancelled.

        Raises:
            Exception: Whatever the database raised; what was not written is written by the next run.
        """
        while True:
            await self.drain()
            await self._woken.wait()

    async def drain(self) -> None:
        """Return when every change heard so far is on disk."""
        async with self._writing:
            self._woken.clear()
            while self._pending:
                keys = list(self._pending)[:_MOST_AT_ONCE]
                batch = {key: self._pending.pop(key) for key in keys}
                try:
                    await self._write(batch)
                except BaseException:
                    self._put_back(batch)
                    raise

    async def take(self, pbx: str, ended: EndedCall) -> bool:
        """Commit an entry of the mailbox of `pbx`; again and again, if it is given again."""
        await self.drain()  # what we saw of the call goes first
        async with self._writing, self._database.transaction() as session:
            row = await self._find(session, pbx, ended.linkedid)
            was_final = row is not None and row.state in FINAL
            if row is None:
                row = CallRow(
                    pbx=pbx,
                    linkedid=ended.linkedid,
                    direction=ended.direction,
                    state=CallState.offered,
                    offered_at=ended.offered_at,
                )
                self._seal(row, ended.caller)
                session.add(row)
            _close(row, ended)
            await self._tell(session, row, () if was_final else (_last_kind(row.state),))
        return True

    async def close_lost(self, pbx: str, carried: Callable[[str], bool], noticed: datetime) -> int:
        """End every call of `pbx` that is not over by our book and that the PBX does not carry any more.

        Nobody knows when and why it ended: the end is the moment when it was noticed, the cause stays empty. Should
        the mailbox know better after all, its entry still puts the row right.

        Args:
            pbx: The Asterisk, whose channels have been read since it came up.
            carried: Tells by the linkedid which calls it has.
            noticed: The present moment.

        Returns:
            How many there were.
        """
        await self.drain()
        # Without the pbx: SQLite would take the index of its name, which holds every call there ever was.
        unfinished = select(CallRow).where(col(CallRow.ended_at).is_(None))
        lost = 0
        async with self._writing, self._database.transaction() as session:
            for row in (await session.exec(unfinished)).all():
                # What the tracker has just seen of it, perhaps its end, waits to be written.
                seen = carried(row.linkedid) or (pbx, row.linkedid) in self._pending
                if row.pbx != pbx or seen:
                    continue
                row.state = _last_state(row)
                row.ended_at = noticed
                await self._tell(session, row, [_last_kind(row.state)])
                lost += 1
        return lost

    async def _write(self, batch: dict[tuple[str, str], _Pending]) -> None:
        async with self._database.transaction() as session:
            for (pbx, linkedid), pending in batch.items():
                row = await self._find(session, pbx, linkedid)
                if row is None:
                    row = CallRow.model_validate(_facts(pending.call))
                    self._seal(row, pending.call.caller)
                    session.add(row)
                else:
                    _follow(row, pending.call)
                await self._tell(session, row, pending.kinds)

    async def _find(self, session: AsyncSession, pbx: str, linkedid: str) -> CallRow | None:
        statement = select(CallRow).where(
            col(CallRow.pbx) == pbx, col(CallRow.linkedid) == linkedid
        )
        return (await session.exec(statement)).one_or_none()

    async def _tell(self, session: AsyncSession, row: CallRow, kinds: Sequence[ChangeKind]) -> None:
        if kinds and self._written:
            await session.flush()  # gives the row its id
            for written in self._written:
                await written(session, row, kinds)

    def _seal(self, row: CallRow, number: PhoneNumber | None) -> None:
        if number is not None:
            row.caller_encrypted = self._vault.encrypt(number.digits)
            row.caller_digest = self._vault.digest(number.digits)

    def _put_back(self, batch: dict[tuple[str, str], _Pending]) -> None:
        for key, newer in self._pending.items():
            older = batch.get(key)
            batch[key] = _Pending(newer.call, (*older.kinds, *newer.kinds)) if older else newer
        self._pending = batch
        self._woken.set()


def _facts(call: Call) -> dict[str, object]:
    return {
        "pbx": call.pbx,
        "linkedid": call.linkedid,
        "direction": call.direction,
        "state": call.state,
        "queue": call.queue,
        "agent": call.agent,
        "offered_at": call.offered_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "hangup_cause": call.hangup_cause,
    }


def _follow(row: CallRow, call: Call) -> None:
    """Bring a row up to what the tracker sees; after a restart its times are estimates and only fill gaps."""
    if row.state in FINAL:
        return
    row.state = call.state
    row.queue = call.queue or row.queue
    row.agent = call.agent or row.agent
    row.answered_at = row.answered_at or call.answered_at
    row.ended_at = call.ended_at
    row.hangup_cause = call.hangup_cause
    if row.answered_at is not None and row.state is CallState.abandoned:
        row.state = CallState.ended


def _close(row: CallRow, ended: EndedCall) -> None:
    """Bring a row up to what the PBX wrote when the call was over."""
    row.direction = ended.direction
    row.queue = ended.queue or row.queue
    row.agent = ended.agent or row.agent
    row.offered_at = _finer(row.offered_at, ended.offered_at)
    if ended.answered_at is not None:
        row.answered_at = _finer(row.answered_at, ended.answered_at)
    row.ended_at = _finer(row.ended_at, ended.ended_at)
    row.hangup_cause = ended.hangup_cause or row.hangup_cause
    row.recording = ended.recording or row.recording
    row.state = _last_state(row)


def _last_state(row: CallRow) -> CallState:
    answered = row.answered_at is not None or row.direction is Direction.outbound
    return CallState.ended if answered else CallState.abandoned


def _finer(ours: datetime | None, theirs: datetime) -> datetime:
    return ours if ours is not None and abs(ours - theirs) < _SAME_MOMENT else theirs


def _last_kind(state: CallState) -> ChangeKind:
    return ChangeKind.ended if state is CallState.ended else ChangeKind.abandoned
