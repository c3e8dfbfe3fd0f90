"""A city with every provider that has a stub over HTTP, each behind a line of its own, and citizens who write."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import aiohttp

from channels.aliyun_sms.stub import StubAliyun
from channels.twilio.stub import StubTwilio
from channels.wechat.stub.state import StubAccount
from infra.kit.identity import Role
from tests.installation import Installation
from tests.integration.channels.wechat.account import ACCOUNT, MINI, settings_of
from tests.integration.run.bad_line import Line, Refusal, laid
from tests.integration.run.wechat_city import WeChatCity, installed, made_ready, until, wechat

AGENT, LEAD, DISPATCHER = "1001", "2001", "3001"
SITE_KEY = "a-secret-of-the-site"
BOARD_KEY = "a-secret-of-the-board"
REPORT_TOKEN = "a-secret-of-the-address"
ANSWERED = "answer"
"""The subscribed message of the mini program that brings an answer."""

SEND_SECONDS = 6
"""The providers live in the loop of the tests: one that is held up for a moment has not fallen silent."""

_PHONES = count(13_800_000_000)
_EXPIRED = {
    "wechat": Refusal(status=200, body={"errcode": 42001}, path="/send"),
    "twilio": Refusal(status=401, body={"code": 20003, "message": "Authenticate", "status": 401}),
    "aliyun": Refusal(status=404, body={"Code": "InvalidAccessKeyId.NotFound"}),
}


@dataclass(frozen=True, slots=True)
class Ends:
    """The installation and what is around it.

    Attributes:
        lines: To the providers, by the channels that use them; `sms` is the way of short messages.
    """

    wechat: WeChatCity
    twilio: StubTwilio
    aliyun: StubAliyun
    lines: Mapping[str, Line]

    @property
    def installation(self) -> Installation:
        """What is tried."""
        return self.wechat.installation

    def address(self, path: str) -> str:
        """Return one of the addresses that providers post to."""
        return f"{self.installation.url}/channels/{path}"

    def texts(self, phone: str) -> list[str]:
        """Return what a telephone has got by short message, without the city's signature."""
        return [
            made.fields["Body"].partition("】")[2]
            for made in self.twilio.messages
            if made.fields["To"] == f"+86{phone}"
        ]

    async def texted(self, phone: str, pattern: str) -> str:
        """Return what a telephone has got that fits, once it has."""
        return await until(_first(lambda: self.texts(phone), pattern))

    def hurry(self) -> None:
        """Let what waits for its next try wait no longer; called in a thread, as it may wait for another's commit."""
        file = self.installation.folder / "lianxin.db"
        with closing(sqlite3.connect(file, timeout=20)) as database, database:
            for statement in (
                "UPDATE replies SET next_at = '2026-01-01 00:00:00.000000' WHERE state = 'queued'",
                "UPDATE short_messages SET next_at = '2026-01-01 00:00:00.000000' WHERE next_at IS NOT NULL",
            ):
                database.execute(statement)


@asynccontextmanager
async def running_ends(folder: Path) -> AsyncIterator[Ends]:
    """Run the city."""
    twilio, aliyun = StubTwilio(), StubAliyun(templates=("SMS_1", "SMS_2", "SMS_3"))
    async with AsyncExitStack() as stack:
        stub = await stack.enter_async_context(wechat())
        await stack.enter_async_context(twilio.serving())
        await stack.enter_async_context(aliyun.serving())
        lines = {
            name: await stack.enter_async_context(laid(url, _EXPIRED[name]))
            for name, url in (("wechat", stub.url), ("twilio", twilio.url), ("aliyun", aliyun.url))
        }
        made = installed(folder, stub, **_sections(twilio, aliyun, lines))
        people = ((AGENT, "李静", Role.AGENT), (LEAD, "王芳", Role.LEAD))
        stack.callback(made.installation.stop)
        await made_ready(made, *people, (DISPATCHER, "陈思", Role.DISPATCHER))
        yield Ends(
            made,
            twilio,
            aliyun,
            {
                "wechat": lines["wechat"],
                "wechat-mini": lines["wechat"],
                "twilio": lines["twilio"],
                "aliyun-sms": lines["aliyun"],
                "sms": lines["twilio"],
            },
        )


def _sections(
    twilio: StubTwilio, aliyun: StubAliyun, lines: Mapping[str, Line]
) -> dict[str, Mapping[str, Any]]:
    templates = {"answer": {"id": ANSWERED, "fields": {"thing1": "{text}"}}}
    return {
        "wechat": settings_of(ACCOUNT, lines["wechat"].url),
        "wechat_mini": settings_of(MINI, lines["wechat"].url, templates=templates),
        "sms": {"provider": "twilio"},
        "twilio": {
            "enabled": True,
            "account_sid": twilio.account_sid,
            "auth_token": twilio.auth_token,
            "from_number": twilio.number,
            "api_url": lines["twilio"].url,
        },
        "aliyun_sms": {
            "enabled": True,
            "access_key_id": aliyun.access_key_id,
            "access_key_secret": aliyun.secret,
            "templates": {"message": "SMS_1", "answer": "SMS_2", "rating": "SMS_3"},
            "report_token": REPORT_TOKEN,
            "api_url": lines["aliyun"].url,
        },
        "web_form": {"key": SITE_KEY},
        "message_board": {"key": BOARD_KEY},
        "citizen": {"work_bits": 4},
        "conversations": {"excuse_seconds": 0},
        "replies": {"send_seconds": SEND_SECONDS},
    }


