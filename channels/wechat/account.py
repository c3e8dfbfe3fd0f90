"""What official account and mini program have in common: both are pushed to, answered and checked the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import structlog

from channels.contacts.rules import Contact, Enclosure, Received
from channels.protocol import (
    Acknowledgement,
    ChannelSettings,
    Delivery,
    DeliveryNews,
    FileLimits,
    Finding,
    Mode,
    Reply,
    Sent,
)
from channels.wechat.answering import Answering
from channels.wechat.checking import findings
from channels.wechat.client import WeChatApi
from channels.wechat.document import Fields, fields_of, text_of
from channels.wechat.envelope import Envelope, is_signed
from channels.wechat.rules import Account, contact_of, news_of
from channels.wechat.settings import AccountSettings, Encryption, Template
from infra.kit.clock import Clock
from infra.kit.errors import Invalid, Misconfigured, NotAuthenticated, Refused

log = structlog.get_logger()

_DIGITS = 12
"""A timestamp of seconds has ten digits for a long time; whatever is longer is none."""


class AccountChannel:
    """One account of WeChat as a channel; see `channels.protocol.Channel`.

    Args:
        settings: The account.
        api: Calls WeChat for it.
        clock: Gives the time that templates show.
        zone: The city's time.
    """

    name: ClassVar[str]
    mode: ClassVar[Mode] = Mode.webhook
    Settings: ClassVar[type[ChannelSettings]] = AccountSettings
    largest_body: ClassVar[int] = 256 * 1024
    """The most bytes of a delivery: WeChat's own are of a few thousand."""
    carries: ClassVar[FileLimits]
    section: ClassVar[str]
    """Name of its table in the settings."""

    def __init__(
        self, settings: AccountSettings, api: WeChatApi, clock: Clock, zone: ZoneInfo
    ) -> None:
        self._settings = settings
        self._api = api
        self._account = Account(
            channel=self.name,
            appid=settings.appid,
            original_id=settings.original_id,
            words=self._words(),
        )
        self._token = settings.token.get_secret_value()
        self._plain = settings.encryption is Encryption.plain
        self._envelope = _envelope(self.name, settings)
        self._answering = Answering(settings, api, clock, zone, self._wrap)
        # One delivery is asked about several times; it is opened once.
        self._opened: tuple[Delivery, Fields] | None = None

    def verify(self, raw: Delivery) -> None:
        """Return if WeChat sent it.

        Raises:
            NotAuthenticated: The signature is wrong or old, or the message is not encrypted for this account.
        """
        timestamp, nonce = raw.parameter("timestamp"), raw.parameter("nonce")
        if not self._token or (self._envelope is None and not self._plain):
            raise _forged("this account is not set up", "该账号尚未配置完整")
        if not self._timely(timestamp, raw):
            raise _forged(
                "the signature's time is too far from our clock", "签名时间与本机时间相差过大"
            )
        if raw.method == "GET" or self._envelope is None:
            if not is_signed(raw.parameter("signature"), self._token, timestamp, nonce):
                raise _forged("the signature is wrong", "签名不正确")
            return
        encrypted = _encrypted(raw)
        given = raw.parameter("msg_signature")
        if not encrypted or not is_signed(given, self._token, timestamp, nonce, encrypted):
            raise _forged("msg_signature is wrong or missing", "msg_signature 不正确或缺失")
        self._envelope.open(encrypted)

    def greet(self, raw: Delivery) -> Acknowledgement | None:
        """Return the answer to the check of the address (接入验证); None for all others."""
        if raw.method != "GET":
            return None
        return Acknowledgement(body=raw.parameter("echostr").encode(errors="replace"))

    def parse(self, raw: Delivery) -> Sequence[Contact]:
        """Return the contact of a message, and none of an event that says nothing.

        Raises:
            Invalid: It cannot be understood.
        """
        contact = contact_of(self._account, self._fields(raw), raw.received_at)
        return (contact,) if contact else ()

    def news(self, raw: Delivery) -> Sequence[DeliveryNews]:
        """Return what WeChat tells of messages by template or subscription.

        Raises:
            Invalid: It cannot be understood.
        """
        return news_of(self._fields(raw)) if raw.method == "POST" else ()

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return `success`: WeChat has five seconds of patience, and tries three times."""
        return Acknowledgement(body=b"success")

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Carry a reply back: in free words, or by a template when the time for them is over.

        Raises:
            CannotReply: Neither reaches this citizen now.
            TryLater: WeChat has not taken it, for certain; it may later.
            TimeoutError: Nobody can tell whether WeChat has taken it, or all of it.
        """
        return await self._answering.send(contact, reply)

    async def fetch(self, enclosure: Enclosure) -> bytes:
        """Return the bytes of a file; WeChat keeps it for three days.

        Raises:
            TryLater: WeChat does not give it now.
            Refused: It never will: it is too old, or too large.
        """
        if not enclosure.media_id:
            raise Refused("the file has no MediaId", "该文件没有 MediaId")
        return await self._api.media(enclosure.media_id)

    async def check(self) -> Sequence[Finding]:
        """Return what an operator should mend; asks WeChat for an access token, which costs nothing."""
        return await findings(self.section, self._settings, self._api)

    async def close(self) -> None:
        """Let go of connections."""
        await self._api.close()

    def _words(self) -> Mapping[str, str]:
        return {}

    def _wrap(self, template: Template, reply: Reply) -> tuple[str, Mapping[str, Any]]:
        raise NotImplementedError

    def _fields(self, raw: Delivery) -> Fields:
        """Return what a verified delivery says."""
        if self._opened is not None and self._opened[0] is raw:
            return self._opened[1]
        fields = fields_of(raw.body)
        if self._envelope is not None:
            fields = fields_of(self._envelope.open(text_of(fields, "Encrypt")))
        self._opened = (raw, fields)
        return fields

    def _timely(self, timestamp: str, raw: Delivery) -> bool:
        if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > _DIGITS:
            return False
        minutes = self._settings.signature_minutes
        return not minutes or abs(raw.received_at.timestamp() - int(timestamp)) <= minutes * 60


def _envelope(name: str, settings: AccountSettings) -> Envelope | None:
    if settings.encryption is Encryption.plain:
        return None
    try:
        return Envelope(settings.encoding_aes_key.get_secret_value(), settings.appid)
    except Misconfigured as error:
        # The other channels must start; this one takes nothing until it is mended, and its check says why.
        log.warning("wechat_not_set_up", channel=name, reason=error.detail_en)
        return None


def _encrypted(raw: Delivery) -> str:
    """Return the delivery's `Encrypt`; empty without one. In compatible mode all else of it is not read."""
    try:
        return text_of(fields_of(raw.body), "Encrypt")
    except Invalid:
        return ""


def _forged(en: str, zh: str) -> NotAuthenticated:
    return NotAuthenticated(
        f"not taken as WeChat's: {en}", f"不能确认来自微信：{zh}，请核对服务器配置"
    )
