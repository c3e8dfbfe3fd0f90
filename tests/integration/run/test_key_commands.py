from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.run.cli import cli


def lianxin(folder: Path, *arguments: str) -> Result:
    """What the command says and how it ends; runs in a loop of its own."""
    return CliRunner().invoke(cli, ["--config", str(folder / "lianxin.toml"), *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lianxin.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/lianxin.db"\n'
        f'[security]\ndata_key_file = "{tmp_path}/data.key"\n'
    )
    assert lianxin(tmp_path, "migrate").exit_code == 0
    return tmp_path


def test_a_key_is_made_listed_and_taken_back(folder: Path) -> None:
    made = lianxin(folder, "key", "add", "省平台", "--scope", "upstream.exchange", "--days", "30")
    assert made.exit_code == 0, made.output
    token = made.output.split()[-1]
    assert token.startswith("lx_1_")
    listed = lianxin(folder, "key", "list").output
    assert "省平台" in listed
    assert "holds" in listed
    assert token.rsplit("_", 1)[-1] not in listed
    assert lianxin(folder, "key", "revoke", "1").exit_code == 0
    assert "over" in lianxin(folder, "key", "list").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("key", "add", "x"),
        ("key", "add", "x", "--scope", "user.manage"),
        ("key", "add", "x", "--scope", "ticket.read", "--days", "0"),
        ("key", "revoke", "first"),
    ],
)
def test_a_command_that_is_used_wrongly_ends_with_2(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    assert lianxin(folder, *arguments).exit_code == 2


def test_a_unit_s_key_needs_the_unit(folder: Path) -> None:
    unit = ("key", "add", "x", "--scope", "unit.work")
    assert lianxin(folder, *unit).exit_code == 1
    assert lianxin(folder, *unit, "--unit", "NONE").exit_code == 1
    units = folder / "units.csv"
    units.write_text("code,name_zh,name_en,kind\nCGJ,城管执法局,Urban,bureau\n")
    assert lianxin(folder, "import", "units", str(units)).exit_code == 0
    assert lianxin(folder, *unit, "--unit", "CGJ").exit_code == 0
