from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

import psycopg
import pytest

from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.run.migrate import differences, migrate, require_current
from tests.installation import ROOT
from tests.parts import PostgresServer


async def test_migrated_tables_are_those_of_the_code(database_url: str) -> None:
    database = Database(database_url)
    await migrate(database)
    assert await differences(database) == []
    await require_current(database)
    await migrate(database)
    await database.close()


async def test_an_empty_database_is_not_current_and_says_what_to_run(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(Misconfigured, match="lianxin migrate"):
        await require_current(database)
    await database.close()


@pytest.mark.postgresql
async def test_processes_that_start_at_once_on_an_empty_database_migrate_it_once(
    postgres: PostgresServer,
) -> None:
    name = f"empty_{uuid4().hex}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    # Alembic keeps its context in a module: two migrations at once need two processes.
    program = (
        "import asyncio, sys\n"
        "from infra.kit.database import Database\n"
        "from infra.run.migrate import migrate\n"
        "asyncio.run(migrate(Database(sys.argv[1])))\n"
    )
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, postgres.url(name), cwd=ROOT
        )
        for _ in range(3)
    ]
    assert [await process.wait() for process in started] == [0, 0, 0]
    database = Database(postgres.url(name))
    await require_current(database)
    await database.close()
