"""The channels of an installation, checked when it starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from channels.protocol import Channel, ChannelSettings, Mode
from infra.kit.errors import Misconfigured, NotFound

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Registry:
    """Knows every channel by its name.

    Args:
        channels: The enabled ones.

    Raises:
        Misconfigured: A name is no name or is taken, or a channel does not have a channel's shape.
    """

    def __init__(self, channels: Iterable[Channel[Any]]) -> None:
        self._channels: dict[str, Channel[Any]] = {}
        for channel in channels:
            _check(channel)
            if channel.name in self._channels:
                raise Misconfigured(
                    f"two channels are named {channel.name}", f"有两个渠道都名为 {channel.name}"
                )
            self._channels[channel.name] = channel

    def __iter__(self) -> Iterator[Channel[Any]]:
        return iter(self._channels.values())

    def __contains__(self, name: object) -> bool:
        return name in self._channels

    def __len__(self) -> int:
        return len(self._channels)

    def __getitem__(self, name: str) -> Channel[Any]:
        """Return the channel of this name.

        Raises:
            NotFound: There is none, or it is not enabled.
        """
        try:
            return self._channels[name]
        except KeyError:
            raise NotFound(f"no channel {name}", f"没有渠道 {name}") from None


def _check(channel: Channel[Any]) -> None:
    kind = type(channel).__name__
    if not _NAME.fullmatch(channel.name):
        raise Misconfigured(
            f"{kind}: {channel.name!r} is no channel name",
            f"{kind}：{channel.name!r} 不是有效的渠道名",
        )
    if not isinstance(channel.mode, Mode):
        raise Misconfigured(
            f"channel {channel.name}: unknown mode {channel.mode!r}",
            f"渠道 {channel.name} 的模式 {channel.mode!r} 无效",
        )
    if not issubclass(channel.Settings, ChannelSettings):
        raise Misconfigured(
            f"channel {channel.name}: Settings is no ChannelSettings",
            f"渠道 {channel.name} 的 Settings 不是 ChannelSettings",
        )
