"""What a command of the command line opens: the database of an installation and its vault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from infra.kit.audit_chain import Chain
from infra.kit.database import Database
from infra.kit.installation import open_own_vault
from infra.kit.vault import Vault
from infra.run.migrate import require_current
from infra.run.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An installation's open database, with the vault that belongs to it."""

    database: Database
    vault: Vault


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the store of an installation, beside a process that serves it or without one.

    Raises:
        Misconfigured: The database is not at this program's version, or its data key is missing.
        TryLater: The database does not answer.
    """
    database = Database(settings.database.url)
    await database.open()
    try:
        await require_current(database)
        vault = await open_own_vault(database, settings.security.data_key_file)
        await Chain(database, vault).begin()
        yield Store(database=database, vault=vault)
    finally:
        await database.close()
