"""A task is cancelled in the middle of a statement that writes: the next writer does not find the database locked."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import event, text

from infra.kit import database as database_module
from infra.kit.database import Database

WRITE = "INSERT INTO notes VALUES (1) RETURNING rowid"


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Nothing is freed by chance while we look."""
    gc.disable()
    yield
    gc.enable()


async def cancelled_in_a_write(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel a writer after its statement has run and before its rows are fetched."""

    async def cancelled(_cursor: object) -> Any:
        writer.cancel()
        await asyncio.Event().wait()

    async def write() -> None:
        async with database.transaction() as session:
            await (await session.connection()).execute(text(WRITE))

    async with database.transaction() as session:
        await (await session.connection()).execute(text("CREATE TABLE notes (body TEXT)"))
    monkeypatch.setattr(aiosqlite.Cursor, "fetchall", cancelled)
    writer = asyncio.create_task(write())
    kept = await asyncio.gather(writer, return_exceptions=True)  # its traceback holds the cursor
    assert isinstance(kept[0], asyncio.CancelledError)
    monkeypatch.undo()
    with closing(sqlite3.connect(str(database.url.database), timeout=0.5)) as other:
        other.execute("INSERT INTO notes VALUES (2)")
        assert other.execute("SELECT body FROM notes").fetchall() == [("2",)]


@pytest.mark.usefixtures("no_collector")
async def test_writer_that_is_cancelled_gives_the_lock_back_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/test.db")
    try:
        await cancelled_in_a_write(database, monkeypatch)
    finally:
        await database.close()


@pytest.mark.usefixtures("no_collector")
async def test_without_the_rollback_a_cancelled_writer_keeps_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/test.db")
    event.remove(database.engine.sync_engine, "invalidate", database_module._give_up_lock)
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await cancelled_in_a_write(database, monkeypatch)
    finally:
        await database.close()
