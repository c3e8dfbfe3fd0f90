"""Rows of tickets, of what happened to them, and of the contacts they came from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from crm_bridge.tickets.vocabulary import TicketEvent, TicketState, TicketType, Urgency
from infra.kit.database import JsonType, Row, StrEnumType, UtcDateTime


class TicketRow(Row, table=True):
    """A ticket as its events left it.

    `state`, `round`, `version`, `closed_at` and `rating` are what the events say, kept here to be listed and sorted by;
    they are only ever written together with an event.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        Index("ix_tickets_agent_id", "agent", "id"),
        Index("ix_tickets_agent_created_at", "agent", "created_at"),
        Index("ix_tickets_citizen_id_id", "citizen_id", "id"),
        Index("ix_tickets_state_id", "state", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(max_length=15, unique=True)
    type: TicketType = Field(sa_type=StrEnumType(TicketType))
    category: str = Field(max_length=20, foreign_key="categories.code")
    title: str = Field(max_length=60)
    text: str = Field(max_length=4000)
    address: str = Field(max_length=200)
    urgency: Urgency = Field(sa_type=StrEnumType(Urgency))
    confidential: bool
    call_me_not: bool
    citizen_id: int | None = Field(default=None, foreign_key="citizens.id")
    callback_phone_encrypted: bytes | None = None
    agent: str | None = Field(default=None, max_length=40)
    created_at: datetime = Field(sa_type=UtcDateTime, index=True)
    state: TicketState = Field(sa_type=StrEnumType(TicketState))
    round: int
    version: int
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    rating: int | None = None


class TicketEventRow(Row, table=True):
    """One thing that happened to a ticket. Appended to, never changed; `seq` counts from 1 without a gap."""

    __tablename__ = "ticket_events"
    __table_args__ = (UniqueConstraint("ticket_id", "seq"),)

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id")
    seq: int
    event: TicketEvent = Field(sa_type=StrEnumType(TicketEvent))
    from_state: TicketState | None = Field(default=None, sa_type=StrEnumType(TicketState))
    to_state: TicketState = Field(sa_type=StrEnumType(TicketState))
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str | None = Field(default=None, max_length=40)
    detail: dict[str, Any] = Field(sa_type=JsonType)


class TicketContactRow(Row, table=True):
    """A contact that opened or joined a ticket; a call about two matters opens two tickets."""

    __tablename__ = "ticket_contacts"

    ticket_id: int = Field(foreign_key="tickets.id", primary_key=True)
    contact_id: int = Field(foreign_key="contacts.id", primary_key=True, index=True)


class TicketDayRow(Row, table=True):
    """The last serial that was given out on a day of the city."""

    __tablename__ = "ticket_days"

    day: date = Field(primary_key=True)
    last: int
