"""What providers post, genuinely signed, as much of it as is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.contacts.rules import Purpose
from channels.protocol import Delivery
from channels.wechat.stub.pushing import signed as pushed
from channels.wechat.stub.state import StubAccount
from tests.bench.known_senders import devices, people_of_the_mini_program
from tests.bench.posting import MakeMessage, Posted, posted
from tests.contract.channels import aliyun_sms, message_board, police_110, twilio, web_form, wechat
from tests.contract.channels.samples import Sample
from tests.installation import Installation

CITIZENS = 200
_NOBODY = "http://127.0.0.1:9"
_WITHOUT_END = 1_000_000
"""Limits that stand against robots are not what is measured: all that is sent comes from one address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider of messages.

    Attributes:
        name: As it is printed.
        channel: The channel that they come in by.
        purpose: Whether they are matters or talk.
        settings: What an installation sets for it.
        begin: Lets a running installation know who will send, and returns what makes the messages.
        citizens: How many people talk; each message is the next one's turn.
    """

    name: str
    channel: str
    purpose: Purpose
    settings: Mapping[str, Any]
    begin: Callable[[Installation], Awaitable[MakeMessage]]
    citizens: int = CITIZENS


def _unknown(message: MakeMessage) -> Callable[[Installation], Awaitable[MakeMessage]]:
    """Return how messages of senders begin who need not be known."""

    async def begin(_installation: Installation) -> MakeMessage:
        return message

    return begin


def _account(account: StubAccount) -> Mapping[str, Any]:
    return {
        "enabled": True,
        "appid": account.appid,
        "secret": account.secret,
        "token": account.token,
        "encoding_aes_key": account.encoding_aes_key,
        "api_url": _NOBODY,
    }


def _wechat(sample: Sample, account: StubAccount) -> MakeMessage:
    def message(n: int) -> Posted:
        now = datetime.now(UTC)
        said = {
            "ToUserName": account.original_id,
            "FromUserName": f"oBench{n % CITIZENS:022}",
            "CreateTime": int(now.timestamp()),
            "MsgType": "text",
            "MsgId": 23_000_000_000_000_000 + n + CITIZENS,
            "Content": f"望江路路灯不亮，第 {n} 次说。",
        }
        push = pushed(account, said, int(now.timestamp()))
        delivery = Delivery(
            method="POST",
            query=parse_qs(urlsplit(push.url).query),
            headers={"content-type": push.content_type},
            body=push.body,
            received_at=now,
        )
        return posted(sample.channel, delivery)

    return message


def _aliyun(n: int) -> Posted:
    answer = {
        **aliyun_sms.ANSWER,
        "phone_number": f"138{n % CITIZENS:08d}",
        "sequence_id": 1_000_000 + n,
        "content": f"望江路路灯不亮，第 {n} 次说。",
    }
    return posted(aliyun_sms.SAMPLE.channel, aliyun_sms.pushed([answer]))


def _message_board(n: int) -> Posted:
    now = datetime.now(UTC)
    post = {**message_board.POST, "编号": f"bench-{n:08}"}
    return posted(
        message_board.SAMPLE.channel, message_board.signed(message_board.posts(post), at=now)
    )


def _web_form(n: int) -> Posted:
    now = datetime.now(UTC)
    delivery = web_form.signed(
        web_form.form(id=f"bench-form-{n:08}", phone=f"138{n % 3000:08}"), at=now
    )
    return posted(web_form.SAMPLE.channel, delivery)


def _police(n: int) -> Posted:
    now = datetime.now(UTC)
    body = police_110.transfer(
        message_id=f"bench-{n}",
        transfer_id=f"JJ{n:08}",
        number=f"J{n:08}",
        sent_at=now.isoformat(timespec="seconds"),
    )
    return posted(police_110.SAMPLE.channel, police_110.signed(body, at=now))


def _twilio(n: int) -> Posted:
    form = {
        **twilio.MESSAGE,
        "MessageSid": f"SM{n + CITIZENS:032x}",
        "SmsSid": f"SM{n + CITIZENS:032x}",
        "From": f"+86138{n % CITIZENS:08d}",
        "NumMedia": "0",
    }
    form = {name: value for name, value in form.items() if not name.startswith("Media")}
    return posted(twilio.SAMPLE.channel, twilio.signed("sms", form))


PROVIDERS = (
    Provider(
        name="wechat",
        channel="wechat",
        purpose=Purpose.talk,
        settings={"wechat": _account(wechat.OFFICIAL)},
        begin=_unknown(_wechat(wechat.WECHAT, wechat.OFFICIAL)),
    ),
    Provider(
        name="wechat-mini",
        channel="wechat-mini",
        purpose=Purpose.talk,
        settings={"wechat_mini": _account(wechat.MINI)},
        begin=_unknown(_wechat(wechat.WECHAT_MINI, wechat.MINI)),
    ),
    Provider(
        name="wechat-mini-reports",
        channel="wechat-mini",
        purpose=Purpose.matter,
        settings={
            "wechat_mini": {**_account(wechat.MINI), "reports_per_hour": _WITHOUT_END},
            "citizen": {"requests_per_minute": _WITHOUT_END},
        },
        begin=people_of_the_mini_program,
    ),
    Provider(
        name="twilio",
        channel="twilio",
        purpose=Purpose.talk,
        settings={
            "server": {"public_url": twilio.PUBLIC_URL},
            "twilio": {
                "enabled": True,
                "account_sid": twilio.ACCOUNT,
                "auth_token": twilio.TWILIO.auth_token,
                "from_number": twilio.TWILIO.number,
                "api_url": _NOBODY,
            },
        },
        begin=_unknown(_twilio),
    ),
    Provider(
        name="aliyun-sms",
        channel="aliyun-sms",
        purpose=Purpose.talk,
        settings={
            "aliyun_sms": {
                "enabled": True,
                "access_key_id": aliyun_sms.SETTINGS.access_key_id,
                "access_key_secret": aliyun_sms.SETTINGS.access_key_secret.get_secret_value(),
                "report_token": aliyun_sms.TOKEN,
                "api_url": _NOBODY,
            }
        },
        begin=_unknown(_aliyun),
    ),
    Provider(
        name="web-form",
        channel="web-form",
        purpose=Purpose.matter,
        settings={"web_form": {"key": web_form.KEY}},
        begin=_unknown(_web_form),
    ),
    Provider(
        name="message-board",
        channel="message-board",
        purpose=Purpose.matter,
        settings={"message_board": {"key": message_board.KEY}},
        begin=_unknown(_message_board),
    ),
    Provider(
        name="police-110",
        channel="police-110",
        purpose=Purpose.matter,
        settings={"police_110": {"enabled": True, "secret": police_110.SECRET}},
        begin=_unknown(_police),
    ),
    Provider(
        name="one-touch",
        channel="one-touch",
        purpose=Purpose.matter,
        settings={
            "one_touch": {"per_device": _WITHOUT_END},
            "server": {"trusted_proxies": ["127.0.0.1"]},
        },
        begin=devices,
    ),
)
"""Every way in that is posted to. A press is counted to its ticket: ten thousand telephones are not rung."""
