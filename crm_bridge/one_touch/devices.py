"""Devices at people's homes: given out with a key, taken back, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from channels.one_touch import Device, OneTouchChannel
from crm_bridge.one_touch.rules import Owner, Place
from crm_bridge.one_touch.tables import OneTouchDeviceRow
from infra.kit import audit, idempotency
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Forbidden, NotFound
from infra.kit.group_commit import Prepared, Writing
from infra.kit.idempotency import IdempotencyKey
from infra.kit.identity import Principal
from infra.kit.vault import Vault

_SEEN = Prepared(
    update(OneTouchDeviceRow)
    .where(
        col(OneTouchDeviceRow.id) == bindparam("device"),
        col(OneTouchDeviceRow.generation) == bindparam("key"),
        col(OneTouchDeviceRow.active),
    )
    .values(seen_at=bindparam("seen_at"))
    .returning(
        col(OneTouchDeviceRow.owner_sealed),
        col(OneTouchDeviceRow.latitude),
        col(OneTouchDeviceRow.longitude),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A device and the key that it signs with; the key is shown to whoever sets it up, and to nobody else."""

    device: Device
    key: str = field(repr=False)


class DeviceGone(Forbidden):
    """The device was taken back, or has another key now."""

    slug = "device-gone"
    title_zh = "该设备已停用或密钥已更换"
    title_en = "This device was taken back, or has another key now"


class Devices:
    """The devices of the city.

    Args:
        database: Where they lie.
        clock: Gives the time.
        vault: Seals whose they are.
        channel: Makes their keys.
    """

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, channel: OneTouchChannel
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._channel = channel

    async def add(
        self, principal: Principal, owner: Owner, place: Place, key: IdempotencyKey | None
    ) -> Given:
        """Give a device out."""
        async with self._database.transaction() as session:
            made = await idempotency.earlier(session, key)
            if made is not None:
                return self._given(await session.get_one(OneTouchDeviceRow, int(made)))
            row = OneTouchDeviceRow(
                owner_sealed=self._vault.encrypt(owner.text()),
                latitude=place.latitude,
                longitude=place.longitude,
                created_at=self._clock.now(),
            )
            session.add(row)
            await session.flush()
            await self._note(session, principal, "one_touch.add_device", row)
            await idempotency.keep(session, key, str(row.id), self._clock.now())
            return self._given(row)

    async def renew(self, principal: Principal, device_id: int) -> Given:
        """Give a device a new key; the old one holds no more.

        Raises:
            NotFound: There is no such device.
        """
        async with self._database.transaction() as session:
            row = await self._row(session, device_id)
            row.generation, row.active = row.generation + 1, True
            session.add(row)
            await self._note(session, principal, "one_touch.renew_key", row)
            return self._given(row)

    async def take_back(self, principal: Principal, device_id: int) -> None:
        """Follow no press of a device any more.

        Raises:
            NotFound: There is no such device.
        """
        async with self._database.transaction() as session:
            row = await self._row(session, device_id)
            row.active = False
            session.add(row)
            await self._note(session, principal, "one_touch.take_back", row)

    async def page(self, after: int, limit: int) -> tuple[list[OneTouchDeviceRow], int | None]:
        """Return devices behind a row, and the row behind which there are more."""
        statement = (
            select(OneTouchDeviceRow)
            .where(col(OneTouchDeviceRow.id) > after)
            .order_by(col(OneTouchDeviceRow.id))
            .limit(limit + 1)
        )
        async with self._database.reading() as session:
            rows = list((await session.exec(statement)).all())
        return rows[:limit], rows[limit - 1].id if len(rows) > limit else None

    async def seen(self, device: Device) -> tuple[Owner, Place]:
        """Note a sign of life, and return whose device it is and where.

        Raises:
            DeviceGone: It was taken back, or has another key now.
        """
        now = self._clock.now()

        def see(writing: Writing) -> tuple[Any, ...] | None:
            return writing.row(_SEEN, device=device.id, key=device.generation, seen_at=now)

        row = await self._database.write(see)
        if row is None:
            raise DeviceGone
        sealed, latitude, longitude = row
        return self._owner(sealed), Place(latitude=latitude, longitude=longitude)

    async def whose(self, device_id: int) -> tuple[Owner, Place]:
        """Return whose device it is and where, without a sign of life; also of one that was taken back."""
        async with self._database.reading() as session:
            row = await session.get_one(OneTouchDeviceRow, device_id)
        return self.owner_of(row), Place(latitude=row.latitude, longitude=row.longitude)

    def owner_of(self, row: OneTouchDeviceRow) -> Owner:
        """Return whose device it is."""
        return self._owner(row.owner_sealed)

    def _owner(self, sealed: bytes) -> Owner:
        return Owner.read(self._vault.decrypt(sealed))

    async def _row(self, session: AsyncSession, device_id: int) -> OneTouchDeviceRow:
        row = await session.get(OneTouchDeviceRow, device_id, with_for_update=True)
        if row is None:
            raise NotFound
        return row

    def _given(self, row: OneTouchDeviceRow) -> Given:
        assert row.id is not None  # noqa: S101  # a stored row has its id
        device = Device(id=row.id, generation=row.generation)
        return Given(device=device, key=self._channel.key_of(device))

    async def _note(
        self, session: AsyncSession, principal: Principal, action: str, row: OneTouchDeviceRow
    ) -> None:
        await audit.write(
            session,
            self._clock,
            actor=principal,
            action=action,
            subject=f"one_touch_device:{row.id}",
            detail={"generation": row.generation},
        )
