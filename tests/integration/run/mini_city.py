"""A city whose citizens come by the mini program, and what tests do in it."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from channels.wechat.stub.state import Person
from infra.kit.identity import Role
from tests.installation import Person as Agent
from tests.integration.run.wechat_city import Telephone, WeChatCity, installed, made_ready, wechat


@asynccontextmanager
async def running_mini_city(folder: Path) -> AsyncIterator[WeChatCity]:
    """Run a city that takes three reports and three files an hour from everybody."""
    templates = {"answer": {"id": "T1", "fields": {"thing1": "{text}"}}}
    limits = {"reports_per_hour": 3, "files_per_hour": 3}
    async with wechat() as stub:
        made = installed(folder, stub, wechat_mini={"templates": templates, **limits})
        await made_ready(made, ("2001", "王芳", Role.LEAD))
        try:
            yield made
        finally:
            made.installation.stop()


async def telephone(city: WeChatCity, name: str, phone: str = "") -> Telephone:
    made = Telephone(city, Person(openid=f"openid-of-{name}", unionid=f"u-{name}", phone=phone))
    await made.log_in()
    return made


async def vouched(one: Telephone) -> str:
    code = one.city.wechat.citizens.code_for(one.person)
    return str((await one.call("PUT", "/phone", {"code": code}, expect=200))["phone"])


async def answered(city: WeChatCity, number: str) -> None:
    """Let an agent answer a ticket on the spot."""
    async with Agent(city.installation, "2001") as agent:
        found = await agent.call("GET", f"/tickets?q={number}", expect=200)
        (ticket,) = [one for one in found["items"] if one["number"] == number]
        path = f"/tickets/{ticket['id']}"
        shown = await agent.call("GET", path, expect=200)
        said = {"text": "已通知抢修，今晚恢复。", "version": shown["version"]}
        await agent.call("POST", f"{path}/answer", said, expect=200)


def rows(city: WeChatCity, statement: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(city.installation.folder / "lianxin.db")) as database:
        return database.execute(statement, values).fetchall()
