"""Every provider that carries answers is away, broken, slow, or does not know us any more.

What waits is shown and goes out once; what nobody can tell is shown and goes to a person; nothing is lost or doubled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.installation import Person
from tests.integration.run.bad_line import Mood
from tests.integration.run.ends import (
    AGENT,
    CORRESPONDENTS,
    DISPATCHER,
    LEAD,
    Correspondent,
    Ends,
    Reader,
    running_ends,
)
from tests.integration.run.wechat_city import Screen, new_key, until
from tests.integration.run.wechat_desk import Desk

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]
ANSWER = "您好，已通知抢修。"
WAITS = [
    *((kind, trouble) for kind in CORRESPONDENTS for trouble in ("away", "expired")),
    # WeChat has taken nothing that it answers with 500.
    *((kind, "broken") for kind in CORRESPONDENTS if kind.channel.startswith("wechat")),
]
IN_DOUBT = [
    *((kind, "slow") for kind in CORRESPONDENTS),
    # Of others nobody can tell.
    *((kind, "broken") for kind in CORRESPONDENTS if not kind.channel.startswith("wechat")),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ends(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ends]:
    """One city for all of them, as its start takes a while; every test has citizens of its own."""
    async with running_ends(tmp_path_factory.mktemp("ends")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def desk(ends: Ends) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(Person(ends.installation, AGENT))
        lead = await stack.enter_async_context(Person(ends.installation, LEAD))
        screen = await stack.enter_async_context(Screen(agent))
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        yield Desk(agent, lead, screen)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def well(ends: Ends) -> AsyncIterator[None]:
    yield
    for line in ends.lines.values():
        await line.mend()


async def begin(ends: Ends, channel: str, trouble: str) -> None:
    """Let the provider of a channel be in trouble."""
    if trouble == "away":
        await ends.lines[channel].cut()
    else:
        ends.lines[channel].be(Mood(trouble))


async def shown(desk: Desk, channel: str) -> dict[str, Any]:
    """Return how a channel does, as the console shows it."""
    page = await desk.lead.call("GET", "/channels", expect=200)
    return next(one for one in page["items"] if one["name"] == channel)


async def hindered(desk: Desk, channel: str) -> dict[str, Any]:
    """Return what hinders a channel, once it is shown that something waits."""

    async def found() -> dict[str, Any] | None:
        one = await shown(desk, channel)
        return one["hindrance"] if one["waiting"] == 1 else None

    return await until(found)


async def talking(ends: Ends, desk: Desk, kind: type[Correspondent]) -> tuple[Correspondent, int]:
    """Return a citizen who has been greeted, and his conversation, which the agent has."""
    citizen, words = kind(ends), f"解放路路灯不亮 {uuid4().hex[:6]}"
    await citizen.writes(words)
    conversation = await desk.take(words)
    await desk.greeted(conversation)
    return citizen, conversation["id"]


async def gone_out(ends: Ends, desk: Desk, conversation_id: int, state: str = "sent") -> None:
    """Return once the answer has; who would wait for minutes waits no longer."""

    async def come() -> bool | None:
        await asyncio.to_thread(ends.hurry)
        path = f"/conversations/{conversation_id}"
        said = (await desk.agent.call("GET", path, expect=200))["messages"]
        return (
            True if [one["delivery"] for one in said if one["text"] == ANSWER] == [state] else None
        )

    await until(come, 40)


@pytest.mark.parametrize(
    ("kind", "trouble"), WAITS, ids=lambda one: one if isinstance(one, str) else one.channel
)
async def test_an_answer_that_was_not_taken_is_shown_and_goes_out_once(
    ends: Ends, desk: Desk, kind: type[Correspondent], trouble: str
) -> None:
    citizen, conversation_id = await talking(ends, desk, kind)
    await begin(ends, kind.channel, trouble)
    await desk.say(conversation_id, ANSWER)
    hindrance = await hindered(desk, kind.channel)
    assert hindrance["error"]
    assert hindrance["error_zh"]

    await ends.lines[kind.channel].mend()
    await gone_out(ends, desk, conversation_id)

    assert citizen.got(ANSWER) == 1
    one = await shown(desk, kind.channel)
    assert (one["waiting"], one["unknown"], one["hindrance"]) == (0, 0, None)
    await desk.close(conversation_id)


@pytest.mark.parametrize(
    ("kind", "trouble"), IN_DOUBT, ids=lambda one: one if isinstance(one, str) else one.channel
)
async def test_an_answer_in_doubt_waits_for_a_person_who_knows_whether_it_came(
    ends: Ends, desk: Desk, kind: type[Correspondent], trouble: str
) -> None:
    citizen, conversation_id = await talking(ends, desk, kind)
    await begin(ends, kind.channel, trouble)
    await desk.say(conversation_id, ANSWER)
    await desk.delivery(conversation_id, ANSWER, "unknown")
    one = await shown(desk, kind.channel)
    assert (one["waiting"], one["unknown"]) == (0, 1)
    asked = ends.lines[kind.channel].asked

    await ends.lines[kind.channel].mend()
    await asyncio.to_thread(ends.hurry)
    page = await desk.lead.call("GET", "/replies?state=unknown", expect=200)
    (reply,) = [item for item in page["items"] if item["channel"] == kind.channel]
    arrived = trouble == "slow"
    path = f"/replies/{reply['id']}/decision"
    assert ends.lines[kind.channel].asked == asked  # no machine has sent it again
    await desk.lead.call("POST", path, {"again": not arrived}, expect=200)
    await gone_out(ends, desk, conversation_id, "failed" if arrived else "sent")

    assert citizen.got(ANSWER) == 1
    assert (await shown(desk, kind.channel))["unknown"] == 0
    await desk.close(conversation_id)


@pytest.mark.parametrize("trouble", ["away", "expired", "slow", "broken"])
async def test_an_answer_by_short_message_arrives_once_whatever_the_provider_does(
    ends: Ends, desk: Desk, trouble: str
) -> None:
    citizen = Reader(ends)
    await citizen.writes(f"小区门口积水 {uuid4().hex[:6]}")
    await begin(ends, "sms", trouble)
    async with Person(ends.installation, DISPATCHER) as centre:
        page = await centre.call("GET", f"/tickets?q={citizen.number}", expect=200)
        path = f"/tickets/{page['items'][0]['id']}"
        shown = await centre.call("GET", path, expect=200)
        said = {"text": ANSWER, "version": shown["version"]}
        headers = {"Idempotency-Key": new_key()}
        await centre.call("POST", f"{path}/answer", said, expect=200, headers=headers)

        async def troubled() -> bool | None:
            page = await desk.lead.call("GET", "/channels", expect=200)
            ways = [one for one in page["items"] if one["name"] == "sms"]
            return True if any(one["hindrance"] or one["unknown"] for one in ways) else None

        await until(troubled)
        await ends.lines["sms"].mend()

        async def settled() -> bool | None:
            # What is of unknown fate is looked for in the provider's books, by and by.
            await asyncio.to_thread(ends.hurry)
            replies = await centre.call("GET", f"{path}/replies", expect=200)
            told = {one["kind"]: one["state"] for one in replies["items"]}
            return True if told == {"answer": "sent", "rating": "sent"} else None

        await until(settled, 40)
    assert citizen.got(ANSWER) == 1
    assert await citizen.link()
