"""Replies that go by short message: a person decides about each once, as a reply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from channels.protocol import CannotReply, ReplyKind
from channels.sms import api
from channels.sms.rules import MessageKind, ShortMessage
from channels.sms.service import Messenger
from channels.sms.settings import SmsSettings
from crm_bridge.replies.by_sms import BySms
from crm_bridge.replies.reading import ReplyReader
from crm_bridge.replies.rerouting import SMS
from infra.kit.http import AUTHENTICATOR, Authenticated, mount
from infra.kit.problems import problem_middleware
from tests.integration.channels.sms.paper import PaperProvider
from tests.integration.crm_bridge.replies.house import MOBILE, ReplyHouse
from tests.integration.crm_bridge.replies.test_replies_api import LEAD

DECIDER = replace(LEAD, permissions=LEAD.permissions | {"callback.review"})


@dataclass
class Office:
    """Replies and short messages, wired as an installation wires them; the provider is silent at first."""

    desk: ReplyHouse
    paper: PaperProvider
    messenger: Messenger
    client: TestClient[web.Request, web.Application]

    async def silence(self) -> int:
        """Let a reply and a notice end in doubt, and return the reply's row."""
        self.paper.faults = [TimeoutError(), TimeoutError()]
        self.desk.chat.answers = [CannotReply()]
        contact_id = await self.desk.contact(MOBILE)
        reply_id = await self.desk.say(contact_id, "answer:7:1", kind=ReplyKind.answer)
        await self.desk.sender.run_once()
        await self.desk.sender.run_once()
        notice = ShortMessage(
            key="notice:1", phone=MOBILE, kind=MessageKind.notice, text="明天停水。"
        )
        with pytest.raises(TimeoutError):
            await self.messenger.send(notice)
        return reply_id

    async def listed(self) -> list[dict[str, Any]]:
        """Return the short messages that a lead is asked about."""
        answer = await self.client.get("/api/v1/short-messages/review")
        items: list[dict[str, Any]] = (await answer.json())["items"]
        return items


class Lead:
    async def __call__(self, request: web.Request) -> Authenticated:
        return Authenticated(principal=DECIDER, csrf_token=None)


@pytest.fixture
async def office(desk: ReplyHouse) -> AsyncIterator[Office]:
    paper = PaperProvider()
    messenger = Messenger(desk.database, desk.clock, desk.vault, paper, SmsSettings())
    by_sms = BySms(messenger, desk.replies)
    messenger.on_news(by_sms.heard)
    desk.replies.on_decided(messenger.let_be)
    desk.ways[SMS] = by_sms
    app = web.Application(middlewares=[problem_middleware])
    app[AUTHENTICATOR] = Lead()
    reader = ReplyReader(desk.database, desk.replies)
    mount(app, [api.routes(messenger, reader.decided_here)])
    async with TestClient(TestServer(app)) as client:
        yield Office(desk, paper, messenger, client)


async def test_a_reply_in_doubt_is_not_asked_about_as_a_message_too(office: Office) -> None:
    await office.silence()
    assert [one.message.key for one in await office.messenger.unknown()] == [
        "answer:7:1",
        "notice:1",
    ]
    (listed,) = await office.listed()
    assert (listed["key"], listed["kind"], listed["phone_masked"]) == (
        "notice:1",
        "notice",
        MOBILE.masked,
    )


@pytest.mark.parametrize(("again", "state", "handed"), [(True, "sent", 3), (False, "failed", 2)])
async def test_a_decision_about_a_reply_settles_its_message(
    office: Office, again: bool, state: str, handed: int
) -> None:
    reply_id = await office.silence()
    await office.desk.replies.decide(DECIDER, reply_id, again=again)
    await office.desk.sender.run_once()
    row = await office.desk.row(reply_id)
    assert (row.state.value, len(office.paper.handed)) == (state, handed)
    assert [one.message.key for one in await office.messenger.unknown()] == ["notice:1"]
    # Once more, as the twin of a reply that was settled, it is asked about as nothing.
    assert [one["key"] for one in await office.listed()] == ["notice:1"]


@pytest.mark.parametrize(("decision", "handed"), [("send_again", 3), ("give_up", 2)])
async def test_a_message_that_carries_no_reply_is_decided_about_by_itself(
    office: Office, decision: str, handed: int
) -> None:
    await office.silence()
    (listed,) = await office.listed()
    path = f"/api/v1/short-messages/{listed['id']}/review"
    assert (await office.client.post(path, json={"decision": decision})).status < 300
    await office.messenger.run_once()
    assert len(office.paper.handed) == handed
    assert await office.listed() == []
    assert (await office.client.post(path, json={"decision": decision})).status == 409
