"""Rows of what is handed over between the hotline and the 110 platform."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from channels.police_110.wire import Kind
from crm_bridge.police.rules import Direction, HandoverState, Holder, Step
from infra.kit.database import Row, StrEnumType, UtcDateTime


class MessageState(StrEnum):
    """Where a message to the 110 platform stands."""

    waiting = "waiting"
    taken = "taken"
    given_up = "given_up"
    """Refused, or never taken; a person is asked to look, and may have it sent again."""


class HandoverRow(Row, table=True):
    """A matter that one side has handed to the other.

    Attributes:
        transfer_id: What both call it, made by its giver.
        ticket_id: Ours; None while an agent who handed a live call over has yet to register it.
        pbx: With `linkedid` the call that it came up in.
        agent: 工号 of who handed it over.
        remote_number: The other side's number of it.
        emergency: Life or property is in danger.
    """

    __tablename__ = "police_handovers"
    __table_args__ = (
        UniqueConstraint("direction", "transfer_id"),
        Index("ix_police_handovers_call", "linkedid", "pbx"),
        Index("ix_police_handovers_created_at", "created_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    direction: Direction = Field(sa_type=StrEnumType(Direction))
    transfer_id: str = Field(max_length=80)
    state: HandoverState = Field(sa_type=StrEnumType(HandoverState))
    ticket_id: int | None = Field(default=None, foreign_key="tickets.id", index=True)
    contact_id: int | None = Field(default=None, foreign_key="contacts.id", unique=True)
    pbx: str | None = Field(default=None, max_length=40)
    linkedid: str | None = Field(default=None, max_length=80)
    agent: str | None = Field(default=None, max_length=40)
    emergency: bool = False
    remote_number: str = Field(default="", max_length=60)
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)


class PoliceMessageRow(Row, table=True):
    """A message to the 110 platform: written with the work that it tells of, sent until it is taken."""

    __tablename__ = "police_messages"
    __table_args__ = (Index("ix_police_messages_due", "state", "next_at"),)

    id: int | None = Field(default=None, primary_key=True)
    handover_id: int = Field(foreign_key="police_handovers.id", index=True)
    message_id: str = Field(max_length=80, unique=True)
    kind: Kind = Field(sa_type=StrEnumType(Kind))
    sealed: bytes
    state: MessageState = Field(sa_type=StrEnumType(MessageState))
    attempts: int = 0
    next_at: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str = Field(default="", max_length=60)
    created_at: datetime = Field(sa_type=UtcDateTime)
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CustodyRow(Row, table=True):
    """A line of the log of who had a matter when; appended to, never changed.

    Attributes:
        holder: Who answers for it from here on.
        who: 工号, or the office on the other side.
        message_id: Of the message that brought it about; so that a message counts once.
    """

    __tablename__ = "police_custody"

    id: int | None = Field(default=None, primary_key=True)
    handover_id: int = Field(foreign_key="police_handovers.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    step: Step = Field(sa_type=StrEnumType(Step))
    holder: Holder = Field(sa_type=StrEnumType(Holder))
    who: str = Field(default="", max_length=100)
    note_sealed: bytes | None = None
    message_id: str | None = Field(default=None, max_length=80, unique=True)
