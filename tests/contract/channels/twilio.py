"""What the Twilio channel is tried with: the forms that Twilio posts, signed as its documents say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from pydantic import SecretStr

from channels.protocol import Delivery
from channels.twilio.carrier import TwilioCarrier
from channels.twilio.channel import TwilioChannel
from channels.twilio.rest import TwilioApi
from channels.twilio.settings import TwilioSettings
from channels.twilio.stub_webhooks import StubWebhooks
from infra.kit.clock import ManualClock
from tests.contract.channels.samples import PostedSample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
ACCOUNT = "AC" + "7" * 32
PUBLIC_URL = "https://12345.example.gov.cn"
TWILIO = StubWebhooks(ACCOUNT, "the-token-of-the-account", "+8521234567")
MESSAGE = {
    "MessageSid": "SM" + "1" * 32,
    "SmsSid": "SM" + "1" * 32,
    "AccountSid": ACCOUNT,
    "From": "+8613800015121",
    "To": "+8521234567",
    "Body": "滨江路路灯不亮",
    "NumMedia": "1",
    "MediaUrl0": "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME",
    "MediaContentType0": "image/jpeg",
}
STATUS = {
    "MessageSid": "SM" + "2" * 32,
    "MessageStatus": "delivered",
    "AccountSid": ACCOUNT,
    "To": "+8613800015121",
}


def signed(
    path: str, form: Mapping[str, str], *, by: StubWebhooks = TWILIO, query: str = ""
) -> Delivery:
    """Return a delivery that is signed as Twilio signs."""
    url = f"{PUBLIC_URL}/channels/twilio/{path}{query}"
    return Delivery(
        method="POST",
        path=path,
        url=url,
        query={"key": [query.removeprefix("?key=")]} if query else {},
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": by.sign(url, form),
        },
        body=urlencode(form).encode(),
        received_at=NOW,
        remote="203.0.113.7",
    )


def channel(**settings: object) -> TwilioChannel:
    """Return the channel as a city would set it up."""
    values = {
        "enabled": True,
        "account_sid": ACCOUNT,
        "auth_token": SecretStr(TWILIO.auth_token),
        "from_number": TWILIO.number,
        "api_url": "http://127.0.0.1:9",  # nobody is there
        **settings,
    }
    api = TwilioApi(TwilioSettings.model_validate(values))
    carrier = TwilioCarrier(api, "12345热线", PUBLIC_URL, ManualClock(NOW))
    return TwilioChannel(api, carrier, PUBLIC_URL)


def _nested(size: int) -> Delivery:
    return signed("sms", MESSAGE | {"Body": "[" * (size - 600)})


_STRANGER = StubWebhooks(ACCOUNT, "another-token", TWILIO.number)
_OTHER_ACCOUNT = {**MESSAGE, "AccountSid": "AC" + "8" * 32}
_GENUINE = signed("sms", MESSAGE)

SAMPLE = PostedSample(
    channel=channel(),
    contact=_GENUINE,
    something_else=signed("status", STATUS, query="?key=reply:7"),
    forged=[
        replace(_GENUINE, headers={"content-type": "application/x-www-form-urlencoded"}),
        signed("sms", MESSAGE, by=_STRANGER),
        replace(_GENUINE, body=urlencode({**MESSAGE, "Body": "另一件事"}).encode()),
        signed("sms", _OTHER_ACCOUNT),
        replace(_GENUINE, body=b"\xff\xfe"),
    ],
    garbage=[
        signed("sms", {"AccountSid": ACCOUNT}),
        signed("status", {"AccountSid": ACCOUNT, "MessageStatus": "delivered"}),
        signed("voice-recorded", {"AccountSid": ACCOUNT, "CallSid": "CA1"}),
        signed("nowhere", MESSAGE),
    ],
    unknown=signed("sms", MESSAGE | {"TrafficLightColour": "绿灯"}),
    unknown_value="绿灯",
    nested=_nested,
)
