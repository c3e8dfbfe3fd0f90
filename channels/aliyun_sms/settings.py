"""What an installation can set for Alibaba Cloud's short messages."""

from __future__ import annotations

from pydantic import Field, SecretStr

from channels.protocol import ChannelSettings
from channels.sms.rules import MessageKind


class AliyunSmsSettings(ChannelSettings):
    """Alibaba Cloud Short Message Service (阿里云短信服务): messages by approved templates, reports, and answers."""

    enabled: bool = Field(
        default=False,
        description="Whether reports and answers of citizens are taken in. Sending needs sms.provider.",
    )
    access_key_id: str = Field(default="", description="AccessKey ID of a RAM user who may send.")
    access_key_secret: SecretStr = Field(
        default=SecretStr(""), description="AccessKey Secret of that user."
    )
    templates: dict[MessageKind, str] = Field(
        default={},
        description='Codes of the approved templates by kind of message, e.g. { code = "SMS_1", rating = "SMS_2" }; '
        "their variables are code, minutes, number and link. Kinds without one are not sent.",
    )
    report_token: SecretStr = Field(
        default=SecretStr(""),
        description="A secret of your own: reports, which nobody signs, come to /channels/aliyun-sms?token=…",
    )
    api_url: str = Field(
        default="https://dysmsapi.aliyuncs.com/", description="Where the service is."
    )
