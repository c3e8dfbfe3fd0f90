"""Calls at one touch: a citizen's browser is given a telephone for one call; a press has owner and agents rung."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import bindparam, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from channels.contacts.rules import Contact, Received
from channels.one_touch import OneTouchChannel, OneTouchSettings, device_of
from channels.protocol import Acknowledgement, Delivery, Take
from crm_bridge.one_touch.devices import Devices
from crm_bridge.one_touch.rules import Owner, Place, completed, guest_pass, linkedid_of
from crm_bridge.one_touch.tables import CallKind, OneTouchCallRow
from crm_bridge.tickets.tables import TicketContactRow
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Conflict, LianxinError, TooMany
from infra.kit.group_commit import Prepared, Writing
from infra.kit.rate import Rate
from infra.kit.vault import Vault
from telephony.numbers import PhoneNumber
from telephony.one_touch.rules import Guest, Press

log = structlog.get_logger()

_RING_WITHIN = timedelta(minutes=3)
"""A press that could not be rung for by then is an urgent ticket, and a person rings."""
_LOOK_SECONDS = 2.0

_ORDERED = Prepared(
    select(OneTouchCallRow.id).where(OneTouchCallRow.contact_id == bindparam("contact"))
)
_TICKET = Prepared(
    select(TicketContactRow.ticket_id).where(TicketContactRow.contact_id == bindparam("contact"))
)
_RUNG = Prepared(
    update(OneTouchCallRow)
    .where(col(OneTouchCallRow.id) == bindparam("call"), col(OneTouchCallRow.rung_at).is_(None))
    .values(rung_at=bindparam("rung_at"))
)


class NoTelephony(Conflict):
    """This installation has no telephones."""

    slug = "no-telephony"
    title_zh = "网页呼叫暂未开通，请直接拨打 12345"
    title_en = "Calls from the page are not open, dial 12345"


class Phones(Protocol):
    """Makes telephones and rings (`telephony.one_touch`)."""

    async def mint(self, caller: PhoneNumber | None, valid: timedelta) -> Guest:
        """Make a telephone for one call."""
        ...

    async def ring(self, press: Press) -> None:
        """Ring the queue and an owner together."""
        ...

    def subscribe(self, listener: Callable[[str, str, str], None]) -> None:
        """Tell of every guest's call: his name, PBX and linkedid."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestPhone:
    """What a browser needs for its one call."""

    guest: Guest = field(repr=False)
    socket_pass: str = field(repr=False)
    until: datetime


