"""Short messages, wired: who carries them, the worker that sends them, and codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from channels.aliyun_sms.carrier import AliyunCarrier
from channels.aliyun_sms.channel import AliyunSmsChannel
from channels.protocol import Channel
from channels.sms.codes import Codes
from channels.sms.file_outbox import FileOutbox
from channels.sms.protocol import SmsProvider
from channels.sms.service import Messenger
from infra.kit.clock import Clock
from infra.kit.tasks import Work
from infra.run.foundation import Foundation
from infra.run.settings import Settings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsDesk:
    """Short messages of one process.

    Attributes:
        messenger: Sends them.
        codes: Sends codes and checks them.
        channels: What comes in over the numbers that they go out from.
        tasks: What runs beside the requests.
    """

    messenger: Messenger
    codes: Codes
    channels: Sequence[Channel[Any]]
    tasks: Mapping[str, Work]

    async def tidy_once(self) -> None:
        """Delete what is kept no longer."""
        await self.messenger.purge()
        await self.codes.purge()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Who carries short messages, and the channels of the same accounts.

    Attributes:
        provider: Carries what goes out.
        channels: Take in what comes.
        close: Returns once no connection to a provider is open; one that is needed again is opened again.
    """

    provider: SmsProvider
    channels: Sequence[Channel[Any]]
    close: Callable[[], Awaitable[None]]


def carriers(settings: Settings, clock: Clock) -> Carriers:
    """Return who carries short messages.

    Raises:
        Misconfigured: The account of the provider is missing.
    """
    sms = settings.sms
    provider: SmsProvider = FileOutbox(sms.file, sms.signature, clock)
    channels: list[Channel[Any]] = []
    closing: list[Callable[[], Awaitable[None]]] = []
    # A channel is there even when only sending is set up: it hears what became of what was sent.
    if sms.provider == "twilio" or settings.twilio.enabled:
        carrier, channel, close = _twilio(settings, clock)
        provider = carrier if sms.provider == "twilio" else provider
        channels.append(channel)
        closing.append(close)
    if sms.provider == "aliyun" or settings.aliyun_sms.enabled:
        aliyun = AliyunCarrier(settings.aliyun_sms, sms.signature, clock)
        provider = aliyun if sms.provider == "aliyun" else provider
        channels.append(AliyunSmsChannel(settings.aliyun_sms, aliyun))
        closing.append(aliyun.close)

    async def close_all() -> None:
        for each in closing:
            await each()

    return Carriers(provider=provider, channels=channels, close=close_all)


def _twilio(
    settings: Settings, clock: Clock
) -> tuple[SmsProvider, Channel[Any], Callable[[], Awaitable[None]]]:
    from channels.twilio.carrier import TwilioCarrier  # it takes a while to load
    from channels.twilio.channel import TwilioChannel
    from channels.twilio.rest import TwilioApi

    public_url = settings.server.public_url
    account = TwilioApi(settings.twilio)
    carrier = TwilioCarrier(account, settings.sms.signature, public_url, clock)
    return carrier, TwilioChannel(account, carrier, public_url), account.close


def sms_desk(base: Foundation) -> SmsDesk:
    """Return the short messages of this installation; where none is sent, it is said plainly."""
    settings = base.settings.sms
    found = carriers(base.settings, base.clock)
    if settings.provider == "file":
        log.warning(
            "short_messages_are_not_sent",
            file=str(settings.file),
            todo="set sms.provider and its account; until then they are only written to this file",
        )
    messenger = Messenger(
        base.database, base.clock, base.vault, found.provider, settings, registry=base.registry
    )

    async def run() -> None:
        try:
            await messenger.run()
        finally:
            await found.close()

    return SmsDesk(
        messenger=messenger,
        codes=Codes(base.database, base.clock, base.vault, messenger, settings),
        channels=found.channels,
        tasks={"short_messages": run},
    )
