"""Rows of callbacks: what is owed, every attempt, every key, and the one rating."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from crm_bridge.callbacks.rules import Bar, CallbackState
from infra.kit.database import Row, StrEnumType, UtcDateTime
from telephony.dialer.rules import Question, Result


class CallbackRow(Row, table=True):
    """The callback of one round of a ticket; the lease belongs to the worker that rings.

    Attributes:
        assignment_id: The lead assignment that answers for the ticket; None for a ticket that was answered without a
            unit. It is the one of when it was owed, or the one that finished if the citizen was not asked before that;
            what he says counts for it, whoever is dispatched to later.
        unit: Its unit, which never changes; repeated here to be counted without a join.
        counted_at: The moment by which figures find it: that assignment's dispatch, else the ticket's registration.
    """

    __tablename__ = "callbacks"
    __table_args__ = (
        UniqueConstraint("ticket_id", "round"),
        Index("ix_callbacks_state_due_at", "state", "due_at"),
        Index("ix_callbacks_lease_until", "lease_until"),
        Index("ix_callbacks_counted_at", "counted_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(foreign_key="tickets.id")
    round: int
    state: CallbackState = Field(sa_type=StrEnumType(CallbackState))
    bar: Bar | None = Field(default=None, sa_type=StrEnumType(Bar))
    due_at: datetime = Field(sa_type=UtcDateTime)
    phone_encrypted: bytes | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    lease_owner: str | None = Field(default=None, max_length=32)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    assignment_id: int | None = Field(default=None, foreign_key="assignments.id", index=True)
    unit: str | None = Field(default=None, max_length=20)
    counted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CallbackAttemptRow(Row, table=True):
    """One attempt, on disk before the telephone rings; without a result until it is settled.

    Attributes:
        reason_text: Why the citizen is not satisfied, as he wrote it on a page; None when he was rung.
    """

    __tablename__ = "callback_attempts"
    __table_args__ = (UniqueConstraint("callback_id", "n"),)

    id: str = Field(primary_key=True, max_length=64)
    callback_id: int = Field(foreign_key="callbacks.id")
    n: int
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    result: Result | None = Field(default=None, sa_type=StrEnumType(Result))
    reason_recording: str | None = Field(default=None, max_length=200)
    reason_text: str | None = Field(default=None, max_length=400)


class CallbackAnswerRow(Row, table=True):
    """One key that was pressed; the first one to a question stands."""

    __tablename__ = "callback_answers"

    attempt_id: str = Field(primary_key=True, max_length=64, foreign_key="callback_attempts.id")
    question: Question = Field(primary_key=True, sa_type=StrEnumType(Question))
    digit: int
    taken_at: datetime = Field(sa_type=UtcDateTime)


class RatingRow(Row, table=True):
    """What the citizen said of the ticket: 1 very satisfied … 5 very dissatisfied. Never edited.

    `assignment_id`, `unit` and `counted_at` repeat the callback's.
    """

    __tablename__ = "ratings"
    __table_args__ = (
        # Holds all that the rates by unit need.
        Index("ix_ratings_unit_counted_at", "unit", "counted_at", "rated_at", "value"),
    )

    callback_id: int = Field(primary_key=True, foreign_key="callbacks.id")
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    attempt_id: str = Field(max_length=64, foreign_key="callback_attempts.id")
    value: int
    rated_at: datetime = Field(sa_type=UtcDateTime, index=True)
    assignment_id: int | None = Field(default=None, foreign_key="assignments.id")
    unit: str | None = Field(default=None, max_length=20)
    counted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
