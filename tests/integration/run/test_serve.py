from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.kit.identity import Role
from infra.run.check import check
from infra.run.floors import running_desk
from infra.run.foundation import foundation
from tests.installation import Installation, Person
from tests.unit.telephony.fake_pbx import FakePbx

WITHOUT_VOICE = {"telephony": {"enabled": False}}
PAGES = {
    "/",
    "/wallboard",
    "/desk",
    "/dispatch",
    "/supervision",
    "/reports",
    "/channels",
    "/police",
    "/devices",
    "/api/docs",
    "/socket.io/",
    "/sip",
    "/sip/guest",
    "/citizen",
    "/citizen/",
    "/citizen/{name}",
    "/citizen/assets/{name}",
}


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    made = Installation(tmp_path, WITHOUT_VOICE)
    await made.prepare(("1001", "李静", Role.AGENT))
    await made.start()
    yield made
    made.stop()


async def test_a_started_process_is_alive_ready_and_measured(installation: Installation) -> None:
    async with aiohttp.ClientSession(installation.url) as session:
        async with session.get("/readyz") as answer:
            ready = await answer.json()
        async with session.get("/metrics") as answer:
            families = {f.name for f in text_string_to_metric_families(await answer.text())}
    assert ready["ready"] is True
    assert set(ready["dependencies"]) == {"channels", "database", "mailbox", "tasks"}
    assert {"lianxin_http_seconds", "process_resident_memory_bytes"} <= families


async def test_without_voice_everything_else_works_and_says_so(installation: Installation) -> None:
    async with Person(installation, "1001") as agent:
        session = await agent.call("GET", "/session", expect=200)
        assert session["features"] == {"voice": False, "police": False, "one_touch": True}
        categories = await agent.call("GET", "/categories", expect=200)
        made = await agent.call(
            "POST",
            "/tickets",
            {
                "channel": "counter",
                "type": "inquiry",
                "category": next(c["code"] for c in categories["items"] if c["parent"]),
                "title": "办理居住证需要什么材料",
                "text": "来访人询问办理居住证的材料。",
                "address": "",
                "urgency": "normal",
                "confidential": False,
                "call_me_not": False,
                "answer": {"text": "已告知所需材料和办理地点。"},
            },
            expect=201,
        )
        shown = await agent.call("GET", f"/tickets/{made['id']}", expect=200)
    assert shown["number"] == made["number"]
    assert shown["callbacks"][0]["state"] == "not_called"


async def test_every_address_that_answers_is_described_or_a_page(tmp_path: Path) -> None:
    made = Installation(tmp_path, WITHOUT_VOICE)
    async with foundation(made.settings) as base, running_desk(base) as app:
        served = {resource.canonical for resource in app.router.resources() if resource.canonical}
    installation = Installation(tmp_path, WITHOUT_VOICE)
    await installation.start()
    try:
        async with (
            aiohttp.ClientSession(installation.url) as session,
            session.get("/api/v1/openapi.json") as answer,
        ):
            described = set((await answer.json())["paths"])
    finally:
        installation.stop()
    assert {path for path in served - described if not path.startswith("/{")} <= PAGES | {
        "/assets/{name}"
    }
    assert described <= served


async def test_a_graceful_stop_is_quick_and_clean(installation: Installation) -> None:
    process = installation.process
    assert process is not None
    # five seconds by its own clock; the machine may have stood still besides
    assert installation.stop() < 12
    assert process.returncode == 0


async def test_calls_can_be_followed_without_becoming_contacts(tmp_path: Path) -> None:
    telephony = {"start_asterisk": False}
    made = Installation(tmp_path, {"telephony": telephony, "voice": {"enabled": False}})
    async with foundation(made.settings) as base, running_desk(base):
        assert (await base.health.reports())["tasks"].ok


async def test_check_finds_an_asterisk_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SimpleNamespace(version=(22, 10))
    monkeypatch.setattr("infra.run.check.install.require", lambda _settings: found)
    pbx = FakePbx()
    await pbx.listen()
    asterisk = {"ami_port": pbx.port, "ami_secret": pbx.secret}
    made = Installation(tmp_path, {"asterisk": asterisk, "telephony": {"start_asterisk": False}})
    up = (await check(made.settings))["asterisk"]
    await pbx.stop()
    down = (await check(made.settings))["asterisk"]
    assert (up.ok, down.ok) == (True, False)
    assert "asterisk.ami_port" in down.detail_en
