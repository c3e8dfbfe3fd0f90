"""Rows of the systems that we share tickets with, and of the tickets that are shared."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from crm_bridge.upstream.rules import Outcome, Side
from infra.kit.database import Row, StrEnumType, UtcDateTime

NAME_LENGTH = 60


class UpstreamPeerRow(Row, table=True):
    """A system that we share tickets with.

    Attributes:
        name: What it is called here: in the settings, or on the bearer key that it comes with.
        last_seq: Counts what is new for it here; counted up under its row's lock, so that a number is visible only when
            all smaller ones are.
        cursor: How far we have read what is new over there.
    """

    __tablename__ = "upstream_peers"

    name: str = Field(primary_key=True, max_length=NAME_LENGTH)
    last_seq: int = 0
    cursor: str = Field(default="", max_length=200)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = Field(default=None, max_length=60)


class UpstreamLinkRow(Row, table=True):
    """A ticket that has a twin in another system.

    Attributes:
        system: Name of the other system.
        side: What we are to the ticket.
        key: What both call it.
        remote_number: What the other side's twin is called; None until it is known.
        remote_version: The highest version that we have seen from there.
        own_version: Of what we have to say; grows with every change.
        acknowledged_version: The highest of our versions that the other side is known to have.
        changed_seq: Number of our last change among all those for this system.
    """

    __tablename__ = "upstream_links"
    __table_args__ = (
        UniqueConstraint("system", "key"),
        Index("ix_upstream_links_system_changed_seq", "system", "changed_seq"),
        Index("ix_upstream_links_system_next_at", "system", "next_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    system: str = Field(max_length=NAME_LENGTH, foreign_key="upstream_peers.name")
    side: Side = Field(sa_type=StrEnumType(Side))
    key: str = Field(max_length=64)
    ticket_id: int = Field(foreign_key="tickets.id", index=True)
    remote_number: str | None = Field(default=None, max_length=60)
    remote_version: int = 0
    remote_state: str = Field(default="", max_length=40)
    remote_outcome: Outcome = Field(default=Outcome.open, sa_type=StrEnumType(Outcome))
    answer_digest: str = Field(default="", max_length=64)
    matter_digest: str = Field(default="", max_length=64)
    own_version: int = 0
    acknowledged_version: int = 0
    changed_seq: int = 0
    attempts: int = 0
    next_at: datetime = Field(sa_type=UtcDateTime)
    last_error: str | None = Field(default=None, max_length=60)
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
