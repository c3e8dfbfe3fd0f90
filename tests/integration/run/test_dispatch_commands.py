from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_bridge.catalogue.service import Catalogue
from crm_bridge.categories.service import Categories
from crm_bridge.units.service import Units
from infra.kit.clock import SystemClock
from infra.run.settings import load
from infra.run.store import open_store

# The process that learns goes last: on a machine that others keep busy it may take minutes.
pytestmark = pytest.mark.timeout(400)

Run = Callable[..., tuple[int, str]]
HEAD = "标题,内容,地址,分类,承办单位\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lianxin.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/lianxin.db"\n'
        f'[security]\ndata_key_file = "{tmp_path}/data.key"\n'
        f'[suggestions]\nmodel_file = "{tmp_path}/model.npz"\n'
    )
    return tmp_path


@pytest.fixture
def lianxin(folder: Path) -> Run:
    """Runs the command as the shell does; gives its exit code and what it said."""

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from infra.run.cli import main; main()"),
                *("--config", str(folder / "lianxin.toml"), *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=350,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        return done.returncode, done.stdout + done.stderr

    return run


async def seed(folder: Path) -> None:
    clock = SystemClock()
    async with open_store(load(folder / "lianxin.toml")) as store:
        await Categories(store.database, clock).seed()
        await Units(store.database, clock).seed()
        await Catalogue(store.database, clock).seed()


def test_what_ships_is_measured_without_a_database(lianxin: Run) -> None:
    code, said = lianxin("evaluate", "dispatch", "--shipped", "--top1", "80", "--top3", "93")
    assert code == 0
    assert "top-1: " in said
    assert "GRGS 供热公司" in said
    code, said = lianxin("evaluate", "dispatch", "--shipped", "--top1", "99.9")
    assert code == 1
    assert "99.9" in said


def test_own_city_is_trained_and_measured_on_its_own_file(folder: Path, lianxin: Run) -> None:
    assert lianxin("migrate")[0] == 0
    code, said = lianxin("train", "dispatch")
    assert (code, "还没有承办单位" in said) == (1, True)
    asyncio.run(seed(folder))
    file = folder / "asked.csv"
    file.write_text(
        HEAD + "暖气不热,家里不热,,3004,GRGS\n停水,没水,,3001,GSGS\n", encoding="gb18030"
    )
    code, said = lianxin("evaluate", "dispatch", str(file))
    assert code == 0
    assert "仅职责目录" in said
    code, said = lianxin("train", "dispatch")
    assert code == 0
    assert "388 shipped examples" in said
    code, said = lianxin("evaluate", "dispatch", str(file), "--top1", "100", "--top3", "100")
    assert code == 0
    assert "top-1: 2/2 = 100%" in said


def test_before_the_first_start_what_ships_is_measured(lianxin: Run) -> None:
    assert lianxin("migrate")[0] == 0
    code, said = lianxin("evaluate", "dispatch", "--top1", "80", "--top3", "93")
    assert code == 0
    assert "随附" in said


def test_wrong_file_is_told_row_by_row(folder: Path, lianxin: Run) -> None:
    file = folder / "asked.csv"
    file.write_text(HEAD + "a,b,c,d,NOPE\ne,f,g,h,\n", encoding="utf-8")
    code, said = lianxin("evaluate", "dispatch", str(file), "--shipped")
    assert code == 1
    assert "第 2 行" in said
    assert "row 3" in said
    code, said = lianxin("evaluate", "dispatch", str(folder / "none.csv"), "--shipped")
    assert (code, "none.csv" in said) == (1, True)


def test_wrong_use_is_told_from_wrong_result(lianxin: Run) -> None:
    assert lianxin("evaluate", "dispatch", "--top1", "101")[0] == 2
    assert lianxin("evaluate", "weather")[0] == 2
