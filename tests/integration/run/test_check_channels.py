"""`lianxin check channels` names what is misconfigured, and says what to do in both languages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from channels.protocol import Finding
from infra.kit.database import Database
from infra.run import channel_commands
from infra.run.check import check as whole_check
from infra.run.cli import cli
from infra.run.migrate import migrate
from infra.run.settings import Settings


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """An installation's folder with its database."""
    database = Database(f"sqlite:///{tmp_path}/lianxin.db")
    await migrate(database)
    await database.close()
    return tmp_path


def check(folder: Path, *command: str, **settings: str) -> tuple[int, str]:
    environment = {
        "LIANXIN_DATABASE__URL": f"sqlite:///{folder}/lianxin.db",
        "LIANXIN_SECURITY__DATA_KEY_FILE": f"{folder}/data.key",
        **{f"LIANXIN_{name.upper()}": value for name, value in settings.items()},
    }
    result = CliRunner(env=environment).invoke(cli, ["check", *(command or ("channels",))])
    return result.exit_code, result.output


def test_every_enabled_channel_is_named_and_what_is_well_passes(folder: Path) -> None:
    code, output = check(folder)
    assert code == 0
    for name in ("server", "files", "voice", "open311", "web-form", "sms"):
        assert f" {name}: " in output


def test_channel_that_is_switched_off_is_not_asked(folder: Path) -> None:
    _, output = check(folder, open311__enabled="false")
    assert "open311" not in output


def test_address_that_nobody_outside_can_reach_is_named_and_hinders_nothing(folder: Path) -> None:
    code, output = check(folder)
    assert (code, "! server: server.public_url" in output) == (0, True)
    code, output = check(folder, server__public_url="https://12345.example.gov.cn")
    assert (code, "✓ server" in output) == (0, True)


def test_store_of_files_that_is_away_fails(folder: Path) -> None:
    code, output = check(
        folder,
        s3__bucket="lianxin",
        s3__endpoint_url="http://127.0.0.1:9",
        s3__access_key="AKIDEXAMPLE",
        s3__secret_key="secret",
        s3__region="cn-1",
        s3__timeout_seconds="1",
    )
    assert (code, "✗ files: s3.endpoint_url" in output) == (1, True)
    assert "secret" not in output.replace("s3.secret_key", "")


def test_channel_that_lacks_its_account_fails_and_names_the_setting(folder: Path) -> None:
    code, output = check(folder, wechat__enabled="true")
    assert code == 1
    assert "wechat" in output


async def test_provider_that_is_silent_fails_and_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent:
        async def check(self) -> list[Finding]:
            await asyncio.Event().wait()
            return []

    monkeypatch.setattr(channel_commands, "_SECONDS", 0.05)
    (finding,) = await channel_commands._ask_checking("wechat-mini", Silent())
    assert (finding.setting, finding.fatal) == ("wechat_mini", True)


async def test_whole_check_says_which_channels_are_hindered(folder: Path) -> None:
    settings = Settings(
        database={"url": f"sqlite:///{folder}/lianxin.db"},
        security={"data_key_file": folder / "data.key"},
        telephony={"enabled": False},
    )
    assert (await whole_check(settings))["channels"].ok
    hindered = settings.model_copy(
        update={"wechat": settings.wechat.model_copy(update={"enabled": True})}
    )
    report = (await whole_check(hindered))["channels"]
    assert not report.ok
    assert "lianxin check channels" in report.detail_zh
