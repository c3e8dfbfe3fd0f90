from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from infra.kit.clock import ManualClock
from infra.kit.database import Database
from infra.kit.errors import TryLater
from infra.kit.group_commit import Piece, Prepared, Writing
from infra.kit.idempotency import IdempotencyRow
from infra.kit.outbox import OutboxRow, entry

_COLUMNS = ["scope", "key", "fingerprint", "reference", "created_at"]
_INSERT = Prepared(insert(IdempotencyRow).returning(col(IdempotencyRow.key)), _COLUMNS)
_LOSE_ALL = {
    # As a full disk makes SQLite do by itself, and a restart of the server PostgreSQL.
    "sqlite": Prepared(text("ROLLBACK")),
    "postgresql": Prepared(text("SELECT pg_terminate_backend(pg_backend_pid())")),
}


def _write(key: str, at: datetime) -> Piece[str]:
    def piece(writing: Writing) -> str:
        row = writing.row(
            _INSERT, scope="test", key=key, fingerprint="-", reference="电话", created_at=at
        )
        assert row is not None
        return str(row[0])

    return piece


async def _keys(database: Database) -> set[str]:
    async with database.reading() as session:
        return set((await session.exec(select(IdempotencyRow.key))).all())


async def test_what_is_answered_can_be_read_by_others(
    database: Database, clock: ManualClock
) -> None:
    assert await database.write(_write("one", clock.now())) == "one"
    async with database.reading() as session:
        row = (await session.exec(select(IdempotencyRow))).one()
    assert (row.reference, row.created_at) == ("电话", clock.now())


async def test_a_row_is_added_as_a_session_would_and_gets_its_id(
    database: Database, clock: ManualClock
) -> None:
    def told(n: int) -> dict[str, Any]:
        return entry(
            clock, destination="feed", kind="ticket.created", key=f"ticket:{n}", body={"市民": [n]}
        )

    def piece(writing: Writing) -> list[int]:
        return [writing.add(OutboxRow, told(n)) for n in (1, 2)]

    assert await database.write(piece) == [1, 2]
    async with database.transaction() as session:
        session.add(OutboxRow(**told(3)))
    async with database.reading() as session:
        rows = (await session.exec(select(OutboxRow).order_by(col(OutboxRow.id)))).all()
    by_group, by_session = rows[0].model_dump(), rows[2].model_dump()
    assert by_group == by_session | {"id": 1, "key": "ticket:1", "body": {"市民": [1]}}


async def test_many_at_once_are_all_written(database: Database, clock: ManualClock) -> None:
    keys = {f"k{n}" for n in range(600)}
    answers = await asyncio.gather(*(database.write(_write(key, clock.now())) for key in keys))
    assert set(answers) == keys == await _keys(database)


async def test_a_piece_that_fails_leaves_nothing_and_harms_nobody(
    database: Database, clock: ManualClock
) -> None:
    def half(writing: Writing) -> None:
        _write("half", clock.now())(writing)
        raise LookupError("for the one who asked")

    answers = await asyncio.gather(
        database.write(_write("before", clock.now())),
        database.write(half),
        database.write(_write("after", clock.now())),
        return_exceptions=True,
    )
    assert answers[0] == "before"
    assert isinstance(answers[1], LookupError)
    assert answers[2] == "after"
    assert await _keys(database) == {"before", "after"}


async def test_what_the_database_refuses_is_told_as_a_session_would(
    database: Database, clock: ManualClock
) -> None:
    answers = await asyncio.gather(
        database.write(_write("same", clock.now())),
        database.write(_write("same", clock.now())),
        return_exceptions=True,
    )
    assert answers[0] == "same"
    assert isinstance(answers[1], IntegrityError)
    assert "电话" not in str(answers[1])  # what was to be written stays out of the log


async def test_a_batch_that_is_lost_is_told_to_all_of_it_and_the_next_one_stands(
    database: Database, clock: ManualClock
) -> None:
    def lose(writing: Writing) -> None:
        writing.run(_LOSE_ALL[database.dialect])

    lost = await asyncio.gather(
        database.write(_write("first", clock.now())),
        database.write(lose),
        database.write(_write("second", clock.now())),
        return_exceptions=True,
    )
    assert [type(answer) for answer in lost] == [TryLater] * 3
    assert await _keys(database) == set()
    assert await database.write(_write("third", clock.now())) == "third"
    assert await _keys(database) == {"third"}


async def test_who_has_gone_before_his_turn_gets_nothing_written(
    sqlite_database: Database, clock: ManualClock
) -> None:
    async with sqlite_database.transaction():  # the one who writes now
        gone = asyncio.create_task(sqlite_database.write(_write("gone", clock.now())))
        stays = asyncio.create_task(sqlite_database.write(_write("stays", clock.now())))
        await asyncio.sleep(0)
        gone.cancel()
    assert await stays == "stays"
    assert gone.cancelled()
    assert await _keys(sqlite_database) == {"stays"}


async def test_a_session_and_the_group_take_turns(database: Database, clock: ManualClock) -> None:
    async def by_session(n: int) -> None:
        async with database.transaction() as session:
            session.add(
                IdempotencyRow(
                    scope="test", key=f"s{n}", fingerprint="", reference="", created_at=clock.now()
                )
            )

    await asyncio.gather(
        *(by_session(n) for n in range(20)),
        *(database.write(_write(f"g{n}", clock.now())) for n in range(20)),
    )
    async with database.reading() as session:
        assert (await session.exec(select(func.count()).select_from(IdempotencyRow))).one() == 40


async def test_what_waits_is_written_before_the_database_closes(
    database: Database, clock: ManualClock
) -> None:
    waiting = [asyncio.create_task(database.write(_write(f"w{n}", clock.now()))) for n in range(5)]
    await asyncio.sleep(0)
    await database.close()
    assert [await task for task in waiting] == [f"w{n}" for n in range(5)]
