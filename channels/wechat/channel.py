"""The WeChat official account (公众号) as a channel."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from channels.protocol import Acknowledgement, ChannelSettings, Delivery, FileLimits, Reply
from channels.wechat.account import AccountChannel
from channels.wechat.answering import client_msg_id
from channels.wechat.client import WeChatApi
from channels.wechat.codes import OURS_TO_MEND, CodeRefused
from channels.wechat.envelope import RANDOM_BYTES
from channels.wechat.passive import acknowledged, sealed, text_reply
from channels.wechat.rules import is_greeted
from channels.wechat.settings import Button, Template, WeChatSettings
from infra.kit.clock import Clock
from infra.kit.errors import Invalid, TryLater

_MEGABYTE = 1024 * 1024


class WeChatChannel(AccountChannel):
    """The official account.

    Args:
        settings: The account.
        api: Calls WeChat for it.
        clock: Gives the time that templates show.
        zone: The city's time.
    """

    name: ClassVar[str] = "wechat"
    section: ClassVar[str] = "wechat"
    Settings: ClassVar[type[ChannelSettings]] = WeChatSettings
    carries: ClassVar[FileLimits] = FileLimits(
        # As 新增临时素材 has it; there is no message for documents.
        types={
            "image/jpeg": 10 * _MEGABYTE,
            "image/png": 10 * _MEGABYTE,
            "image/gif": 10 * _MEGABYTE,
            "audio/amr": 2 * _MEGABYTE,
            "audio/mpeg": 2 * _MEGABYTE,
            "video/mp4": 10 * _MEGABYTE,
        },
        together=50 * _MEGABYTE,
    )

    def __init__(
        self, settings: WeChatSettings, api: WeChatApi, clock: Clock, zone: ZoneInfo
    ) -> None:
        self._own = settings
        super().__init__(settings, api, clock, zone)

    def greet(self, raw: Delivery) -> Acknowledgement | None:
        """Return the answer to the check of the address, or the greeting of a new follower; None for all others."""
        if raw.method == "GET":
            return super().greet(raw)
        try:
            fields = self._fields(raw)
        except Invalid:  # whoever parses it will say so
            return None
        if not self._own.greeting or not is_greeted(self._account, fields):
            return None
        at = int(raw.received_at.timestamp())
        said = acknowledged(
            text_reply(fields, self._own.greeting, at), as_json=raw.body.lstrip()[:1] == b"{"
        )
        if self._envelope is None:
            return said
        nonce, random = raw.parameter("nonce"), secrets.token_bytes(RANDOM_BYTES)
        return sealed(said, self._envelope, self._token, at=at, nonce=nonce, random=random)

    async def put_up_menu(self) -> None:
        """Put the menu of the settings up at WeChat (自定义菜单); citizens see it within five minutes.

        Raises:
            TryLater: WeChat does not take it now.
            CodeRefused: It never will.
        """
        if not self._own.menu:
            await self._api.get("/cgi-bin/menu/delete")
            return
        body = {"button": [self._button(top) for top in self._own.menu]}
        await self._api.post("/cgi-bin/menu/create", body, repeatable=True)

    async def unionid_of(self, openid: str) -> str:
        """Return what WeChat calls a follower towards all accounts of our owner (获取用户基本信息).

        Returns:
            The unionid; empty where the account is bound to no open platform, or the citizen follows it no more.

        Raises:
            TryLater: WeChat does not answer now.
        """
        try:
            told = await self._api.get("/cgi-bin/user/info", openid=openid, lang="zh_CN")
        except CodeRefused as refused:
            if refused.code in OURS_TO_MEND:
                raise TryLater(refused.detail_en, refused.detail_zh, retry_after=600) from refused
            return ""
        return str(told.get("unionid", ""))

    def _button(self, button: Button) -> dict[str, Any]:
        if button.buttons:
            below = [self._button(one) for one in button.buttons]
            return {"name": button.name, "sub_button": below}
        if button.mini_page:
            return {
                "type": "miniprogram",
                "name": button.name,
                "appid": self._own.mini_appid,
                "pagepath": button.mini_page,
                "url": button.url
                or "https://mp.weixin.qq.com",  # for clients without mini programs
            }
        if button.url:
            return {"type": "view", "name": button.name, "url": button.url}
        return {"type": "click", "name": button.name, "key": button.key}

    def _words(self) -> Mapping[str, str]:
        return self._own.words

    def _wrap(self, template: Template, reply: Reply) -> tuple[str, Mapping[str, Any]]:
        if template.way == "template":
            more: dict[str, Any] = {"client_msg_id": client_msg_id(reply.key)}
            if reply.link:
                more["url"] = reply.link
            return "/cgi-bin/message/template/send", more
        return "/cgi-bin/message/subscribe/bizsend", {"page": reply.link} if reply.link else {}
