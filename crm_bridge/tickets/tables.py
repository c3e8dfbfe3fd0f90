"""Rows of tickets, of what happened to them, and of the contacts they came from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketEvent,
    TicketState,
    TicketType,
    Urgency,
    Wait,
)
from infra.kit.database import JsonType, Row, StrEnumType, UtcDateTime, partial_index


class TicketRow(Row, table=True):
    """A ticket as its events left it.

    `state`, `round`, `version`, `closed_at`, `rating`, `main_id`, `instructed`, `redos`, `transfers` and `talk_by` are
    what the events say, kept here to be listed and sorted by; they are only ever written together with an event.

    Attributes:
        talk_by: Until when the lead of a complex matter has to talk with the citizen; None once it has.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        partial_index("ix_tickets_agent_id", "agent", "id", where="agent IS NOT NULL"),
        partial_index(
            "ix_tickets_agent_created_at", "agent", "created_at", where="agent IS NOT NULL"
        ),
        partial_index("ix_tickets_main_id", "main_id", where="main_id IS NOT NULL"),
        partial_index("ix_tickets_talk_by", "talk_by", where="talk_by IS NOT NULL"),
        Index("ix_tickets_citizen_id_id", "citizen_id", "id"),
        Index("ix_tickets_state_id", "state", "id"),
        Index("ix_tickets_category_created_at", "category", "created_at"),
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
    main_id: int | None = Field(default=None, foreign_key="tickets.id")
    instructed: bool = Field(default=False)
    redos: int = Field(default=0)
    transfers: int = Field(default=0)
    talk_by: datetime | None = Field(default=None, sa_type=UtcDateTime)


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


class AssignmentRow(Row, table=True):
    """One ticket given to one unit in one role, as the ticket's events left it; rates are counted on these.

    Everything here is what the events say, kept to be listed and counted by; it is only ever written together with an
    event. `category`, `channel`, `type` and `agent` repeat the ticket's, so that a million rows are counted without a
    join.

    Attributes:
        n: Number of the assignment within its ticket, from 1 without a gap.
        round: The ticket's round in which it was given.
        state: `finished`, `returned`, `joined`, `released` and `stopped` are ends.
        sign_due_at: When the unit should have signed.
        due_at: When it should have replied; moved by an extension.
        due_provisional: The working calendar of that time is not yet published (暂定).
        limit: The limit that `due_at` was reckoned by, e.g. `5wd`, `24h`.
        due_before_extension: `due_at` as it was before the extension; None without one.
        extended_at: When the extension was granted.
        replied_at: When the reply came in that now stands; None again when it is sent back.
        finished_at: When the centre accepted that reply (a helper's needs no audit).
        ended_at: When it left the unit's hands in whatever way; equal to `finished_at` if it was finished.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        UniqueConstraint("ticket_id", "n"),
        Index("ix_assignments_unit_state_due_at", "unit", "state", "due_at"),
        Index("ix_assignments_unit_ended_at", "unit", "ended_at"),
        Index("ix_assignments_unit_ticket_id", "unit", "ticket_id"),
        Index("ix_assignments_state_due_at", "state", "due_at"),
        Index("ix_assignments_dispatched_at", "dispatched_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id")
    n: int
    round: int
    unit: str = Field(max_length=20, foreign_key="units.code")
    role: AssignmentRole = Field(sa_type=StrEnumType(AssignmentRole))
    state: AssignmentState = Field(sa_type=StrEnumType(AssignmentState))
    designated: bool
    dispatched_at: datetime = Field(sa_type=UtcDateTime)
    sign_due_at: datetime = Field(sa_type=UtcDateTime)
    signed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    due_provisional: bool
    limit: str = Field(max_length=20)
    due_before_extension: datetime | None = Field(default=None, sa_type=UtcDateTime)
    extended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    replied_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    category: str = Field(max_length=20)
    channel: str = Field(max_length=40)
    type: TicketType = Field(sa_type=StrEnumType(TicketType))
    agent: str | None = Field(default=None, max_length=40)


class TicketWaitRow(Row, table=True):
    """Something of a ticket that waits for the centre; there as long as it waits, and only written with an event.

    Attributes:
        n: The assignment that it is about; 0 for the ticket itself.
        since: When it began to wait.
    """

    __tablename__ = "ticket_waits"
    __table_args__ = (Index("ix_ticket_waits_kind_since", "kind", "since", "ticket_id"),)

    ticket_id: int = Field(foreign_key="tickets.id", primary_key=True)
    kind: Wait = Field(sa_type=StrEnumType(Wait), primary_key=True)
    n: int = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)


class TicketGrantRow(Row, table=True):
    """Lets one person see whose a confidential ticket is, until a moment."""

    __tablename__ = "ticket_grants"
    __table_args__ = (Index("ix_ticket_grants_ticket_id_person", "ticket_id", "person"),)

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id")
    person: str = Field(max_length=40)
    until: datetime = Field(sa_type=UtcDateTime)
    granted_by: str = Field(max_length=40)
    granted_at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(max_length=400)


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
