from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sqlmodel import col, select

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.vault import Vault
from telephony.ami.link import AmiLink
from telephony.calls.lost import LostCalls
from telephony.calls.resync import CallSync
from telephony.calls.rules import CallState, Direction
from telephony.calls.service import CallLog
from telephony.calls.tables import CallRow
from telephony.calls.tracker import CallTracker
from telephony.mailbox import Mailbox
from tests.unit.telephony.fake_pbx import FakePbx, message
from tests.unit.telephony.links import running, until

BEFORE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@asynccontextmanager
async def following(
    link: AmiLink, database: Database, clock: ManualClock, vault: Vault
) -> AsyncIterator[LostCalls]:
    """Everything that follows one Asterisk, as a process that has just started."""
    tracker = CallTracker(link.pbx, clock)
    calls = CallLog(database, vault)
    tracker.subscribe(calls.hear)
    sync = CallSync(link, tracker)
    mailbox = Mailbox(link, lambda ended: calls.take(link.pbx, ended))
    lost = LostCalls(link, sync, tracker, mailbox, calls, clock)
    tasks = [asyncio.create_task(run()) for run in (sync.run, mailbox.run, calls.run, lost.run)]
    try:
        async with running(link):
            yield lost
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def left_behind(database: Database, linkedid: str, *, pbx: str = "pbx1") -> None:
    """A call that was talked on when everything stopped."""
    async with database.transaction() as session:
        session.add(
            CallRow(
                pbx=pbx,
                linkedid=linkedid,
                direction=Direction.inbound,
                state=CallState.answered,
                agent="1001",
                offered_at=BEFORE,
                answered_at=BEFORE + timedelta(seconds=5),
            )
        )


async def log_of(database: Database) -> dict[tuple[str, str], CallRow]:
    async with database.reading() as session:
        rows = (await session.exec(select(CallRow).order_by(col(CallRow.id)))).all()
    return {(row.pbx, row.linkedid): row for row in rows}


async def until_ended(database: Database, linkedid: str) -> None:
    async with asyncio.timeout(5):
        while (await log_of(database))["pbx1", linkedid].ended_at is None:  # noqa: ASYNC110 - the row tells
            await asyncio.sleep(0.01)


def carried(pbx: FakePbx, linkedid: str) -> None:
    """Let there be a channel of a call that was passed on to the outside: a fresh tracker knows none such."""
    pbx.channels.append(
        message(
            Event="CoreShowChannel",
            Channel=f"PJSIP/trunk-{linkedid}",
            Uniqueid=linkedid,
            Linkedid=linkedid,
            ChannelStateDesc="Up",
            Application="Dial",
            ApplicationData="PJSIP/110@trunk",
            CallerIDNum="13800001234",
            Context="from-agent",
            Exten="110",
            BridgeId="",
            Duration="00:10:00",
        )
    )


async def test_a_call_that_died_with_its_asterisk_and_us_is_ended_when_it_is_noticed(
    pbx: FakePbx, link: AmiLink, database: Database, clock: ManualClock, vault: Vault
) -> None:
    await left_behind(database, "1.0")
    await left_behind(database, "1.0", pbx="pbx2")
    await left_behind(database, "2.0")
    carried(pbx, "2.0")
    async with following(link, database, clock, vault):
        await until_ended(database, "1.0")
    rows = await log_of(database)
    lost = rows["pbx1", "1.0"]
    assert (lost.state, lost.ended_at, lost.hangup_cause) == (CallState.ended, clock.now(), None)
    assert rows["pbx2", "1.0"].ended_at is None
    assert rows["pbx1", "2.0"].ended_at is None


async def test_what_lies_in_the_mailbox_is_believed_rather_than_taken_for_lost(
    pbx: FakePbx, link: AmiLink, database: Database, clock: ManualClock, vault: Vault
) -> None:
    await left_behind(database, "1.0")
    ended = BEFORE + timedelta(seconds=60)
    pbx.astdb["lianxin/call/1.0"] = (
        f"direction=in&caller=13800001234&called=12345&queue=hotline&offered={BEFORE.timestamp():.0f}"
        f"&queued=&answered={BEFORE.timestamp() + 5:.0f}&ended={ended.timestamp():.0f}"
        "&agent=1001&recording=20260302/1.0.wav&cause=16"
    )
    await left_behind(database, "9.0")
    async with following(link, database, clock, vault):
        await until(lambda: not pbx.astdb)
        await until_ended(database, "9.0")
    row = (await log_of(database))["pbx1", "1.0"]
    assert (row.ended_at, row.hangup_cause, row.recording) == (ended, 16, "20260302/1.0.wav")
