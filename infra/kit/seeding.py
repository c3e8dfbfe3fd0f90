"""What ships is loaded by one process: those that start at the same moment wait, and find it done."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.kit.database import Database

_LOCK = 0x4C78_5365  # any number that nothing else in this database locks


async def hold_seeding(database: Database, session: AsyncSession) -> None:
    """Wait until nobody else seeds, and keep others waiting until this transaction ends.

    To be called before looking whether a table is empty: what another process has loaded meanwhile is then seen.
    SQLite has one writer anyway.

    Args:
        database: Whose transaction it is.
        session: The transaction.
    """
    if database.dialect == "postgresql":
        connection = await session.connection()
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
