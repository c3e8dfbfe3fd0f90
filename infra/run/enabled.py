"""Which channels an installation has: one line for each that its settings enable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from channels.counter import CounterChannel
from channels.mailbox.channel import MailboxChannel
from channels.marks.service import Marks
from channels.message_board.channel import MessageBoardChannel
from channels.one_touch import OneTouchChannel
from channels.open311.channel import Open311Channel
from channels.police_110.channel import Police110Channel
from channels.police_110.client import Police110Client
from channels.protocol import Channel, Mode
from channels.registry import Registry
from channels.voice import VoiceChannel
from channels.web_form.channel import WebFormChannel
from channels.wechat.channel import WeChatChannel
from channels.wechat.client import WeChatApi
from channels.wechat.mini import WeChatMiniChannel
from infra.kit.clock import Clock
from infra.run.settings import Settings


def enabled_channels(
    settings: Settings,
    clock: Clock,
    marks: Marks,
    seal: Callable[[bytes], str],
    sms: Sequence[Channel[Any]] = (),
    *,
    metrics: CollectorRegistry | None = None,
) -> Registry:
    """Return every channel that the settings enable.

    Args:
        settings: All of them.
        clock: For channels that need the time.
        marks: For channels that remember something between runs.
        seal: Makes the keys of devices, see `channels.one_touch`.
        sms: The channels of those who carry short messages.
        metrics: Where counters are registered.

    Raises:
        Misconfigured: Something that an enabled channel needs is missing.
    """
    enabled: list[Channel[Any]] = []
    if settings.voice.enabled:
        enabled.append(VoiceChannel())
    if settings.open311.enabled:
        enabled.append(Open311Channel())
    if settings.counter.enabled:
        enabled.append(CounterChannel())
    if settings.web_form.enabled:
        enabled.append(WebFormChannel(settings.web_form))
    if settings.mayor_mailbox.enabled:
        enabled.append(MailboxChannel(settings.mayor_mailbox, marks, clock, registry=metrics))
    zone = ZoneInfo(settings.city.timezone)
    if settings.message_board.enabled:
        enabled.append(MessageBoardChannel(settings.message_board, zone))
    if settings.wechat.enabled:
        api = WeChatApi(settings.wechat, marks, clock)
        enabled.append(WeChatChannel(settings.wechat, api, clock, zone))
    if settings.wechat_mini.enabled:
        api = WeChatApi(settings.wechat_mini, marks, clock)
        enabled.append(WeChatMiniChannel(settings.wechat_mini, api, clock, zone))
    if settings.police_110.enabled:
        client = Police110Client(settings.police_110, clock)
        enabled.append(Police110Channel(settings.police_110, clock, client))
    if settings.one_touch.enabled:
        enabled.append(OneTouchChannel(settings.one_touch, seal))
    return Registry([*enabled, *sms])


def posted_to(channels: Registry) -> Registry:
    """Return the channels whose providers post to `/channels/…`."""
    return Registry(
        channel
        for channel in channels
        # Of Open311 a standard lays down the address.
        if channel.mode is Mode.webhook and channel.name != Open311Channel.name
    )
