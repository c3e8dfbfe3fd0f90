"""Short messages end to end: from Twilio's own bytes over HTTP to an agent's screen, an answer back, and the rating."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from channels.twilio.stub import Mood, StubTwilio
from channels.twilio.stub_webhooks import Made
from infra.kit.identity import Role
from tests.installation import Installation, Person
from tests.integration.run.wechat_city import Screen, new_key, until
from tests.integration.run.wechat_desk import Desk
from tests.parts import free_port

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]
AGENT, LEAD = "1001", "2001"
PHONES = count(13_800_000_000)
NOISE = {
    "type": "complaint",
    "category": "2005",
    "title": "夜间施工噪声",
    "text": "小区旁工地夜间施工，影响休息。",
    "address": "滨江路 18 号",
}


@dataclass(frozen=True, slots=True)
class TwilioCity:
    """An installation, and Twilio around it."""

    installation: Installation
    twilio: StubTwilio

    def address(self, path: str) -> str:
        """Return one of the addresses that Twilio posts to."""
        return f"{self.installation.url}/channels/twilio/{path}"

    def count(self, statement: str, *values: object) -> int:
        """Return a number from the installation's database."""
        with closing(sqlite3.connect(self.installation.folder / "lianxin.db")) as database:
            return int(database.execute(statement, values).fetchone()[0])

    def sent(self, phone: str) -> list[str]:
        """Return what a telephone has got, without the city's signature."""
        return [
            made.fields["Body"].partition("】")[2]
            for made in self.twilio.messages
            if made.fields["To"] == phone
        ]

    async def told(self, phone: str, pattern: str) -> str:
        """Return what a telephone has got that fits, once it has."""

        async def find() -> str | None:
            fitting = (text for text in self.sent(phone) if re.search(pattern, text))
            return next(fitting, None)

        return await until(find)

    def made(self, phone: str, text: str) -> Made:
        """Return the one message to a telephone that says this, as Twilio has it."""
        (made,) = (
            made
            for made in self.twilio.messages
            if made.fields["To"] == phone and text in made.fields["Body"]
        )
        return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwilioCity]:
    stub, port = StubTwilio(), free_port()
    async with stub.serving() as url:
        sections: dict[str, dict[str, Any]] = {
            "telephony": {"enabled": False},
            "server": {"port": port, "public_url": f"http://127.0.0.1:{port}"},
            "sms": {"provider": "twilio"},
            "twilio": {
                "enabled": True,
                "account_sid": stub.account_sid,
                "auth_token": stub.auth_token,
                "from_number": stub.number,
                "api_url": url,
            },
        }
        installation = Installation(tmp_path_factory.mktemp("twilio"), sections, port=port)
        await installation.prepare((AGENT, "李静", Role.AGENT), (LEAD, "王芳", Role.LEAD))
        await installation.start()
        try:
            yield TwilioCity(installation, stub)
        finally:
            await asyncio.to_thread(installation.stop)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(city: TwilioCity) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(Person(city.installation, AGENT))
        lead = await stack.enter_async_context(Person(city.installation, LEAD))
        screen = await stack.enter_async_context(Screen(agent))
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        yield Desk(agent, lead, screen)


@pytest.fixture(autouse=True)
def well(city: TwilioCity) -> None:
    city.twilio.mood = Mood.well


def somebody() -> str:
    return f"+86{next(PHONES)}"


async def test_message_reaches_the_screen_the_answer_the_telephone_and_its_mark_the_screen(
    city: TwilioCity, desk: Desk
) -> None:
    phone, words = somebody(), f"解放路路灯不亮 {uuid4().hex[:6]}"

    answer = await city.twilio.write_in(city.address("sms"), phone, words)
    conversation = await desk.take(words)
    await desk.say(conversation["id"], "您好，已通知抢修。")
    await city.told(phone, "抢修")
    await desk.delivery(conversation["id"], "您好，已通知抢修。", "sent")
    status = await city.twilio.report(city.made(phone, "抢修"), "delivered")
    await desk.delivery(conversation["id"], "您好，已通知抢修。", "delivered")

    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert status == 200
    assert conversation["channel"] == "twilio"
    assert conversation["citizen"]["phone_masked"].endswith(phone[-4:])
    await desk.close(conversation["id"])


async def test_same_message_ten_times_at_once_is_one(city: TwilioCity) -> None:
    phone = somebody()
    form = {"MessageSid": f"SM{uuid4().hex}", "SmsSid": "SM"}
    before = city.count("SELECT count(*) FROM contacts")

    answers = await asyncio.gather(
        *(city.twilio.write_in(city.address("sms"), phone, "停水", **form) for _ in range(10))
    )

    assert {answer.status for answer in answers} == {200}
    assert city.count("SELECT count(*) FROM contacts") == before + 1


