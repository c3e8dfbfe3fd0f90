"""A city with WeChat that runs, and an agent at his screen who answers what comes from there."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.kit.identity import Role
from tests.installation import Person as Agent
from tests.integration.run.wechat_city import (
    Screen,
    WeChatCity,
    installed,
    made_ready,
    until,
    wechat,
)

SEND = "/cgi-bin/message/custom/send"
AGENT = "1001"
LEAD = "2001"


@asynccontextmanager
async def running_city(folder: Path, **sections: Mapping[str, Any]) -> AsyncIterator[WeChatCity]:
    """Run a city with both accounts, an agent and a lead."""
    async with wechat() as stub:
        made = installed(folder, stub, **sections)
        await made_ready(made, (AGENT, "李静", Role.AGENT), (LEAD, "王芳", Role.LEAD))
        try:
            yield made
        finally:
            made.installation.stop()


class Desk:
    """An agent at his screen who takes what citizens write; a lead, who sees all, tells which it is."""

    def __init__(self, agent: Agent, lead: Agent, screen: Screen) -> None:
        self.agent = agent
        self.lead = lead
        self.screen = screen

    async def take(self, words: str) -> dict[str, Any]:
        """Return the conversation in which a citizen has said this, accepted."""

        async def find() -> dict[str, Any] | None:
            page = await self.lead.call("GET", "/conversations?box=live", expect=200)
            for one in page["items"]:
                shown = await self.lead.call("GET", f"/conversations/{one['id']}", expect=200)
                if any(said["text"] == words for said in shown["messages"]):
                    return dict(shown)
            return None

        async def taken() -> dict[str, Any] | None:
            state = (await until(find))["state"]
            act = "accept" if state == "offered" else "take"
            path = f"/conversations/{found['id']}/{act}"
            # Between look and act it may have been offered or given back.
            shown = await self.agent.call("POST", path, {})
            return dict(shown) if "id" in shown else None

        found = await until(find)
        return await until(taken)

    async def greeted(self, conversation: dict[str, Any]) -> None:
        """Return when the citizen has been told that he is put through: what is sent next is the agent's own."""
        await self.delivery(conversation["id"], conversation["messages"][1]["text"], "sent")

    async def say(self, conversation_id: int, text: str) -> None:
        """Answer the citizen."""
        shown = await self.agent.call("GET", f"/conversations/{conversation_id}", expect=200)
        await self.agent.call(
            "POST",
            f"/conversations/{conversation_id}/messages",
            {"text": text, "after_seq": shown["last_seq"]},
            expect=201,
            headers={"Idempotency-Key": uuid4().hex},
        )

    async def delivery(self, conversation_id: int, text: str, state: str) -> None:
        """Return when what was said has come so far."""

        async def find() -> bool | None:
            shown = await self.agent.call("GET", f"/conversations/{conversation_id}", expect=200)
            marks = [one["delivery"] for one in shown["messages"] if one["text"] == text]
            return True if marks == [state] else None

        await until(find)

    async def close(self, conversation_id: int) -> None:
        """End a conversation."""
        await self.agent.call("POST", f"/conversations/{conversation_id}/close", {}, expect=204)


@asynccontextmanager
async def open_desk(city: WeChatCity) -> AsyncIterator[Desk]:
    """Let an agent sit down and go online."""
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(Agent(city.installation, AGENT))
        lead = await stack.enter_async_context(Agent(city.installation, LEAD))
        screen = await stack.enter_async_context(Screen(agent))
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        yield Desk(agent, lead, screen)


def someone() -> str:
    return f"o{uuid4().hex}"


def count(city: WeChatCity, statement: str, *values: object) -> int:
    with closing(sqlite3.connect(city.installation.folder / "lianxin.db")) as database:
        return int(database.execute(statement, values).fetchone()[0])
