"""People who log in, kept from the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent_console.accounts.passwords import Passwords
from agent_console.accounts.service import Accounts
from agent_console.accounts.sessions import Sessions
from infra.kit.clock import Clock
from infra.kit.hints import MemoryHints
from infra.kit.identity import Role
from infra.run.settings import Settings
from infra.run.store import open_store


@asynccontextmanager
async def people(settings: Settings, clock: Clock) -> AsyncIterator[Accounts]:
    """Open the accounts of an installation, beside a process that serves it or without one.

    Raises:
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with open_store(settings) as store:
        sessions = Sessions(store.database, clock, store.vault, MemoryHints())
        yield Accounts(store.database, clock, sessions, Passwords())


async def add_person(
    settings: Settings,
    clock: Clock,
    number: str,
    name: str,
    role: Role,
    password: str,
    unit: str | None = None,
) -> None:
    """Add a person who can log in.

    Raises:
        Invalid: Number, name, password or unit is not as it must be.
        Conflict: The number is taken.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with people(settings, clock) as accounts:
        await accounts.add_user(number, name, role, password, unit=unit)


async def disable_person(settings: Settings, clock: Clock, number: str) -> None:
    """Let a person in no more and end his logins.

    Raises:
        NotFound: There is no such person.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with people(settings, clock) as accounts:
        await accounts.disable(number)


async def enable_person(settings: Settings, clock: Clock, number: str) -> None:
    """Let a person in again who was disabled.

    Raises:
        NotFound: There is no such person.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with people(settings, clock) as accounts:
        await accounts.enable(number)


async def set_password(settings: Settings, clock: Clock, number: str, password: str) -> None:
    """Give a person another password and end his logins.

    Raises:
        NotFound: There is no such person.
        Invalid: The password is not as it must be.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with people(settings, clock) as accounts:
        await accounts.set_password(number, password)
