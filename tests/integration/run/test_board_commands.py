"""`lianxin import board` and `lianxin export board`, as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.run.cli import cli

CSV = "留言编号,留言标题,留言内容,领域\r\n1001,路灯不亮,滨江路路灯三天不亮,城建\r\n1002,井盖,井盖缺失,城建\r\n"


def lianxin(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(folder / "lianxin.toml"), *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lianxin.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/lianxin.db"\n'
        f'[security]\ndata_key_file = "{tmp_path}/data.key"\n'
    )
    assert lianxin(tmp_path, "migrate").exit_code == 0
    return tmp_path


def test_posts_are_tried_taken_in_and_known_again(folder: Path) -> None:
    file = folder / "posts.csv"
    file.write_bytes(CSV.encode("gb18030"))
    dry = lianxin(folder, "import", "board", str(file), "--dry-run")
    assert (dry.exit_code, "2 posts: +2, known 0; dry run" in dry.output) == (0, True), dry.output
    assert "text ← 留言内容" in dry.output
    assert "原样保留: 领域" in dry.output
    done = lianxin(folder, "import", "board", str(file), "--board", "people.cn")
    assert (done.exit_code, "+2, known 0; taken in" in done.output) == (0, True), done.output
    again = lianxin(folder, "import", "board", str(file))
    assert "+0, known 2" in again.output


def test_columns_of_other_names_are_named(folder: Path) -> None:
    file = folder / "posts.json"
    file.write_text(json.dumps([{"诉求描述": "路灯不亮"}], ensure_ascii=False))
    assert lianxin(folder, "import", "board", str(file)).exit_code == 1
    named = lianxin(folder, "import", "board", str(file), "--columns", '{"text": "诉求描述"}')
    assert (named.exit_code, "+1" in named.output) == (0, True), named.output


@pytest.mark.parametrize("columns", ["{", "[]", '{"text": 7}'])
def test_columns_that_are_no_mapping_are_a_wrong_use(folder: Path, columns: str) -> None:
    file = folder / "posts.csv"
    file.write_text(CSV)
    assert lianxin(folder, "import", "board", str(file), "--columns", columns).exit_code == 2


def test_every_error_is_printed_and_nothing_is_taken_in(folder: Path) -> None:
    file = folder / "posts.csv"
    file.write_text(CSV + "1003,,,城建\r\n")
    result = lianxin(folder, "import", "board", str(file))
    assert result.exit_code == 1
    assert "✗ 4 留言内容" in result.output
    file.write_text(CSV)
    assert "+2" in lianxin(folder, "import", "board", str(file)).output


@pytest.mark.parametrize("name", ["answers.xlsx", "answers.csv", "answers.json"])
def test_answers_are_written_in_three_kinds(folder: Path, name: str) -> None:
    out = folder / name
    result = lianxin(folder, "export", "board", str(out), "--new")
    assert result.exit_code == 0, result.output
    assert out.stat().st_size > 0


def test_file_of_another_kind_is_refused(folder: Path) -> None:
    assert lianxin(folder, "export", "board", str(folder / "answers.doc")).exit_code == 1