class OneTouch:
    """Calls at one touch.

    Args:
        database: Where they lie.
        clock: Gives the time.
        vault: Seals where citizens are, and makes passes.
        channel: Verifies and parses presses.
        devices: Knows whose devices they are.
        settings: How long, how often.
        take: Takes contacts in.
        pbx: Name of the Asterisk that rings for devices.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        channel: OneTouchChannel,
        devices: Devices,
        settings: OneTouchSettings,
        take: Take,
        pbx: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._channel = channel
        self._devices = devices
        self._settings = settings
        self._take = take
        self._pbx = pbx
        self._phones: Phones | None = None
        self._heard: deque[tuple[str, str, str]] = deque()
        self._woken = asyncio.Event()
        self._rate = Rate(settings.per_device)

    @property
    def open(self) -> bool:
        """Whether there are telephones to call with."""
        return self._phones is not None

    def attach(self, phones: Phones) -> None:
        """Use this telephony from now on."""
        self._phones = phones
        phones.subscribe(self._hear)
        self._woken.set()

    async def begin(
        self, caller: PhoneNumber | None, place: Place, ticket_id: int | None
    ) -> GuestPhone:
        """Give a citizen's browser a telephone for one call.

        Args:
            caller: His number, if he has shown that it is his.
            place: Where he is.
            ticket_id: What it is about.

        Raises:
            NoTelephony: There are no telephones here.
            LinkDown: The PBX cannot be reached.
        """
        if self._phones is None:
            raise NoTelephony
        valid = timedelta(seconds=self._settings.valid_seconds)
        guest = await self._phones.mint(caller, valid)
        row = OneTouchCallRow(
            kind=CallKind.page,
            guest=guest.name,
            ticket_id=ticket_id,
            place_sealed=self._vault.encrypt(place.text()) if place != Place() else None,
            created_at=self._clock.now(),
            until=guest.until,
        )
        async with self._database.transaction() as session:
            session.add(row)
        until = guest.until + timedelta(minutes=self._settings.longest_minutes)
        made = guest_pass(guest.name, until, self._vault.seal)
        return GuestPhone(guest=guest, socket_pass=made, until=guest.until)

    async def press(self, raw: Delivery) -> Acknowledgement:
        """Take a verified press in and ring for it; when this returns it is on disk.

        Raises:
            DeviceGone: The device was taken back.
            Invalid: It cannot be understood.
            TooMany: The device presses all the time.
        """
        device = device_of(raw)
        owner, place = await self._devices.seen(device)
        contacts = self._channel.parse(raw)
        if contacts:
            # Counted by the hour: a minute of the rate is one of ours.
            wait = self._rate.wait(str(device.id), self._clock.monotonic() / 60)
            if wait > 0:
                raise TooMany("this device presses all the time", "按键过于频繁", retry_after=wait)
        received = [await self._take(completed(contact, owner, place)) for contact in contacts]
        for contact, one in zip(contacts, received, strict=True):
            await self._order(contact, one, device.id, owner)
        return self._channel.acknowledge(received)

    async def again(self, raw: Delivery) -> Sequence[Received]:
        """Take a press in that was refused when it came.

        Nobody is rung any more: its ticket stands open, and a person rings.

        Raises:
            Invalid: It still cannot be understood.
        """
        owner, place = await self._devices.whose(device_of(raw).id)
        return [
            await self._take(completed(contact, owner, place))
            for contact in self._channel.parse(raw)
        ]

    async def run(self) -> None:
        """Ring for presses that could not be rung for at once, and note which guests call, until cancelled."""
        while True:
            await self.note_heard()
            await self.ring_due()
            try:
                # Another process may have taken a press in, and have no telephones.
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()

    async def ring_due(self) -> int:
        """Ring for every press that still waits for it; return how many could not be rung for."""
        if self._phones is None:
            return 0  # whoever has telephones looks for them
        statement = select(OneTouchCallRow).where(
            OneTouchCallRow.kind == CallKind.device,
            col(OneTouchCallRow.rung_at).is_(None),
            col(OneTouchCallRow.until) > self._clock.now(),
        )
        async with self._database.reading() as session:
            rows = (await session.exec(statement.order_by(col(OneTouchCallRow.id)))).all()
        waiting = 0
        for row in rows:
            if row.id is not None and row.linkedid is not None and row.device_id is not None:
                owner, _ = await self._devices.whose(row.device_id)
                waiting += not await self._ring(row.id, row.linkedid, owner)
        return waiting

    async def _order(
        self, contact: Contact, received: Received, device_id: int, owner: Owner
    ) -> None:
        """Write down that a press is to be rung for, and ring."""
        now, linkedid = self._clock.now(), linkedid_of(contact.external_id)
        values = {
            "kind": CallKind.device,
            "device_id": device_id,
            "contact_id": received.contact_id,
            "pbx": self._pbx,
            "linkedid": linkedid,
            "created_at": now,
            "until": now + _RING_WITHIN,
        }

        def write_down(writing: Writing) -> int | None:
            if writing.row(_ORDERED, contact=received.contact_id) is not None:
                return None
            ticket = writing.row(_TICKET, contact=received.contact_id)
            return writing.add(OneTouchCallRow, values | {"ticket_id": ticket and ticket[0]})

        try:
            call_id = await self._database.write(write_down)
        except IntegrityError:
            call_id = None  # another process was a moment faster
        if call_id is None:
            return  # the same press came before: it is rung for, or will be
        if not await self._ring(call_id, linkedid, owner):
            self._woken.set()

    async def _ring(self, call_id: int, linkedid: str, owner: Owner) -> bool:
        if self._phones is None:
            return False
        try:
            await self._phones.ring(Press(linkedid=linkedid, owner=owner.phone))
        except LianxinError as error:
            # Ordered again it rings once all the same: the PBX knows the press.
            log.warning("one_touch_not_rung", call=call_id, error=error.slug)
            return False
        now = self._clock.now()
        await self._database.write(lambda writing: writing.run(_RUNG, call=call_id, rung_at=now))
        return True

    def _hear(self, guest: str, pbx: str, linkedid: str) -> None:
        self._heard.append((guest, pbx, linkedid))
        self._woken.set()

    async def note_heard(self) -> None:
        """Write down which guests have called; each has one call, and what is told again changes nothing."""
        while self._heard:
            guest, pbx, linkedid = self._heard[0]
            async with self._database.transaction() as session:
                await session.exec(
                    update(OneTouchCallRow)
                    .where(
                        col(OneTouchCallRow.guest) == guest,
                        col(OneTouchCallRow.linkedid).is_(None),
                    )
                    .values(pbx=pbx, linkedid=linkedid, began_at=self._clock.now())
                )
            self._heard.popleft()