class Correspondent(ABC):
    """A citizen who writes as one does to a person, over one channel."""

    channel: ClassVar[str]

    def __init__(self, ends: Ends) -> None:
        self._ends = ends

    @abstractmethod
    async def writes(self, words: str) -> None:
        """Send words; the provider's bytes have been answered with success."""

    @abstractmethod
    def got(self, words: str) -> int:
        """Return how often an agent's words have come."""

    @abstractmethod
    async def link(self) -> str:
        """Return the address at which he is asked to rate, once he is."""


class _OnWeChat(Correspondent):
    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self._openid = f"o{uuid4().hex}"

    async def writes(self, words: str) -> None:
        city = self._ends.wechat
        pushed = await city.wechat.citizens.write(self._account, self._openid, words)
        assert (pushed.status, pushed.answer) == (200, b"success")

    def got(self, words: str) -> int:
        return self._texts().count(words)

    async def link(self) -> str:
        return await until(_first(self._texts, r"/citizen/\S+"))

    @property
    def _account(self) -> StubAccount:
        return self._ends.wechat.official

    def _texts(self) -> list[str]:
        return self._ends.wechat.wechat.texts(self._openid)


class WeChatFollower(_OnWeChat):
    """Somebody who follows the official account."""

    channel = "wechat"


class MiniProgramUser(_OnWeChat):
    """Somebody who has opened the customer service of the mini program."""

    channel = "wechat-mini"

    @property
    def _account(self) -> StubAccount:
        return self._ends.wechat.mini


class TwilioTexter(Correspondent):
    """Somebody who writes short messages to the number at Twilio."""

    channel = "twilio"

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self._phone = new_phone()

    async def writes(self, words: str) -> None:
        address = self._ends.address("twilio/sms")
        answer = await self._ends.twilio.write_in(address, f"+86{self._phone}", words)
        assert answer.status == 200

    def got(self, words: str) -> int:
        return self._ends.texts(self._phone).count(words)

    async def link(self) -> str:
        return await self._ends.texted(self._phone, r"/citizen/\S+")


class AliyunTexter(Correspondent):
    """Somebody who answers a short message that came through Alibaba Cloud, whose templates carry no free words."""

    channel = "aliyun-sms"

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self._phone = new_phone()

    async def writes(self, words: str) -> None:
        item = {
            "phone_number": self._phone,
            "content": words,
            "sequence_id": uuid4().hex,
            "send_time": "2026-03-02 09:30:00",
        }
        address = self._ends.address(f"aliyun-sms?token={REPORT_TOKEN}")
        pushed = await self._ends.aliyun.push(address, [item])
        assert pushed.status == 200, await pushed.text()

    def got(self, words: str) -> int:
        # The last reply is the agent's; one that is sent again has the same key before the tilde.
        keys = [one["OutId"].partition("~")[0] for one in self._taken("SMS_1")]
        return keys.count(keys[-1]) if keys else 0

    async def link(self) -> str:
        async def asked() -> str | None:
            asking = (json.loads(one["TemplateParam"]) for one in self._taken("SMS_3"))
            return next((one["link"] for one in asking), None)

        return await until(asked)

    def _taken(self, template: str) -> list[dict[str, str]]:
        return [
            one
            for one in self._ends.aliyun.sent
            if (one["PhoneNumbers"], one["TemplateCode"]) == (self._phone, template)
        ]


class Reader(Correspondent):
    """Somebody who has filled in the city's web form: what he is answered comes by short message."""

    channel = "sms"

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self.phone = new_phone()
        self.number = ""

    async def writes(self, words: str) -> None:
        form = {
            "id": uuid4().hex,
            "type": "complaint",
            "text": words,
            "phone": self.phone,
            "call_me_not": True,
        }
        self.number = (await post_signed(self._ends.address("web-form"), SITE_KEY, form))["number"]

    def got(self, words: str) -> int:
        return sum(words in text for text in self._ends.texts(self.phone))

    async def link(self) -> str:
        return await self._ends.texted(self.phone, r"/citizen/\S+")


CORRESPONDENTS: tuple[type[Correspondent], ...] = (
    WeChatFollower,
    MiniProgramUser,
    TwilioTexter,
    AliyunTexter,
)


async def post_signed(url: str, key: str, body: Mapping[str, Any]) -> Any:
    """Post as a city's web site does, and return the answer's JSON."""
    content, at = json.dumps(body, ensure_ascii=False).encode(), str(int(time.time()))
    digest = hmac.new(key.encode(), at.encode() + b"." + content, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "Lianxin-Signature": f"t={at},v1={digest}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=content, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()
        return await response.json()


def new_phone() -> str:
    """Return a number that nobody else has."""
    return str(next(_PHONES))


def ticket_pass_in(link: str) -> str:
    """Return what opens a ticket for its citizen."""
    found = re.search(r"[#?/=]([A-Za-z0-9._~-]{30,})", link)
    assert found is not None, link
    return found[1]


def _first(texts: Callable[[], list[str]], pattern: str) -> Callable[[], Any]:
    async def find() -> str | None:
        return next((text for text in texts() if re.search(pattern, text)), None)

    return find
