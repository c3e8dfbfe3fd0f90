from __future__ import annotations

import pytest

from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.run.migrate import differences, migrate, require_current


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
