"""The channel of Alibaba Cloud's short messages: what became of ours, and what citizens answer.

The service pushes lists of reports (SmsReport) and of answers (SmsUp) to one address each; both may be
`/channels/aliyun-sms?token=…`. It signs nothing, so the address holds a secret.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import ClassVar

from channels.aliyun_sms.carrier import AliyunCarrier
from channels.aliyun_sms.rules import LARGEST_BODY, NAME, contacts_of, news_of, reported
from channels.aliyun_sms.settings import AliyunSmsSettings
from channels.contacts.rules import Contact, Received
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    ChannelSettings,
    Delivery,
    DeliveryNews,
    Finding,
    Mode,
    Reply,
    Sent,
)
from channels.sms.rules import MessageKind, ShortMessage
from infra.kit.errors import NotAuthenticated


class AliyunSmsChannel:
    """Makes contacts of what citizens answer, and news of reports.

    Args:
        settings: The secret of the address.
        carrier: Sends the answers.
    """

    name: ClassVar[str] = NAME
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = AliyunSmsSettings
    largest_body: ClassVar[int] = LARGEST_BODY

    def __init__(self, settings: AliyunSmsSettings, carrier: AliyunCarrier) -> None:
        self._settings = settings
        self._carrier = carrier

    def verify(self, raw: Delivery) -> None:
        """Return if the address had our secret.

        Raises:
            NotAuthenticated: It had not, or none is set.
        """
        expected = self._settings.report_token.get_secret_value()
        given = raw.parameter("token")
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            raise NotAuthenticated(
                "the address lacks the right token: it is aliyun_sms.report_token",
                "地址中的 token 无效，应为 aliyun_sms.report_token 的值",
            )

    def news(self, raw: Delivery) -> Sequence[DeliveryNews]:
        """Return what became of our messages.

        Raises:
            Invalid: It is no list of reports.
        """
        return news_of(reported(raw))

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        """Return what citizens answered.

        Raises:
            Invalid: It is no list of answers.
        """
        return contacts_of(reported(raw), raw.received_at)

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return what the service takes for a receipt."""
        body = json.dumps({"code": 0, "msg": "接收成功"}, ensure_ascii=False).encode()
        return Acknowledgement(content_type="application/json", body=body)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Answer by a template, where there is one for what is said.

        Raises:
            CannotReply: There is none, or the number can get none.
            TryLater: The service has not taken it.
            TimeoutError: Nobody can tell whether the service has taken it.
        """
        if contact.phone is None:
            raise CannotReply("the citizen's number is not known", "对方号码未知，无法回复短信")
        return await self._carrier.send(
            ShortMessage(
                key=reply.key,
                phone=contact.phone,
                kind=MessageKind(reply.kind.value),
                text=reply.text,
                parameters={"number": reply.ticket_number, "link": reply.link},
            )
        )

    async def check(self) -> Sequence[Finding]:
        """Return whether reports can come in."""
        if self._settings.report_token.get_secret_value():
            return ()
        return (
            Finding(
                setting="aliyun_sms.report_token",
                message_zh="未设置 aliyun_sms.report_token：收不到短信是否送达的回执",
                message_en="aliyun_sms.report_token is not set: nothing is heard of what became of messages",
                fatal=False,
            ),
        )
