"""Rows of devices at people's homes, and of calls at one touch."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from infra.kit.database import Row, StrEnumType, UtcDateTime


class CallKind(StrEnum):
    """Where a call at one touch comes from."""

    page = "page"
    """A citizen's browser."""
    device = "device"
    """A button at somebody's home."""


class OneTouchDeviceRow(Row, table=True):
    """A button at somebody's home.

    Attributes:
        generation: Of its key; a new key has the next one, and the older ones hold no more.
        owner_sealed: Who lives there, as JSON: name, phone, address, whom else to ask, what helpers must know.
    """

    __tablename__ = "one_touch_devices"

    id: int | None = Field(default=None, primary_key=True)
    generation: int = 1
    active: bool = True
    owner_sealed: bytes
    latitude: float | None = None
    longitude: float | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class OneTouchCallRow(Row, table=True):
    """A call at one touch, from before it has begun.

    Attributes:
        guest: SIP account of the citizen's browser; None for a device.
        contact_id: The press of a device that it follows.
        ticket_id: What it is about.
        place_sealed: Where the citizen is, as JSON; None where he did not say.
        linkedid: Of the call; for a device known beforehand.
        until: When it cannot be begun any more.
        rung_at: When the PBX took the order to ring for a device.
        began_at: When the guest called.
    """

    __tablename__ = "one_touch_calls"
    __table_args__ = (
        Index("ix_one_touch_calls_linkedid", "linkedid", "pbx"),
        Index("ix_one_touch_calls_to_ring", "kind", "rung_at", "until"),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: CallKind = Field(sa_type=StrEnumType(CallKind))
    guest: str | None = Field(default=None, max_length=40, unique=True)
    device_id: int | None = Field(default=None, foreign_key="one_touch_devices.id", index=True)
    contact_id: int | None = Field(default=None, foreign_key="contacts.id", unique=True)
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id", index=True)
    place_sealed: bytes | None = None
    pbx: str | None = Field(default=None, max_length=40)
    linkedid: str | None = Field(default=None, max_length=80)
    created_at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    rung_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    began_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
