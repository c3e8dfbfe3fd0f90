from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.calls.rules import Call, CallChange, CallState, ChangeKind, Direction
from telephony.calls.service import CallLog
from telephony.calls.tables import CallRow
from telephony.mailbox import EndedCall
from telephony.numbers import PhoneNumber

OFFERED = datetime(2026, 3, 2, 1, 30, 0, 250_000, tzinfo=UTC)
ANSWERED = OFFERED + timedelta(seconds=8)
ENDED = OFFERED + timedelta(seconds=60)
CITIZEN = PhoneNumber("13800001234")

WAITS = Call(
    pbx="pbx1",
    linkedid="1.0",
    direction=Direction.inbound,
    state=CallState.offered,
    caller=CITIZEN,
    queue="hotline",
    agent=None,
    offered_at=OFFERED,
)
TALKS = replace(WAITS, state=CallState.answered, agent="1001", answered_at=ANSWERED)
OVER = replace(TALKS, state=CallState.ended, ended_at=ENDED, hangup_cause=16)

SUMMARY = EndedCall(
    linkedid="1.0",
    direction=Direction.inbound,
    caller=CITIZEN,
    queue="hotline",
    agent="1001",
    offered_at=OFFERED.replace(microsecond=0),
    answered_at=ANSWERED.replace(microsecond=0),
    ended_at=ENDED.replace(microsecond=0),
    recording="20260302/1.0.wav",
    hangup_cause=16,
)


def change(kind: ChangeKind, call: Call) -> CallChange:
    return CallChange(kind=kind, call=call, at=OFFERED)


LIFE = [
    change(ChangeKind.offered, WAITS),
    change(ChangeKind.answered, TALKS),
    change(ChangeKind.ended, OVER),
]


class Told:
    """What the floors above were told, in the same transaction."""

    def __init__(self) -> None:
        self.kinds: list[ChangeKind] = []
        self.ids: set[int | None] = set()
        self.failures = 0

    async def __call__(
        self, _session: AsyncSession, row: CallRow, kinds: Sequence[ChangeKind]
    ) -> None:
        if self.failures:
            self.failures -= 1
            raise OperationalError("the disk is full", None, Exception())
        self.kinds += kinds
        self.ids.add(row.id)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def log(database: Database, vault: Vault, told: Told) -> CallLog:
    return CallLog(database, vault, [told])


async def rows(database: Database) -> list[CallRow]:
    async with database.reading() as session:
        return list((await session.exec(select(CallRow))).all())


async def test_a_call_is_written_with_its_number_sealed_and_findable(
    log: CallLog, database: Database, vault: Vault, told: Told
) -> None:
    for one in LIFE:
        log.hear(one)
        await log.drain()
    (row,) = await rows(database)
    assert (row.state, row.agent, row.offered_at, row.answered_at, row.ended_at) == (
        CallState.ended,
        "1001",
        OFFERED,
        ANSWERED,
        ENDED,
    )
    assert row.caller_encrypted is not None
    assert vault.decrypt(row.caller_encrypted) == CITIZEN.digits
    assert row.caller_digest == vault.digest(CITIZEN.digits)
    assert told.kinds == [ChangeKind.offered, ChangeKind.answered, ChangeKind.ended]
    assert told.ids == {row.id}


async def test_changes_heard_together_are_written_as_one_and_told_in_order(
    log: CallLog, database: Database, told: Told
) -> None:
    for one in LIFE:
        log.hear(one)
    await log.drain()
    assert len(await rows(database)) == 1
    assert told.kinds == [ChangeKind.offered, ChangeKind.answered, ChangeKind.ended]


async def test_what_could_not_be_written_is_written_next_time_with_what_came_since(
    log: CallLog, database: Database, told: Told
) -> None:
    told.failures = 1
    log.hear(LIFE[0])
    with pytest.raises(OperationalError):
        await log.drain()
    assert await rows(database) == []
    log.hear(LIFE[1])
    await log.drain()
    (row,) = await rows(database)
    assert row.state is CallState.answered
    assert told.kinds == [ChangeKind.offered, ChangeKind.answered]


