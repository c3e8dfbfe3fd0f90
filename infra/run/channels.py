"""The ways in and out, wired: which channels are enabled, their webhooks, what they remember, and what is told back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_console.origin import sender
from channels.front import api as front_api
from channels.front.refusals import Refusals
from channels.front.service import Front
from channels.marks.service import Marks, StoredMarks
from channels.open311.channel import Open311Channel
from channels.protocol import Channel, Listening, Mode, Take
from channels.registry import Registry
from channels.voice import VoiceChannel
from crm_bridge.replies.service import Replies
from infra.kit.clock import Clock
from infra.kit.http import Routes
from infra.kit.tasks import Work
from infra.run.foundation import Foundation
from infra.run.settings import Settings

_OWN_ADDRESS = frozenset({Open311Channel.name})
"""Webhooks with addresses of their own, which their standard lays down."""


def enabled_channels(settings: Settings, clock: Clock, marks: Marks) -> Registry:
    """Return every channel that the settings enable.

    Args:
        settings: All of them.
        clock: For channels that need the time.
        marks: For channels that remember something between runs.

    Raises:
        Misconfigured: Something that an enabled channel needs is missing.
    """
    enabled: list[Channel[Any]] = []
    if settings.voice.enabled:
        enabled.append(VoiceChannel())
    if settings.open311.enabled:
        enabled.append(Open311Channel())
    return Registry(enabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways in and out of one process.

    Attributes:
        channels: Those that are enabled.
        marks: What they remember.
        replies: What citizens are told.
    """

    channels: Registry
    marks: Marks
    replies: Replies

    def tasks(self, take: Take) -> Mapping[str, Work]:
        """Return what runs beside the requests: every channel that fetches or hears its contacts by itself."""
        return {
            f"channel_{channel.name}": _listening(channel, take)
            for channel in self.channels
            if isinstance(channel, Listening)
        }

    def subjects(self, base: Foundation, take: Take) -> Sequence[Routes]:
        """Return the HTTP faces."""
        settings = base.settings
        refusals = Refusals(base.database, base.clock, base.vault, settings.front)
        front = Front(
            posted_to(self.channels),
            take,
            self.replies.delivered,
            refusals,
            base.clock,
            settings.front,
            registry=base.registry,
        )
        return (front_api.routes(front, refusals, base.clock, sender, settings.server.public_url),)


def ways(base: Foundation) -> Ways:
    """Return the ways in and out that the settings enable."""
    marks = StoredMarks(base.database, base.clock, base.vault)
    return Ways(
        channels=enabled_channels(base.settings, base.clock, marks),
        marks=marks,
        replies=Replies(base.database, base.clock, base.vault, base.settings.replies),
    )


def posted_to(channels: Registry) -> Registry:
    """Return the channels whose providers post to `/channels/…`."""
    return Registry(
        channel
        for channel in channels
        if channel.mode is Mode.webhook and channel.name not in _OWN_ADDRESS
    )


def _listening(channel: Listening, take: Take) -> Work:
    async def listen() -> None:
        await channel.run(take)

    return listen
