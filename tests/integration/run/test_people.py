from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.kit.errors import Invalid, NotFound
from infra.run.cli import cli


def lianxin(folder: Path, *arguments: str) -> str:
    """What the command says; runs in a loop of its own."""
    result = CliRunner().invoke(
        cli, ["--config", str(folder / "lianxin.toml"), *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lianxin.toml").write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/lianxin.db"\n'
        f'[security]\ndata_key_file = "{tmp_path}/data.key"\n'
    )
    lianxin(tmp_path, "migrate")
    lianxin(tmp_path, "user", "add", "1001", "李静", "--password", "first-long-password")
    return tmp_path


def test_a_person_is_disabled_and_given_a_password_from_the_command_line(folder: Path) -> None:
    said = lianxin(folder, "user", "password", "1001", "--password", "second-long-password")
    assert "1001 的密码已重置" in said
    assert "1001 已停用" in lianxin(folder, "user", "disable", "1001")
    assert "1001 已重新启用" in lianxin(folder, "user", "enable", "1001")


def test_who_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(NotFound, match="7777"):
        lianxin(folder, "user", "disable", "7777")


def test_a_clerk_of_a_unit_is_added_with_its_code(folder: Path) -> None:
    units = folder / "units.csv"
    units.write_text("code,name_zh,name_en,kind\nCGJ,城管执法局,Urban,bureau\n", encoding="gb18030")
    assert "+1 ~0 -0" in lianxin(folder, "import", "units", str(units))
    clerk = (
        "user",
        "add",
        "5001",
        "赵敏",
        "--role",
        "unit_clerk",
        "--password",
        "first-long-password",
    )
    with pytest.raises(Invalid):
        lianxin(folder, *clerk)
    assert "5001 现在可以登录" in lianxin(folder, *clerk, "--unit", "CGJ")


def test_nobody_is_added_as_a_machine(folder: Path) -> None:
    result = CliRunner().invoke(
        cli, ["user", "add", "5001", "机", "--role", "machine", "--password", "first-long-password"]
    )
    assert result.exit_code == 2
