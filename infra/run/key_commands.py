"""`lianxin key`: bearer keys of other systems, kept from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from agent_console.keys.rules import PER_MINUTE, SCOPES, UNIT_SCOPES, Key
from infra.kit.clock import Clock, SystemClock
from infra.kit.hints import MemoryHints
from infra.kit.logging import configure
from infra.run.settings import Settings
from infra.run.store import open_store

if TYPE_CHECKING:
    from agent_console.keys.service import Keys, MintedKey, NewKey

pass_settings = click.make_pass_decorator(Settings)


@click.group("key")
def key() -> None:
    """Bearer keys of other systems."""
    configure("warning", readable=True)


@key.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(sorted(SCOPES | UNIT_SCOPES)),
    help="What the key may do; more than one may be given.",
)
@click.option("--unit", help="Code of the unit that it acts for, alone.")
@click.option("--days", type=click.IntRange(min=1), help="Ends after so many days.")
@click.option(
    "--per-minute", type=click.IntRange(1, 600_000), default=PER_MINUTE, show_default=True
)
@pass_settings
def add(
    settings: Settings,
    name: str,
    scopes: tuple[str, ...],
    unit: str | None,
    days: int | None,
    per_minute: int,
) -> None:
    """Make a key for the system NAME and print its token, which is shown this once."""
    from agent_console.keys.service import NewKey

    clock = SystemClock()
    expires_at = None if days is None else clock.now() + timedelta(days=days)
    new = NewKey(
        name=name.strip(),
        scopes=frozenset(scopes),
        unit=unit,
        per_minute=per_minute,
        expires_at=expires_at,
    )
    minted = asyncio.run(add_key(settings, clock, new))
    click.echo(
        f"{minted.key.id}: keep the token, it is not shown again / 请妥善保存，令牌只显示一次"
    )
    click.echo(minted.token)


@key.command("list")
@pass_settings
def listed(settings: Settings) -> None:
    """List the keys, without their secrets."""
    clock = SystemClock()
    for found in asyncio.run(list_keys(settings, clock)):
        click.echo(_line(found, clock.now()))


@key.command("revoke")
@click.argument("key_id", type=click.IntRange(min=1, max=2**31 - 1))
@pass_settings
def revoke(settings: Settings, key_id: int) -> None:
    """Take the key KEY_ID back; a process that serves forgets it within ten seconds."""
    asyncio.run(revoke_key(settings, SystemClock(), key_id))
    click.echo(f"{key_id} opens nothing any more / 密钥 {key_id} 已吊销")


def _line(found: Key, now: datetime) -> str:
    state = "holds / 有效" if found.holds(now) else "over / 失效"
    unit = f" [{found.unit}]" if found.unit else ""
    used = f"{found.last_used_at:%Y-%m-%d %H:%M}Z" if found.last_used_at else "—"
    return f"{found.id}  {found.name}{unit}  {' '.join(sorted(found.scopes))}  {state}  {used}"


@asynccontextmanager
async def _keys(settings: Settings, clock: Clock) -> AsyncIterator[Keys]:
    from agent_console.keys.service import Keys

    async with open_store(settings) as store:
        yield Keys(store.database, clock, MemoryHints())


async def add_key(settings: Settings, clock: Clock, new: NewKey) -> MintedKey:
    """Make a key.

    Raises:
        Invalid: It cannot be as it is wanted.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with _keys(settings, clock) as keys:
        return await keys.add(None, new)


async def list_keys(settings: Settings, clock: Clock) -> Sequence[Key]:
    """Return every key.

    Raises:
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with _keys(settings, clock) as keys:
        return await keys.list(limit=100_000)


async def revoke_key(settings: Settings, clock: Clock, key_id: int) -> None:
    """Take a key back.

    Raises:
        NotFound: There is no such key.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    async with _keys(settings, clock) as keys:
        await keys.revoke(None, key_id)
