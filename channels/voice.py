"""The voice channel: a call to the hotline is a contact.

It runs beside the screen pop and never in its way: the call tracker hands every change to `VoiceListener.hear`, which
only puts it on a list; a worker of its own writes the contacts down, in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

import structlog
from prometheus_client import CollectorRegistry, Counter
from pydantic import Field

from channels.contacts.faults import NOT_ITS_OWN
from channels.contacts.rules import Contact, Received
from channels.protocol import (
    Acknowledgement,
    CannotReply,
    Channel,
    ChannelSettings,
    Mode,
    Reply,
    Sent,
)
from telephony.calls.rules import Call, CallChange, ChangeKind, Direction

log = structlog.get_logger()


class VoiceSettings(ChannelSettings):
    """Calls to the hotline as contacts."""

    waiting: int = Field(
        default=10_000,
        ge=1,
        description="How many calls may wait to be written down; beyond, they are read from the call log.",
    )
    look_again_seconds: float = Field(
        default=60.0,
        gt=0,
        description="How often the call log is searched for calls without a contact.",
    )
    deadline_seconds: float = Field(
        default=30.0, gt=0, description="How long writing down one contact may take."
    )


class VoiceChannel:
    """Makes contacts of calls."""

    name: ClassVar[str] = "voice"
    mode: ClassVar[Mode] = Mode.listen
    Settings: ClassVar[type[ChannelSettings]] = VoiceSettings

    def verify(self, raw: CallChange) -> None:
        """Return: calls come from our own PBX over a link that has logged in."""

    def parse(self, raw: CallChange) -> Sequence[Contact]:
        """Return the contact of a call that is offered by a citizen, and nothing for any other change."""
        if raw.kind is not ChangeKind.offered or raw.call.direction is not Direction.inbound:
            return ()
        return (contact_of(raw.call),)

    def acknowledge(self, received: Sequence[Received]) -> Acknowledgement:
        """Return an empty answer: nobody waits for one."""
        return Acknowledgement(status=204)

    async def reply(self, contact: Contact, reply: Reply) -> Sent:
        """Refuse: a caller is called back, which is not this channel's business.

        Raises:
            CannotReply: Always.
        """
        raise CannotReply("a call cannot be answered in writing", "电话来访不能以文字回复")


def contact_of(call: Call) -> Contact:
    """Return the contact that a call is; the same at every stage of the call."""
    return Contact(
        channel=VoiceChannel.name,
        external_id=external_id(call.pbx, call.linkedid),
        received_at=call.offered_at,
        phone=call.caller,
    )


def external_id(pbx: str, linkedid: str) -> str:
    """Return what the voice channel knows a call by."""
    return f"{pbx}/{linkedid}"


class VoiceListener:
    """Writes down the contacts of calls, in order, in a worker of its own.

    Nothing is lost when the list overflows, when writing fails or when the process dies: the call log is the
    truth, and calls without a contact are looked for at the start and again every `look_again_seconds`.

    Args:
        channel: Makes the contacts.
        take: Writes one contact down and does what follows from it.
        missed: Finds contacts of calls in the call log that were never written down.
        settings: Sizes and times.
        registry: Where the counter is registered.
    """

    def __init__(
        self,
        channel: Channel[CallChange],
        take: Callable[[Contact], Awaitable[object]],
        missed: Callable[[], Awaitable[Sequence[Contact]]],
        settings: VoiceSettings,
        *,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._channel = channel
        self._take = take
        self._missed = missed
        self._settings = settings
        self._waiting: deque[Contact] = deque()
        self._woken = asyncio.Event()
        self._overflowed = Counter(
            "lianxin_voice_contacts_overflowed",
            "Calls that were left to the call log because too many waited",
            registry=registry,
        )

    def hear(self, change: CallChange) -> None:
        """Take note of a change; returns at once and never raises, whatever state the database is in."""
        for contact in self._channel.parse(change):
            if len(self._waiting) >= self._settings.waiting:
                self._overflowed.inc()
            else:
                self._waiting.append(contact)
        self._woken.set()

    async def run(self) -> None:
        """Write contacts down until cancelled.

        Raises:
            Exception: The database is away, or too slow; the contact stays first on the list for the next run.
        """
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            if loop.time() >= look_at:
                await self._catch_up()
                look_at = loop.time() + self._settings.look_again_seconds
            while self._waiting:
                await self._write(self._waiting[0])
                self._waiting.popleft()
            self._woken.clear()
            try:
                async with asyncio.timeout_at(look_at):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _catch_up(self) -> None:
        for contact in await self._missed():
            await self._write(contact)

    async def _write(self, contact: Contact) -> None:
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                await self._take(contact)
        except NOT_ITS_OWN:
            raise
        except Exception as error:
            # The calls behind it must not wait for it; it is found in the call log when that is searched again.
            log.exception("voice_contact_failed", contact=str(contact), error=type(error).__name__)
