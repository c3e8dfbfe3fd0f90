"""The command `lianxin`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from infra.kit.clock import SystemClock
from infra.kit.database import Database
from infra.kit.errors import LianxinError
from infra.kit.identity import Role
from infra.kit.logging import configure
from infra.run import settings as settings_module
from infra.run.audit_commands import check_audit
from infra.run.channel_commands import check_channels
from infra.run.dispatch_commands import evaluate, train
from infra.run.example import render as render_example
from infra.run.key_commands import key
from infra.run.migrate import migrate as migrate_database
from infra.run.settings import Settings
from infra.run.sheet_commands import export_file, import_file
from infra.run.ticket_commands import check_tickets
from infra.run.wechat_commands import wechat
from telephony.asterisk.cli import asterisk
from telephony.phone_network.cli import phone_network

pass_settings = click.make_pass_decorator(Settings)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("lianxin"), prog_name="lianxin")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file; without it LIANXIN_CONFIG, else ./lianxin.toml if there is one.",
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Lianxin (连心): the telephony layer of a city's 12345 hotline."""
    context.obj = settings_module.load(config)


@cli.command()
@pass_settings
def serve(settings: Settings) -> None:
    """Run everything in one process."""
    from infra.run.serve import serve as run_serve

    configure(settings.logs.level, readable=settings.logs.readable)
    _run(run_serve(settings))


@cli.command()
@click.option("--quiet-citizens", is_flag=True, help="Nobody calls by himself.")
@pass_settings
def demo(settings: Settings, *, quiet_citizens: bool) -> None:
    """Run the demo city: one process, a real Asterisk, a simulated telephone network, citizens who call."""
    from infra.run.demo import LOG_FILE
    from infra.run.demo import demo as run_demo

    LOG_FILE.parent.mkdir(parents=True, exist_ok=True)
    with LOG_FILE.open("a") as stream:
        configure(settings.logs.level, readable=False, stream=stream)
        _run(run_demo(settings, citizens=not quiet_citizens))


@cli.command()
@pass_settings
def migrate(settings: Settings) -> None:
    """Bring the database to the version that this program needs."""
    configure("warning", readable=True)
    _run(_migrate(settings))
    click.echo("The database is up to date / 数据库已是最新版本")


async def _migrate(settings: Settings) -> None:
    database = Database(settings.database.url)
    await database.open()
    try:
        await migrate_database(database)
    finally:
        await database.close()


@cli.group(invoke_without_command=True)
@click.pass_context
def check(context: click.Context) -> None:
    """Look at settings, database, Redis, Asterisk and channels; say what is wrong and what to do."""
    from infra.run.check import check as run_check

    if context.invoked_subcommand is not None:
        return

    configure("error", readable=True)
    reports = _run(run_check(context.obj))
    for name, report in reports.items():
        mark = click.style("✓", fg="green") if report.ok else click.style("✗", fg="red")
        click.echo(f"{mark} {name}: {report.detail_zh} / {report.detail_en}")
    if not all(report.ok for report in reports.values()):
        raise click.exceptions.Exit(1)


@cli.group()
def user() -> None:
    """People who log in."""


@user.command("add")
@click.argument("number")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role if role is not Role.MACHINE]),
    default=Role.AGENT.value,
)
@click.option("--unit", help="Code of the unit that a unit_clerk or unit_head works for.")
@click.password_option(help="Asked for without it.")
@pass_settings
def user_add(
    settings: Settings, number: str, name: str, role: str, unit: str | None, password: str
) -> None:
    """Add a person: NUMBER is the staff number (工号), NAME is shown to colleagues."""
    from infra.run.people import add_person

    configure("warning", readable=True)
    _run(add_person(settings, SystemClock(), number, name, Role(role), password, unit))
    click.echo(f"{number} can log in / {number} 现在可以登录")


@user.command("disable")
@click.argument("number")
@pass_settings
def user_disable(settings: Settings, number: str) -> None:
    """Let the person with the staff number NUMBER in no more; his logins end."""
    from infra.run.people import disable_person

    configure("warning", readable=True)
    _run(disable_person(settings, SystemClock(), number))
    click.echo(f"{number} cannot log in any more / {number} 已停用")


@user.command("enable")
@click.argument("number")
@pass_settings
def user_enable(settings: Settings, number: str) -> None:
    """Let the person with the staff number NUMBER in again."""
    from infra.run.people import enable_person

    configure("warning", readable=True)
    _run(enable_person(settings, SystemClock(), number))
    click.echo(f"{number} can log in again / {number} 已重新启用")


@user.command("password")
@click.argument("number")
@click.password_option(help="Asked for without it.")
@pass_settings
def user_password(settings: Settings, number: str, password: str) -> None:
    """Give the person with the staff number NUMBER another password; his logins end."""
    from infra.run.people import set_password

    configure("warning", readable=True)
    _run(set_password(settings, SystemClock(), number, password))
    click.echo(f"{number} has a new password / {number} 的密码已重置")


@cli.command("settings")
def example_settings() -> None:
    """Print a commented lianxin.toml with every setting and its default."""
    click.echo(render_example(), nl=False)


check.add_command(check_audit)
check.add_command(check_channels)
check.add_command(check_tickets)
cli.add_command(asterisk)
cli.add_command(evaluate)
cli.add_command(export_file)
cli.add_command(import_file)
cli.add_command(key)
cli.add_command(phone_network)
cli.add_command(train)
cli.add_command(wechat)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def main() -> None:
    """Run the command; exit code 0, 1 (failed) or 2 (used wrongly)."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = 1
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except LianxinError as error:
        click.secho(f"✗ {error.detail_zh or error.title_zh}", fg="red", err=True)
        click.secho(f"✗ {error.detail_en or error.title_en}", fg="red", err=True)
        for field in error.fields:
            click.echo(f"  {field.pointer}: {field.message_zh} / {field.message_en}", err=True)
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
