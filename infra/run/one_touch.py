"""Calls at one touch, wired: the citizens' page, devices at people's homes, and the way to the telephones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from agent_console.guest_sip import GuestSip
from channels.front.service import Door
from channels.one_touch import OneTouchChannel
from crm_bridge.citizen_pages.gate import Count, Gate, Solved
from crm_bridge.citizen_pages.passes import Passes
from crm_bridge.citizen_pages.rules import Purpose
from crm_bridge.one_touch import api
from crm_bridge.one_touch.devices import Devices
from crm_bridge.one_touch.reading import OneTouchReader
from crm_bridge.one_touch.rules import guest_of_pass
from crm_bridge.one_touch.service import OneTouch
from infra.kit.http import Routes
from infra.kit.rate import counted_as
from infra.kit.tasks import Work
from infra.run.casework import Casework
from infra.run.foundation import Foundation
from infra.run.links import passes
from telephony.numbers import PhoneNumber
from telephony.one_touch.service import OneTouchPhones


class OneTouchDesk:
    """Calls at one touch, above one open ground floor.

    Args:
        base: The ground floor.
        work: Citizens' matters.
    """

    def __init__(self, base: Foundation, work: Casework) -> None:
        settings, vault = base.settings, base.vault
        own = settings.one_touch
        channel = OneTouchChannel(own, vault.seal)
        devices = Devices(base.database, base.clock, vault, channel)
        self._one_touch = OneTouch(
            base.database,
            base.clock,
            vault,
            channel,
            devices,
            own,
            work.intake.take,
            settings.telephony.pbx,
        )
        presses = Door(take=self._one_touch.press, again=self._one_touch.again)
        work.entrance.front.open(channel.name, presses)
        gate = Gate(base.database, base.clock, vault, settings.citizen)
        self.routes: Routes = api.routes(
            self._one_touch,
            devices,
            OneTouchReader(base.database, vault, devices),
            _PageDoor(gate, passes(base), own.per_address),
            work.entrance,
            settings.asterisk.hotline_number,
        )
        self.tasks: Mapping[str, Work] = {"one_touch": self._one_touch.run}

        def admitted(text: str) -> tuple[str, datetime]:
            return guest_of_pass(text, base.clock.now(), vault.seal)

        self.sip = GuestSip(
            admitted, base.clock, f"ws://127.0.0.1:{settings.asterisk.http_port}/ws"
        )

    def attach(self, phones: OneTouchPhones) -> None:
        """Ring by this telephony from now on."""
        self._one_touch.attach(phones)


class _PageDoor:
    """Lets citizens' pages in, as for everything else that they ask."""

    def __init__(self, gate: Gate, opening: Passes, per_address: int) -> None:
        self._gate = gate
        self._opening = opening
        self._per_address = per_address

    async def admit(self, challenge: str, nonce: str, address: str) -> None:
        """Return if a page may begin a call."""
        who = counted_as(address)
        self._gate.knock(who)
        limit = Count(what="call", who=who, most=self._per_address)
        await self._gate.admit(Purpose.call, Solved(text=challenge, nonce=nonce), who, [limit])

    def caller(self, phone: str | None, phone_pass: str) -> PhoneNumber | None:
        """Return the number that a citizen has shown to be his; None when he calls without one."""
        if not phone:
            return None
        number = PhoneNumber.parse(phone)
        self._opening.require_phone(phone_pass, number)
        return number

    def ticket(self, ticket_pass: str) -> int | None:
        """Return the ticket that a pass opens; None without one."""
        return self._opening.ticket(ticket_pass) if ticket_pass else None
