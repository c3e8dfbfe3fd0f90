from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from crm_bridge.webhooks import api as webhooks_api
from infra.kit.audit import AuditRow
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.problems import problem_middleware
from tests.integration.crm_bridge.webhooks.house import ADMINISTRATOR, Switchboard
from tests.integration.crm_bridge.webhooks.receiver import Receiver, status

Client = TestClient[web.Request, web.Application]
NOBODY = replace(ADMINISTRATOR, number="1001", permissions=frozenset({"ticket.read"}))


class HeaderSaysWho:
    async def __call__(self, request: web.Request) -> Authenticated | None:
        who = NOBODY if request.headers.get("X-Agent") == "1001" else ADMINISTRATOR
        return Authenticated(principal=who, csrf_token=None)


@pytest.fixture
async def client(board: Switchboard) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = HeaderSaysWho()
    mount(app, [webhooks_api.routes(board.webhooks, board.reader)])
    async with TestClient(TestServer(app)) as client:
        yield client


async def ask(client: Client, method: str, path: str, body: object = None, **headers: str) -> Any:
    response = await client.request(method, f"/api/v1/webhooks{path}", json=body, headers=headers)
    text = await response.text()
    return response.status, await response.json(content_type=None) if text else None


def form(at: str, **changes: Any) -> dict[str, Any]:
    return {"name": "省平台", "url": at, "types": ["ticket.changed"], "hidden": True, **changes}


async def test_subscription_shows_its_secret_once(client: Client, receiver: Receiver) -> None:
    code, made = await ask(client, "POST", "", form(receiver.url))
    assert code == 201
    assert made["secret"].startswith("whsec_")
    code, shown = await ask(client, "GET", f"/{made['id']}")
    assert code == 200
    assert "secret" not in shown
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    _, listed = await ask(client, "GET", "")
    assert listed == {"items": [shown]}


async def test_request_sent_again_with_its_key_makes_one_subscription(
    client: Client, receiver: Receiver
) -> None:
    key = {"Idempotency-Key": "k1"}
    _, first = await ask(client, "POST", "", form(receiver.url), **key)
    _, second = await ask(client, "POST", "", form(receiver.url), **key)
    assert first == second
    _, listed = await ask(client, "GET", "")
    assert len(listed["items"]) == 1


