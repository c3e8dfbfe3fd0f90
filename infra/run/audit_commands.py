"""`lianxin check audit`: whether anybody has changed the audit log."""

from __future__ import annotations

import asyncio
import re

import click

from infra.kit.audit_chain import Chain
from infra.kit.audit_verdict import Head, Verdict
from infra.kit.database import Database
from infra.kit.errors import Misconfigured
from infra.kit.installation import require_own_key
from infra.kit.logging import configure
from infra.run.migrate import require_current
from infra.run.settings import Settings

pass_settings = click.make_pass_decorator(Settings)

_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


def _parsed(_context: click.Context, _option: click.Parameter, value: str | None) -> Head | None:
    if value is None:
        return None
    found = _HEAD.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value} is not COUNT:HASH as this command prints it")
    return Head(count=int(found[1]), hash=found[2])


@click.command("audit")
@click.option(
    "--expect",
    metavar="COUNT:HASH",
    callback=_parsed,
    help="A head that was written down earlier, outside this machine.",
)
@pass_settings
def check_audit(settings: Settings, expect: Head | None) -> None:
    """Look at every row of the audit log and name the first that was changed, taken out or put in."""
    configure("warning", readable=True)
    verdict = asyncio.run(verify(settings, expect))
    if verdict.broken is not None:
        click.secho(f"✗ {verdict.broken.reason_zh} / {verdict.broken.reason_en}", fg="red")
        click.echo(f"  {verdict.checked} rows hold before it / 此前 {verdict.checked} 条完好")
        raise click.exceptions.Exit(1)
    if verdict.head is None:
        click.echo("the chain begins at the first start / 首次启动后开始校验链")
        return
    click.secho(f"✓ {verdict.checked} rows, unchanged / {verdict.checked} 条记录，完好", fg="green")
    click.echo(f"  head, to be written down outside / 链尾，请另行抄存：\n  {verdict.head}")


async def verify(settings: Settings, expected: Head | None) -> Verdict:
    """Return what looking at the whole chain found; nothing is written.

    Raises:
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    database = Database(settings.database.url)
    await database.open()
    try:
        await require_current(database)
        vault = await require_own_key(database, settings.security.data_key_file)
        if vault is None:
            raise Misconfigured(
                "this database has no data key yet: it is made at the first start",
                "数据库尚无数据密钥，首次启动时会自动生成",
            )
        return await Chain(database, vault).verify(expected)
    finally:
        await database.close()
