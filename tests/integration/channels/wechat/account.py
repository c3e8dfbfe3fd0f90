"""Accounts at the stub WeChat, and our side of them, for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from channels.contacts.rules import Contact
from channels.marks.service import Marks
from channels.protocol import Delivery, Reply, ReplyKind
from channels.wechat.account import AccountChannel
from channels.wechat.channel import WeChatChannel
from channels.wechat.client import WeChatApi
from channels.wechat.mini import WeChatMiniChannel
from channels.wechat.settings import WeChatMiniSettings, WeChatSettings
from channels.wechat.stub.pushing import Push
from channels.wechat.stub.state import StubAccount
from infra.kit.clock import Clock

ZONE = ZoneInfo("Asia/Shanghai")
IMPATIENT_SECONDS = 2
"""For whoever is to find WeChat slow: its stub shares our loop, and what it does not delay must be there in time."""

OPENID = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
ACCOUNT = StubAccount(
    appid="wxba5fad812f8e6fb9",
    secret="0123456789abcdef0123456789abcdef",
    token="AAAAA",
    encoding_aes_key="A" * 43,
)
MINI = StubAccount(
    appid="wx9b1c72b8c4d0d2f9",
    secret="fedcba9876543210fedcba9876543210",
    token="BBBBB",
    encoding_aes_key="B" * 43,
    original_id="gh_0123456789ab",
    as_json=True,
    mini=True,
)


def settings_of(account: StubAccount, url: str, **more: Any) -> dict[str, Any]:
    own = {
        "enabled": True,
        "appid": account.appid,
        "secret": account.secret,
        "token": account.token,
        "encoding_aes_key": account.encoding_aes_key,
        "api_url": url,
    }
    return own | more


class Ours:
    """Our side of the accounts, closed at the end.

    Args:
        clock: Our time.
        marks: Where tokens are kept.
    """

    def __init__(self, clock: Clock, marks: Marks) -> None:
        self.clock = clock
        self.marks = marks
        self._opened: list[AccountChannel] = []

    def official(self, url: str = "http://127.0.0.1:1", **more: Any) -> WeChatChannel:
        settings = WeChatSettings.model_validate(settings_of(ACCOUNT, url, **more))
        api = WeChatApi(settings, self.marks, self.clock)
        channel = WeChatChannel(settings, api, self.clock, ZONE)
        self._opened.append(channel)
        return channel

    def mini(self, url: str = "http://127.0.0.1:1", **more: Any) -> WeChatMiniChannel:
        settings = WeChatMiniSettings.model_validate(settings_of(MINI, url, **more))
        api = WeChatApi(settings, self.marks, self.clock)
        channel = WeChatMiniChannel(settings, api, self.clock, ZONE)
        self._opened.append(channel)
        return channel

    async def close(self) -> None:
        for channel in self._opened:
            await channel.close()


def delivery(push: Push, at: datetime, **changed: str) -> Delivery:
    """Return what our front desk makes of a request, with parameters of the address changed."""
    query = parse_qs(urlsplit(push.url).query) | {name: [value] for name, value in changed.items()}
    return Delivery(method="POST", query=query, body=push.body, received_at=at)


def answer(text: str = "路灯已修好。", kind: ReplyKind = ReplyKind.answer, **more: Any) -> Reply:
    return Reply(key="reply-7", kind=kind, text=text, ticket_number="20260302-000001", **more)


def one(contacts: Any) -> Contact:
    (found,) = contacts
    assert isinstance(found, Contact)
    return found
