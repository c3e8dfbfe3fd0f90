"""What providers post, genuinely signed, as much of it as is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from channels.contacts.rules import Purpose
from channels.protocol import Channel, Delivery
from channels.wechat.stub.pushing import signed as pushed
from channels.wechat.stub.state import StubAccount
from tests.contract.channels import police_110, twilio, web_form, wechat

CITIZENS = 200
_WECHAT = StubAccount(
    appid="wxba5fad812f8e6fb9", secret="0" * 32, token="AAAAA", encoding_aes_key="A" * 43
)
_NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One message as its provider posts it."""

    external_id: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider of messages.

    Attributes:
        channel: The channel that they come in by.
        purpose: Whether they are matters or talk.
        settings: What an installation sets for it.
        message: Makes the message with a number; numbers below zero are for what comes before.
        citizens: How many people talk; each message is the next one's turn.
    """

    channel: str
    purpose: Purpose
    settings: Mapping[str, Any]
    message: Callable[[int], Posted]
    citizens: int = CITIZENS


def _posted(channel: Channel[Any], delivery: Delivery) -> Posted:
    """Return a delivery as it is posted; what the channel makes of it tells by what it is known."""
    (contact,) = channel.parse(delivery)
    query = urlencode({name: values[0] for name, values in delivery.query.items()})
    path = f"/channels/{channel.name}"
    path += f"/{delivery.path}" if delivery.path else ""
    return Posted(
        external_id=contact.external_id,
        path=f"{path}?{query}" if query else path,
        headers=delivery.headers,
        body=delivery.body,
    )


def _wechat(n: int) -> Posted:
    now = datetime.now(UTC)
    citizen = n % CITIZENS
    said = {
        "ToUserName": _WECHAT.original_id,
        "FromUserName": f"oBench{citizen:022}",
        "CreateTime": int(now.timestamp()),
        "MsgType": "text",
        "MsgId": 23_000_000_000_000_000 + n + CITIZENS,
        "Content": f"望江路路灯不亮，第 {n} 次说。",
    }
    push = pushed(_WECHAT, said, int(now.timestamp()))
    delivery = Delivery(
        method="POST",
        query=parse_qs(urlsplit(push.url).query),
        headers={"content-type": push.content_type},
        body=push.body,
        received_at=now,
    )
    return _posted(wechat.WECHAT.channel, delivery)


def _web_form(n: int) -> Posted:
    now = datetime.now(UTC)
    delivery = web_form.signed(
        web_form.form(id=f"bench-form-{n:08}", phone=f"138{n % 3000:08}"), at=now
    )
    return _posted(web_form.SAMPLE.channel, delivery)


def _police(n: int) -> Posted:
    now = datetime.now(UTC)
    body = police_110.transfer(
        message_id=f"bench-{n}",
        transfer_id=f"JJ{n:08}",
        number=f"J{n:08}",
        sent_at=now.isoformat(timespec="seconds"),
    )
    return _posted(police_110.SAMPLE.channel, police_110.signed(body, at=now))


def _twilio(n: int) -> Posted:
    form = {
        **twilio.MESSAGE,
        "MessageSid": f"SM{n + CITIZENS:032x}",
        "SmsSid": f"SM{n + CITIZENS:032x}",
        "From": f"+86138{n % CITIZENS:08d}",
        "NumMedia": "0",
    }
    form = {name: value for name, value in form.items() if not name.startswith("Media")}
    return _posted(twilio.SAMPLE.channel, twilio.signed("sms", form))


PROVIDERS = (
    Provider(
        channel="wechat",
        purpose=Purpose.talk,
        settings={
            "wechat": {
                "enabled": True,
                "appid": _WECHAT.appid,
                "secret": _WECHAT.secret,
                "token": _WECHAT.token,
                "encoding_aes_key": _WECHAT.encoding_aes_key,
                "api_url": _NOBODY,
            }
        },
        message=_wechat,
    ),
    Provider(
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
        message=_twilio,
    ),
    Provider(
        channel="web-form",
        purpose=Purpose.matter,
        settings={"web_form": {"key": web_form.KEY}},
        message=_web_form,
    ),
    Provider(
        channel="police-110",
        purpose=Purpose.matter,
        settings={"police_110": {"enabled": True, "secret": police_110.SECRET}},
        message=_police,
    ),
)
"""Every channel whose provider posts to us; the others share these paths behind their own door."""
