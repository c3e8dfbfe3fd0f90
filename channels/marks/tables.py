"""Rows of what channels remember between runs, and of who does alone what only one process may do."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from infra.kit.database import Row, UtcDateTime

NAME_LENGTH = 120


class MarkRow(Row, table=True):
    """What a channel remembers under a name; sealed, as it may be a token or a mailbox's address."""

    __tablename__ = "channel_marks"

    name: str = Field(primary_key=True, max_length=NAME_LENGTH)
    version: int
    sealed: bytes
    at: datetime = Field(sa_type=UtcDateTime)


class LeaseRow(Row, table=True):
    """Who alone does something until when; `token` goes up each time that another takes it."""

    __tablename__ = "channel_leases"

    name: str = Field(primary_key=True, max_length=NAME_LENGTH)
    token: int
    until: datetime = Field(sa_type=UtcDateTime)
