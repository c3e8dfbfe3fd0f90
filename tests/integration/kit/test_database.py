from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import QueuePool
from sqlmodel import select

from infra.kit.audit import AuditRow
from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import Invalid, TryLater
from infra.kit.idempotency import IdempotencyKey, earlier, keep


def _row(at: datetime) -> AuditRow:
    return AuditRow(at=at, actor="1001", action="test", subject="thing:1", detail={"词": [1, None]})


async def test_a_moment_comes_back_aware_and_in_utc(database: Database) -> None:
    there = datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=8)))
    async with database.transaction() as session:
        session.add(_row(there))
    async with database.reading() as session:
        row = await session.get_one(AuditRow, 1)
    assert row.at == there
    assert row.at.tzinfo == UTC
    assert row.detail == {"词": [1, None]}


async def test_a_naive_moment_is_refused(database: Database) -> None:
    async with database.reading() as session:
        session.add(_row(datetime(2026, 3, 2)))  # noqa: DTZ001  # that is what is refused
        with pytest.raises(StatementError, match="naive"):
            await session.flush()


async def test_a_transaction_left_by_an_error_leaves_nothing(
    database: Database, clock: ManualClock
) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            session.add(_row(clock.now()))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.reading() as session:
        assert await session.get(AuditRow, 1) is None


async def test_what_is_answered_is_on_disk(sqlite_database: Database) -> None:
    async with sqlite_database.transaction() as session:
        connection = await session.connection()
        found = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 5000]


async def test_writers_take_turns_in_the_order_in_which_they_came(
    sqlite_database: Database, clock: ManualClock
) -> None:
    order: list[int] = []
    pool = sqlite_database.engine.pool
    assert isinstance(pool, QueuePool)

    async def write(number: int) -> None:
        async with sqlite_database.transaction() as session:
            order.append(number)
            session.add(_row(clock.now()))
            await session.flush()
            await asyncio.sleep(0.001)
            assert pool.checkedout() == 1  # those that wait are not polling the file

    await asyncio.gather(*(write(number) for number in range(30)))
    assert order == list(range(30))


async def test_a_writer_that_is_cancelled_leaves_the_turn_to_the_next(
    sqlite_database: Database, clock: ManualClock
) -> None:
    async def write() -> None:
        async with sqlite_database.transaction() as session:
            session.add(_row(clock.now()))

    async with sqlite_database.transaction() as session:
        session.add(_row(clock.now()))
        waiting = [asyncio.create_task(write()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, type(None), type(None)]
    async with sqlite_database.reading() as reading:
        assert len((await reading.exec(select(AuditRow))).all()) == 3


async def test_a_database_that_does_not_answer_is_said_plainly() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(TryLater, match=r"127\.0\.0\.1"):
        await database.open()
    await database.close()


async def test_a_folder_that_is_not_there_is_named_and_leaves_no_thread_behind(
    tmp_path: Path,
) -> None:
    before = set(threading.enumerate())
    database = Database(f"sqlite:///{tmp_path}/gone/lianxin.db")
    with pytest.raises(TryLater) as refused:
        await database.open()
    for said in (refused.value.detail_en, refused.value.detail_zh):
        assert said is not None
        assert f"{tmp_path}/gone" in said
    await database.close()
    assert set(threading.enumerate()) == before


async def test_the_same_idempotency_key_finds_what_the_first_request_made(
    database: Database, clock: ManualClock
) -> None:
    key = IdempotencyKey(scope="1001 POST /t", key="k", fingerprint="a" * 64)
    async with database.transaction() as session:
        assert await earlier(session, key) is None
        await keep(session, key, "7", clock.now())
    async with database.transaction() as session:
        assert await earlier(session, key) == "7"


async def test_the_same_idempotency_key_for_something_else_is_refused(
    database: Database, clock: ManualClock
) -> None:
    key = IdempotencyKey(scope="1001 POST /t", key="k", fingerprint="a" * 64)
    other = IdempotencyKey(scope="1001 POST /t", key="k", fingerprint="b" * 64)
    async with database.transaction() as session:
        await keep(session, key, "7", clock.now())
    async with database.reading() as session:
        with pytest.raises(Invalid):
            await earlier(session, other)


async def test_closing_waits_for_whoever_still_reads_and_refuses_whoever_comes_late(
    database: Database,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def read() -> int:
        async with database.reading() as session:
            await session.exec(select(1))
            begun.set()
            await go_on.wait()
            return (await session.exec(select(2))).one()

    reading = asyncio.create_task(read())
    await begun.wait()
    closing = asyncio.create_task(database.close())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(closing)
    go_on.set()
    assert await reading == 2
    await closing
    with pytest.raises(TryLater):
        async with database.reading() as session:
            await session.exec(select(1))
    with pytest.raises(TryLater):
        await database.write(lambda writing: writing.control("SELECT 1"))
