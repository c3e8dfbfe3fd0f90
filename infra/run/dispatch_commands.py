"""`lianxin train dispatch` and `lianxin evaluate dispatch`: suggestions learned, and measured."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.kit.clock import SystemClock
from infra.kit.errors import LianxinError
from infra.kit.logging import configure
from infra.run.settings import Settings

if TYPE_CHECKING:
    from crm_bridge.suggestions.adviser import Adviser
    from crm_bridge.suggestions.evaluation import Evaluation
    from crm_bridge.suggestions.trainer import Trained

pass_settings = click.make_pass_decorator(Settings)

_PERCENT = click.FloatRange(0, 100)


class TooFewRight(LianxinError):
    """The suggestions are worse than was asked for."""

    slug = "too-few-right"
    title_zh = "推荐准确率低于要求"
    title_en = "Fewer suggestions are right than was asked for"


@click.group()
def train() -> None:
    """Learn from what was done."""


@train.command("dispatch")
@pass_settings
def train_dispatch(settings: Settings) -> None:
    """Learn which unit is right for which matter, from the catalogue and from dispatches that were not returned."""
    configure("warning", readable=True)
    trained = asyncio.run(_train(settings))
    if trained is None:
        click.echo("Another process is training just now / 另一个进程正在训练", err=True)
        raise click.exceptions.Exit(1)
    click.echo(
        f"model {trained.version}: {trained.confirmed} confirmed dispatches, {trained.shipped} shipped examples, "
        f"{trained.terms} terms, {trained.seconds} s / 模型已更新"
    )


@click.group()
def evaluate() -> None:
    """Measure what was learned."""


@evaluate.command("dispatch")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--shipped", is_flag=True, help="Units, catalogue and examples that ship; no database is read."
)
@click.option("--top1", type=_PERCENT, default=0.0, help="Fail below this percentage.")
@click.option("--top3", type=_PERCENT, default=0.0, help="Fail below this percentage.")
@pass_settings
def evaluate_dispatch(
    settings: Settings, file: Path | None, *, shipped: bool, top1: float, top3: float
) -> None:
    """Ask for every row of FILE (.csv or .xlsx: title, text, address, category, unit) and count right answers.

    Without FILE the labelled set that ships is asked. While there are no units yet, all is done as with --shipped.
    Ends with 0, with 1 if the file is wrong or fewer are right than --top1 and --top3 ask for, with 2 if used wrongly.
    """
    configure("warning", readable=True)
    from crm_bridge.sheets.reading import read, read_file
    from crm_bridge.suggestions.evaluation import COLUMNS, labelled
    from crm_bridge.suggestions.evaluation import evaluate as measure
    from crm_bridge.suggestions.shipped import file_to_test

    sheet = read(file_to_test(), COLUMNS) if file is None else read_file(file, COLUMNS)
    adviser, names, version = _shipped_adviser() if shipped else asyncio.run(_adviser(settings))
    found = measure(adviser, labelled(sheet, list(names)))
    _print(found, names, version)
    if found.first * 100 < top1 * found.asked or found.shown * 100 < top3 * found.asked:
        raise TooFewRight(
            f"at least {top1} % and {top3} % were asked for", f"要求首位 {top1}%、前三 {top3}%"
        )


def _print(found: Evaluation, names: Mapping[str, str], version: str) -> None:
    click.echo(f"model / 模型: {version}")
    click.echo(
        f"{'unit / 单位':<24} {'n':>5} {'top-1':>7} {'top-3':>7}  mostly taken for / 最常误判为"
    )
    for code, of in sorted(found.by_unit.items(), key=lambda item: (-item[1].asked, item[0])):
        wrong = ", ".join(
            f"{names.get(other, other)} ({count})" for other, count in of.mistaken.most_common(2)
        )
        name = f"{code} {names[code]}"
        click.echo(
            f"{name:<24} {of.asked:>5} {_share(of.first, of.asked):>7} {_share(of.shown, of.asked):>7}  {wrong}"
        )
    click.echo(f"top-1: {found.first}/{found.asked} = {_share(found.first, found.asked)}")
    click.echo(f"top-3: {found.shown}/{found.asked} = {_share(found.shown, found.asked)}")


def _share(part: int, whole: int) -> str:
    # 100 % only when they are equal.
    return "100%" if part == whole else f"{min(99.9, part * 100 / whole):.1f}%"


async def _train(settings: Settings) -> Trained | None:
    from crm_bridge.catalogue.service import Catalogue
    from crm_bridge.suggestions.trainer import Trainer
    from infra.run.store import open_store

    clock = SystemClock()
    async with open_store(settings) as store:
        catalogue = Catalogue(store.database, clock)
        return await Trainer(store.database, clock, catalogue, settings.suggestions).train()


async def _adviser(settings: Settings) -> tuple[Adviser, Mapping[str, str], str]:
    from crm_bridge.catalogue.service import Catalogue
    from crm_bridge.suggestions.adviser import Adviser
    from crm_bridge.suggestions.model import load
    from crm_bridge.suggestions.past import units_of
    from infra.run.store import open_store

    clock = SystemClock()
    async with open_store(settings) as store:
        snapshot = await Catalogue(store.database, clock).current()
        async with store.database.reading() as session:
            units = await units_of(session)
    if not units:
        # Nothing has been started yet: what its first start will load is what can be measured.
        return _shipped_adviser()
    path = settings.suggestions.model_file
    model = load(path) if path.exists() else None
    version = model.version if model else "none, the catalogue alone / 无，仅职责目录"
    return (
        Adviser(units, snapshot.matters, model),
        {unit.code: unit.name_zh for unit in units},
        version,
    )


def _shipped_adviser() -> tuple[Adviser, Mapping[str, str], str]:
    from tempfile import TemporaryDirectory

    from crm_bridge.suggestions.adviser import Adviser
    from crm_bridge.suggestions.learning import Example, Lessons, learn
    from crm_bridge.suggestions.shipped import examples_to_learn, shipped_matters, shipped_units
    from crm_bridge.units.rules import UnitKind

    units, matters = shipped_units(), shipped_matters()
    lessons = Lessons(
        areas={unit.code for unit in units if unit.kind is UnitKind.subdistrict},
        matters=matters,
        examples=[
            Example(question=question, unit=unit, shipped=True)
            for question, unit in examples_to_learn()
        ],
    )
    with TemporaryDirectory(prefix="lianxin-training-") as scratch:
        model = learn(lessons, SystemClock().now(), Path(scratch))
    names = {unit.code: unit.name_zh for unit in units}
    return Adviser(units, matters, model), names, f"{model.version} (shipped / 随附)"
