"""The WeChat mini program (小程序) as a channel: its customer-service messages, in XML or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from channels.protocol import ChannelSettings, FileLimits, Reply, ReplyKind
from channels.wechat.account import AccountChannel
from channels.wechat.client import WeChatApi
from channels.wechat.settings import Template, WeChatMiniSettings
from infra.kit.clock import Clock

_MEGABYTE = 1024 * 1024


class WeChatMiniChannel(AccountChannel):
    """The mini program.

    Args:
        settings: The account.
        api: Calls WeChat for it.
        clock: Gives the time that templates show.
        zone: The city's time.
    """

    name: ClassVar[str] = "wechat-mini"
    section: ClassVar[str] = "wechat_mini"
    Settings: ClassVar[type[ChannelSettings]] = WeChatMiniSettings
    carries: ClassVar[FileLimits] = FileLimits(
        # A mini program's customer-service messages know pictures only (uploadTempMedia).
        types=dict.fromkeys(("image/jpeg", "image/png", "image/gif"), 2 * _MEGABYTE),
        together=10 * _MEGABYTE,
    )

    def __init__(
        self, settings: WeChatMiniSettings, api: WeChatApi, clock: Clock, zone: ZoneInfo
    ) -> None:
        self._own = settings
        super().__init__(settings, api, clock, zone)

    def _wrap(self, template: Template, reply: Reply) -> tuple[str, Mapping[str, Any]]:
        more = {"miniprogram_state": self._own.state, "lang": "zh_CN"}
        if reply.ticket_number:
            rate = "&rate=1" if reply.kind is ReplyKind.rating else ""
            more["page"] = f"{self._own.page}?number={quote(reply.ticket_number, safe='')}{rate}"
        return "/cgi-bin/message/subscribe/send", more
