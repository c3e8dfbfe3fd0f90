from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from crm_bridge.conversations import api
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.problems import problem_middleware
from tests.integration.crm_bridge.conversations.house import STAFF, TalkHouse

Client = TestClient[web.Request, web.Application]
LI, WANG, ZHOU = ({"X-Agent": number} for number in ("1001", "1002", "2001"))


class HeaderSaysWho:
    """Takes the header `X-Agent` for the login."""

    async def __call__(self, request: web.Request) -> Authenticated | None:
        principal = STAFF.get(request.headers.get("X-Agent", ""))
        return Authenticated(principal=principal, csrf_token=None) if principal else None


@pytest.fixture
async def client(talks: TalkHouse) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    mount(app, [api.routes(talks.service, talks.reader, talks.others, talks.skills)])
    async with TestClient(TestServer(app)) as running:
        yield running


async def say(client: Client, talk: int, body: dict[str, Any], **headers: str) -> Any:
    path = f"/api/v1/conversations/{talk}/messages"
    return await client.post(path, json=body, headers=LI | headers)


async def test_message_sent_again_under_its_key_is_answered_like_the_first(
    client: Client, talks: TalkHouse
) -> None:
    talk = await talks.opened()
    body = {"text": "已通知抢修。", "after_seq": 2}
    answers = [await say(client, talk, body, **{"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    first, again = [await answer.json() for answer in answers]
    assert first == again
    assert (first["speaker"], first["agent_name"], first["delivery"]) == ("agent", "李静", "queued")
    assert len(talks.carriage.carried) == 2  # the greeting and this


async def test_same_key_for_other_words_is_refused(client: Client, talks: TalkHouse) -> None:
    talk = await talks.opened()
    key = {"Idempotency-Key": "k-1"}
    await say(client, talk, {"text": "好", "after_seq": 2}, **key)
    refused = await say(client, talk, {"text": "不好", "after_seq": 2}, **key)
    assert refused.status == 422


async def test_message_that_a_colleague_forestalled_says_who_and_where(
    client: Client, talks: TalkHouse
) -> None:
    talk = await talks.opened()
    path = f"/api/v1/conversations/{talk}/messages"
    await client.post(path, json={"text": "我来处理。", "after_seq": 2}, headers=ZHOU)
    refused = await say(client, talk, {"text": "好", "after_seq": 2})
    problem = await refused.json()
    assert (refused.status, problem["by"], problem["seq"]) == (409, "2001", 3)
    assert problem["type"].endswith("conversation-moved-on")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text": "  ", "after_seq": 2}, "/text"),
        ({"text": "长" * 1001, "after_seq": 2}, "/text"),
        ({"text": "a\u0000b", "after_seq": 2}, "/text"),
        ({"text": "好", "after_seq": -1}, "/after_seq"),
        ({"text": "好", "after_seq": 2**40}, "/after_seq"),
        ({"text": "好"}, "/after_seq"),
        ({"after_seq": 2}, "/text"),
        ({"text": "好", "attachment": 1, "after_seq": 2}, "/text"),
        ({"attachment": 999, "after_seq": 2}, "/attachment"),
    ],
)
async def test_message_that_cannot_be_sent_names_the_field(
    client: Client, talks: TalkHouse, body: dict[str, Any], pointer: str
) -> None:
    refused = await say(client, await talks.opened(), body)
    assert refused.status == 422
    assert [field["pointer"] for field in (await refused.json())["fields"]] == [pointer]


async def test_offer_is_accepted_by_whom_it_was_made_to(client: Client, talks: TalkHouse) -> None:
    talks.floor.free = ["1001"]
    heard = await talks.hear("停水了")
    await talks.router.run_once()
    path = f"/api/v1/conversations/{heard.conversation_id}"
    assert (await client.post(f"{path}/accept", headers=WANG)).status == 409
    taken = await client.post(f"{path}/accept", headers=LI)
    assert ((await taken.json())["state"], taken.status) == ("open", 200)
    assert (await client.get(path, headers=WANG)).status == 403
    assert (await client.get(path, headers=ZHOU)).status == 200


async def test_box_of_all_conversations_is_for_who_watches(client: Client) -> None:
    assert (await client.get("/api/v1/conversations?box=live", headers=LI)).status == 403
    assert (await client.get("/api/v1/conversations?box=live", headers=ZHOU)).status == 200
    assert (await client.get("/api/v1/conversations?cursor=nonsense", headers=LI)).status == 422


async def test_waiting_citizens_words_are_listed_and_the_rest_is_not_shown(
    client: Client, talks: TalkHouse
) -> None:
    heard = await talks.hear("停水了")
    page = await client.get("/api/v1/conversations?box=waiting", headers=LI)
    assert [one["preview"] for one in (await page.json())["items"]] == ["停水了"]
    path = f"/api/v1/conversations/{heard.conversation_id}"
    assert (await client.get(path, headers=LI)).status == 403
    assert (await client.post(f"{path}/take", headers=LI)).status == 200
    assert (await client.post(f"{path}/take", headers=WANG)).status == 409


async def test_skills_of_an_agent_are_the_leads_to_set(client: Client) -> None:
    body = {"skills": ["online"]}
    assert (await client.put("/api/v1/agent-skills/1001", json=body, headers=LI)).status == 403
    assert (await client.put("/api/v1/agent-skills/1001", json=body, headers=ZHOU)).status == 204
    listed = await (await client.get("/api/v1/agent-skills", headers=ZHOU)).json()
    assert listed["items"] == [{"agent": "1001", "agent_name": "李静", "skills": ["online"]}]
