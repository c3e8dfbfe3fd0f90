"""`lianxin wechat`: what an operator does at WeChat from here."""

from __future__ import annotations

import asyncio

import click

from infra.kit.clock import SystemClock
from infra.kit.errors import Misconfigured
from infra.kit.logging import configure
from infra.run.settings import Settings
from infra.run.store import open_store


@click.group()
def wechat() -> None:
    """The WeChat official account (微信公众号)."""


@wechat.command()
@click.make_pass_decorator(Settings)
def menu(settings: Settings) -> None:
    """Put up the account's menu (自定义菜单) as wechat.menu has it; an empty one takes it down."""
    configure("error", readable=True)
    asyncio.run(_put_up_menu(settings))
    names = "、".join(button.name for button in settings.wechat.menu) or "-"
    click.echo(f"菜单已更新，五分钟内生效：{names} / the menu is up within five minutes")


async def _put_up_menu(settings: Settings) -> None:
    from zoneinfo import ZoneInfo

    from channels.marks.service import StoredMarks
    from channels.wechat.channel import WeChatChannel
    from channels.wechat.client import WeChatApi

    if not settings.wechat.enabled:
        raise Misconfigured(
            "the channel is not enabled: set wechat.enabled", "该渠道未启用，请设置 wechat.enabled"
        )
    clock = SystemClock()
    # A running process shares the access token: one that is fetched anew could end the one in use.
    async with open_store(settings) as store:
        api = WeChatApi(settings.wechat, StoredMarks(store.database, clock, store.vault), clock)
        channel = WeChatChannel(settings.wechat, api, clock, ZoneInfo(settings.city.timezone))
        try:
            await channel.put_up_menu()
        finally:
            await channel.close()
