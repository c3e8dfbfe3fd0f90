"""Message boards from the command line: posts brought in, and the city's answers taken out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import click

from infra.kit.clock import SystemClock
from infra.kit.errors import Invalid
from infra.kit.logging import configure
from infra.run.settings import Settings

pass_settings = click.make_pass_decorator(Settings)
BOARD = "board"
"""What `lianxin import` and `lianxin export` call posts and answers."""

board_option = click.option(
    "--board", default="people.cn", show_default=True, help="Of a board's posts: which board."
)


def import_board(
    settings: Settings, board: str, file: Path, mapping: str, *, dry_run: bool
) -> None:
    """Bring FILE in and say what it did."""
    from crm_bridge.sheets.limits import Limits
    from infra.run.boards import import_posts

    configure("warning", readable=True)
    with file.open("rb") as opened:
        content = opened.read(Limits().size + 1)
    work = import_posts(
        settings, SystemClock(), board, content, mapping=_columns(mapping), dry_run=dry_run
    )
    outcome = asyncio.run(work)
    for name, column in outcome.columns.items():
        click.echo(f"{name} ← {column}")
    if outcome.kept:
        click.echo(f"kept as it came / 原样保留: {'、'.join(outcome.kept)}")
    for error in outcome.errors:
        where = f"{error.row} {error.column}"
        click.echo(f"✗ {where}: {error.message_zh} / {error.message_en}", err=True)
    if outcome.errors:
        click.echo(
            f"{len(outcome.errors)} errors, nothing taken in / 共 {len(outcome.errors)} 处错误，未受理",
            err=True,
        )
        raise click.exceptions.Exit(1)
    done = "taken in / 已受理" if outcome.stored else "dry run, nothing taken in / 试运行，未受理"
    click.echo(f"{outcome.posts} posts: +{outcome.added}, known {outcome.known}; {done}")


def export_board(settings: Settings, board: str, file: Path, *, new: bool) -> None:
    """Write the answers to FILE, whose name says of which kind it is."""
    from crm_bridge.boards.answers import AnswerFormat
    from infra.run.boards import export_answers

    configure("warning", readable=True)
    try:
        kind = AnswerFormat(file.suffix.lower().removeprefix("."))
    except ValueError:
        raise Invalid(
            "the file's name must end in .xlsx, .csv or .json",
            "文件名应以 .xlsx、.csv 或 .json 结尾",
        ) from None
    content = asyncio.run(export_answers(settings, SystemClock(), board, kind, new=new))
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Invalid(
            f"{file} cannot be written: {error.strerror}", f"无法写入 {file}：{error.strerror}"
        ) from error
    click.echo(f"{file}")


def _columns(mapping: str) -> Mapping[str, str]:
    try:
        given = json.loads(mapping) if mapping else {}
    except ValueError:
        given = None
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise click.BadParameter('a JSON object, e.g. {"text": "诉求描述"}', param_hint="--columns")
    return given
