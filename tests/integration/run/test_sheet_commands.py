from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.run.cli import cli, main
from infra.run.sheet_commands import KINDS
from infra.run.transfers import TRANSFERS


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


SHIPPED = Path(__file__).parents[3] / "crm_bridge"


def test_the_files_that_ship_are_brought_in_and_taken_out(folder: Path) -> None:
    for kind in ("categories", "units", "catalogue"):
        file = SHIPPED / kind / "default.csv"
        dry = lianxin(folder, "import", kind, str(file), "--dry-run")
        assert (dry.exit_code, "nothing stored" in dry.output) == (0, True), dry.output
        done = lianxin(folder, "import", kind, str(file))
        assert (done.exit_code, "已写入" in done.output) == (0, True), done.output
        out = folder / f"{kind}.xlsx"
        assert lianxin(folder, "export", kind, str(out)).exit_code == 0
        again = lianxin(folder, "import", kind, str(out))
        assert "+0 ~0 -0" in again.output


def test_every_error_is_printed_and_the_command_fails(folder: Path) -> None:
    file = folder / "units.csv"
    lines = [f"U{n},单位{n},Unit {n},bureau" for n in range(2, 1001)]
    lines[1], lines[898] = "U3,,Unit,bureau", "U900,单位,Unit,衙门"
    file.write_text("\n".join(["code,name_zh,name_en,kind", *lines]), encoding="utf-8")
    for options in ([], ["--dry-run"]):
        result = lianxin(folder, "import", "units", str(file), *options)
        assert result.exit_code == 1
        assert "✗ 3 name_zh: 此项必填" in result.output
        assert "✗ 900 kind" in result.output
        assert "2 errors, nothing stored" in result.output
    out = folder / "out.csv"
    lianxin(folder, "export", "units", str(out))
    assert out.read_text(encoding="utf-8-sig").splitlines() == [
        "code,name_zh,name_en,kind,area,phone,active"
    ]


@pytest.mark.parametrize(
    "arguments",
    [("import", "units"), ("import", "nothing", "x.csv"), ("import", "units", "not-there.csv")],
)
def test_a_command_that_is_used_wrongly_ends_with_2(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    assert lianxin(folder, *arguments).exit_code == 2


@pytest.mark.parametrize("content", [b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"\x00\xff\x81"])
def test_a_file_that_is_no_table_fails_and_says_what_to_do(
    folder: Path,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = folder / "units.xlsx"
    file.write_bytes(content)
    config = str(folder / "lianxin.toml")
    monkeypatch.setattr("sys.argv", ["lianxin", "--config", config, "import", "units", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.count("✗") == 2


@pytest.mark.parametrize("name", ["units.xls", "no-such-folder/units.csv"])
def test_a_file_that_cannot_be_written_fails(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, file = str(folder / "lianxin.toml"), str(folder / name)
    monkeypatch.setattr("sys.argv", ["lianxin", "--config", config, "export", "units", file])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1


def test_every_kind_that_is_named_is_known() -> None:
    assert set(KINDS) == set(TRANSFERS)


def test_a_file_of_contacts_opens_its_tickets_once(folder: Path) -> None:
    file = folder / "contacts.csv"
    file.write_text(
        "诉求内容,联系电话\n解放路路灯不亮。,13800012340\n江滨路护栏缺失。,\n", encoding="utf-8"
    )
    said = [
        lianxin(folder, "import", "contacts", str(file), *options)
        for options in (["--dry-run"], [], [])
    ]
    assert [result.exit_code for result in said] == [0, 0, 0], said[-1].output
    assert [result.output.split(";")[0] for result in said] == [
        "2 rows: +2 ~0 -0",
        "2 rows: +2 ~0 -0",
        "2 rows: +0 ~0 -0",
    ]
    assert lianxin(folder, "check", "tickets").exit_code == 0


def test_contacts_are_not_taken_out_as_a_file(folder: Path) -> None:
    assert lianxin(folder, "export", "contacts", str(folder / "all.csv")).exit_code == 2
