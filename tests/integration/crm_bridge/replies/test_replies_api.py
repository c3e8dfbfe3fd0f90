"""Channels and replies over HTTP, as leads and dispatchers ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from channels.contacts.rules import Contact, Received
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    ChannelSettings,
    Mode,
    Reply,
    ReplyKind,
    Sent,
)
from channels.registry import Registry
from crm_bridge.categories.service import Categories
from crm_bridge.replies import api
from crm_bridge.replies.health import ChannelHealth
from crm_bridge.replies.reading import ReplyReader
from crm_bridge.tickets.tables import TicketRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType, Urgency
from infra.kit.errors import Forbidden, LianxinError, NotFound, TryLater
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.identity import Principal, Role
from infra.kit.problems import problem_middleware
from tests.integration.crm_bridge.replies.house import ReplyHouse

LEAD = Principal(
    user_id=3,
    number="2001",
    name="周敏",
    role=Role.LEAD,
    permissions=frozenset({"queue.watch", "reply.review", "ticket.read"}),
)
CLERK = replace(LEAD, number="5001", role=Role.UNIT_CLERK, unit="CGJ")
NOBODY = replace(LEAD, number="4001", permissions=frozenset({"ticket.read"}))
TICKET: Mapping[str, Any] = {
    "id": 7,
    "number": "20260302-000007",
    "type": TicketType.complaint,
    "category": "2005",
    "title": "路灯不亮",
    "text": "滨江路路灯三天不亮。",
    "address": "",
    "urgency": Urgency.normal,
    "confidential": False,
    "call_me_not": False,
    "created_at": datetime(2026, 3, 2, 1, 30, tzinfo=UTC),
    "state": TicketState.registered,
    "round": 1,
    "version": 1,
}
Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True)
class Away:
    since: datetime
    error: LianxinError


class LettersChannel:
    """A mailbox whose server is away."""

    name: ClassVar[str] = "letters"
    mode: ClassVar[Mode] = Mode.listen
    Settings: ClassVar[type[ChannelSettings]] = ChannelSettings

    def __init__(self) -> None:
        self.trouble: Away | None = None

    def verify(self, raw: object) -> None:
        return

    def parse(self, raw: object) -> Sequence[Contact]:
        return ()

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        return Acknowledgement(status=204)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        raise CannotReply


class WhoIsNamed:
    async def __call__(self, request: web.Request) -> Authenticated | None:
        known = {who.number: who for who in (LEAD, CLERK, NOBODY)}
        who = known.get(request.headers.get("X-Agent", LEAD.number))
        return Authenticated(principal=who, csrf_token=None) if who else None


@pytest.fixture
def letters() -> LettersChannel:
    return LettersChannel()


@pytest.fixture
async def client(desk: ReplyHouse, letters: LettersChannel) -> AsyncIterator[Client]:
    async def visible(principal: Principal, ticket_id: int) -> None:
        if ticket_id != 7:
            raise NotFound
        if principal is NOBODY:
            raise Forbidden

    health = ChannelHealth(desk.database, desk.clock, Registry([letters]))
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = WhoIsNamed()
    reader = ReplyReader(desk.database, desk.replies)
    mount(app, [api.routes(desk.replies, reader, health, visible)])
    async with TestClient(TestServer(app)) as client:
        yield client


async def asked(client: Client, path: str, who: Principal = LEAD) -> tuple[int, Any]:
    answer = await client.get(f"/api/v1{path}", headers={"X-Agent": who.number})
    return answer.status, await answer.json(content_type=None)


async def test_channels_show_what_waits_and_what_hinders_them(
    desk: ReplyHouse, client: Client
) -> None:
    contact_id = await desk.contact()
    desk.chat.answers = [TryLater("busy", "服务商繁忙"), TimeoutError()]
    await desk.say(contact_id, "message:1", order="a")
    await desk.sender.run_once()
    await desk.say(contact_id, "message:2", order="b")
    await desk.sender.run_once()
    status, told = await asked(client, "/channels")
    assert status == 200
    chat, letters = told["items"]
    assert (chat["name"], chat["mode"], chat["waiting"], chat["unknown"]) == ("chat", None, 1, 1)
    assert chat["hindrance"]["error_zh"] == "服务商繁忙"
    assert (letters["name"], letters["mode"], letters["hindrance"]) == ("letters", "listen", None)


async def test_mailbox_that_cannot_be_read_shows_since_when_and_why(
    desk: ReplyHouse, client: Client, letters: LettersChannel
) -> None:
    letters.trouble = Away(desk.clock.now(), TryLater("login refused", "邮箱拒绝登录"))
    _, told = await asked(client, "/channels")
    (found,) = told["items"]
    assert found["hindrance"]["error_zh"] == "邮箱拒绝登录"
    assert datetime.fromisoformat(found["hindrance"]["since"]) == desk.clock.now()


async def test_replies_are_listed_page_by_page_without_their_texts(
    desk: ReplyHouse, client: Client
) -> None:
    contact_id = await desk.contact()
    desk.chat.answers = [TimeoutError()] * 3
    for n in range(4):
        await desk.say(
            contact_id, f"message:{n}", order=f"c:{n}", text="张三家的地址是滨江路 18 号"
        )
    await desk.sender.run_once()
    status, first = await asked(client, "/replies?state=unknown&limit=2")
    assert (status, len(first["items"])) == (200, 2)
    _, rest = await asked(client, f"/replies?state=unknown&limit=2&cursor={first['next_cursor']}")
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    assert "滨江路" not in str(first)
    assert first["items"][0]["error"] == "no-answer"
    _, sent = await asked(client, "/replies?state=sent")
    assert len(sent["items"]) == 1


async def test_lead_decides_once(desk: ReplyHouse, client: Client) -> None:
    reply_id = await desk.say(await desk.contact())
    desk.chat.answers = [TimeoutError()]
    await desk.sender.run_once()
    path = f"/api/v1/replies/{reply_id}/decision"
    first = await client.post(path, json={"again": True})
    assert (first.status, (await first.json())["state"]) == (200, "queued")
    second = await client.post(path, json={"again": True})
    assert (second.status, (await second.json())["type"]) == (
        409,
        "urn:lianxin:problem:reply-refused",
    )
    assert (await client.post("/api/v1/replies/999/decision", json={"again": True})).status == 404
    assert (await client.post(path, json={"again": "maybe"})).status == 422


async def test_who_sees_a_ticket_sees_what_its_citizen_was_told(
    desk: ReplyHouse, client: Client
) -> None:
    contact_id = await desk.contact()
    reply = Reply(key="answer:7:1", kind=ReplyKind.answer, text="路灯已修复。")
    await Categories(desk.database).seed()
    async with desk.database.transaction() as session:
        session.add(TicketRow(**TICKET))
        await session.flush()
        await desk.replies.send(session, contact_id, reply, ticket_id=7)
    _, told = await asked(client, "/tickets/7/replies")
    (shown,) = told["items"]
    assert (shown["text"], shown["channel"], shown["state"]) == ("路灯已修复。", "chat", "queued")
    _, of_unit = await asked(client, "/tickets/7/replies", CLERK)
    assert of_unit["items"][0]["channel"] == ""
    assert (await asked(client, "/tickets/7/replies", NOBODY))[0] == 403
    assert (await asked(client, "/tickets/8/replies"))[0] == 404


@pytest.mark.parametrize("path", ["/channels", "/replies"])
async def test_who_has_no_business_with_channels_is_turned_away(client: Client, path: str) -> None:
    assert (await asked(client, path, NOBODY))[0] == 403


@pytest.mark.parametrize("cursor", ["x", "0x", "%00", "9" * 40])
async def test_cursor_that_is_none_is_refused(client: Client, cursor: str) -> None:
    assert (await asked(client, f"/replies?cursor={cursor}"))[0] == 422
