"""Rows of which letters belong together."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field

from infra.kit.database import Row

THREAD_LENGTH = 40


class ContactThreadRow(Row, table=True):
    """A contact's place in a thread, which is known by a digest; nothing of it can be read from that."""

    __tablename__ = "contact_threads"
    __table_args__ = (Index("ix_contact_threads_thread", "channel", "thread"),)

    contact_id: int = Field(foreign_key="contacts.id", primary_key=True)
    channel: str = Field(max_length=40)
    thread: str = Field(max_length=THREAD_LENGTH)
