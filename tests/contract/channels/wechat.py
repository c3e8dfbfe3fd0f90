"""The WeChat official account in 安全模式 with XML, and the mini program with JSON, as the contract tries them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from channels.marks.memory import MemoryMarks
from channels.protocol import Delivery
from channels.wechat.account import AccountChannel
from channels.wechat.channel import WeChatChannel
from channels.wechat.client import WeChatApi
from channels.wechat.document import Fields, xml_of
from channels.wechat.envelope import Envelope, signature
from channels.wechat.mini import WeChatMiniChannel
from channels.wechat.settings import WeChatMiniSettings, WeChatSettings
from channels.wechat.stub.pushing import signed
from channels.wechat.stub.state import StubAccount
from infra.kit.clock import ManualClock
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
OFFICIAL = StubAccount(
    appid="wxba5fad812f8e6fb9", secret="0" * 32, token="AAAAA", encoding_aes_key="A" * 43
)
MINI = StubAccount(
    appid="wx9b1c72b8c4d0d2f9",
    secret="1" * 32,
    token="BBBBB",
    encoding_aes_key="B" * 43,
    as_json=True,
)
NOBODY = "http://127.0.0.1:1"
"""Where no WeChat listens: the contract asks for a reply or a refusal with its reason."""


def _settings(account: StubAccount) -> dict[str, Any]:
    return {
        "enabled": True,
        "appid": account.appid,
        "secret": account.secret,
        "token": account.token,
        "encoding_aes_key": account.encoding_aes_key,
        "api_url": NOBODY,
    }


def _official() -> WeChatChannel:
    clock, settings = ManualClock(NOW), WeChatSettings.model_validate(_settings(OFFICIAL))
    return WeChatChannel(settings, WeChatApi(settings, MemoryMarks(clock), clock), clock, ZONE)


def _mini() -> WeChatMiniChannel:
    clock, settings = ManualClock(NOW), WeChatMiniSettings.model_validate(_settings(MINI))
    return WeChatMiniChannel(settings, WeChatApi(settings, MemoryMarks(clock), clock), clock, ZONE)


def said(account: StubAccount, **fields: Any) -> Delivery:
    """Return a message that a citizen has sent to an account."""
    own = {"ToUserName": account.original_id, "FromUserName": "o9AgO5Kd5ggOC", "MsgType": "text"}
    when = {"CreateTime": int(NOW.timestamp()), "MsgId": 23_000_000_000_000_001}
    return _delivery(account, {**own, **when, "Content": "路灯不亮", **fields})


def _delivery(account: StubAccount, fields: Fields) -> Delivery:
    push = signed(account, fields, int(NOW.timestamp()))
    return Delivery(
        method="POST",
        query=parse_qs(urlsplit(push.url).query),
        body=push.body,
        received_at=NOW,
    )


def _changed(raw: Delivery, **query: str) -> Delivery:
    return replace(raw, query={**raw.query, **{name: [value] for name, value in query.items()}})


def _nested(account: StubAccount, size: int) -> Delivery:
    if account.as_json:
        depth = size // 3  # encrypted it is a third longer
        body = b'{"a":' + b"[" * (depth - 5) + b"]" * depth
    else:
        depth = size // 10
        body = b"<xml>" + b"<a>" * depth + b"</a>" * depth + b"</xml>"
    at, nonce = str(int(NOW.timestamp())), "415670741"
    sealed = Envelope(account.encoding_aes_key, account.appid).seal(body, b"0123456789abcdef")
    fields = {"Encrypt": sealed}
    query = {
        "timestamp": [at],
        "nonce": [nonce],
        "msg_signature": [signature(account.token, at, nonce, sealed)],
    }
    outside = json.dumps(fields).encode() if account.as_json else xml_of(fields)
    return Delivery(method="POST", query=query, body=outside, received_at=NOW)


def _sample(channel: AccountChannel, account: StubAccount) -> PostedSample:
    contact = said(account)
    unknown = {"Mood": "sunny over the river"}
    return PostedSample(
        channel=channel,
        contact=contact,
        something_else=said(account, MsgType="event", Event="VIEW", EventKey="https://example.cn"),
        forged=(
            _changed(contact, msg_signature="0" * 40),
            _changed(contact, msg_signature=""),
            _changed(contact, timestamp="1"),
            replace(contact, query={}),
            said(replace(account, token="another")),
            said(replace(account, appid="wx0000000000000000")),
            said(replace(account, encrypted=False)),
        ),
        garbage=(
            said(account, MsgType=""),
            said(account, FromUserName=""),
            said(account, CreateTime="yesterday"),
        ),
        unknown=said(account, **unknown),
        unknown_value=unknown["Mood"],
        nested=lambda size: _nested(account, size),
    )


WECHAT = _sample(_official(), OFFICIAL)
WECHAT_MINI = _sample(_mini(), MINI)
