"""`lianxin check tickets`: whether the rows of every ticket are what its log says."""

from __future__ import annotations

import asyncio

import click

from infra.kit.database import Database
from infra.kit.logging import configure
from infra.run.migrate import require_current
from infra.run.settings import Settings

_SHOWN = 20


@click.command("tickets")
@click.make_pass_decorator(Settings)
def check_tickets(settings: Settings) -> None:
    """Replay the log of every ticket and name those whose rows say something else."""
    configure("warning", readable=True)
    checked, wrong = asyncio.run(replay(settings))
    for number, differences in wrong[:_SHOWN]:
        click.secho(f"✗ {number}: {', '.join(differences)}", fg="red")
    if wrong:
        click.echo(
            f"{len(wrong)} of {checked} tickets are not what their logs say: keep a copy of the database "
            f"and ask for help / {checked} 件工单中有 {len(wrong)} 件与日志不符，请先备份数据库再联系技术支持"
        )
        raise click.exceptions.Exit(1)
    click.secho(
        f"✓ {checked} tickets are what their logs say / {checked} 件工单与日志一致", fg="green"
    )


async def replay(settings: Settings) -> tuple[int, list[tuple[str, tuple[str, ...]]]]:
    """Return how many tickets were looked at, and which are not what their logs say; nothing is written.

    Raises:
        Misconfigured: The database is not at this program's version.
        TryLater: The database does not answer.
    """
    from crm_bridge.tickets.replay import replayed

    database = Database(settings.database.url)
    await database.open()
    try:
        await require_current(database)
        checked, wrong = 0, []
        async for ticket in replayed(database):
            checked += 1
            if ticket.differences:
                wrong.append((ticket.number, ticket.differences))
        return checked, wrong
    finally:
        await database.close()