async def test_every_type_that_is_told_of_a_ticket_can_be_named(
    client: Client, receiver: Receiver
) -> None:
    types = ["ticket.created", "ticket.assigned", "ticket.changed", "ticket.noted"]
    code, _ = await ask(client, "POST", "", form(receiver.url, types=types))
    assert code == 201


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"types": ["ticket.exploded"]}, "/types"),
        ({"types": []}, "/types"),
        ({"url": "ftp://example.com"}, "/url"),
        ({"url": "https://user:word@example.com"}, "/url"),
        ({"name": ""}, "/name"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_wrong_field_is_named_in_both_languages(
    client: Client, receiver: Receiver, changes: dict[str, Any], pointer: str
) -> None:
    code, problem = await ask(client, "POST", "", form(receiver.url, **changes))
    assert code == 422
    (field,) = problem["fields"]
    assert field["pointer"] == pointer
    assert field["message_zh"]
    assert field["message_en"]


async def test_log_tells_of_every_attempt_and_a_dead_one_is_sent_again(
    board: Switchboard, client: Client, receiver: Receiver
) -> None:
    _, made = await ask(client, "POST", "", form(receiver.url))
    receiver.answer = status(410)
    await board.happen(1, 1, 2)
    await board.send()
    code, page = await ask(client, "GET", f"/deliveries?state=dead&webhook_id={made['id']}")
    assert code == 200
    assert len(page["items"]) == 3
    last = page["items"][-1]
    assert (last["state"], last["attempts"]) == ("dead", 1)
    assert (last["last"]["status"], last["last"]["failure"]) == (410, "status")
    receiver.answer = status(200)
    code, resent = await ask(client, "POST", f"/deliveries/{last['id']}/resend")
    assert (code, resent["state"]) == (200, "waiting")
    await board.send()
    _, shown = await ask(client, "GET", f"/deliveries/{last['id']}")
    assert shown["state"] == "delivered"
    assert [attempt["status"] for attempt in shown["log"]] == [410, 200]
    assert shown["body"] == receiver.bodies[-1].decode()
    code, many = await ask(client, "POST", f"/{made['id']}/resend")
    assert (code, many) == (200, {"deliveries": 2})


async def test_list_goes_on_by_cursor(
    board: Switchboard, client: Client, receiver: Receiver
) -> None:
    await ask(client, "POST", "", form(receiver.url))
    await board.happen(*range(1, 6))
    seen, cursor = [], ""
    while cursor is not None:
        _, page = await ask(client, "GET", f"/deliveries?limit=2{cursor and '&cursor='}{cursor}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5
    code, _ = await ask(client, "GET", "/deliveries?cursor=nonsense!")
    assert code == 422


async def test_ping_arrives_with_no_data(
    board: Switchboard, client: Client, receiver: Receiver
) -> None:
    _, made = await ask(client, "POST", "", form(receiver.url))
    code, _ = await ask(client, "POST", f"/{made['id']}/ping")
    assert code == 200
    await board.send()
    (event,) = receiver.requests
    assert (event["type"], event["data"]) == ("webhook.ping", {})


async def test_switched_off_subscription_is_not_pinged(client: Client, receiver: Receiver) -> None:
    _, made = await ask(client, "POST", "", form(receiver.url))
    await ask(client, "PUT", f"/{made['id']}", form(receiver.url, active=False))
    code, problem = await ask(client, "POST", f"/{made['id']}/ping")
    assert (code, problem["detail_en"]) == (409, "switch the subscription on first")


async def test_new_secret_is_shown_with_how_long_the_old_one_holds(
    client: Client, receiver: Receiver
) -> None:
    _, made = await ask(client, "POST", "", form(receiver.url))
    code, rotated = await ask(client, "POST", f"/{made['id']}/secret")
    assert code == 200
    assert rotated["secret"] != made["secret"]
    assert rotated["old_secret_until"] is not None


async def test_removed_subscription_is_gone(client: Client, receiver: Receiver) -> None:
    _, made = await ask(client, "POST", "", form(receiver.url))
    code, _ = await ask(client, "DELETE", f"/{made['id']}")
    assert code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/secret"), ("POST", "/ping")):
        code, _ = await ask(client, method, f"/{made['id']}{path}")
        assert code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("POST", ""),
        ("GET", "/1"),
        ("PUT", "/1"),
        ("DELETE", "/1"),
        ("POST", "/1/secret"),
        ("POST", "/1/ping"),
        ("POST", "/1/resend"),
        ("GET", "/deliveries"),
        ("GET", "/deliveries/1"),
        ("POST", "/deliveries/1/resend"),
    ],
)
async def test_only_who_manages_webhooks_may(client: Client, method: str, path: str) -> None:
    code, _ = await ask(client, method, path, **{"X-Agent": "1001"})
    assert code == 403


async def test_every_change_is_in_the_audit_log_without_the_secret(
    board: Switchboard, client: Client, receiver: Receiver
) -> None:
    _, made = await ask(client, "POST", "", form(receiver.url))
    path = f"/{made['id']}"
    await ask(client, "PUT", path, form(receiver.url))
    await ask(client, "POST", f"{path}/secret")
    await ask(client, "POST", f"{path}/ping")
    await ask(client, "DELETE", path)
    async with board.database.reading() as session:
        rows = (await session.exec(select(AuditRow))).all()
    assert [row.action for row in rows] == [
        "webhook.create",
        "webhook.change",
        "webhook.rotate",
        "webhook.ping",
        "webhook.remove",
    ]
    assert {row.subject for row in rows} == {f"webhook:{made['id']}"}
    assert "whsec" not in repr([row.detail for row in rows])