async def test_answer_that_twilio_does_not_take_goes_out_once_it_does(
    city: TwilioCity, desk: Desk
) -> None:
    phone, words = somebody(), f"噪音扰民 {uuid4().hex[:6]}"
    await city.twilio.write_in(city.address("sms"), phone, words)
    conversation = await desk.take(words)
    city.twilio.mood = Mood.busy
    await desk.say(conversation["id"], "您好，已登记。")

    async def waiting() -> bool | None:
        page = await desk.lead.call("GET", "/channels", expect=200)
        (one,) = [one for one in page["items"] if one["name"] == "twilio"]
        return True if one["waiting"] and one["hindrance"] else None

    await until(waiting)
    assert city.sent(phone).count("您好，已登记。") == 0
    city.twilio.mood = Mood.well
    await desk.delivery(conversation["id"], "您好，已登记。", "sent")
    assert city.sent(phone).count("您好，已登记。") == 1


async def test_answer_in_doubt_is_shown_not_sent_again_and_settled_by_twilios_news(
    city: TwilioCity, desk: Desk
) -> None:
    phone, words = somebody(), f"占道经营 {uuid4().hex[:6]}"
    await city.twilio.write_in(city.address("sms"), phone, words)
    conversation = await desk.take(words)
    city.twilio.mood = Mood.broken_after

    await desk.say(conversation["id"], "您好，已转办。")
    await desk.delivery(conversation["id"], "您好，已转办。", "unknown")
    await city.twilio.report(city.made(phone, "已转办"), "delivered")
    await desk.delivery(conversation["id"], "您好，已转办。", "delivered")

    assert city.sent(phone).count("您好，已转办。") == 1


async def test_a_caller_whom_nobody_could_take_leaves_a_message_and_gets_a_ticket(
    city: TwilioCity, desk: Desk
) -> None:
    phone, call = somebody(), f"CA{uuid4().hex}"
    before = city.count("SELECT count(*) FROM tickets")
    city.twilio.media[f"{call}.mp3"] = b"ID3\x04\x00" + bytes(400)

    asked = await city.twilio.call_in(city.address("voice"), phone, call)
    twiml = asked.body.decode()
    told = await city.twilio.call_in(
        city.address("voice-recorded"),
        phone,
        call,
        RecordingUrl=f"{city.twilio.url}/media/{call}",
        RecordingDuration="38",
        RecordingSid=f"RE{uuid4().hex}",
        Digits="hangup",
    )

    async def fetched() -> bool | None:
        statement = "SELECT count(*) FROM attachments WHERE type = 'audio/mpeg'"
        return True if city.count(statement) == 1 else None

    assert (asked.status, told.status) == (200, 200)
    assert f'action="{city.address("voice-recorded")}"' in twiml
    assert "<Record" in twiml
    assert city.count("SELECT count(*) FROM tickets") == before + 1
    await until(fetched)


async def test_forged_message_is_refused_and_leaves_nothing(city: TwilioCity) -> None:
    before = city.count("SELECT count(*) FROM contacts")
    stranger = StubTwilio(city.twilio.account_sid, "another-token")

    forged = await stranger.write_in(city.address("sms"), somebody(), "路灯不亮")

    assert forged.status == 401
    assert city.count("SELECT count(*) FROM contacts") == before
    assert city.count("SELECT count(*) FROM refused_deliveries") == 0


async def test_who_does_not_want_to_be_called_rates_by_the_link_in_a_message(
    city: TwilioCity, desk: Desk
) -> None:
    phone, words = somebody(), f"工地扰民 {uuid4().hex[:6]}"
    await city.twilio.write_in(city.address("sms"), phone, words)
    conversation = await desk.take(words)
    form = {
        **NOISE,
        "contact_id": conversation["contact_id"],
        "call_me_not": True,
        "answer": {"text": "已告知施工许可规定。"},
    }

    ticket = await desk.agent.call(
        "POST", "/tickets", form, expect=201, headers={"Idempotency-Key": new_key()}
    )
    link = await city.told(phone, r"/citizen/\S+")
    ticket_pass = re.search(r"[#?/=]([A-Za-z0-9._~-]{30,})", link)
    assert ticket_pass is not None
    async with (
        aiohttp.ClientSession(city.installation.url) as session,
        session.post(
            "/api/v1/citizen/ratings",
            json={"ticket_pass": ticket_pass[1], "satisfied": 1, "solved": 1, "contacted": 1},
            headers={"Idempotency-Key": new_key()},
        ) as response,
    ):
        assert response.status == 201, await response.text()

    assert city.count("SELECT rating FROM tickets WHERE id = ?", ticket["id"]) == 1


async def test_log_names_no_number_and_no_words(city: TwilioCity) -> None:
    phone, words = somebody(), f"请勿记录 {uuid4().hex}"
    await city.twilio.write_in(city.address("sms"), phone, words)

    log = city.installation.log()

    for secret in (phone, phone[3:], words, city.twilio.auth_token):
        assert secret not in log
