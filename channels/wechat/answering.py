"""Carries a reply to a citizen of WeChat: in free words and files while that is allowed, then by template."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from channels.attachments.pictures import thumbnail
from channels.contacts.rules import AddressKind, Contact
from channels.protocol import CannotReply, Reply, ReplyFile, Sent
from channels.wechat.client import WeChatApi
from channels.wechat.codes import NOT_THIS_CITIZEN, WINDOW_CLOSED, CodeRefused
from channels.wechat.settings import AccountSettings, Template
from channels.wechat.templates import filled, pieces
from infra.kit.clock import Clock
from infra.kit.errors import TryLater

log = structlog.get_logger()

_MOST_MESSAGES = 5
"""That WeChat takes before the citizen writes again; a file beyond is not sent, and the words say where it is."""
_THUMB_BYTES = 64 * 1024

Wrap = Callable[[Template, Reply], tuple[str, Mapping[str, Any]]]
"""Gives the interface that a template goes to, and what it takes beside receiver, template and fields."""


class Answering:
    """Sends replies for one account.

    Args:
        settings: The account.
        api: Calls WeChat.
        clock: Gives the time that templates show.
        zone: The city's time.
        wrap: How templates are sent by this kind of account.
    """

    def __init__(
        self, settings: AccountSettings, api: WeChatApi, clock: Clock, zone: ZoneInfo, wrap: Wrap
    ) -> None:
        self._settings = settings
        self._api = api
        self._clock = clock
        self._zone = zone
        self._wrap = wrap

    async def send(self, contact: Contact, reply: Reply) -> Sent:
        """Carry a reply back.

        Raises:
            CannotReply: Neither free words nor a template reach this citizen now.
            TryLater: WeChat has not taken it, for certain; it may later.
            TimeoutError: Nobody can tell whether WeChat has taken it, or all of it.
        """
        sender = contact.sender
        if sender is None or sender.kind is not AddressKind.openid:
            raise CannotReply("the contact has no openid", "该来访没有微信 openid，无法回复")
        if sender.scope != self._settings.appid:
            raise CannotReply(
                "the citizen wrote to another account of WeChat, whose openids are not ours",
                "市民联系的是另一个微信账号，其 openid 在本账号下无效",
            )
        try:
            return await self._freely(sender.value, reply)
        except CodeRefused as refused:
            template = self._settings.templates.get(reply.kind) if reply.text else None
            if refused.code not in WINDOW_CLOSED or template is None:
                raise _cannot(refused, reply) from refused
        try:
            return await self._by_template(sender.value, template, reply)
        except CodeRefused as refused:
            raise _cannot(refused, reply) from refused

    async def _freely(self, openid: str, reply: Reply) -> Sent:
        """Send what is said, one customer-service message (客服消息) after the other."""
        said = [{"msgtype": "text", "text": {"content": one}} for one in _pieces(reply)]
        # Kept at WeChat before the citizen is told anything: until then it can be done again.
        files = [await self._kept(one) for one in reply.files[: max(0, _MOST_MESSAGES - len(said))]]
        for position, body in enumerate((*said, *files)):
            try:
                await self._api.post("/cgi-bin/message/custom/send", {"touser": openid, **body})
            except (TryLater, CodeRefused) as error:
                if position == 0:
                    raise
                # The citizen has read the beginning. Sent again from there it would be doubled: a person looks.
                raise TimeoutError("only the beginning of a long reply was sent") from error
        return Sent()

    async def _kept(self, file: ReplyFile) -> Mapping[str, Any]:
        """Return the message that shows a file, which is then kept at WeChat."""
        kind = message_type(file.type)
        shown = {"media_id": await self._api.upload(kind, file)}
        if kind == "video":
            drawn = await asyncio.to_thread(thumbnail, file.poster, _THUMB_BYTES)
            thumb = ReplyFile(name="", type="image/jpeg", content=drawn)
            shown["thumb_media_id"] = await self._api.upload("thumb", thumb)
        return {"msgtype": kind, kind: shown}

    async def _by_template(self, openid: str, template: Template, reply: Reply) -> Sent:
        path, more = self._wrap(template, reply)
        at = self._clock.now().astimezone(self._zone)
        body = {
            "touser": openid,
            "template_id": template.id,
            "data": filled(template.fields, reply, at),
            **more,
        }
        answer = await self._api.post(path, body)
        return Sent(provider_id=str(answer.get("msgid", "")))


def message_type(media_type: str) -> str:
    """Return WeChat's type of the message and of the material for a media type that it carries."""
    kind = media_type.partition("/")[0]
    return "voice" if kind == "audio" else kind


def _pieces(reply: Reply) -> list[str]:
    return pieces(reply.text) if reply.text or not reply.files else []


def client_msg_id(key: str) -> str:
    """Return what WeChat knows a template message by for ten minutes, in which it sends the same one once."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _cannot(refused: CodeRefused, reply: Reply) -> CannotReply:
    if refused.code not in NOT_THIS_CITIZEN and refused.code not in WINDOW_CLOSED:
        log.error("wechat_reply_refused", code=refused.code, kind=reply.kind.value)
    if refused.code in WINDOW_CLOSED:
        return CannotReply(
            f"WeChat takes free words for 48 hours and five messages only (errcode {refused.code}), and "
            f"wechat.templates has none for {reply.kind.value}",
            f"距市民最近一条消息已超过 48 小时或已下发 5 条（返回码 {refused.code}），且未配置该类通知的模板",
        )
    return CannotReply(refused.detail_en, refused.detail_zh)
