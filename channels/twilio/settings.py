"""What an installation can set for Twilio."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from channels.protocol import ChannelSettings


class TwilioSettings(ChannelSettings):
    """Twilio: short messages both ways, and a number that answers when our own lines do not."""

    enabled: bool = Field(
        default=False,
        description="Whether messages and calls to a Twilio number are taken in. Sending needs sms.provider.",
    )
    account_sid: str = Field(default="", description="Account SID from Twilio's console, AC….")
    auth_token: SecretStr = Field(
        default=SecretStr(""),
        description="Auth Token of the account; it also signs what Twilio posts to us.",
    )
    api_key_sid: str = Field(
        default="",
        description="SID of an API key, SK…, to call Twilio with instead of the Auth Token; may be empty.",
    )
    api_key_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret of that API key; may be empty."
    )
    from_number: str = Field(
        default="",
        description="The Twilio number that sends and calls, in E.164, e.g. +8521234567.",
    )
    messaging_service_sid: str = Field(
        default="", description="A Messaging Service, MG…, to send with instead of the number."
    )
    api_url: str = Field(
        default="https://api.twilio.com",
        description="Where Twilio's API is; another address for a proxy in between.",
    )
    landlines: Literal["call", "refuse"] = Field(
        default="call",
        description="What becomes of a message to a landline, which cannot show it: call reads it out, twice.",
    )
    voice: str = Field(default="Polly.Zhiyu", description="The voice that reads out to citizens.")
    language: str = Field(default="cmn-CN", description="The language of that voice.")
    dial: str = Field(
        default="",
        description="Where a call to the Twilio number is put through first: sip:… of our own exchange or a number "
        "in E.164. Empty, or if nobody answers there: the caller leaves a message.",
    )
    dial_seconds: int = Field(
        default=20,
        ge=5,
        le=120,
        description="How long it rings there before the caller may leave a message.",
    )
    record_seconds: int = Field(
        default=120, ge=10, le=600, description="How long a message that a caller leaves may be."
    )
