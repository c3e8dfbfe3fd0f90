"""Our process is killed with -9, again and again, while agents answer: no answer is lost, and none comes twice.

WeChat has taken an answer some moments before it says so; in these moments the process dies. What an agent was told is
said stands in the conversation, once and in its order; what nobody can tell goes to a person, and nothing else does.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from channels.wechat.stub.state import Fault
from tests.faults.hotline import until
from tests.integration.run.wechat_city import WeChatCity, new_key
from tests.integration.run.wechat_desk import SEND, Desk, open_desk, running_city, someone

KILLS = 3
CITIZENS = 4
AT_ONCE = 3
"""How much is said to each citizen between two of his messages; WeChat takes five."""

SEED = int(os.environ.get("LX_FAULT_SEED", "12345"))
_TAKEN_BEFORE_SAID_SO = Fault(taken=True, seconds=1)


@dataclass(frozen=True, slots=True)
class Saying:
    """Something that the agent says; tried again it is the same request, as the page makes it.

    Attributes:
        text: The words.
        after_seq: The last message on the agent's screen.
        key: Under which it is said once.
    """

    text: str
    after_seq: int
    key: str = field(default_factory=new_key)


@dataclass(slots=True)
class Answered:
    """A citizen who is answered.

    Attributes:
        said: What the agent was told is said.
        unsure: What he got no answer for.
    """

    openid: str
    conversation_id: int
    said: list[str] = field(default_factory=list)
    unsure: Saying | None = None

    async def go_on(self, desk: Desk, count: int) -> None:
        """Say what is unsure once more, then something new; stop when the process is dead."""
        path = f"/conversations/{self.conversation_id}"
        try:
            if self.unsure is not None:
                await self._say(desk, self.unsure)
            for _ in range(count):
                shown = await desk.agent.call("GET", path, expect=200)
                self.unsure = Saying(f"第{len(self.said)}句", shown["last_seq"])
                await self._say(desk, self.unsure)
        except (aiohttp.ClientError, ConnectionError):
            return

    async def _say(self, desk: Desk, saying: Saying) -> None:
        await desk.agent.call(
            "POST",
            f"/conversations/{self.conversation_id}/messages",
            {"text": saying.text, "after_seq": saying.after_seq},
            expect=201,
            headers={"Idempotency-Key": saying.key},
        )
        self.said.append(saying.text)
        self.unsure = None


async def beginning(city: WeChatCity, desk: Desk) -> list[Answered]:
    """Return citizens whose conversations the agent has."""
    found = []
    for _ in range(CITIZENS):
        openid, words = someone(), f"路灯不亮 {uuid4().hex[:6]}"
        await city.wechat.citizens.write(city.official, openid, words)
        found.append(Answered(openid, (await desk.take(words))["id"]))
    return found


def let_leases_end(city: WeChatCity) -> None:
    """The dead have no claim any more: a lease would hold for half a minute."""
    file = city.installation.folder / "lianxin.db"
    with closing(sqlite3.connect(file, timeout=20)) as database, database:
        past = "2026-01-01 00:00:00.000000"
        database.execute("UPDATE replies SET leased_until = ? WHERE state = 'sending'", (past,))


async def killed_in_the_middle(
    city: WeChatCity, desk: Desk, citizens: list[Answered], chance: random.Random
) -> None:
    """Kill the process when WeChat has taken some of what is said, and start it again."""
    for one in citizens:
        await city.wechat.citizens.write(city.official, one.openid, "还没有修好吗？")
    taken = city.wechat.state.taken
    enough = len(taken) + chance.randrange(2, CITIZENS * AT_ONCE - CITIZENS)
    talking = [asyncio.create_task(one.go_on(desk, AT_ONCE)) for one in citizens]

    async def has_enough() -> bool:
        return len(taken) >= enough

    await until(has_enough, "WeChat takes answers", 40)
    city.installation.kill()
    await asyncio.gather(*talking)
    let_leases_end(city)
    await city.installation.start()


async def delivered(desk: Desk, one: Answered) -> dict[str, str]:
    """Return how far everything has come that the agent has said to a citizen, in its order."""
    shown = await desk.agent.call("GET", f"/conversations/{one.conversation_id}", expect=200)
    mine = [message for message in shown["messages"] if message["speaker"] == "agent"]
    assert [message["text"] for message in mine] == one.said
    return {message["text"]: message["delivery"] for message in mine}


async def settled(desk: Desk) -> list[dict[str, Any]]:
    """Return the replies of which nobody can tell, once nothing waits any more."""

    async def nothing_waits() -> bool:
        page = await desk.lead.call("GET", "/channels", expect=200)
        return all(one["waiting"] == 0 for one in page["items"])

    await until(nothing_waits, "everything that waits goes out", 60)
    page = await desk.lead.call("GET", "/replies?state=unknown&limit=100", expect=200)
    items: list[dict[str, Any]] = page["items"]
    return items


@pytest.mark.timeout(400)
async def test_killed_while_agents_answer_loses_no_answer_and_doubles_none(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    settings = {"excuse_seconds": 0, "most_per_agent": CITIZENS}
    async with running_city(tmp_path, conversations=settings) as city:
        city.wechat.fail(SEND, *[_TAKEN_BEFORE_SAID_SO] * 1000)
        async with open_desk(city) as desk:
            citizens = await beginning(city, desk)
            await settled(desk)
        for _ in range(KILLS):
            async with open_desk(city) as desk:
                await killed_in_the_middle(city, desk, citizens, chance)
        async with open_desk(city) as desk:
            for one in citizens:
                await city.wechat.citizens.write(city.official, one.openid, "谢谢。")
                await one.go_on(desk, 0)
            in_doubt = await settled(desk)
            came_though_in_doubt = 0
            for one in citizens:
                marks = await delivered(desk, one)
                told = [text for text in city.wechat.texts(one.openid) if text in marks]
                assert len(told) == len(set(told))  # none came twice
                assert told == [text for text in one.said if text in told]  # in their order
                assert set(marks.values()) <= {"sent", "unknown"}  # none is lost
                assert {text for text, mark in marks.items() if mark == "sent"} <= set(told)
                came_though_in_doubt += sum(marks[text] == "unknown" for text in told)
            print(
                f"LX_FAULT_SEED={SEED}: {KILLS} kills, {sum(len(one.said) for one in citizens)} answers, "
                f"{len(in_doubt)} in doubt, {came_though_in_doubt} of them had come"
            )
            # Without the mark that is set before sending these would have come a second time.
            assert came_though_in_doubt >= KILLS