async def test_the_mailbox_alone_makes_the_row_and_twice_makes_no_second(
    log: CallLog, database: Database, told: Told
) -> None:
    assert await log.take("pbx1", SUMMARY)
    assert await log.take("pbx1", SUMMARY)
    (row,) = await rows(database)
    assert (row.state, row.recording, row.agent) == (CallState.ended, "20260302/1.0.wav", "1001")
    assert told.kinds == [ChangeKind.ended]


async def test_the_mailbox_adds_the_recording_and_keeps_our_finer_times(
    log: CallLog, database: Database, told: Told
) -> None:
    for one in LIFE:
        log.hear(one)
    await log.take("pbx1", SUMMARY)
    (row,) = await rows(database)
    assert (row.offered_at, row.answered_at, row.ended_at) == (OFFERED, ANSWERED, ENDED)
    assert row.recording == "20260302/1.0.wav"
    assert told.kinds.count(ChangeKind.ended) == 1


async def test_the_mailbox_corrects_what_was_guessed_after_a_lost_link(
    log: CallLog, database: Database
) -> None:
    guessed = replace(WAITS, state=CallState.abandoned, ended_at=ENDED + timedelta(minutes=5))
    log.hear(change(ChangeKind.offered, WAITS))
    log.hear(change(ChangeKind.abandoned, guessed))
    await log.take("pbx1", SUMMARY)
    (row,) = await rows(database)
    assert row.state is CallState.ended
    assert row.ended_at == ENDED.replace(microsecond=0)
    assert row.answered_at == ANSWERED.replace(microsecond=0)


async def test_what_the_tracker_says_after_the_end_changes_nothing(
    log: CallLog, database: Database
) -> None:
    await log.take("pbx1", SUMMARY)
    log.hear(change(ChangeKind.answered, TALKS))
    await log.drain()
    (row,) = await rows(database)
    assert row.state is CallState.ended


async def test_a_call_that_was_answered_before_we_restarted_is_not_abandoned(
    log: CallLog, database: Database
) -> None:
    log.hear(change(ChangeKind.answered, TALKS))
    await log.drain()
    log.hear(
        change(ChangeKind.abandoned, replace(WAITS, state=CallState.abandoned, ended_at=ENDED))
    )
    await log.drain()
    (row,) = await rows(database)
    assert (row.state, row.answered_at) == (CallState.ended, ANSWERED)


async def test_the_same_linkedid_on_another_pbx_is_another_call(
    log: CallLog, database: Database
) -> None:
    await log.take("pbx1", SUMMARY)
    await log.take("pbx2", SUMMARY)
    assert len(await rows(database)) == 2


async def test_an_unanswered_call_from_the_mailbox_was_abandoned(
    log: CallLog, database: Database
) -> None:
    await log.take("pbx1", replace(SUMMARY, answered_at=None, agent=None, recording=None))
    (row,) = await rows(database)
    assert row.state is CallState.abandoned


async def test_a_call_that_nothing_carries_any_more_is_ended_and_told(
    log: CallLog, database: Database, told: Told
) -> None:
    for one in LIFE[:2]:
        log.hear(one)
    noticed = ENDED + timedelta(hours=1)
    assert await log.close_lost("pbx2", lambda _: False, noticed) == 0
    assert await log.close_lost("pbx1", lambda linkedid: linkedid == "1.0", noticed) == 0
    assert await log.close_lost("pbx1", lambda _: False, noticed) == 1
    assert await log.close_lost("pbx1", lambda _: False, noticed) == 0
    (row,) = await rows(database)
    assert (row.state, row.ended_at, row.hangup_cause) == (CallState.ended, noticed, None)
    assert told.kinds == [ChangeKind.offered, ChangeKind.answered, ChangeKind.ended]


async def test_the_mailbox_corrects_a_call_that_was_taken_for_lost(
    log: CallLog, database: Database, told: Told
) -> None:
    log.hear(LIFE[0])
    await log.close_lost("pbx1", lambda _: False, ENDED + timedelta(hours=1))
    (row,) = await rows(database)
    assert row.state is CallState.abandoned
    await log.take("pbx1", SUMMARY)
    (row,) = await rows(database)
    assert (row.state, row.ended_at, row.hangup_cause) == (CallState.ended, SUMMARY.ended_at, 16)
    assert row.recording == SUMMARY.recording
