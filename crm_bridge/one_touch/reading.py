"""What an agent sees beside a call at one touch: the ticket it is about, where the citizen is, whose device it is."""

from __future__ import annotations

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from crm_bridge.one_touch.devices import Devices
from crm_bridge.one_touch.rules import Place
from crm_bridge.one_touch.tables import CallKind, OneTouchCallRow, OneTouchDeviceRow
from crm_bridge.tickets.tables import TicketRow
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.http import ApiModel
from infra.kit.identity import Principal
from infra.kit.vault import Vault
from telephony.calls.tables import CallRow

READ_ANY_CALL = "call.read_any"


class DeviceOwnerView(ApiModel):
    """Whose device it is, and what helpers must know; the number is masked, as with every call."""

    device_id: int
    name: str
    phone_masked: str
    address: str
    contact: str
    notes: str


class OneTouchView(ApiModel):
    """A call at one touch: from the citizen's `page`, or from a `device` at somebody's home."""

    kind: CallKind
    ticket_id: int | None
    ticket_number: str | None
    address: str
    latitude: float | None
    longitude: float | None
    owner: DeviceOwnerView | None


class OneTouchBeside(ApiModel):
    """What is known beside a call; null for an ordinary one."""

    one_touch: OneTouchView | None


class OneTouchReader:
    """Reads calls at one touch.

    Args:
        database: Where they lie.
        vault: Opens where citizens are.
        devices: Knows whose devices they are.
    """

    def __init__(self, database: Database, vault: Vault, devices: Devices) -> None:
        self._database = database
        self._vault = vault
        self._devices = devices

    async def beside(self, principal: Principal, call_id: int) -> OneTouchBeside:
        """Return what is known beside a call.

        Raises:
            NotFound: There is no such call.
            Forbidden: It is another agent's.
        """
        async with self._database.reading() as session:
            call = await session.get(CallRow, call_id)
            if call is None:
                raise NotFound
            if call.agent != principal.number and not principal.may(READ_ANY_CALL):
                raise Forbidden("another agent's call", "这是其他话务员的来电")
            statement = select(OneTouchCallRow).where(
                OneTouchCallRow.linkedid == call.linkedid, OneTouchCallRow.pbx == call.pbx
            )
            row = (await session.exec(statement)).first()
            return OneTouchBeside(one_touch=await self._view(session, row) if row else None)

    async def _view(self, session: AsyncSession, row: OneTouchCallRow) -> OneTouchView:
        place = Place()
        if row.place_sealed:
            place = Place.read(self._vault.decrypt(row.place_sealed))
        owner = None
        if row.device_id is not None:
            device = await session.get_one(OneTouchDeviceRow, row.device_id)
            known = self._devices.owner_of(device)
            place = Place(
                address=known.address, latitude=device.latitude, longitude=device.longitude
            )
            owner = DeviceOwnerView(
                device_id=row.device_id,
                name=known.name,
                phone_masked=known.phone.masked,
                address=known.address,
                contact=known.contact,
                notes=known.notes,
            )
        number = None
        if row.ticket_id is not None:
            found = select(TicketRow.number).where(col(TicketRow.id) == row.ticket_id)
            number = (await session.exec(found)).one()
        return OneTouchView(
            kind=row.kind,
            ticket_id=row.ticket_id,
            ticket_number=number,
            address=place.address,
            latitude=place.latitude,
            longitude=place.longitude,
            owner=owner,
        )
