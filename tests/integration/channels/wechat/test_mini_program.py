"""The mini program's own pages against a whole Lianxin and a stub WeChat: a report, its answer, and the rating."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import Person as Citizen
from channels.wechat.stub.state import StubAccount
from infra.kit.clock import SystemClock
from infra.kit.identity import Role
from tests.installation import ROOT, Installation, Person
from tests.parts import missing

pytestmark = pytest.mark.timeout(180)

FOLDER = ROOT / "channels" / "mini_program"
VITEST = FOLDER / "node_modules" / ".bin" / "vitest"
AGENT, DISPATCHER = "1001", "2001"
ACCOUNT = StubAccount(
    appid="wx9b1c72b8c4d0d2f9",
    secret="1" * 32,
    token="BBBBB",
    encoding_aes_key="B" * 43,
    as_json=True,
)
CITIZEN = Citizen(openid="oSunLi", unionid="", phone="13800012340")


@pytest.fixture
async def wechat() -> AsyncIterator[StubWeChat]:
    async with StubWeChat([ACCOUNT], SystemClock()) as stub:
        yield stub


@pytest.fixture
async def hotline(tmp_path: Path, wechat: StubWeChat) -> AsyncIterator[Installation]:
    installation = Installation(
        tmp_path,
        {
            "telephony": {"enabled": False},
            "casework": {"attachments_dir": str(tmp_path / "attachments")},
            "wechat_mini": {
                "enabled": True,
                "appid": ACCOUNT.appid,
                "secret": ACCOUNT.secret,
                "token": ACCOUNT.token,
                "encoding_aes_key": ACCOUNT.encoding_aes_key,
                "api_url": wechat.url,
            },
        },
    )
    await installation.prepare((AGENT, "李静", Role.AGENT), (DISPATCHER, "陈晓东", Role.DISPATCHER))
    await installation.start()
    yield installation
    await asyncio.to_thread(installation.stop)


async def use(hotline: Installation, wechat: StubWeChat, what: str) -> None:
    """Let the citizen do something with the mini program; what the pages complain about fails the test."""
    process = await asyncio.create_subprocess_exec(
        str(VITEST),
        "run",
        "--config",
        "vitest.live.config.ts",
        what,
        cwd=FOLDER,
        env={
            **os.environ,
            "LIANXIN_ORIGIN": hotline.url,
            "LIANXIN_NUMBER": str(hotline.folder / "number"),
            "LIANXIN_PHOTO": str(_photo(hotline.folder)),
            "LIANXIN_LOGIN_CODE": wechat.citizens.code_for(CITIZEN),
            "LIANXIN_PHONE_CODE": wechat.citizens.code_for(CITIZEN),
            "NO_COLOR": "1",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(90):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")[-4000:]


def _photo(folder: Path) -> Path:
    content = BytesIO()
    Image.new("RGB", (64, 48), "gray").save(content, "JPEG")
    path = folder / "photo.jpg"
    path.write_bytes(content.getvalue())
    return path


async def test_a_citizen_reports_is_answered_and_rates(
    hotline: Installation, wechat: StubWeChat
) -> None:
    if not VITEST.exists():
        missing("The mini program's tools", "npm ci in channels/mini_program")
    await use(hotline, wechat, "report")
    number = (hotline.folder / "number").read_text()
    async with Person(hotline, DISPATCHER) as dispatcher:
        page = await dispatcher.call("GET", f"/tickets?q={number}", expect=200)
        (item,) = page["items"]
        ticket = await seen(dispatcher, item["id"])
        assert (ticket["type"], ticket["address"]) == ("help", "临江市解放路 30 号 市民广场")
        citizen = ticket["citizen"]
        assert (citizen["name"], citizen["phone_masked"]) == ("孙丽", "138****2340")
        assert [file["type"] for file in ticket["attachments"]] == ["image/jpeg"]
        assert ticket["contacts"][0]["channel"] == "wechat-mini"
        await dispatcher.call(
            "POST",
            f"/tickets/{ticket['id']}/answer",
            {"text": "已于今晚修复三盏路灯。", "version": ticket["version"]},
            expect=200,
            headers={"Idempotency-Key": "answer-1"},
        )
        await use(hotline, wechat, "rating")
        assert (await seen(dispatcher, ticket["id"]))["rating"] == 3


async def seen(person: Person, ticket_id: int) -> dict[str, Any]:
    ticket: dict[str, Any] = await person.call("GET", f"/tickets/{ticket_id}", expect=200)
    return ticket
