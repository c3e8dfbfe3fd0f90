"""`lianxin wechat` and `lianxin check channels` as an operator runs them, against the stub WeChat."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import ROOT
from tests.integration.run.wechat_city import WeChatCity, installed, wechat


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[WeChatCity]:
    async with wechat() as stub:
        made = installed(tmp_path, stub)
        await made.installation.prepare()
        yield made


async def lianxin(city: WeChatCity, *words: str) -> tuple[int, str]:
    """Return exit code and output of the command."""
    command = Path(sys.executable).with_name("lianxin")
    process = await asyncio.create_subprocess_exec(
        command,
        "--config",
        city.installation.file,
        *words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_menu_is_put_up(city: WeChatCity) -> None:
    code, output = await lianxin(city, "wechat", "menu")
    assert (code, "我要反映" in output) == (0, True)
    buttons = city.wechat.state.menus[city.official.appid]["button"]
    assert [(one["name"], one["key"]) for one in buttons] == [
        ("我要反映", "report"),
        ("人工服务", "agent"),
    ]


async def test_menu_that_wechat_refuses_says_why(city: WeChatCity) -> None:
    city.wechat.state.accounts.pop(city.official.appid)
    code, output = await lianxin(city, "wechat", "menu")
    assert code == 1
    assert "40013" in output
    assert "AppID" in output


async def test_check_names_the_setting_that_is_wrong(city: WeChatCity) -> None:
    known = city.installation.file.read_text()
    changes: dict[str, Any] = {city.official.secret: "another", city.mini.token: ""}
    for old, new in changes.items():
        known = known.replace(old, new)
    city.installation.file.write_text(known)
    code, output = await lianxin(city, "check", "channels")
    assert code == 1
    assert "✗ wechat: wechat.secret" in output
    assert "✗ wechat-mini: wechat_mini.token" in output
    assert "AppSecret" in output


async def test_check_is_content_with_accounts_that_are_right(city: WeChatCity) -> None:
    code, output = await lianxin(city, "check", "channels")
    assert code == 0, output
    assert "! wechat: wechat.templates.answer" in output
