"""People who log in, added from the command line."""

from __future__ import annotations

from agent_console.accounts.passwords import Passwords
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.kit.installation import open_own_vault
from infra.run.migrate import require_current
from infra.run.settings import Settings


async def add_person(
    settings: Settings, clock: Clock, number: str, name: str, role: Role, password: str
) -> None:
    """Add a person who can log in.

    Raises:
        Invalid: Number, name or password is not as it must be.
        Conflict: The number is taken.
        Misconfigured: The database is not at this program's version.
    """
    database = Database(settings.database.url)
    await database.open()
    try:
        await require_current(database)
        vault = await open_own_vault(database, settings.security.data_key_file)
        sessions = Sessions(database, clock, vault, MemoryHints())
        await Accounts(database, clock, sessions, Passwords()).add_user(
            number, name, role, password
        )
    finally:
        await database.close()
