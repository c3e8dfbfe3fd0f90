"""Brings a database's tables up to what this version needs; `python -m infra.run.migrate` writes a new migration."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from crm_bridge.search.indexing import fill
from crm_bridge.search.tables import make_index
from infra.kit.audit_guards import guard
from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.run.tables import compared, whole_metadata

_LOCK = 0x4C78_4D69  # any number that nothing else in this database locks
_FOLDER = Path(__file__).with_name("migrations")


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database) -> None:
    """Bring the database to the newest version; one that is there already is left alone."""
    async with database.engine.connect() as connection:
        await connection.run_sync(_upgrade)
        await connection.commit()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Of several processes that start at once one migrates; the others wait and find it done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    command.upgrade(_config(connection), "head")
    guard(connection)
    if make_index(connection):
        fill(connection)


async def require_current(database: Database) -> None:
    """Return if the database is at the newest version.

    Raises:
        Misconfigured: It is not; says how to bring it there.
    """
    async with database.engine.connect() as connection:
        at = await connection.run_sync(
            lambda found: MigrationContext.configure(found).get_current_revision()
        )
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if at != newest:
        raise Misconfigured(
            f"the database is at version {at}, this program needs {newest}: run `lianxin migrate`",
            f"数据库版本为 {at}，本程序需要 {newest}：请运行 lianxin migrate",
        )


async def differences(database: Database) -> list[object]:
    """Return how the database's tables differ from the code's; an empty list is as it should be."""
    metadata = whole_metadata()
    async with database.engine.connect() as connection:
        return await connection.run_sync(
            lambda found: list(
                compare_metadata(
                    MigrationContext.configure(
                        found, opts={"compare_type": True, "include_name": compared}
                    ),
                    metadata,
                )
            )
        )


async def _write_migration(message: str) -> None:
    number = f"{len(list((_FOLDER / 'versions').glob('*.py'))) + 1:04}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/new.db")
        await migrate(database)
        async with database.engine.connect() as connection:
            await connection.run_sync(
                lambda found: command.revision(
                    _config(found), message, autogenerate=True, rev_id=number
                )
            )
        await database.close()


if __name__ == "__main__":
    asyncio.run(_write_migration(" ".join(sys.argv[1:])))
