"""Makes guests' telephones and takes them away again, tells when a guest calls, and rings for devices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from secrets import token_hex, token_urlsafe

import structlog

from infra.kit.clock import Clock
from infra.kit.errors import LianxinError
from telephony.ami.errors import ActionRefused, AnswerLost
from telephony.ami.events import LinkUp, Newchannel
from telephony.ami.link import AmiLink
from telephony.ami.lists import channels, tree
from telephony.numbers import PhoneNumber
from telephony.one_touch.rules import (
    ALLOWED,
    FAMILIES,
    Guest,
    Press,
    accounts,
    guest_of_channel,
    left_over,
)

log = structlog.get_logger()

Heard = Callable[[str, str, str], None]
"""Takes the guest's name, the PBX and the linkedid of the call that he has begun; must not block."""

_SWEEP_SECONDS = 60.0


class OneTouchPhones:
    """The telephones of guests, and calls to owners of devices, on one Asterisk.

    Args:
        link: The Asterisk.
        clock: Tells who may not call any more.
        ring_seconds: How long an owner is rung.
    """

    def __init__(self, link: AmiLink, clock: Clock, *, ring_seconds: int = 60) -> None:
        self._link = link
        self._clock = clock
        self._ring_seconds = ring_seconds
        self._listeners: list[Heard] = []
        self._look = asyncio.Event()
        link.subscribe([Newchannel], self._on_newchannel)
        link.subscribe([LinkUp], self._on_link_up)

    def subscribe(self, listener: Heard) -> None:
        """Tell `listener` of every guest's call, also again after the link was away."""
        self._listeners.append(listener)

    async def mint(self, caller: PhoneNumber | None, valid: timedelta) -> Guest:
        """Make a telephone for one call; nothing else can be done with it.

        Args:
            caller: The citizen's number, if he has shown that it is his.
            valid: How soon the call must be begun.

        Raises:
            LinkDown: The PBX cannot be reached.
        """
        guest = Guest(
            name=f"guest-{token_hex(8)}",
            secret=token_urlsafe(18),
            caller=caller,
            until=self._clock.now() + valid,
        )
        for account in accounts(guest):
            fields = {"Family": account.family, "Key": account.key, "Val": account.value}
            await self._link.send("DBPut", fields)
        log.info("one_touch.minted", guest=guest.name)
        return guest

    async def ring(self, press: Press) -> None:
        """Ring the agents' queue and the owner together; ordered again, nobody is rung twice.

        Raises:
            LinkDown: The PBX cannot be reached; whether it rings is not known if the answer was lost.
            ActionRefused: The PBX does not take the order.
        """
        order = {
            "Channel": "Local/queue@lianxin-one-touch/n",
            "ChannelId": press.linkedid,
            "OtherChannelId": f"{press.linkedid}-q",
            "Context": "lianxin-one-touch",
            "Exten": "owner",
            "Priority": "1",
            "Timeout": str((self._ring_seconds + 15) * 1000),
            "Variable": [f"__LX_PRESS={press.linkedid}", f"__LX_OWNER={press.owner.digits}"],
        }
        try:
            await self._link.send("Originate", order)
        except AnswerLost:
            log.warning("one_touch.answer_lost", linkedid=press.linkedid)
            raise
        log.info("one_touch.ringing", linkedid=press.linkedid)

    async def sweep(self) -> int:
        """Take away the telephones that can begin no call any more, and return how many there were.

        Raises:
            LinkDown: The PBX cannot be reached.
        """
        stored, allowed = await tree(self._link, "ps"), await tree(self._link, ALLOWED)
        present = [channel.channel for channel in await channels(self._link)]
        gone = left_over(stored, allowed, present, self._clock.now().timestamp())
        for name in gone:
            for family in (ALLOWED, *reversed(FAMILIES)):
                if f"{family}/{name}" in stored or f"{family}/{name}" in allowed:
                    await self._drop(family, name)
        return len(gone)

    async def run(self) -> None:
        """Sweep now and then, until cancelled; and after the link was away, tell of the guests who call."""
        while True:
            try:
                async with asyncio.timeout(_SWEEP_SECONDS):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                for channel in await channels(self._link):
                    self._tell(channel.channel, channel.linkedid)
                await self.sweep()
            except LianxinError as error:
                log.info("one_touch.not_swept", error=error.slug)

    async def _drop(self, family: str, name: str) -> None:
        try:
            await self._link.send("DBDel", {"Family": family, "Key": name})
        except ActionRefused:
            log.debug("one_touch.gone", guest=name)

    def _on_newchannel(self, event: Newchannel) -> None:
        self._tell(event.channel, event.linkedid)

    def _on_link_up(self, _event: LinkUp) -> None:
        self._look.set()

    def _tell(self, channel: str, linkedid: str) -> None:
        guest = guest_of_channel(channel)
        if guest is None:
            return
        for listener in self._listeners:
            listener(guest, self._link.pbx, linkedid)
