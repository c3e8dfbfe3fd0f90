"""`lianxin import` and `lianxin export`: the city's own tables as Excel or CSV files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.kit.clock import Clock, SystemClock
from infra.kit.errors import Invalid
from infra.kit.logging import configure
from infra.run.board_commands import BOARD, board_option, export_board, import_board
from infra.run.settings import Settings
from infra.run.store import open_store

if TYPE_CHECKING:
    from crm_bridge.sheets.transfer import Outcome
    from crm_bridge.sheets.writing import SheetKind

pass_settings = click.make_pass_decorator(Settings)


KINDS = ("units", "catalogue", "categories", "calendar")
"""What can be brought in and taken out; `infra.run.transfers` says how."""

CONTACTS = "contacts"
"""Letters, visits, or what an older system kept: brought in through the intake, and never taken out as a whole."""


@click.command("import")
@click.argument("kind", type=click.Choice((*KINDS, CONTACTS, BOARD)))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@board_option
@click.option(
    "--columns",
    default="",
    help='Of a board\'s posts: columns by field as JSON, e.g. {"text": "诉求描述"}.',
)
@pass_settings
def import_file(
    settings: Settings, kind: str, file: Path, *, dry_run: bool, board: str, columns: str
) -> None:
    """Bring in FILE, an .xlsx workbook or a CSV file, as KIND: all of it or nothing.

    A catalogue is replaced as a whole, whatever its newest version is. The contacts of a file, and the posts of a
    message board (JSON too), open their tickets; brought in again, it opens none twice.
    """
    if kind == BOARD:
        import_board(settings, board, file, columns, dry_run=dry_run)
        return
    from crm_bridge.sheets.limits import Limits

    configure("warning", readable=True)
    with file.open("rb") as opened:
        content = opened.read(Limits().size + 1)
    outcome = asyncio.run(take_file(settings, SystemClock(), kind, content, dry_run=dry_run))
    for error in outcome.errors:
        where = f"{error.row}{error.column and f' {error.column}'}"
        click.echo(f"✗ {where}: {error.message_zh} / {error.message_en}", err=True)
    if outcome.errors:
        click.echo(
            f"{len(outcome.errors)} errors, nothing stored / 共 {len(outcome.errors)} 处错误，未写入",
            err=True,
        )
        raise click.exceptions.Exit(1)
    done = "stored / 已写入" if outcome.stored else "dry run, nothing stored / 试运行，未写入"
    click.echo(
        f"{outcome.rows} rows: +{outcome.added} ~{outcome.changed} -{outcome.removed}; {done}"
    )


@click.command("export")
@click.argument("kind", type=click.Choice((*KINDS, BOARD)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@board_option
@click.option("--new", is_flag=True, help="Of a board: only answers that nobody has published.")
@pass_settings
def export_file(settings: Settings, kind: str, file: Path, *, board: str, new: bool) -> None:
    """Write KIND to FILE, whose name ends in .xlsx or .csv.

    Of a message board that is the city's answers, in .json too.
    """
    if kind == BOARD:
        export_board(settings, board, file, new=new)
        return
    from crm_bridge.sheets.writing import kind_of

    configure("warning", readable=True)
    content = asyncio.run(give_file(settings, SystemClock(), kind, kind_of(file.name)))
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Invalid(
            f"{file} cannot be written: {error.strerror}", f"无法写入 {file}：{error.strerror}"
        ) from error
    click.echo(f"{file}")


async def take_file(
    settings: Settings, clock: Clock, kind: str, content: bytes, *, dry_run: bool
) -> Outcome:
    """Bring the bytes of a file in.

    Raises:
        Invalid: It is not a table file.
        TooLarge: It is larger than is taken.
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    from infra.run.contact_import import contact_import
    from infra.run.transfers import TRANSFERS

    async with open_store(settings) as store:
        if kind == CONTACTS:
            contacts = await contact_import(store, settings, clock)
            return await contacts.take(None, content, dry_run=dry_run)
        return await TRANSFERS[kind](store, clock).take(None, content, dry_run=dry_run)


async def give_file(settings: Settings, clock: Clock, kind: str, sort: SheetKind) -> bytes:
    """Return a file's bytes.

    Raises:
        Misconfigured: The database is not at this program's version, or its data key is missing.
    """
    from infra.run.transfers import TRANSFERS

    async with open_store(settings) as store:
        return await TRANSFERS[kind](store, clock).give(sort)
